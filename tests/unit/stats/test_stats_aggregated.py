"""Aggregates give what every example's influence gives: same values, errors and counts, and undefined where it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples import LABEL, SCORE

from mlci.stats import sorting
from mlci.stats.aggregated import Both
from mlci.stats.cells import counted
from mlci.stats.comparing import Compared
from mlci.stats.influence import Undefined
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.paired import Design, discordance_of, own_error, own_freedom, paired

# Sums of other rounding: far below what any bound is written with.
CLOSE = 1e-11


def _rows(name: str, both: Both) -> Compared | None:
    """The same comparison from influences."""
    design = Design(both.n, 0.95)
    try:
        mine, theirs = (measure(name, both.truth, each) for each in (both.candidate, both.baseline))
    except Undefined:
        return None
    discordance = discordance_of(mine.goodness - theirs.goodness)
    pair = paired(mine.score, theirs.score, design, discordance)
    own = (own_error(mine.score, design), own_freedom(mine.score, design))
    return Compared(pair=pair, own_error=own[0], own_freedom=own[1], own_size=both.n, differing=0)


def _agree(name: str, both: Both) -> None:
    ours, theirs = both.compared(name, rising=True), _rows(name, both)
    assert (ours is None) == (theirs is None), name
    if ours is None or theirs is None:
        return
    for field in ("candidate", "baseline", "plain_error", "log_error"):
        mine, other = getattr(ours.pair, field), getattr(theirs.pair, field)
        # Where one loss is all but a multiple of the other, the spread of their ratio is none.
        none = 2e-6 * ours.own_error / ours.pair.candidate if field == "log_error" and other == other else 0.0
        assert mine == pytest.approx(other, rel=CLOSE, abs=max(1e-15, none), nan_ok=True), (name, field)
    assert ours.own_error == pytest.approx(theirs.own_error, rel=CLOSE, abs=1e-15, nan_ok=True), name
    if ours.own_error > 1e-12:
        assert ours.own_freedom == pytest.approx(theirs.own_freedom, rel=1e-6), name
    for error, field in (("plain_error", "freedom"), ("log_error", "log_freedom")):
        if getattr(ours.pair, error) > 1e-9:  # what is left of parts that cancel is rounding, however sure
            mine, other = getattr(ours.pair, field), getattr(theirs.pair, field)
            assert mine == pytest.approx(other, rel=1e-6), (name, field)
    assert ours.pair.discordance == theirs.pair.discordance, name


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120), st.integers(2, 9), st.floats(0, 0.3), st.booleans())
@example(0, 1, 2, 0.0, False)
@example(1, 2, 2, 0.0, True)
def test_labels_from_counts(seed: int, n: int, classes: int, unanswered: float, alike: bool) -> None:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(classes, 0.5))
    codes = random.choice(classes, n, p=shares)

    def labels() -> Any:
        said = np.where(random.random(n) < 0.7, codes, random.integers(0, classes, n))
        return np.where(random.random(n) < unanswered, classes, said)

    mine = labels()
    truth = Truth(codes=codes, classes=classes, positive=1 if classes == 2 else None)
    both = Both(n, truth, Outputs(labels=mine), Outputs(labels=mine if alike else labels()))
    for name in LABEL:
        _agree(name, both)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120), st.sampled_from([1, 2, 16]), st.floats(0.02, 0.98), st.booleans())
@example(3, 3, 1, 0.5, False)
def test_scores_from_placements_and_moments(seed: int, n: int, decimals: int, share: float, single: bool) -> None:
    random = np.random.default_rng(seed)
    codes = (random.random(n) < share).astype(np.intp)
    scores = [np.round(random.beta(1 + codes, 2), decimals) for _ in range(2)]
    if single:
        scores = [each.astype(np.float32) for each in scores]
    both = Both(n, Truth(codes=codes, classes=2, positive=1), *(Outputs(scores=each) for each in scores))
    for name in SCORE:
        if name != "pr_auc":
            _agree(name, both)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80), st.sampled_from([0.0, 1e-3, 1.0, 1e6]), st.sampled_from([0, 1, 8]))
def test_values_from_moments(seed: int, n: int, level: float, decimals: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.round(level + random.standard_normal(n), decimals)
    models = [Outputs(values=truth + np.round(random.standard_t(5, n), decimals)) for _ in range(2)]
    both = Both(n, Truth(values=truth), *models)
    for name in ("rmse", "mse", "mae", "r2", "mape", "smape", "wape"):
        _agree(name, both)


def test_a_class_of_its_own_for_each_probability_and_a_missing_score() -> None:
    random = np.random.default_rng(4)
    codes = random.integers(0, 3, 60)
    models = [Outputs(scores=random.dirichlet(np.ones(3), 60)) for _ in range(2)]
    both = Both(60, Truth(codes=codes, classes=3), *models)
    for name in ("log_loss", "brier", "roc_auc"):
        _agree(name, both)
    broken = models[0].scores
    assert broken is not None
    broken[7, 1] = math.nan
    assert both.compared("accuracy", rising=True) is None
    assert Both(60, both.truth, *models).compared("brier", rising=True) is None


def test_bits_and_tables_count_alike_whatever_the_number_of_examples() -> None:
    random = np.random.default_rng(5)
    for n in (1 << 16, (1 << 16) + 1, (1 << 16) + 63):
        codes, mine, theirs = (random.integers(0, 2, n) for _ in range(3))
        key = 4 * codes + 2 * mine + theirs
        expected = np.bincount(key, minlength=8).tolist()
        for odd in (False, True):
            if odd:  # a missing prediction, which no bit can say
                mine = mine.copy()
                mine[-1] = 2
            cells = counted(codes, mine, theirs, 2, 1)
            found = dict(zip(zip(cells.truth, cells.candidate, cells.baseline, strict=True), cells.count, strict=True))
            assert sum(found.values()) == n
            assert len(found) == (9 if odd else 8)
            if not odd:
                assert [found[t, c, b] for t in (0, 1) for c in (0, 1) for b in (0, 1)] == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["uniform", "normal", "tied", "wide", "narrow", "huge", "signed zero"]))
def test_scores_are_sorted_as_a_stable_sort_does(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(4096, 9000))
    scores = {
        "uniform": random.random(n),
        "normal": random.standard_normal(n),
        "tied": np.round(random.random(n), 2),
        "wide": np.exp(12 * random.standard_normal(n)),
        "narrow": 1 - 1e-10 * random.random(n),
        "huge": 1e300 * random.standard_normal(n),
        "signed zero": random.choice([0.0, -0.0, 1e-60, -1e-60], n),
    }[kind]
    for each in (scores, scores.astype(np.float32, casting="unsafe") if kind != "huge" else scores):
        assert (sorting.order_of(each) == np.argsort(each, kind="stable")).all()
