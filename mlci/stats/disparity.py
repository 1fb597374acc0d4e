"""Rates of groups compared: bounds of a difference or ratio of two, and of its change between two models.

One rate has Wilson's interval; two are combined by the method of variance estimates recovery, which for two
independent shares is Newcombe's hybrid score interval (Newcombe 1998, Statistics in Medicine 17:873; Zou and Donner
2008, Statistics in Medicine 27:1693). Weights and clusters enter by the number of examples that a rate's own error is
worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlci.stats.bounds import interval_of
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile, t_quantile, t_tail

_DUST = 1e-15
# Signs of the candidate's gap and of production's: the absolute gap widens where, for one sign of the candidate's, both
# signs of production's leave it wider.
_SIGNS = (1, -1)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A rate of one group under one model.

    Attributes:
        value: the rate.
        error: its standard error.
        size: independent pieces of information behind it.
        share: whether it is a share of examples.
        simple: whether examples are independent and of equal weight.
    """

    value: float
    error: float
    size: float
    share: bool = True
    simple: bool = True

    def bounds(self, tail: float) -> tuple[float, float]:
        """The rate between two bounds, each missed with probability ``tail``."""
        if not self.share:
            between = interval_of(self.value, self.error, self.size, 1, 1 - tail, exact=False, low=-1.0, high=1.0)
            return between or (-1.0, 1.0)
        worth, spread = self.size, self.value * (1 - self.value)
        # Of a share that is 0 or 1 but for rounding, the error is rounding too.
        if not self.simple and min(self.error, spread) > _DUST:
            worth = spread / self.error**2
        return wilson(self.value * worth, worth, self._quantile(tail))

    def _quantile(self, tail: float) -> float:
        return normal_quantile(1 - tail) if self.simple else t_quantile(1 - tail, max(1.0, self.size - 1))


def gap(one: Rate, other: Rate, tail: float, correlation: float = 0.0) -> tuple[float, float]:
    """The difference of two rates between two bounds, each missed with probability ``tail``."""
    (low, high), (least, most) = one.bounds(tail), other.bounds(tail)
    return _recovered(one.value, other.value, (low, high), (least, most), correlation)


def log_gap(one: Rate, other: Rate, tail: float, correlation: float = 0.0) -> tuple[float, float]:
    """The logarithm of the ratio of two shares between two bounds, each missed with probability ``tail``."""
    if min(one.value, other.value) > 0:
        (low, high), (least, most) = (tuple(map(_log, rate.bounds(tail))) for rate in (one, other))
        return _recovered(_log(one.value), _log(other.value), (low, high), (least, most), correlation)
    # The logarithm of a rate of 0 has no spread to recover: each rate is held between its own bounds instead.
    (low, high), (least, most) = (tuple(map(_log, rate.bounds(tail / 2))) for rate in (one, other))
    return low - most, high - least


def _recovered(
    one: float, other: float, of_one: tuple[float, float], of_other: tuple[float, float], correlation: float
) -> tuple[float, float]:
    def reach(left: float, right: float) -> float:
        if math.isinf(left) or math.isinf(right):
            return math.inf
        return math.sqrt(max(0.0, left * left + right * right - 2 * correlation * left * right))

    down = reach(one - of_one[0], of_other[1] - other)
    up = reach(of_one[1] - one, other - of_other[0])
    return one - other - down, one - other + up


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, kw_only=True)
class Line:
    """One signed sum of a pair's gaps: ``sign * (candidate's gap) + other * (production's gap)``.

    Attributes:
        value: the sum.
        error: its standard error.
        freedom: degrees of freedom of that error.
        unseen: how many examples, at the least, show no difference where the error is 0; 0 where that says nothing.
    """

    value: float
    error: float
    freedom: float
    unseen: float = 0.0

    def reach(self, tail: float) -> float:
        """How far the truth may lie from the value; by the rule of three where nothing differs."""
        if self.error > _DUST:
            return t_quantile(1 - tail, max(1.0, self.freedom)) * self.error
        return -math.log(tail) / self.unseen if self.unseen else 0.0

    def tail_of(self) -> float:
        """How surprising so large a value is where the truth is 0 or below."""
        if self.error > _DUST:
            return t_tail(self.value / self.error, max(1.0, self.freedom))
        return 0.5 ** max(1.0, self.freedom) if self.value > _DUST else 1.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """How much wider the gap between two groups is under the candidate than under production.

    Attributes:
        value: the absolute gap of the candidate minus that of production.
        error: its standard error, of the signs that the gaps have.
        low: lower bound.
        high: upper bound.
        p_wider: one-sided p-value for the gap being wider.
    """

    value: float
    error: float
    low: float
    high: float
    p_wider: float


def change(lines: dict[tuple[int, int], Line], tail: float) -> Change:
    """The change of an absolute gap, |c| - |p| = max over s of min over t of (s c + t p), s and t being signs.

    Either bound may be missed in two ways where a gap is near 0, so each line has half the tail. A wider gap is shown
    for one sign by two tests that both reject (Berger 1982, Technometrics 24:295), and there are two signs.

    Args:
        lines: s c + t p, by the signs (s, t).
        tail: probability that each bound is missed.
    """
    value = max(min(lines[s, t].value for t in _SIGNS) for s in _SIGNS)
    low = max(min(lines[s, t].value - lines[s, t].reach(tail / 2) for t in _SIGNS) for s in _SIGNS)
    high = max(min(lines[s, t].value + lines[s, t].reach(tail / 2) for t in _SIGNS) for s in _SIGNS)
    p_wider = min(1.0, 2 * min(max(lines[s, t].tail_of() for t in _SIGNS) for s in _SIGNS))
    sign = max(_SIGNS, key=lambda s: min(lines[s, t].value for t in _SIGNS))
    nearest = min(_SIGNS, key=lambda t: lines[sign, t].value)
    return Change(value=value, error=lines[sign, nearest].error, low=low, high=high, p_wider=p_wider)
