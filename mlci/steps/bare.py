"""Bare metrics of whole models: points without examples, and so without a proof."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from mlci.domain import gate
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import BareMetrics
from mlci.domain.finding import Finding
from mlci.domain.metric import Metric, known_metric, metric_named
from mlci.domain.operation import is_operational
from mlci.domain.policy import GatePolicy, MetricRule


def rules_for(metrics: BareMetrics, policy: GatePolicy) -> tuple[MetricRule, ...]:
    """The policy's rules, else every metric known to mlci that both models have.

    How a model runs is no bare number: two latencies that were not measured in turns say nothing of each other.
    """
    others = metrics.candidate if metrics.baseline is None else metrics.baseline
    common = [name for name in metrics.candidate if name in others]
    asked = tuple(rule for rule in policy.rules if not is_operational(rule.metric))
    known = (name for name in common if known_metric(name) is not None and not is_operational(name))
    return asked or tuple(MetricRule(metric=name) for name in known)


def judge(metrics: BareMetrics, policy: GatePolicy) -> Iterator[Finding]:
    """Compare two models, and hold one against its limits, by numbers that nobody can check: never a pass."""
    rules = rules_for(metrics, policy)
    if metrics.baseline is not None and policy.compare:
        yield from (_comparison(rule, metrics.candidate, metrics.baseline, policy) for rule in rules if rule.compare)
    for rule in rules:
        yield from _limits(rule, metrics.candidate, policy)


def _comparison(rule: MetricRule, mine: dict[str, float], production: dict[str, float], policy: GatePolicy) -> Finding:
    metric = metric_named(rule.metric, rule.better)
    gain = rule.improvement
    tolerance = gate.tolerance_for(metric, rule, policy)
    candidate, baseline = mine.get(rule.metric), production.get(rule.metric)
    if candidate is None or baseline is None:
        whose = "the candidate" if candidate is None else "production"
        return replace(_undefined(metric, f"the metrics of {whose} have it not", policy), reason="missing")
    difference = candidate - baseline
    relative = (gain or tolerance).relative
    if relative:
        if baseline <= 0:
            return _undefined(metric, "a relative tolerance needs a positive value of production", policy)
        difference /= baseline
    if not math.isfinite(difference):
        return _undefined(metric, "the numbers are too large to compare", policy)
    estimate = Estimate(
        metric=metric,
        n=0,
        margin=tolerance.value if gain is None else None,
        improvement=None if gain is None else gain.value,
        relative=relative,
        candidate=candidate,
        baseline=baseline,
        difference=difference,
        method="two bare numbers",
    )
    return replace(gate.unverified(estimate, policy), n=None)


def _undefined(metric: Metric, why: str, policy: GatePolicy) -> Finding:
    return replace(gate.compare_overall(Estimate(metric=metric, n=0, undefined=why), policy), n=None)


def _limits(rule: MetricRule, values: dict[str, float], policy: GatePolicy) -> Iterator[Finding]:
    value = values.get(rule.metric)
    undefined = None if value is not None else "it is not among the candidate's metrics"
    estimate = Estimate(metric=metric_named(rule.metric, rule.better), n=0, candidate=value, undefined=undefined)
    for limit, lower in ((rule.minimum, True), (rule.maximum, False)):
        if limit is not None:
            found = gate.threshold(estimate, policy, limit, lower=lower)
            yield replace(gate.unverified_limit(found, policy), n=None)
