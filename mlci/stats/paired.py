"""Two models on the same examples: difference, standard error, bounds and how surprising a loss is.

Accuracy-like metrics use Tango's score interval and McNemar's exact mid-p; all others the influence values with
Student's t. Nothing here is random, and no margin is known here: judging is the domain's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.influence import Array, Score, Undefined, effective_groups, effective_n, standard_error
from mlci.stats.proportions import tango, wilson
from mlci.stats.student import normal_quantile, sign_test, t_quantile, t_tail

# 80 % power is what "the smallest loss these examples can show" and "rows needed" are computed for.
_POWER = 0.8
# Beyond a billion examples the honest answer is that no holdout decides.
_ROOT_OF_MOST_ROWS = math.sqrt(1e9)
# More standard errors than any bound or detectable loss reaches.
_WIDEST = 1e6


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

    def quantile(self, size: float) -> float:
        """Student's quantile of one bound."""
        return t_quantile(self.confidence, max(1.0, size - 1))


@dataclass(frozen=True)
class Discordance:
    """On how many examples only one of the two models was right (or nearer to right)."""

    gained: int
    lost: int

    @property
    def total(self) -> int:
        """Examples on which the two differ at all."""
        return self.gained + self.lost


@dataclass(frozen=True)
class Contrast:
    """Candidate against baseline on one metric and one set of examples.

    ``difference``, ``standard_error``, ``low`` and ``high`` are candidate minus baseline; on the relative scale, the
    same divided by the baseline. ``low`` and ``high`` are NaN where no bound can be given.
    """

    candidate: float
    baseline: float
    difference: float
    standard_error: float
    low: float
    high: float
    p_worse: float
    method: str
    discordance: Discordance
    n: int
    size: float

    @property
    def bounded(self) -> bool:
        """Whether the difference has bounds at all."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def detectable(self, confidence: float) -> float:
        """Smallest true loss shown with 80 % power: (z_confidence + z_power) standard errors."""
        return (normal_quantile(confidence) + normal_quantile(_POWER)) * self.standard_error

    def rows_needed(self, confidence: float, margin: float) -> int | None:
        """Examples that show an unchanged model non-inferior with 80 % power; None without an answer."""
        if margin <= 0 or self.standard_error <= 0:
            return None
        root = math.sqrt(self.n) * self.detectable(confidence) / margin
        return math.ceil(root * root) if root < _ROOT_OF_MOST_ROWS else None


@np.errstate(over="ignore", invalid="ignore")
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
    """Compare two models on the same examples.

    Args:
        candidate: the candidate's score.
        baseline: production's, on the same examples in the same order.
        design: weights, clusters and level.
        higher_is_better: direction of the metric.
        relative: judge candidate / baseline - 1, on the log scale and with production's own noise, instead of the
            plain difference.
        is_share: the metric is a share of examples that are right (accuracy and its like).
        discordance: how many examples only one of the two got right.

    Raises:
        Undefined: a ratio was asked for and one of the values is not positive, or numbers overflow.
    """
    if relative:
        if candidate.value <= 0 or baseline.value <= 0:
            raise Undefined("a relative tolerance needs positive values on both sides")
        estimate = math.log(candidate.value) - math.log(baseline.value)
        influence = candidate.influence / candidate.value - baseline.influence / baseline.value
    else:
        estimate = candidate.value - baseline.value
        influence = candidate.influence - baseline.influence
    error = standard_error(influence, positives=candidate.positives, clusters=design.clusters)
    size = design.size_for(np.abs(candidate.influence) + np.abs(baseline.influence))
    low, high, p_worse, method = _bounds(
        estimate,
        error,
        design,
        size,
        discordance,
        is_share=is_share and not relative,
        higher_is_better=higher_is_better,
    )
    if relative:
        estimate, low, high = (_ratio_less_one(x) for x in (estimate, low, high))
        error *= 1 + estimate
        method += " on the log ratio"
    if math.isinf(estimate) or math.isinf(error * _WIDEST):
        raise Undefined("the numbers are too large to compare")
    return Contrast(
        candidate.value, baseline.value, estimate, error, low, high, p_worse, method, discordance, design.n, size
    )


def _ratio_less_one(logarithm: float) -> float:
    try:
        return math.expm1(logarithm)
    except OverflowError:
        return math.inf


def _bounds(
    estimate: float,
    error: float,
    design: Design,
    size: float,
    discordance: Discordance,
    *,
    is_share: bool,
    higher_is_better: bool,
) -> tuple[float, float, float, str]:
    """Lower bound, upper bound, one-sided p-value for being worse, and the method's name."""
    if is_share and design.simple:
        low, high = tango(discordance.gained, discordance.lost, design.n, normal_quantile(design.confidence))
        return low, high, sign_test(discordance.lost, discordance.gained), "Tango score interval, exact McNemar mid-p"
    # Influence values that cancel leave rounding dust, not zero.
    if math.isnan(error) or error <= 1e-15 * max(1.0, abs(estimate)):
        return _degenerate(estimate, error, design, discordance)
    reach = design.quantile(size) * error
    gain = estimate if higher_is_better else -estimate
    p_worse = t_tail(-gain / error, max(1.0, size - 1))
    method = "clustered influence function, t" if design.clusters is not None else "influence function, t"
    return estimate - reach, estimate + reach, p_worse, method


def _degenerate(
    estimate: float, error: float, design: Design, discordance: Discordance
) -> tuple[float, float, float, str]:
    """No spread among the differences: fall back on how many examples differ at all, by the exact sign test."""
    if math.isnan(error):
        return math.nan, math.nan, 1.0, "too few examples for a standard error"
    p_worse = sign_test(discordance.lost, discordance.gained)
    if discordance.total == 0:
        return math.nan, math.nan, 1.0, "no example differs; rule of three"
    alpha = 1 - design.confidence
    if min(p_worse, sign_test(discordance.gained, discordance.lost)) < alpha:
        return estimate, estimate, p_worse, "no spread; exact sign test"
    return math.nan, math.nan, p_worse, "no spread; exact sign test"


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
    z = normal_quantile(design.confidence)
    if is_share and design.simple:
        return wilson(score.value * design.n, design.n, z)
    error = standard_error(score.influence, positives=score.positives, clusters=design.clusters)
    if math.isnan(error):
        return None
    size = design.size_for(score.influence)
    reach = design.quantile(size) * error
    if error <= 1e-15 * max(1.0, abs(score.value)):
        # A perfect score on few examples proves little: allow what Wilson's interval allows at 0 or n successes.
        if not math.isfinite(high):
            return None
        size = size if support is None else min(size, support)
        reach = z * z / (size + z * z)
    return max(low, score.value - reach), min(high, score.value + reach)


def discordance_of(gain: NDArray[Any]) -> Discordance:
    """Count examples on which the candidate is nearer to right (gain above 0) and on which production is."""
    return Discordance(int(np.count_nonzero(gain > 0)), int(np.count_nonzero(gain < 0)))
