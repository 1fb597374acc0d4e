"""ROC AUC of two models from placement values: each example's share of the other class that it is on the right side of.

DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837. One linear sort per model; placement values are half-integers
over the size of the other class, so that the area itself is a quotient of integers, whatever the order of examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.bounds import Discordance, Undefined
from mlci.stats.comparing import Compared, finite, paired_of
from mlci.stats.influence import freedom_of
from mlci.stats.sorting import order_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


# So many examples are multiplied at once.
BLOCK = 1 << 14
# With fewer examples a second thread costs more than it saves.
_SEVERAL = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Sums over the placement values of two models on the same independent examples of equal weight.

    Attributes:
        positives: examples of the positive class.
        negatives: all others.
        candidate: the candidate's area.
        baseline: production's.
        aa: variance of the candidate's area; NaN where a class has fewer than two examples.
        bb: the same of production's.
        dd: variance of the difference.
        db: covariance of the difference with production's area.
        aaaa: sum of fourth powers of what ``aa`` is the sum of squares of; so are the next ones of their products.
        gained: examples that the candidate places better.
        lost: examples that production does.
    """

    positives: int
    negatives: int
    candidate: float
    baseline: float
    aa: float
    bb: float
    dd: float
    db: float
    aaaa: float
    dddd: float
    dddb: float
    ddbb: float
    dbbb: float
    bbbb: float
    gained: int
    lost: int


_PRODUCTS = ("aa", "bb", "dd", "db", "aaaa", "dddd", "dddb", "ddbb", "dbbb", "bbbb")


def halves(scores: NDArray[Any], positive: Mask) -> NDArray[Any]:
    """Twice the number of examples of the other class that each example is on the right side of, a tie counting one.

    Args:
        scores: shape (n,), finite.
        positive: which examples are of the positive class, shape (n,).
    """
    order = order_of(scores)
    rising, is_positive = scores[order], positive[order]
    # Twice the number of examples fits 32 bits in nearly every holdout, and half the memory is read.
    whole: Any = np.int32 if len(order) < 1 << 30 else np.int64
    ends = np.append(np.flatnonzero(rising[1:] != rising[:-1]), len(order) - 1)
    positives_to = np.cumsum(is_positive, dtype=whole)
    total = int(positives_to[-1])
    if len(ends) == len(order):
        of_positive = 2 * (np.arange(1, len(order) + 1, dtype=whole) - positives_to)
        of_negative = 2 * (whole(total) - positives_to)
    else:
        sizes = np.diff(ends, prepend=-1)
        positives_to = positives_to[ends]
        negatives_to = (ends + 1).astype(whole) - positives_to
        of_positive = np.repeat(negatives_to + np.concatenate(([0], negatives_to[:-1])), sizes)
        of_negative = np.repeat(whole(2 * total) - positives_to - np.concatenate(([0], positives_to[:-1])), sizes)
    placed = np.empty(len(order), dtype=whole)
    placed[order] = np.where(is_positive, of_positive, of_negative)
    return placed


def placed(candidate: NDArray[Any], baseline: NDArray[Any], positive: Mask) -> Placed:
    """Both models' areas and the covariances of their placement values.

    Raises:
        Undefined: only one class.
    """
    m = int(np.count_nonzero(positive))
    k = len(positive) - m
    if not m or not k:
        raise Undefined("only one class among these examples")
    a, b = _of_both(candidate, baseline, positive)
    gained, lost = int(np.count_nonzero(a > b)), int(np.count_nonzero(a < b))
    values = [int(each[positive].sum(dtype=np.int64)) / (2.0 * m * k) for each in (a, b)]
    if min(m, k) < 2:
        products = dict.fromkeys(_PRODUCTS, math.nan)
    else:
        products = _products(a, b, positive, (values[0], values[1]))
    return Placed(
        positives=m, negatives=k, candidate=values[0], baseline=values[1], gained=gained, lost=lost, **products
    )


def _of_both(candidate: NDArray[Any], baseline: NDArray[Any], positive: Mask) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(positive) < _SEVERAL:
        return halves(candidate, positive), halves(baseline, positive)
    # Sorting leaves the interpreter's lock to the other model.
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(halves, baseline, positive)
        return halves(candidate, positive), other.result()


def _products(a: NDArray[Any], b: NDArray[Any], positive: Mask, values: tuple[float, float]) -> dict[str, Any]:
    """Sums of products of deviations, each class over its size and its size less one, as DeLong does."""
    m = int(np.count_nonzero(positive))
    k = len(positive) - m
    # One look-up scales a placement value and gives it the weight of its class.
    weight = np.array([1 / math.sqrt(k * (k - 1.0)), 1 / math.sqrt(m * (m - 1.0))])
    scale, by_class = weight / (2.0 * np.array([m, k])), positive.view(np.int8)

    def deviations(rows: slice) -> tuple[Array, Array, Array]:
        each_scale, each_weight = scale[by_class[rows]], weight[by_class[rows]]
        of_a = a[rows] * each_scale - values[0] * each_weight
        of_b = b[rows] * each_scale - values[1] * each_weight
        return of_a, of_b, (a[rows] - b[rows]) * each_scale - (values[0] - values[1]) * each_weight

    return sums_of(len(a), deviations)


def sums_of(n: int, deviations: Callable[[slice], tuple[Array, Array, Array]]) -> dict[str, Any]:
    """Sums of squares, products and fourth powers of weighted deviations, as ``Placed`` names them.

    Args:
        n: examples.
        deviations: of some of them: the candidate's, production's, and those of the difference.
    """
    sums: list[tuple[float, ...]] = []
    # A part at a time, so that what is multiplied ten times over stays in the processor's cache.
    for start in range(0, n, BLOCK):
        of_a, of_b, of_d = deviations(slice(start, start + BLOCK))
        aa, bb, dd, db = of_a * of_a, of_b * of_b, of_d * of_d, of_d * of_b
        products = (aa, bb, dd, db, aa * aa, dd * dd, dd * db, db * db, db * bb, bb * bb)
        sums.append(tuple(float(each.sum()) for each in products))
    return {name: math.fsum(parts) for name, parts in zip(_PRODUCTS, zip(*sums, strict=True), strict=True)}


def compared(of: Placed) -> Compared:
    """ROC AUC of both models, from sums alone."""
    n, candidate, baseline = of.positives + of.negatives, of.candidate, of.baseline
    most = n - 1.0
    log = log_freedom = math.nan
    if candidate > 0 and baseline > 0:
        d, b = 1 / candidate, (baseline - candidate) / (candidate * baseline)
        squares = d * d * of.dd + 2 * d * b * of.db + b * b * of.bb
        fourths = d**4 * of.dddd + 4 * d**3 * b * of.dddb + 6 * d * d * b * b * of.ddbb
        fourths += 4 * d * b**3 * of.dbbb + b**4 * of.bbbb
        log, log_freedom = _root(squares), freedom_of(squares, fourths, n, most)
    discordance = Discordance(of.gained, of.lost)
    pair = paired_of(
        candidate, baseline, plain_error=_root(of.dd), log_error=log, discordance=discordance, n=n,
        freedom=freedom_of(of.dd, of.dddd, n, most), log_freedom=log_freedom,
    )  # fmt: skip
    fewest = min(of.positives, of.negatives)
    return Compared(
        pair=pair,
        own_error=_root(of.aa),
        own_freedom=freedom_of(of.aa, of.aaaa, n, most),
        own_size=float(n),
        differing=discordance.total,
        smallest_class=fewest,
        own_class=fewest,
    )


def _root(variance: float) -> float:
    return variance if math.isnan(variance) else finite(math.sqrt(max(0.0, variance)))
