"""One judged statement: which rule, on what, with its arithmetic where there is any, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.figures import Better
from mlci.domain.verdict import Verdict

Rule = Literal[
    "compare", "minimum", "maximum", "robustness", "anchor", "input", "policy", "change", "job", "setup", "model",
    "approval", "record", "data", "contract", "drift", "leakage", "poisoning", "code", "scan",
]  # fmt: skip

# Why a finding is not an ordinary judged pass or fail. Reasons, never verdicts.
Reason = Literal[
    "altered", "better", "boundary", "cancelled", "clusters", "discovered", "drifted", "dropped", "expired",
    "expires-late", "failed", "few-positives", "fork", "gate-changed", "gone", "hardware", "identical", "input-error",
    "insufficient", "interval", "leakage", "lost-predictions", "missing", "moved", "no-baseline", "no-difference",
    "open", "other-branch", "other-holdout", "other-version", "policy-not-yet-merged", "profile", "regression",
    "reused", "reversal", "sequential", "shortfall", "skipped", "stale", "threshold", "unasked", "undefined",
    "ungated", "unknown", "unscored", "unsigned", "unsupported", "untouched", "unused", "unverified", "worn",
    "empty", "hostile", "outlier", "over-budget", "overlap", "poisoned", "schema", "secret", "time", "unreadable",
    "unrun", "violated",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Waived:
    """By whom, why and until when a finding is accepted, and what it would be otherwise."""

    verdict: Verdict = field(metadata={"help": "What the finding would be without the waiver."})
    scope: str = field(metadata={"help": "The scope that covers it."})
    reason: str = field(metadata={"help": "Why it is accepted."})
    owner: str = field(metadata={"help": "Who answers for it."})
    expires: str = field(metadata={"help": "The last day it is accepted, in UTC."})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule applied to one thing: a metric on one set of examples, the input, a job, a part of the set-up.

    A field that does not apply is None here and absent in the written report, never zero.
    """

    id: str = field(metadata={"help": "Stable name of the finding, such as compare:f1 or compare:f1[region=north]."})
    rule: Rule = field(
        metadata={
            "help": "What was asked: a comparison with production, an absolute limit, or something of the input, the "
            "policy, the change, a job, the set-up, the model, its approval, the record of releases, the data, their "
            "contract or the code."
        }
    )
    verdict: Verdict = field(metadata={"help": "What this finding says by itself, before policy softens anything."})
    message: str = field(metadata={"help": "The finding with its arithmetic, in one sentence."})
    reason: Reason | None = field(default=None, metadata={"help": "The one word for why the verdict is what it is."})
    leaning: Literal["ok", "worse"] | None = field(
        default=None,
        metadata={
            "help": "Where it is left open: ok where what was measured meets what is asked, noise aside, else worse."
        },
    )
    explanation: str | None = field(
        default=None, metadata={"help": "For everything but a pass: why, and what would change it, in two sentences."}
    )
    waived: Waived | None = field(
        default=None, metadata={"help": "The waiver that makes a warning of what would be worse."}
    )
    advisory: bool = field(default=False, metadata={"help": "Listed, but not counted in the report's verdict."})
    metric: str | None = field(default=None, metadata={"help": "Name of the metric or of the user's column."})
    slice: str | None = field(default=None, metadata={"help": "The slice, as column=value; absent for all examples."})
    better: Better | None = field(default=None, metadata={"help": "Which way the metric is better."})
    candidate: float | None = field(default=None, metadata={"help": "The candidate's value."})
    candidate_interval: tuple[float, float] | None = field(
        default=None, metadata={"help": "The candidate's value between two one-sided bounds."}
    )
    baseline: float | None = field(default=None, metadata={"help": "Production's value on the same examples."})
    difference: float | None = field(
        default=None,
        metadata={"help": "Candidate minus baseline; on scale relative, the same divided by the baseline."},
    )
    standard_error: float | None = field(
        default=None, metadata={"help": "Standard error of the difference, same scale."}
    )
    interval: tuple[float, float] | None = field(
        default=None, metadata={"help": "The difference between its two one-sided bounds, same scale."}
    )
    margin: float | None = field(
        default=None, metadata={"help": "Largest accepted loss, as a positive number on the scale of the difference."}
    )
    improvement: float | None = field(
        default=None,
        metadata={"help": "Smallest accepted gain, where one is asked for instead of a margin; same scale."},
    )
    limit: float | None = field(default=None, metadata={"help": "The absolute threshold."})
    scale: Literal["absolute", "relative"] | None = field(
        default=None,
        metadata={"help": "Whether difference, bounds and margin are in the metric's unit or relative to production."},
    )
    method: str | None = field(default=None, metadata={"help": "How interval and p-value were computed."})
    file: str | None = field(
        default=None, metadata={"help": "File that it is about, from the top of the repository with / between folders."}
    )
    line: int | None = field(default=None, metadata={"help": "Line in that file, counted from 1."})
    seconds: float | None = field(default=None, metadata={"help": "What the check or the test took."})
    n: int | None = field(default=None, metadata={"help": "Number of examples."})
    clusters: int | None = field(
        default=None, metadata={"help": "Number of independent groups, where examples are grouped."}
    )
    effective_n: float | None = field(
        default=None, metadata={"help": "Kish's effective number of examples under weights."}
    )
    p_worse: float | None = field(
        default=None,
        metadata={
            "help": "One-sided p-value, before correction, for being worse than production, or for gaining less than "
            "is asked."
        },
    )
    p_adjusted: float | None = field(
        default=None, metadata={"help": "The same after correction for all metrics and slices looked at."}
    )
    detectable: float | None = field(
        default=None, metadata={"help": "The smallest loss these examples can show with 80 % power, same scale."}
    )
    rows_needed: int | None = field(
        default=None,
        metadata={
            "help": "Examples that would decide with 80 % power: if nothing changed, or where a gain is asked for, if "
            "the difference is as it was measured."
        },
    )

    labels_needed: int | None = field(
        default=None,
        metadata={
            "help": "Labels that would decide as well if only those of that many examples got one on which the two "
            "models differ; for shares of examples that are right, which no other label moves."
        },
    )

    @property
    def least_gain(self) -> float | None:
        """The gain that must be shown: what is asked for, or the accepted loss as a negative number."""
        return self.improvement if self.improvement is not None else None if self.margin is None else -self.margin

    @property
    def typical(self) -> float:
        """The size of the values compared, which says how many decimals their difference deserves."""
        return max(abs(self.candidate or 0.0), abs(self.baseline or 0.0))
