"""Whether this model is worse, or this way of training: what models of several seeds change in the verdict."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judging import given, policy

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.estimate import Estimate
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, Tolerance
from mlci.domain.recipe import OverSeeds, deviation
from mlci.domain.report import Report
from mlci.errors import ArtifactRefused, HoldoutDiffers
from mlci.steps.gate_compare import Outcome, run
from mlci.steps.judging.recipe import contrast
from mlci.steps.report import rejudge

N = 2000
ASKED = policy("accuracy", tolerance=0.01)


def columns(wrong: range) -> dict[str, Any]:
    """Right on all examples but some."""
    truth = [row % 2 for row in range(N)]
    return {"id": list(range(N)), "y": truth, "pred": [y ^ (row in wrong) for row, y in enumerate(truth)]}


def judged(wrong: list[range], production: range, asked: GatePolicy = ASKED) -> Outcome:
    others = tuple(table for each in wrong[1:] if (table := given(columns(each), "seed").table) is not None)
    candidate = replace(given(columns(wrong[0]), "candidate"), seeds=others)
    return run(candidate, given(columns(production), "production"), asked)


def accuracy(report: Report) -> Any:
    return next(found for found in report.findings if found.id == "compare:accuracy")


def section(report: Report) -> Any:
    return next(each for each in report.sections if each.id == "question")


def test_one_model_answers_for_itself_and_says_so() -> None:
    report = judged([range(100)], range(100)).report
    assert report.question == "artefact"
    assert "is this very model worse than production?" in section(report).sentences[0]


def test_an_unlucky_seed_is_no_regression_of_the_recipe() -> None:
    # The first seed is beyond the margin for sure; the recipe, on average over four, is as good as production.
    unlucky = [range(160), range(90), range(70), range(80)]
    alone, recipe = judged(unlucky[:1], range(100)).report, judged(unlucky, range(100)).report
    assert accuracy(alone).verdict.value == "fail"
    assert recipe.question == "recipe"
    assert accuracy(recipe).verdict.value == "inconclusive"
    assert accuracy(recipe).difference == pytest.approx(0.0)


def test_a_recipe_that_is_worse_with_every_seed_fails() -> None:
    report = judged([range(200), range(205), range(195), range(202)], range(100)).report
    assert accuracy(report).verdict.value == "fail"
    assert accuracy(report).difference == pytest.approx(-0.05025)


def test_the_deviation_between_seeds_is_told() -> None:
    values = [1 - wrong / N for wrong in (160, 90, 70, 80)]
    report = judged([range(160), range(90), range(70), range(80)], range(100)).report
    assert section(report).figures["seed_deviation.accuracy"] == pytest.approx(float(np.std(values, ddof=1)))


def test_seeds_that_change_nothing_leave_the_error_of_one_model_and_are_told() -> None:
    alone = judged([range(90, 140)], range(100)).report
    report = judged([range(90, 140)] * 3, range(100)).report
    assert accuracy(report).standard_error == pytest.approx(accuracy(alone).standard_error, rel=0.01)
    assert "training may not read MLCI_TRAIN_SEED" in section(report).sentences[-1]


def test_a_seed_that_equals_production_does_not_make_the_recipe_identical() -> None:
    report = judged([range(100), range(140), range(60)], range(100)).report
    assert accuracy(report).reason != "identical"


def test_a_relative_tolerance_is_judged_on_the_ratio_of_the_means() -> None:
    asked = policy("accuracy", tolerance=Tolerance(0.03, relative=True))
    found = accuracy(judged([range(100), range(104), range(96)], range(100), asked).report)
    assert found.scale == "relative"
    assert found.verdict.value == "pass"
    assert found.interval[0] < found.difference < found.interval[1]


def with_seed(production: dict[str, Any], seed: dict[str, Any], asked: GatePolicy) -> Report:
    """A first seed that equals production, and a further one."""
    table = given(seed, "seed").table
    assert table is not None
    candidate = replace(given(production, "candidate"), seeds=(table,))
    return run(candidate, given(production, "production"), asked).report


def test_a_seed_without_a_value_leaves_the_recipe_without_one_whatever_the_first_seed_says() -> None:
    scores = [0.9 if y else 0.2 for y in columns(range(0))["y"]]
    broken: list[float | None] = [*scores]
    broken[3] = None
    rows = {**columns(range(100)), "score": scores}
    report = with_seed(rows, {**rows, "score": broken}, policy("roc_auc", tolerance=0.01))
    [found] = [each for each in report.findings if each.id == "compare:roc_auc"]
    assert (found.verdict.value, found.reason) == ("inconclusive", "undefined")
    assert "another seed" in found.message


def test_ranked_lists_of_several_seeds_are_judged_by_the_query() -> None:
    random = np.random.default_rng(2)
    rows = {
        "id": list(range(N)), "y": np.tile([1, 0, 0, 0], N // 4), "group": np.repeat(range(N // 4), 4),
        "score": random.random(N),
    }  # fmt: skip
    report = with_seed(rows, {**rows, "score": random.random(N)}, policy("ndcg", tolerance=0.01))
    [found] = [each for each in report.findings if each.id == "compare:ndcg"]
    assert "2 seeds" in (found.method or "")


def test_a_gain_of_the_recipe_is_asked_on_the_scale_of_its_bound() -> None:
    """Where less is better a gain of a half is a ratio of one half, which is further than one of one and a half."""
    blank = Estimate(metric=metric_named("error_rate"), n=N, relative=True, improvement=0.5)
    values = (0.5 * math.exp(0.01), 0.5 * math.exp(-0.01))
    over = OverSeeds(
        metric="error_rate", values=values, baseline=1.0, plain_error=0.01, freedom=9.0, log_error=0.01, log_freedom=9.0
    )
    found = contrast(blank, over, ASKED)
    assert found is not None
    assert found.p_worse == pytest.approx(0.5)


def test_the_recipe_is_judged_again_from_its_numbers() -> None:
    outcome = judged([range(160), range(90), range(70)], range(100))
    again = rejudge(read_gate(outcome.evidence, "e"), ASKED)
    assert again.question == "recipe"
    assert accuracy(again).interval == pytest.approx(accuracy(outcome.report).interval)


@pytest.mark.parametrize("change", [
    {"seeds": 4}, {"seeds": 99}, {"metrics": [{"values": [0.5, 0.5, 0.5]}]},
    {"metrics": [{"values": [0.92, 1.5, 0.9]}]},
    {"metrics": [{"plain_error": -1.0}]}, {"metrics": [{"freedom": 0.5}]}, {"metrics": [{"baseline": 0.4}]},
    {"metrics": [{"freedom": 0.0}]},
])  # fmt: skip
def test_seeds_that_cannot_be_true_are_refused(change: dict[str, Any]) -> None:
    outcome = judged([range(160), range(90), range(70)], range(100))
    statement = json.loads(outcome.evidence)
    recipe = statement["predicate"]["recipe"]
    for name, value in change.items():
        recipe[name] = [{**recipe["metrics"][0], **value[0]}] if name == "metrics" else value
    with pytest.raises(ArtifactRefused):
        read_gate(json.dumps(statement).encode(), "e")


def test_seeds_that_were_scored_on_other_examples_are_no_seeds_of_one_recipe() -> None:
    other = {name: values[:-1] for name, values in columns(range(10)).items()}
    table = given(other, "seed").table
    assert table is not None
    candidate = replace(given(columns(range(10)), "candidate"), seeds=(table,))
    with pytest.raises(HoldoutDiffers, match="two seeds"):
        run(candidate, given(columns(range(9)), "production"), policy("accuracy", missing="intersect"))


@pytest.mark.parametrize("largest", [1e200, 1.7e308])
@pytest.mark.parametrize("relative", [False, True])
def test_values_near_the_end_of_all_numbers_are_judged_without_an_overflow(largest: float, *, relative: bool) -> None:
    over = OverSeeds(
        metric="gain", values=(largest, -largest / 2, largest) if not relative else (largest, 1e-300, largest),
        baseline=largest / 2, plain_error=largest / 2, freedom=9.0, log_error=1e12, log_freedom=9.0,
    )  # fmt: skip
    estimate = Estimate(metric=metric_named("gain"), n=100, relative=relative, margin=0.01)
    found = contrast(estimate, over, ASKED)
    assert found is None or all(map(math.isfinite, (found.difference, found.low, found.high)))
    assert math.isfinite(deviation((1.5, 1.5 + 1e-9, 1.5 - 1e-9)))
    assert deviation((1.0, 2.0, 3.0)) == pytest.approx(1.0)


@pytest.mark.parametrize(("models", "verdict"), [(1, "inconclusive"), (2, "inconclusive"), (3, "pass")])
def test_fewer_seeds_than_policy_asks_for_leave_the_question_open(models: int, verdict: str) -> None:
    """A change that drops the seeds, or trains one alone, would else be judged by a lucky model."""
    report = judged([range(100)] * models, range(100), replace(ASKED, seeds=3)).report
    found = [one for one in report.findings if one.id == "input:seeds"]
    assert [one.verdict.value for one in found] == ["inconclusive"] * (models < 3)
    assert report.verdict.value == verdict
