"""Normal, Student and binomial tails without scipy, whose import alone costs more than a whole judgement.

Everything rests on the regularised incomplete beta function, evaluated by its continued fraction
(Lentz's method; Press et al., Numerical Recipes, 3rd ed., section 6.4).
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_STANDARD = NormalDist()
# Above this many degrees of freedom Student's t and the normal differ by less than 1e-6 of a standard error.
_NORMAL_FROM = 1_000_000
_TINY = 1e-300
_MAX_TERMS = 10_000


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    return _STANDARD.inv_cdf(probability)


def upper_quantile(tail: float) -> float:
    """The point that a standard normal variable exceeds with this probability; no digit is lost where that is tiny."""
    return -_STANDARD.inv_cdf(tail)


def normal_tail(x: float) -> float:
    """P(Z > x), accurate far into the tail."""
    return 0.5 * math.erfc(x / math.sqrt(2))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b) for a, b > 0 and 0 <= x <= 1."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1.0 - front * _continued_fraction(b, a, 1.0 - x) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, _MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            result *= d * c
        if abs(d * c - 1.0) < 1e-16:
            break
    return result


def t_tail(x: float, freedom: float) -> float:
    """P(T > x) for Student's t with ``freedom`` degrees of freedom."""
    if freedom >= _NORMAL_FROM:
        return normal_tail(x)
    tail = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + x * x))
    return tail if x >= 0 else 1.0 - tail


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """Quantile of Student's t: Hill's expansion as a start, then Newton steps on the exact tail.

    Args:
        probability: strictly between 0 and 1.
        freedom: degrees of freedom, at least 1.
    """
    if freedom >= _NORMAL_FROM or probability == 0.5:
        return normal_quantile(probability)
    if probability < 0.5:
        return -t_quantile(1.0 - probability, freedom)
    z = normal_quantile(probability)
    start = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return _refined(start, 1.0 - probability, freedom)


def _refined(start: float, tail: float, freedom: float) -> float:
    """Newton within a bracket that only shrinks, so that heavy tails (one or two degrees of freedom) converge too."""
    low, high = 0.0, max(start, 1.0)
    while t_tail(high, freedom) > tail:
        high *= 2
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    x = min(start, high)
    for _ in range(200):
        error = t_tail(x, freedom) - tail
        low, high = (x, high) if error > 0 else (low, x)
        density = constant * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        step = x + error / density if density > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - x) <= 1e-14 * max(1.0, x):
            return following
        x = following
    return x


def sign_test(worse: int, better: int) -> float:
    """One-sided mid-p of the exact sign test: how surprising this many or more ``worse`` among the discordant are.

    With the discordant pairs of two classifiers this is McNemar's exact test (Fagerland, Lydersen and Laake 2013,
    BMC Medical Research Methodology 13:91, who recommend the mid-p).

    >>> round(sign_test(12, 2), 6)
    0.003693
    """
    discordant = worse + better
    if discordant == 0:
        return 1.0
    at_least = incomplete_beta(worse, better + 1, 0.5) if worse > 0 else 1.0
    equal = math.exp(
        math.lgamma(discordant + 1) - math.lgamma(worse + 1) - math.lgamma(better + 1) - discordant * math.log(2)
    )
    return max(0.0, at_least - 0.5 * equal)
