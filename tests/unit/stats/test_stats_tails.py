"""Tails, quantiles and score intervals against closed forms and exact sums; the oracle file holds other programs'."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats.proportions import tango, tango_statistic, wilson
from mlci.stats.student import incomplete_beta, normal_quantile, normal_tail, sign_test, t_quantile, t_tail

Z = normal_quantile(0.95)
COUNTS = st.integers(0, 40)


def _mid_p(worse: int, better: int) -> float:
    """P(X > worse) + P(X = worse) / 2 of a fair coin, in whole numbers."""
    n = worse + better
    above = sum(math.comb(n, k) for k in range(worse + 1, n + 1))
    return float((above + Fraction(math.comb(n, worse), 2)) / 2**n)


@pytest.mark.parametrize("probability", [0.001, 0.05, 0.3, 0.7, 0.95, 0.9999])
def test_one_and_two_degrees_of_freedom_have_their_closed_forms(probability: float) -> None:
    assert t_quantile(probability, 1) == pytest.approx(math.tan(math.pi * (probability - 0.5)), rel=1e-9)
    odds = 4 * probability * (1 - probability)
    two = 2 * (probability - 0.5) * math.sqrt(2 / odds)
    assert t_quantile(probability, 2) == pytest.approx(two, rel=1e-9)


@settings(deadline=None)
@given(st.floats(0.001, 0.999), st.floats(1, 1e5))
def test_a_quantile_is_where_the_tail_is_what_is_left(probability: float, freedom: float) -> None:
    assert t_tail(t_quantile(probability, freedom), freedom) == pytest.approx(1 - probability, abs=1e-8)


@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(1, 2e6))
def test_the_two_tails_of_student_are_mirror_images_and_fill_one(x: float, freedom: float) -> None:
    assert t_tail(x, freedom) + t_tail(-x, freedom) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("freedom", [1.0, 7.5, 1_000_000.0])
def test_the_middle_of_student_is_zero(freedom: float) -> None:
    assert t_quantile(0.5, freedom) == 0
    assert t_tail(0.0, freedom) == 0.5


def test_fewer_degrees_of_freedom_ask_for_wider_bounds_and_many_for_the_normals() -> None:
    quantiles = [t_quantile(0.95, freedom) for freedom in (1, 2, 5, 20, 1000, 999_999, 1_000_000)]
    assert quantiles == sorted(quantiles, reverse=True)
    assert quantiles[-1] == Z
    assert quantiles[-2] == pytest.approx(Z, abs=2e-6)


def test_the_normal_tail_is_accurate_where_one_minus_would_be_zero() -> None:
    assert normal_tail(10) == pytest.approx(7.619853024160527e-24, rel=1e-12)
    assert normal_tail(0) == 0.5


@pytest.mark.parametrize(("x", "expected"), [(-0.1, 0.0), (0.0, 0.0), (1.0, 1.0), (1.1, 1.0)])
def test_the_beta_function_begins_at_zero_and_ends_at_one(x: float, expected: float) -> None:
    assert incomplete_beta(2, 3, x) == expected


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_the_beta_function_is_the_tail_of_a_binomial(a: int, b: int, x: float) -> None:
    n = a + b - 1
    tail = sum(math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert incomplete_beta(a, b, x) == pytest.approx(tail, abs=1e-11)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_the_sign_test_is_the_exact_sum(worse: int, better: int) -> None:
    expected = _mid_p(worse, better) if worse + better else 1.0
    assert sign_test(worse, better) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_sign_test_against_loss_and_against_gain_fill_one(worse: int, better: int) -> None:
    if worse + better:
        assert sign_test(worse, better) + sign_test(better, worse) == pytest.approx(1, abs=1e-9)


def test_one_loss_more_is_always_more_surprising_and_one_gain_more_less() -> None:
    for worse in range(1, 30):
        for better in range(30):
            assert sign_test(worse + 1, better) < sign_test(worse, better) < sign_test(worse, better + 1)


def test_an_overwhelming_loss_has_a_p_value_of_almost_zero_and_never_below() -> None:
    assert 0 <= sign_test(100_000, 0) < 1e-300
    assert 0 <= sign_test(1_000_000, 900_000) < 1e-300


@settings(deadline=None)
@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.5, 4))
def test_wilsons_bounds_are_where_the_score_test_just_accepts(n: int, part: float, z: float) -> None:
    successes = round(part * n)
    low, high = wilson(successes, n, z)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1
    for bound in (low, high):
        if 1e-9 < bound < 1 - 1e-9:
            distance = abs(successes / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert distance == pytest.approx(z, rel=1e-5)


@pytest.mark.parametrize("n", [1, 5, 1000])
def test_all_right_leaves_room_below_and_all_wrong_above(n: int) -> None:
    assert wilson(n, n, Z) == pytest.approx((n / (n + Z * Z), 1.0))
    assert wilson(0, n, Z) == pytest.approx((0.0, Z * Z / (n + Z * Z)))


@settings(deadline=None, max_examples=60)
@given(COUNTS, COUNTS, st.integers(0, 400))
def test_swapping_the_models_mirrors_tangos_interval(gained: int, lost: int, alike: int) -> None:
    n = gained + lost + alike
    if n:
        low, high = tango(gained, lost, n, Z)
        assert (-high, -low) == pytest.approx(tango(lost, gained, n, Z), abs=1e-9)
        assert -1 <= low <= (gained - lost) / n <= high <= 1


@settings(deadline=None, max_examples=60)
@given(COUNTS, COUNTS, st.integers(1, 400))
def test_tangos_bounds_are_where_the_statistic_reaches_the_quantile(gained: int, lost: int, alike: int) -> None:
    n = gained + lost + alike
    low, high = tango(gained, lost, n, Z)
    assert tango_statistic(gained, lost, n, low) == pytest.approx(Z, abs=1e-6)
    assert tango_statistic(gained, lost, n, high) == pytest.approx(-Z, abs=1e-6)


@pytest.mark.parametrize("n", [1, 10, 500])
def test_without_any_difference_tango_allows_what_wilson_allows_at_zero(n: int) -> None:
    reach = Z * Z / (n + Z * Z)
    assert tango(0, 0, n, Z) == pytest.approx((-reach, reach), abs=1e-9)
    assert tango_statistic(0, 0, n, 0.0) == 0.0


def test_a_model_that_wins_or_loses_every_example_ends_at_the_edge() -> None:
    low, high = tango(8, 0, 8, Z)
    assert high == 1.0
    assert 0 < low < 1
    assert tango(0, 8, 8, Z)[0] == -1.0


def test_more_examples_alike_narrow_the_interval() -> None:
    widths = [high - low for low, high in (tango(6, 9, n, Z) for n in (15, 50, 200, 1000))]
    assert widths == sorted(widths, reverse=True)
