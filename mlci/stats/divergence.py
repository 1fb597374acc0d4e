"""How far two samples in the same bins are apart, less what noise alone makes of two samples of one population.

With n and m rows, B bins and k = 1/n + 1/m, the population stability index of two samples of one population is about k
times a chi-square variable with B - 1 degrees of freedom: its mean is (B - 1) k, so a fixed threshold is nothing but a
sample size (Yurdakul 2018, Western Michigan University; Lin 2017). Every effect here is therefore the plain value less
that mean, with an error by the delta method to which the spread of the noise itself, 2 (B - 1) k², is added.

A chi-square approximation wants at least ten rows per bin to be expected: ``merged`` sees to that, and says when
nothing is left to compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.chisquare import chi_square_quantile, chi_square_tail
from mlci.stats.student import normal_quantile, normal_tail

Array = NDArray[np.float64]

# Below that many expected rows in a bin the approximations err: with five, 18 % of harmless columns pass for changed.
LEAST_EXPECTED = 10
# Added to every bin where one is empty, so that a bin which only one of the samples fills counts as what it is: much.
_EMPTY = 0.5


@dataclass(frozen=True)
class Effect:
    """A distance between two distributions as two samples show it.

    Attributes:
        value: the plain distance between the samples.
        noise: what it would be on average if nothing had changed.
        error: standard error of the value.
    """

    value: float
    noise: float
    error: float

    @property
    def corrected(self) -> float:
        """The distance less noise, never negative."""
        return max(0.0, self.value - self.noise)

    def lower(self, confidence: float) -> float:
        """One-sided lower bound of the true distance, never negative."""
        return max(0.0, self.value - self.noise - normal_quantile(confidence) * self.error)

    def p_within(self, limit: float) -> float:
        """How surprising the samples are if the true distance is no more than the limit; one-sided."""
        beyond = self.value - self.noise - limit
        return normal_tail(beyond / self.error) if self.error > 0 else float(beyond <= 0)


def merged(
    reference: NDArray[Any], now: NDArray[Any], ordered: int, least: float = LEAST_EXPECTED
) -> tuple[Array, Array]:
    """Join bins until each expects so many rows in the smaller sample.

    Which bins are joined follows from both samples together, so that it says nothing of how they differ.

    Args:
        reference: rows in each bin, shape (bins,).
        now: the same of the other sample.
        ordered: the first so many bins follow one another, and are joined with a neighbour. Those after them (missing
            values, categories) are joined among themselves, or where that is not enough, with the smallest bin.
        least: the least number of rows to expect.

    Returns:
        Rows in each bin left, of either sample; one bin where the samples are too small to compare anything.
    """
    of_reference, of_now = np.asarray(reference, dtype=np.float64), np.asarray(now, dtype=np.float64)
    n, m = of_reference.sum(), of_now.sum()
    if not n or not m:
        return np.array([n]), np.array([m])
    expected = (of_reference + of_now) * (min(n, m) / (n + m))
    place = np.zeros(len(expected), dtype=np.intp)
    places = _join_ordered(expected, place, ordered, least)
    rare = (expected < least) & (np.arange(len(expected)) >= ordered)
    common = np.flatnonzero(~rare[ordered:]) + ordered
    place[common] = places + np.arange(len(common))
    places += len(common)
    if rare.any():
        alone = expected[rare].sum() >= least or not places
        place[rare] = places if alone else int(np.bincount(place[~rare], expected[~rare]).argmin())
    totals = np.bincount(place, expected)
    while len(totals) > 1 and totals.min() < least:
        # Bins that follow one another can be too few even as one: then they join the smallest of the others.
        small, smallest = np.argsort(totals, kind="stable")[:2]
        place[place == small] = smallest
        place = np.unique(place, return_inverse=True)[1]
        totals = np.bincount(place, expected)
    return np.bincount(place, of_reference).astype(np.float64), np.bincount(place, of_now).astype(np.float64)


def _join_ordered(expected: Array, place: NDArray[np.intp], ordered: int, least: float) -> int:
    """Give each of the bins that follow one another its place; how many places there are."""
    current, filled = 0, 0.0
    for at in range(ordered):
        if filled >= least:
            current, filled = current + 1, 0.0
        place[at] = current
        filled += expected[at]
    if ordered and filled < least and current:
        # What is left over at the end joins the bin before it.
        place[:ordered][place[:ordered] == current] = current - 1
        current -= 1
    return current + 1 if ordered else 0


def _shares(reference: Array, now: Array) -> tuple[Array, Array]:
    if not (reference.all() and now.all()):
        reference, now = reference + _EMPTY, now + _EMPTY
    return reference / reference.sum(), now / now.sum()


def _size(reference: Array, now: Array) -> float:
    """1/n + 1/m."""
    return float(1 / reference.sum() + 1 / now.sum())


def _spread(shares: Array, slope: Array) -> float:
    """Variance of the slope under the shares."""
    mean = float((shares * slope).sum())
    return float((shares * (slope - mean) ** 2).sum())


def _error(variance: float, free: int, scale: float) -> float:
    """Standard error of a distance that is, where nothing changed, ``scale`` times a chi-square variable.

    The variance by the delta method grows with the distance as it was measured, noise and all; that part is taken out,
    and what the noise really adds is put in.
    """
    noise = free * scale * scale
    return math.sqrt(max(0.0, variance - 4 * noise) + 2 * noise)


def psi(reference: Array, now: Array) -> Effect:
    """Population stability index: sum of (q - p) ln(q / p), Jeffreys' divergence."""
    p, q = _shares(reference, now)
    k, free = _size(reference, now), len(p) - 1
    ratio = np.log(q / p)
    variance = _spread(p, ratio + q / p) / reference.sum() + _spread(q, ratio - p / q) / now.sum()
    return Effect(float(((q - p) * ratio).sum()), free * k, _error(variance, free, k))


def psi_threshold(n: float, m: float, bins: int, confidence: float = 0.95) -> float:
    """What the index of two samples of one population stays below with this probability.

    >>> round(psi_threshold(10_000, 100, 10), 3)
    0.171
    """
    return (1 / n + 1 / m) * chi_square_quantile(confidence, bins - 1)


def jensen_shannon(reference: Array, now: Array) -> Effect:
    """Jensen-Shannon divergence in nats; its square root over ln 2 is the distance of base 2."""
    p, q = _shares(reference, now)
    k, free, middle = _size(reference, now), len(p) - 1, (p + q) / 2
    of_p, of_q = np.log(p / middle), np.log(q / middle)
    value = float((p * of_p + q * of_q).sum()) / 2
    variance = _spread(p, of_p / 2) / reference.sum() + _spread(q, of_q / 2) / now.sum()
    return Effect(value, free * k / 8, _error(variance, free, k / 8))


def js_divergence(distance: float) -> float:
    """The divergence in nats of a distance of base 2."""
    return distance * distance * math.log(2)


def js_distance(divergence: float) -> float:
    """The distance of base 2, between 0 and 1, of a divergence in nats."""
    return math.sqrt(max(0.0, divergence) / math.log(2))


def pearson(reference: Array, now: Array) -> float:
    """Pearson's statistic for one distribution behind both samples; chi-square with bins - 1 degrees of freedom."""
    n, m = reference.sum(), now.sum()
    both = reference + now
    return float((((reference * math.sqrt(m / n) - now * math.sqrt(n / m)) ** 2) / both)[both > 0].sum())


def p_unchanged(reference: Array, now: Array) -> float:
    """p-value of Pearson's test that nothing has changed."""
    return chi_square_tail(pearson(reference, now), int(np.count_nonzero(reference + now)) - 1)


def cramer(reference: Array, now: Array) -> Effect:
    """Squared Cramér's V of the table of two samples by bins; Bergsma 2013, J. Korean Stat. Soc. 42:323."""
    total = float(reference.sum() + now.sum())
    free = int(np.count_nonzero(reference + now)) - 1
    found = pearson(reference, now)
    away = max(0.0, found - free)
    return Effect(found / total, free / total, math.sqrt(2 * free + 4 * away) / total)
