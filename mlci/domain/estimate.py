"""What the statistics say about one metric on one set of examples, as the gate judges it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from mlci.domain.figures import Better
from mlci.domain.metric import Metric

# The method of an estimate whose two models said the same of every example in every respect.
IDENTICAL = "identical predictions"
# Methods that lean on large samples are not fully trusted below these (type I error 6-7 % instead of 5 %).
FEW_POSITIVES = 20
FEW_PER_CLASS = 10
FEW_CLUSTERS = 20
TOO_FEW_CLUSTERS = 5


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the statistics say about one metric on one set of examples, candidate against production.

    ``difference``, ``standard_error``, ``interval``, ``margin`` and ``improvement`` share one scale. ``undefined`` says
    why there is no value; the other fields may then be None. Where ``improvement`` is set, a gain of so much is asked
    for in place of a loss that is accepted, and the p-values are for gaining less than that.
    """

    metric: Metric
    n: int
    margin: float | None = None
    improvement: float | None = None
    relative: bool = False
    slice: str | None = None
    undefined: str | None = None
    candidate: float | None = None
    candidate_interval: tuple[float, float] | None = None
    baseline: float | None = None
    difference: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    p_worse: float | None = None
    p_adjusted: float | None = None
    method: str | None = None
    discordant: int | None = None
    smallest_class: int | None = None
    clusters: int | None = None
    effective_clusters: float | None = None
    effective_n: float | None = None
    detectable: float | None = None
    rows_needed: int | None = None
    labels_needed: int | None = None
    off: float = 0.0

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: turns a difference into a gain."""
        return 1 if self.metric.better == "higher" else -1

    @property
    def gain(self) -> float:
        """The difference, positive where the candidate is better."""
        return self.sign * (self.difference or 0.0)

    @property
    def least_gain(self) -> float:
        """The gain that must be shown: what is asked for, or the accepted loss as a negative number."""
        return self.improvement if self.improvement is not None else -(self.margin or 0.0)

    @property
    def leaning(self) -> Literal["ok", "worse"]:
        """Which way the comparison would go by its point estimate."""
        return "ok" if self.gain >= self.least_gain else "worse"

    @property
    def figures(self) -> dict[str, Any]:
        """What every finding says of a comparison, as fields of one."""
        return {
            "metric": self.metric.name,
            "slice": self.slice,
            "better": self.metric.better,
            "candidate": self.candidate,
            "baseline": self.baseline,
            "difference": self.difference,
            "standard_error": self.standard_error,
            "interval": self.interval,
            "margin": self.margin,
            "scale": "relative" if self.relative else "absolute",
            "method": self.method,
            "n": self.n,
        }

    @property
    def worst_gain(self) -> float | None:
        """The bound of the gain on the side of harm; None without an interval."""
        if self.interval is None:
            return None
        return self.interval[0] if self.sign > 0 else -self.interval[1]

    @property
    def magnitude(self) -> float:
        """How large the numbers are that the difference was taken from: what its digits are digits of."""
        asked = max(self.margin or 0.0, self.improvement or 0.0)
        if self.relative or self.metric.in_points:
            return max(1.0, asked)
        return max(self.typical, asked, self.standard_error or 0.0)

    @property
    def size(self) -> float:
        """Independent pieces of information: groups, effective examples, or examples."""
        if self.clusters is not None:
            return self.clusters if self.effective_clusters is None else self.effective_clusters
        return self.n if self.effective_n is None else self.effective_n

    def fewer_groups_than(self, floor: int) -> bool:
        """Whether examples are grouped and the groups are worth fewer than ``floor`` equal ones, to the nearest."""
        return self.clusters is not None and round(self.size) < floor

    def unseen(self, alpha: float) -> float:
        """The largest share of examples that may differ although none was seen to (rule of three at 5 %).

        Where the metric leans on one class, the share of that class.
        """
        size = self.size if self.smallest_class is None else min(self.size, self.smallest_class)
        return -math.log(alpha) / size if size > 0 else math.inf

    @property
    def class_floor(self) -> int:
        """How many examples of the rarer class its interval needs."""
        return FEW_PER_CLASS if self.metric.needs == "score" else FEW_POSITIVES

    @property
    def title(self) -> str:
        """Metric and slice as a reader sees them."""
        return self.metric.name + (f" [{self.slice}]" if self.slice is not None else "")

    @property
    def better(self) -> Better:
        """Which way the metric is better."""
        return self.metric.better

    @property
    def typical(self) -> float:
        """The size of the values compared, which says how many decimals their difference deserves."""
        return max(abs(self.candidate or 0.0), abs(self.baseline or 0.0))
