"""Differences of two rates: published intervals, statsmodels', and bounds that behave."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from mlci.stats.disparity import Line, Rate, change, gap, log_gap

# Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
]


def rate(hits: int, of: int) -> Rate:
    value = hits / of
    return Rate(value=value, error=math.sqrt(value * (1 - value) / (of - 1)), size=float(of))


@pytest.mark.parametrize(("one", "other", "bounds"), NEWCOMBE)
def test_differences_of_independent_shares_have_newcombes_bounds(
    one: tuple[int, int], other: tuple[int, int], bounds: tuple[float, float]
) -> None:
    assert gap(rate(*one), rate(*other), 0.025) == pytest.approx(bounds, abs=5e-5)


@given(st.integers(0, 40), st.integers(0, 60), st.sampled_from([0.1, 0.05, 0.01]))
def test_and_those_of_statsmodels(hits: int, others: int, tail: float) -> None:
    theirs = confint_proportions_2indep(hits, 40, others, 60, method="newcomb", alpha=2 * tail)
    assert gap(rate(hits, 40), rate(others, 60), tail) == pytest.approx(theirs, abs=1e-9)


@given(st.integers(0, 40), st.integers(0, 60))
def test_the_other_way_round_is_the_same_with_another_sign(hits: int, others: int) -> None:
    one, other = rate(hits, 40), rate(others, 60)
    for between in (gap, log_gap):
        if hits or others:
            low, high = between(one, other, 0.05)
            assert between(other, one, 0.05) == pytest.approx((-high, -low))


def test_a_rate_of_0_leaves_a_ratio_without_a_lower_bound_and_with_an_upper_one() -> None:
    low, high = log_gap(rate(0, 50), rate(25, 50), 0.05)
    assert low == -math.inf
    assert -math.inf < high < 0


def test_a_rate_of_few_clusters_is_held_less_tightly_than_one_of_as_many_examples() -> None:
    alike = {"value": 0.4, "error": 0.05, "simple": False}
    few, many = (Rate(size=size, **alike).bounds(0.05) for size in (6.0, 1e6))  # type: ignore[arg-type]
    assert few[0] < many[0] < 0.4 < many[1] < few[1]


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.001, 0.2))
def test_the_change_of_a_gap_is_that_of_its_size_and_lies_between_its_bounds(
    mine: float, theirs: float, error: float
) -> None:
    lines = {(s, t): Line(value=s * mine + t * theirs, error=error, freedom=200.0) for s in (1, -1) for t in (1, -1)}
    found = change(lines, 0.05)
    assert found.value == pytest.approx(abs(mine) - abs(theirs), abs=1e-12)
    assert found.low <= found.value <= found.high
    assert 0 <= found.p_wider <= 1
    assert found.value > 0 or found.p_wider >= 0.5


def test_two_models_that_never_differ_may_still_differ_unseen() -> None:
    lines = {
        (s, t): Line(value=0.2 * (s + t), error=0.02, freedom=500.0)
        if s == t
        else Line(value=0.0, error=0.0, freedom=500.0, unseen=300.0)
        for s in (1, -1)
        for t in (1, -1)
    }
    found = change(lines, 0.05)
    assert (found.value, found.p_wider) == (0.0, 1.0)
    assert found.high == pytest.approx(-math.log(0.025) / 300)
