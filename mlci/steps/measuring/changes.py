"""What changed beyond averages, measured on all examples: flips, errors that grew, calibration, the shift of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.changes import Bin, Calibration, Changes, LabelChanges, ScoreChanges, Scored, ValueChanges
from mlci.domain.metric import metric_named
from mlci.domain.policy import MetricRule
from mlci.stats import changes as stats
from mlci.stats.influence import mean_score
from mlci.stats.measure import Measured
from mlci.steps.measuring.views import View

# Scores beyond this say nothing in their sums.
_LARGEST = 1e150


def paired_outcome(rule: MetricRule, view: View) -> Measured | str | None:
    """A metric that is itself a comparison with production, or why it has no value; None for every other metric."""
    metric = metric_named(rule.metric)
    if not metric.paired:
        return None
    if view.baseline is None:
        return "there is no production model to compare with"
    if view.candidate.samples is not None:
        return "examples were answered several times, and which answer changed is not known"
    mine, theirs, truth = view.candidate.labels, view.baseline.labels, view.truth.codes
    if mine is None or theirs is None or truth is None:
        return "there are no predicted labels"
    counted = mine != theirs if metric.name == "prediction_churn" else stats.newly_wrong(truth, mine, theirs)
    rows = counted.astype(np.float64)
    return Measured(mean_score(rows, view.design.weights), -rows)


def changes(view: View) -> Changes | None:
    """Everything that changed on a view of both models; None where there is nothing that could be counted."""
    labels, values, scores = _labels(view), _values(view), _scores(view)
    if labels is None and values is None and scores is None:
        return None
    return Changes(
        independent=view.design.simple,
        weighted=view.design.weights is not None,
        labels=labels,
        values=values,
        scores=scores,
    )


def _labels(view: View) -> LabelChanges | None:
    mine = view.candidate.labels
    theirs = None if view.baseline is None else view.baseline.labels
    if mine is None or theirs is None or view.truth.codes is None:
        return None
    cells = stats.label_cells(view.truth.codes, mine, theirs)
    names = ("right_both", "newly_wrong", "newly_right", "wrong_alike", "wrong_otherwise")
    return LabelChanges(**dict(zip(names, cells, strict=True)))


def _values(view: View) -> ValueChanges | None:
    mine = view.candidate.values
    theirs = None if view.baseline is None else view.baseline.values
    truth = view.truth.values
    if mine is None or theirs is None or truth is None or not (np.isfinite(mine).all() and np.isfinite(theirs).all()):
        return None
    grew, shrank, unchanged = stats.error_cells(truth, mine, theirs)
    return ValueChanges(
        grew=grew,
        shrank=shrank,
        unchanged=unchanged,
        candidate_slope=stats.calibration_slope(truth, mine),
        production_slope=stats.calibration_slope(truth, theirs),
    )


def _scores(view: View) -> ScoreChanges | None:
    mine = view.candidate.scores
    theirs = None if view.baseline is None else view.baseline.scores
    truth = view.truth.codes
    if mine is None or theirs is None or truth is None or mine.ndim != theirs.ndim:
        return None
    sides = [_scored(scores, view) for scores in (mine, theirs)]
    usable = np.isfinite(sides[0][0]) & np.isfinite(sides[1][0])
    if not usable.any():
        return None
    if not usable.all():
        sides = [(scores[usable], happened[usable]) for scores, happened in sides]
    (mine, mine_happened), (theirs, theirs_happened) = (
        (scores.astype(np.float64, copy=False), happened) for scores, happened in sides
    )
    low, high = float(min(mine.min(), theirs.min())), float(max(mine.max(), theirs.max()))
    if max(-low, high) > _LARGEST:
        return None
    are_probabilities = low >= 0 and high <= 1
    grid = stats.Grid(0.0, 1.0) if are_probabilities else stats.Grid(low, high)
    cells = [grid.cells(scores) for scores in (mine, theirs)]
    counts = [np.bincount(each, minlength=stats.CELLS) for each in cells]
    shift = stats.shift(counts[0], counts[1], grid)
    return ScoreChanges(
        of=_of(view, are_probabilities=are_probabilities),
        n=len(mine),
        candidate_mean=float(mine.mean()),
        production_mean=float(theirs.mean()),
        candidate_counts=shift.candidate_counts,
        production_counts=shift.production_counts,
        kolmogorov_smirnov=min(1.0, shift.kolmogorov_smirnov),
        wasserstein=shift.wasserstein,
        candidate=_calibration(stats.curve(mine, mine_happened, cells[0], counts[0])) if are_probabilities else None,
        production=_calibration(stats.curve(theirs, theirs_happened, cells[1], counts[1]))
        if are_probabilities
        else None,
    )


def _of(view: View, *, are_probabilities: bool) -> Scored:
    if not are_probabilities:
        return "other"
    return "positive" if view.truth.positive is not None else "top"


def _scored(scores: NDArray[Any], view: View) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """One score for each example and whether it came true: the positive class, or the class with the highest score."""
    if scores.ndim == 1:
        return scores, view.truth.is_positive
    filled = np.where(np.isfinite(scores).all(axis=1)[:, None], scores, np.nan)
    best = np.where(np.isnan(filled[:, 0]), 0, np.nan_to_num(filled).argmax(axis=1))
    return filled[np.arange(len(scores)), best], np.asarray(best == view.truth.codes)


def _calibration(curve: stats.Curve) -> Calibration:
    return Calibration(
        brier=curve.brier,
        bins=tuple(
            Bin(n=n, happened=happened, score=score)
            for n, happened, score in zip(curve.n, curve.happened, curve.score, strict=True)
        ),
    )
