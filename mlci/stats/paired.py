"""Two models on the same examples: what their comparison rests on, from every example's influence.

Accuracy-like metrics use Tango's score interval and McNemar's exact mid-p; all others the influence values with
Student's t. Nothing here is random, and no margin is known here: judging is the domain's.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.bounds import Contrast as Contrast
from mlci.stats.bounds import Discordance as Discordance
from mlci.stats.bounds import Paired as Paired
from mlci.stats.bounds import interval_of
from mlci.stats.influence import (
    Array,
    Score,
    degrees_of_freedom,
    effective_groups,
    effective_n,
    freedom_of_few,
    standard_error,
)


@dataclass(frozen=True)
class Design:
    """How the examples were sampled, and at what level each bound is one-sided.

    Attributes:
        n: number of examples.
        confidence: level of each one-sided bound.
        weights: shape (n,), mean 1; None for equal weights.
        clusters: group codes 0 … groups - 1, shape (n,); None for independent examples.
        groups: number of groups.
    """

    n: int
    confidence: float
    weights: Array | None = None
    clusters: NDArray[Any] | None = None
    groups: int | None = None

    @property
    def simple(self) -> bool:
        """Independent examples of equal weight, for which exact and score methods exist."""
        return self.weights is None and self.clusters is None

    @property
    def size(self) -> float:
        """Number of independent pieces of information: groups, or the effective number of examples."""
        return float(self.groups) if self.groups is not None else effective_n(self.weights, self.n)

    def size_for(self, influence: Array) -> float:
        """The same for one metric: groups count by how much of its influence each carries."""
        return self.size if self.clusters is None else effective_groups(influence, self.clusters)

    def size_of(self, *scores: Score) -> float:
        """The same for one metric of one model, or of two."""
        if scores[0].pieces is not None:
            return scores[0].pieces
        carried = np.abs(scores[0].influence)
        for other in scores[1:]:
            carried = carried + np.abs(other.influence)
        return self.size_for(carried)

    @property
    def effective_n(self) -> float | None:
        """Kish's effective number of examples; None without weights."""
        return None if self.weights is None else effective_n(self.weights, self.n)

    def freedom(self, influence: Array, size: float, of: Score) -> float:
        """Degrees of freedom of the error of this influence, with so many pieces of information behind it."""
        if not of.uneven:
            return max(1.0, size - 1)
        return degrees_of_freedom(influence, positives=of.positives, clusters=self.clusters, most=size - 1)

    def freedom_of_both(self, influence: Array, size: float, of: Score, differing: int) -> float:
        """The same for the difference of two models that differ on so many examples, or groups of them."""
        if of.uneven:
            return self.freedom(influence, size, of)
        pieces = self.n if self.groups is None else self.groups
        return freedom_of_few(differing, pieces, size - 1)


@np.errstate(over="ignore", invalid="ignore")
def paired(
    candidate: Score, baseline: Score, design: Design, discordance: Discordance, differing: int | None = None
) -> Paired:
    """The sufficient statistics of two models on the same examples in the same order.

    Args:
        candidate: the candidate's score.
        baseline: production's.
        design: weights and clusters.
        discordance: how many examples only one of the two got right.
        differing: how many examples, or groups of them, the two differ on; None for what ``discordance`` counts.
    """
    differing = discordance.total if differing is None else differing
    size = design.size_of(candidate, baseline)
    log_error = log_freedom = math.nan
    if candidate.value > 0 and baseline.value > 0:
        ratio = candidate.influence / candidate.value - baseline.influence / baseline.value
        log_error = _finite(standard_error(ratio, positives=candidate.positives, clusters=design.clusters))
        log_freedom = design.freedom_of_both(ratio, size, candidate, differing)
    difference = candidate.influence - baseline.influence
    plain = standard_error(difference, positives=candidate.positives, clusters=design.clusters)
    return Paired(
        candidate=candidate.value,
        baseline=baseline.value,
        plain_error=_finite(plain),
        log_error=log_error,
        freedom=design.freedom_of_both(difference, size, candidate, differing),
        log_freedom=log_freedom,
        size=size,
        discordance=discordance,
        n=design.n,
        simple=design.simple,
        clustered=design.clusters is not None,
    )


def _finite(error: float) -> float:
    """An error that overflowed as the largest number there is, so that it can be written and is refused all the same.

    NaN, too few examples for an error, stays NaN.
    """
    return sys.float_info.max if math.isinf(error) else error


def contrast(
    candidate: Score,
    baseline: Score,
    design: Design,
    *,
    higher_is_better: bool,
    relative: bool,
    is_share: bool,
    discordance: Discordance,
) -> Contrast:
    """Compare two models on the same examples; the same as ``paired`` and then ``Paired.contrast``.

    Raises:
        Undefined: a ratio was asked for and one of the values is not positive, or numbers overflow.
    """
    return paired(candidate, baseline, design, discordance).contrast(
        design.confidence, higher_is_better=higher_is_better, relative=relative, is_share=is_share
    )


def own_error(score: Score, design: Design) -> float:
    """Standard error of one model's value; NaN where the examples are too few for one."""
    return _finite(standard_error(score.influence, positives=score.positives, clusters=design.clusters))


def own_freedom(score: Score, design: Design) -> float:
    """Degrees of freedom of that error."""
    return design.freedom(score.influence, design.size_of(score), score)


def own_interval(
    score: Score,
    design: Design,
    *,
    is_share: bool,
    support: int | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> tuple[float, float] | None:
    """One model's value between two one-sided bounds; None where none can be given.

    Args:
        score: the model's score.
        design: weights, clusters and level.
        is_share: a share of examples that are right, for which Wilson's interval is used.
        support: how many examples the value rests on where these are not all, such as predicted positives.
        low: smallest possible value of the metric.
        high: largest possible value.
    """
    size, error = design.size_of(score), own_error(score, design)
    exact = is_share and design.simple
    return interval_of(
        score.value, error, size, design.n, design.confidence,
        exact=exact, freedom=own_freedom(score, design), support=support, low=low, high=high,
    )  # fmt: skip


def pieces_of(gain: NDArray[Any], design: Design) -> int:
    """On how many examples, or groups of them, there is a difference at all."""
    rows = gain != 0
    if design.clusters is None or len(rows) != design.n:
        return int(np.count_nonzero(rows))
    return int(np.count_nonzero(np.bincount(design.clusters[rows], minlength=1)))


def discordance_of(gain: NDArray[Any]) -> Discordance:
    """Count examples on which the candidate is nearer to right (gain above 0) and on which production is."""
    return Discordance(int(np.count_nonzero(gain > 0)), int(np.count_nonzero(gain < 0)))
