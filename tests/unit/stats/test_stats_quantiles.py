"""Quantiles of an error: whose value they are, and whether their interval holds what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.quantile_regression import hall_sheather

from mlci.stats.influence import Undefined, standard_error
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.quantiles import bandwidth, quantile_score
from mlci.stats.student import normal_quantile


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", [30, 1000, 100_000])
def test_the_bandwidth_is_hall_and_sheathers_as_statsmodels_has_it(part: float, n: int) -> None:
    assert bandwidth(part, n) == pytest.approx(hall_sheather(n, part), rel=1e-12)


@pytest.mark.parametrize("n", [5, 6, 100, 101])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("part", [0.25, 0.5, 0.8])
def test_a_quantile_is_numpys_and_of_weights_what_it_is_of_rows_repeated(n: int, ties: bool, part: float) -> None:
    random = np.random.default_rng(n)
    values = np.round(random.exponential(size=n), 0 if ties else 9)
    expected = np.quantile(values, part, method="averaged_inverted_cdf")
    assert quantile_score(values, part, None, n).value == expected
    times = random.integers(1, 4, n)
    again = np.repeat(values, times)
    weights = times * (n / times.sum())
    assert quantile_score(values, part, weights, n).value == np.quantile(again, part, method="averaged_inverted_cdf")


def test_rows_doubled_as_groups_leave_the_error_of_a_quantile_as_it_is() -> None:
    truth = np.random.default_rng(1).normal(size=300)
    errors = np.random.default_rng(2).standard_t(4, 300)
    once = measure("p90_absolute_error", Truth(values=truth), Outputs(values=truth + errors)).score
    rows = np.repeat(np.arange(300), 2)
    twice = measure(
        "p90_absolute_error", Truth(values=truth[rows]), Outputs(values=(truth + errors)[rows]), None, rows
    ).score
    assert twice.value == once.value
    assert standard_error(twice.influence, clusters=rows) == pytest.approx(standard_error(once.influence), rel=1e-13)


def test_equal_values_have_no_spread_and_a_quantile_beyond_the_examples_no_value() -> None:
    flat = quantile_score(np.ones(50), 0.5, None, 50)
    assert (flat.value, np.abs(flat.influence).max()) == (1.0, 0.0)
    with pytest.raises(Undefined, match="too few examples lie beyond"):
        quantile_score(np.arange(10.0), 0.99, None, 10)


def test_many_equal_values_at_the_quantile_widen_its_error_instead_of_hiding_it() -> None:
    values = np.concatenate((np.zeros(40), np.ones(120), np.full(40, 3.0)))
    assert standard_error(quantile_score(values, 0.5, None, 200).influence) > 0


def covered(part: float, n: int, replicates: int, seed: int) -> tuple[float, float]:
    """How often a one-sided 95 % bound of the difference of two models' quantiles misses 0, low and high.

    Both models have errors of the same distribution, half of it shared, with tails like Student's t with 4 degrees.
    """
    random = np.random.default_rng(seed)
    z, low, high = normal_quantile(0.95), 0, 0
    for _ in range(replicates):
        shared = random.standard_t(4, n)
        mine, theirs = (np.abs(shared + random.standard_t(4, n)) for _ in range(2))
        one, other = (quantile_score(values, part, None, n) for values in (mine, theirs))
        reach = z * standard_error(one.influence - other.influence)
        low += one.value - other.value - reach > 0
        high += one.value - other.value + reach < 0
    return low / replicates, high / replicates


@pytest.mark.parametrize(("part", "n"), [(0.5, 200), (0.5, 2000), (0.9, 500), (0.95, 2000)])
def test_bounds_of_a_difference_of_quantiles_miss_as_often_as_they_say(part: float, n: int) -> None:
    low, high = covered(part, n, 1500, seed=n + int(100 * part))
    # A rate of 5 % over 1 500 replicates is known to 0.6 points; a bound may err on the careful side.
    assert 0.025 < low < 0.068
    assert 0.025 < high < 0.068


def test_the_error_of_a_median_is_the_textbooks_for_a_normal_sample() -> None:
    values = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert standard_error(quantile_score(values, 0.5, None, 20_000).influence) == pytest.approx(
        np.sqrt(np.pi / 2 / 20_000), rel=0.01
    )
