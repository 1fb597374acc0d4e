"""Bounds and p-values from sufficient statistics alone: no examples, no arrays, at any level of confidence.

Whoever has the numbers of a comparison decides it again exactly as whoever measured them did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlci.stats.proportions import tango, tango_statistic, wilson
from mlci.stats.student import normal_quantile, normal_tail, sign_test, t_quantile, t_tail

# 80 % power is what "the smallest loss these examples can show" and "rows needed" are computed for.
_POWER = 0.8
# Beyond a billion examples the honest answer is that no holdout decides.
_ROOT_OF_MOST_ROWS = math.sqrt(1e9)
# More standard errors than any bound or detectable loss reaches.
_WIDEST = 1e6
# Influence values that cancel leave rounding dust, not zero.
_DUST = 1e-15
# Two sums that are equal but for their rounding.
_ALIKE = 1e-9


class Undefined(ValueError):
    """These examples, or these numbers, give no value; the text says why."""


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
    same divided by the baseline. ``low`` and ``high`` are NaN where no bound can be given. ``off`` is how far the
    difference may be from the exact one, 0 where it is exact.
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
    off: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether the difference has bounds at all."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def detectable(self, confidence: float) -> float:
        """Smallest true loss shown with 80 % power: (z_confidence + z_power) standard errors."""
        return (normal_quantile(confidence) + normal_quantile(_POWER)) * self.standard_error

    def rows_needed(self, confidence: float, margin: float) -> int | None:
        """Examples that show an unchanged model non-inferior with 80 % power; None without an answer.

        Args:
            confidence: level of the bound.
            margin: how far the bound must come from the truth: the accepted loss where nothing changed.
        """
        if margin <= 0 or self.standard_error <= 0:
            return None
        root = math.sqrt(self.n) * self.detectable(confidence) / margin
        return math.ceil(root * root) if root < _ROOT_OF_MOST_ROWS else None


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The sufficient statistics of two models on the same examples: enough to compare them on either scale.

    Attributes:
        candidate: the candidate's value.
        baseline: production's value.
        plain_error: standard error of candidate minus baseline; NaN where the examples are too few for one.
        log_error: standard error of the logarithm of their ratio; NaN as above, or where a value is not positive.
        freedom: degrees of freedom of ``plain_error``.
        log_freedom: degrees of freedom of ``log_error``; NaN where that is.
        size: independent pieces of information: groups, effective examples, or examples.
        discordance: on how many examples only one of the two was right.
        n: number of examples.
        simple: independent examples of equal weight, for which exact and score methods exist.
        clustered: examples come in groups.
        blocks: number of blocks, where the errors are those of a delete-block jackknife; else None.
        plain_off: how far candidate minus baseline may be from the exact value; 0 where it is exact.
        log_off: the same of the logarithm of their ratio.
    """

    candidate: float
    baseline: float
    plain_error: float
    log_error: float
    freedom: float
    log_freedom: float
    size: float
    discordance: Discordance
    n: int
    simple: bool
    clustered: bool
    blocks: int | None = None
    plain_off: float = 0.0
    log_off: float = 0.0

    def contrast(
        self, confidence: float, *, higher_is_better: bool, relative: bool, is_share: bool, asked: float = 0.0
    ) -> Contrast:
        """Bounds of the difference, and how surprising a loss is.

        Args:
            confidence: level of each one-sided bound.
            higher_is_better: direction of the metric.
            relative: judge candidate / baseline - 1, on the log scale and with production's own noise, instead of the
                plain difference.
            is_share: the metric is a share of examples that are right, or where lower is better of wrong ones; a mean
                whose every difference is one, such as a pass rate, is taken for one in any case.
            asked: the gain that the p-value is for falling short of, at least 0 and on the scale of the difference;
                with 0 it is for being worse.

        Raises:
            Undefined: a ratio was asked for and one of the values is not positive, or numbers overflow.
        """
        if not relative:
            estimate, error, freedom = self.candidate - self.baseline, self.plain_error, self.freedom
            off = self.plain_off
        elif self.candidate <= 0 or self.baseline <= 0:
            raise Undefined("a relative tolerance needs positive values on both sides")
        else:
            estimate = math.log(self.candidate) - math.log(self.baseline)
            error, freedom, off = self.log_error, self.log_freedom, self.log_off
        share = is_share or self._is_of_ones(higher_is_better=higher_is_better)
        low, high, p_worse, method = self._bounds(
            estimate,
            error,
            freedom,
            confidence,
            is_share=share and not relative,
            higher_is_better=higher_is_better,
            # A loss is as surprising as the smallest one that the numbers allow.
            asked=(_log_gain(asked, higher_is_better) if relative else asked) - off,
        )
        if relative:
            estimate, low, high = (ratio_less_one(x) for x in (estimate, low, high))
            error *= 1 + estimate
            off = (1 + estimate) * ratio_less_one(off)
            method += " on the log ratio"
            if share and self.simple and not asked:
                # Whether the candidate is worse at all is one question on either scale, and this is its exact test.
                p_worse = sign_test(self.discordance.lost, self.discordance.gained)
                method += ", exact McNemar mid-p"
        if math.isinf(estimate) or math.isinf(error * _WIDEST):
            raise Undefined("the numbers are too large to compare")
        return Contrast(
            self.candidate, self.baseline, estimate, error, low, high, p_worse, method,
            self.discordance, self.n, self.size, off,
        )  # fmt: skip

    @property
    def _independent(self) -> Discordance:
        """Discordant examples, no more in either direction than there are independent pieces of information."""
        most = self.n if self.simple else math.floor(self.size)
        return Discordance(min(self.discordance.gained, most), min(self.discordance.lost, most))

    def _is_of_ones(self, *, higher_is_better: bool) -> bool:
        """Whether every example that differs at all differs by 1, as where a column holds nothing but 0 and 1.

        Then as many squares of 1 add up as examples differ, and the sum is what was gained less what was lost.
        """
        differing, net = self.discordance.total, self.discordance.gained - self.discordance.lost
        within = all(abs(each) <= 1 for each in (self.candidate, self.baseline, self.plain_error))
        if not (self.simple and differing and within):
            return False
        mean = self.candidate - self.baseline
        squares = self.n * ((self.n - 1) * self.plain_error**2 + mean * mean)
        total = self.n * (mean if higher_is_better else -mean)
        return max(abs(squares - differing), abs(total - net)) <= _ALIKE * self.n

    def _bounds(
        self,
        estimate: float,
        error: float,
        freedom: float,
        confidence: float,
        *,
        is_share: bool,
        higher_is_better: bool,
        asked: float,
    ) -> tuple[float, float, float, str]:
        """Lower bound, upper bound, one-sided p-value for being worse, and the method's name."""
        gained, lost = self.discordance.gained, self.discordance.lost
        if is_share and self.simple:
            more, fewer = (gained, lost) if higher_is_better else (lost, gained)
            low, high = tango(more, fewer, self.n, normal_quantile(confidence))
            if asked:
                p_value = normal_tail(-tango_statistic(gained, lost, self.n, asked))
                return low, high, p_value, "Tango score interval and test"
            return low, high, sign_test(lost, gained), "Tango score interval, exact McNemar mid-p"
        if math.isnan(error) or error <= _DUST * max(1.0, abs(estimate)):
            if self.blocks is not None:
                return math.nan, math.nan, 1.0, "no spread among the blocks"
            return _degenerate(estimate, error, confidence, self._independent)
        reach = t_quantile(confidence, freedom) * error
        gain = estimate if higher_is_better else -estimate
        p_worse = t_tail((asked - gain) / error, freedom)
        method = "clustered influence function, t" if self.clustered else "influence function, t"
        if self.blocks is not None:
            method = f"delete-block jackknife ({self.blocks} blocks), t"
        return estimate - reach, estimate + reach, p_worse, method


def quantile(confidence: float, size: float) -> float:
    """Student's quantile of one bound, for so many independent pieces of information."""
    return t_quantile(confidence, max(1.0, size - 1))


def _log_gain(asked: float, higher_is_better: bool) -> float:
    """A relative gain on the log scale: a ratio of 1 + gain, or of 1 - gain where less is better."""
    return math.log1p(asked) if higher_is_better else -math.log1p(-asked)


def ratio_less_one(logarithm: float) -> float:
    """A ratio less 1 by its logarithm; infinite where no number is so large."""
    try:
        return math.expm1(logarithm)
    except OverflowError:
        return math.inf


def _degenerate(
    estimate: float, error: float, confidence: float, discordance: Discordance
) -> tuple[float, float, float, str]:
    """No spread among the differences: fall back on how many examples differ at all, by the exact sign test."""
    if math.isnan(error):
        return math.nan, math.nan, 1.0, "too few examples for a standard error"
    p_worse = sign_test(discordance.lost, discordance.gained) if abs(estimate) > _DUST else 1.0
    if discordance.total == 0:
        return math.nan, math.nan, 1.0, "no example differs; rule of three"
    alpha = 1 - confidence
    # Where only examples without weight differ there is no spread either, and nothing was seen of those that count.
    if abs(estimate) > _DUST and min(p_worse, sign_test(discordance.gained, discordance.lost)) < alpha:
        return estimate, estimate, p_worse, "no spread; exact sign test"
    return math.nan, math.nan, p_worse, "no spread; exact sign test"


def interval_of(
    value: float,
    error: float,
    size: float,
    n: int,
    confidence: float,
    *,
    exact: bool,
    freedom: float | None = None,
    support: int | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> tuple[float, float] | None:
    """One model's value between two one-sided bounds; None where none can be given.

    Args:
        value: the model's value.
        error: its standard error; NaN where the examples are too few for one.
        size: independent pieces of information behind it.
        n: number of examples.
        confidence: level of each bound.
        exact: a share of independent examples that are right, for which Wilson's interval is used.
        freedom: degrees of freedom of the error; None where only ``size`` is known.
        support: how many examples the value rests on where these are not all, such as predicted positives.
        low: smallest possible value of the metric.
        high: largest possible value.
    """
    z = normal_quantile(confidence)
    if exact:
        return wilson(value * n, n, z)
    if math.isnan(error):
        return None
    reach = (quantile(confidence, size) if freedom is None else t_quantile(confidence, freedom)) * error
    if error <= _DUST * max(1.0, abs(value)):
        # A perfect score on few examples proves little: allow what Wilson's interval allows at 0 or n successes.
        if not math.isfinite(high):
            return None
        size = size if support is None else min(size, support)
        reach = z * z / (size + z * z)
    bounds = max(low, value - reach), min(high, value + reach)
    return bounds if all(math.isfinite(bound) for bound in bounds) else None
