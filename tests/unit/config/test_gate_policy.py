"""The part of the configuration that the gate decides by."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci.config.load import load
from mlci.config.policy import gate_policy
from mlci.config.resolve import resolve
from mlci.domain.policy import (
    Columns,
    FairnessRule,
    GatePolicy,
    HoldoutPolicy,
    MetricRule,
    ReadingPolicy,
    SearchPolicy,
    SlicePolicy,
    Tolerance,
)
from mlci.errors import Contradiction

DESIGN = Path(__file__).parents[2] / "config" / "valid"


def policy(folder: Path, text: str, *, baseline_given: bool = False) -> GatePolicy:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    return gate_policy(resolve(load(str(path), {}), ()).config, baseline_given=baseline_given)


def test_no_file_asks_for_a_comparison_of_the_usual_metrics() -> None:
    assert gate_policy(resolve(None, ()).config) == GatePolicy()


def test_the_complete_example_becomes_the_policy_it_reads_as() -> None:
    config = resolve(load(str(DESIGN / "design-complete.yml"), {}), ()).config

    assert gate_policy(config) == GatePolicy(
        rules=(
            MetricRule(metric="f1", better="higher", minimum=0.88),
            MetricRule(metric="roc_auc", better="higher", tolerance=Tolerance(0.003)),
            MetricRule(metric="brier", better="lower", tolerance=Tolerance(0.002)),
            MetricRule(metric="latency_p95_ms", better="lower", tolerance=Tolerance(0.1, relative=True)),
        ),
        compare=True,
        tolerance=Tolerance(0.005),
        slices=SlicePolicy(columns=("region", "plan"), tolerance=Tolerance(0.02)),
        sensitive=("gender",),
        fairness=(FairnessRule(measure="equal_opportunity_difference", maximum=0.1),),
        reading=ReadingPolicy(columns=Columns(id="customer_id", target="churned")),
    )


def test_a_metric_without_a_better_side_is_compared_only_where_nothing_else_is_asked_of_it(tmp_path: Path) -> None:
    limited = policy(tmp_path, "validation: {metrics: {mae: {}, calibration_slope: {min: 0.9}}}")
    assert [rule.compare for rule in limited.rules] == [True, False]
    assert policy(tmp_path, "validation: {metrics: [calibration_slope]}").rules[0].compare


def test_the_smallest_example_compares_f1_and_limits_it() -> None:
    config = resolve(load(str(DESIGN / "design-smallest.yml"), {}), ()).config

    assert gate_policy(config).rules == (MetricRule(metric="f1", better="higher", minimum=0.88),)
    assert gate_policy(config).compare


@pytest.mark.parametrize(
    "text",
    [
        "validation: {min_f1: 0.8}",
        "validation: {min_f1: 0.8, max_log_loss: 0.5}",
        "validation: {min_revenue: 3, max_revenue: 9}",
        "validation: {min_f1: 0.8, confidence: 0.9, thresholds: interval, on_inconclusive: fail}",
        "evaluate: {sensitive: [gender]}\nvalidation: {min_f1: 0.8}",
    ],
)
def test_limits_alone_ask_for_no_comparison_until_a_baseline_is_given(tmp_path: Path, text: str) -> None:
    assert not policy(tmp_path, text).compare
    assert policy(tmp_path, text, baseline_given=True).compare


@pytest.mark.parametrize(
    "text",
    [
        "model: churn",
        "validation: {min_f1: 0.8, compare_to: production}",
        "validation: {min_f1: 0.8, tolerance: 0.01}",
        "validation: {min_f1: 0.8, slices: 0.02}",
        "validation: {min_f1: 0.8, metrics: {recall: {}}}",
        "validation: {metrics: {f1: {min: 0.8, tolerance: 0.01}}}",
        "validation: {metrics: [f1]}",
        "evaluate: {slices: [region]}\nvalidation: {min_f1: 0.8}",
        "validation: {min_f1: 0.8, slices: {discover: true}}",
        "validation: {min_f1: 0.8, anchor_tolerance: 0.02}",
    ],
)
def test_whatever_speaks_of_a_loss_asks_for_a_comparison(tmp_path: Path, text: str) -> None:
    assert policy(tmp_path, text).compare


@pytest.mark.parametrize(
    ("asked", "better"),
    [
        ("{better: lower, min: 1}", "lower"),
        ("{better: higher}", "higher"),
        ("{min: 1}", "higher"),
        ("{max: 1}", "lower"),
        ("{min: 1, max: 2}", None),
        ("{tolerance: 1%}", None),
        ("{}", None),
    ],
)
def test_a_column_is_better_as_said_or_as_its_one_limit_implies(tmp_path: Path, asked: str, better: str | None) -> None:
    (rule,) = policy(tmp_path, f"validation: {{metrics: {{revenue: {asked}}}}}").rules

    assert rule.better == better


def test_a_known_metric_knows_which_way_it_is_better(tmp_path: Path) -> None:
    rules = policy(tmp_path, "validation: {min_brier: 0.1, max_f1: 0.9}").rules

    assert [(rule.metric, rule.better) for rule in rules] == [("brier", "lower"), ("f1", "higher")]


def test_what_the_gate_cannot_judge_is_named_and_not_passed(tmp_path: Path) -> None:
    text = "validation: {fairness: {gap: {max: 0.1}, ratio: {min: 0.8}}}"

    assert policy(tmp_path, text).unsupported == (
        "validation.fairness.gap",
        "validation.fairness.ratio",
    )


@pytest.mark.parametrize(
    "rule",
    [
        "demographic_parity_difference: {min: 0.1}",
        "demographic_parity_ratio: {max: 0.8}",
        "equalized_odds_difference: {tolerance: 10%}",
    ],
)
def test_a_limit_that_harms_nobody_and_a_share_of_a_difference_are_not_judged(tmp_path: Path, rule: str) -> None:
    found = policy(tmp_path, f"validation: {{fairness: {{{rule}}}}}")
    assert found.fairness == ()
    assert found.unsupported == (f"validation.fairness.{rule.split(':')[0]}",)


def test_a_worsening_of_fairness_is_asked_of_a_comparison_and_a_limit_is_not(tmp_path: Path) -> None:
    text = "validation: {{min_f1: 0.5, fairness: {{equal_opportunity_difference: {}}}}}"
    assert policy(tmp_path, text.format("{tolerance: 0.02}")).compare
    assert not policy(tmp_path, text.format("{max: 0.1}")).compare


@pytest.mark.parametrize(
    ("written", "search"),
    [
        ("true", SearchPolicy()),
        ("false", None),
        ("{columns: [region, age]}", SearchPolicy(columns=("region", "age"))),
        ("{support: 0.1, depth: 1}", SearchPolicy(support=0.1, depth=1)),
        ("{depth: 1}", None),
        ("{search: false, columns: [region]}", None),
    ],
)
def test_a_search_for_slices_is_asked_for_by_a_word_or_by_where_to_look(
    tmp_path: Path, written: str, search: SearchPolicy | None
) -> None:
    assert policy(tmp_path, f"validation: {{slices: {{discover: {written}}}}}").slices.discover == search


def test_sensitive_columns_alone_are_no_rule(tmp_path: Path) -> None:
    assert policy(tmp_path, "evaluate: {sensitive: [gender]}") == GatePolicy()


def test_everything_else_is_handed_on_as_it_is(tmp_path: Path) -> None:
    text = (
        "evaluate: {target: y, id: i, prediction: p, score: s, weight: w, group: g, task: binary, positive: '1',\n"
        "           threshold: 0.3, missing: intersect, duplicates: cluster, nan: fail-example, slices: [a]}\n"
        "validation: {tolerance: 1%, confidence: 0.9, thresholds: interval, require_predictions: true,\n"
        "             slices: {tolerance: 0.02, require: shown}, on_inconclusive: {merge: fail, promote: warn}}\n"
    )

    assert policy(tmp_path, text) == GatePolicy(
        tolerance=Tolerance(0.01, relative=True),
        confidence=0.9,
        thresholds="interval",
        slices=SlicePolicy(columns=("a",), tolerance=Tolerance(0.02), require="shown"),
        on_inconclusive="fail",
        on_inconclusive_promote="warn",
        require_predictions=True,
        reading=ReadingPolicy(
            columns=Columns(id="i", target="y", prediction="p", score="s", weight="w", group="g"),
            task="binary",
            positive="1",
            threshold=0.3,
            missing="intersect",
            duplicates="cluster",
            nan="fail-example",
        ),
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("{steps: 8}", HoldoutPolicy(steps=8)),
        ("{reuse: full}", HoldoutPolicy(steps=32, reuse="full")),
        ("{}", None),
    ],
)
def test_a_budget_of_looks_is_there_when_either_half_of_it_is_said(
    tmp_path: Path, asked: str, expected: HoldoutPolicy | None
) -> None:
    assert policy(tmp_path, f"validation: {{holdout: {asked}}}").holdout == expected


def test_a_limit_on_flips_is_a_limit_and_no_comparison(tmp_path: Path) -> None:
    [rule] = policy(tmp_path, "validation: {metrics: {negative-flip-rate: {max: 0.02}}}\n").rules

    assert (rule.metric, rule.maximum, rule.compare, rule.better) == ("negative_flip_rate", 0.02, False, "lower")


def test_flips_without_a_limit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Contradiction, match="judged by a limit, and has none"):
        policy(tmp_path, "validation: {metrics: [prediction_churn]}\n")


def test_how_a_model_runs_can_be_kept_from_growing_and_not_be_made_to_gain(tmp_path: Path) -> None:
    asked = policy(tmp_path, "validation: {metrics: {latency_p95_ms: 10%}, hardware: 'T4, 2 cores', price_per_hour: 2}")
    assert (asked.rules[0].better, asked.hardware, asked.price_per_hour) == ("lower", "T4, 2 cores", 2.0)

    with pytest.raises(Contradiction, match="how it runs"):
        policy(tmp_path, "validation: {metrics: {latency_p95_ms: {min_improvement: 10%}}}")
