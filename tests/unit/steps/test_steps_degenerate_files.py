"""Input that a careless gate would call green: other holdouts, nothing at all, and numbers no float holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commanding import Judge, never_green
from judging import classifier, ids, regression, with_columns

GOOD = classifier(300, 1, right=0.9)
SAME_LEVEL = classifier(300, 2, right=0.9)
SCORED = classifier(300, 1, scores=True)


# A target without a label, a target that is no number.


def test_an_example_without_a_label_is_an_error(judge: Judge) -> None:
    gaps = with_columns(GOOD, y=["", *GOOD["y"][1:]])
    result = judge(gaps, gaps)
    never_green(result)
    assert "error[I007]: 1 examples have no label, among them row 1" in result.said


def test_words_are_no_target_for_a_regression(judge: Judge) -> None:
    words = with_columns(regression(20, 1), y=["low"] * 20)
    result = judge(words, words, "--task", "regression")
    never_green(result)
    assert "target of a regression is not numeric" in result.said


# Another holdout.


def test_metrics_of_another_holdout_are_an_error(judge: Judge) -> None:
    one, other = (f'{{"metrics": {{"f1": 0.9}}, "holdout": "{digest}"}}' for digest in ("aa", "bb"))
    result = judge(one, other)
    never_green(result)
    assert "error[I006]" in result.said
    assert "measure production again on this holdout" in result.said


@pytest.mark.parametrize(("mine", "exit"), [("0.90", 0), ("0.80", 3)])
def test_bare_metrics_are_never_a_pass(judge: Judge, mine: str, exit: int) -> None:
    result = judge(f'{{"f1": {mine}}}', '{"f1": 0.9}')
    assert result.exit == exit
    assert result.verdict != "pass"
    assert result.finding("compare:f1")["reason"] == "unverified"


def test_bare_metrics_fail_where_policy_demands_predictions(judge: Judge) -> None:
    result = judge('{"f1": 0.95}', '{"f1": 0.9}', "--require-predictions", "true")
    assert (result.exit, result.verdict) == (11, "fail")


@pytest.mark.parametrize("text", [
    '{"f1": 1.5}', '{"f1": 88}', '{"f1": -0.1}', '{"f1": NaN}', '{"f1": 1e999}', '{"f1": "0.9"}', '{"f1": true}',
    '{"f1": null}', '{"rmse": -1}', '{"f1": 1%s}' % ("0" * 400), "{}", '{"metrics": {}}', '{"metrics": [1]}',
    '{"f1": 0.9, "f1": 0.95}', '{"metrics": {"f1": 0.9}, "holdout": 3}', '{"f1": ', '{"\\ud800": 1}',
    '{"metrics": {"f1": 0.5}, "holdout": "\\ud800"}', '{"a": ' + "[" * 20_000, '{"spend": 1}',
])  # fmt: skip
def test_metrics_that_cannot_be_true_are_an_error(judge: Judge, text: str) -> None:
    result = judge(text, text)
    never_green(result)
    assert result.exit == 3
    assert "error[I00" in result.said


def test_bare_metrics_too_large_to_compare_are_undefined(judge: Judge) -> None:
    result = judge('{"rmse": 1e308}', '{"rmse": 1e-300}')
    never_green(result)
    assert result.finding("compare:rmse")["reason"] == "undefined"


def test_a_metric_that_one_side_lacks_is_missing_and_not_passed_over(judge: Judge) -> None:
    result = judge('{"f1": 0.9, "mcc": 0.8}', '{"f1": 0.9}', "--metrics", "f1,mcc", on_inconclusive="pass")
    never_green(result)
    assert result.finding("compare:mcc")["reason"] == "missing"


# Nothing to judge.


@pytest.mark.parametrize("which", ["candidate", "production", "both"])
@pytest.mark.parametrize(
    "nothing", ["", "\n\n", "id,y,pred\n", "\ufeffid,y,pred\n\n\n"], ids=["empty", "blank", "header", "bom"]
)
def test_no_example_is_an_error_and_never_a_pass(judge: Judge, nothing: str, which: str) -> None:
    one, other = (nothing if which in (name, "both") else GOOD for name in ("candidate", "production"))
    result = judge(one, other, on_inconclusive="pass")
    never_green(result)
    assert result.exit == 3
    assert "error[I00" in result.said


def test_a_policy_that_judges_nothing_is_inconclusive(judge: Judge) -> None:
    text_only = {"id": ids(30), "y": [0, 1] * 15}
    never_green(judge(text_only, text_only, on_inconclusive="pass"))


@pytest.mark.parametrize("tolerance", ["nan", "inf", "0.6", "60%", "-60%", "ten"])
def test_a_tolerance_that_tolerates_everything_is_refused(judge: Judge, tolerance: str) -> None:
    result = judge(GOOD, SAME_LEVEL, "--tolerance", tolerance)
    assert (result.exit, result.report) == (2, None)


# Numbers at the edge of what a float holds.


@pytest.mark.parametrize("tolerance", ["1e-9", "1e-200", "5e-324"])
def test_a_tolerance_that_no_holdout_could_prove_asks_for_no_absurd_number_of_rows(
    judge: Judge, tolerance: str
) -> None:
    result = judge(GOOD, SAME_LEVEL, "--tolerance", tolerance)
    never_green(result)
    assert "rows_needed" not in result.finding("compare:accuracy")


@pytest.mark.parametrize("huge", ["1e200", "1.7e308", "-1.7e308"])
def test_predictions_too_large_to_square_are_undefined(judge: Judge, huge: str) -> None:
    one, other = regression(60, 1), regression(60, 2)
    result = judge(
        with_columns(one, pred=[huge, *one["pred"][1:]]), other, "--metrics", "rmse,mae,r2", "--task", "regression"
    )
    never_green(result)
    assert result.finding("compare:rmse")["reason"] == "undefined"


def test_a_bound_beyond_all_floats_is_no_bound(judge: Judge) -> None:
    one = {"id": ids(2), "y": [1.5, 2.5], "pred": [2.5, 1e6]}
    other = with_columns(one, pred=[1.50001, 2.9])
    never_green(judge(one, other, "--task", "regression", "--metrics", "mae", "--confidence", "0.99999"))


def test_single_precision_scores_are_compared_in_single_precision_and_that_is_said(
    tmp_path: Path, judge: Judge
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {name: np.asarray(values) for name, values in SCORED.items()}
    for name, kind in (("single", np.float32), ("double", np.float64)):
        pq.write_table(pa.table({**table, "score": table["score"].astype(kind)}), tmp_path / f"{name}.parquet")
    result = judge(
        None, None, "--candidate", "single.parquet", "--baseline", "double.parquet", "--metrics", "roc_auc,pr_auc"
    )
    assert result.verdict == "pass"
    assert result.finding("compare:roc_auc")["reason"] == "identical"
    assert any("single precision" in said for said in result.report["assumptions"])
