"""What must not change, and what must change just so, when the same facts are written another way."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from judging import (
    classifier,
    finding,
    given,
    ids,
    judged,
    policy,
    regression,
    report,
    rows_of,
    with_columns,
    written,
)

from mlci.domain.policy import Tolerance
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.steps.gate_compare import run

BINARY = (
    "accuracy",
    "balanced_accuracy",
    "mcc",
    "f1",
    "precision",
    "recall",
    "f1_macro",
    "roc_auc",
    "pr_auc",
    "brier",
    "log_loss",
    "error_rate",
    "kappa",
    "specificity",
    "npv",
    "jaccard",
    "f0.5",
    "f2_macro",
)
SEVERAL = ("accuracy", "balanced_accuracy", "mcc", "f1_macro", "precision_weighted", "recall_micro", "kappa")
VALUES = (
    "rmse",
    "mse",
    "mae",
    "r2",
    "mape",
    "smape",
    "wape",
    "explained_variance",
    "pearson",
    "pinball_0.9",
    "median_absolute_error",
    "p90_absolute_error",
)
CLASS_SCORES = ("roc_auc_ovr", "roc_auc_ovo_weighted", "pr_auc_macro", "pr_auc_weighted", "top_2_accuracy", "brier")


def with_class_scores(n: int, seed: int) -> dict[str, Any]:
    columns = classifier(n, seed, classes=3)
    raw = np.random.default_rng(seed).random((n, 3)) + 0.8 * np.eye(3)[columns["pred"]]
    shares = np.round(raw / raw.sum(axis=1, keepdims=True), 6)
    return {**columns, **{f"y_score_{code}": shares[:, code] for code in range(3)}}


PAIRS = {
    "binary": (classifier(300, 1, scores=True), classifier(300, 2, scores=True), BINARY),
    "several": (classifier(300, 3, classes=4), classifier(300, 4, classes=4), SEVERAL),
    "values": (regression(200, 5), regression(200, 6), VALUES),
    "class scores": (with_class_scores(300, 7), with_class_scores(300, 8), CLASS_SCORES),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_swapping_the_models_mirrors_difference_and_bounds(kind: str) -> None:
    candidate, baseline, names = PAIRS[kind]
    asked = policy(*names, tolerance=0.01)
    there, back = report(candidate, baseline, asked), report(baseline, candidate, asked)
    for name in names:
        one, other = finding(there, f"compare:{name}"), finding(back, f"compare:{name}")
        assert one.difference == pytest.approx(-other.difference, rel=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-12)
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]), abs=1e-12)
        assert (one.candidate, one.baseline) == (other.baseline, other.candidate)


def test_swapping_a_shown_regression_gives_a_shown_pass() -> None:
    good, bad = classifier(2000, 1, right=0.95), classifier(2000, 2, right=0.80)
    asked = policy("accuracy", "f1", tolerance=0.01)
    assert report(bad, good, asked).verdict is Verdict.FAIL
    assert report(good, bad, asked).verdict is Verdict.PASS


@pytest.mark.parametrize("kind", PAIRS)
def test_each_row_doubled_as_a_cluster_gives_the_error_of_the_rows_alone(kind: str) -> None:
    candidate, baseline, names = PAIRS[kind]
    n = len(candidate["id"])
    twice = np.repeat(np.arange(n), 2)
    double = [
        with_columns(rows_of(each, twice), id=ids(2 * n), group=[f"g{row}" for row in twice])
        for each in (candidate, baseline)
    ]
    alone = report(*(with_columns(each, group=ids(n)) for each in (candidate, baseline)), policy(*names))
    doubled = report(*double, policy(*names))
    for name in names:
        one, other = finding(alone, f"compare:{name}"), finding(doubled, f"compare:{name}")
        assert other.standard_error == pytest.approx(one.standard_error, rel=1e-10)
        assert other.interval == pytest.approx(one.interval, abs=1e-10)
        assert (other.clusters, other.n) == (n, 2 * n)
        assert other.verdict is one.verdict


def test_repeated_ids_as_clusters_are_the_same_as_a_group_column() -> None:
    candidate, baseline = (classifier(120, seed) for seed in (1, 2))
    twice = np.repeat(np.arange(120), 2)
    repeated = [rows_of(each, twice) for each in (candidate, baseline)]
    grouped = [with_columns(each, group=[f"g{row}" for row in twice], id=ids(240)) for each in repeated]
    by_id = report(*repeated, policy("accuracy", "f1", duplicates="cluster"))
    by_group = report(*grouped, policy("accuracy", "f1"))
    assert written(by_id) == written(by_group)


@pytest.mark.parametrize("shift", [0.25, 100.0])
def test_a_constant_added_to_every_score_leaves_rankings_alone(shift: float) -> None:
    candidate, baseline = (classifier(300, seed, scores=True) for seed in (1, 2))
    moved = [
        with_columns(each, score=np.round(np.array(each["score"]) * 1024) / 1024) for each in (candidate, baseline)
    ]
    shifted = [with_columns(each, score=each["score"] + shift) for each in moved]
    asked = policy("roc_auc", "pr_auc")
    assert written(report(*moved, asked)) == written(report(*shifted, asked))


@pytest.mark.parametrize("kind", PAIRS)
def test_permuted_rows_give_the_same_bytes(kind: str) -> None:
    candidate, baseline, names = PAIRS[kind]
    n = len(candidate["id"])
    random = np.random.default_rng(1)
    extras = {"weight": random.integers(1, 9, n), "slice_part": random.choice(["a", "b", "ü"], n)}
    asked = policy(*names, tolerance=0.01)

    def bytes_of(orders: list[Any]) -> bytes:
        sides = []
        for each, order, name in zip((candidate, baseline), orders, ("candidate", "production"), strict=True):
            side = given(rows_of(with_columns(each, **extras), order), name)
            # The digest of the file is of its bytes, and those do differ.
            sides.append(replace(side, subject=Subject(name=name, digest="0" * 64)))
        return run(*sides, asked).evidence

    straight = bytes_of([range(n), range(n)])
    assert bytes_of([random.permutation(n), range(n)]) == straight
    assert bytes_of([random.permutation(n), random.permutation(n)]) == straight
    assert bytes_of([range(n - 1, -1, -1), random.permutation(n)]) == straight


@pytest.mark.parametrize("weight", [1, 0.1, 7.3e200])
@pytest.mark.parametrize("kind", PAIRS)
def test_equal_weights_give_the_very_findings_of_no_weights(kind: str, weight: float) -> None:
    candidate, baseline, names = PAIRS[kind]
    weighted = [with_columns(each, weight=[weight] * len(each["id"])) for each in (candidate, baseline)]
    with_weights, without = judged(*weighted, policy(*names)), judged(candidate, baseline, policy(*names))
    assert with_weights.report.findings == without.report.findings
    assert b'"effective_n"' not in with_weights.evidence


@pytest.mark.parametrize("kind", PAIRS)
def test_only_the_ratios_of_weights_matter(kind: str) -> None:
    candidate, baseline, names = PAIRS[kind]
    weights = np.random.default_rng(2).integers(1, 8, len(candidate["id"])).astype(float)
    small, large = (
        report(*(with_columns(each, weight=weights * scale) for each in (candidate, baseline)), policy(*names))
        for scale in (1.0, 2.0**1020)
    )
    assert written(small) == written(large)


def test_weight_two_has_the_value_of_the_row_twice_but_not_its_certainty() -> None:
    candidate, baseline = (classifier(200, seed, scores=True) for seed in (1, 2))
    weights = np.random.default_rng(3).integers(1, 4, 200)
    again = np.repeat(np.arange(200), weights)
    names = ("accuracy", "f1", "mcc", "roc_auc", "pr_auc", "brier")
    weighted = report(*(with_columns(each, weight=weights) for each in (candidate, baseline)), policy(*names))
    repeated = report(
        *(with_columns(rows_of(each, again), id=ids(len(again))) for each in (candidate, baseline)), policy(*names)
    )
    for name in names:
        one, other = finding(weighted, f"compare:{name}"), finding(repeated, f"compare:{name}")
        assert (one.candidate, one.baseline) == pytest.approx((other.candidate, other.baseline), rel=1e-12)
        assert one.standard_error > other.standard_error


@settings(max_examples=60, deadline=None)
@for_all(
    right=st.floats(0.6, 0.95),
    n=st.sampled_from((40, 200, 1500)),
    seeds=st.tuples(st.integers(0, 50), st.integers(51, 99)),
    tolerances=st.tuples(st.floats(1e-4, 0.4), st.floats(1e-4, 0.4)),
    relative=st.booleans(),
)
def test_a_larger_tolerance_never_worsens_a_verdict(
    right: float, n: int, seeds: tuple[int, int], tolerances: tuple[float, float], relative: bool
) -> None:
    """From a tolerance above 0 on: 0 asks another question, whether a regression is demonstrated."""
    candidate, baseline = classifier(n, seeds[0], right=right), classifier(n, seeds[1], right=0.85)
    small, large = (
        report(candidate, baseline, policy("accuracy", "f1", "mcc", tolerance=Tolerance(each, relative)))
        for each in sorted(tolerances)
    )
    for strict, lax in zip(small.findings, large.findings, strict=True):
        assert lax.verdict.rank <= strict.verdict.rank, (strict, lax)
    assert large.verdict.rank <= small.verdict.rank


@settings(max_examples=60, deadline=None)
@for_all(
    right=st.floats(0.6, 0.95),
    n=st.sampled_from((40, 200, 1500)),
    seeds=st.tuples(st.integers(0, 50), st.integers(51, 99)),
    levels=st.tuples(st.floats(0.55, 0.999), st.floats(0.55, 0.999)),
)
def test_more_confidence_never_turns_doubt_into_a_pass_or_a_pass_into_a_fail(
    right: float, n: int, seeds: tuple[int, int], levels: tuple[float, float]
) -> None:
    candidate, baseline = classifier(n, seeds[0], right=right), classifier(n, seeds[1], right=0.85)
    low, high = (
        report(candidate, baseline, policy("accuracy", "f1", "mcc", tolerance=0.02, confidence=each))
        for each in sorted(levels)
    )
    for lax, strict in zip(low.findings, high.findings, strict=True):
        if lax.verdict is Verdict.INCONCLUSIVE:
            assert strict.verdict is Verdict.INCONCLUSIVE
        if lax.verdict is Verdict.PASS:
            assert strict.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE)


def test_the_rows_of_a_slice_column_sum_to_the_whole() -> None:
    candidate, baseline = (classifier(900, seed) for seed in (1, 2))
    region = [["north", "south", "", None][row % 4] for row in range(900)]
    whole = report(
        *(with_columns(each, region=region) for each in (candidate, baseline)), policy("accuracy", slices=["region"])
    )
    parts = [each for each in whole.findings if each.slice is not None]
    overall = finding(whole, "compare:accuracy")
    assert {each.slice for each in parts} == {"region=north", "region=south", "region=(missing)"}
    assert sum(each.n for each in parts) == overall.n == 900
    assert sum(each.n * each.candidate for each in parts) == pytest.approx(900 * overall.candidate)
    assert sum(each.n * each.difference for each in parts) == pytest.approx(900 * overall.difference)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_slice_of_every_row_has_the_figures_of_the_whole(kind: str) -> None:
    candidate, baseline, names = PAIRS[kind]
    all_rows = ["x"] * len(candidate["id"])
    found = report(*(with_columns(each, slice_all=all_rows) for each in (candidate, baseline)), policy(*names))
    for name in names:
        whole, part = finding(found, f"compare:{name}"), finding(found, f"compare:{name}[slice_all=x]")
        assert (part.difference, part.standard_error, part.interval) == (
            whole.difference,
            whole.standard_error,
            whole.interval,
        )


def test_the_evaluation_set_has_one_digest_whatever_the_order_and_another_for_another_label() -> None:
    candidate, baseline = (classifier(50, seed) for seed in (1, 2))
    back = [rows_of(each, range(49, -1, -1)) for each in (candidate, baseline)]
    relabelled = [with_columns(each, y=1 - np.array(each["y"])) for each in (candidate, baseline)]

    def digest(pair: list[Any]) -> bytes:
        evidence = judged(*pair, policy("accuracy")).evidence
        return evidence.split(b'"evaluation_set":"')[1][:64]

    assert digest(back) == digest([candidate, baseline]) != digest(relabelled)
    assert len(hashlib.sha256().hexdigest()) == len(digest(back))
