"""Scores of single questions that another evaluation harness wrote beside its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mlci.domain.figures import Better
from mlci.domain.metric import known_metric, normalise
from mlci.domain.policy import MetricRule


@dataclass(frozen=True, kw_only=True)
class OwnScore:
    """A column of scores that the harness calls one, so that it is judged where policy names no metric."""

    name: str = field(metadata={"help": "Name of the column."})
    better: Better = field(metadata={"help": "Which way it is better by the harness's own convention."})


def rules_of(scores: Sequence[OwnScore]) -> Iterator[MetricRule]:
    """The rules that hold where policy names no metric: the mean of each score, the way its harness means it."""
    for score in scores:
        yield MetricRule(metric=score.name, better=score.better)


def with_direction(rule: MetricRule, scores: Sequence[OwnScore]) -> MetricRule:
    """A rule on a column that policy gives no direction, with the direction that the harness gives it."""
    if rule.better is not None or known_metric(normalise(rule.metric)) is not None:
        return rule
    better = next((score.better for score in scores if score.name == rule.metric), None)
    return replace(rule, better=better)
