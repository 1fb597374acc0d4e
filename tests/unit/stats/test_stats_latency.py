"""Ratios of latencies: mirrored, free of units, and with the error rates they promise."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats.latency import Ratio, Times, drawn, median_ratio, own_interval, quantile, tail_ratio

KEY = hashlib.sha256(b"key").digest()


def blocks(random: np.random.Generator, pairs: int = 1000, slower: float = 1.0) -> tuple[list[Times], list[Times]]:
    drift = np.exp(np.cumsum(random.normal(0, 0.01, pairs)))
    mine, theirs = (drift * np.exp(random.gamma(1, 0.1, pairs)) for _ in range(2))
    # What two processes of one model differ by for as long as they live.
    apart = np.exp(random.normal(0, 0.02, 20))
    return [slower * one * each for one, each in zip(apart, np.array_split(mine, 20), strict=True)], np.array_split(
        theirs, 20
    )


def ratio(mine: list[Times], theirs: list[Times], share: float, margin: float = 0.05) -> Ratio:
    if share == 0.5:
        return median_ratio(mine, theirs, margin, 0.95)
    return tail_ratio(mine, theirs, share, margin, 0.95, KEY)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.95]), st.floats(0.01, 100))
def test_swapping_the_models_mirrors_the_bounds_and_the_unit_is_nobodys_business(
    seed: int, share: float, unit: float
) -> None:
    mine, theirs = blocks(np.random.default_rng(seed), 200)
    found, mirrored = ratio(mine, theirs, share), ratio(theirs, mine, share)
    scaled = ratio([unit * each for each in mine], [unit * each for each in theirs], share)

    assert (1 + found.low) * (1 + mirrored.high) == pytest.approx(1)
    assert (1 + found.value) * (1 + mirrored.value) == pytest.approx(1)
    assert (scaled.low, scaled.value, scaled.high) == pytest.approx((found.low, found.value, found.high))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.95]), st.floats(0, 0.2), st.floats(0, 0.2))
def test_a_wider_margin_is_never_harder_to_stay_within(seed: int, share: float, one: float, other: float) -> None:
    mine, theirs = blocks(np.random.default_rng(seed), 200, 1.05)
    narrow, wide = (ratio(mine, theirs, share, margin) for margin in sorted((one, other)))

    assert wide.p_within <= narrow.p_within
    assert wide.p_beyond >= narrow.p_beyond


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_at_the_margin_each_bound_errs_as_often_as_its_level_says(share: float) -> None:
    random = np.random.default_rng(7)
    runs = 400 if share == 0.5 else 60
    found = [ratio(*blocks(random, slower=1.05), share) for _ in range(runs)]

    worst = 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
    assert sum(each.low > 0.05 for each in found) / runs <= worst
    assert sum(each.high <= 0.05 for each in found) / runs <= worst


def test_blocks_are_drawn_evenly_and_the_same_for_the_same_key() -> None:
    times = drawn(20, 0.95, KEY)

    assert times.shape == (1999, 20)
    assert (times.sum(axis=1) == 20).all()
    assert times.mean(axis=0) == pytest.approx(1, abs=0.1)
    assert (times == drawn(20, 0.95, KEY)).all()
    assert times[0].tolist() == [1, 0, 2, 1, 0, 1, 1, 2, 0, 2, 1, 2, 0, 0, 2, 1, 1, 1, 1, 1]
    assert len(drawn(20, 0.999, KEY)) == 19_999


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_one_model_by_itself_has_bounds_around_its_own_quantile(share: float) -> None:
    mine, _ = blocks(np.random.default_rng(3))
    low, high = own_interval(mine, share, 0.95, KEY)

    assert low < quantile(mine, share) < high


def test_times_without_any_noise_are_judged_as_they_are() -> None:
    same = [np.full(20, 2.0) for _ in range(20)]
    slower = [each * 1.1 for each in same]

    assert (ratio(same, same, 0.5).p_within, ratio(same, same, 0.5).p_beyond) == (0.0, 1.0)
    assert (ratio(slower, same, 0.5).p_within, ratio(slower, same, 0.5).p_beyond) == (1.0, 0.0)
