"""Measure every rule on every view of a holdout (all examples, each slice): numbers that any policy can judge."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain import gate
from mlci.domain.evidence import Alone, Coverage, Gives, Measurement, NoValue, Numbers, Slice, Statistic, Thinned
from mlci.domain.figures import count
from mlci.domain.metric import METRICS, Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.stats.bounds import SHARES, Contrast, Discordance, Paired
from mlci.stats.influence import Undefined, effective_n
from mlci.stats.measure import CLIP, Measured, Outputs, Truth, measure
from mlci.stats.paired import Design, discordance_of, own_error, paired
from mlci.steps.holdout import Holdout, Lost

MISSING_VALUE = "(missing)"


@dataclass(frozen=True)
class View:
    """Some of a holdout's examples: all of them, or one slice.

    Attributes:
        column: the slice column; None for all examples.
        name: the slice as column=value; None for all examples.
    """

    column: str | None
    name: str | None
    truth: Truth
    candidate: Outputs
    baseline: Outputs | None
    design: Design


def gives(holdout: Holdout) -> tuple[Gives, ...]:
    """What production gives of each example; without production, what the candidate gives.

    What production gives is asked of the candidate too; a part it leaves out is missing, not unasked.
    """
    outputs = holdout.candidate if holdout.baseline is None else holdout.baseline
    found: list[Gives] = []
    if outputs.labels is not None:
        found.append("label")
    if outputs.scores is not None:
        found.append("score")
        if _are_probabilities(outputs.scores):
            found.append("probability")
    return tuple(found)


def _are_probabilities(scores: NDArray[Any]) -> bool:
    finite = scores[np.isfinite(scores)]
    return len(finite) == 0 or bool(finite.min() >= 0 and finite.max() <= 1)


def measured(holdout: Holdout, rules: Sequence[MetricRule], policy: GatePolicy) -> Numbers:
    """Measure what the rules ask: both models on all examples and on every slice, and the candidate alone.

    The policy decides nothing here but the scale that a comparison is written on; the numbers hold for either.
    """
    whole = _whole(holdout, policy)
    compared = holdout.baseline is not None and policy.compare
    comparisons: list[Statistic | NoValue] = []
    measurements: list[Measurement] = []
    for rule in rules:
        candidate = _outcome(rule, whole, whole.candidate)
        measurements.append(_measurement(rule, candidate, whole))
        if compared and rule.compare:
            comparisons.append(_comparison(rule, whole, candidate, policy))
    slices: list[Slice] = []
    for view in _slices(holdout, whole) if compared else ():
        slices.append(Slice(column=view.column or "", name=view.name or "", n=view.design.n))
        comparisons += (
            _comparison(rule, view, _outcome(rule, view, view.candidate), policy) for rule in rules if rule.compare
        )
    return Numbers(
        compared=holdout.baseline is not None,
        examples=holdout.n,
        statistics=tuple(found for found in comparisons if isinstance(found, Statistic)),
        undefined=tuple(found for found in comparisons if isinstance(found, NoValue)),
        measurements=tuple(measurements),
        coverage=_coverage(holdout, rules, slices),
    )


def _coverage(holdout: Holdout, rules: Sequence[MetricRule], slices: Sequence[Slice]) -> Coverage:
    return Coverage(
        task=holdout.task,
        gives=gives(holdout),
        identical=holdout.baseline is not None and holdout.candidate.same_as(holdout.baseline),
        missing=holdout.missing,
        alone=tuple(_alone(lost, rules) for lost in holdout.dropped),
        thinned=tuple(Thinned(slice=name, lost=lost, whole=whole) for name, lost, whole in holdout.thinned),
        slice_columns=tuple(holdout.slices),
        slices=tuple(slices),
    )


def _alone(lost: Lost, rules: Sequence[MetricRule]) -> Alone:
    values = _values(rules, lost.truth, lost.outputs) if lost.rows else {}
    return Alone(rows=lost.rows, values=values)


def points(holdout: Holdout, rules: Sequence[MetricRule]) -> dict[str, float]:
    """The candidate's bare value of every rule that has one."""
    return _values(rules, holdout.truth, holdout.candidate, holdout.weights)


def _values(
    rules: Sequence[MetricRule], truth: Truth, outputs: Outputs, weights: NDArray[Any] | None = None
) -> dict[str, float]:
    found = {}
    for rule in rules:
        try:
            found[rule.metric] = measure(rule.metric, truth, outputs, weights).score.value
        except Undefined:
            continue
    return found


def clipped(holdout: Holdout, rules: Sequence[MetricRule]) -> Iterator[str]:
    """Say how many probabilities of exactly 0 the log loss clipped."""
    if not any(rule.metric == "log_loss" for rule in rules):
        return
    for whose, outputs in (("the candidate", holdout.candidate), ("production", holdout.baseline)):
        number = _sure_and_wrong(holdout.truth, outputs)
        if number:
            yield f"log loss: {count(number)} probabilities of {whose} were 0 for the true class and count as {CLIP:g}"


def _sure_and_wrong(truth: Truth, outputs: Outputs | None) -> int:
    if outputs is None or outputs.scores is None or truth.codes is None:
        return 0
    scores = outputs.scores
    if scores.ndim == 1:
        return int((np.where(truth.is_positive, scores, 1.0 - scores) < CLIP).sum())
    return int((scores[np.arange(len(scores)), truth.codes] < CLIP).sum())


def _whole(holdout: Holdout, policy: GatePolicy) -> View:
    design = _design(holdout.n, policy.confidence, holdout.weights, holdout.clusters)
    return View(None, None, holdout.truth, holdout.candidate, holdout.baseline, design)


def _design(n: int, confidence: float, weights: NDArray[Any] | None, clusters: NDArray[Any] | None) -> Design:
    groups = None if clusters is None else int(clusters.max()) + 1
    return Design(n, confidence, weights, clusters, groups)


def _slices(holdout: Holdout, whole: View) -> Iterator[View]:
    """Every value of every slice column, a missing value being one of its own."""
    for column, words in holdout.slices.items():
        order = np.argsort(words.codes, kind="stable")
        edges = np.searchsorted(words.codes[order], np.arange(-1, len(words.values) + 1))
        named = sorted((value, code) for code, value in enumerate(words.values))
        missing = MISSING_VALUE
        while missing in words.values:  # a value may be spelled so; two slices must not share a name
            missing = f"({missing})"
        for value, code in (*named, (missing, -1)):
            rows = order[edges[code + 1] : edges[code + 2]]
            if len(rows):
                yield _part(whole, column, f"{column}={value}", rows)


def _part(whole: View, column: str, name: str, rows: NDArray[np.intp]) -> View:
    weights, clusters = whole.design.weights, whole.design.clusters
    if weights is not None:
        weights = weights[rows]
        # Weights that are equal, or all zero, within a slice are no weights there.
        equal = bool((weights == weights[0]).all())
        weights = None if equal else weights * (len(rows) / weights.sum())
    if clusters is not None:
        clusters = np.unique(clusters[rows], return_inverse=True)[1]
    return View(
        column,
        name,
        whole.truth.take(rows),
        whole.candidate.take(rows),
        None if whole.baseline is None else whole.baseline.take(rows),
        _design(len(rows), whole.design.confidence, weights, clusters),
    )


def _outcome(rule: MetricRule, view: View, outputs: Outputs | None) -> Measured | str:
    """One model's metric on a view, or why it has none."""
    try:
        return measure(metric_named(rule.metric).name, view.truth, outputs or Outputs(), view.design.weights)
    except Undefined as error:
        return str(error)


def _comparison(rule: MetricRule, view: View, candidate: Measured | str, policy: GatePolicy) -> Statistic | NoValue:
    metric = metric_named(rule.metric, rule.better)
    unknown = _unknown(metric, view)
    whose = "" if view.name is not None else "the candidate: "
    if unknown is not None or isinstance(candidate, str):
        return _no_value(metric, view, unknown or f"{whose}{candidate}", unknown=unknown is not None)
    baseline = _outcome(rule, view, view.baseline)
    if isinstance(baseline, str):
        return _no_value(metric, view, baseline if view.name is not None else f"production: {baseline}")
    discordance = discordance_of(_gain(metric, candidate, baseline))
    pair = paired(candidate.score, baseline.score, view.design, discordance)
    try:
        return _statistic(rule, view, candidate, pair, policy)
    except Undefined as error:
        return _no_value(metric, view, str(error))


def _no_value(metric: Metric, view: View, why: str, *, unknown: bool = False) -> NoValue:
    return NoValue(
        metric=metric.name, slice_column=view.column, slice=view.name, n=view.design.n, why=why, unknown=unknown
    )


@np.errstate(over="ignore")
def _gain(metric: Metric, candidate: Measured, baseline: Measured) -> NDArray[Any]:
    gain: NDArray[Any] = candidate.goodness - baseline.goodness
    # A user's column is compared as it is; its goodness is its value, which may be better when lower.
    return -gain if metric.needs == "column" and metric.better == "lower" else gain


def _differing(metric: Metric, view: View, discordance: Discordance) -> int:
    """On how many examples the two differ as far as the metric can see: two wrong labels may well differ."""
    labels, others = view.candidate.labels, None if view.baseline is None else view.baseline.labels
    if metric.needs != "label" or metric.name in SHARES or labels is None or others is None:
        return discordance.total
    return int(np.count_nonzero(labels != others))


def _statistic(rule: MetricRule, view: View, candidate: Measured, pair: Paired, policy: GatePolicy) -> Statistic:
    """The comparison on the scale that policy asks for; on the other where only that one has a value.

    Raises:
        Undefined: neither scale has one.
    """
    metric = metric_named(rule.metric, rule.better)
    relative = gate.tolerance_for(metric, rule, policy, sliced=view.name is not None).relative
    try:
        result = _contrast(metric, pair, policy, relative=relative)
    except Undefined as asked:
        relative = not relative
        try:
            result = _contrast(metric, pair, policy, relative=relative)
        except Undefined:
            raise asked from None
    design = view.design
    return Statistic(
        id=gate.finding_id("compare", metric.name, view.name),
        candidate=pair.candidate,
        baseline=pair.baseline,
        difference=result.difference,
        standard_error=_number(result.standard_error),
        size=pair.size,
        gained=pair.discordance.gained,
        lost=pair.discordance.lost,
        differing=_differing(metric, view, pair.discordance),
        n=design.n,
        groups=design.groups,
        smallest_class=_rarest(metric, view.truth, (view.candidate, view.baseline)),
        method=result.method,
        relative=relative,
        metric=metric.name,
        slice_column=view.column,
        slice=view.name,
        better=metric.better,
        plain_error=_number(pair.plain_error),
        log_error=_number(pair.log_error),
        effective_n=_effective_n(design),
        own_error=_number(own_error(candidate.score, design)),
        own_size=design.size_for(candidate.score.influence),
        own_class=_rarest(metric, view.truth, (view.candidate,)),
    )


def _contrast(metric: Metric, pair: Paired, policy: GatePolicy, *, relative: bool) -> Contrast:
    return pair.contrast(
        policy.confidence,
        higher_is_better=metric.better == "higher",
        relative=relative,
        is_share=metric.name in SHARES,
    )


def _measurement(rule: MetricRule, outcome: Measured | str, view: View) -> Measurement:
    metric, design = metric_named(rule.metric, rule.better), view.design
    if isinstance(outcome, str):
        return Measurement(metric=metric.name, n=design.n, undefined=_unknown(metric, view) or outcome)
    return Measurement(
        metric=metric.name,
        value=outcome.score.value,
        standard_error=_number(own_error(outcome.score, design)),
        size=design.size_for(outcome.score.influence),
        smallest_class=_rarest(metric, view.truth, (view.candidate,)),
        n=design.n,
        groups=design.groups,
        effective_n=_effective_n(design),
    )


def _effective_n(design: Design) -> float | None:
    return None if design.weights is None else effective_n(design.weights, design.n)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


# Metrics whose error estimate leans on the rarer of two classes.
_ON_TRUE_POSITIVES = ("f1", "recall")
_ON_PREDICTED_POSITIVES = ("f1", "precision")
_ON_BOTH = ("roc_auc", "pr_auc", "mcc", "balanced_accuracy")


def _rarest(metric: Metric, truth: Truth, outputs: Sequence[Outputs | None]) -> int | None:
    """How many examples there are of the rarest kind that the metric leans on; None where it leans on all."""
    if truth.positive is None or truth.codes is None:
        return None
    positives = int(truth.is_positive.sum())
    kinds: list[int] = []
    if metric.name in (*_ON_TRUE_POSITIVES, *_ON_BOTH):
        kinds.append(positives)
    if metric.name in _ON_BOTH:
        kinds.append(len(truth.codes) - positives)
    if metric.name in _ON_PREDICTED_POSITIVES:
        labels = (each.labels for each in outputs if each is not None)
        kinds += [int((each == truth.positive).sum()) for each in labels if each is not None]
    return min(kinds, default=None)


def _unknown(metric: Metric, view: View) -> str | None:
    """Say that a name is neither a metric nor a column, and what may have been meant."""
    if metric.needs != "column" or metric.name in view.candidate.columns:
        return None
    close = difflib.get_close_matches(metric.name, [*METRICS, *view.candidate.columns], n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"{metric.name} is neither a metric nor a numeric column of the candidate's file{meant}"
