"""Input that a careless gate would call green: each case by name, from real files through the whole command."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from commanding import Judge, never_green
from judging import classifier, ids, regression, rows_of, with_columns

GOOD = classifier(300, 1, right=0.9)
SAME_LEVEL = classifier(300, 2, right=0.9)


# Ids that one side does not have.


def test_ids_missing_on_one_side_are_an_error_that_names_them(judge: Judge) -> None:
    result = judge(rows_of(GOOD, range(298)), SAME_LEVEL)
    never_green(result)
    assert result.exit == 3
    assert "error[I005]" in result.said
    assert "2 only in production.csv (among them 'e00298', 'e00299')" in result.said
    assert "missing: intersect" in result.said


def test_ids_missing_up_to_one_per_cent_are_dropped_on_request_with_a_warning_and_their_metric(judge: Judge) -> None:
    result = judge(rows_of(GOOD, range(297)), GOOD, "--missing", "intersect")
    found = result.finding("input:dropped-examples")
    assert (result.exit, result.verdict, found["verdict"]) == (0, "warn", "warn")
    assert found["message"].startswith("0 examples only in the candidate's file, 3 only in production's, 297 compared")
    assert "accuracy of production on its own 3 examples" in found["message"]
    assert result.report["examples"] == 297


@pytest.mark.parametrize("policy", ["pass", "warn", "approve", "fail"])
def test_more_than_one_per_cent_of_ids_missing_is_inconclusive_whatever_policy_softens(
    judge: Judge, policy: str
) -> None:
    result = judge(rows_of(GOOD, range(296)), GOOD, "--missing", "intersect", on_inconclusive=policy)
    never_green(result)
    assert result.finding("input:dropped-examples")["verdict"] == "inconclusive"


def test_no_id_in_common_is_nothing_to_judge_even_when_missing_ids_are_dropped(judge: Judge) -> None:
    other = with_columns(SAME_LEVEL, id=[f"other{row}" for row in range(300)])
    result = judge(GOOD, other, "--missing", "intersect")
    never_green(result)
    assert "error[I008]" in result.said


# Ids that stand more than once.


def test_duplicate_ids_are_an_error(judge: Judge) -> None:
    twice = with_columns(GOOD, id=["e00000", *ids(300)[1:299], "e00000"])
    result = judge(twice, twice)
    never_green(result)
    assert "error[I004]: 1 id stands more than once, among them 'e00000'" in result.said
    assert "duplicates: cluster" in result.said


def test_duplicate_ids_as_clusters_are_counted_as_one_each(judge: Judge) -> None:
    three = [f"q{row // 3:03}" for row in range(300)]
    result = judge(with_columns(GOOD, id=three), with_columns(SAME_LEVEL, id=three), "--duplicates", "cluster")
    found = result.finding("compare:accuracy")
    assert (found["n"], found["clusters"]) == (300, 100)
    assert found["method"] == "clustered influence function, t"


# A label that differs between the files.


@pytest.mark.parametrize("task", ["classes", "values"])
def test_labels_that_differ_name_five_ids(judge: Judge, task: str) -> None:
    one, other = (GOOD, SAME_LEVEL) if task == "classes" else (regression(100, 1), regression(100, 2))
    relabelled = np.array(other["y"])
    relabelled[10:18] = 1 - relabelled[10:18]
    result = judge(one, with_columns(other, y=relabelled))
    never_green(result)
    assert "error[I006]" in result.said
    assert (
        "disagree on the target of 8 examples, among them 'e00010', 'e00011', 'e00012', 'e00013', 'e00014'\n"
        in result.said
    )


# Scores that are no numbers.

SCORED = classifier(300, 1, scores=True)


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "", "NA"])
def test_a_score_that_is_no_number_undoes_score_metrics_and_fails_the_less_robust_candidate(
    judge: Judge, word: str
) -> None:
    scores = [word if row in (3, 4) else score for row, score in enumerate(SCORED["score"])]
    result = judge(with_columns(SCORED, score=scores), SCORED)
    never_green(result)
    assert (result.exit, result.verdict) == (11, "fail")
    assert result.finding("robustness:missing-predictions")["verdict"] == "fail"
    for name in ("roc_auc", "brier"):
        assert result.finding(f"compare:{name}")["reason"] == "undefined"


def test_as_many_missing_scores_as_production_warn_and_leave_score_metrics_undefined(judge: Judge) -> None:
    scores = ["" if row in (3, 4) else score for row, score in enumerate(SCORED["score"])]
    both = with_columns(SCORED, score=scores)
    result = judge(both, both)
    never_green(result)
    assert result.finding("robustness:missing-predictions")["verdict"] == "warn"
    assert result.finding("compare:roc_auc")["reason"] == "undefined"


def test_missing_scores_counted_as_the_worst_answer_give_every_metric_a_value_and_still_fail(judge: Judge) -> None:
    scores = ["" if row < 40 else score for row, score in enumerate(SCORED["score"])]
    result = judge(
        with_columns(SCORED, score=scores),
        SCORED,
        "--nan",
        "fail-example",
        "--metrics",
        "roc_auc,brier,log_loss,pr_auc",
    )
    assert result.exit == 11
    assert result.finding("robustness:missing-predictions")["verdict"] == "fail"
    for name in ("roc_auc", "pr_auc"):
        assert result.finding(f"compare:{name}")["difference"] < -0.05
    assert result.finding("compare:brier")["difference"] > 0.1
    assert result.finding("compare:log_loss")["difference"] > 1


def test_a_missing_label_is_a_wrong_label(judge: Judge) -> None:
    labels = [None if row < 30 else label for row, label in enumerate(GOOD["pred"])]
    result = judge(with_columns(GOOD, pred=labels), GOOD)
    right = np.mean(np.array(GOOD["pred"])[30:] == np.array(GOOD["y"])[30:]) * 0.9
    assert result.finding("compare:accuracy")["candidate"] == pytest.approx(right)
    assert result.exit == 11


def test_a_missing_probability_over_classes_costs_the_whole_brier_score(judge: Judge) -> None:
    base: dict[str, Any] = classifier(200, 1, classes=3)
    base |= {f"score_{name}": (np.array(base["pred"]) == name) * 1.0 for name in range(3)}
    none = with_columns(base, **{name: ["", *base[name][1:]] for name in base if name.startswith("score_")})
    result = judge(none, base, "--nan", "fail-example", "--metrics", "brier")
    right_before = base["pred"][0] == base["y"][0]
    expected = (2.0 if right_before else 0.0) / 200
    assert result.finding("compare:brier")["difference"] == pytest.approx(expected)


# One class only.


@pytest.mark.parametrize(("label", "undefined"), [
    (0, ("f1", "precision", "recall", "roc_auc", "pr_auc", "mcc", "balanced_accuracy")),
    (1, ("roc_auc", "pr_auc", "mcc", "balanced_accuracy", "f1_macro")),
])  # fmt: skip
def test_one_class_only_leaves_what_needs_two_undefined_and_judges_the_others(
    judge: Judge, label: int, undefined: tuple[str, ...]
) -> None:
    one, other = (with_columns(classifier(300, seed, scores=True), y=[label] * 300) for seed in (1, 2))
    result = judge(one, other, "--metrics", ",".join(("accuracy", *undefined)))
    never_green(result)
    assert "candidate" in result.finding("compare:accuracy")
    for name in undefined:
        found = result.finding(f"compare:{name}")
        assert (found["verdict"], found["reason"]) == ("inconclusive", "undefined"), name
        assert "candidate" not in found


@pytest.mark.parametrize("policy", ["pass", "warn"])
def test_an_undefined_metric_is_never_softened(judge: Judge, policy: str) -> None:
    one = with_columns(classifier(300, 1, scores=True), y=[0] * 300)
    never_green(judge(one, one, "--metrics", "accuracy,roc_auc", on_inconclusive=policy))


# No predicted positives.


def test_no_predicted_positives_are_precision_zero_and_a_shown_regression(judge: Judge) -> None:
    result = judge(with_columns(GOOD, pred=[0] * 300), SAME_LEVEL, "--metrics", "precision,f1,recall")
    assert result.exit == 11
    for name in ("precision", "f1", "recall"):
        found = result.finding(f"compare:{name}")
        assert (found["candidate"], found["verdict"]) == (0.0, "fail")


def test_no_predicted_positives_against_perfect_precision_have_no_spread_and_fail_by_the_sign_test(
    judge: Judge,
) -> None:
    perfect = with_columns(GOOD, pred=GOOD["y"])
    result = judge(with_columns(GOOD, pred=[0] * 300), perfect, "--metrics", "precision")
    found = result.finding("compare:precision")
    assert (found["difference"], found["verdict"]) == (-1.0, "fail")
    assert found["method"] == "no spread; exact sign test"


def test_a_loss_without_spread_on_too_few_examples_is_no_proof_and_no_pass(judge: Judge) -> None:
    truth = [1, 1, 0, 0, 0, 0]
    rows: dict[str, Any] = {"id": ids(6), "y": truth, "pred": [0] * 6}
    result = judge(rows, with_columns(rows, pred=truth), "--metrics", "precision")
    never_green(result)
    assert result.finding("compare:precision")["reason"] == "insufficient"


# Identical predictions.


def test_identical_predictions_pass_and_say_how_much_could_differ_unseen(judge: Judge) -> None:
    result = judge(GOOD, GOOD)
    assert (result.exit, result.verdict) == (0, "pass")
    found = result.finding("compare:accuracy")
    assert (found["reason"], found["difference"], found["standard_error"]) == ("identical", 0.0, 0.0)
    assert "at most 1.00 % of all examples could differ (95 %)" in found["explanation"]


def test_identical_predictions_with_missing_ones_are_not_a_plain_pass(judge: Judge) -> None:
    labels = [None if row < 3 else label for row, label in enumerate(GOOD["pred"])]
    gaps = with_columns(GOOD, pred=labels)
    assert judge(gaps, gaps).verdict == "warn"


@pytest.mark.parametrize("groups", [3, 10])
def test_identical_predictions_pass_whatever_the_groups(judge: Judge, groups: int) -> None:
    grouped = with_columns(GOOD, group=[f"g{row % groups}" for row in range(300)])
    assert judge(grouped, grouped).verdict == "pass"


def three_classes(wrong: str) -> dict[str, Any]:
    truth = ["A"] * 480 + ["B"] * 480 + ["C"] * 40
    return {"id": ids(1000), "y": truth, "pred": [wrong if row < 100 else label for row, label in enumerate(truth)]}


def test_models_wrong_on_the_same_examples_in_different_ways_are_not_identical(judge: Judge) -> None:
    """Accuracy cannot see which wrong label was given; macro F1 can, and here it collapses."""
    result = judge(three_classes("C"), three_classes("B"))
    assert result.finding("compare:accuracy")["verdict"] == "pass"
    found = result.finding("compare:f1_macro")
    assert (found["verdict"], found["reason"]) == ("fail", "regression")
    assert found["difference"] < -0.15
    assert judge(three_classes("B"), three_classes("C")).finding("compare:f1_macro")["reason"] == "better"


# No discordant example, few examples.


@pytest.mark.parametrize(("n", "reason"), [(299, "interval"), (300, "no-difference")])
def test_no_discordant_example_proves_a_point_from_three_over_the_margin_on(judge: Judge, n: int, reason: str) -> None:
    one = classifier(n, 1, scores=True)
    other = with_columns(one, score=np.array(one["score"]) * 0.999)
    assert judge(one, other, "--metrics", "accuracy").finding("compare:accuracy")["reason"] == reason


def test_no_discordant_example_in_a_small_slice_is_listed_as_insufficient(judge: Judge) -> None:
    region = ["small" if row < 40 else "large" for row in range(400)]
    one = with_columns(classifier(400, 1), region=region)
    labels = np.array(one["pred"])
    labels[100:103] = 1 - labels[100:103]
    result = judge(
        with_columns(one, pred=labels), one, "--metrics", "accuracy", "--slices", "region", "--tolerance", "0.05"
    )
    found = result.finding("compare:accuracy[region=small]")
    assert (found["verdict"], found["reason"], found["advisory"]) == ("inconclusive", "insufficient", True)


def test_groups_count_as_one_example_each_when_nothing_differs(judge: Judge) -> None:
    """600 examples of 30 patients show no more than 30 examples would."""
    one = with_columns(classifier(600, 1, scores=True), group=[f"p{row % 30}" for row in range(600)])
    other = with_columns(one, score=np.array(one["score"]) * 0.999)
    result = judge(one, other, "--metrics", "accuracy")
    never_green(result)
    assert result.finding("compare:accuracy")["reason"] == "interval"


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("names", ["accuracy", "f1", "roc_auc", "pr_auc", "brier", "mcc"])
def test_a_handful_of_examples_proves_nothing(judge: Judge, n: int, names: str) -> None:
    one = {"id": ids(n), "y": [1, 0, 1][:n], "pred": [1, 0, 1][:n], "score": [0.9, 0.2, 0.8][:n]}
    other = with_columns(one, score=[0.8, 0.3, 0.7][:n])
    never_green(judge(one, other, "--metrics", names))


# A constant metric, a truth without variance.


def test_r2_of_a_constant_target_is_undefined_and_rmse_is_judged(judge: Judge) -> None:
    one, other = (with_columns(regression(100, seed), y=[2.5] * 100) for seed in (1, 2))
    result = judge(one, other, "--metrics", "r2,rmse", "--task", "regression")
    never_green(result)
    assert result.finding("compare:r2")["reason"] == "undefined"
    assert "candidate" in result.finding("compare:rmse")


def test_a_constant_improvement_without_spread_passes_only_with_enough_examples(judge: Judge) -> None:
    truth = np.arange(30) + 0.5
    for n, verdict in ((30, "pass"), (3, "inconclusive")):
        one, other = ({"id": ids(n), "y": truth[:n], "pred": truth[:n] + error} for error in (0.25, 0.5))
        assert judge(one, other, "--metrics", "mae", "--tolerance", "0.1").verdict == verdict


# MAPE where the truth is 0.


def test_mape_with_a_truth_of_zero_is_refused_and_others_suggested(judge: Judge) -> None:
    one, other = (with_columns(regression(100, seed), y=[0.0, *range(1, 100)]) for seed in (1, 2))
    result = judge(one, other, "--metrics", "mape", "--task", "regression")
    never_green(result)
    assert "smape and wape are defined there" in result.finding("compare:mape")["message"]


# Weights.


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", ""])
def test_a_weight_that_is_negative_or_no_number_is_an_error(judge: Judge, weight: str) -> None:
    weighted = with_columns(GOOD, weight=[weight, *range(1, 300)])
    result = judge(weighted, weighted)
    never_green(result)
    assert "error[I00" in result.said
    assert "'e00000'" in result.said


def test_weights_that_are_all_zero_are_an_error(judge: Judge) -> None:
    weighted = with_columns(GOOD, weight=[0] * 300)
    result = judge(weighted, weighted)
    never_green(result)
    assert "error[I007]: every weight is 0" in result.said


def test_a_weight_of_zero_takes_an_example_out_of_every_metric(judge: Judge) -> None:
    one, other = (
        with_columns(classifier(300, seed, scores=True), weight=[0] * 5 + [1] * 290 + [2] * 5) for seed in (1, 2)
    )
    names = "accuracy,f1,mcc,roc_auc,pr_auc,brier,log_loss"
    all_rows = judge(one, other, "--metrics", names)
    fewer = judge(rows_of(one, range(5, 300)), rows_of(other, range(5, 300)), "--metrics", names)
    for name in names.split(","):
        with_zeros, without = (each.finding(f"compare:{name}") for each in (all_rows, fewer))
        assert with_zeros["candidate"] == pytest.approx(without["candidate"], rel=1e-11)
        assert with_zeros["effective_n"] == pytest.approx(without["effective_n"], rel=1e-11)


def test_weights_of_the_candidate_alone_are_not_used_and_that_is_said(judge: Judge) -> None:
    result = judge(with_columns(GOOD, weight=range(1, 301)), GOOD)
    assert "weights only in the candidate's file are not used" in result.report["assumptions"]
    assert "effective_n" not in result.finding("compare:accuracy")


def test_weights_that_differ_between_the_files_are_an_error(judge: Judge) -> None:
    result = judge(with_columns(GOOD, weight=range(1, 301)), with_columns(GOOD, weight=range(2, 302)))
    never_green(result)
    assert "disagree on the weight of 300 examples" in result.said


# Groups.


@pytest.mark.parametrize(
    ("groups", "verdict"), [(4, "inconclusive"), (5, "warn"), (19, "warn"), (20, "pass"), (100, "pass")]
)
def test_few_groups_are_never_a_plain_pass(judge: Judge, groups: int, verdict: str) -> None:
    good, bad = classifier(2000, 1, right=0.99), classifier(2000, 2, right=0.7)
    one, other = (with_columns(each, group=[f"g{row % groups}" for row in range(2000)]) for each in (good, bad))
    found = judge(one, other, "--metrics", "accuracy").finding("compare:accuracy")
    assert (found["verdict"], found["clusters"]) == (verdict, groups)


@pytest.mark.parametrize("policy", ["pass", "warn"])
def test_fewer_than_five_groups_stay_inconclusive_whatever_policy_softens(judge: Judge, policy: str) -> None:
    good, bad = classifier(2000, 1, right=0.99), classifier(2000, 2, right=0.7)
    one, other = (with_columns(each, group=[f"g{row % 4}" for row in range(2000)]) for each in (good, bad))
    never_green(judge(one, other, "--metrics", "accuracy", on_inconclusive=policy))


def test_an_example_without_a_group_is_an_error(judge: Judge) -> None:
    grouped = with_columns(GOOD, group=["", *(f"g{row % 30}" for row in range(299))])
    result = judge(grouped, grouped)
    never_green(result)
    assert "error[I007]: 1 examples have no group, among them 'e00000'" in result.said
