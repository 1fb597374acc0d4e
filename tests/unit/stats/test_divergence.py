"""Distances between binned samples: against scipy, against published tables, and against what noise makes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlci.stats.chisquare import chi_square_quantile, chi_square_tail
from mlci.stats.cumulative import Binned, kolmogorov_smirnov, wasserstein
from mlci.stats.divergence import (
    cramer,
    jensen_shannon,
    js_distance,
    js_divergence,
    merged,
    p_unchanged,
    pearson,
    psi,
    psi_threshold,
)
from mlci.stats.shares import increase

Array = NDArray[np.float64]
COUNTS = st.lists(st.integers(1, 5_000), min_size=2, max_size=25)


def deciles(shift: float = 0.0, bins: int = 10) -> Array:
    """Shares of a normal variable, moved by so many standard deviations, in the quantile bins of the plain one."""
    inner = stats.norm.ppf(np.arange(1, bins) / bins)
    return np.diff(np.concatenate(([0.0], stats.norm.cdf(inner - shift), [1.0])))


def draws(n: int, m: int, shift: float = 0.0, *, bins: int = 10, times: int = 1_500) -> list[tuple[Array, Array]]:
    random = np.random.default_rng(20_240_501)
    one = random.multinomial(n, deciles(bins=bins), size=times)
    two = random.multinomial(m, deciles(shift, bins), size=times)
    return [(a.astype(float), b.astype(float)) for a, b in zip(one, two, strict=True)]


@pytest.mark.parametrize("freedom", [1, 2, 9, 19, 200])
@pytest.mark.parametrize("x", [1e-6, 0.5, 3.0, 9.0, 16.9, 60.0, 250.0, 900.0])
def test_the_tail_of_chi_square_is_that_of_scipy(x: float, freedom: int) -> None:
    assert chi_square_tail(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("freedom", [1, 9, 40])
def test_quantiles_of_chi_square_are_those_of_scipy(freedom: int) -> None:
    for probability in (0.01, 0.5, 0.95, 0.999):
        expected = stats.chi2.ppf(probability, freedom)
        assert chi_square_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)
    assert (chi_square_tail(0.0, 3), chi_square_tail(5.0, 0), chi_square_tail(math.inf, 3)) == (1.0, 1.0, 0.0)


@given(COUNTS, st.randoms(use_true_random=False))
def test_distances_are_those_of_scipy(counts: list[int], random: object) -> None:
    left = np.array(counts, dtype=float)
    right = np.array([1 + (each * 7) % 4_001 for each in counts], dtype=float)
    p, q = left / left.sum(), right / right.sum()
    assert psi(left, right).value == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-9)
    assert js_distance(jensen_shannon(left, right).value) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)
    table = stats.chi2_contingency(np.stack([left, right]), correction=False)
    assert pearson(left, right) == pytest.approx(table.statistic, rel=1e-9)
    assert p_unchanged(left, right) == pytest.approx(table.pvalue, rel=1e-7, abs=1e-14)
    v = stats.contingency.association(np.stack([left, right]).astype(int), method="cramer")
    assert math.sqrt(cramer(left, right).value) == pytest.approx(v, rel=1e-9)


def test_a_distance_of_base_2_and_its_divergence_are_one_another() -> None:
    assert js_distance(js_divergence(0.37)) == pytest.approx(0.37)


@pytest.mark.parametrize(
    ("n", "m", "bins", "mean", "folk", "threshold"),
    [
        (10_000, 100, 10, 0.0968, 0.40, 0.171),
        (10_000, 200, 10, 0.0469, 0.027, 0.086),
        (10_000, 500, 10, 0.0191, 0.0, 0.036),
        (500, 500, 10, 0.0362, 0.004, 0.068),
        (10_000, 200, 20, 0.1028, 0.48, 0.154),
        (500, 500, 20, 0.0779, 0.18, 0.121),
    ],
)
def test_noise_alone_gives_the_index_of_the_table(
    n: int, m: int, bins: int, mean: float, folk: float, threshold: float
) -> None:
    """The table of the null of the index: mean, share above 0.1, calibrated threshold of 95 %."""
    found = [psi(a, b) for a, b in draws(n, m, bins=bins)]
    values = np.array([each.value for each in found])
    assert values.mean() == pytest.approx(mean, rel=0.05)
    assert (values > 0.1).mean() == pytest.approx(folk, abs=0.04)
    assert psi_threshold(n, m, bins) == pytest.approx(threshold, abs=0.0006)
    # The correction takes out the mean that theory gives; what is left are the terms of higher order.
    assert found[0].noise == pytest.approx((bins - 1) * (1 / n + 1 / m))
    assert abs(values.mean() - found[0].noise) < 0.1 * found[0].noise


@pytest.mark.parametrize(("n", "power"), [(200, 0.14), (500, 0.45), (1_000, 0.83), (10_000, 1.0), (100_000, 1.0)])
def test_a_real_shift_is_shown_the_surer_the_more_rows(n: int, power: float) -> None:
    """0.3 standard deviations against a limit of 0.02: the two-part rule of the table, and the fixed 0.1 beside it."""
    found = [psi(a, b) for a, b in draws(n, n, 0.3)]
    assert np.mean([each.lower(0.95) > 0.02 for each in found]) == pytest.approx(power, abs=0.05)


@pytest.mark.parametrize("n", [200, 1_000, 10_000, 100_000])
def test_a_shift_that_does_not_matter_is_never_shown(n: int) -> None:
    found = [psi(a, b) for a, b in draws(n, n, 0.02)]
    assert np.mean([each.lower(0.95) > 0.02 for each in found]) < 0.005


@pytest.mark.parametrize("measure", [psi, jensen_shannon, cramer])
def test_at_the_limit_itself_no_more_than_alpha_is_called_beyond_it(measure: object) -> None:
    truth = deciles() * 1e9, deciles(0.2) * 1e9
    limit = measure(*truth).value  # type: ignore[operator]
    for n in (1_000, 20_000):
        beyond = [measure(a, b).lower(0.95) > limit for a, b in draws(n, n, 0.2)]  # type: ignore[operator]
        assert np.mean(beyond) < 0.065


@given(COUNTS, st.integers(0, 25), st.floats(1, 50))
@example([1, 2], 1, 2.0)
def test_joined_bins_lose_no_row_and_expect_enough(counts: list[int], ordered: int, least: float) -> None:
    left = np.array(counts)
    right = np.array([(each * 13) % 997 for each in counts])
    one, two = merged(left, right, min(ordered, len(counts)), least)
    assert one.sum() == left.sum()
    assert two.sum() == right.sum()
    if len(one) > 1:
        n, m = one.sum(), two.sum()
        assert ((one + two) * min(n, m) / (n + m) >= least - 1e-9).all()


def test_bins_in_order_join_their_neighbours_and_others_among_themselves() -> None:
    one, two = merged([3, 40, 4, 40, 50, 2, 9], [3, 40, 4, 40, 50, 2, 9], 4)
    # 3 + 40, 4 + 40; 50 alone; 2 + 9 together.
    assert one.tolist() == two.tolist() == [43, 44, 50, 11]
    assert [len(each) for each in merged([4, 3], [4, 3], 2)] == [1, 1]
    assert [each.tolist() for each in merged([0, 0], [5, 5], 2)] == [[0.0], [10.0]]


def test_a_value_that_only_one_side_has_is_much_and_not_infinite() -> None:
    found = psi(np.array([500.0, 500.0, 0.0]), np.array([400.0, 400.0, 200.0]))
    assert 0.5 < found.value < 5
    assert found.lower(0.95) > 0.2


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 50))
def test_equal_samples_are_not_apart(a: int, b: int, times: int) -> None:
    left, right = np.array([a, b], dtype=float), np.array([a, b], dtype=float) * times
    for measure in (psi, jensen_shannon, cramer):
        found = measure(left, right)
        assert found.corrected == 0
        assert found.lower(0.95) == 0
    assert p_unchanged(left, right) == pytest.approx(1)


def test_a_larger_shift_is_further_away_by_every_measure() -> None:
    steps = [0.0, 0.1, 0.2, 0.4, 0.8]
    for measure in (psi, jensen_shannon, cramer):
        values = [measure(deciles() * 1e5, deciles(shift) * 1e5).value for shift in steps]
        assert values == sorted(values)


def binned(values: Array, edges: Array) -> Binned:
    place = np.searchsorted(edges, values, side="right")
    place[values == edges[-1]] = len(edges) - 1
    counts = np.bincount(place, minlength=len(edges) + 1).astype(float)
    return Binned(counts, values.min(), values.max(), values.mean(), values.std(ddof=1))


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.1, 1.0), (0.5, 1.0), (0.0, 1.6), (-0.3, 0.5)])
def test_distances_of_binned_samples_hold_those_of_the_values(shift: float, scale: float) -> None:
    random = np.random.default_rng(5)
    left, right = random.gamma(2.0, size=20_000), scale * random.gamma(2.0, size=15_000) + shift
    edges = np.unique(np.quantile(left, np.linspace(0, 1, 21)))
    area = wasserstein(edges, binned(left, edges), binned(right, edges))
    true_area = stats.wasserstein_distance(left, right)
    assert abs(area.value - true_area) <= area.off
    assert area.value == pytest.approx(true_area, rel=0.25, abs=0.06)
    assert area.lower(0.95) <= true_area
    gap = kolmogorov_smirnov(binned(left, edges), binned(right, edges))
    true_gap = stats.ks_2samp(left, right).statistic
    assert gap.value <= true_gap + 1e-12
    assert true_gap - gap.value <= gap.off
    assert gap.lower(0.95) < gap.value


def test_bounds_and_p_values_of_binned_distances_agree() -> None:
    random = np.random.default_rng(6)
    left, right = random.normal(size=5_000), random.normal(0.3, 1.2, size=4_000)
    edges = np.quantile(left, np.linspace(0, 1, 21))
    sides = binned(left, edges), binned(right, edges)
    for distance in (kolmogorov_smirnov(*sides), wasserstein(edges, *sides), increase(10, 1_000, 80, 1_000)):
        limit = distance.lower(0.99)
        assert limit > 0
        assert distance.p_within(limit) == pytest.approx(0.01, rel=1e-3)
        assert distance.p_within(10.0) == 1.0


def test_the_bounds_of_unchanged_samples_are_hardly_ever_above_nothing() -> None:
    random = np.random.default_rng(7)
    above = []
    for _ in range(300):
        left, right = random.normal(size=1_000), random.normal(size=800)
        edges = np.quantile(left, np.linspace(0, 1, 21))
        sides = binned(left, edges), binned(right, edges)
        above.append([kolmogorov_smirnov(*sides).lower(0.95) > 0, wasserstein(edges, *sides).lower(0.95) > 0])
    # Each looks at both directions of many edges, so that a true distance of nothing may be exceeded twice as often.
    assert (np.mean(above, axis=0) <= 0.1).all()


def test_a_share_that_rose_has_the_bound_of_newcombe() -> None:
    # Newcombe 1998, table II, example (a): 56/70 less 48/80, 95 % two-sided, method 10.
    assert increase(48, 80, 56, 70).bound(0.025) == pytest.approx(0.0524, abs=5e-5)
    assert increase(0, 1_000, 0, 1_000).lower(0.95) == 0
