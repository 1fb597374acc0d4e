"""How two models run, as evidence: the time of single calls in turns, the size of their files, their memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mlci.domain.estimate import Estimate
from mlci.domain.figures import as_written, count, figure, on_scale, percent
from mlci.domain.finding import Reason
from mlci.domain.metric import METRICS, Metric, normalise
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.verdict import Verdict

# Why there are no numbers, where there are none; the sentence of each is below.
Lacking = Literal["command", "candidate", "production", "other-production", "unknown-production"]

# Blocks of pairs, each of two processes of its own, and how few there may be: fewer say nothing of their own spread.
BLOCKS, FEWEST_BLOCKS = 20, 10
# A median settles with few pairs; a tail is made of the slowest in twenty or in a hundred.
FEWEST_PAIRS, FEWEST_PAIRS_OF_TAIL = 300, 1000
# More pairs are not handed on, and no more blocks: tails are drawn from these thousands of times.
MOST_PAIRS, MOST_BLOCKS = 20_000, 1000
# Accepted where nothing else is said; a tolerance of points says nothing about milliseconds.
USUAL_TOLERANCE = Tolerance(0.10, relative=True)
# Share of the calls that the metric's value is not above.
QUANTILES = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99, "cost_per_1000": 0.5}


@dataclass(frozen=True, kw_only=True)
class Block:
    """Pairs of calls that two processes made one after the other, one call of each model on the same examples."""

    candidate: tuple[int, ...] = field(metadata={"help": "Nanoseconds of each of the candidate's calls, in order."})
    production: tuple[int, ...] = field(
        default=(), metadata={"help": "The same of production's, pair by pair; none where there is no production."}
    )


@dataclass(frozen=True, kw_only=True)
class Timings:
    """What calls took."""

    blocks: tuple[Block, ...] = field(
        metadata={"help": "The pairs in the order they were made, a block for each start of the two."}
    )
    interleaved: bool = field(
        metadata={"help": "Whether the one that was called first changed from pair to pair, as in ABBA."}
    )
    batch: int = field(default=1, metadata={"help": "Examples in one call."})

    @property
    def pairs(self) -> int:
        """How many there are."""
        return sum(len(block.candidate) for block in self.blocks)

    @property
    def paired(self) -> bool:
        """Whether production was called as well."""
        return all(block.production for block in self.blocks)


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What one model takes besides time."""

    size: int = field(metadata={"help": "Bytes of its files."})
    memory: tuple[int, ...] = field(
        default=(),
        metadata={"help": "Largest resident size, in bytes, of each process that loaded it and made some calls."},
    )


@dataclass(frozen=True, kw_only=True)
class Operations:
    """How the two models run, measured in one run on one machine."""

    candidate: Footprint | None = field(default=None, metadata={"help": "Of the candidate."})
    production: Footprint | None = field(default=None, metadata={"help": "Of production, where there is one."})
    timings: Timings | None = field(default=None, metadata={"help": "What single calls took."})
    hardware: str | None = field(
        default=None, metadata={"help": "The machine: processor, cores and accelerators, between commas."}
    )
    lacking: Lacking | None = field(default=None, metadata={"help": "Why some of it could not be measured."})


@dataclass(frozen=True, kw_only=True)
class Handed:
    """How two models run, as model-ci hands it on: bound to the two."""

    candidate: str = field(metadata={"help": "sha256 of the candidate's artifact, in hexadecimal."})
    production: str | None = field(default=None, metadata={"help": "The same of production's, where it was run."})
    operations: Operations = field(metadata={"help": "What was measured."})

    def against(self, production: str | None) -> Operations:
        """What holds in a comparison with a production of this digest: of another one nothing but the candidate's.

        Args:
            production: sha256 of its artifact, in hexadecimal; None where that is not known.
        """
        if self.production is None or self.production == production:
            return self.operations
        alone = self.operations.timings
        if alone is not None:
            alone = replace(alone, blocks=tuple(replace(block, production=()) for block in alone.blocks))
        return replace(self.operations, production=None, timings=alone, lacking="other-production")


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """A timed metric of both models, as far as its numbers can be judged.

    Attributes:
        estimate: with its margin; the difference is relative to production.
        p_within: one-sided p-value for a slowdown beyond the margin: small shows that it is within.
        wobble: standard error, from a finite number of random draws, of the p-values; 0 without draws.
    """

    estimate: Estimate
    p_within: float
    wobble: float


def is_operational(metric: str) -> bool:
    """Whether a rule's metric is of how a model runs."""
    known = METRICS.get(normalise(metric))
    return known is not None and known.is_operational


def is_compared(rule: MetricRule) -> bool:
    """Whether a rule asks how the candidate runs beside production: a limit alone does not."""
    return rule.compare and (rule.tolerance is not None or (rule.minimum is None and rule.maximum is None))


def tolerance_of(rule: MetricRule) -> Tolerance:
    """The accepted slowdown or growth; that of other metrics is in their units and means nothing here."""
    return rule.tolerance if rule.tolerance is not None else USUAL_TOLERANCE


def fewest_pairs(metric: Metric) -> int:
    """How many pairs a timed metric needs."""
    return FEWEST_PAIRS if QUANTILES[metric.name] == 0.5 else FEWEST_PAIRS_OF_TAIL


def is_hardware(found: str | None, declared: str | None) -> bool:
    """Whether a machine is the declared one: everything that is declared, between commas, is said of it.

    >>> is_hardware("AMD EPYC 7763, 4 cores, NVIDIA T4", "nvidia t4,  4 cores")
    True
    """
    asked, said = _parts(declared), _parts(found)
    return bool(asked) and asked <= said


def _parts(machine: str | None) -> frozenset[str]:
    parts = (" ".join(part.split()).casefold() for part in (machine or "").split(","))
    return frozenset(part for part in parts if part)


# Deciding.


def decide_timed(found: Slowdown, alpha: float) -> tuple[Verdict, Reason | None]:
    """A slowdown fails when it is shown to be beyond the margin, and passes when it is shown to be within.

    Args:
        found: with ``p_adjusted``, corrected over all timed comparisons, for being beyond the margin.
        alpha: the error rate of each of the two.
    """
    p_value = found.estimate.p_adjusted
    beyond = 1.0 if p_value is None else p_value
    raw = found.estimate.p_worse or 0.0
    stretch = beyond / raw if raw > 0 else 1.0
    if abs(beyond - alpha) <= 3 * stretch * found.wobble or abs(found.p_within - alpha) <= 3 * found.wobble:
        return Verdict.INCONCLUSIVE, "boundary"
    if beyond < alpha:
        return Verdict.FAIL, "regression"
    if found.p_within < alpha:
        return Verdict.PASS, "better" if (found.estimate.worst_gain or 0.0) > 0 else None
    return Verdict.INCONCLUSIVE, "interval"


def decide_range(smallest: float, largest: float, margin: float) -> tuple[Verdict, Reason | None]:
    """A growth that was measured several times: beyond the margin each time, within it each time, or neither.

    Args:
        smallest: growth by the candidate's smallest and production's largest value.
        largest: growth by the candidate's largest and production's smallest value.
        margin: the accepted growth.
    """
    # A growth to the very margin is within it, whatever the last digit of a quotient says.
    dust = 1e-12 * max(1.0, margin)
    if smallest > margin + dust:
        return Verdict.FAIL, "regression"
    if largest <= margin + dust:
        return Verdict.PASS, "better" if largest < 0 else None
    return Verdict.INCONCLUSIVE, "interval"


# Saying.

# Why there are no numbers, as a clause.
LACKING: dict[Lacking, str] = {
    "command": "a command of your own scores, and what a call of the model takes cannot be seen from outside",
    "candidate": "the candidate could not be loaded and called by itself; model-ci says why",
    "production": "production could not be loaded and called on this machine; model-ci says why",
    "other-production": "what was measured beside the candidate is not the production that it is compared with",
    "unknown-production": "the registry has no aliases, so that model-ci does not know which model is production",
}


def why_lacking(given: Operations | None, metric: Metric) -> tuple[str, str]:
    """Why a metric has no value, and what would give it one: two sentences without their full stop."""
    lacking = given.lacking if given is not None else None
    why = "it was not measured" if lacking is None else LACKING[lacking]
    if metric.is_timed:
        return why, (
            "Let model-ci measure it and hand gate-compare the folder that it left, or give --latency a file of calls "
            "that were timed in turns"
        )
    return why, "Let model-ci measure it, and hand gate-compare the folder that it left"


def range_arithmetic(estimate: Estimate, smallest: float, largest: float, verdict: Verdict) -> str:
    """A growth that was measured several times, with how far the starts lie apart."""
    relative, like = estimate.relative, estimate.typical
    changes = [
        on_scale(value, relative=relative, against="lower", signed=True, like=like)
        for value in (estimate.difference or 0.0, smallest, largest)
    ]
    return (
        f"{estimate.metric.name} {figure(estimate.candidate or 0.0, 'lower')} vs production "
        f"{figure(estimate.baseline or 0.0, 'lower')}: difference {changes[0]}, from {changes[1]} to {changes[2]} by "
        f"start, margin {as_written(estimate.margin or 0.0, relative=relative)}: {verdict.value}"
    )


def explanation(estimate: Estimate, verdict: Verdict, reason: Reason | None) -> str | None:
    """Two sentences for everything but a plain pass of a comparison: why, and what would change it."""
    metric, margin = estimate.metric, as_written(estimate.margin or 0.0, relative=estimate.relative)
    if verdict is Verdict.FAIL:
        return _of_failure(estimate, margin)
    if reason == "insufficient":
        return (
            f"{metric.title} needs at least {count(fewest_pairs(metric))} pairs of calls in at least {FEWEST_BLOCKS} "
            f"blocks, and there are {count(estimate.n)}. Raise validation.timing.pairs and starts, or "
            "validation.timing.budget where the time ran out."
        )
    if reason == "sequential":
        return (
            "The two models were not called in turns, the one first in one pair and the other in the next, so that a "
            "change of the machine looks like a change of the model. Time them in turns: A B, B A, A B, …"
        )
    if reason == "boundary":
        return (
            "The bound is nearer to the tolerance than its own error from a finite number of random draws, and those "
            "are not what should decide. More pairs of calls settle it."
        )
    if reason == "interval" and not metric.is_timed:
        return (
            f"The starts of the two models differ so much from each other that a growth of {margin} is neither shown "
            "nor ruled out. Allow more, or measure where nothing else runs."
        )
    if reason == "interval":
        leaning = "looks acceptable" if estimate.gain >= -(estimate.margin or 0.0) else "looks slower"
        return (
            f"{count(estimate.n)} pairs of calls cannot tell a slowdown of {margin} from noise; the candidate "
            f"{leaning}. More pairs (validation.timing), a quieter machine or a wider tolerance would decide."
        )
    return None


def _of_failure(estimate: Estimate, margin: str) -> str:
    grown = -estimate.gain
    loss = percent(grown, "lower") if estimate.relative else figure(grown, "lower")
    if not estimate.metric.is_timed:
        return (
            f"{estimate.metric.title} has grown by {loss}, more than the accepted {margin}. "
            "Make the model smaller; a tolerance is for growth that was agreed on beforehand."
        )
    p_value = estimate.p_adjusted if estimate.p_adjusted is not None else 1.0
    p_words = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.4f}"
    return (
        f"Called in turns on the same machine, the candidate takes {loss} more than production, more than the accepted "
        f"{margin}, and so much is not noise ({p_words}). "
        "Make it faster; a tolerance is for a slowdown that was agreed on beforehand."
    )


def on_hardware(declared: str | None) -> str:
    """Why an absolute limit of time or cost only warns, and what would let it count."""
    if declared is None:
        return (
            "A limit in milliseconds or money holds for one kind of machine, and validation.hardware names none. "
            "Declare the machine that the limit is meant for, as model-ci names it, and measure there."
        )
    return (
        "The machine that measured is not the one that validation.hardware declares, so the limit is neither met nor "
        "missed. Measure there, or compare with production, which holds on any machine."
    )


def rules_of(policy: GatePolicy) -> Sequence[MetricRule]:
    """The rules on how a model runs."""
    return [rule for rule in policy.rules if is_operational(rule.metric)]
