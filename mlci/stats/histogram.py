"""ROC AUC of two models from equal bins of their scores instead of a sort, with a certified bound of what that costs.

Examples of one bin count as tied. A pair of one positive and one negative then counts one half where it may be 0 or 1,
so an area of bins with p positives and q negatives each is off by no more than half the sum of p q over all pairs. Each
placement value is off by no more than half its bin's share of the other class, which bounds the error of the standard
error: a root of a sum of squares is a norm, and norms obey the triangle inequality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.comparing import Compared
from mlci.stats.placements import Placed, compared, placed, sums_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# More bins leave a processor's cache, and then a sort costs no more; nor does it with fewer examples.
BINS = 1 << 18
FEWEST = 1 << 17
_SAMPLE = 1 << 13
# The largest accepted error of the area, as a share of its standard error.
_LARGEST_SHARE = 0.01


@dataclass(frozen=True)
class _Binned:
    """One model: for each bin and class, as bin * 2 + class, how an example there is placed.

    Attributes:
        place: bin and class of each example, shape (n,).
        halves: twice the examples of the other class on the right side of one there, a tie counting one; (2 bins,).
        deviation: from the area, in units that make a sum of squares the area's variance; (2 bins,).
        area: value within ``off`` of the true one.
        off: largest error of the area.
        blur: largest error of the root of a sum of squared deviations.
    """

    place: NDArray[np.int32]
    halves: NDArray[np.int64]
    deviation: Array
    area: float
    off: float
    blur: float


def binned(candidate: NDArray[Any], baseline: NDArray[Any], positive: Mask) -> Compared | None:
    """Both models' areas; None where bins would not do: few examples, skewed scores, or a bound that is too wide.

    Errors are never too small: each is the estimate and its largest error together.

    Args:
        candidate: scores, shape (n,), finite.
        baseline: production's.
        positive: which examples are of the positive class, shape (n,).
    """
    m = int(np.count_nonzero(positive))
    k = len(positive) - m
    if len(positive) < FEWEST or min(m, k) < 2:
        return None
    if not _promising(candidate, baseline, positive):
        return None
    mine, theirs = (_binned(scores, positive, m, k) for scores in (candidate, baseline))
    if mine is None or theirs is None:
        return None

    def deviations(rows: slice) -> tuple[Array, Array, Array]:
        of_a, of_b = mine.deviation[mine.place[rows]], theirs.deviation[theirs.place[rows]]
        return of_a, of_b, of_a - of_b

    sums = sums_of(len(positive), deviations)
    if mine.off + theirs.off > _LARGEST_SHARE * math.sqrt(sums["dd"]):
        return None
    gain = mine.halves[mine.place] - theirs.halves[theirs.place]
    exact = compared(
        Placed(
            positives=m,
            negatives=k,
            candidate=mine.area,
            baseline=theirs.area,
            gained=int(np.count_nonzero(gain > 0)),
            lost=int(np.count_nonzero(gain < 0)),
            **sums,
        )
    )
    found = _blurred(exact, mine, theirs)
    # The ratio's own error may be the smaller one.
    return found if found.pair.log_off <= _LARGEST_SHARE * found.pair.log_error else None


def _promising(candidate: NDArray[Any], baseline: NDArray[Any], positive: Mask) -> bool:
    """Whether the bound will be narrow enough, judged by examples spread evenly, so that no bins are made in vain.

    The share of pairs that meet in a bin is the same in a part of the examples; the standard error shrinks as theirs.
    """
    part = slice(None, None, max(1, len(positive) // _SAMPLE))
    few = positive[part]
    m = int(np.count_nonzero(few))
    k = len(few) - m
    if min(m, k) < 2:
        return False
    off = 0.0
    for scores in (candidate, baseline):
        found = _binned(scores[part], few, m, k, bins=_SAMPLE)
        if found is None:
            return False
        off += found.off * _SAMPLE / BINS
    variance = placed(candidate[part], baseline[part], few).dd * len(few) / len(positive)
    return off <= _LARGEST_SHARE * math.sqrt(variance)


def _binned(scores: NDArray[Any], positive: Mask, m: int, k: int, bins: int = BINS) -> _Binned | None:
    low, high = float(scores.min()), float(scores.max())
    width = high - low
    if not width > 0 or not math.isfinite(width) or not math.isfinite(bins / width):
        return None
    place = ((scores - low) * (bins / width)).astype(np.int32)
    np.minimum(place, bins - 1, out=place)
    place *= 2
    place += positive
    count = np.bincount(place, minlength=2 * bins)
    q, p = count[0::2], count[1::2]
    pairs = float((p.astype(np.float64) * q).sum())
    halves = np.empty(2 * bins, dtype=np.int64)
    halves[1::2] = 2 * np.cumsum(q) - q
    halves[0::2] = 2 * m - 2 * np.cumsum(p) + p
    area = int((halves[1::2] * p).sum()) / (2.0 * m * k)
    weight = np.array([1 / math.sqrt(k * (k - 1.0)), 1 / math.sqrt(m * (m - 1.0))])
    scale = weight / (2.0 * np.array([m, k]))
    deviation = (halves.reshape(-1, 2) * scale - area * weight).ravel()
    # Half a bin's share of the other class, for each example of it, weighted like its deviation.
    blur = math.sqrt(float((p * (q * scale[1]) ** 2).sum() + (q * (p * scale[0]) ** 2).sum()))
    return _Binned(place, halves, deviation, area, 0.5 * pairs / (float(m) * k), blur)


def _blurred(found: Compared, mine: _Binned, theirs: _Binned) -> Compared:
    """Every error as large as it may be, and how far off the values may be."""
    pair, low_a, low_b = found.pair, mine.area - mine.off, theirs.area - theirs.off
    if low_a <= 0 or low_b <= 0:
        return replace(found, pair=replace(pair, log_off=math.inf))
    wider = mine.off / low_a + theirs.off / low_b
    pair = replace(
        pair,
        plain_error=pair.plain_error + mine.blur + theirs.blur,
        log_error=(pair.log_error + mine.blur / low_a + theirs.blur / low_b) * (1 + wider),
        plain_off=mine.off + theirs.off,
        log_off=wider,
    )
    return replace(found, pair=pair, own_error=found.own_error + mine.blur)
