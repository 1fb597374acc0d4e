"""Figures, names and columns: what a reader sees and what a writer may write."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.domain.columns import USUAL, Ambiguous, NotThere, roles
from mlci.domain.figures import count, figure, on_scale, percent, significant
from mlci.domain.metric import ALIASES, METRICS, metric_named, normalise, usual
from mlci.domain.policy import Columns
from mlci.domain.report import Report, as_json, plain
from mlci.domain.verdict import Verdict


@given(st.floats(-1e6, 1e6))
def test_a_figure_never_flatters_the_candidate(value: float) -> None:
    dust = Decimal("1e-9") * max(1, abs(Decimal(value)))
    assert Decimal(figure(value, "higher")) <= Decimal(value) + dust
    assert Decimal(figure(value, "lower")) >= Decimal(value) - dust


@pytest.mark.parametrize(("value", "better", "expected"), [
    (0.87999, "higher", "0.8799"), (0.12001, "lower", "0.1201"), (0.1 + 0.2, "higher", "0.3000"),
    (0.1 + 0.2, "lower", "0.3000"),
    (-0.0, "higher", "0.0000"), (12.3456, None, "12.346"), (1234.56, None, "1234.6"), (1e-5, "higher", "0.0000100"),
])  # fmt: skip
def test_figures_are_rounded_against_the_candidate_but_not_by_binary_dust(
    value: float, better: str, expected: str
) -> None:
    assert figure(value, better) == expected  # type: ignore[arg-type]


def test_signs_percents_and_groups_are_written_one_way() -> None:
    assert figure(0.01, signed=True) == "+0.0100"
    assert figure(0.0, signed=True) == "0.0000"
    assert percent(-0.012345, "higher", signed=True) == "-1.24 %"
    assert percent(0.0, signed=True) == "0.00 %"
    assert on_scale(0.01, relative=True) == "1.00 %"
    assert on_scale(0.01, relative=False) == "0.0100"
    assert on_scale(-2e-5, relative=False, against="higher", like=0.88) == "-0.0001"
    assert on_scale(2e-5, relative=False, against="higher", like=3e-5) == "0.0000200"
    assert count(1234567) == "1 234 567"
    assert figure(float("inf")) == "inf"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_twelve_digits_survive_being_read_and_written_again(value: float) -> None:
    assert significant(significant(value)) == significant(value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_never_enters_a_report(bad: float) -> None:
    for exact in (False, True):
        with pytest.raises(ValueError, match="cannot carry"):
            plain({"value": [bad]}, exact=exact)


def test_what_does_not_apply_is_absent_and_never_zero() -> None:
    written = as_json(Report(step="s", verdict=Verdict.PASS, reason="r", findings=()))
    assert written == {
        "schema": "mlci.report/1", "step": "s", "verdict": "pass", "reason": "r", "findings": [], "assumptions": [],
        "sections": [],
        "evidence": {}, "links": {},
    }  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_found_in_any_spelling_and_has_its_facts(name: str) -> None:
    metric = METRICS[name]
    for written in (name, name.upper(), name.replace("_", "-"), f" {name} "):
        assert metric_named(written) is metric
    assert metric.low < metric.high
    assert metric.in_points is (metric.high == 1.0)


def test_aliases_lead_to_metrics_and_hide_none() -> None:
    assert {normalise(alias) for alias in ALIASES} <= set(METRICS)
    assert not set(ALIASES) & set(METRICS)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_usual_metrics_are_defined_for_their_task(task: str) -> None:
    for scores in (True, False):
        assert all(task in METRICS[name].tasks for name in usual(task, has_scores=scores))  # type: ignore[arg-type]


def test_usual_column_names_belong_to_one_part_each() -> None:
    for one, other in itertools.combinations(USUAL, 2):
        assert not set(USUAL[one]) & set(USUAL[other])


def test_each_part_gets_its_column_and_the_rest_is_left_over() -> None:
    found = roles(("ID", "Y", "prob_a", "prob_b", "slice_x", "age"), Columns())
    assert (found.id, found.target, found.class_scores) == ("ID", "Y", {"a": "prob_a", "b": "prob_b"})
    assert (found.slices, found.others) == (("slice_x",), ("age",))
    assert found.named == {"id": "ID", "target": "Y"}


def test_one_score_column_leaves_no_class_scores() -> None:
    found = roles(("id", "y", "score", "score_a", "score_b"), Columns())
    assert (found.score, found.class_scores, found.others) == ("score", {}, ("score_a", "score_b"))


def test_named_columns_must_be_there_and_usual_ones_must_be_alone() -> None:
    with pytest.raises(NotThere, match="'w' for the weight"):
        roles(("id", "y", "weight"), Columns(weight="w"))
    with pytest.raises(Ambiguous, match="id and uid"):
        roles(("id", "uid", "y"), Columns())
    assert roles(("id", "uid", "y"), Columns(id="uid")).id == "uid"
