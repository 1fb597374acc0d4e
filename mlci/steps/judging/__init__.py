"""From numbers and a policy to findings, without a single example: the one path of every verdict of the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlci.domain.evidence import Coverage, Gives, Numbers
from mlci.domain.finding import Finding
from mlci.domain.harness import OwnScore, rules_of, with_direction
from mlci.domain.health import doubts
from mlci.domain.metric import METRICS, Metric, Task, usual
from mlci.domain.operation import is_operational
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.report import Section
from mlci.steps import bare
from mlci.steps.judging import budget
from mlci.steps.judging.anchor import anchored
from mlci.steps.judging.called import as_asked
from mlci.steps.judging.comparisons import comparisons
from mlci.steps.judging.discovery import discoveries
from mlci.steps.judging.fairness import fairness
from mlci.steps.judging.limits import limits
from mlci.steps.judging.limits import own_estimates as own_estimates
from mlci.steps.judging.missing import (
    about_input,
    beyond_this_version,
    fewer_seeds,
    missing_slices,
    present,
    too_little,
    without_baseline,
)
from mlci.steps.judging.operations import operations
from mlci.steps.judging.reversals import reversals
from mlci.steps.judging.sections import sections


@dataclass(frozen=True)
class Judged:
    """Findings in the order of a report, what their rules had to assume, and what is worth knowing beside them."""

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    sections: tuple[Section, ...]


def judge(numbers: Numbers, policy: GatePolicy) -> Judged:
    """Judge what was measured; whoever has the numbers and the policy reaches the same findings.

    What the policy asks and the numbers lack is *inconclusive*, reason ``missing``; what they have beyond it is left.

    Args:
        numbers: what was measured.
        policy: what is asked.
    """
    assumptions: tuple[str, ...] = ()
    if numbers.bare is not None:
        groups = (*fairness(numbers, policy, 1.0), *discoveries(numbers, policy))
        findings = [*bare.judge(numbers.bare, policy), *missing_slices((), policy), *groups]
    elif numbers.coverage is None:
        findings = [too_little()]
    else:
        covered = numbers.coverage
        rules, assumptions = rules_for(covered.task, covered.gives, policy, covered.scores)
        numbers = as_asked(numbers, rules)
        usual = _measured(numbers, covered, rules, policy)
        if policy.holdout is not None:
            spending = _measured(numbers, covered, rules, budget.spent(policy))
            usual = budget.stricter(usual, spending, policy)
        usual += [*reversals(numbers, covered, rules, policy), *discoveries(numbers, policy)]
        findings = [
            *budget.shown([*usual, *anchored(numbers, rules, policy)], policy),
            *about_input(numbers, covered, rules),
            *missing_slices(present(covered, numbers, policy), policy),
        ]
    findings.extend(operations(numbers, policy))
    return Judged(
        (
            *findings,
            *budget.worn(numbers, policy),
            *doubts(numbers.health, policy.baseline_age),
            *fewer_seeds(numbers, policy),
            *beyond_this_version(policy),
            *without_baseline(numbers, policy),
        ),
        assumptions,
        tuple(sections(numbers, policy)),
    )


def _measured(numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule], policy: GatePolicy) -> list[Finding]:
    """What is judged by bounds, at the level of this policy."""
    return [*comparisons(numbers, covered, rules, policy), *limits(numbers, rules, policy)]


def rules_for(
    task: Task | None, gives: Sequence[Gives], policy: GatePolicy, scores: Sequence[OwnScore] = ()
) -> tuple[tuple[MetricRule, ...], tuple[str, ...]]:
    """The policy's rules, else the usual metrics of the task with what that assumes, one sentence each.

    Rules on how a model runs are none of these: whoever asks for latency alone still has its answers judged.

    Args:
        task: the task; one that the policy names goes before it.
        gives: what production gives of each example.
        policy: what is asked.
        scores: what production's file itself calls scores.
    """
    of_answers = tuple(rule for rule in policy.rules if not is_operational(rule.metric))
    if of_answers:
        return tuple(with_direction(rule, scores) for rule in of_answers), ()
    if task is None and scores:
        named = ", ".join(f"{score.name} ({score.better} is better)" for score in scores)
        return tuple(rules_of(scores)), (f"metrics: the file's own scores: {named}", *_usual_tolerance(policy))
    asked = usual(policy.reading.task or task or "regression", has_scores="score" in gives)
    names = [name for name in asked if _is_given(METRICS[name], gives)]
    notes = ("metrics: " + ", ".join(names) + " (name others with --metrics)", *_usual_tolerance(policy))
    return tuple(MetricRule(metric=name) for name in names), notes


def _usual_tolerance(policy: GatePolicy) -> Iterator[str]:
    if policy.tolerance is None:
        yield "tolerance: one point (0.01), or 1 % of production where a metric has no points"


def _is_given(metric: Metric, gives: Sequence[Gives]) -> bool:
    if metric.needs == "label":
        return "label" in gives
    return metric.name != "brier" or "probability" in gives
