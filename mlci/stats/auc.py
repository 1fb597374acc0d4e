"""Metrics of the order of scores: ROC AUC and average precision, one sort each, exact with ties and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.influence import Score, Undefined
from mlci.stats.sorting import order_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Ranking:
    """Examples from the highest score to the lowest, with ties grouped.

    Attributes:
        order: indices of the examples, best score first, shape (n,).
        starts: where each group of equal scores begins in ``order``, shape (groups,).
        sizes: how many examples each group has, shape (groups,).
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]


def ranked(scores: NDArray[Any]) -> Ranking:
    """Sort scores once; both metrics read the same order."""
    order = order_of(scores)[::-1]
    falling = scores[order]
    starts = np.concatenate(([0], np.flatnonzero(falling[1:] != falling[:-1]) + 1)).astype(np.intp)
    return Ranking(order, starts, np.diff(starts, append=len(scores)))


def _falling(ranking: Ranking, positive: Mask, weights: Array | None) -> tuple[Array, Array]:
    """Weight of each example as a positive and as a negative, best score first."""
    positives = positive[ranking.order].astype(np.float64)
    if weights is None:
        negatives = 1.0 - positives
    else:
        falling = weights[ranking.order]
        positives *= falling
        negatives = falling - positives
    if not positives.any() or not negatives.any():
        raise Undefined("only one class among these examples")
    return positives, negatives


def _by_group(ranking: Ranking, falling: Array) -> Array:
    return falling if len(ranking.starts) == len(falling) else np.add.reduceat(falling, ranking.starts)


def _each(ranking: Ranking, groups: Array) -> Array:
    """Give each example, best score first, the value of its group of equal scores."""
    return groups if len(groups) == len(ranking.order) else np.repeat(groups, ranking.sizes)


def _in_place(ranking: Ranking, falling: Array) -> Array:
    """Bring values from the order of scores back to the examples' own order."""
    spread = np.empty(len(falling))
    spread[ranking.order] = falling
    return spread


def _share(part: Array, whole: Array) -> Array:
    """Quotient that is 0 where the whole has no weight: such examples count for nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def roc_auc(ranking: Ranking, positive: Mask, weights: Array | None = None) -> Score:
    """Area under the ROC curve as the mean placement value, ties counting one half.

    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; in O(n log n) as Sun and Xu 2014, IEEE SPL 21:1389.

    Raises:
        Undefined: only one class.
    """
    positives, negatives = _falling(ranking, positive, weights)
    of_positives, of_negatives = _by_group(ranking, positives), _by_group(ranking, negatives)
    total_positive, total_negative = of_positives.sum(), of_negatives.sum()
    # For a positive: the share of negatives it outranks. For a negative: the share of positives that outrank it.
    outranked = (total_negative - np.cumsum(of_negatives) + 0.5 * of_negatives) / total_negative
    outranking = (np.cumsum(of_positives) - 0.5 * of_positives) / total_positive
    value = float((of_positives * outranked).sum() / total_positive)
    n = len(positive)
    positives *= _each(ranking, (outranked - value) * (n / total_positive))
    negatives *= _each(ranking, (outranking - value) * (n / total_negative))
    influence = _in_place(ranking, positives + negatives)
    return Score(value, influence, positives=positive if weights is None else None, uneven=True)


def average_precision(ranking: Ranking, positive: Mask, weights: Array | None = None) -> Score:
    """Area under the precision-recall curve as average precision, scikit-learn's definition, ties included.

    With A(s) the share scored at least s, T(s) the share of positives among all that are, and pi the share of
    positives, AP = E[Y T(S)/A(S)] / pi. Differentiating through Y, T, A and pi gives the influence
    (y prec + y G1 - G2) / pi - AP y / pi, where G1 and G2 sum 1/A and T/A² over the positives scored no higher.

    Raises:
        Undefined: only one class.
    """
    positives, negatives = _falling(ranking, positive, weights)
    everyone = positives + negatives
    n = len(positive)
    of_positives = _by_group(ranking, positives) / n
    reached = np.cumsum(_by_group(ranking, everyone) / n)
    found = np.cumsum(of_positives)
    share = float(found[-1])
    precision = _share(found, reached)
    value = float((of_positives * precision).sum() / share)
    inverse = np.cumsum(_share(of_positives, reached)[::-1])[::-1]
    squared = np.cumsum(_share(of_positives * precision, reached)[::-1])[::-1]
    positives *= _each(ranking, (precision + inverse - value) / share)
    everyone *= _each(ranking, squared / share)
    return Score(value, _in_place(ranking, positives - everyone), uneven=True)
