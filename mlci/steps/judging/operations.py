"""How the candidate runs beside production, and against absolute limits: latency, size, memory, cost.

Timed comparisons are a family of their own. They are made of other data than the metrics of the holdout, and share one
error rate among themselves alone (Holm), at the same level.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mlci.domain import gate, operation, sentence
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Numbers
from mlci.domain.figures import count
from mlci.domain.finding import Finding, Reason, Rule
from mlci.domain.metric import Metric, metric_named
from mlci.domain.operation import FEWEST_BLOCKS, QUANTILES, Footprint, Operations, Slowdown, Timings
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.verdict import Verdict
from mlci.stats.multiplicity import holm

if TYPE_CHECKING:
    from mlci.stats.latency import Times

_MEGA = 1e6
_NANOSECONDS_OF_MS = 1e6


def operations(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    """Judge every rule on how a model runs."""
    rules, given = operation.rules_of(policy), numbers.operations
    if numbers.compared and policy.compare:
        yield from _comparisons([rule for rule in rules if operation.is_compared(rule)], given, policy)
    for rule in rules:
        for limit, lower in ((rule.minimum, True), (rule.maximum, False)):
            if limit is not None:
                yield _against(metric_named(rule.metric), limit, given, policy, lower=lower)


# Beside production.


def _comparisons(rules: Sequence[MetricRule], given: Operations | None, policy: GatePolicy) -> Iterator[Finding]:
    found = [_compared(rule, given, policy) for rule in rules]
    timed = [each for each in found if isinstance(each, Slowdown)]
    adjusted = iter(holm([each.estimate.p_worse or 0.0 for each in timed]))
    for each in found:
        if not isinstance(each, Slowdown):
            yield each
            continue
        known = replace(each, estimate=replace(each.estimate, p_adjusted=next(adjusted)))
        yield _finding(known.estimate, policy, *operation.decide_timed(known, 1 - policy.confidence))


def _compared(rule: MetricRule, given: Operations | None, policy: GatePolicy) -> Slowdown | Finding:
    metric, tolerance = metric_named(rule.metric), operation.tolerance_of(rule)
    blank = Estimate(metric=metric, n=0, margin=tolerance.value, relative=tolerance.relative)
    if metric.is_timed:
        return _timed(blank, given, policy)
    mine, theirs = (_sizes(metric, of) for of in ((given.candidate, given.production) if given else (None, None)))
    if not mine or not theirs or min(theirs) <= 0:
        return _lacking(blank, given)
    return _grown(blank, mine, theirs, policy)


def _timed(blank: Estimate, given: Operations | None, policy: GatePolicy) -> Slowdown | Finding:
    timings, metric = given.timings if given is not None else None, blank.metric
    if timings is None or not timings.paired:
        return _lacking(blank, given)
    if metric.name == "cost_per_1000" and policy.price_per_hour is None:
        return _priceless(blank)
    blank = replace(blank, n=timings.pairs)
    if not timings.interleaved:
        return _finding(blank, policy, Verdict.INCONCLUSIVE, "sequential")
    if timings.pairs < operation.fewest_pairs(metric) or len(timings.blocks) < FEWEST_BLOCKS:
        return _finding(blank, policy, Verdict.INCONCLUSIVE, "insufficient")
    return _slowdown(blank, timings, policy)


def _slowdown(blank: Estimate, timings: Timings, policy: GatePolicy) -> Slowdown:
    from mlci.stats.latency import median_ratio, quantile, tail_ratio

    share, margin, unit = QUANTILES[blank.metric.name], blank.margin or 0.0, _unit(blank.metric, timings, policy)
    mine, theirs = _times(timings)
    if share == 0.5:
        ratio = median_ratio(mine, theirs, margin, policy.confidence)
        method = f"median of pairs by block, t({len(mine) - 1})"
    else:
        ratio = tail_ratio(mine, theirs, share, margin, policy.confidence, _key(timings, blank.metric))
        method = f"bootstrap of {len(mine)} blocks, {ratio.draws} draws, Monte Carlo error of p {ratio.wobble:.4f}"
    estimate = replace(
        blank,
        relative=True,
        candidate=quantile(mine, share) * unit,
        baseline=quantile(theirs, share) * unit,
        difference=ratio.value,
        standard_error=ratio.error * (1 + ratio.value),
        interval=(ratio.low, ratio.high),
        p_worse=ratio.p_beyond,
        method=method,
    )
    return Slowdown(estimate=estimate, p_within=ratio.p_within, wobble=ratio.wobble)


def _grown(blank: Estimate, mine: Sequence[float], theirs: Sequence[float], policy: GatePolicy) -> Finding:
    """Sizes are counted, not estimated; where processes were started several times, every pair of starts must agree."""
    middle = (statistics.median(mine), statistics.median(theirs))

    def growth(candidate: float, production: float) -> float:
        return candidate / production - 1 if blank.relative else candidate - production

    smallest, largest = growth(min(mine), max(theirs)), growth(max(mine), min(theirs))
    starts = min(len(mine), len(theirs))
    estimate = replace(
        blank,
        candidate=middle[0],
        baseline=middle[1],
        difference=growth(*middle),
        method=f"median and range over {starts} starts" if starts > 1 else "counted",
    )
    verdict, reason = operation.decide_range(smallest, largest, blank.margin or 0.0)
    found = _finding(estimate, policy, verdict, reason)
    return (
        found
        if starts == 1
        else replace(found, message=operation.range_arithmetic(estimate, smallest, largest, verdict))
    )


# Against a limit.


def _against(metric: Metric, limit: float, given: Operations | None, policy: GatePolicy, *, lower: bool) -> Finding:
    blank = Estimate(metric=metric, n=0)
    estimate = _own_time(blank, given, policy) if metric.is_timed else _own_size(blank, given)
    if isinstance(estimate, Finding):
        kind = "minimum" if lower else "maximum"
        rule: Rule = "minimum" if lower else "maximum"
        return replace(estimate, id=gate.finding_id(kind, metric.name), rule=rule, limit=limit)
    # A size is counted: there is no bound to prove anything by.
    asked = policy if metric.is_timed else replace(policy, thresholds="point")
    found = replace(gate.threshold(estimate, asked, limit, lower=lower), n=estimate.n or None)
    here = given.hardware if given is not None else None
    if not metric.is_timed or operation.is_hardware(here, policy.hardware):
        return found
    where = "on a machine that nobody declared" if policy.hardware is None else "on another machine than is declared"
    return replace(
        found,
        verdict=Verdict.WARN,
        reason="hardware",
        message=f"{found.message.removesuffix(f': {found.verdict.value}')}, {where}: warn",
        explanation=operation.on_hardware(policy.hardware),
    )


def _own_time(blank: Estimate, given: Operations | None, policy: GatePolicy) -> Estimate | Finding:
    timings, metric = given.timings if given is not None else None, blank.metric
    if timings is None:
        return _lacking(blank, given)
    if metric.name == "cost_per_1000" and policy.price_per_hour is None:
        return _priceless(blank)
    blank = replace(blank, n=timings.pairs)
    if timings.pairs < operation.fewest_pairs(metric) or len(timings.blocks) < FEWEST_BLOCKS:
        return _finding(blank, policy, Verdict.INCONCLUSIVE, "insufficient")
    from mlci.stats.latency import own_interval, quantile

    share, unit = QUANTILES[metric.name], _unit(metric, timings, policy)
    mine, _ = _times(timings)
    low, high = own_interval(mine, share, policy.confidence, _key(timings, metric))
    return replace(blank, candidate=quantile(mine, share) * unit, candidate_interval=(low * unit, high * unit))


def _own_size(blank: Estimate, given: Operations | None) -> Estimate | Finding:
    sizes = _sizes(blank.metric, given.candidate if given is not None else None)
    if not sizes:
        return _lacking(blank, given)
    # Of several starts the largest is what has to fit.
    return replace(blank, candidate=max(sizes))


# What both need.


def _sizes(metric: Metric, of: Footprint | None) -> tuple[float, ...]:
    if of is None:
        return ()
    return (of.size / _MEGA,) if metric.name == "model_size_mb" else tuple(each / _MEGA for each in of.memory)


def _times(timings: Timings) -> tuple[list[Times], list[Times]]:
    """Milliseconds of both, one array for each block."""
    import numpy as np

    return (
        [np.array(each.candidate) / _NANOSECONDS_OF_MS for each in timings.blocks],
        [np.array(each.production) / _NANOSECONDS_OF_MS for each in timings.blocks],
    )


def _unit(metric: Metric, timings: Timings, policy: GatePolicy) -> float:
    """What a millisecond of a call is worth: itself, or the money of a thousand examples at that pace."""
    if metric.name != "cost_per_1000":
        return 1.0
    return 1000 / timings.batch * (policy.price_per_hour or 0.0) / 3_600_000


def _key(timings: Timings, metric: Metric) -> bytes:
    """What the draws follow from: the times themselves, so that whoever has the evidence draws the same."""
    digest = hashlib.sha256(metric.name.encode())
    for block in timings.blocks:
        for calls in (block.candidate, block.production):
            digest.update(f"{calls}\n".encode())
    return digest.digest()


def _lacking(blank: Estimate, given: Operations | None) -> Finding:
    metric = blank.metric
    why, would = operation.why_lacking(given, metric)
    return _valueless(metric, "missing", why, f"{metric.title} is asked for, and {why}. {would}.")


def _priceless(blank: Estimate) -> Finding:
    return _valueless(
        blank.metric,
        "undefined",
        "validation.price_per_hour is not set",
        "What a thousand predictions cost follows from what an hour of the machine costs. "
        "Set validation.price_per_hour.",
    )


def _valueless(metric: Metric, reason: Reason, why: str, explanation: str) -> Finding:
    return Finding(
        id=gate.finding_id("compare", metric.name),
        rule="compare",
        verdict=Verdict.INCONCLUSIVE,
        reason=reason,
        message=f"{metric.name} has no value: {why}",
        explanation=explanation,
        metric=metric.name,
        better=metric.better,
    )


def _finding(estimate: Estimate, policy: GatePolicy, verdict: Verdict, reason: Reason | None) -> Finding:
    metric = estimate.metric
    calls = "calls that did not take turns" if reason == "sequential" else f"{count(estimate.n)} pairs of calls"
    return Finding(
        id=gate.finding_id("compare", metric.name),
        rule="compare",
        verdict=verdict,
        reason=reason,
        message=sentence.arithmetic(estimate, policy.confidence, verdict)
        if estimate.candidate is not None
        else f"{metric.name} cannot be told from {calls}",
        **{**estimate.figures, "n": estimate.n or None},
        p_worse=estimate.p_worse,
        p_adjusted=estimate.p_adjusted,
        leaning=_leaning(estimate, verdict),
        explanation=operation.explanation(estimate, verdict, reason),
    )


def _leaning(estimate: Estimate, verdict: Verdict) -> Literal["ok", "worse"] | None:
    if verdict is not Verdict.INCONCLUSIVE or estimate.difference is None:
        return None
    return estimate.leaning
