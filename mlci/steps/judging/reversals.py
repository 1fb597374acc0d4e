"""Metrics whose value on all examples points the other way than on every slice of a column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mlci.domain.evidence import Coverage, Numbers, Statistic
from mlci.domain.finding import Finding
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.reversal import Reversal, reversal
from mlci.stats.student import t_tail
from mlci.steps.judging.comparisons import is_asked


def reversals(
    numbers: Numbers, covered: Coverage, rules: Sequence[MetricRule], policy: GatePolicy
) -> Iterator[Finding]:
    """Name every reversal that is not noise, on columns whose slices were all compared.

    Both sides must be shown, so the larger of two p-values counts; it is corrected for both directions and for every
    metric and column looked at.

    Args:
        numbers: what was measured.
        covered: the slices.
        rules: the metrics that are judged.
        policy: the level, and the columns that are asked for.
    """
    if not (numbers.compared and policy.compare):
        return
    left = {each.column for each in covered.folded}
    columns = dict.fromkeys(
        each.column for each in covered.slices if is_asked(each.column, policy) and each.column not in left
    )
    known = {(each.metric, each.slice_column, each.slice): each for each in numbers.statistics}
    looked_at = [(rule, column) for rule in rules if rule.compare for column in columns]
    for rule, column in looked_at:
        name = metric_named(rule.metric).name
        whole = known.get((name, None, None))
        names = [each.name for each in covered.slices if each.column == column]
        parts = [known.get((name, column, slice_)) for slice_ in names]
        if whole is None or len(parts) < 2:
            continue
        there = [part for part in parts if part is not None]
        found = _opposed(whole, there) if len(there) == len(parts) else None
        if found is None:
            continue
        within, p_value = found
        corrected = min(1.0, 2 * len(looked_at) * p_value)
        if corrected < 1 - policy.confidence:
            yield reversal(
                Reversal(
                    metric=name, better=metric_named(rule.metric, rule.better).better, column=column,
                    slices=len(parts), overall=whole.candidate - whole.baseline, within=within, n=whole.n,
                    p_value=corrected,
                )
            )  # fmt: skip


def _opposed(whole: Statistic, parts: Sequence[Statistic]) -> tuple[float, float] | None:
    """The parts' average difference and the p-value of both; None where some part goes the way of the whole."""
    overall = whole.candidate - whole.baseline
    sign = math.copysign(1.0, overall)
    differences = [part.candidate - part.baseline for part in parts]
    if not overall or any(sign * each >= 0 for each in differences):
        return None
    errors = [part.plain_error for part in parts]
    if not whole.plain_error or any(not error for error in errors):
        return None
    shares = [part.n / whole.n for part in parts]
    within = sum(share * each for share, each in zip(shares, differences, strict=True))
    scaled = [share * (error or 0.0) for share, error in zip(shares, errors, strict=True)]
    # Groups with examples in several slices link these: then errors add up as if all pulled one way.
    error = sum(scaled) if whole.groups is not None else math.hypot(*scaled)
    freedom = max(1.0, min(part.size for part in parts) - 1)
    return within, max(_tail(sign * overall, whole.plain_error, whole.size - 1), _tail(-sign * within, error, freedom))


def _tail(value: float, error: float, freedom: float) -> float:
    return t_tail(value / error, max(1.0, freedom))
