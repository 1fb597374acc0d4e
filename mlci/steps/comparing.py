"""Measure every rule on every view of a holdout (all examples, each slice) and hand the estimates to the gate."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain import gate
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Statistic
from mlci.domain.figures import count, figure
from mlci.domain.finding import Finding
from mlci.domain.metric import METRICS, Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.stats.influence import Undefined, effective_n
from mlci.stats.measure import CLIP, SHARES, Measured, Outputs, Truth, measure
from mlci.stats.multiplicity import holm
from mlci.stats.paired import Contrast, Design, contrast, discordance_of, own_interval
from mlci.steps.holdout import Holdout

MISSING_VALUE = "(missing)"


@dataclass(frozen=True)
class Compared:
    """Findings of all comparisons, and the sufficient statistics behind them."""

    findings: tuple[Finding, ...]
    statistics: tuple[Statistic, ...]


@dataclass(frozen=True)
class View:
    """Some of a holdout's examples: all of them, or one slice.

    Attributes:
        name: the slice as column=value; None for all examples.
    """

    name: str | None
    truth: Truth
    candidate: Outputs
    baseline: Outputs | None
    design: Design


def compare(holdout: Holdout, rules: Sequence[MetricRule], policy: GatePolicy) -> Compared:
    """Compare candidate and baseline by every rule, on all examples and on every slice."""
    if holdout.baseline is None:
        return Compared((), ())
    asked = [rule for rule in rules if rule.compare]
    whole = _whole(holdout, policy)
    overall = [_estimate(rule, whole, policy) for rule in asked]
    sliced = [_estimate(rule, view, policy) for view in _slices(holdout, whole) for rule in asked]
    shares = gate.error_shares([each for each, _ in overall], policy, sliced=bool(sliced))
    estimates = _corrected([each for each, _ in overall], shares.overall)
    if holdout.candidate.same_as(holdout.baseline):
        estimates = [replace(each, method=gate.IDENTICAL, discordant=0) for each in estimates]
    of_slices = _corrected([each for each, _ in sliced], shares.slices)
    looks = sum(each.undefined is None for each in of_slices) / shares.slices if sliced else 0.0
    findings = (
        *(gate.compare_overall(each, policy) for each in estimates),
        *(gate.compare_slice(each, policy, looks) for each in of_slices),
    )
    statistics = (statistic for _, statistic in (*overall, *sliced) if statistic is not None)
    return Compared(findings, tuple(statistics))


def limits(holdout: Holdout, rules: Sequence[MetricRule], policy: GatePolicy) -> Iterator[Finding]:
    """Judge the absolute limits of every rule on the candidate alone."""
    view = _whole(holdout, policy)
    for rule in rules:
        asked = [(rule.minimum, True), (rule.maximum, False)]
        if rule.minimum is None and rule.maximum is None:
            continue
        estimate = _own_estimate(rule, view)
        for limit, lower in asked:
            if limit is not None:
                yield gate.threshold(estimate, policy, limit, lower=lower)


def points(holdout: Holdout, rules: Sequence[MetricRule]) -> dict[str, float]:
    """The candidate's bare value of every rule that has one."""
    found = {}
    for rule in rules:
        try:
            found[rule.metric] = measure(rule.metric, holdout.truth, holdout.candidate, holdout.weights).score.value
        except Undefined:
            continue
    return found


def on_dropped(holdout: Holdout, rules: Sequence[MetricRule]) -> str:
    """How each model did on the examples only it was scored on, by the first rule that has a value there."""
    notes = ""
    for whose, lost in zip(("the candidate", "production"), holdout.dropped, strict=False):
        for rule in rules if lost.rows else ():
            try:
                value = measure(rule.metric, lost.truth, lost.outputs).score.value
            except Undefined:
                continue
            notes += f"; {rule.metric} of {whose} on its own {count(lost.rows)} examples {figure(value)}"
            break
    return notes


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
    return View(None, holdout.truth, holdout.candidate, holdout.baseline, design)


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
                yield _part(whole, f"{column}={value}", rows)


def _part(whole: View, name: str, rows: NDArray[np.intp]) -> View:
    weights, clusters = whole.design.weights, whole.design.clusters
    if weights is not None:
        weights = weights[rows]
        # Weights that are equal, or all zero, within a slice are no weights there.
        equal = bool((weights == weights[0]).all())
        weights = None if equal else weights * (len(rows) / weights.sum())
    if clusters is not None:
        clusters = np.unique(clusters[rows], return_inverse=True)[1]
    return View(
        name,
        whole.truth.take(rows),
        whole.candidate.take(rows),
        None if whole.baseline is None else whole.baseline.take(rows),
        _design(len(rows), whole.design.confidence, weights, clusters),
    )


def _corrected(estimates: list[Estimate], share: float) -> list[Estimate]:
    """Holm's correction over everything of one family that has a p-value, at the family's share of the error rate."""
    defined = [index for index, each in enumerate(estimates) if each.p_worse is not None]
    adjusted = holm([estimates[index].p_worse or 0.0 for index in defined])
    corrected = list(estimates)
    for index, p_value in zip(defined, adjusted, strict=True):
        corrected[index] = replace(estimates[index], p_adjusted=min(1.0, p_value / share))
    return corrected


def _estimate(rule: MetricRule, view: View, policy: GatePolicy) -> tuple[Estimate, Statistic | None]:
    metric = metric_named(rule.metric, rule.better)
    tolerance = gate.tolerance_for(metric, rule, policy, sliced=view.name is not None)
    blank = Estimate(
        metric=metric, n=view.design.n, slice=view.name, margin=tolerance.value, relative=tolerance.relative
    )
    unknown = _unknown(metric, view)
    if unknown is not None:
        return replace(blank, undefined=unknown), None
    if metric.needs == "column" and rule.better is None:
        return replace(blank, undefined="say which way it is better: better: higher or lower"), None
    try:
        candidate = _measured(metric, view, view.candidate, "the candidate")
        baseline = _measured(metric, view, view.baseline or Outputs(), "production")
        result = contrast(
            candidate.score,
            baseline.score,
            view.design,
            higher_is_better=metric.better == "higher",
            relative=tolerance.relative,
            is_share=metric.name in SHARES,
            discordance=discordance_of(_gain(metric, candidate, baseline)),
        )
    except Undefined as error:
        return replace(blank, undefined=str(error)), None
    filled = _filled(blank, result, candidate, view, policy)
    return filled, _statistic(filled, result, view)


def _gain(metric: Metric, candidate: Measured, baseline: Measured) -> NDArray[Any]:
    gain: NDArray[Any] = candidate.goodness - baseline.goodness
    # A user's column is compared as it is; its goodness is its value, which may be better when lower.
    return -gain if metric.needs == "column" and metric.better == "lower" else gain


def _measured(metric: Metric, view: View, outputs: Outputs, whose: str) -> Measured:
    try:
        return measure(metric.name, view.truth, outputs, view.design.weights)
    except Undefined as error:
        raise Undefined(f"{whose}: {error}" if view.name is None else str(error)) from error


def _filled(blank: Estimate, result: Contrast, candidate: Measured, view: View, policy: GatePolicy) -> Estimate:
    metric, design = blank.metric, view.design
    has_error = result.standard_error == result.standard_error
    return replace(
        blank,
        candidate=result.candidate,
        candidate_interval=_interval(metric, candidate, view),
        baseline=result.baseline,
        difference=result.difference,
        standard_error=result.standard_error if has_error else None,
        interval=(result.low, result.high) if result.bounded else None,
        p_worse=result.p_worse,
        method=result.method,
        discordant=_discordant(metric, view, result),
        smallest_class=_rarest(metric, view.truth, (view.candidate, view.baseline)),
        clusters=design.groups,
        effective_clusters=result.size if design.groups is not None else None,
        effective_n=effective_n(design.weights, design.n) if design.weights is not None else None,
        detectable=result.detectable(policy.confidence) if has_error and result.standard_error > 0 else None,
        rows_needed=result.rows_needed(policy.confidence, blank.margin or 0.0) if has_error else None,
    )


def _discordant(metric: Metric, view: View, result: Contrast) -> int:
    """On how many examples the two differ as far as the metric can see: two wrong labels may well differ."""
    labels, others = view.candidate.labels, None if view.baseline is None else view.baseline.labels
    if metric.needs != "label" or metric.name in SHARES or labels is None or others is None:
        return result.discordance.total
    return int(np.count_nonzero(labels != others))


def _statistic(estimate: Estimate, result: Contrast, view: View) -> Statistic:
    return Statistic(
        id=gate.finding_id("compare", estimate.metric.name, view.name),
        candidate=result.candidate,
        baseline=result.baseline,
        difference=result.difference,
        standard_error=estimate.standard_error,
        size=result.size,
        gained=result.discordance.gained,
        lost=result.discordance.lost,
        differing=estimate.discordant or 0,
        n=view.design.n,
        groups=estimate.clusters,
        smallest_class=estimate.smallest_class,
        method=result.method,
        relative=estimate.relative,
    )


def _interval(metric: Metric, measured: Measured, view: View) -> tuple[float, float] | None:
    return own_interval(
        measured.score,
        view.design,
        is_share=metric.name in SHARES,
        support=_rarest(metric, view.truth, (view.candidate,)),
        low=metric.low,
        high=metric.high,
    )


def _own_estimate(rule: MetricRule, view: View) -> Estimate:
    metric = metric_named(rule.metric, rule.better)
    blank = Estimate(metric=metric, n=view.design.n)
    try:
        measured = measure(metric.name, view.truth, view.candidate, view.design.weights)
    except Undefined as error:
        return replace(blank, undefined=_unknown(metric, view) or str(error))
    return replace(
        blank,
        candidate=measured.score.value,
        candidate_interval=_interval(metric, measured, view),
        smallest_class=_rarest(metric, view.truth, (view.candidate,)),
    )


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
