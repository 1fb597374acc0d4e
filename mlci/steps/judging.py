"""From numbers and a policy to findings, without a single example: the one path of every verdict of the gate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlci import __version__
from mlci.domain import coverage, gate
from mlci.domain.columns import roles
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Coverage, Gives, Measurement, NoValue, Numbers, Slice, Statistic
from mlci.domain.figures import count, figure
from mlci.domain.finding import Finding
from mlci.domain.metric import METRICS, Metric, Task, metric_named, usual
from mlci.domain.policy import Columns, GatePolicy, MetricRule
from mlci.domain.verdict import Verdict
from mlci.stats.bounds import SHARES, Contrast, Discordance, Paired, Undefined, interval_of
from mlci.stats.multiplicity import holm
from mlci.steps import bare

_NO_BASELINE = (
    "There is no production model to compare with, so only absolute limits were judged. "
    "Name production's predictions with --baseline; without them the first accepted run becomes production."
)
# What distinguishes one comparison of the numbers from every other: metric, slice column, slice.
_Key = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Judged:
    """Findings in the order of a report, and what the rules they follow had to assume."""

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]


def judge(numbers: Numbers, policy: GatePolicy) -> Judged:
    """Judge what was measured; whoever has the numbers and the policy reaches the same findings.

    What the policy asks and the numbers lack is *inconclusive*, reason ``missing``; what they have beyond it is left.

    Args:
        numbers: what was measured.
        policy: what is asked.
    """
    assumptions: tuple[str, ...] = ()
    if numbers.bare is not None:
        findings = [*bare.judge(numbers.bare, policy), *_missing_slices((), policy)]
    elif numbers.coverage is None:
        findings = [_too_little()]
    else:
        rules, assumptions = rules_for(numbers.coverage.task, numbers.coverage.gives, policy)
        findings = [
            *_comparisons(numbers, numbers.coverage, rules, policy),
            *_limits(numbers, rules, policy),
            *_about_input(numbers, numbers.coverage, rules),
            *_missing_slices(_present(numbers.coverage, numbers, policy), policy),
        ]
    return Judged((*findings, *_beyond_this_version(policy), *_without_baseline(numbers, policy)), assumptions)


def rules_for(
    task: Task | None, gives: Sequence[Gives], policy: GatePolicy
) -> tuple[tuple[MetricRule, ...], tuple[str, ...]]:
    """The policy's rules, else the usual metrics of the task with what that assumes, one sentence each.

    Args:
        task: the task; one that the policy names goes before it.
        gives: what production gives of each example.
        policy: what is asked.
    """
    if policy.rules:
        return policy.rules, ()
    asked = usual(policy.reading.task or task or "regression", has_scores="score" in gives)
    names = [name for name in asked if _is_given(METRICS[name], gives)]
    notes = ["metrics: " + ", ".join(names) + " (name others with --metrics)"]
    if policy.tolerance is None:
        notes.append("tolerance: one point (0.01), or 1 % of production where a metric has no points")
    return tuple(MetricRule(metric=name) for name in names), tuple(notes)


def _is_given(metric: Metric, gives: Sequence[Gives]) -> bool:
    if metric.needs == "label":
        return "label" in gives
    return metric.name != "brier" or "probability" in gives


# Comparisons, on all examples and on every slice.


def _comparisons(
    numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule], policy: GatePolicy
) -> Iterator[Finding]:
    if not (numbers.compared and policy.compare):
        return
    known = _by_key(numbers)
    asked = [rule for rule in rules if rule.compare]
    overall = [_estimate(rule, None, known, policy) for rule in asked]
    pairs = [
        (rule, slice_)
        for slice_ in covered.slices
        if _is_asked(slice_.column, policy)
        for rule in asked
        if _key(rule, None) in known
    ]
    sliced = [_estimate(rule, slice_, known, policy) for rule, slice_ in pairs]
    shares = gate.error_shares(overall, policy, sliced=bool(sliced))
    estimates = _corrected(overall, shares.overall)
    if covered.identical:
        estimates = [replace(each, method=gate.IDENTICAL, discordant=0) for each in estimates]
    of_slices = _corrected(sliced, shares.slices)
    looks = sum(each.undefined is None for each in of_slices) / shares.slices if sliced else 0.0
    for rule, each in zip(asked, estimates, strict=True):
        yield gate.compare_overall(each, policy) if _key(rule, None) in known else _not_measured(each, "compare")
    for (rule, slice_), each in zip(pairs, of_slices, strict=True):
        there = _key(rule, slice_) in known
        yield gate.compare_slice(each, policy, looks) if there else _not_measured(each, "compare")


def _is_asked(column: str, policy: GatePolicy) -> bool:
    """Whether policy declares slices by this column, or its name does."""
    return column in policy.slices.columns or bool(roles((column,), Columns()).slices)


def _by_key(numbers: Numbers) -> dict[_Key, Statistic | NoValue]:
    every: list[Statistic | NoValue] = [*numbers.statistics, *numbers.undefined]
    return {(each.metric, each.slice_column, each.slice): each for each in every}


def _key(rule: MetricRule, slice_: Slice | None) -> _Key:
    name = metric_named(rule.metric).name
    return (name, None, None) if slice_ is None else (name, slice_.column, slice_.name)


def _estimate(
    rule: MetricRule, slice_: Slice | None, known: dict[_Key, Statistic | NoValue], policy: GatePolicy
) -> Estimate:
    metric = metric_named(rule.metric, rule.better)
    tolerance = gate.tolerance_for(metric, rule, policy, sliced=slice_ is not None)
    found = known.get(_key(rule, slice_))
    blank = Estimate(
        metric=metric,
        n=found.n if found is not None else slice_.n if slice_ is not None else 0,
        slice=slice_.name if slice_ is not None else None,
        margin=tolerance.value,
        relative=tolerance.relative,
    )
    if found is None:
        return replace(blank, undefined="it was not measured")
    if isinstance(found, NoValue) and found.unknown:
        return replace(blank, undefined=found.why)
    if metric.needs == "column" and rule.better is None:
        return replace(blank, undefined="say which way it is better: better: higher or lower")
    if isinstance(found, NoValue):
        return replace(blank, undefined=found.why)
    try:
        return _filled(blank, found, policy)
    except Undefined as error:
        return replace(blank, undefined=str(error))


def _filled(blank: Estimate, found: Statistic, policy: GatePolicy) -> Estimate:
    metric = blank.metric
    result = _contrast(metric, found, policy, relative=blank.relative)
    has_error = not math.isnan(result.standard_error)
    return replace(
        blank,
        candidate=result.candidate,
        candidate_interval=_interval(metric, _own(found), policy),
        baseline=result.baseline,
        difference=result.difference,
        standard_error=result.standard_error if has_error else None,
        interval=(result.low, result.high) if result.bounded else None,
        p_worse=result.p_worse,
        method=result.method,
        discordant=found.differing,
        smallest_class=found.smallest_class,
        clusters=found.groups,
        effective_clusters=found.size if found.groups is not None else None,
        effective_n=found.effective_n,
        detectable=result.detectable(policy.confidence) if has_error and result.standard_error > 0 else None,
        rows_needed=result.rows_needed(policy.confidence, blank.margin or 0.0) if has_error else None,
    )


def _contrast(metric: Metric, found: Statistic, policy: GatePolicy, *, relative: bool) -> Contrast:
    discordance = Discordance(found.gained, found.lost)
    if metric.needs == "column" and found.better not in (None, metric.better):
        discordance = Discordance(found.lost, found.gained)
    pair = Paired(
        candidate=found.candidate,
        baseline=found.baseline,
        plain_error=_or_nan(found.plain_error),
        log_error=_or_nan(found.log_error),
        size=found.size,
        discordance=discordance,
        n=found.n,
        simple=_is_simple(found),
        clustered=found.groups is not None,
    )
    return pair.contrast(
        policy.confidence, higher_is_better=metric.better == "higher", relative=relative, is_share=metric.name in SHARES
    )


def _is_simple(found: Statistic | Measurement) -> bool:
    """Independent examples of equal weight."""
    return found.groups is None and found.effective_n is None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _own(found: Statistic) -> Measurement:
    """The candidate's part of a comparison."""
    return Measurement(
        metric=found.metric or "",
        value=found.candidate,
        standard_error=found.own_error,
        size=found.own_size,
        smallest_class=found.own_class,
        n=found.n,
        groups=found.groups,
        effective_n=found.effective_n,
    )


def _interval(metric: Metric, own: Measurement, policy: GatePolicy) -> tuple[float, float] | None:
    return interval_of(
        own.value or 0.0,
        _or_nan(own.standard_error),
        own.n if own.size is None else own.size,
        own.n,
        policy.confidence,
        exact=metric.name in SHARES and _is_simple(own),
        support=own.smallest_class,
        low=metric.low,
        high=metric.high,
    )


def _corrected(estimates: list[Estimate], share: float) -> list[Estimate]:
    """Holm's correction over everything of one family that has a p-value, at the family's share of the error rate."""
    defined = [index for index, each in enumerate(estimates) if each.p_worse is not None]
    adjusted = holm([estimates[index].p_worse or 0.0 for index in defined])
    corrected = list(estimates)
    for index, p_value in zip(defined, adjusted, strict=True):
        corrected[index] = replace(estimates[index], p_adjusted=min(1.0, p_value / share))
    return corrected


# Absolute limits, on the candidate alone.


def _limits(numbers: Numbers, rules: Sequence[MetricRule], policy: GatePolicy) -> Iterator[Finding]:
    own = {each.metric: each for each in numbers.measurements}
    for rule in rules:
        metric = metric_named(rule.metric, rule.better)
        found = own.get(metric.name)
        for limit, lower in ((rule.minimum, True), (rule.maximum, False)):
            if limit is None:
                continue
            if found is None:
                blank = Estimate(metric=metric, n=numbers.examples or 0, undefined="it was not measured")
                judged = gate.threshold(blank, policy, limit, lower=lower)
                yield _not_measured(blank, judged.rule, limit)
            else:
                yield gate.threshold(_own_estimate(metric, found, policy), policy, limit, lower=lower)


def own_estimates(numbers: Numbers, policy: GatePolicy) -> list[Estimate]:
    """The candidate by itself on all examples: every metric that was measured, with its interval where it has one."""
    return [_own_estimate(metric_named(found.metric), found, policy) for found in numbers.measurements]


def _own_estimate(metric: Metric, found: Measurement, policy: GatePolicy) -> Estimate:
    blank = Estimate(metric=metric, n=found.n)
    if found.value is None:
        return replace(blank, undefined=found.undefined or "it has no value")
    interval = _interval(metric, found, policy)
    return replace(blank, candidate=found.value, candidate_interval=interval, smallest_class=found.smallest_class)


# What was asked and is not there.


def _not_measured(estimate: Estimate, kind: str, limit: float | None = None) -> Finding:
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


def _too_little() -> Finding:
    return coverage.listed(
        "input",
        "numbers",
        "missing",
        Verdict.INCONCLUSIVE,
        "the evidence does not carry the numbers to judge again",
        "It does not say what was compared of the holdout, so nothing can be concluded from it. "
        "Run gate-compare again with this version.",
    )


def _about_input(numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule]) -> Iterator[Finding]:
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


def _present(covered: Coverage, numbers: Numbers, policy: GatePolicy) -> tuple[str, ...]:
    """Slice columns of the holdout; where there was a comparison, those that it was made on."""
    if not (numbers.compared and policy.compare):
        return covered.slice_columns
    compared = {each.column for each in covered.slices}
    return tuple(column for column in covered.slice_columns if column in compared)


def _missing_slices(present: Sequence[str], policy: GatePolicy) -> Iterator[Finding]:
    for name in policy.slices.columns:
        if name not in present:
            yield coverage.listed(
                "input",
                f"slice {name}",
                "missing",
                Verdict.INCONCLUSIVE,
                f"slice column {name} is not in production's file",
                f"Policy declares slices by {name}, and production's file, which says what the holdout is, has no such "
                "column. Write the column beside production's predictions, or take it out of the policy.",
            )


def _beyond_this_version(policy: GatePolicy) -> Iterator[Finding]:
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


def _without_baseline(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    if not numbers.compared and policy.compare:
        yield coverage.listed(
            "policy",
            "baseline",
            "no-baseline",
            Verdict.WARN,
            "no baseline: nothing was compared with production",
            _NO_BASELINE,
        )
