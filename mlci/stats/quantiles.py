"""Quantiles of a per-example quantity, with each example's influence by Bahadur's representation.

The quantile q of order p moves with one example as (p - 1[x <= q]) / f(q) (Bahadur 1966, Ann. Math. Stat. 37:577). The
density f is nothing that a kernel is trusted with here: 1 / f is the slope of the quantile function between two order
statistics around p (Siddiqui 1960; Bloch and Gastwirth 1968), as far apart as makes the coverage error of the interval
smallest (Hall and Sheather 1988, J. R. Statist. Soc. B 50:381). Where so many values are equal that the two order
statistics are one, they are moved apart until they differ, which errs on the side of a wider interval.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from mlci.stats.influence import Array, Score, Undefined

# The interval whose coverage the distance between the two order statistics is chosen for: two-sided 95 %.
_CHOSEN_FOR = 0.975
# Shares of a total that are equal but for the last digits of a sum.
_DUST = 1e-12
_STANDARD = NormalDist()


def quantile_score(values: Array, part: float, weights: Array | None, pieces: float) -> Score:
    """A quantile, as the middle of the smallest and the largest value that can be called it, and its influence.

    The same as numpy's ``averaged_inverted_cdf``; with ``part`` one half, the usual median.

    Args:
        values: shape (n,).
        part: order of the quantile, in (0, 1).
        weights: shape (n,), mean 1; None for equal weights.
        pieces: independent pieces of information among the values.

    Raises:
        Undefined: the values are too few for any slope of the quantile function.
    """
    order = np.argsort(values, kind="stable")
    rising = values[order]
    n = len(values)
    reached = np.arange(1, n + 1) / n if weights is None else np.cumsum(weights[order]) / n
    value = _quantile(rising, reached, part)
    below = (values < value) + 0.5 * (values == value)
    # Centred on what these examples say, so that influences have mean zero with ties and weights too.
    centre = float((below if weights is None else weights * below).mean())
    psi = (centre - below) * _sparsity(rising, reached, part, pieces)
    return Score(value, psi if weights is None else weights * psi, uneven=True)


def _first(reached: Array, part: float) -> int:
    """Index of the first value at which so large a share is reached."""
    return min(int(np.searchsorted(reached, part - _DUST)), len(reached) - 1)


def _quantile(rising: Array, reached: Array, part: float) -> float:
    place = _first(reached, part)
    after = place
    if abs(reached[place] - part) <= _DUST:
        # Values of no weight are no values.
        after = min(int(np.searchsorted(reached, part + _DUST)), len(rising) - 1)
    return float(rising[place] + rising[after]) / 2


def bandwidth(part: float, pieces: float) -> float:
    """Hall and Sheather's distance from ``part`` to either order statistic, as a share."""
    z = _STANDARD.inv_cdf(part)
    density = _STANDARD.pdf(z)
    chosen = _STANDARD.inv_cdf(_CHOSEN_FOR) ** (2 / 3)
    return float(pieces ** (-1 / 3) * chosen * (1.5 * density**2 / (2 * z * z + 1)) ** (1 / 3))


def _sparsity(rising: Array, reached: Array, part: float, pieces: float) -> float:
    """1 / density at the quantile; 0 where all values are one."""
    reach = bandwidth(part, pieces)
    low, high = max(part - reach, 0.5 / pieces), min(part + reach, 1 - 0.5 / pieces)
    if not low < part < high:
        raise Undefined("too few examples lie beyond this quantile")
    left, right = _first(reached, low), _first(reached, high)
    if rising[left] == rising[right]:
        # Ties: take in the nearest value on either side that differs.
        nearer, further = (
            int(np.searchsorted(rising, rising[left])) - 1,
            int(np.searchsorted(rising, rising[right], side="right")),
        )
        if nearer >= 0:
            left, low = nearer, min(low, float(reached[nearer]))
        if further < len(rising):
            right, high = further, max(high, float(reached[further]))
    span = float(rising[right] - rising[left])
    return span / (high - low) if math.isfinite(span) else math.inf
