"""Ranked lists: every query's value as scikit-learn or the textbook has it, whatever stands on one rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as theirs

from mlci.stats.influence import Undefined, standard_error
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.paired import Design, Discordance, contrast, discordance_of, paired
from mlci.stats.queries import per_query, ranked_lists

# Two queries: 3, 2, 3, 0, 1, 2 by score (Järvelin and Kekäläinen's kind of list), and one whose only hit is third.
RELEVANCE = np.array([3.0, 2.0, 3.0, 0.0, 1.0, 2.0, 0.0, 0.0, 1.0])
SCORES = np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
QUERIES = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])


def values(name: str, relevance: Any = RELEVANCE, scores: Any = SCORES, queries: Any = QUERIES) -> list[float]:
    return per_query(name, ranked_lists(relevance, scores, queries)).tolist()


def test_a_list_written_out_by_hand() -> None:
    dcg = 3 + 2 / math.log2(3) + 3 / 2 + 1 / math.log2(6) + 2 / math.log2(7)
    ideal = 3 + 3 / math.log2(3) + 2 / 2 + 2 / math.log2(5) + 1 / math.log2(6)
    assert values("ndcg") == pytest.approx([dcg / ideal, 0.5])
    assert values("mrr") == [1.0, pytest.approx(1 / 3)]
    assert values("mrr_at_2") == [1.0, 0.0]
    assert values("map") == pytest.approx([(1 + 1 + 1 + 4 / 5 + 5 / 6) / 5, 1 / 3])
    assert values("hit_at_1") == [1.0, 0.0]
    assert values("precision_at_4") == [0.75, 0.25]
    assert values("recall_at_4") == [0.6, 1.0]


def test_equal_scores_help_nobody_by_the_order_of_the_rows() -> None:
    relevance, flat = np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4)
    for rows in ([0, 1, 2, 3], [3, 2, 1, 0]):
        one = np.zeros(4, dtype=int)
        assert values("mrr", relevance[rows], flat, one) == [0.25]
        assert values("hit_at_3", relevance[rows], flat, one) == [0.0]
        assert values("precision_at_1", relevance[rows], flat, one) == [0.0]
        assert values("map", relevance[rows], flat, one) == [0.25]
        spread = sum(1 / math.log2(rank + 1) for rank in (1, 2, 3, 4)) / 4
        assert values("ndcg", relevance[rows], flat, one) == pytest.approx([spread])


def test_a_query_without_a_relevant_example_scores_nothing_for_anybody() -> None:
    for name in ("ndcg", "ndcg_at_2", "mrr", "map", "hit_at_2", "precision_at_2", "recall_at_2"):
        assert values(name, np.zeros(3), np.array([3.0, 1.0, 2.0]), np.zeros(3, dtype=int)) == [0.0]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 12), st.sampled_from([0, 1, 9]), st.integers(1, 15))
def test_ndcg_and_map_are_scikit_learns_ties_included(seed: int, n: int, decimals: int, k: int) -> None:
    random = np.random.default_rng(seed)
    lists = 4
    relevance = random.integers(0, 4, (lists, n)).astype(float)
    scores = np.round(random.random((lists, n)), decimals)
    queries = np.repeat(np.arange(lists), n)
    rows = random.permutation(lists * n)
    given_rows = relevance.ravel()[rows], scores.ravel()[rows], queries[rows]
    for query in range(lists):
        expected = theirs.ndcg_score(relevance[query : query + 1], scores[query : query + 1], k=k)
        assert values(f"ndcg_at_{k}", *given_rows)[query] == pytest.approx(expected, abs=1e-12)
        if relevance[query].any():
            binary = (relevance[query] > 0).astype(int)
            average = theirs.average_precision_score(binary, scores[query])
            assert values("map", *given_rows)[query] == pytest.approx(average, abs=1e-12)
            # The best relevant example stands behind everything else that is scored as high.
            best = max(scores[query][binary == 1])
            ahead = (scores[query] > best).sum() + ((scores[query] == best) & (binary == 0)).sum()
            assert values("mrr", *given_rows)[query] == pytest.approx(1 / (ahead + 1))


def test_the_mean_over_queries_is_judged_by_the_paired_t_test_over_queries() -> None:
    random = np.random.default_rng(2)
    queries = np.sort(random.integers(0, 30, 400))
    queries = np.unique(queries, return_inverse=True)[1]
    truth = Truth(codes=random.integers(0, 2, 400), classes=2, positive=1, grades=np.array([0.0, 1.0]))
    models = [Outputs(scores=random.random(400)) for _ in range(2)]
    mine, baseline = (measure("ndcg_at_5", truth, each, None, queries) for each in models)
    groups = int(queries.max()) + 1
    result = contrast(
        mine.score, baseline.score, Design(400, 0.975, None, queries, groups), higher_is_better=True, relative=False,
        is_share=False, discordance=discordance_of(mine.goodness - baseline.goodness),
    )  # fmt: skip
    expected = stats.ttest_rel(mine.goodness, baseline.goodness)
    low, high = expected.confidence_interval(0.95)
    assert result.difference / result.standard_error == pytest.approx(expected.statistic, rel=1e-11)
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-9)
    assert result.size == pytest.approx(groups)
    assert result.discordance.total <= groups


def test_few_queries_that_are_ranked_otherwise_leave_few_degrees_of_freedom() -> None:
    queries = np.repeat(np.arange(400), 2)
    truth = Truth(values=np.tile([1.0, 0.0], 400))
    production = np.tile([0.9, 0.1], 400)
    candidate = production.copy()
    candidate[:6] = candidate[:6][::-1]  # three queries
    both = [measure("hit_at_1", truth, Outputs(scores=s), groups=queries).score for s in (candidate, production)]
    found = paired(*both, Design(800, 0.95, clusters=queries, groups=400), Discordance(0, 3))
    assert found.freedom == pytest.approx(6 / (1 - 3 / 400), rel=0.02)


def test_a_heavier_query_counts_as_often_as_it_weighs_and_weights_within_one_agree() -> None:
    truth, outputs = Truth(values=RELEVANCE), Outputs(values=SCORES)
    weights = np.where(QUERIES == 0, 0.5, 2.0)
    weights *= len(weights) / weights.sum()
    found = measure("mrr", truth, outputs, weights, QUERIES).score
    assert found.value == pytest.approx((0.5 * 1 + 2.0 / 3) / 2.5)
    assert found.pieces == pytest.approx(2.5**2 / (0.5**2 + 2.0**2))
    with pytest.raises(Undefined, match="weights differ"):
        measure("mrr", truth, outputs, np.linspace(0.5, 1.5, 9), QUERIES)


def test_what_is_missing_for_a_ranked_list_is_said() -> None:
    truth, outputs = Truth(values=RELEVANCE), Outputs(values=SCORES)
    with pytest.raises(Undefined, match="column of the query as group"):
        measure("ndcg", truth, outputs)
    with pytest.raises(Undefined, match="below 0"):
        measure("ndcg", Truth(values=-RELEVANCE), outputs, None, QUERIES)
    with pytest.raises(Undefined, match="no relevance"):
        measure("ndcg", Truth(codes=np.zeros(9, dtype=int), classes=3), outputs, None, QUERIES)


@pytest.mark.parametrize("name", ["ndcg", "mrr", "map", "hit_at_2", "precision_at_2", "recall_at_2"])
def test_queries_doubled_as_one_leave_the_value_and_two_of_each_the_error_of_clusters(name: str) -> None:
    random = np.random.default_rng(3)
    queries = np.repeat(np.arange(40), 6)
    truth = Truth(values=random.integers(0, 3, 240).astype(float))
    outputs = Outputs(values=random.random(240))
    score = measure(name, truth, outputs, None, queries).score
    values = per_query(name, ranked_lists(truth.values, outputs.values, queries))
    assert score.value == pytest.approx(values.mean(), rel=1e-12)
    assert standard_error(score.influence, clusters=queries) == pytest.approx(
        values.std(ddof=1) / math.sqrt(40), rel=1e-11
    )
