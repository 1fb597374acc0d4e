"""Evidence as in-toto Statements (v1): what was judged, bound to digests, with the numbers a replay needs.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mlci.domain.changes import Changes
from mlci.domain.discovery import Discovery
from mlci.domain.fairness import Disparities
from mlci.domain.figures import Better
from mlci.domain.finding import Finding
from mlci.domain.functions import Called
from mlci.domain.harness import OwnScore
from mlci.domain.health import Health
from mlci.domain.metric import Task
from mlci.domain.operation import Operations
from mlci.domain.recipe import Question, Recipe
from mlci.domain.report import Subject, plain
from mlci.domain.slices import Folded
from mlci.domain.verdict import Verdict
from mlci.domain.wear import Wear

STATEMENT = "https://in-toto.io/Statement/v1"

# What a model gives of each example.
Gives = Literal["label", "score", "probability"]


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """The sufficient statistics of one comparison, in full precision: enough to decide it again without examples."""

    id: str = field(metadata={"help": "The finding these numbers belong to."})
    candidate: float = field(metadata={"help": "The candidate's value."})
    baseline: float = field(metadata={"help": "Production's value."})
    difference: float = field(
        metadata={"help": "Candidate minus baseline, or their ratio minus one on scale relative."}
    )
    standard_error: float | None = field(
        default=None, metadata={"help": "Standard error of the difference, same scale."}
    )
    size: float = field(
        metadata={"help": "Independent pieces of information: examples, effective examples, or groups."}
    )
    gained: int = field(metadata={"help": "Examples on which only the candidate is right, or nearer to right."})
    lost: int = field(metadata={"help": "Examples on which only production is."})
    differing: int = field(metadata={"help": "Examples on which the two models differ at all."})
    n: int = field(metadata={"help": "Examples."})
    groups: int | None = field(default=None, metadata={"help": "Independent groups, where examples are grouped."})
    smallest_class: int | None = field(
        default=None, metadata={"help": "Examples of the rarer class, where the error estimate leans on it."}
    )
    method: str = field(metadata={"help": "How bounds and p-value follow from the numbers above."})
    relative: bool = field(metadata={"help": "Whether the difference is judged on the ratio scale."})
    metric: str | None = field(default=None, metadata={"help": "Name of the metric or of the user's column."})
    slice_column: str | None = field(
        default=None, metadata={"help": "The column that makes the slice; absent for all examples."}
    )
    slice: str | None = field(default=None, metadata={"help": "The slice, as column=value; absent for all examples."})
    better: Better | None = field(
        default=None, metadata={"help": "Which way a value was taken as better when gained and lost were counted."}
    )
    plain_error: float | None = field(
        default=None, metadata={"help": "Standard error of candidate minus baseline; absent with too few examples."}
    )
    log_error: float | None = field(
        default=None,
        metadata={"help": "Standard error of the logarithm of their ratio; absent unless both values are above 0."},
    )
    freedom: float | None = field(
        default=None, metadata={"help": "Degrees of freedom of plain_error; absent in older evidence: size less 1."}
    )
    log_freedom: float | None = field(default=None, metadata={"help": "Degrees of freedom of log_error."})
    plain_off: float | None = field(
        default=None,
        metadata={"help": "How far the difference may be from that of a sort of the scores; absent where exact."},
    )
    log_off: float | None = field(
        default=None, metadata={"help": "The same of the logarithm of the ratio; absent where exact."}
    )
    effective_n: float | None = field(
        default=None, metadata={"help": "Kish's effective number of examples; absent without weights."}
    )
    own_error: float | None = field(
        default=None, metadata={"help": "Standard error of the candidate's value by itself."}
    )
    own_size: float | None = field(
        default=None, metadata={"help": "Independent pieces of information behind the candidate's value by itself."}
    )
    own_freedom: float | None = field(default=None, metadata={"help": "Degrees of freedom of own_error."})
    own_class: int | None = field(
        default=None, metadata={"help": "Examples of the rarer class that the candidate's value leans on."}
    )
    blocks: int | None = field(
        default=None,
        metadata={"help": "Blocks left out one after the other, where the errors are those of a jackknife."},
    )


@dataclass(frozen=True, kw_only=True)
class NoValue:
    """A comparison that the examples, or what the models give of them, leave without a value."""

    metric: str = field(metadata={"help": "Name of the metric or of the user's column."})
    slice_column: str | None = field(
        default=None, metadata={"help": "The column that makes the slice; absent for all examples."}
    )
    slice: str | None = field(default=None, metadata={"help": "The slice, as column=value; absent for all examples."})
    n: int = field(metadata={"help": "Examples."})
    why: str = field(metadata={"help": "What is missing."})
    unknown: bool = field(
        default=False, metadata={"help": "Whether the name is neither a metric nor a column of the candidate's file."}
    )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One metric of the candidate alone on all examples: enough to hold it against any limit without them."""

    metric: str = field(metadata={"help": "Name of the metric or of the user's column."})
    value: float | None = field(default=None, metadata={"help": "The candidate's value; absent where it has none."})
    undefined: str | None = field(default=None, metadata={"help": "Why there is no value."})
    standard_error: float | None = field(
        default=None, metadata={"help": "Standard error of the value; absent with too few examples."}
    )
    size: float | None = field(
        default=None,
        metadata={"help": "Independent pieces of information: examples, effective examples, or groups."},
    )
    freedom: float | None = field(
        default=None, metadata={"help": "Degrees of freedom of the error; absent in older evidence: size less 1."}
    )
    smallest_class: int | None = field(
        default=None, metadata={"help": "Examples of the rarer class that the value leans on."}
    )
    n: int = field(metadata={"help": "Examples."})
    groups: int | None = field(default=None, metadata={"help": "Independent groups, where examples are grouped."})
    effective_n: float | None = field(
        default=None, metadata={"help": "Kish's effective number of examples; absent without weights."}
    )


@dataclass(frozen=True, kw_only=True)
class Alone:
    """Examples that only one of the two models was scored on."""

    rows: int = field(metadata={"help": "How many."})
    values: dict[str, float] = field(
        default_factory=dict, metadata={"help": "That model's value on them, by metric, where it has one."}
    )


@dataclass(frozen=True, kw_only=True)
class Thinned:
    """A slice that the candidate was not scored on in full."""

    slice: str = field(metadata={"help": "The slice, as column=value."})
    lost: int = field(metadata={"help": "Examples of it without an answer of the candidate's."})
    whole: int = field(metadata={"help": "Examples of it in production's file."})


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One group of examples that was looked at."""

    column: str = field(metadata={"help": "The column that makes it."})
    name: str = field(metadata={"help": "The slice, as column=value."})
    n: int = field(metadata={"help": "Examples."})


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the comparison covers of the holdout."""

    task: Task | None = field(
        default=None, metadata={"help": "What kind of prediction this is; absent without a target."}
    )
    gives: tuple[Gives, ...] = field(
        metadata={"help": "What production gives of each example; without production, what the candidate gives."}
    )
    identical: bool = field(
        metadata={"help": "Whether the two models said the same of every example in every respect."}
    )
    missing: tuple[int, int] = field(
        metadata={"help": "Predictions missing or not finite, the candidate's first, then production's."}
    )
    alone: tuple[Alone, ...] = field(
        metadata={"help": "Examples that only one file has, the candidate's first, then production's."}
    )
    thinned: tuple[Thinned, ...] = field(
        default=(), metadata={"help": "Slices that the candidate was not scored on in full."}
    )
    slice_columns: tuple[str, ...] = field(
        default=(), metadata={"help": "Slice columns of production's file that were asked for or are named so."}
    )
    slices: tuple[Slice, ...] = field(default=(), metadata={"help": "Every slice that was compared, in order."})
    folded: tuple[Folded, ...] = field(
        default=(), metadata={"help": "Slices that were not compared, because their column has too many."}
    )
    scores: tuple[OwnScore, ...] = field(
        default=(),
        metadata={"help": "Scores that production's file holds of each example, judged where policy names no metric."},
    )


@dataclass(frozen=True, kw_only=True)
class BareMetrics:
    """Two whole models by their metrics alone: points without examples, that nobody can check."""

    candidate: dict[str, float] = field(metadata={"help": "The candidate's value, by metric."})
    baseline: dict[str, float] | None = field(default=None, metadata={"help": "Production's value, by metric."})


@dataclass(frozen=True, kw_only=True)
class Anchored:
    """The candidate against the anchor on all examples: what was lost over all accepted steps since."""

    name: str = field(metadata={"help": "What the anchor is: a run that was kept, or a registry version."})
    digest: str | None = field(
        default=None, metadata={"help": "sha256 of the anchor's predictions; absent where it has none of this holdout."}
    )
    same_holdout: bool = field(
        metadata={"help": "Whether the anchor was scored on the very examples that the candidate is judged on."}
    )
    statistics: tuple[Statistic, ...] = field(
        default=(), metadata={"help": "The sufficient statistics of every comparison; baseline is the anchor here."}
    )
    undefined: tuple[NoValue, ...] = field(default=(), metadata={"help": "Comparisons without a value."})


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Everything measured, which with a policy is everything judged.

    Attributes:
        compared: whether there is a production model at all.
        examples: examples both were scored on; None for bare metrics.
        statistics: every comparison that has a value, all examples first.
        undefined: every comparison that has none.
        measurements: the candidate alone on all examples, one per metric.
        changes: what changed beyond averages; None without production, and where the evidence does not say.
        coverage: None for bare metrics, and where the evidence is of a version that did not say.
        bare: metrics without examples; None where there are examples.
        functions: the functions of the user's that gave values.
        recipe: what models of further seeds say; None where there is the candidate alone.
        wear: how often the holdout was looked at; None where nobody counts.
        health: of the baseline; None where nobody looked.
        anchor: the candidate against the anchor; None where there is none, or production is it.
        operations: how the two models run; None where nobody measured that.
        fairness: rates of the groups of sensitive columns; None where no rule asks for them.
        discovery: what a search for slices found on one half of the examples; None where none was asked for.
        confirmations: the slices it found, on the other half.
    """

    compared: bool
    examples: int | None
    statistics: tuple[Statistic, ...] = ()
    undefined: tuple[NoValue, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    changes: Changes | None = None
    coverage: Coverage | None = None
    bare: BareMetrics | None = None
    functions: tuple[Called, ...] = ()
    recipe: Recipe | None = None
    wear: Wear | None = None
    health: Health | None = None
    anchor: Anchored | None = None
    operations: Operations | None = None
    fairness: Disparities | None = None
    discovery: Discovery | None = None
    confirmations: tuple[Statistic, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GatePredicate:
    """What the gate decided, on what, by which policy."""

    candidate: Subject = field(metadata={"help": "What was judged."})
    baseline: Subject | None = field(default=None, metadata={"help": "What it was compared with."})
    model: str | None = field(
        default=None, metadata={"help": "sha256 of the evidence of the model whose predictions were judged, if known."}
    )
    evaluation_set: str | None = field(
        default=None,
        metadata={"help": "sha256 over ids, truth, weights and slices of the examples both were scored on."},
    )
    policy_digest: str = field(metadata={"help": "sha256 of the policy in RFC 8785 form."})
    policy: dict[str, Any] = field(metadata={"help": "The policy that decided."})
    verdict: Verdict = field(metadata={"help": "The worst counted finding, after policy."})
    reason: str = field(metadata={"help": "The verdict's one reason."})
    examples: int | None = field(default=None, metadata={"help": "Examples both were scored on."})
    findings: tuple[Finding, ...] = field(metadata={"help": "Every finding with its arithmetic."})
    statistics: tuple[Statistic, ...] = field(metadata={"help": "The sufficient statistics of every comparison."})
    assumptions: tuple[str, ...] = field(default=(), metadata={"help": "What had to be assumed."})
    mlci: str = field(metadata={"help": "Version of mlci that decided."})
    waivers_on: str | None = field(
        default=None,
        metadata={"help": "The day in UTC that the waivers of the policy were held against; absent without any."},
    )
    undefined: tuple[NoValue, ...] = field(default=(), metadata={"help": "Comparisons without a value."})
    measurements: tuple[Measurement, ...] = field(
        default=(), metadata={"help": "The candidate alone, for absolute limits, one per metric."}
    )
    changes: Changes | None = field(
        default=None, metadata={"help": "What changed beyond averages, in counts; absent without production."}
    )
    coverage: Coverage | None = field(
        default=None, metadata={"help": "What was compared of the holdout; absent for bare metrics."}
    )
    bare: BareMetrics | None = field(
        default=None, metadata={"help": "Metrics without examples; absent where there are predictions."}
    )
    functions: tuple[Called, ...] = field(
        default=(), metadata={"help": "The functions of the user's that gave values, by metric."}
    )
    question: Question | None = field(
        default=None,
        metadata={"help": "Whether it was asked if this model is worse, or this way of training; older ones lack it."},
    )
    recipe: Recipe | None = field(default=None, metadata={"help": "What models of further seeds say."})
    wear: Wear | None = field(
        default=None, metadata={"help": "How often the evaluation set was looked at; absent where nobody counts."}
    )
    health: Health | None = field(
        default=None, metadata={"help": "What is known of the baseline; absent where nobody looked."}
    )
    anchor: Anchored | None = field(
        default=None,
        metadata={"help": "The candidate against the anchor; absent where there is none, or production is it."},
    )
    operations: Operations | None = field(
        default=None, metadata={"help": "How the two models run; absent where nobody measured that."}
    )
    fairness: Disparities | None = field(
        default=None, metadata={"help": "Rates of the groups of sensitive columns; absent where no rule asks."}
    )
    discovery: Discovery | None = field(
        default=None, metadata={"help": "What a search for slices found on one half; absent where none was asked for."}
    )
    confirmations: tuple[Statistic, ...] = field(
        default=(), metadata={"help": "The slices that the search found, on the other half of the examples."}
    )

    @property
    def numbers(self) -> Numbers:
        """What was measured, without a word of what was decided on it."""
        return Numbers(
            compared=self.baseline is not None,
            examples=self.examples,
            statistics=self.statistics,
            undefined=self.undefined,
            measurements=self.measurements,
            changes=self.changes,
            coverage=self.coverage,
            bare=self.bare,
            functions=self.functions,
            recipe=self.recipe,
            wear=self.wear,
            health=self.health,
            anchor=self.anchor,
            operations=self.operations,
            fairness=self.fairness,
            discovery=self.discovery,
            confirmations=self.confirmations,
        )


def predicate_type(repository: str, kind: str) -> str:
    """The predicate type of one kind of evidence, below the repository's own URL."""
    return f"{repository}/evidence/{kind}/v1"


def statement(repository: str, kind: str, subject: Subject, predicate: Any) -> dict[str, Any]:
    """An in-toto Statement as JSON values, ready to be written in canonical form."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject.name, "digest": {"sha256": subject.digest}}],
        "predicateType": predicate_type(repository, kind),
        "predicate": plain(predicate, exact=True),
    }
