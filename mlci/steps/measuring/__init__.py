"""Measure every rule on every view of a holdout (all examples, each slice): numbers that any policy can judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.evidence import Alone, Coverage, Gives, Measurement, NoValue, Numbers, Slice, Statistic, Thinned
from mlci.domain.figures import count
from mlci.domain.harness import OwnScore
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.slices import Folded
from mlci.ports import Functions
from mlci.stats.comparing import Compared
from mlci.stats.influence import Undefined
from mlci.stats.measure import CLIP, Measured, Outputs, Truth, measure
from mlci.steps.holdout import Holdout, Lost
from mlci.steps.measuring.changes import changes, paired_outcome
from mlci.steps.measuring.discovery import discovery
from mlci.steps.measuring.functions import by_functions
from mlci.steps.measuring.groups import disparities
from mlci.steps.measuring.pairs import compared, comparison, measurement, outcome, statistic
from mlci.steps.measuring.views import View, all_examples, every_slice


def gives(holdout: Holdout) -> tuple[Gives, ...]:
    """What production gives of each example; without production, what the candidate gives.

    What production gives is asked of the candidate too; a part it leaves out is missing, not unasked.
    """
    return given_by(holdout.candidate if holdout.baseline is None else holdout.baseline)


def given_by(outputs: Outputs) -> tuple[Gives, ...]:
    """What one model gives of each example."""
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


def measured(
    holdout: Holdout,
    rules: Sequence[MetricRule],
    policy: GatePolicy,
    scores: Sequence[OwnScore] = (),
    functions: Functions | None = None,
) -> Numbers:
    """Measure what the rules ask: both models on all examples and on every slice, and the candidate alone.

    The policy decides nothing here but the scale that a comparison is written on; the numbers hold for either.

    Args:
        holdout: what is measured on.
        rules: what is asked.
        policy: in whose scale comparisons are written.
        scores: what production's file calls scores.
        functions: calls functions of the user's; None leaves the metrics that need one unmeasured.
    """
    # What is counted by example has no meaning for one that was answered several times.
    once = holdout.candidate.samples is None
    called = [rule for rule in rules if rule.call is not None]
    rules = [rule for rule in rules if rule.call is None]
    whole = all_examples(holdout, policy)
    is_compared = holdout.baseline is not None and policy.compare
    comparisons: list[Statistic | NoValue] = []
    measurements: list[Measurement] = []
    for rule in rules:
        alone, both = _judged(rule, whole, policy, compare=is_compared and rule.compare)
        measurements.append(measurement(rule, alone, whole))
        comparisons += both
    slices: list[Slice] = []
    folded: list[Folded] = []
    views = [whole]
    for view in every_slice(holdout, whole) if is_compared else ():
        if isinstance(view, Folded):
            folded.append(view)
            continue
        slices.append(Slice(column=view.column or "", name=view.name or "", n=view.design.n))
        if called:
            views.append(view)
        for rule in rules:
            comparisons += _judged(rule, view, policy, compare=rule.compare)[1] if rule.compare else ()
    own = (
        by_functions(called, views, holdout.classes, functions, policy)
        if called and once and functions is not None
        else None
    )
    if own is not None:
        measurements += own.measurements
        comparisons = sorted([*comparisons, *own.comparisons], key=lambda found: found.slice is not None)
    search, confirmations = discovery(holdout, rules, whole, policy) if is_compared else (None, ())
    return Numbers(
        compared=holdout.baseline is not None,
        examples=holdout.n,
        statistics=tuple(found for found in comparisons if isinstance(found, Statistic)),
        undefined=tuple(found for found in comparisons if isinstance(found, NoValue)),
        measurements=tuple(measurements),
        coverage=replace(_coverage(holdout, rules, slices, folded), scores=tuple(scores)),
        fairness=disparities(holdout, policy) if once else None,
        discovery=search,
        confirmations=confirmations,
        changes=changes(whole) if is_compared and once else None,
        functions=own.called if own is not None else (),
    )


def _judged(
    rule: MetricRule, view: View, policy: GatePolicy, *, compare: bool
) -> tuple[Measured | Compared | str, tuple[Statistic | NoValue, ...]]:
    """The candidate's metric on a view, and its comparison where one is asked for."""
    between = paired_outcome(rule, view)
    if between is not None:
        return between, ()
    found = compared(rule, view, policy)
    if found is not None:
        return found, (statistic(rule, view, found, policy),) if compare else ()
    candidate = outcome(rule, view, view.candidate)
    return candidate, (comparison(rule, view, candidate, policy),) if compare else ()


def _coverage(
    holdout: Holdout, rules: Sequence[MetricRule], slices: Sequence[Slice], folded: Sequence[Folded]
) -> Coverage:
    return Coverage(
        task=holdout.task,
        gives=gives(holdout),
        identical=holdout.baseline is not None and holdout.candidate.same_as(holdout.baseline),
        missing=holdout.missing,
        alone=tuple(_alone(lost, rules) for lost in holdout.dropped),
        thinned=tuple(Thinned(slice=name, lost=lost, whole=whole) for name, lost, whole in holdout.thinned),
        slice_columns=tuple(holdout.slices),
        slices=tuple(slices),
        folded=tuple(folded),
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
            yield clipped_note(whose, number)


def clipped_note(whose: str, number: int) -> str:
    """How many probabilities of one model were 0 for what is true."""
    return f"log loss: {count(number)} probabilities of {whose} were 0 for the true class and count as {CLIP:g}"


def _sure_and_wrong(truth: Truth, outputs: Outputs | None) -> int:
    if outputs is None or outputs.scores is None or truth.codes is None:
        return 0
    scores = outputs.scores
    if scores.ndim == 1:
        return int((np.where(truth.is_positive, scores, 1.0 - scores) < CLIP).sum())
    return int((scores[np.arange(len(scores)), truth.codes] < CLIP).sum())
