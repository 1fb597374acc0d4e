"""Whether what somebody's evidence says of changes can be true, by itself and beside its other numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from mlci.domain.changes import Calibration, Changes, LabelChanges, ScoreChanges, ValueChanges
from mlci.domain.evidence import GatePredicate
from mlci.domain.metric import METRICS
from mlci.stats.facts import is_share

# Reports are made with ten bins; what has many more was not made by us.
MOST_BINS = 50
_CLOSE = 1e-9


def wrong_changes(predicate: GatePredicate) -> Iterator[str]:
    """Every way in which the changes contradict each other or the rest, one clause each, without any text of theirs."""
    yield from _of_paired_metrics(predicate)
    changes, n = predicate.changes, predicate.examples
    if changes is None:
        return
    if predicate.baseline is None or n is None or predicate.coverage is None:
        yield "something changed and there is nothing to compare with"
        return
    if changes.labels is not None:
        yield from _of_labels(changes.labels, n)
        yield from _beside(predicate, changes.labels)
    if changes.values is not None and not _adds_up(_errors(changes.values), n):
        yield "the errors that grew and shrank do not add up to all examples"
    if changes.scores is not None:
        yield from _of_scores(changes.scores, n)
    if predicate.coverage.identical and _differs(changes):
        yield "the two models are identical and something changed"


def _adds_up(counts: Sequence[int], n: int) -> bool:
    return min(counts) >= 0 and sum(counts) == n


def _errors(values: ValueChanges) -> tuple[int, int, int]:
    return values.grew, values.shrank, values.unchanged


def _of_labels(labels: LabelChanges, n: int) -> Iterator[str]:
    cells = (labels.right_both, labels.newly_wrong, labels.newly_right, labels.wrong_alike, labels.wrong_otherwise)
    if not _adds_up(cells, n):
        yield "the examples that changed do not add up to all examples"


def _beside(predicate: GatePredicate, labels: LabelChanges) -> Iterator[str]:
    """Flips are counted twice where a share of right answers is compared, and must be the same."""
    for found in predicate.statistics:
        simple = found.groups is None and found.effective_n is None
        flips = (labels.newly_right, labels.newly_wrong)
        if found.slice is None and is_share(found.metric or "") and simple and (found.gained, found.lost) != flips:
            yield "the examples newly right and newly wrong are counted twice and differ"
    counted = {"negative_flip_rate": labels.newly_wrong, "prediction_churn": labels.changed}
    for own in predicate.measurements:
        plain = own.groups is None and own.effective_n is None and own.n > 0
        if not plain or own.value is None or own.metric not in counted:
            continue
        if not math.isclose(own.value, counted[own.metric] / own.n, rel_tol=_CLOSE, abs_tol=_CLOSE):
            yield "a share of changes is given twice and differs"


def _of_paired_metrics(predicate: GatePredicate) -> Iterator[str]:
    for own in predicate.measurements:
        metric = METRICS.get(own.metric)
        if metric is not None and metric.paired and own.value is not None and predicate.baseline is None:
            yield "a comparison with production has a value and there is no production"


def _of_scores(scores: ScoreChanges, n: int) -> Iterator[str]:
    if not 0 < scores.n <= n:
        yield "more examples have scores than there are"
        return
    counts = (scores.candidate_counts, scores.production_counts)
    if len(counts[0]) != len(counts[1]) or not 1 <= len(counts[0]) <= MOST_BINS:
        yield "the scores of the two models are counted in other bins"
    elif not all(_adds_up(each, scores.n) for each in counts):
        yield "the counts of scores do not add up to all that there are"
    if not 0 <= scores.kolmogorov_smirnov <= 1 or scores.wasserstein < 0:
        yield "a distance between scores is none that can be"
    means = (scores.candidate_mean, scores.production_mean)
    if scores.of != "other" and not all(0 <= mean <= 1 for mean in means):
        yield "a probability is outside 0 and 1"
    curves = [curve for curve in (scores.candidate, scores.production) if curve is not None]
    if len(curves) != (0 if scores.of == "other" else 2):
        yield "the calibration of one model is missing, or of scores that are no probabilities"
    for curve in curves:
        yield from _of_curve(curve, scores.n)
    if scores.of == "positive" and len({sum(each.happened for each in curve.bins) for curve in curves}) > 1:
        yield "the two models were scored on other truths"


def _of_curve(curve: Calibration, n: int) -> Iterator[str]:
    if not 1 <= len(curve.bins) <= MOST_BINS or any(not 0 <= each.happened <= each.n for each in curve.bins):
        yield "a bin of a calibration is none that can be"
    elif any(each.n <= 0 for each in curve.bins) or sum(each.n for each in curve.bins) != n:
        yield "the bins of a calibration do not add up to all scores"
    scores = [each.score for each in curve.bins]
    if not all(0 <= score <= 1 for score in (*scores, curve.brier)):
        yield "a probability is outside 0 and 1"
    if any(following < score - _CLOSE for score, following in itertools.pairwise(scores)):
        yield "the bins of a calibration are out of order"


def _differs(changes: Changes) -> bool:
    labels, values, scores = changes.labels, changes.values, changes.scores
    return (
        (labels is not None and labels.changed > 0)
        or (values is not None and values.grew + values.shrank > 0)
        or (scores is not None and (scores.kolmogorov_smirnov > 0 or scores.candidate != scores.production))
    )
