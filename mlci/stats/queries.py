"""Metrics of ranked lists, one list per query: the mean over queries of what each query has by itself.

The query is the unit: its examples are one observation, and Student's t has one degree of freedom less than there are
queries, or fewer where few queries carry the error. A query without a relevant example scores 0 for every model. Equal
scores never help a model by the order of its rows: what stands on tied ranks shares their discounts in NDCG, is reached
together in average precision (both as in scikit-learn), and elsewhere the relevant ones of a tie stand behind the
others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.influence import Array, Score, Undefined

_NAME = re.compile(r"(ndcg|map|mrr|hit|precision|recall)(?:_at_([1-9][0-9]{0,3}))?")
_WHOLE_LIST = frozenset({"ndcg", "map", "mrr"})


def is_query_metric(name: str) -> bool:
    """Whether ``query_score`` knows the name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    return found[2] is None if found[1] == "map" else found[1] in _WHOLE_LIST or found[2] is not None


@dataclass(frozen=True)
class Lists:
    """Every query's examples, best score first, queries one after another.

    Attributes:
        query: query of each example, ascending, shape (n,).
        starts: where each query begins, shape (queries,).
        rank: 1 for the best of its query, shape (n,).
        relevance: shape (n,); among equal scores ascending.
        tie: number of the group of equal scores of one query that each example is in, shape (n,).
    """

    query: NDArray[np.intp]
    starts: NDArray[np.intp]
    rank: NDArray[np.intp]
    relevance: Array
    tie: NDArray[np.intp]


def ranked_lists(relevance: Array, scores: NDArray[Any], queries: NDArray[Any]) -> Lists:
    """Put every query's examples in order of score, the least relevant of equal ones first.

    Args:
        relevance: how relevant each example is, shape (n,).
        scores: the model's, shape (n,).
        queries: codes 0 … queries - 1, shape (n,), each present.
    """
    order = np.lexsort((relevance, -scores, queries))
    query, falling = queries[order].astype(np.intp), scores[order]
    new = np.concatenate(([True], query[1:] != query[:-1]))
    starts = np.flatnonzero(new)
    rank = np.arange(len(order)) - starts[query] + 1
    apart = new.copy()
    apart[1:] |= falling[1:] != falling[:-1]
    return Lists(query, starts, rank, relevance[order], np.cumsum(apart) - 1)


def per_query(name: str, lists: Lists) -> Array:
    """What each query scores, shape (queries,)."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise Undefined(f"{name} is no metric of ranked lists")
    base, most = found[1], int(found[2]) if found[2] else None
    within = np.ones(len(lists.rank), dtype=bool) if most is None else lists.rank <= most
    if base == "ndcg":
        return _ndcg(lists, within)
    relevant = lists.relevance > 0
    if base == "map":
        return _average_precision(lists, relevant)
    if base in ("mrr", "hit"):
        reached = np.where(relevant & within, 1.0 / lists.rank, 0.0)
        best = np.maximum.reduceat(reached, lists.starts)
        return best if base == "mrr" else (best > 0).astype(np.float64)
    found_ones = np.add.reduceat((relevant & within).astype(np.float64), lists.starts)
    if base == "precision":
        return found_ones / float(most or 1)
    total = np.add.reduceat(relevant.astype(np.float64), lists.starts)
    return _share(found_ones, total)


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _ndcg(lists: Lists, within: NDArray[np.bool_]) -> Array:
    """Järvelin and Kekäläinen 2002, ACM TOIS 20:422, with the relevance itself as the gain; ties as McSherry 2008."""
    if (lists.relevance < 0).any():
        raise Undefined("a relevance is below 0")
    discount = np.where(within, 1.0 / np.log2(lists.rank + 1.0), 0.0)
    first = np.concatenate(([0], np.flatnonzero(np.diff(lists.tie)) + 1))
    sizes = np.diff(first, append=len(lists.tie))
    gains = np.add.reduceat(lists.relevance, first) / sizes * np.add.reduceat(discount, first)
    reached: Array = np.bincount(lists.query[first], weights=gains, minlength=len(lists.starts)).astype(np.float64)
    ideal: Array = lists.relevance[np.lexsort((-lists.relevance, lists.query))]
    return _share(reached, np.add.reduceat(ideal * discount, lists.starts))


def _average_precision(lists: Lists, relevant: NDArray[np.bool_]) -> Array:
    last = np.concatenate((np.flatnonzero(np.diff(lists.tie)), [len(lists.tie) - 1]))
    so_far = np.cumsum(relevant)
    before = np.concatenate(([0], so_far))[lists.starts]
    precision = ((so_far[last] - before[lists.query[last]]) / lists.rank[last])[lists.tie]
    return _share(
        np.add.reduceat(np.where(relevant, precision, 0.0), lists.starts),
        np.add.reduceat(relevant.astype(np.float64), lists.starts),
    )


def query_score(
    name: str, relevance: Array, scores: NDArray[Any], queries: NDArray[Any], weights: Array | None = None
) -> tuple[Score, Array]:
    """The mean over queries, and what each query scores.

    Args:
        name: ``ndcg``, ``mrr``, both also with ``_at_<k>``; ``map``; ``hit_at_<k>``, ``precision_at_<k>``,
            ``recall_at_<k>``.
        relevance: how relevant each example is, shape (n,); above 0 is relevant.
        scores: the model's, shape (n,), finite.
        queries: codes 0 … queries - 1, shape (n,), each present.
        weights: shape (n,), mean 1, the same throughout a query; None for equal weights.

    Raises:
        Undefined: weights differ within a query, or a relevance is below 0.
    """
    n, sizes = len(relevance), np.bincount(queries)
    values = per_query(name, ranked_lists(relevance, scores, queries))
    share = np.full(len(sizes), 1.0 / len(sizes))
    if weights is not None:
        first = np.full(len(sizes), np.inf)
        np.minimum.at(first, queries, weights)
        if (first[queries] != weights).any():
            raise Undefined("weights differ between the examples of one query, which is judged as a whole")
        share = first / first.sum()
    value = float((share * values).sum())
    # A query's influence is spread over its examples, so that a sum over the group is the query's.
    of_query = share * (values - value) * n
    pieces = float(1.0 / (share * share).sum())
    # Two models often rank but a few queries differently, and those carry the whole error.
    score = Score(value, (of_query / sizes)[queries], uneven=True, pieces=pieces)
    return score, values
