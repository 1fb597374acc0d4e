"""Absolute limits, on the candidate alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlci.domain import gate
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Measurement, Numbers
from mlci.domain.finding import Finding
from mlci.domain.metric import Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.steps.judging.missing import not_measured, without_production
from mlci.steps.judging.own import interval


def limits(numbers: Numbers, rules: Sequence[MetricRule], policy: GatePolicy) -> Iterator[Finding]:
    own = {each.metric: each for each in numbers.measurements}
    for rule in rules:
        metric = metric_named(rule.metric, rule.better)
        found = own.get(metric.name)
        for limit, lower in ((rule.minimum, True), (rule.maximum, False)):
            if limit is None:
                continue
            if metric.paired and not numbers.compared:
                yield without_production(metric, limit, numbers, lower=lower)
            elif found is None:
                blank = Estimate(metric=metric, n=numbers.examples or 0, undefined="it was not measured")
                judged = gate.threshold(blank, policy, limit, lower=lower)
                yield not_measured(blank, judged.rule, limit)
            else:
                yield gate.threshold(_own_estimate(metric, found, policy), policy, limit, lower=lower)


def own_estimates(numbers: Numbers, policy: GatePolicy) -> list[Estimate]:
    """The candidate by itself on all examples: every metric that was measured, with its interval where it has one."""
    return [_own_estimate(metric_named(found.metric), found, policy) for found in numbers.measurements]


def _own_estimate(metric: Metric, found: Measurement, policy: GatePolicy) -> Estimate:
    blank = Estimate(metric=metric, n=found.n)
    if found.value is None:
        return replace(blank, undefined=found.undefined or "it has no value")
    between = interval(metric, found, policy)
    return replace(blank, candidate=found.value, candidate_interval=between, smallest_class=found.smallest_class)
