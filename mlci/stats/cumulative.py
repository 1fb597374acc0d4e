"""Distances between two samples of which only the shares below common edges are known.

At an edge both distribution functions are known exactly; between two edges only that they rise. So the largest
difference at an edge is never more than the Kolmogorov-Smirnov distance, and less by at most the larger share of one
bin; and the area between the functions is known up to half the bins' widths, each times the shares it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlci.stats.student import upper_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Binned:
    """One sample.

    Attributes:
        counts: values below the first edge, between the edges, and above the last, shape (edges + 1,).
        minimum: smallest finite value.
        maximum: largest finite value.
        mean: of the values.
        deviation: standard deviation (n - 1).
    """

    counts: Array
    minimum: float
    maximum: float
    mean: float
    deviation: float

    @property
    def n(self) -> float:
        """How many values there are."""
        return float(self.counts.sum())

    @property
    def below(self) -> Array:
        """Share of the values below each edge, shape (edges,)."""
        shares: Array = np.cumsum(self.counts)[:-1] / self.n
        return shares


@dataclass(frozen=True)
class Distance:
    """A distance with lower bounds at any confidence.

    Attributes:
        value: the estimate.
        off: how far the bins may make the estimate differ from the distance of the values themselves.
        bound: the lower bound that is above the true distance with this probability at most.
    """

    value: float
    off: float
    bound: Callable[[float], float]

    def lower(self, confidence: float) -> float:
        """One-sided lower bound of the true distance."""
        return max(0.0, self.bound(1 - confidence))

    def p_within(self, limit: float) -> float:
        """The smallest one-sided level at which the bound exceeds the limit, by bisection on its logarithm."""
        low, high = math.log(1e-15), math.log(0.5)
        if self.bound(math.exp(high)) <= limit:
            return 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self.bound(math.exp(middle)) > limit else (middle, high)
        return math.exp(high)


def _variances(side: Binned) -> Array:
    """Variance of the share below each edge, of counts that are moved off 0 and n as Agresti and Caffo do."""
    share = (np.cumsum(side.counts)[:-1] + 1) / (side.n + 2)
    variances: Array = share * (1 - share) / (side.n + 2)
    return variances


def kolmogorov_smirnov(reference: Binned, now: Binned) -> Distance:
    """Largest difference of the shares below an edge.

    The bound holds at all edges at once (Bonferroni), so it holds for the largest.
    """
    gap = np.abs(now.below - reference.below)
    errors = np.sqrt(_variances(reference) + _variances(now))

    def bound(tail: float) -> float:
        z = upper_quantile(tail / (2 * len(gap)))
        return float((gap - z * errors).max())

    off = max(float((side.counts / side.n).max()) for side in (reference, now))
    return Distance(float(gap.max()), off, bound)


def wasserstein(edges: Array, reference: Binned, now: Binned) -> Distance:
    """Area between the distribution functions, in the unit of the edges.

    The estimate lets both functions rise evenly within a bin. The bound is the better of two that hold without that,
    each at half the error: the difference of the means, which is never more than the area (Welch's error), and the area
    that is left between rising functions of which only the differences at the edges are known.

    Args:
        edges: ascending, shape (edges,).
        reference: one sample.
        now: the other.
    """
    low, high = min(reference.minimum, now.minimum), max(reference.maximum, now.maximum)
    ends = np.concatenate(([min(low, edges[0])], edges, [max(high, edges[-1])]))
    widths = np.diff(ends)
    below, below_now = (np.concatenate(([0.0], side.below, [1.0])) for side in (reference, now))
    of_below, of_now = (np.concatenate(([0.0], _variances(side), [0.0])) for side in (reference, now))
    welch = math.sqrt(reference.deviation**2 / reference.n + now.deviation**2 / now.n)
    shift = abs(now.mean - reference.mean)
    # All through a bin one function is at least what it is at the left edge, the other at most what it is at the right.
    under, over = below_now[:-1] - below[1:], below[:-1] - below_now[1:]
    error_under, error_over = np.sqrt(of_now[:-1] + of_below[1:]), np.sqrt(of_below[:-1] + of_now[1:])

    def bound(tail: float) -> float:
        half = tail / 2
        z = upper_quantile(half / (2 * len(widths)))
        least = np.maximum(0.0, np.maximum(under - z * error_under, over - z * error_over))
        return max(shift - upper_quantile(half) * welch, float((widths * least).sum()))

    off = float((widths * (reference.counts / reference.n + now.counts / now.n)).sum()) / 2
    return Distance(_between(widths, below_now - below), off, bound)


def _between(widths: Array, gap: Array) -> float:
    """Area between a line through the gaps and zero."""
    left, right = gap[:-1], gap[1:]
    same = left * right >= 0
    size = np.abs(left) + np.abs(right)
    crossing = np.divide(left**2 + right**2, size, out=np.zeros_like(size), where=size > 0)
    return float((widths * np.where(same, size, crossing)).sum()) / 2
