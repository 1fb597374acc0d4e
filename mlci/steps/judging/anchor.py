"""Comparisons with the anchor, from the numbers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlci.domain import anchor, gate
from mlci.domain.evidence import Numbers
from mlci.domain.finding import Finding
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.steps.judging.comparisons import by_key, estimate_of


def anchored(numbers: Numbers, rules: Sequence[MetricRule], policy: GatePolicy) -> Iterator[Finding]:
    """Every compared metric against the anchor, where there is one that is not production itself."""
    if numbers.anchor is None or not (numbers.compared and policy.compare):
        return
    if not numbers.anchor.same_holdout:
        yield anchor.elsewhere()
        return
    asked = [_rule(rule, policy) for rule in rules if rule.compare]
    known = by_key([*numbers.anchor.statistics, *numbers.anchor.undefined])
    confidence = anchor.confidence(policy, len(asked))
    level = replace(policy, confidence=confidence)
    for rule in asked:
        yield anchor.compare(estimate_of(rule, None, known, level), confidence)


def _rule(rule: MetricRule, policy: GatePolicy) -> MetricRule:
    of_metric = gate.tolerance_for(metric_named(rule.metric, rule.better), rule, policy)
    return replace(rule, tolerance=anchor.tolerance(of_metric, policy), improvement=None)
