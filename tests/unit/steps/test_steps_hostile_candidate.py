"""A candidate that chooses how it is judged, or brings too little to be judged by, never comes out green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commanding import Judge, as_csv, never_green
from judging import classifier, ids, rows_of, with_columns

GOOD = classifier(2000, 1, right=0.9)
BETTER = classifier(2000, 2, right=0.95)
SCORED = classifier(2000, 1, scores=True)
SCORED_BETTER = classifier(2000, 2, right=0.95, scores=True)


def without(columns: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values for name, values in columns.items() if name not in names}


def configured(text: str) -> None:
    """The folder's mlci.yml; ``judge`` has made its folder the current one."""
    Path("mlci.yml").write_text(text)


def rare(n: int, positives: int) -> np.ndarray[Any, Any]:
    """A truth with so few positives, the first examples."""
    return (np.arange(n) < positives).astype(int)


# Labels, scores and classes that only the candidate brings, or leaves out.


@pytest.mark.parametrize("flags", [(), ("--metrics", "accuracy")])
def test_a_candidate_may_not_bring_its_own_labels(judge: Judge, flags: tuple[str, ...]) -> None:
    result = judge(GOOD, without(GOOD, "y"), *flags, on_inconclusive="pass")
    never_green(result)
    assert result.exit == 3
    assert "error[I002]" in result.said
    assert "production.csv" in result.said


def test_naming_the_target_does_not_let_a_candidate_bring_its_own_labels(judge: Judge) -> None:
    bought = with_columns(without(GOOD, "y"), bought=GOOD["y"])
    result = judge(bought, without(GOOD, "y"), "--target", "bought", on_inconclusive="pass")
    never_green(result)
    assert result.exit == 3
    assert "error[I002]" in result.said


@pytest.mark.parametrize("policy", ["approve", "pass", "warn"])
def test_a_candidate_that_drops_its_scores_is_still_asked_for_them(judge: Judge, policy: str) -> None:
    result = judge(without(SCORED_BETTER, "score"), SCORED, on_inconclusive=policy)
    never_green(result)
    assert result.exit == 3
    for metric in ("roc_auc", "brier"):
        found = result.finding(f"compare:{metric}")
        assert (found["verdict"], found["reason"]) == ("inconclusive", "undefined")


def test_a_candidate_whose_probabilities_pass_1_does_not_turn_the_task_into_a_regression(judge: Judge) -> None:
    close = np.where(GOOD["y"] == 1, 0.999, 0.001)
    close[0] = 1.0001
    result = judge(with_columns(GOOD, pred=close), GOOD, on_inconclusive="pass")
    never_green(result)
    assert any("task: binary" in said for said in (result.report or {})["assumptions"])
    assert result.finding("compare:accuracy")["reason"] == "undefined"


def test_one_alien_label_of_the_candidate_is_wrong_and_changes_no_metric(judge: Judge) -> None:
    perfect = [str(label) for label in GOOD["y"]]
    result = judge(with_columns(GOOD, pred=["zzz", *perfect[1:]]), GOOD)
    assert result.report is not None
    assert any("task: binary" in said for said in result.report["assumptions"])
    assert {found["metric"] for found in result.report["findings"] if found["rule"] == "compare"} == {"accuracy", "f1"}
    assert result.finding("compare:accuracy")["candidate"] == pytest.approx(1999 / 2000, abs=1e-12)


def test_two_score_columns_of_a_binary_task_give_a_ranking(judge: Judge) -> None:
    def split(columns: dict[str, Any]) -> dict[str, Any]:
        score = columns["score"]
        return with_columns(without(columns, "score"), score_0=np.round(1 - score, 3), score_1=score)

    result = judge(split(SCORED_BETTER), split(SCORED))
    one_column = judge(SCORED_BETTER, SCORED)
    for metric in ("roc_auc", "brier"):
        assert result.finding(f"compare:{metric}") == one_column.finding(f"compare:{metric}")
    assert 0.5 < result.finding("compare:roc_auc")["candidate"] <= 1


def several(seed: int) -> dict[str, Any]:
    """A model of three classes with a probability of each."""
    columns = classifier(600, seed, classes=3)
    sure = np.eye(3)[columns["pred"]] * 0.7 + 0.1
    return with_columns(columns, **{f"score_{name}": np.round(sure[:, name], 3) for name in range(3)})


def test_scores_of_several_classes_must_sum_to_1(judge: Judge) -> None:
    everything = with_columns(several(2), score_0=[1.0] * 600, score_1=[1.0] * 600, score_2=[1.0] * 600)
    result = judge(everything, several(1), "--metrics", "log_loss", on_inconclusive="pass")
    never_green(result)
    assert result.finding("compare:log_loss")["reason"] == "undefined"


def test_a_row_of_zeros_does_not_excuse_scores_that_do_not_sum_to_1(judge: Judge) -> None:
    nearly = [0.0] + [1.0] * 599
    everything = with_columns(several(2), score_0=nearly, score_1=nearly, score_2=nearly)
    result = judge(everything, several(1), "--metrics", "log_loss", on_inconclusive="pass")
    never_green(result)
    assert result.finding("compare:log_loss")["reason"] == "undefined"


# Perfect values that rest on next to nothing.


@pytest.mark.parametrize(("metric", "positives", "predicted"), [("precision", 200, 2), ("recall", 3, 3)])
def test_a_perfect_value_on_a_handful_of_positives_proves_no_limit(
    judge: Judge, metric: str, positives: int, predicted: int
) -> None:
    configured(f"validation: {{min_{metric}: 0.95, thresholds: interval}}")
    columns = {"id": ids(2000), "y": rare(2000, positives), "pred": rare(2000, predicted)}
    result = judge(columns, None)
    never_green(result)
    found = result.finding(f"minimum:{metric}")
    assert found["candidate"] == 1
    assert (found["verdict"], found["reason"]) == ("inconclusive", "interval")


def test_a_perfect_precision_on_many_predicted_positives_proves_its_limit(judge: Judge) -> None:
    configured("validation: {min_precision: 0.95, thresholds: interval}")
    result = judge({"id": ids(2000), "y": rare(2000, 200), "pred": rare(2000, 190)}, None)
    assert result.finding("minimum:precision")["verdict"] == "pass"


def alike(n: int, truth: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two models that give the same labels by different scores."""
    score = np.round(np.random.default_rng(n).random(n), 3)
    one = {"id": ids(n), "y": truth, "pred": truth, "score": score}
    return one, with_columns(one, score=np.round(score * 0.9, 4))


@pytest.mark.parametrize(("confidence", "verdict"), [("0.95", "pass"), ("0.999", "inconclusive")])
def test_no_difference_proves_less_at_a_higher_confidence(judge: Judge, confidence: str, verdict: str) -> None:
    candidate, production = alike(300, [0, 1] * 150)
    result = judge(candidate, production, "--metrics", "accuracy", "--confidence", confidence, "--tolerance", "0.01")
    assert result.verdict == verdict
    assert result.exit == (0 if verdict == "pass" else 3)


@pytest.mark.parametrize("metric", ["recall", "f1"])
def test_no_difference_on_3_positives_proves_nothing_about_them(judge: Judge, metric: str) -> None:
    candidate, production = alike(2000, rare(2000, 3))
    result = judge(candidate, production, "--metrics", metric, "--tolerance", "0.01")
    never_green(result)
    assert result.finding(f"compare:{metric}")["verdict"] == "inconclusive"


@pytest.mark.parametrize("answer", [0, 1])
@pytest.mark.parametrize("policy", ["approve", "pass"])
def test_one_example_decides_nothing_whether_the_models_agree_or_not(judge: Judge, answer: int, policy: str) -> None:
    one: dict[str, Any] = {"id": ["a"], "y": [1], "pred": [1]}
    result = judge(with_columns(one, pred=[answer]), one, on_inconclusive=policy)
    never_green(result)
    assert (result.exit, result.verdict) == (3, "inconclusive")


def test_a_ranking_of_3_positives_that_looks_much_worse_is_not_called_a_regression(judge: Judge) -> None:
    truth, noise = rare(1000, 3), np.random.default_rng(0).random((2, 1000)) * 0.5
    production: dict[str, Any] = {"id": ids(1000), "y": truth, "score": noise[0] + truth * 0.45}
    result = judge(with_columns(production, score=noise[1]), production, "--metrics", "roc_auc", on_inconclusive="pass")
    never_green(result)
    found = result.finding("compare:roc_auc")
    assert found["difference"] < -0.4
    assert (found["verdict"], found["reason"]) == ("inconclusive", "few-positives")


FALLING = np.linspace(0.9, 0.1, 1000)


@pytest.mark.parametrize("positives", [3, 20, 500])
@pytest.mark.parametrize("score", [FALLING[::-1], [0.5] * 1000], ids=["inverted", "constant"])
def test_a_candidate_that_loses_a_perfect_ranking_is_never_green(judge: Judge, score: Any, positives: int) -> None:
    production: dict[str, Any] = {"id": ids(1000), "y": rare(1000, positives), "score": FALLING}
    result = judge(with_columns(production, score=score), production, "--metrics", "roc_auc", on_inconclusive="pass")
    assert result.finding("compare:roc_auc")["difference"] <= -0.5
    never_green(result)
    assert result.finding("compare:roc_auc")["verdict"] == ("fail" if positives >= 20 else "inconclusive")


def groups(*sizes: int) -> list[str]:
    return [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]


@pytest.mark.parametrize("policy", ["approve", "pass"])
def test_one_large_group_beside_five_small_ones_is_too_few(judge: Judge, policy: str) -> None:
    shared = groups(500, *[50] * 5)
    candidate, production = (with_columns(classifier(750, seed, right=right), group=shared)
                             for seed, right in ((2, 0.99), (1, 0.8)))  # fmt: skip
    result = judge(candidate, production, "--metrics", "accuracy", on_inconclusive=policy)
    never_green(result)
    found = result.finding("compare:accuracy")
    assert (found["verdict"], found["reason"]) == ("inconclusive", "clusters")


def test_forty_groups_of_one_size_are_enough(judge: Judge) -> None:
    shared = groups(*[25] * 40)
    candidate, production = (with_columns(classifier(1000, seed, right=right), group=shared)
                             for seed, right in ((2, 0.99), (1, 0.8)))  # fmt: skip
    result = judge(candidate, production, "--metrics", "accuracy")
    assert (result.exit, result.verdict) == (0, "pass")
    assert result.finding("compare:accuracy")["clusters"] == 40


# Bare numbers.


@pytest.mark.parametrize("mine", ["0.95", "0.9", "0.5"])
def test_bare_metrics_are_at_best_a_warning_even_where_policy_lets_noise_pass(judge: Judge, mine: str) -> None:
    result = judge(f'{{"f1": {mine}}}', '{"f1": 0.9}', on_inconclusive="pass")
    assert (result.exit, result.verdict) == (0, "warn")


@pytest.mark.parametrize("baseline", [None, '{"f1": 0.9}'])
@pytest.mark.parametrize(
    ("flags", "exit", "verdict"), [((), 0, "warn"), (("--require-predictions", "true"), 11, "fail")]
)
def test_a_limit_met_by_a_bare_number_is_unverified(
    judge: Judge, baseline: str | None, flags: tuple[str, ...], exit: int, verdict: str
) -> None:
    configured("validation: {min_f1: 0.9}")
    result = judge('{"f1": 0.95}', baseline, *flags, on_inconclusive="pass")
    assert (result.exit, result.verdict) == (exit, verdict)
    found = result.finding("minimum:f1")
    assert (found["verdict"], found["reason"]) == (verdict, "unverified")


def test_slices_that_policy_declares_cannot_be_judged_by_bare_numbers(judge: Judge) -> None:
    result = judge('{"f1": 0.95}', '{"f1": 0.9}', "--slices", "region", on_inconclusive="pass")
    never_green(result)
    assert (result.exit, result.verdict) == (3, "inconclusive")
    assert result.finding("input:slice region")["reason"] == "missing"


@pytest.mark.parametrize("twice", ['{"f1": 0.1, "F1": 0.99}', '{"auc": 0.1, "ROC-AUC": 0.99}'])
def test_one_metric_in_two_spellings_is_an_error(judge: Judge, twice: str) -> None:
    result = judge(twice, '{"f1": 0.5, "auc": 0.5}', on_inconclusive="pass")
    never_green(result)
    assert result.exit == 3
    assert "error[I001]" in result.said


# Slices that lose their examples, or that only the candidate declares.


@pytest.mark.parametrize(("column", "flags"), [("region", ("--slices", "region")), ("slice_region", ())])
def test_a_slice_whose_examples_the_candidate_left_out_is_named(
    judge: Judge, column: str, flags: tuple[str, ...]
) -> None:
    region = ["tiny"] * 8 + ["rest"] * 1992
    candidate, production = (with_columns(columns, **{column: region}) for columns in (BETTER, GOOD))
    kept = rows_of(candidate, range(8, 2000))
    result = judge(kept, production, "--missing", "intersect", *flags, on_inconclusive="pass")
    never_green(result)
    assert result.finding("input:dropped-examples")["verdict"] == "warn"
    found = result.finding(f"input:dropped-examples[{column}=tiny]")
    assert (found["verdict"], found["reason"], found["slice"]) == ("inconclusive", "dropped", f"{column}=tiny")


def test_a_group_of_people_whose_examples_the_candidate_left_out_is_named(judge: Judge, tmp_path: Path) -> None:
    gender = ["x"] * 8 + ["f", "m"] * 996
    candidate, production = (with_columns(columns, gender=gender) for columns in (BETTER, GOOD))
    limit = "validation: {fairness: {demographic_parity_difference: {max: 0.5}}}"
    (tmp_path / "mlci.yml").write_text(f"evaluate: {{sensitive: [gender]}}\n{limit}\n")
    kept = rows_of(candidate, range(8, 2000))
    result = judge(kept, production, "--missing", "intersect", on_inconclusive="pass")
    never_green(result)
    assert result.finding("input:dropped-examples[gender=x]")["verdict"] == "inconclusive"


@pytest.mark.parametrize("policy", ["approve", "pass"])
def test_a_slice_column_that_only_the_candidate_has_is_missing(judge: Judge, policy: str) -> None:
    candidate = with_columns(BETTER, region=["north", "south"] * 1000)
    result = judge(candidate, GOOD, "--slices", "region", on_inconclusive=policy)
    never_green(result)
    assert (result.exit, result.verdict) == (3, "inconclusive")
    assert result.finding("input:slice region")["reason"] == "missing"


# Policies that this version cannot judge, or that say something else than was meant.


@pytest.mark.parametrize(("rule", "id"), [
    ("compare_to: staging", "policy:validation.compare_to: staging"),
])  # fmt: skip
def test_a_rule_that_this_version_cannot_judge_is_not_passed_over(judge: Judge, rule: str, id: str) -> None:
    configured(f"validation:\n  {rule}\n")
    result = judge(BETTER, GOOD, on_inconclusive="pass")
    never_green(result)
    assert (result.exit, result.verdict) == (3, "inconclusive")
    found = result.finding(id)
    assert (found["verdict"], found["reason"]) == ("inconclusive", "unsupported")


def test_a_misspelt_metric_is_named_with_the_one_that_was_meant(judge: Judge) -> None:
    result = judge(BETTER, GOOD, "--metrics", "acuracy", on_inconclusive="pass")
    never_green(result)
    told = result.said if result.report is None else result.finding("compare:acuracy")["message"]
    assert "did you mean accuracy" in told


@pytest.mark.parametrize("broken", ["validation: {tolerance: lots}", "validation: [", "validaton: {}"])
def test_an_error_in_the_configuration_leaves_no_earlier_verdict_behind(judge: Judge, broken: str) -> None:
    earlier = judge(BETTER, GOOD)
    assert (earlier.exit, earlier.verdict) == (0, "pass")
    configured(broken)
    result = judge(BETTER, GOOD)
    assert (result.exit, result.report) == (2, None)
    assert [path for path in Path(".mlci").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("flags", [("--tolerance", "lots"), ("--config", "absent.yml"), ("--task", "guess")])
def test_an_error_on_the_command_line_leaves_no_earlier_verdict_behind(judge: Judge, flags: tuple[str, ...]) -> None:
    assert judge(BETTER, GOOD).verdict == "pass"
    result = judge(BETTER, GOOD, *flags)
    assert (result.exit, result.report) == (2, None)


def test_a_csv_file_may_be_separated_by_tabs(judge: Judge) -> None:
    tabs, commas = (judge(*(as_csv(columns).replace(",", sign) for columns in (BETTER, GOOD))) for sign in ("\t", ","))
    assert (tabs.exit, tabs.verdict) == (0, "pass")
    assert tabs.report is not None
    assert commas.report is not None
    assert tabs.report["findings"] == commas.report["findings"]


def test_a_pass_that_policy_lent_says_what_stayed_undecided(judge: Judge) -> None:
    small, other = classifier(200, 1, right=0.85), classifier(200, 2, right=0.85)
    result = judge(small, other, "--metrics", "accuracy", on_inconclusive="pass")
    assert (result.exit, result.verdict) == (0, "pass")
    assert result.finding("compare:accuracy")["verdict"] == "inconclusive"
    assert result.report is not None
    assert "undecided on accuracy" in result.report["reason"]
    assert "no worse than production" not in result.report["reason"]
