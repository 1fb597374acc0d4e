"""What a stranger's evidence says of changes is refused where it cannot be true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from test_adapters_evidence import COVERAGE, OWN, TRUE, read, refused, written

from mlci.domain.changes import Bin, Calibration, Changes, LabelChanges, ScoreChanges, ValueChanges
from mlci.domain.evidence import GatePredicate

LABELS = LabelChanges(right_both=65, newly_wrong=5, newly_right=15, wrong_alike=12, wrong_otherwise=3)
VALUES = ValueChanges(grew=40, shrank=50, unchanged=10, candidate_slope=0.9, production_slope=1.1)
CURVE = Calibration(brier=0.2, bins=(Bin(n=50, happened=10, score=0.2), Bin(n=49, happened=40, score=0.8)))
SCORES = ScoreChanges(
    of="positive", n=99, candidate_mean=0.5, production_mean=0.4, candidate_counts=(49, 50), production_counts=(50, 49),
    kolmogorov_smirnov=0.1, wasserstein=0.05, candidate=CURVE, production=CURVE,
)  # fmt: skip
RATE = replace(OWN, metric="negative_flip_rate", value=0.05, smallest_class=None)
HONEST = replace(
    TRUE,
    changes=Changes(independent=True, labels=LABELS, values=VALUES, scores=SCORES),
    measurements=(*TRUE.measurements, RATE),
)


def labels(**changed: Any) -> Callable[[], GatePredicate]:
    return lambda: with_changes(labels=replace(LABELS, **changed))


def scores(**changed: Any) -> Callable[[], GatePredicate]:
    return lambda: with_changes(scores=replace(SCORES, **changed))


def curve(*bins: Bin, brier: float = 0.2) -> Callable[[], GatePredicate]:
    return scores(candidate=Calibration(brier=brier, bins=bins))


def with_changes(**parts: Any) -> GatePredicate:
    assert HONEST.changes is not None
    return replace(HONEST, changes=replace(HONEST.changes, **parts))


def with_rate(value: float) -> Callable[[], GatePredicate]:
    return lambda: replace(HONEST, measurements=(*TRUE.measurements, replace(RATE, value=value)))


FALSE: dict[str, tuple[str, Callable[[], GatePredicate]]] = {
    "fewer than all": ("do not add up to all examples", labels(wrong_alike=11)),
    "below 0": ("do not add up to all examples", labels(wrong_alike=-1, wrong_otherwise=16)),
    "other flips than accuracy's": ("counted twice and differ", labels(newly_wrong=6, newly_right=14)),
    "errors of more": ("grew and shrank", lambda: with_changes(values=replace(VALUES, grew=41))),
    "more scores than examples": ("more examples have scores", scores(n=101)),
    "no scores": ("more examples have scores", scores(n=0)),
    "other bins": ("in other bins", scores(candidate_counts=(99,))),
    "endless bins": ("in other bins", scores(candidate_counts=(1,) * 99, production_counts=(1,) * 99)),
    "counts of more": ("counts of scores", scores(candidate_counts=(50, 50))),
    "counts below 0": ("counts of scores", scores(candidate_counts=(-1, 100))),
    "distance above 1": ("a distance", scores(kolmogorov_smirnov=1.1)),
    "distance below 0": ("a distance", scores(wasserstein=-0.1)),
    "a mean that is none": ("outside 0 and 1", scores(candidate_mean=1.5)),
    "half a calibration": ("of one model is missing", scores(production=None)),
    "calibrated by other scores": ("no probabilities", scores(of="other")),
    "no bins": ("none that can be", curve()),
    "more happened than there are": ("none that can be", curve(Bin(n=99, happened=100, score=0.5))),
    "an empty bin": ("do not add up to all scores", curve(Bin(n=0, happened=0, score=0.5))),
    "bins of fewer": ("do not add up to all scores", curve(Bin(n=98, happened=50, score=0.5))),
    "a score above 1": ("outside 0 and 1", curve(Bin(n=99, happened=50, score=1.5))),
    "a Brier score above 1": ("outside 0 and 1", curve(*CURVE.bins, brier=1.5)),
    "bins out of order": ("out of order", curve(*reversed(CURVE.bins))),
    "another truth": ("other truths", curve(Bin(n=99, happened=49, score=0.5))),
    "another rate than the count": ("given twice and differs", with_rate(0.06)),
    "nothing to compare with": (
        "nothing to compare with",
        lambda: replace(HONEST, baseline=None, statistics=(), undefined=(), measurements=TRUE.measurements),
    ),
    "a rate without production": (
        "there is no production",
        lambda: replace(HONEST, baseline=None, statistics=(), undefined=(), changes=None),
    ),
    "identical": (
        "identical and something changed",
        lambda: replace(HONEST, statistics=(), coverage=replace(COVERAGE, identical=True)),
    ),
}


def test_what_is_honest_is_read_back() -> None:
    assert read(written(HONEST)) == HONEST


@pytest.mark.parametrize("name", FALSE)
def test_what_cannot_be_true_is_refused(name: str) -> None:
    cause, predicate = FALSE[name]
    assert cause in refused(written(predicate()))


def test_a_count_that_is_no_whole_number_is_refused() -> None:
    value = written(HONEST)
    value["predicate"]["changes"]["labels"]["newly_wrong"] = 5.5
    assert "Expected `int`" in refused(value)
    del value["predicate"]["changes"]["labels"]["newly_wrong"]
    assert "missing required field" in refused(value)
