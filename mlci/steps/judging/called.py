"""Numbers that a function of the user's gave, held against the function that policy names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlci.domain.evidence import Numbers
from mlci.domain.metric import metric_named
from mlci.domain.policy import MetricRule


def as_asked(numbers: Numbers, rules: Sequence[MetricRule]) -> Numbers:
    """The numbers without those of a metric that was measured by another function than policy names, or by none.

    What is then missing is said as for any metric that was not measured; nobody calls a function to judge again.
    """
    called = {each.metric: each.call for each in numbers.functions}
    asked = {metric_named(rule.metric).name: rule.call for rule in rules}
    other = {metric for metric, call in asked.items() if call != called.get(metric)}
    if not other:
        return numbers
    anchor = numbers.anchor
    if anchor is not None:
        statistics = tuple(each for each in anchor.statistics if each.metric not in other)
        undefined = tuple(each for each in anchor.undefined if each.metric not in other)
        anchor = replace(anchor, statistics=statistics, undefined=undefined)
    return replace(
        numbers,
        anchor=anchor,
        statistics=tuple(each for each in numbers.statistics if each.metric not in other),
        undefined=tuple(each for each in numbers.undefined if each.metric not in other),
        measurements=tuple(each for each in numbers.measurements if each.metric not in other),
    )
