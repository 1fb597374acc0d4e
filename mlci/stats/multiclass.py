"""Metrics of the order of scores for several classes: averages over two-class ones, defined as in scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.auc import Ranking, average_precision, ranked, roc_auc
from mlci.stats.influence import Array, Score, Undefined

Codes = NDArray[Any]
_Two = Callable[[Ranking, NDArray[np.bool_], Array | None], Score]

# Each against the rest: the metric of two classes, and whether classes count by their share instead of alike.
_AGAINST_THE_REST: dict[str, tuple[_Two, bool]] = {
    "roc_auc_ovr": (roc_auc, False),
    "roc_auc_ovr_weighted": (roc_auc, True),
    "pr_auc_macro": (average_precision, False),
    "pr_auc_weighted": (average_precision, True),
}
_ONE_BY_ONE = {"roc_auc_ovo": False, "roc_auc_ovo_weighted": True}


def is_multiclass_ranking(name: str) -> bool:
    """Whether ``multiclass_score`` knows the name."""
    return name in _AGAINST_THE_REST or name in _ONE_BY_ONE


def multiclass_score(name: str, codes: Codes, scores: NDArray[Any], weights: Array | None = None) -> Score:
    """Value and influence of an average over classes, or over pairs of classes.

    Args:
        name: ``roc_auc_ovr``, ``roc_auc_ovo`` (Hand and Till 2001, Machine Learning 45:171), both also with
            ``_weighted``, ``pr_auc_macro`` or ``pr_auc_weighted``.
        codes: class codes, shape (n,).
        scores: score of every class, shape (n, classes).
        weights: shape (n,), mean 1; None for equal weights.

    Raises:
        Undefined: a class has no example.
    """
    n, classes = scores.shape
    shares = np.bincount(codes, weights=weights, minlength=classes) / n
    if (shares == 0).any():
        raise Undefined("a class has no example here, and an average over classes needs one of each")
    if name in _ONE_BY_ONE:
        return _one_by_one(codes, scores, weights, shares, by_share=_ONE_BY_ONE[name])
    of, by_share = _AGAINST_THE_REST[name]
    value, psi = 0.0, np.zeros(n)
    for each in range(classes):
        mine = codes == each
        found = of(ranked(scores[:, each]), mine, weights)
        part = shares[each] if by_share else 1.0 / classes
        value += part * found.value
        psi += part * found.influence
        if by_share:
            moved = mine - shares[each]
            psi += found.value * (moved if weights is None else moved * weights)
    return Score(float(value), psi, uneven=True)


def _one_by_one(codes: Codes, scores: NDArray[Any], weights: Array | None, shares: Array, *, by_share: bool) -> Score:
    n, classes = scores.shape
    value, psi, of_class = 0.0, np.zeros(n), np.zeros(classes)
    by_code = np.argsort(codes, kind="stable")
    edges = np.concatenate(([0], np.cumsum(np.bincount(codes, minlength=classes))))
    # Each pair counts by the share of its examples, which over all pairs add up to classes - 1.
    pairs = classes * (classes - 1) / 2
    for one, other in combinations(range(classes), 2):
        rows = np.concatenate([by_code[edges[each] : edges[each + 1]] for each in (one, other)])
        part = (shares[one] + shares[other]) / (classes - 1) if by_share else 1.0 / pairs
        own = None if weights is None else weights[rows] * (len(rows) / weights[rows].sum())
        both = [roc_auc(ranked(scores[rows, each]), codes[rows] == each, own) for each in (one, other)]
        middle = (both[0].value + both[1].value) / 2
        value += part * middle
        psi[rows] += part * (n / len(rows)) * (both[0].influence + both[1].influence) / 2
        if by_share:
            of_class[[one, other]] += middle / (classes - 1)
    if by_share:
        moved = of_class[codes] - float((of_class * shares).sum())
        psi += moved if weights is None else moved * weights
    return Score(float(value), psi, uneven=True)
