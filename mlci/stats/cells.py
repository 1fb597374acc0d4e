"""Metrics of predicted labels from counts alone: how many examples have each truth and each pair of predictions.

Every metric of labels, its paired error included, is a function of these integers, so whoever counts them (numpy, a
database, a cluster) reaches the same numbers: counts add up exactly in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.bounds import Discordance, Paired, Undefined
from mlci.stats.comparing import Compared, finite, paired_of
from mlci.stats.counts import Shares, Smooth, smooth
from mlci.stats.facts import is_share, leans_on
from mlci.stats.influence import freedom_of

Codes = NDArray[np.intp]
Counts = NDArray[np.int64]

# A table of all combinations costs less than sorting as long as it is not much longer than the examples.
_LARGEST_TABLE = 1 << 16


@dataclass(frozen=True)
class Cells:
    """How many independent examples of equal weight fall into each combination that occurs.

    Attributes:
        truth: class code of each combination, shape (k,), ascending with the two predictions as further keys.
        candidate: the class the candidate predicts, shape (k,); ``classes`` stands for "no prediction".
        baseline: the same for production, shape (k,).
        count: examples of each, shape (k,), each above 0.
        classes: number of classes.
        positive: code of the positive class where there are two.
    """

    truth: Codes
    candidate: Codes
    baseline: Codes
    count: Counts
    classes: int
    positive: int | None = None

    @property
    def n(self) -> int:
        """Examples in all."""
        return int(self.count.sum())

    def share(self, of: Codes) -> Shares:
        """Class shares of one of the two models.

        Raises:
            Undefined: there is no example.
        """
        n, right = self.n, of == self.truth
        by_class = [
            np.bincount(self.truth, weights=self.count, minlength=self.classes),
            np.bincount(of, weights=self.count, minlength=self.classes + 1)[: self.classes],
            np.bincount(self.truth[right], weights=self.count[right], minlength=self.classes),
        ]
        return Shares(*(counts / n for counts in by_class))

    def rarest(self, name: str, *, both: bool) -> int | None:
        """Examples of the rarest kind that a metric leans on; None where it leans on all.

        Args:
            name: the metric.
            both: count what both models predict, instead of the candidate alone.
        """
        if self.positive is None:
            return None
        models = (self.candidate, self.baseline) if both else (self.candidate,)
        found = []
        for kind in leans_on(name):
            label = self.positive if kind in ("positive", "called positive") else 1 - self.positive
            by = (self.truth,) if kind in ("positive", "negative") else models
            found += [int(self.count[codes == label].sum()) for codes in by]
        return min(found, default=None)


def counted(
    truth: NDArray[Any], candidate: NDArray[Any], baseline: NDArray[Any], classes: int, positive: int | None = None
) -> Cells:
    """Count the combinations of truth and two predictions.

    Args:
        truth: class codes, shape (n,), each in 0 … classes - 1.
        candidate: class codes, shape (n,); ``classes`` itself stands for "no prediction".
        baseline: the same for production.
        classes: number of classes.
        positive: code of the positive class where there are two.
    """
    wide = classes + 1
    table = classes * wide * wide
    if classes == 2 and len(truth) > _LARGEST_TABLE:
        counts = _by_bits(truth, candidate, baseline)
        if counts is not None:
            places = np.flatnonzero(counts)
            return _cells(places, counts[places], classes, positive)
    kind: Any = np.int32 if table < 2**31 else np.int64
    key = np.multiply(truth, wide, dtype=kind, casting="unsafe")
    key += candidate.astype(kind, copy=False)
    key *= wide
    key += baseline.astype(kind, copy=False)
    if table <= max(_LARGEST_TABLE, len(key) // 4):
        counts = np.bincount(key, minlength=table)
        places = np.flatnonzero(counts)
        return _cells(places, counts[places], classes, positive)
    places, counts = np.unique(key, return_counts=True)
    return _cells(places, counts, classes, positive)


def _cells(places: NDArray[Any], counts: NDArray[Any], classes: int, positive: int | None) -> Cells:
    pairs, baseline = np.divmod(places.astype(np.intp), classes + 1)
    truth, candidate = np.divmod(pairs, classes + 1)
    return Cells(truth, candidate, baseline, counts.astype(np.int64), classes, positive)


def _by_bits(truth: NDArray[Any], candidate: NDArray[Any], baseline: NDArray[Any]) -> Counts | None:
    """The eight counts of two classes from packed bits; None where a prediction is missing or numpy cannot count bits.

    Inclusion and exclusion over seven counts of ones: one byte is read where the codes take eight or more.
    """
    if not hasattr(np, "bitwise_count") or max(int(candidate.max()), int(baseline.max())) > 1:
        return None
    t, c, b = (np.packbits(codes.astype(np.bool_)) for codes in (truth, candidate, baseline))

    def ones(bits: NDArray[np.uint8]) -> int:
        return int(np.bitwise_count(_words(bits)).sum(dtype=np.int64))

    cb, tc, tb = c & b, t & c, t & b
    n_t, n_c, n_b, n_cb, n_tc, n_tb, n_tcb = map(ones, (t, c, b, cb, tc, tb, tc & b))
    counts = np.zeros((2, 3, 3), dtype=np.int64)
    counts[1, 1, 1] = n_tcb
    counts[1, 1, 0] = n_tc - n_tcb
    counts[1, 0, 1] = n_tb - n_tcb
    counts[1, 0, 0] = n_t - n_tc - n_tb + n_tcb
    counts[0, 1, 1] = n_cb - n_tcb
    counts[0, 1, 0] = n_c - n_cb - counts[1, 1, 0]
    counts[0, 0, 1] = n_b - n_cb - counts[1, 0, 1]
    counts[0, 0, 0] = len(truth) - n_t - n_c - n_b + n_cb + n_tc + n_tb - n_tcb
    return counts.ravel()


def _words(bits: NDArray[np.uint8]) -> NDArray[Any]:
    """Bytes as 64-bit words, eight times fewer to count; the last few bytes padded with zeros."""
    short = -len(bits) % 8
    return (bits if not short else np.concatenate((bits, np.zeros(short, dtype=np.uint8)))).view(np.uint64)


def compared(name: str, cells: Cells) -> Compared:
    """One metric of labels of both models: the same numbers as from every example's influence.

    Args:
        name: a metric of predicted labels.
        cells: independent examples of equal weight.

    Raises:
        Undefined: these examples give the metric no value.
    """
    n = cells.n
    mine, theirs = (scored(name, cells, of) for of in (cells.candidate, cells.baseline))
    candidate, baseline = mine[0], theirs[0]

    def error(influence: NDArray[np.float64]) -> float:
        if n < 2:
            return math.nan
        return finite(math.sqrt(float((cells.count * influence * influence).sum()) * n / (n - 1)) / n)

    def freedom(influence: NDArray[np.float64]) -> float:
        squares = influence * influence
        return freedom_of(
            float((cells.count * squares).sum()), float((cells.count * squares * squares).sum()), n, n - 1.0
        )

    difference = mine[1] - theirs[1]
    ratio = mine[1] / candidate - theirs[1] / baseline if candidate > 0 and baseline > 0 else None
    right, production_right = cells.candidate == cells.truth, cells.baseline == cells.truth
    discordance = Discordance(
        int(cells.count[right & ~production_right].sum()), int(cells.count[~right & production_right].sum())
    )
    pair: Paired = paired_of(
        candidate,
        baseline,
        plain_error=error(difference),
        log_error=math.nan if ratio is None else error(ratio),
        freedom=freedom(difference),
        log_freedom=math.nan if ratio is None else freedom(ratio),
        discordance=discordance,
        n=n,
    )
    differing = int(cells.count[cells.candidate != cells.baseline].sum())
    return Compared(
        pair=pair,
        own_error=error(mine[1]),
        own_freedom=freedom(mine[1]),
        own_size=float(n),
        differing=discordance.total if is_share(name) else differing,
        smallest_class=cells.rarest(name, both=True),
        own_class=cells.rarest(name, both=False),
    )


def scored(name: str, cells: Cells, predicted: Codes) -> tuple[float, NDArray[np.float64]]:
    """Value of one model, and the influence of an example of each combination, shape (k,)."""
    shares = cells.share(predicted)
    found: Smooth = smooth(name, shares, cells.positive)
    if not math.isfinite(found.value):
        raise Undefined("the numbers are too large to compute with")
    centre = (
        (found.by_truth * shares.truth).sum()
        + (found.by_predicted * shares.predicted).sum()
        + (found.by_right * shares.right).sum()
    )
    right = np.where(predicted == cells.truth, found.by_right[cells.truth], 0.0)
    by_predicted = np.append(found.by_predicted, 0.0)
    return found.value, found.by_truth[cells.truth] + by_predicted[predicted] + right - centre
