"""From two files' columns to one holdout: parts by name, tasks, classes, scores, pairs by id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judging import classifier, finding, given, ids, judged, policy, regression, report, rows_of, with_columns

from mlci.domain.policy import MetricRule, Tolerance
from mlci.domain.verdict import Verdict
from mlci.errors import BadValue, ColumnAmbiguous, ColumnMissing, HoldoutDiffers, IdsDiffer, MlciError
from mlci.stats.alignment import joined, ordered


def named(columns: dict[str, Any], **new: str) -> dict[str, Any]:
    """The same columns under other names."""
    return {new.get(name, name): values for name, values in columns.items()}


PLAIN = classifier(200, 1, scores=True)


@pytest.mark.parametrize("names", [
    {"id": "example_id", "y": "y_true", "pred": "y_pred", "score": "y_score"},
    {"id": "UID", "y": "Ground Truth", "pred": "Predicted-Label", "score": "Probability"},
    {"id": "key", "y": "label", "pred": "yhat", "score": "y_prob"},
])  # fmt: skip
def test_columns_are_found_by_their_usual_names_in_any_spelling(names: dict[str, str]) -> None:
    found = report(named(PLAIN, **names), PLAIN, policy("accuracy", "roc_auc"))
    assert found.verdict is Verdict.PASS
    assert any(said.startswith("columns by their names:") for said in found.assumptions)


def test_a_column_that_is_named_wins_over_a_usual_name() -> None:
    both = with_columns(PLAIN, outcome=PLAIN["y"], y=[0] * 200)
    assert (
        finding(report(both, both, policy("accuracy", columns={"target": "outcome"})), "compare:accuracy").candidate
        > 0.7
    )


def test_a_named_target_may_stand_under_its_usual_name_and_nothing_else_may() -> None:
    assert report(PLAIN, PLAIN, policy("accuracy", columns={"target": "churned"})).verdict is Verdict.PASS
    with pytest.raises(ColumnMissing, match="no column 'p' for the score"):
        report(PLAIN, PLAIN, policy("accuracy", columns={"score": "p"}))


def test_two_columns_for_one_part_are_ambiguous_and_the_flag_to_say_which_is_named() -> None:
    with pytest.raises(ColumnAmbiguous, match="y and label could each be the target") as raised:
        report(with_columns(PLAIN, label=PLAIN["y"]), PLAIN, policy("accuracy"))
    assert raised.value.help == "name one with --target"


def test_examples_are_never_paired_by_position() -> None:
    without = {name: values for name, values in PLAIN.items() if name != "id"}
    with pytest.raises(ColumnMissing, match="never paired by position"):
        report(without, without, policy("accuracy"))


def test_neither_target_nor_a_column_to_judge_is_an_error() -> None:
    bare = {"id": ids(10), "pred": [1] * 10}
    with pytest.raises(ColumnMissing, match="there is no target column"):
        report(bare, bare, policy("accuracy"))


def test_a_column_of_ones_own_is_judged_by_its_mean_without_a_target() -> None:
    one, other = ({"id": ids(300), "judge_score": np.random.default_rng(seed).normal(7, 0.1, 300)} for seed in (1, 2))
    rule = MetricRule(metric="judge_score", better="higher", tolerance=Tolerance(0.1))
    found = finding(report(one, other, policy(rule)), "compare:judge_score")
    assert (found.verdict, found.better) == (Verdict.PASS, "higher")
    assert found.difference == pytest.approx(np.mean(one["judge_score"]) - np.mean(other["judge_score"]))


@pytest.mark.parametrize(("better", "verdict"), [("lower", Verdict.FAIL), ("higher", Verdict.PASS)])
def test_a_column_of_ones_own_has_the_direction_that_is_said(better: Any, verdict: Verdict) -> None:
    one, other = ({"id": ids(300), "cost": np.random.default_rng(1).normal(mean, 0.1, 300)} for mean in (9, 7))
    assert report(one, other, policy(MetricRule(metric="cost", better=better))).verdict is verdict


def test_a_column_without_a_direction_is_undefined_and_says_what_to_say() -> None:
    one = {"id": ids(30), "cost": np.arange(30.0)}
    assert "validation.metrics.cost.better" in finding(report(one, one, policy("cost")), "compare:cost").message


def test_a_column_of_words_has_no_mean() -> None:
    one = {"id": ids(3), "cost": ["a", "b", "c"]}
    with pytest.raises(BadValue, match="not numeric"):
        report(one, one, policy(MetricRule(metric="cost", better="lower")))


@pytest.mark.parametrize(("columns", "said"), [
    (classifier(60, 1), "task: binary, because the target has 2 classes"),
    (classifier(60, 1, classes=5), "task: multiclass, because the target has 5 classes"),
    (regression(60, 1), "task: regression, because the target is a number with many values"),
])  # fmt: skip
def test_the_task_is_guessed_from_the_target_and_the_guess_is_said(columns: dict[str, Any], said: str) -> None:
    assert said in report(columns, columns, policy()).assumptions


def test_the_usual_metrics_follow_from_task_and_scores() -> None:
    def names(columns: dict[str, Any]) -> list[str | None]:
        return [each.metric for each in report(columns, columns, policy()).findings]

    assert names(classifier(60, 1)) == ["accuracy", "f1"]
    assert names(classifier(60, 1, scores=True)) == ["accuracy", "f1", "roc_auc", "brier"]
    assert names(classifier(60, 1, classes=3)) == ["accuracy", "f1_macro"]
    assert names(regression(60, 1)) == ["rmse", "mae"]


def test_scores_that_are_no_probabilities_are_not_judged_by_brier_without_being_asked() -> None:
    logits = with_columns(PLAIN, score=np.array(PLAIN["score"]) * 8 - 4)
    assert "brier" not in [each.metric for each in report(logits, logits, policy()).findings]


@pytest.mark.parametrize(("zero", "one"), [("no", "yes"), ("false", "true"), ("NEG", "POS"), ("stay", "churn")])
def test_words_are_classes_and_the_positive_one_is_said(zero: str, one: str) -> None:
    words = np.array([zero, one])
    spelled = with_columns(PLAIN, y=words[PLAIN["y"]], pred=words[PLAIN["pred"]])
    positive = zero if one == "churn" else one
    found = report(spelled, spelled, policy("recall"))
    positive = "1" if one == "true" else "stay" if one == "churn" else positive
    assert f"positive class: {positive}" in found.assumptions


def test_the_positive_class_that_is_named_holds_and_must_exist() -> None:
    flipped = finding(report(PLAIN, PLAIN, policy("recall", positive="0")), "compare:recall")
    truth, labels = np.array(PLAIN["y"]), np.array(PLAIN["pred"])
    assert flipped.candidate == pytest.approx((labels[truth == 0] == 0).mean())
    with pytest.raises(BadValue, match="no label is 'maybe', the positive class; the labels are 0, 1"):
        report(PLAIN, PLAIN, policy("recall", positive="maybe"))


def test_probabilities_in_the_prediction_column_are_scores_and_that_is_said() -> None:
    columns = {"id": PLAIN["id"], "y": PLAIN["y"], "prediction": PLAIN["score"]}
    found = report(columns, columns, policy("accuracy", "roc_auc"))
    assert finding(found, "compare:roc_auc").reason == "identical"
    assert "column prediction holds probabilities of the positive class, not labels" in found.assumptions


@pytest.mark.parametrize("threshold", [0.2, 0.8])
def test_scores_become_labels_at_the_threshold(threshold: float) -> None:
    columns = {"id": PLAIN["id"], "y": PLAIN["y"], "score": PLAIN["score"]}
    expected = ((np.array(PLAIN["score"]) >= threshold) == np.array(PLAIN["y"])).mean()
    found = report(columns, columns, policy("accuracy", threshold=threshold))
    assert finding(found, "compare:accuracy").candidate == pytest.approx(expected)


def test_a_score_of_each_class_becomes_the_label_of_the_highest() -> None:
    base = classifier(90, 1, classes=3)
    scores = {f"prob_{name}": 0.2 + 0.4 * (np.array(base["pred"]) == name) for name in range(3)}
    columns = {"id": base["id"], "y": base["y"], **scores}
    found = report(columns, columns, policy("accuracy", "log_loss"))
    assert finding(found, "compare:accuracy").candidate == pytest.approx((np.array(base["pred"]) == base["y"]).mean())
    assert finding(found, "compare:log_loss").candidate > 0


def test_a_third_label_of_productions_is_no_binary_task_and_of_the_candidates_is_only_wrong() -> None:
    odd = with_columns(PLAIN, pred=[2, *PLAIN["pred"][1:]])
    with pytest.raises(BadValue, match="3 classes"):
        report(PLAIN, odd, policy("f1", task="binary"))
    found = finding(report(odd, PLAIN, policy("accuracy", task="binary")), "compare:accuracy")
    assert found.n is not None
    assert round((found.difference or 0.0) * found.n, 9) in (0.0, -1.0)


def test_the_label_of_production_decides_where_the_candidate_brings_none() -> None:
    without = {name: values for name, values in PLAIN.items() if name != "y"}
    found = finding(report(without, PLAIN, policy("accuracy")), "compare:accuracy")
    assert found.candidate == found.baseline


@pytest.mark.parametrize("kind", ["numbers and words", "numbers as words"])
def test_ids_are_the_same_when_they_read_the_same(kind: str) -> None:
    numbers = [10 * row for row in range(200)]
    one = with_columns(PLAIN, id=numbers)
    other = with_columns(PLAIN, id=[str(number) for number in numbers])
    assert report(one, other, policy("accuracy")).verdict is Verdict.PASS


def test_rows_in_another_order_are_paired_by_id() -> None:
    order = np.random.default_rng(1).permutation(200)
    assert report(rows_of(PLAIN, order), PLAIN, policy("accuracy")).findings[0].reason == "identical"


def test_an_id_in_one_file_only_is_an_error_that_counts_both_sides() -> None:
    renamed = with_columns(PLAIN, id=["x1", "x2", *PLAIN["id"][2:]])
    with pytest.raises(IdsDiffer, match=r"2 only in candidate \(among them 'x1', 'x2'\); 2 only in production"):
        report(renamed, PLAIN, policy("accuracy"))


@pytest.mark.parametrize("bad", ["", None, "a\0b", "x" * 1025])
def test_an_id_that_is_missing_too_long_or_holds_nul_is_an_error_at_its_line(bad: Any) -> None:
    with pytest.raises(BadValue) as raised:
        report(with_columns(PLAIN, id=[*PLAIN["id"][:-1], bad]), PLAIN, policy("accuracy"))
    assert str(raised.value.place) == "candidate:201"


def test_groups_that_differ_between_the_files_are_an_error() -> None:
    one, other = (with_columns(PLAIN, group=[start, *["g"] * 199]) for start in ("g", "h"))
    with pytest.raises(HoldoutDiffers, match="disagree on the group of 1 examples"):
        report(one, other, policy("accuracy"))


def test_columns_that_are_not_looked_at_are_said_once_and_not_all() -> None:
    many = with_columns(PLAIN, **{f"feature_{number:02}": [0] * 200 for number in range(12)})
    [said] = [each for each in report(many, many, policy("accuracy")).assumptions if each.startswith("not looked at")]
    assert "feature_07, …" in said
    assert "feature_08" not in said


def test_probabilities_of_zero_for_the_truth_are_counted_and_said() -> None:
    sure = with_columns(PLAIN, score=[0.0 if truth else 0.5 for truth in PLAIN["y"]])
    said = " ".join(report(sure, PLAIN, policy("log_loss")).assumptions)
    assert f"log loss: {sum(PLAIN['y'])} probabilities of the candidate were 0 for the true class" in said


@pytest.mark.parametrize(("limits", "verdict"), [
    ({"minimum": 0.5}, Verdict.PASS), ({"minimum": 0.99}, Verdict.FAIL), ({"maximum": 0.5}, Verdict.FAIL),
])  # fmt: skip
def test_an_absolute_limit_is_judged_on_the_candidate_alone(limits: dict[str, float], verdict: Verdict) -> None:
    from dataclasses import replace

    from mlci.steps.gate_compare import run

    asked = replace(policy(MetricRule(metric="accuracy", compare=False, **limits)), compare=False)
    assert run(given(PLAIN, "candidate"), None, asked).report.verdict is verdict


def test_a_limit_that_must_be_proved_is_inconclusive_while_the_interval_straddles_it() -> None:
    right = float((np.array(PLAIN["pred"]) == PLAIN["y"]).mean())
    verdicts = {}
    for minimum in (right - 0.2, right, right + 0.2):
        asked = policy(MetricRule(metric="accuracy", minimum=minimum), thresholds="interval")
        verdicts[minimum] = finding(report(PLAIN, PLAIN, asked), "minimum:accuracy").verdict
    assert list(verdicts.values()) == [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL]


def test_every_error_of_reading_is_one_of_the_catalogue() -> None:
    for broken in ({"id": [1]}, {"x": [1]}, {"id": [1], "y": [None], "pred": [1]}):
        with pytest.raises(MlciError) as raised:
            judged(broken, broken, policy("accuracy"))
        assert raised.value.id.startswith("I")


def test_sorting_keeps_equal_ids_in_file_order_and_costs_nothing_when_sorted() -> None:
    order = ordered(np.array([b"b", b"a", b"b", b"a"]))
    assert order.rows.tolist() == [1, 3, 0, 2]
    assert order.repeated.tolist() == [False, True, False, True]
    assert ordered(np.array([1, 1, 2])).rows is None


def test_repeated_ids_are_matched_one_by_one_and_the_surplus_is_left_over() -> None:
    match = joined(ordered(np.array([1, 1, 1, 2, 4])), ordered(np.array([1, 1, 3, 4])))
    assert match.left.tolist() == [0, 1, 4]
    assert match.right.tolist() == [0, 1, 3]
    assert match.only_left.tolist() == [2, 3]
    assert match.only_right.tolist() == [2]


def test_a_metric_without_a_better_side_is_limited_and_not_compared() -> None:
    columns = regression(200, 1)
    limited = policy(MetricRule(metric="calibration_slope", compare=False, minimum=0.9, maximum=1.1), "mae")
    found = report(columns, regression(200, 2), limited)
    assert finding(found, "minimum:calibration_slope").verdict is Verdict.PASS
    assert finding(found, "maximum:calibration_slope").candidate == pytest.approx(
        np.polyfit(columns["pred"], columns["y"], 1)[0]
    )
    compared = finding(report(columns, regression(200, 2), policy("calibration_slope")), "compare:calibration_slope")
    assert (compared.verdict, compared.reason) == (Verdict.INCONCLUSIVE, "undefined")
    assert "no better side" in compared.message
