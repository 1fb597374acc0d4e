"""Ids that stand more than once: as groups in whatever order, and as samples that are averaged first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judging import finding, given, ids, judged, policy, report, rows_of, with_columns
from scipy import stats

from mlci.domain.policy import MetricRule
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.errors import HoldoutDiffers
from mlci.steps.gate_compare import run

N = 200


def answered(samples: int, seed: int, *, right: float = 0.8) -> dict[str, Any]:
    """A model that answers each of 200 questions several times; the truth is the same for all."""
    truth = np.random.default_rng(9).integers(0, 2, N).repeat(samples)
    random = np.random.default_rng(seed)
    label = np.where(random.random(N * samples) < right, truth, 1 - truth)
    score = np.clip(label * 0.6 + 0.4 * random.random(N * samples), 0.01, 0.99)
    return {"id": np.repeat(ids(N), samples).tolist(), "y": truth, "pred": label, "score": score}


def means(columns: dict[str, Any], of: Any) -> np.ndarray:
    names = np.array(columns["id"])
    return np.array([np.mean(np.asarray(of)[names == name]) for name in ids(N)])


def right(columns: dict[str, Any]) -> np.ndarray:
    return np.asarray(columns["y"]) == np.asarray(columns["pred"])


def evidence(candidate: dict[str, Any], baseline: dict[str, Any], asked: Any) -> bytes:
    sides = [
        replace(given(each, name), subject=Subject(name=name, digest="0" * 64))
        for each, name in ((candidate, "candidate"), (baseline, "production"))
    ]
    return run(*sides, asked).evidence


def test_samples_are_averaged_first_and_each_model_may_have_its_own_number_of_them() -> None:
    candidate, baseline = answered(3, 1), answered(5, 2)
    found = report(candidate, baseline, policy("accuracy", "brier", "log_loss", "error_rate", duplicates="mean"))
    mine, theirs = (means(each, right(each)) for each in (candidate, baseline))
    one = finding(found, "compare:accuracy")
    assert (one.n, one.clusters) == (N, N)
    assert (one.candidate, one.baseline) == pytest.approx((mine.mean(), theirs.mean()), abs=1e-12)
    expected = stats.ttest_rel(mine, theirs)
    assert one.difference / one.standard_error == pytest.approx(expected.statistic, rel=1e-10)
    brier = [(np.asarray(each["score"]) - np.asarray(each["y"])) ** 2 for each in (candidate, baseline)]
    assert finding(found, "compare:brier").candidate == pytest.approx(means(candidate, brier[0]).mean(), abs=1e-12)
    assert finding(found, "compare:error_rate").difference == pytest.approx(-one.difference, abs=1e-12)
    assert "candidate: 600 rows are samples of 200 examples, whose values are averaged first" in found.assumptions


def test_what_is_no_mean_is_undefined_for_samples() -> None:
    found = report(answered(3, 1), answered(3, 2), policy("f1", "roc_auc", "accuracy", duplicates="mean"))
    for name in ("f1", "roc_auc"):
        one = finding(found, f"compare:{name}")
        assert (one.verdict, one.reason) == (Verdict.INCONCLUSIVE, "undefined")
        assert f"only means are taken, and {name} is none" in one.message
    assert finding(found, "compare:accuracy").difference is not None


def test_one_sample_each_is_the_example_itself() -> None:
    once = report(answered(1, 1), answered(1, 2), policy("accuracy", duplicates="mean"))
    plain = report(answered(1, 1), answered(1, 2), policy("accuracy"))
    assert once.findings == plain.findings


def test_samples_of_a_column_of_ones_own_are_averaged_and_its_slices_too() -> None:
    random = np.random.default_rng(4)
    kind = ["a", "b"] * (N // 2)
    sides = [
        {"id": np.repeat(ids(N), k).tolist(), "judge": random.random(N * k), "slice_kind": np.repeat(kind, k).tolist()}
        for k in (2, 4)
    ]
    asked = policy(MetricRule(metric="judge", better="higher"), duplicates="mean")
    found = report(*sides, asked)
    assert finding(found, "compare:judge").candidate == pytest.approx(np.mean(sides[0]["judge"]), abs=1e-12)
    part = finding(found, "compare:judge[slice_kind=a]")
    assert part.n == N // 2
    assert part.baseline == pytest.approx(means(sides[1], sides[1]["judge"])[::2].mean(), abs=1e-12)


def test_samples_that_disagree_on_the_label_are_no_samples() -> None:
    broken = answered(3, 1)
    broken["y"] = [1 - label if row == 4 else label for row, label in enumerate(broken["y"])]
    with pytest.raises(HoldoutDiffers, match="samples of 1 examples disagree on their target, among them 'e00001'"):
        judged(broken, answered(3, 2), policy("accuracy", duplicates="mean"))


def test_one_missing_answer_is_one_example_that_is_not_answered() -> None:
    broken = answered(4, 1)
    broken["score"] = [None if row in (1, 2, 9) else score for row, score in enumerate(broken["score"])]
    found = report(broken, answered(4, 2), policy("accuracy", "brier", duplicates="mean"))
    assert finding(found, "robustness:missing-predictions").verdict is Verdict.FAIL
    assert "2" in finding(found, "robustness:missing-predictions").message
    assert finding(found, "compare:brier").reason == "undefined"


@pytest.mark.parametrize("duplicates", ["cluster", "mean"])
def test_repeated_ids_give_the_same_bytes_whatever_the_order_of_the_rows(duplicates: str) -> None:
    candidate, baseline = answered(3, 1), answered(3, 2)
    extras = {"slice_kind": np.repeat(["a", "b"] * (N // 2), 3).tolist()}
    candidate, baseline = with_columns(candidate, **extras), with_columns(baseline, **extras)
    asked = policy("accuracy", "brier", *(("roc_auc", "f1") if duplicates == "cluster" else ()), duplicates=duplicates)
    random = np.random.default_rng(5)
    straight = evidence(candidate, baseline, asked)
    for _ in range(3):
        orders = [random.permutation(3 * N) for _ in range(2)]
        assert evidence(rows_of(candidate, orders[0]), rows_of(baseline, orders[1]), asked) == straight


def test_groups_give_the_same_bytes_whatever_the_order_of_the_rows() -> None:
    random = np.random.default_rng(6)
    group = [f"g{number}" for number in random.integers(0, 40, N)]
    candidate, baseline = (with_columns(answered(1, seed), group=group) for seed in (1, 2))
    candidate["score"], baseline["score"] = (np.round(each["score"], 1) for each in (candidate, baseline))
    asked = policy("accuracy", "brier", "roc_auc", "pr_auc", "f1", "mcc")
    straight = evidence(candidate, baseline, asked)
    for _ in range(3):
        orders = [random.permutation(N) for _ in range(2)]
        assert evidence(rows_of(candidate, orders[0]), rows_of(baseline, orders[1]), asked) == straight


# Ratios of sums.


def transcribed(seed: int, *, noise: float) -> dict[str, Any]:
    words = np.random.default_rng(7).integers(5, 40, N)
    return {"id": ids(N), "errors": np.random.default_rng(seed).binomial(words, noise), "words": words}


WER = MetricRule(metric="wer", better="lower", sum="errors", over="words")


def test_a_ratio_is_one_sum_over_the_other_with_the_error_of_the_delta_method() -> None:
    candidate, baseline = transcribed(1, noise=0.12), transcribed(2, noise=0.10)
    one = finding(report(candidate, baseline, policy(WER)), "compare:wer")
    ratios = [each["errors"].sum() / each["words"].sum() for each in (candidate, baseline)]
    assert (one.candidate, one.baseline) == pytest.approx(ratios, rel=1e-12)
    left_out = np.array([
        [np.delete(each["errors"], row).sum() / np.delete(each["words"], row).sum() for each in (candidate, baseline)]
        for row in range(N)
    ])  # fmt: skip
    difference = left_out[:, 0] / left_out[:, 1]
    jackknife = np.sqrt((N - 1) / N * ((difference - difference.mean()) ** 2).sum())
    assert one.standard_error == pytest.approx(jackknife, rel=0.02)
    assert one.verdict is Verdict.FAIL or one.difference > 0


def test_a_ratio_without_its_column_says_which_and_one_of_nothing_is_undefined() -> None:
    candidate, baseline = transcribed(1, noise=0.1), transcribed(2, noise=0.1)
    lacking = {name: values for name, values in candidate.items() if name != "words"}
    from mlci.errors import ColumnMissing

    with pytest.raises(ColumnMissing, match="there is no column words, which wer is made of"):
        report(lacking, baseline, policy(WER))
    nothing = with_columns(candidate, words=np.zeros(N, dtype=int))
    assert "sum below the line is 0" in finding(report(nothing, baseline, policy(WER)), "compare:wer").message


def test_samples_of_a_ratio_are_no_mean() -> None:
    twice = np.repeat(np.arange(N), 2)
    found = report(rows_of(transcribed(1, noise=0.1), twice), transcribed(2, noise=0.1), policy(WER, duplicates="mean"))
    assert finding(found, "compare:wer").reason == "undefined"
