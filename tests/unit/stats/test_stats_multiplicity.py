"""Holm's correction against the closed test it stands for, and what a reader of many slices may rely on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats.multiplicity import holm

LOOKS = st.lists(st.floats(0, 1), max_size=6)


def _closed(p_values: list[float]) -> list[float]:
    """The largest Bonferroni p-value of all sets of looks with the one in question: Holm's own derivation."""
    looks = range(len(p_values))
    sets = [chosen for size in looks for chosen in itertools.combinations(looks, size + 1)]
    return [
        max(min(1.0, len(chosen) * min(p_values[i] for i in chosen)) for chosen in sets if look in chosen)
        for look in looks
    ]


@settings(deadline=None)
@given(LOOKS)
def test_holm_is_the_closed_test_with_bonferroni(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(_closed(p_values), abs=1e-15)


@settings(deadline=None)
@given(LOOKS, st.randoms())
def test_the_order_of_the_looks_decides_nothing(p_values: list[float], random: Any) -> None:
    order = random.sample(range(len(p_values)), len(p_values))
    adjusted = holm(p_values)
    assert holm([p_values[i] for i in order]) == [adjusted[i] for i in order]


@settings(deadline=None)
@given(LOOKS, st.floats(0, 1))
def test_one_look_more_never_makes_another_more_significant(p_values: list[float], one_more: float) -> None:
    assert all(after >= before for before, after in zip(holm(p_values), holm([*p_values, one_more]), strict=False))


def test_no_look_has_no_p_value_and_a_single_one_keeps_its_own() -> None:
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


def test_equal_looks_stay_equal() -> None:
    assert holm([0.02, 0.02, 0.5]) == [0.06, 0.06, 0.5]


def test_no_p_value_passes_one_and_a_sure_loss_stays_sure() -> None:
    assert holm([0.9, 0.8, 0.7]) == [1.0, 1.0, 1.0]
    assert holm([0.0, 1.0, 0.0])[::2] == [0.0, 0.0]


def test_the_callers_list_is_left_alone() -> None:
    given_values = [0.04, 0.01]
    holm(given_values)
    assert given_values == [0.04, 0.01]
