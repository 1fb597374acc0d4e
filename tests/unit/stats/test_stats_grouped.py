"""Rates of groups: counted by kind they are those of the examples, and their errors those of a regression on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.stats.grouped import Cells, Rates, Rows, as_they_are, by_kind, covariance, rates


def draw(seed: int, n: int = 200) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {
        "group": random.integers(0, 4, n),
        "positive": random.random(n) < 0.4,
        "chosen": (random.random(n) < 0.5, random.random(n) < 0.3),
        "weights": random.integers(0, 4, n).astype(np.float64),
    }


def taken(rows: Rows, rate: str, side: int) -> Rates:
    chosen = rows.chosen[side]
    assert chosen is not None
    counted, among = (rows.positive, chosen) if rate == "precision" else (chosen, rows.positive)
    return rates(rows, counted, among)


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from(["precision", "found"]))
def test_kinds_of_examples_have_the_rates_errors_and_covariance_of_the_examples(
    seed: int, weighted: bool, rate: str
) -> None:
    drawn = draw(seed)
    common = (drawn["group"], 3, drawn["positive"], drawn["chosen"], drawn["weights"] if weighted else None)
    few, all_ = by_kind(*common), as_they_are(*common, None)
    for side in (0, 1):
        one, other = taken(few, rate, side), taken(all_, rate, side)
        for name in ("value", "error", "of", "size"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True)
    both = [covariance(rows, taken(rows, rate, 0), taken(rows, rate, 1)) for rows in (few, all_)]
    assert both[0] == pytest.approx(both[1])
    assert few.count(few.positive) == pytest.approx(all_.count(all_.positive))


def test_the_error_of_a_share_is_the_binomial_one_and_that_of_clusters_the_sandwich() -> None:
    drawn = draw(1)
    inside = drawn["group"] == 1
    clusters = np.arange(200) // 5
    common = (drawn["group"], 3, drawn["positive"], drawn["chosen"], None)
    everybody = np.ones(200, dtype=bool)
    plain = by_kind(*common)
    share = rates(plain, plain.chosen[0], np.ones(len(plain.group), dtype=bool))  # type: ignore[arg-type]
    p, m = drawn["chosen"][0][inside].mean(), int(inside.sum())
    assert share.error[1] == pytest.approx((p * (1 - p) / (m - 1)) ** 0.5)
    rows = as_they_are(*common, clusters)
    clustered = rates(rows, drawn["chosen"][0], everybody)
    residual = np.where(inside, drawn["chosen"][0] - p, 0.0)
    sums = np.bincount(clusters, weights=residual)
    groups = len(np.unique(clusters[inside]))
    assert clustered.error[1] == pytest.approx(((sums**2).sum() * groups / (groups - 1)) ** 0.5 / m)


@given(st.integers(0, 10**6))
def test_cells_are_the_same_whether_they_are_tabled_or_sorted(seed: int) -> None:
    random = np.random.default_rng(seed)
    group, clusters, values = random.integers(0, 3, 50), random.integers(0, 20, 50), random.random(50)
    near, far = Cells(group, 2, clusters), Cells(group, 2, np.where(clusters == 19, 10**6, clusters))
    assert near.by_group(near.sums(values) ** 2) == pytest.approx(far.by_group(far.sums(values) ** 2))
    assert near.crossing(near.sums(values)) == pytest.approx(far.crossing(far.sums(values)))
