"""What was asked and is not there: examples, predictions, slices, rules, a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from mlci import __version__
from mlci.domain import coverage, gate
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Coverage, Numbers
from mlci.domain.figures import count, figure
from mlci.domain.finding import Finding
from mlci.domain.metric import Metric
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.verdict import Verdict

_NO_BASELINE = (
    "There is no production model to compare with, so only absolute limits were judged. "
    "Name production's predictions with --baseline; without them the first accepted run of the default branch becomes "
    "production."
)


def not_measured(estimate: Estimate, kind: str, limit: float | None = None) -> Finding:
    metric = estimate.metric
    return Finding(
        id=gate.finding_id(kind, metric.name, estimate.slice),
        rule="compare" if limit is None else "minimum" if kind == "minimum" else "maximum",
        verdict=Verdict.INCONCLUSIVE,
        reason="missing",
        message=f"{estimate.title} is asked for and is not among the numbers that were measured",
        explanation=(
            f"Policy asks for {metric.title}, and the run that measured the two models left it out. "
            "Run gate-compare again with the present policy."
        ),
        metric=metric.name,
        slice=estimate.slice,
        better=metric.better,
        limit=limit,
    )


def without_production(metric: Metric, limit: float, numbers: Numbers, *, lower: bool) -> Finding:
    """A limit on how much changed, where there is nothing yet that could have changed."""
    kind: Literal["minimum", "maximum"] = "minimum" if lower else "maximum"
    return Finding(
        id=gate.finding_id(kind, metric.name),
        rule=kind,
        verdict=Verdict.WARN,
        reason="no-baseline",
        message=f"{metric.name} compares with production, and there is no production model",
        explanation=_NO_BASELINE,
        metric=metric.name,
        better=metric.better,
        limit=limit,
        n=numbers.examples,
    )


def too_little() -> Finding:
    return coverage.listed(
        "input",
        "numbers",
        "missing",
        Verdict.INCONCLUSIVE,
        "the evidence does not carry the numbers to judge again",
        "It does not say what was compared of the holdout, so nothing can be concluded from it. "
        "Run gate-compare again with this version.",
    )


def about_input(numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule]) -> Iterator[Finding]:
    n = numbers.examples or 0
    only_candidate, only_baseline = (*(alone.rows for alone in covered.alone), 0, 0)[:2]
    for found in (
        coverage.lost_predictions(*covered.missing, n),
        coverage.dropped(only_candidate, only_baseline, n, _on_dropped(covered, rules)),
        *(coverage.thinned(each.slice, each.lost, each.whole) for each in covered.thinned),
    ):
        if found is not None:
            yield found


def _on_dropped(covered: Coverage, rules: Sequence[MetricRule]) -> str:
    """How each model did on the examples only it was scored on, by the first rule that has a value there."""
    notes = ""
    for whose, alone in zip(("the candidate", "production"), covered.alone, strict=False):
        for rule in rules if alone.rows else ():
            value = alone.values.get(rule.metric)
            if value is not None:
                notes += f"; {rule.metric} of {whose} on its own {count(alone.rows)} examples {figure(value)}"
                break
    return notes


def present(covered: Coverage, numbers: Numbers, policy: GatePolicy) -> tuple[str, ...]:
    """Slice columns of the holdout; where there was a comparison, those that it was made on."""
    if not (numbers.compared and policy.compare):
        return covered.slice_columns
    compared = {each.column for each in covered.slices}
    return tuple(column for column in covered.slice_columns if column in compared)


def missing_slices(present: Sequence[str], policy: GatePolicy) -> Iterator[Finding]:
    for name in policy.slices.columns:
        if name not in present:
            yield coverage.absent_slices(name)


def fewer_seeds(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    """Policy asks about the recipe, and there are fewer models of it than it asks for: one may be a lucky one."""
    there = 1 if numbers.recipe is None else numbers.recipe.seeds
    if numbers.compared and policy.compare and there < policy.seeds:
        yield coverage.listed(
            "input",
            "seeds",
            "missing",
            Verdict.INCONCLUSIVE,
            f"{policy.seeds} seeds are asked for, and there {'is one' if there == 1 else f'are {there}'}",
            f"Policy sets train.seeds to {policy.seeds}, so that the way of training is judged and no lucky model. "
            "Let model-ci train with as many and judge the folder that it leaves.",
        )


def beyond_this_version(policy: GatePolicy) -> Iterator[Finding]:
    for name in policy.unsupported:
        yield coverage.listed(
            "policy",
            name,
            "unsupported",
            Verdict.INCONCLUSIVE,
            f"{name} is asked for and this version cannot judge it",
            f"The policy names {name}, which mlci {__version__} does not judge. "
            "Take it out of the policy, or use a version that judges it; it is not passed over in silence.",
        )


def without_baseline(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    if not numbers.compared and policy.compare:
        yield coverage.listed(
            "policy",
            "baseline",
            "no-baseline",
            Verdict.WARN,
            "no baseline: nothing was compared with production",
            _NO_BASELINE,
        )
