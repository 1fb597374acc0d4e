"""The numbers of the evidence are all that judging needs: read back, they give the very findings of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judging import classifier, finding, given, judged, policy, regression, rows_of, with_columns

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile
from mlci.steps.gate_compare import Given, Outcome, run
from mlci.steps.judging import judge, rules_for

Z = normal_quantile(0.95)
LABELS = ("accuracy", "f1", "mcc", "precision", "recall", "balanced_accuracy", "f1_micro", "f1_macro")
BINARY = (*LABELS, "roc_auc", "pr_auc", "brier", "log_loss")
VALUES = ("rmse", "mae", "r2", "mape", "smape", "wape")
RELATIVE = Tolerance(0.05, relative=True)
Case = tuple[Given, Given | None, GatePolicy]


def pair(n: int = 240, *, classes: int = 2, right: float = 0.8, **more: Any) -> list[dict[str, Any]]:
    return [
        with_columns(classifier(n, seed, right=chance, classes=classes, scores=classes == 2), **more)
        for seed, chance in ((1, right), (2, 0.85))
    ]


def case(candidate: dict[str, Any], baseline: dict[str, Any] | None, asked: GatePolicy) -> Case:
    return given(candidate, "candidate"), None if baseline is None else given(baseline, "production"), asked


def bare(asked: GatePolicy, mine: dict[str, float], theirs: dict[str, float] | None) -> Case:
    sides = [replace(given({"id": [1]}, "candidate"), table=None, metrics=mine)]
    if theirs is not None:
        sides.append(replace(given({"id": [2]}, "production"), table=None, metrics=theirs))
    return sides[0], sides[1] if theirs is not None else None, asked


def limited(*names: str, at: float = 0.8, thresholds: str = "interval", **more: Any) -> GatePolicy:
    rules = [MetricRule(metric=name, minimum=at, maximum=0.99) for name in names]
    return policy(*rules, thresholds=thresholds, **more)


def unanswered(columns: dict[str, Any], every: int) -> dict[str, Any]:
    return with_columns(
        columns, pred=[None if row % every == 0 else value for row, value in enumerate(columns["pred"])]
    )


def plans(n: int) -> list[str | None]:
    return [("basic", "pro", None, "")[row % 4] for row in range(n)]


def grouped(n: int) -> list[str]:
    return [f"g{row % 30}" for row in range(n)]


def weights(n: int) -> list[int]:
    return [1 + row % 5 for row in range(n)]


CASES: dict[str, Callable[[], Case]] = {
    "two classes": lambda: case(*pair(), policy(*BINARY)),
    "a shown regression": lambda: case(*pair(900, right=0.6), policy(*BINARY, slices=["plan"])),
    "a relative tolerance": lambda: case(*pair(), policy(*BINARY, tolerance=RELATIVE)),
    "a tolerance of 0": lambda: case(*pair(), policy(*BINARY, tolerance=0.0)),
    "another level": lambda: case(*pair(), limited(*BINARY, confidence=0.8)),
    "weights": lambda: case(*pair(weight=weights(240), slice_plan=plans(240)), limited(*BINARY)),
    "groups": lambda: case(*pair(group=grouped(240), slice_plan=plans(240)), limited(*BINARY)),
    "groups and weights": lambda: case(*pair(group=grouped(240), weight=weights(240)), limited(*BINARY)),
    "slices": lambda: case(*pair(plan=plans(240)), policy(*BINARY, slices=["plan"])),
    "slices shown": lambda: case(*pair(plan=plans(240)), policy("f1", "roc_auc", slices=["plan"], require="shown")),
    "slices of their own tolerance": lambda: case(
        *pair(slice_x=plans(240)), policy("f1", slice_tolerance=0.2, tolerance=RELATIVE)
    ),
    "a slice that is not there": lambda: case(*pair(), policy("f1", slices=["plan"])),
    "tiny slices": lambda: case(*pair(slice_row=[str(row // 2) for row in range(240)]), policy(*BINARY)),
    "limits at the point": lambda: case(*pair(), limited(*BINARY, thresholds="point")),
    "limits alone": lambda: case(pair()[0], None, replace(limited(*BINARY), compare=False)),
    "no baseline": lambda: case(pair()[0], None, policy("f1", "roc_auc")),
    "several classes": lambda: case(*pair(classes=4, slice_plan=plans(240)), limited("accuracy", "f1_macro", "mcc")),
    "the usual metrics": lambda: case(*pair(), policy()),
    "the usual metrics without scores": lambda: case(classifier(200, 1), classifier(200, 2), policy()),
    "the usual metrics of a regression": lambda: case(regression(200, 1), regression(200, 2), policy()),
    "the usual metrics of several classes": lambda: case(*pair(classes=3), policy()),
    "several classes with scores that are no probabilities": lambda: case(
        *(with_columns(each, **{f"score_{code}": [3.0 - code] * 240 for code in range(3)}) for each in pair(classes=3)),
        policy(),
    ),
    "a regression": lambda: case(regression(200, 1), regression(200, 2), limited(*VALUES, at=0.1)),
    "a regression in points": lambda: case(regression(200, 1), regression(200, 2), policy(*VALUES, tolerance=0.1)),
    "identical models": lambda: case(pair()[0], pair()[0], policy(*BINARY, slices=["plan"])),
    "the same labels": lambda: case(
        pair()[0], with_columns(pair()[0], score=np.sqrt(pair()[0]["score"])), policy(*BINARY)
    ),
    "a perfect candidate": lambda: case(*pair(60, right=1.0), limited(*BINARY)),
    "one example": lambda: case(*(rows_of(each, [0]) for each in pair()), limited(*BINARY)),
    "one group": lambda: case(*pair(group=["g"] * 240), limited(*BINARY)),
    "one class": lambda: case(*pair(y=[1] * 240), limited(*BINARY)),
    "answers that are missing": lambda: case(
        unanswered(classifier(200, 1), 9), unanswered(classifier(200, 2), 20), limited(*LABELS)
    ),
    "scores that are missing": lambda: case(
        with_columns(pair()[0], score=[float("nan"), *pair()[0]["score"][1:]]), pair()[1], limited(*BINARY)
    ),
    "scores that are left out": lambda: case(
        {name: values for name, values in pair()[0].items() if name != "score"}, pair()[1], policy(*BINARY)
    ),
    "examples that are dropped": lambda: case(
        rows_of(pair(slice_plan=plans(240))[0], range(3, 240)),
        rows_of(pair(slice_plan=plans(240))[1], range(237)),
        policy("roc_auc", "accuracy", missing="intersect"),
    ),
    "a ratio that has no value": lambda: case(
        regression(50, 1), with_columns(regression(50, 1), pred=regression(50, 1)["y"]), policy(*VALUES)
    ),
    "numbers too large": lambda: case(
        with_columns(rows_of(regression(50, 1), [0]), cost=[1.5e308]),
        with_columns(rows_of(regression(50, 2), [0]), cost=[-1.5e308]),
        policy(MetricRule(metric="cost", better="lower")),
    ),
    "numbers too large to measure": lambda: case(
        with_columns(regression(50, 1), cost=[1e300] * 49 + [1e308]),
        with_columns(regression(50, 2), cost=[1.0] * 50),
        policy(MetricRule(metric="cost", better="lower")),
    ),
    "columns of the user's": lambda: case(
        *(with_columns(each, cost=np.arange(240) % 7 + shift) for shift, each in enumerate(pair())),
        policy(
            MetricRule(metric="cost", better="lower", maximum=3.0),
            MetricRule(metric="coast", better="lower"),
            MetricRule(metric="score"),
        ),
    ),
    "rules that only limit": lambda: case(
        *pair(), policy(MetricRule(metric="f1", compare=False, minimum=0.7), MetricRule(metric="recall"))
    ),
    "rules beyond this version": lambda: case(*pair(), replace(policy("f1"), unsupported=("validation.fairness.x",))),
    "bare metrics": lambda: bare(
        limited("f1", "mae", "latency", at=0.5), {"f1": 0.8, "mae": 2.0, "latency": 1.0}, {"f1": 0.9, "mae": 1.0}
    ),
    "bare metrics by no rule": lambda: bare(policy(), {"f1": 0.8, "cost": 2.0}, {"f1": 0.7, "cost": 1.0}),
    "bare metrics alone": lambda: bare(limited("f1"), {"f1": 0.8}, None),
}  # fmt: skip


@pytest.fixture(params=CASES)
def judged_case(request: pytest.FixtureRequest) -> tuple[Outcome, GatePolicy]:
    candidate, baseline, asked = CASES[request.param]()
    return run(candidate, baseline, asked), asked


def test_the_numbers_read_back_give_the_very_findings_of_the_run(judged_case: tuple[Outcome, GatePolicy]) -> None:
    outcome, asked = judged_case
    again = judge(read_gate(outcome.evidence, "evidence").numbers, asked)
    assert again.findings == outcome.report.findings
    assert set(again.assumptions) <= set(outcome.report.assumptions)
    assert outcome.report.findings


OTHERS = {
    "other scale": policy(*BINARY, tolerance=RELATIVE),
    "other level": policy(*BINARY, confidence=0.6, tolerance=0.002),
    "other limits": limited(*BINARY, at=0.9),
    "fewer metrics": policy("f1", "brier"),
    "softer slices": policy(*BINARY, require="shown", slice_tolerance=0.3),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "more", [{}, {"weight": weights(240)}, {"group": grouped(240)}], ids=["plain", "weights", "groups"]
)
def test_another_policy_reads_from_the_numbers_what_it_would_have_found_in_the_rows(
    name: str, more: dict[str, Any]
) -> None:
    rows = pair(slice_plan=plans(240), **more)
    measured, asked = judged(*rows, policy(*BINARY)), OTHERS[name]
    numbers = read_gate(measured.evidence, "evidence").numbers
    assert judge(numbers, asked).findings == judged(*rows, asked).report.findings


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_a_column_may_be_judged_the_other_way_round_than_it_was_measured(shift: float) -> None:
    rows = [with_columns(each, cost=np.arange(240) % 7 + by) for by, each in zip((shift, 0.0), pair(), strict=True)]
    lower, higher = (policy(MetricRule(metric="cost", better=way), tolerance=0.1) for way in ("lower", "higher"))
    numbers = read_gate(judged(*rows, lower).evidence, "evidence").numbers
    assert judge(numbers, higher).findings == judged(*rows, higher).report.findings


def test_where_neither_scale_has_a_value_the_one_that_was_asked_for_says_why() -> None:
    candidate, baseline, asked = CASES["numbers too large"]()
    for tolerance, why in ((Tolerance(0.1), "too large to compare"), (RELATIVE, "positive values on both sides")):
        rule = MetricRule(metric="cost", better="lower", tolerance=tolerance)
        [found] = run(candidate, baseline, replace(asked, rules=(rule,))).report.findings
        assert why in found.message


@pytest.mark.parametrize(
    ("gives", "names"),
    [
        (("label", "score", "probability"), ("accuracy", "f1", "roc_auc", "brier")),
        (("label", "score"), ("accuracy", "f1", "roc_auc")),
        (("score", "probability"), ("roc_auc", "brier")),
        (("label",), ("accuracy", "f1")),
    ],
)
def test_of_the_usual_metrics_those_are_asked_that_production_gives_the_outputs_for(
    gives: Any, names: tuple[str, ...]
) -> None:
    rules, assumptions = rules_for("binary", gives, policy())
    assert tuple(rule.metric for rule in rules) == names
    assert assumptions[0] == f"metrics: {', '.join(names)} (name others with --metrics)"


@pytest.mark.parametrize("name", ["a perfect candidate", "two classes", "weights", "groups"])
def test_the_interval_of_the_candidate_is_one_whether_compared_or_limited(name: str) -> None:
    candidate, baseline, asked = CASES[name]()
    rules = tuple(replace(rule, minimum=0.5) for rule in asked.rules)
    found = {
        each.id: each.candidate_interval
        for each in run(candidate, baseline, replace(asked, rules=rules)).report.findings
    }
    for metric in BINARY:
        assert found[f"compare:{metric}"] == found[f"minimum:{metric}"]


def test_a_perfect_ranking_rests_on_the_examples_of_its_rarer_class() -> None:
    candidate, baseline, asked = CASES["a perfect candidate"]()
    report = run(candidate, baseline, asked).report
    positives = sum(pair(60)[0]["y"])
    rarer = min(positives, 60 - positives)
    for id in ("compare:roc_auc", "minimum:roc_auc"):
        assert finding(report, id).candidate_interval == pytest.approx((wilson(rarer, rarer, Z)[0], 1.0))
