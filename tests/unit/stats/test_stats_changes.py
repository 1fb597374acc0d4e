"""Flips, calibration and the distance between scores: counted fast, and the same as counted slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from mlci.domain.changes import (
    Bin,
    Calibration,
    decomposed,
    error_of_calibrated,
    expected_error,
    jensen_shannon,
    population_stability,
)
from mlci.stats.changes import CELLS, Curve, Grid, calibration_slope, curve, edges, error_cells, label_cells, shift

CODES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def curved(said: np.ndarray, happened: np.ndarray) -> Curve:
    cells = Grid(0.0, 1.0).cells(said)
    return curve(said, happened, cells, np.bincount(cells, minlength=CELLS))


def calibration(found: Curve) -> Calibration:
    bins = zip(found.n, found.happened, found.score, strict=True)
    return Calibration(brier=found.brier, bins=tuple(Bin(n=n, happened=h, score=s) for n, h, s in bins))


def scored(n: int, seed: int, *, sharp: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chance = random.beta(1.5, 2.5, n)
    said = 1 / (1 + np.exp(-sharp * np.log(chance / (1 - chance))))
    return said, random.random(n) < chance


@given(CODES)
def test_label_cells_are_those_of_a_loop(rows: list[tuple[int, int, int]]) -> None:
    expected = [0] * 5
    for truth, mine, theirs in rows:
        if mine == truth or theirs == truth:
            expected[0 if mine == theirs else 1 if theirs == truth else 2] += 1
        else:
            expected[3 if mine == theirs else 4] += 1
    assert label_cells(*(np.array(column) for column in zip(*rows, strict=True))) == tuple(expected)


def test_errors_that_grew_are_counted_by_their_size_not_their_sign() -> None:
    truth, mine, theirs = np.zeros(4), np.array([-2.0, 1.0, -1.0, 3.0]), np.array([1.0, -2.0, 1.0, 3.0])
    assert error_cells(truth, mine, theirs) == (1, 1, 2)
    assert calibration_slope(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert calibration_slope(truth, np.ones(4)) is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200))
def test_bins_hold_all_that_there_is_and_none_is_empty(counts: list[int]) -> None:
    cells = np.array([*counts, 1])
    starts = edges(cells)
    held = np.add.reduceat(cells, starts)
    assert starts[0] == 0
    assert held.sum() == cells.sum()
    assert held.min() > 0
    assert len(held) <= 10


def test_bins_of_many_different_scores_hold_a_tenth_each() -> None:
    found = curved(*scored(5_000, 1))
    assert len(found.n) == 10
    assert max(found.n) - min(found.n) <= 5
    assert list(found.score) == sorted(found.score)


@pytest.mark.parametrize(("n", "tied"), [(50, False), (3_000, False), (3_000, True)])
def test_distances_are_scipys_to_the_width_of_a_cell(n: int, tied: bool) -> None:
    mine, theirs = scored(n, 1)[0], scored(n, 2, sharp=1.4)[0]
    if tied:
        mine, theirs = np.round(mine, 1), np.round(theirs, 1)
    grid = Grid(0.0, 1.0)
    found = shift(*(np.bincount(grid.cells(scores), minlength=CELLS) for scores in (mine, theirs)), grid)
    assert found.wasserstein == pytest.approx(wasserstein_distance(mine, theirs), abs=grid.width)
    assert found.kolmogorov_smirnov == pytest.approx(ks_2samp(mine, theirs).statistic, abs=5 / n)
    assert sum(found.candidate_counts) == sum(found.production_counts) == n


def test_the_parts_of_the_brier_score_are_murphys() -> None:
    """Where all scores of a bin are equal nothing is left by bins, and the three parts are the whole score."""
    said = np.repeat([0.1, 0.4, 0.8], [40, 30, 30])
    happened = np.concatenate([np.arange(40) < 8, np.arange(30) < 9, np.arange(30) < 27])
    parts = decomposed(calibration(curved(said, happened)))
    assert parts.reliability == pytest.approx((40 * 0.1**2 + 30 * 0.1**2 + 30 * 0.1**2) / 100)
    assert parts.uncertainty == pytest.approx(0.44 * 0.56)
    assert parts.resolution == pytest.approx((40 * 0.24**2 + 30 * 0.14**2 + 30 * 0.46**2) / 100)
    assert parts.within == pytest.approx(0.0, abs=1e-15)


def test_what_bins_leave_makes_the_parts_add_up() -> None:
    said, happened = scored(2_000, 3, sharp=2.0)
    found = calibration(curved(said, happened))
    parts = decomposed(found)
    assert found.brier == pytest.approx(float(((said - happened) ** 2).mean()))
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(found.brier)
    assert expected_error(found) > 0.05 > abs(parts.within)


def test_a_calibrated_model_shows_the_error_that_noise_alone_gives() -> None:
    shown, noise = [], []
    for seed in range(40):
        found = calibration(curved(*scored(1_000, seed)))
        shown.append(expected_error(found))
        noise.append(error_of_calibrated(found))
    assert np.mean(shown) == pytest.approx(np.mean(noise), rel=0.1)


def test_distances_between_counts_are_nothing_where_they_are_alike_and_finite_where_they_are_not() -> None:
    assert population_stability((5, 5), (5, 5)) == jensen_shannon((5, 5), (5, 5)) == 0.0
    assert population_stability((60, 40), (50, 50)) == pytest.approx(
        0.1 * math.log(1.2) - 0.1 * math.log(0.8), rel=0.02
    )
    assert jensen_shannon((10, 0), (0, 10)) == pytest.approx(1.0)
    assert math.isfinite(population_stability((10, 0), (0, 10)))
