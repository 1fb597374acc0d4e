"""Delete-block jackknife: the textbook error where there is one, whole groups, and bounds that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlci.stats.jackknife import blocks_of, error_of
from mlci.stats.student import t_quantile


def without(values: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    return np.array([values[codes != block].mean() for block in range(count)])


def test_one_example_a_block_gives_the_usual_error_of_a_mean() -> None:
    values = np.arange(50.0) ** 1.5
    codes, count = blocks_of(50)
    assert count == 50
    assert error_of(without(values, codes, count)) == pytest.approx(values.std(ddof=1) / math.sqrt(50), rel=1e-12)


@pytest.mark.parametrize("n", [100, 1000, 1234, 99_999])
def test_blocks_differ_by_one_example_and_spread_neighbours(n: int) -> None:
    codes, count = blocks_of(n)
    sizes = np.bincount(codes)
    assert count == len(sizes) == 100
    assert sizes.max() - sizes.min() <= 1
    # Were neighbours in one block, or blocks in turns, values in the order of ids would fool the error.
    same = float((codes[1:] == codes[:-1]).mean())
    assert same < 0.03


def test_a_group_stays_whole() -> None:
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    codes, count = blocks_of(len(groups), groups)
    assert count == 30
    assert all(len(set(codes[groups == group].tolist())) == 1 for group in range(30))


def test_one_block_has_no_error() -> None:
    assert math.isnan(error_of(np.array([1.0])))


def test_bounds_of_a_ratio_hold_as_often_as_they_say() -> None:
    random, n, trials = np.random.default_rng(7), 400, 1500
    t, missed = t_quantile(0.95, 99), np.zeros(2)
    codes, count = blocks_of(n)
    for _ in range(trials):
        cost = random.lognormal(0, 1, n)
        gain = 0.5 * cost + random.normal(0, 1, n)
        sums = [np.bincount(codes, each, minlength=count) for each in (gain, cost)]
        rest = (gain.sum() - sums[0]) / (cost.sum() - sums[1])
        value, reach = gain.sum() / cost.sum(), t * error_of(rest)
        missed += (value + reach < 0.5, value - reach > 0.5)
    # Three standard errors of a simulation of 1500 are 1.7 points.
    assert np.abs(missed / trials - 0.05).max() < 0.017
