"""How much slower one of two models is that were called in turns: medians by t over blocks, tails by block bootstrap.

Calls of a pair meet the machine in the same state, so that what slows both cancels in their ratio. What does not cancel
is what two processes differ by for as long as they live, so that each block is made by two of its own and counts as one
observation. Kalibera and Jones 2013 (ISMM, 63-74) treat repeated executions so; Künsch 1989 (Ann. Statist. 17:1217) is
the block bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlci.stats.student import normal_quantile, t_quantile, t_tail

Times = NDArray[np.float64]

# Odd by one, so that the bounds of usual levels are draws themselves; more where a bound lies further out.
DRAWS, MORE_DRAWS = 1999, 19_999
_FAR_OUT = 0.02
# Cells held at once while draws are weighed.
_CELLS = 1 << 22


@dataclass(frozen=True)
class Ratio:
    """Candidate over production, minus one.

    Attributes:
        value: the estimate.
        error: standard error of its logarithm.
        low: lower one-sided bound.
        high: upper one-sided bound.
        p_beyond: p-value of a slowdown beyond the margin: small where the ratio is shown to be above it.
        p_within: p-value of a slowdown within the margin: small where the ratio is shown not to be above it.
        draws: random draws behind it; 0 where there are none.
    """

    value: float
    error: float
    low: float
    high: float
    p_beyond: float
    p_within: float
    draws: int = 0

    @property
    def wobble(self) -> float:
        """The larger Monte Carlo standard error of the two p-values; 0 without draws."""
        if not self.draws:
            return 0.0
        return math.sqrt(max(p * (1 - p) for p in (self.p_beyond, self.p_within)) / self.draws)


def median_ratio(candidate: Sequence[Times], production: Sequence[Times], margin: float, confidence: float) -> Ratio:
    """The ratio of medians: the mean over blocks of the median logarithm of a pair's ratio, with Student's t.

    Args:
        candidate: times of the candidate's calls, one array for each block, in any unit.
        production: the same of production, pair by pair.
        margin: accepted slowdown, as a fraction.
        confidence: level of each one-sided bound.
    """
    logs = [np.log(mine) - np.log(theirs) for mine, theirs in zip(candidate, production, strict=True)]
    middle, error = _mean([float(np.median(block)) for block in logs])
    limit, freedom = math.log1p(margin), len(logs) - 1
    if error == 0:
        beyond = float(middle <= limit)
        return Ratio(math.expm1(middle), 0.0, math.expm1(middle), math.expm1(middle), beyond, 1.0 - beyond)
    reach = t_quantile(confidence, freedom) * error
    return Ratio(
        value=math.expm1(middle),
        error=error,
        low=math.expm1(middle - reach),
        high=math.expm1(middle + reach),
        p_beyond=t_tail((middle - limit) / error, freedom),
        p_within=t_tail((limit - middle) / error, freedom),
    )


def _mean(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values)
    return mean, math.sqrt(spread / (len(values) - 1) / len(values))


def tail_ratio(
    candidate: Sequence[Times],
    production: Sequence[Times],
    share: float,
    margin: float,
    confidence: float,
    key: bytes,
) -> Ratio:
    """The ratio of a high quantile, with percentile bounds of a bootstrap that draws whole blocks, made wider for few.

    Args:
        candidate: times of the candidate's calls, one array for each block.
        production: the same of production.
        share: of the calls that are not above the quantile, such as 0.95.
        margin: accepted slowdown, as a fraction.
        confidence: level of each one-sided bound.
        key: what the draws follow from, at least 16 bytes.
    """
    times = drawn(len(candidate), confidence, key)
    logs = np.log(_quantiles(candidate, times, share)) - np.log(_quantiles(production, times, share))
    value = math.log(quantile(candidate, share) / quantile(production, share))
    logs = value + stretch(len(candidate), confidence) * (logs - value)
    limit, draws = math.log1p(margin), len(logs)
    above = int((logs > limit).sum())
    low, high = bounds(logs, confidence)
    return Ratio(
        value=math.expm1(value),
        error=float(logs.std(ddof=1)),
        low=math.expm1(low),
        high=math.expm1(high),
        p_beyond=(1 + draws - above) / (1 + draws),
        p_within=(1 + above) / (1 + draws),
        draws=draws,
    )


def stretch(blocks: int, confidence: float) -> float:
    """How much wider the draws of few blocks have to be: their variance is too small by one in so many, and the normal
    quantile that percentiles amount to is one of Student's t. This is the expanded percentile
    interval of Hesterberg 2015 (Am. Stat. 69:371).
    """
    wider = t_quantile(confidence, blocks - 1) / normal_quantile(confidence)
    return math.sqrt(blocks / (blocks - 1)) * wider


def bounds(draws: Times, confidence: float) -> tuple[float, float]:
    """Both one-sided bounds as order statistics of draws."""
    ordered = np.sort(draws)
    place = max(0, int((1 - confidence) * (len(draws) + 1) + 1e-9) - 1)
    return float(ordered[place]), float(ordered[len(draws) - 1 - place])


def own_interval(blocks: Sequence[Times], share: float, confidence: float, key: bytes) -> tuple[float, float]:
    """Both one-sided bounds of one model's own quantile, as above: by t for a median, by the bootstrap for a tail."""
    if share != 0.5:
        value = math.log(quantile(blocks, share))
        logs = np.log(_quantiles(blocks, drawn(len(blocks), confidence, key), share))
        low, high = bounds(value + stretch(len(blocks), confidence) * (logs - value), confidence)
        return math.exp(low), math.exp(high)
    middle, error = _mean([math.log(float(np.median(block))) for block in blocks])
    reach = t_quantile(confidence, len(blocks) - 1) * error
    return math.exp(middle - reach), math.exp(middle + reach)


def quantile(blocks: Sequence[Times], share: float) -> float:
    """The smallest time that a share of the calls is not above; of a median the mean of the two in the middle."""
    whole = np.concatenate(list(blocks))
    if share == 0.5:
        return float(np.median(whole))
    return float(np.sort(whole)[max(0, math.ceil(share * len(whole) - 1e-9) - 1)])


def drawn(blocks: int, confidence: float, key: bytes) -> NDArray[np.int64]:
    """How often each block is drawn, shape (draws, blocks): the same for the same key, on every machine.

    Philox gives the bits; no distribution of numpy's is used, whose streams may change between versions.
    https://numpy.org/doc/stable/reference/random/compatibility.html
    """
    rows = DRAWS if 1 - confidence >= _FAR_OUT else MORE_DRAWS
    bits = np.random.Philox(key=int.from_bytes(key[:16], "big")).random_raw(rows * blocks)
    high = np.right_shift(np.asarray(bits, dtype=np.uint64), np.uint64(32))
    chosen = np.right_shift(high * np.uint64(blocks), np.uint64(32)).astype(np.int64)
    flat = chosen + np.repeat(np.arange(rows, dtype=np.int64) * blocks, blocks)
    return np.bincount(flat, minlength=rows * blocks).reshape(rows, blocks)


def _quantiles(blocks: Sequence[Times], times: NDArray[np.int64], share: float) -> Times:
    """The quantile of each draw, shape (draws,)."""
    whole = np.concatenate(list(blocks))
    block = np.repeat(np.arange(len(blocks)), [len(each) for each in blocks])
    order = np.argsort(whole, kind="stable")
    values, block = whole[order], block[order]
    rows = max(1, _CELLS // len(values))
    found = np.empty(len(times))
    for start in range(0, len(times), rows):
        part = times[start : start + rows].astype(np.int32)
        reached = np.cumsum(part[:, block], axis=1, dtype=np.int32)
        wanted = np.ceil(share * reached[:, -1:] - 1e-9).astype(np.int32)
        found[start : start + rows] = values[(reached < wanted).sum(axis=1)]
    return found
