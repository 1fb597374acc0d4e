"""Tails and quantiles of the chi-square distribution, without scipy.

They rest on the regularised incomplete gamma function: its series where that converges fast, else its continued
fraction (Press et al., Numerical Recipes, 3rd ed., section 6.2).
"""

from __future__ import annotations

import math
from functools import lru_cache

_TINY = 1e-300
_MAX_TERMS = 10_000
_CLOSE = 1e-16


def chi_square_tail(x: float, freedom: float) -> float:
    """P(X > x) for a chi-square variable, accurate far into the tail; 1 where there is no freedom.

    >>> round(chi_square_tail(16.918977604620448, 9), 12)
    0.05
    """
    if x <= 0 or freedom <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    a, half = freedom / 2, x / 2
    front = math.exp(a * math.log(half) - half - math.lgamma(a))
    return max(0.0, 1.0 - front * _series(a, half)) if half < a + 1 else min(1.0, front * _fraction(a, half))


def _series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for n in range(1, _MAX_TERMS):
        term *= x / (a + n)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    result = d
    for n in range(1, _MAX_TERMS):
        step = -n * (n - a)
        b += 2.0
        d = step * d + b
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = b + step / c
        c = c if abs(c) > _TINY else _TINY
        result *= d * c
        if abs(d * c - 1.0) < _CLOSE:
            break
    return result


@lru_cache(maxsize=4096)
def chi_square_quantile(probability: float, freedom: float) -> float:
    """The point that a chi-square variable stays below with this probability, by bisection on the exact tail.

    Args:
        probability: strictly between 0 and 1.
        freedom: degrees of freedom, above 0.

    >>> round(chi_square_quantile(0.95, 9), 6)
    16.918978
    """
    tail = 1.0 - probability
    low, high = 0.0, max(1.0, freedom)
    while chi_square_tail(high, freedom) > tail:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if chi_square_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2
