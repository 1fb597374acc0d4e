"""Comparisons with production, on all examples and on every slice, corrected for how many there are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlci.domain import anchor, coverage, gate
from mlci.domain.columns import roles
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Coverage, Measurement, NoValue, Numbers, Slice, Statistic
from mlci.domain.finding import Finding
from mlci.domain.metric import Metric, metric_named
from mlci.domain.policy import Columns, GatePolicy, MetricRule
from mlci.stats.bounds import Contrast, Discordance, Paired, Undefined
from mlci.stats.facts import is_share
from mlci.stats.multiplicity import holm
from mlci.steps.judging.fairness import fairness, fairness_is_asked
from mlci.steps.judging.missing import not_measured
from mlci.steps.judging.own import freedom, interval, is_simple, or_nan
from mlci.steps.judging.recipe import for_recipe

# What distinguishes one comparison of the numbers from every other: metric, slice column, slice.
Key = tuple[str | None, str | None, str | None]


def comparisons(
    numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule], policy: GatePolicy
) -> Iterator[Finding]:
    if not (numbers.compared and policy.compare):
        yield from fairness(numbers, policy, 1.0)
        return
    known = by_key([*numbers.statistics, *numbers.undefined])
    asked = [rule for rule in rules if rule.compare]
    overall = [for_recipe(estimate_of(rule, None, known, policy), numbers, policy) for rule in asked]
    pairs = [
        (rule, slice_)
        for slice_ in covered.slices
        if is_asked(slice_.column, policy)
        for rule in asked
        if _key(rule, None) in known
    ]
    sliced = [estimate_of(rule, slice_, known, policy) for rule, slice_ in pairs]
    kept = 1.0 if numbers.anchor is None else 1.0 - anchor.SHARE
    shares = gate.error_shares(
        overall, policy, sliced=bool(sliced), fairness=fairness_is_asked(numbers, policy), kept=kept
    )
    estimates = corrected(overall, shares.overall)
    if covered.identical and numbers.recipe is None:
        estimates = [replace(each, method=gate.IDENTICAL, discordant=0) for each in estimates]
    of_slices = corrected(sliced, shares.slices)
    looks = sum(each.undefined is None for each in of_slices) / shares.slices if sliced else 0.0
    for rule, each in zip(asked, estimates, strict=True):
        yield gate.compare_overall(each, policy) if _key(rule, None) in known else not_measured(each, "compare")
    for (rule, slice_), each in zip(pairs, of_slices, strict=True):
        there = _key(rule, slice_) in known
        yield gate.compare_slice(each, policy, looks) if there else not_measured(each, "compare")
    yield from _left_out(covered, policy, looks)
    yield from fairness(numbers, policy, shares.fairness)


def _left_out(covered: Coverage, policy: GatePolicy, looks: float) -> Iterator[Finding]:
    """Slices of a column with too many; where proof is asked of each, what was not looked at is never set aside."""
    for folded in covered.folded:
        if is_asked(folded.column, policy):
            compared = sum(slice_.column == folded.column for slice_ in covered.slices)
            hopeless = bool(2.0**-folded.largest * max(1.0, looks) >= 1 - policy.confidence)
            yield coverage.left_out(folded, compared, too_small=hopeless and policy.slices.require == "harm")


def is_asked(column: str, policy: GatePolicy) -> bool:
    """Whether policy declares slices by this column, or its name does."""
    return column in policy.slices.columns or bool(roles((column,), Columns()).slices)


def by_key(every: Sequence[Statistic | NoValue]) -> dict[Key, Statistic | NoValue]:
    """The numbers of comparisons by what distinguishes each from all others."""
    return {(each.metric, each.slice_column, each.slice): each for each in every}


def _key(rule: MetricRule, slice_: Slice | None) -> Key:
    name = metric_named(rule.metric).name
    return (name, None, None) if slice_ is None else (name, slice_.column, slice_.name)


def estimate(rule: MetricRule, found: Statistic, policy: GatePolicy) -> Estimate:
    """What one comparison on a slice says, on the scale and against the margin of policy."""
    slice_ = Slice(column=found.slice_column or "", name=found.slice or "", n=found.n)
    return estimate_of(rule, slice_, {_key(rule, slice_): found}, policy)


def estimate_of(
    rule: MetricRule, slice_: Slice | None, known: dict[Key, Statistic | NoValue], policy: GatePolicy
) -> Estimate:
    """One comparison at the policy's level of confidence, with the margin that the rule or the policy says.

    Args:
        rule: which metric.
        slice_: which examples; None for all.
        known: what was measured.
        policy: says level and margin.
    """
    metric = metric_named(rule.metric, rule.better)
    gain = rule.improvement if slice_ is None else None
    tolerance = gate.tolerance_for(metric, rule, policy, sliced=slice_ is not None)
    found = known.get(_key(rule, slice_))
    blank = Estimate(
        metric=metric,
        n=found.n if found is not None else slice_.n if slice_ is not None else 0,
        slice=slice_.name if slice_ is not None else None,
        margin=tolerance.value if gain is None else None,
        improvement=None if gain is None else gain.value,
        relative=(gain or tolerance).relative,
    )
    if found is None:
        return replace(blank, undefined="it was not measured")
    if not metric.sided:
        return replace(blank, undefined="it has no better side; ask for a min and a max of it")
    if isinstance(found, NoValue) and found.unknown:
        return replace(blank, undefined=found.why)
    if metric.needs == "column" and rule.better is None:
        place = f"validation.metrics.{rule.metric}.better"
        return replace(blank, undefined=f"{place} does not say whether higher or lower is better")
    if isinstance(found, NoValue):
        return replace(blank, undefined=found.why)
    try:
        return _filled(blank, found, policy)
    except Undefined as error:
        return replace(blank, undefined=str(error))


def _filled(blank: Estimate, found: Statistic, policy: GatePolicy) -> Estimate:
    metric = blank.metric
    result = _contrast(metric, found, policy, relative=blank.relative, asked=blank.improvement or 0.0)
    has_error = not math.isnan(result.standard_error)
    # Nothing shows a gain where nothing changed; what was measured is then the best guess of the truth.
    distance = blank.margin or 0.0
    if blank.improvement is not None:
        distance = abs(replace(blank, difference=result.difference).gain - blank.improvement)
    needed = result.rows_needed(policy.confidence, distance) if has_error else None
    return replace(
        blank,
        candidate=result.candidate,
        candidate_interval=interval(metric, _own(found), policy),
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
        rows_needed=needed,
        labels_needed=_labels_needed(blank, found, needed),
        off=result.off,
    )


def _labels_needed(asked: Estimate, found: Statistic, rows: int | None) -> int | None:
    """Labels that would do if only those examples got one on which the two models differ.

    An example on which they agree moves neither share of right answers against the other. Of a ratio such as F1, or of
    a change relative to production, it does. Renggli et al. 2019, Proc. SysML 1 (active labelling).
    """
    if rows is None or not is_share(asked.metric.name) or asked.relative or not 0 < found.differing < found.n:
        return None
    return math.ceil(rows * (found.differing / found.n))


def _contrast(metric: Metric, found: Statistic, policy: GatePolicy, *, relative: bool, asked: float) -> Contrast:
    discordance = Discordance(found.gained, found.lost)
    if metric.needs == "column" and found.better not in (None, metric.better):
        discordance = Discordance(found.lost, found.gained)
    pair = Paired(
        candidate=found.candidate,
        baseline=found.baseline,
        plain_error=or_nan(found.plain_error),
        log_error=or_nan(found.log_error),
        freedom=freedom(found.freedom, found.size),
        log_freedom=freedom(found.log_freedom, found.size),
        size=found.size,
        discordance=discordance,
        n=found.n,
        simple=is_simple(found),
        clustered=found.groups is not None,
        blocks=found.blocks,
        plain_off=found.plain_off or 0.0,
        log_off=found.log_off or 0.0,
    )
    return pair.contrast(
        policy.confidence,
        higher_is_better=metric.better == "higher",
        relative=relative,
        is_share=is_share(metric.name),
        asked=asked,
    )


def _own(found: Statistic) -> Measurement:
    """The candidate's part of a comparison."""
    return Measurement(
        metric=found.metric or "",
        value=found.candidate,
        standard_error=found.own_error,
        size=found.own_size,
        freedom=found.own_freedom,
        smallest_class=found.own_class,
        n=found.n,
        groups=found.groups,
        effective_n=found.effective_n,
    )


def corrected(estimates: list[Estimate], share: float) -> list[Estimate]:
    """Holm's correction over everything of one family that has a p-value, at the family's share of the error rate."""
    defined = [index for index, each in enumerate(estimates) if each.p_worse is not None]
    adjusted = holm([estimates[index].p_worse or 0.0 for index in defined])
    corrected = list(estimates)
    for index, p_value in zip(defined, adjusted, strict=True):
        corrected[index] = replace(estimates[index], p_adjusted=min(1.0, p_value / share))
    return corrected
