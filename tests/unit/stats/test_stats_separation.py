"""The two-sample test of a classifier: no more false alarms than asked, and changes that no column shows alone."""

from __future__ import annotations

import numpy as np
import pytest

from mlci.stats.separation import Separation, separated


def told(random: np.random.Generator, rows: int, together: float, features: int = 6) -> Separation:
    """Two samples of normal columns, of which in the second the first two go together."""
    values = random.standard_normal((2 * rows, features))
    now = np.arange(2 * rows) >= rows
    values[now, 1] = together * values[now, 0] + np.sqrt(1 - together**2) * values[now, 1]
    found = separated(values / 3, now, random.random(2 * rows) < 0.5)
    assert found is not None
    return found


def test_samples_of_one_source_are_told_apart_no_more_often_than_asked() -> None:
    random = np.random.default_rng(11)
    shown = [told(random, 300, 0.0, 4).lower(0.95) > 0.5 for _ in range(200)]
    # 5 % of 200 are 10, with a standard error of 3.1.
    assert 2 <= sum(shown) <= 18


def test_columns_that_go_together_otherwise_are_seen_and_named() -> None:
    random = np.random.default_rng(12)
    found = [told(random, 2_000, 0.5) for _ in range(3)]
    assert all(each.lower(0.95) > 0.55 for each in found)
    assert all(set(np.argsort(-each.telling)[:2]) == {0, 1} for each in found)
    assert all(each.telling.sum() == pytest.approx(1) for each in found)


def test_bound_and_p_value_agree() -> None:
    found = told(np.random.default_rng(13), 1_000, 0.5)
    assert found.p_within(found.lower(0.99)) == pytest.approx(0.01)


def test_a_half_of_one_sample_only_says_nothing() -> None:
    now = np.array([False, False, True, True])
    assert separated(np.zeros((4, 1)), now, now) is None
    # Nothing to learn from: every row looks alike.
    same = separated(np.zeros((40, 1)), np.arange(40) % 2 == 0, np.arange(40) < 20)
    assert same is not None
    assert same.auc == 0.5
