"""Whether the numbers of somebody's evidence can be true together; what cannot is not worth judging."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterator
from itertools import chain
from typing import Any

from mlci.adapters.evidence.beside import wrong_beside
from mlci.adapters.evidence.changes import wrong_changes
from mlci.adapters.evidence.discovered import of_discovery
from mlci.adapters.evidence.disparities import of_fairness
from mlci.adapters.evidence.operations import of_operations
from mlci.adapters.evidence.recipe import of_recipe
from mlci.domain.evidence import Coverage, GatePredicate, Measurement, NoValue, Statistic
from mlci.domain.metric import Metric, known_metric, metric_named, normalise
from mlci.stats.facts import is_share

# Sums in another order differ in the last digits; a lie that small decides nothing.
_CLOSE = 1e-9
# Scores are binned only where that costs a hundredth of the error; a lie here could make a harm look open.
_WIDEST_OFF = 0.0101
# No holdout has more examples, and exact tests of more would lose their digits.
_MOST = 10**12


def contradictions(predicate: GatePredicate) -> Iterator[str]:
    """Every way in which the numbers contradict each other, one clause each, without any text of theirs."""
    numbers = predicate.numbers
    called = {each.metric for each in numbers.functions}
    if len(called) < len(numbers.functions) or any(known_metric(normalise(name)) is not None for name in called):
        yield "a function is there twice, or by the name of a metric that mlci knows"
    for place, statistic in enumerate(numbers.statistics, 1):
        # One after the other: what is left of a number that cannot be is not worth computing with.
        wrong = chain(_of_statistic(statistic), _of_blocks(statistic, called))
        yield from (f"comparison {place}: {what}" for what in wrong)
    for place, measurement in enumerate(numbers.measurements, 1):
        yield from (f"measurement {place}: {what}" for what in _of_measurement(measurement))
    if numbers.examples is not None and not 0 < numbers.examples <= _MOST:
        yield "the number of examples is none that can be"
    if numbers.bare is not None:
        yield from _of_bare(predicate)
    if numbers.coverage is not None:
        yield from _of_coverage(predicate, numbers.coverage)
    yield from of_operations(numbers.operations)
    yield from _of_groups(predicate)
    if (numbers.statistics or numbers.undefined) and predicate.baseline is None:
        yield "there are comparisons and nothing to compare with"
    yield from wrong_changes(predicate)
    yield from of_recipe(predicate)
    yield from wrong_beside(predicate, _of_statistic)


def _of_groups(predicate: GatePredicate) -> Iterator[str]:
    """The groups that nobody declared as slices: those of a search, and those of fairness."""
    yield from of_discovery(predicate, predicate.discovery)
    for place, statistic in enumerate(predicate.confirmations, 1):
        yield from (f"confirmation {place}: {what}" for what in _of_statistic(statistic))
    if predicate.fairness is not None:
        yield from of_fairness(predicate, predicate.fairness)


def _of_statistic(of: Statistic) -> Iterator[str]:
    yield from _of_counts(of)
    yield from _of_difference(of)
    metric = _metric(of)
    for value in (of.candidate, of.baseline):
        if not _in_range(metric, value):
            yield "a value is outside what its metric can be"
    if metric is not None and is_share(metric.name) and _is_simple(of) and of.n > 0:
        gain = (of.gained - of.lost) / of.n
        if not _close(of.candidate - of.baseline, gain if metric.better == "higher" else -gain):
            yield "the difference is not that of the examples gained and lost"
        if of.differing != of.gained + of.lost:
            yield "the examples that differ are not those gained and lost"


def _of_counts(of: Statistic) -> Iterator[str]:
    if not 0 < of.n <= _MOST:
        yield "the number of examples is none that can be"
        return
    if min(of.gained, of.lost, of.differing) < 0 or of.gained + of.lost > of.differing or of.differing > of.n:
        yield "more examples differ than there are"
    if not _fits(of.size, of.groups or of.n) or not _fits(of.own_size, of.groups or of.n):
        yield "the examples are worth more than there are"
    if not _fits(of.effective_n, of.n) or not _fits(of.groups, of.n):
        yield "there are more groups than examples"
    if any(not _fits(each, of.n) or (each or 1) < 1 for each in (of.freedom, of.log_freedom, of.own_freedom)):
        yield "the degrees of freedom are none that can be"
    if any(number is not None and not 0 <= number <= of.n for number in (of.smallest_class, of.own_class)):
        yield "a class has more examples than there are"


def _of_blocks(of: Statistic, called: Container[str]) -> Iterator[str]:
    """A function's numbers: from blocks of its examples, without a count of which were right."""
    if (of.blocks is not None) != (of.metric in called):
        yield "a function was called and gave no blocks, or was not called and gave some"
    if of.blocks is not None and (of.gained, of.lost, of.size, of.own_size) != (0, 0, of.blocks, of.blocks):
        yield "a function's error is not that of its blocks"


def _of_difference(of: Statistic) -> Iterator[str]:
    errors = (of.standard_error, of.plain_error, of.log_error, of.own_error)
    if any(error is not None and error < 0 for error in errors):
        yield "a standard error is below 0"
    if of.log_error is not None and min(of.candidate, of.baseline) <= 0:
        yield "there is an error of a ratio that has no logarithm"
    if of.relative and of.baseline <= 0:
        yield "there is a ratio to a value that is not above 0"
        return
    plain = of.candidate - of.baseline
    expected = plain / of.baseline if of.relative else plain
    size = 1 + abs(expected) if of.relative else max(abs(of.candidate), abs(of.baseline))
    if not abs(of.difference - expected) <= _CLOSE * size:
        yield "the difference is not that of the two values"
    for off, error in ((of.plain_off, of.plain_error), (of.log_off, of.log_error)):
        if off is not None and not 0 <= off <= _WIDEST_OFF * (error or 0.0):
            yield "the difference is less certain than its error says"
    error = of.log_error if of.relative else of.plain_error
    if error is not None and of.standard_error is not None:
        scaled = error * (1 + of.difference) if of.relative else error
        if not _close(of.standard_error, scaled):
            yield "the standard error is given twice and differs"


def _of_measurement(of: Measurement) -> Iterator[str]:
    if not 0 < of.n <= _MOST:
        yield "the number of examples is none that can be"
        return
    if of.standard_error is not None and of.standard_error < 0:
        yield "a standard error is below 0"
    if not _fits(of.size, of.groups or of.n) or not _fits(of.effective_n, of.n) or not _fits(of.groups, of.n):
        yield "the examples are worth more than there are"
    if not _fits(of.freedom, of.n) or (of.freedom or 1) < 1:
        yield "the degrees of freedom are none that can be"
    if of.smallest_class is not None and not 0 <= of.smallest_class <= of.n:
        yield "a class has more examples than there are"
    if of.value is not None and not _in_range(metric_named(of.metric), of.value):
        yield "a value is outside what its metric can be"


def _of_bare(predicate: GatePredicate) -> Iterator[str]:
    bare = predicate.bare
    if bare is None:
        return
    if predicate.statistics or predicate.measurements or predicate.undefined or predicate.coverage is not None:
        yield "bare metrics have no examples, and there are some"
    if (bare.baseline is None) != (predicate.baseline is None):
        yield "production is there and is not"
    for name, value in (*bare.candidate.items(), *(bare.baseline or {}).items()):
        if not _in_range(metric_named(name), value):
            yield "a value is outside what its metric can be"


def _of_coverage(predicate: GatePredicate, covered: Coverage) -> Iterator[str]:
    n = predicate.examples
    if n is None:
        yield "there are examples and nobody counted them"
        return
    if any(each.n != n for each in predicate.measurements):
        yield "a measurement is not of all examples"
    if len(covered.alone) > 2 or any(not 0 <= each.rows <= _MOST for each in covered.alone):
        yield "the examples of one file alone are none that can be"
    if any(not 0 <= number <= n for number in covered.missing):
        yield "more predictions are missing than there are examples"
    if any(not 0 <= each.lost <= each.whole <= _MOST for each in covered.thinned):
        yield "a slice lost more examples than it has"
    if covered.identical and any(each.differing or each.candidate != each.baseline for each in predicate.statistics):
        yield "the two models are identical and differ"
    yield from _of_slices(predicate, covered, n)
    own = {each.metric: each.value for each in predicate.measurements}
    if any(each.slice is None and own.get(str(each.metric)) != each.candidate for each in predicate.statistics):
        yield "the candidate has two values of one metric"


def _of_slices(predicate: GatePredicate, covered: Coverage, n: int) -> Iterator[str]:
    """Every value of a slice column is a slice, a missing one included, so that each column adds up to all examples."""
    totals: Counter[str] = Counter()
    sizes: dict[tuple[Any, Any], int] = {(None, None): n}
    for each in covered.slices:
        totals[each.column] += each.n
        if each.n <= 0 or (each.column, each.name) in sizes:
            yield "a slice is empty or there twice"
        sizes[each.column, each.name] = each.n
    for left in covered.folded:
        totals[left.column] += left.n
        if not 0 < left.slices <= left.n or not 0 < left.largest <= left.n <= left.slices * left.largest:
            yield "slices that were left out have other examples than they can"
    if len({each.column for each in covered.folded}) != len(covered.folded):
        yield "the slices of a column were left out twice"
    if any(total != n for total in totals.values()):
        yield "the slices of a column do not add up to all examples"
    seen = set()
    comparisons: list[Statistic | NoValue] = [*predicate.statistics, *predicate.undefined]
    for found in comparisons:
        key = (found.metric, found.slice_column, found.slice)
        if found.metric is None or key in seen:
            yield "a comparison has no metric or is there twice"
        if sizes.get(key[1:]) != found.n:
            yield "a comparison is of other examples than its slice"
        seen.add(key)


def _metric(of: Statistic) -> Metric | None:
    return None if of.metric is None else metric_named(of.metric)


def _in_range(metric: Metric | None, value: float) -> bool:
    return metric is None or metric.low - _CLOSE <= value <= metric.high + _CLOSE


def _is_simple(of: Statistic) -> bool:
    return of.groups is None and of.effective_n is None


def _fits(part: float | None, whole: int) -> bool:
    return part is None or 0 < part <= whole * (1 + _CLOSE)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
