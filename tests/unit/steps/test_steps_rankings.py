"""Ranked lists and several classes through the whole gate: what a query is, and what a slice of queries may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judging import finding, ids, judged, policy, report, rows_of, with_columns

from mlci.domain.verdict import Verdict


def searched(queries: int, seed: int, *, noise: float, documents: int = 8) -> dict[str, Any]:
    """Every query has as many documents; how relevant one is depends on their number alone, so two models share it."""
    n = queries * documents
    relevance = np.random.default_rng(n).integers(0, 3, n)
    score = relevance + np.random.default_rng(seed).normal(0, noise, n)
    query = [f"q{row // documents:03}" for row in range(n)]
    kind = ["ab"[row // documents % 2] for row in range(n)]
    return {"id": ids(n), "y": relevance, "score": score, "group": query, "slice_kind": kind}


ASKED = policy("ndcg@10", "mrr", "map", "hit_at_1", "precision_at_3", "recall_at_3", tolerance=0.01)


def test_queries_are_the_unit_of_a_ranked_list() -> None:
    found = report(searched(300, 1, noise=0.5), searched(300, 2, noise=2.0), ASKED)
    assert found.verdict is Verdict.PASS
    for name in ("ndcg_at_10", "mrr", "map", "hit_at_1", "precision_at_3", "recall_at_3"):
        one = finding(found, f"compare:{name}")
        assert (one.n, one.clusters) == (2400, 300)
        assert one.reason == "better"
    assert report(searched(300, 2, noise=2.0), searched(300, 1, noise=0.5), ASKED).verdict is Verdict.FAIL


def test_too_few_queries_are_said_however_many_documents_they_have() -> None:
    found = report(searched(4, 1, noise=0.1, documents=200), searched(4, 2, noise=5.0, documents=200), policy("ndcg"))
    one = finding(found, "compare:ndcg")
    assert (one.verdict, one.reason) == (Verdict.INCONCLUSIVE, "clusters")


def test_a_slice_may_hold_whole_queries_and_never_parts_of_them() -> None:
    candidate, baseline = searched(100, 1, noise=1.0), searched(100, 2, noise=1.0)
    assert finding(report(candidate, baseline, ASKED), "compare:mrr[slice_kind=a]").clusters == 50
    halves = ["xy"[row % 2] for row in range(800)]
    cut = [with_columns(each, slice_kind=halves) for each in (candidate, baseline)]
    found = finding(report(*cut, ASKED), "compare:mrr[slice_kind=x]")
    assert (found.reason, found.advisory) == ("undefined", True)
    assert "cuts queries apart" in found.message


def test_ranked_lists_have_the_same_bytes_whatever_the_order_of_the_rows() -> None:
    candidate, baseline = searched(60, 1, noise=1.0), searched(60, 2, noise=1.0)
    candidate, baseline = (with_columns(each, score=np.round(each["score"], 0)) for each in (candidate, baseline))
    rows = np.random.default_rng(3).permutation(480)
    there = judged(candidate, baseline, ASKED)
    again = judged(rows_of(candidate, rows), rows_of(baseline, rows[::-1]), ASKED)
    assert there.report.findings == again.report.findings


def test_a_ranked_list_without_queries_says_what_is_missing() -> None:
    candidate = {name: values for name, values in searched(50, 1, noise=1.0).items() if name != "group"}
    found = finding(report(candidate, candidate, policy("ndcg")), "compare:ndcg")
    assert "column of the query as group" in found.message


def several(seed: int, noise: float) -> dict[str, Any]:
    truth = np.random.default_rng(1).integers(0, 3, 600)
    raw = np.exp(2 * np.eye(3)[truth] + np.random.default_rng(seed).normal(0, noise, (600, 3)))
    shares = raw / raw.sum(axis=1, keepdims=True)
    names = [f"c{code}" for code in truth]
    return {"id": ids(600), "y": names, **{f"y_score_c{code}": shares[:, code] for code in range(3)}}


@pytest.mark.parametrize("name", ["roc_auc_ovr", "roc_auc_ovo_weighted", "pr_auc_macro", "top_2_accuracy"])
def test_scores_of_several_classes_are_judged_in_points(name: str) -> None:
    asked = policy(name, tolerance=0.01)
    worse = finding(report(several(2, 2.5), several(3, 1.0), asked), f"compare:{name}")
    assert (worse.verdict, worse.reason) == (Verdict.FAIL, "regression")
    assert finding(report(several(3, 1.0), several(2, 2.5), asked), f"compare:{name}").reason == "better"
