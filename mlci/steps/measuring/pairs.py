"""One rule on one view: both models compared, and the candidate alone, as numbers."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain import gate
from mlci.domain.evidence import Measurement, NoValue, Statistic
from mlci.domain.metric import METRICS, Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.stats.bounds import Contrast, Discordance, Paired
from mlci.stats.comparing import Compared
from mlci.stats.facts import is_share, leans_on
from mlci.stats.influence import Undefined
from mlci.stats.measure import Measured, Outputs, Truth, measure
from mlci.stats.paired import discordance_of, own_error, own_freedom, paired, pieces_of
from mlci.stats.queries import is_query_metric
from mlci.steps.measuring.views import View

# In units of what bins may cost: further from every boundary than this, no verdict depends on them.
_FAR = 10


def outcome(rule: MetricRule, view: View, outputs: Outputs | None) -> Measured | str:
    """One model's metric on a view, or why it has none."""
    name = metric_named(rule.metric).name
    if is_query_metric(name) and view.cuts_groups:
        return "this slice cuts queries apart; slice by what is the same throughout a query"
    try:
        return measure(name, view.truth, outputs or Outputs(), view.design.weights, view.design.clusters)
    except Undefined as error:
        return str(error)


def compared(rule: MetricRule, view: View, policy: GatePolicy) -> Compared | None:
    """Both models' metric from aggregates; None where examples are weighted or grouped, or these give it no value."""
    if view.both is None:
        return None
    metric = metric_named(rule.metric, rule.better)
    rising = metric.better == "higher"
    limited = rule.minimum is not None or rule.maximum is not None or rule.improvement is not None
    found = view.both.compared(metric.name, rising=rising, exact=limited or not rule.compare)
    if found is not None and found.pair.plain_off and _is_near(rule, view, found.pair, policy):
        return view.both.compared(metric.name, rising=rising)
    return found


def _is_near(rule: MetricRule, view: View, pair: Paired, policy: GatePolicy) -> bool:
    """Whether what bins cost is much beside the distance to a boundary: the scores are then sorted after all."""
    metric = metric_named(rule.metric, rule.better)
    tolerance = gate.tolerance_for(metric, rule, policy, sliced=view.name is not None)
    try:
        result = _contrast(metric, pair, policy, relative=tolerance.relative)
    except Undefined:
        return True
    reach = _FAR * result.off
    edges = (result.low, result.high, result.difference)
    return any(abs(abs(edge) - limit) <= reach for edge in edges for limit in (tolerance.value, 0.0))


def comparison(rule: MetricRule, view: View, candidate: Measured | str, policy: GatePolicy) -> Statistic | NoValue:
    """Both models' metric from every example's influence, the candidate's given."""
    metric = metric_named(rule.metric, rule.better)
    stranger = unknown(metric, view)
    whose = "" if view.name is not None else "the candidate: "
    if stranger is not None or isinstance(candidate, str):
        return no_value(metric, view, stranger or f"{whose}{candidate}", unknown=stranger is not None)
    baseline = outcome(rule, view, view.baseline)
    if isinstance(baseline, str):
        return no_value(metric, view, baseline if view.name is not None else f"production: {baseline}")
    gain = gain_of(metric, candidate, baseline)
    discordance = discordance_of(gain)
    found = Compared(
        pair=paired(candidate.score, baseline.score, view.design, discordance, pieces_of(gain, view.design)),
        own_error=own_error(candidate.score, view.design),
        own_size=view.design.size_of(candidate.score),
        own_freedom=own_freedom(candidate.score, view.design),
        differing=_differing(metric, view, discordance),
        smallest_class=_rarest(metric, view.truth, (view.candidate, view.baseline)),
        own_class=_rarest(metric, view.truth, (view.candidate,)),
    )
    return statistic(rule, view, found, policy)


def no_value(metric: Metric, view: View, why: str, *, unknown: bool = False) -> NoValue:
    """A comparison without a value."""
    return NoValue(
        metric=metric.name, slice_column=view.column, slice=view.name, n=view.design.n, why=why, unknown=unknown
    )


@np.errstate(over="ignore")
def gain_of(metric: Metric, candidate: Measured, baseline: Measured) -> NDArray[Any]:
    """How much better the candidate is on each example, shape (n,)."""
    gain: NDArray[Any] = candidate.goodness - baseline.goodness
    # A user's column is compared as it is; its goodness is its value, which may be better when lower.
    return -gain if metric.needs == "column" and metric.better == "lower" else gain


def _differing(metric: Metric, view: View, discordance: Discordance) -> int:
    """On how many examples the two differ as far as the metric can see: two wrong labels may well differ."""
    labels, others = view.candidate.labels, None if view.baseline is None else view.baseline.labels
    if metric.needs != "label" or is_share(metric.name) or labels is None or others is None:
        return discordance.total
    return int(np.count_nonzero(labels != others))


def statistic(rule: MetricRule, view: View, found: Compared, policy: GatePolicy) -> Statistic | NoValue:
    """The comparison on the scale that policy asks for; on the other where only that one has a value."""
    metric, pair = metric_named(rule.metric, rule.better), found.pair
    relative = gate.tolerance_for(metric, rule, policy, sliced=view.name is not None).relative
    try:
        result, relative = _on_either(metric, pair, policy, relative=relative)
    except Undefined as error:
        return no_value(metric, view, str(error))
    design = view.design
    return Statistic(
        id=gate.finding_id("compare", metric.name, view.name),
        candidate=pair.candidate,
        baseline=pair.baseline,
        difference=result.difference,
        standard_error=number(result.standard_error),
        size=pair.size,
        gained=pair.discordance.gained,
        lost=pair.discordance.lost,
        differing=found.differing,
        n=design.n,
        groups=design.groups,
        smallest_class=found.smallest_class,
        method=result.method,
        relative=relative,
        metric=metric.name,
        slice_column=view.column,
        slice=view.name,
        better=metric.better,
        plain_error=number(pair.plain_error),
        log_error=number(pair.log_error),
        freedom=number(pair.freedom),
        log_freedom=number(pair.log_freedom),
        plain_off=pair.plain_off or None,
        log_off=pair.log_off or None,
        effective_n=design.effective_n,
        own_error=number(found.own_error),
        own_size=found.own_size,
        own_freedom=found.own_freedom,
        own_class=found.own_class,
        blocks=pair.blocks,
    )


def _on_either(metric: Metric, pair: Paired, policy: GatePolicy, *, relative: bool) -> tuple[Contrast, bool]:
    """The contrast, and whether it is on the ratio scale.

    Raises:
        Undefined: neither scale has one.
    """
    try:
        return _contrast(metric, pair, policy, relative=relative), relative
    except Undefined as asked:
        try:
            return _contrast(metric, pair, policy, relative=not relative), not relative
        except Undefined:
            raise asked from None


def _contrast(metric: Metric, pair: Paired, policy: GatePolicy, *, relative: bool) -> Contrast:
    return pair.contrast(
        policy.confidence,
        higher_is_better=metric.better == "higher",
        relative=relative,
        is_share=is_share(metric.name),
    )


def measurement(rule: MetricRule, outcome: Measured | Compared | str, view: View) -> Measurement:
    """The candidate alone."""
    metric, design = metric_named(rule.metric, rule.better), view.design
    if isinstance(outcome, str):
        return Measurement(metric=metric.name, n=design.n, undefined=unknown(metric, view) or outcome)
    if isinstance(outcome, Compared):
        return Measurement(
            metric=metric.name,
            value=outcome.pair.candidate,
            standard_error=number(outcome.own_error),
            size=outcome.own_size,
            freedom=outcome.own_freedom,
            smallest_class=outcome.own_class,
            n=design.n,
        )
    return Measurement(
        metric=metric.name,
        value=outcome.score.value,
        standard_error=number(own_error(outcome.score, design)),
        size=design.size_of(outcome.score),
        freedom=own_freedom(outcome.score, design),
        smallest_class=_rarest(metric, view.truth, (view.candidate,)),
        n=design.n,
        groups=design.groups,
        effective_n=design.effective_n,
    )


def number(value: float) -> float | None:
    """A number as evidence has it: absent where it is none."""
    return None if math.isnan(value) else value


def _rarest(metric: Metric, truth: Truth, outputs: Sequence[Outputs | None]) -> int | None:
    """How many examples there are of the rarest kind that the metric leans on; None where it leans on all."""
    if truth.positive is None or truth.codes is None:
        return None
    positives = int(truth.is_positive.sum())
    counts = {"positive": [positives], "negative": [len(truth.codes) - positives]}
    kinds = leans_on(metric.name)
    if "called positive" in kinds or "called negative" in kinds:
        labels = [each.labels for each in outputs if each is not None and each.labels is not None]
        counts["called positive"] = [int((each == truth.positive).sum()) for each in labels]
        counts["called negative"] = [int((each == 1 - truth.positive).sum()) for each in labels]
    return min((number for kind in kinds for number in counts[kind]), default=None)


def unknown(metric: Metric, view: View) -> str | None:
    """Say that a name is neither a metric nor a column, and what may have been meant."""
    if metric.needs != "column" or metric.name in view.candidate.columns:
        return None
    close = difflib.get_close_matches(metric.name, [*METRICS, *view.candidate.columns], n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"{metric.name} is neither a metric nor a numeric column of the candidate's file{meant}"
