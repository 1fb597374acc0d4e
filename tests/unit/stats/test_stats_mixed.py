"""Bounds of a mean over few seeds: made of two quantiles, and missed no more often than they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.domain.recipe import components, deviation
from mlci.stats.mixed import TwoSources
from mlci.stats.student import t_quantile

VARIANCES = st.floats(1e-6, 1e6)


@given(first=VARIANCES, second=VARIANCES, seeds=st.integers(2, 20))
def test_the_quantile_lies_between_those_of_its_sources_and_the_tail_is_its_inverse(
    first: float, second: float, seeds: int
) -> None:
    sources = TwoSources(first, seeds - 1.0, second, 999.0)
    quantile = sources.quantile(0.95)
    assert t_quantile(0.95, 999.0) - 1e-9 <= quantile <= t_quantile(0.95, seeds - 1.0) + 1e-9
    assert sources.tail(quantile) == pytest.approx(0.05, rel=1e-6)
    assert sources.tail(-quantile) == pytest.approx(0.95, rel=1e-6)


def test_one_source_alone_is_student() -> None:
    assert TwoSources(0.0, 2.0, 4.0, 30.0).quantile(0.9) == pytest.approx(t_quantile(0.9, 30.0))
    assert TwoSources(4.0, 2.0, 0.0, 30.0).quantile(0.9) == pytest.approx(t_quantile(0.9, 2.0))


@pytest.mark.parametrize(("seeds", "spread"), [(3, 0.0), (3, 2.0), (3, 6.0), (10, 2.0)])
def test_bounds_are_missed_no_more_often_than_they_say(seeds: int, spread: float) -> None:
    random, draws, missed = np.random.default_rng(3), 4000, 0
    examples = (0.8**2 + 0.6**2 / seeds) ** 0.5
    for _ in range(draws):
        values = 0.8 * random.normal() + 0.6 * random.normal(size=seeds) + spread * random.normal(size=seeds)
        between, within = components([float(value) for value in values], examples)
        sources = TwoSources(between, seeds - 1.0, within, 1999.0)
        missed += float(values.mean()) - sources.quantile(0.95) * sources.error > 0
    # Three standard errors of 4000 draws are one point.
    assert missed / draws < 0.06


def test_one_value_has_no_spread() -> None:
    assert deviation([0.5]) == 0.0
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)
