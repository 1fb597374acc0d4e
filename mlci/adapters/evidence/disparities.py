"""Whether the rates of somebody's groups can be true together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from mlci.domain.evidence import GatePredicate
from mlci.domain.fairness import MOST_GROUPS, SHARES, Disparities, GroupRate, Link

# Sums in another order differ in the last digits; a lie that small decides nothing.
_CLOSE = 1e-9
# Groups and weights make a share's variance at the most that of one example, by twice as much in the smallest sample.
# Whatever weights examples have, no rate is so near 0 and not 0; its logarithm's error would have no end.
_LEAST = 1e-30
_MOST_OF_SHARE, _ROUNDED = 4.0, 1e-14


def of_fairness(predicate: GatePredicate, found: Disparities) -> Iterator[str]:
    """Every way in which the rates contradict each other, one clause each, without any text of theirs."""
    n = predicate.examples
    if n is None:
        yield "there are groups and nobody counted the examples"
        return
    for place, rate in enumerate(found.rates, 1):
        yield from (f"group rate {place}: {what}" for what in _of_rate(rate, n))
        if predicate.baseline is None and (rate.baseline is not None or rate.differing):
            yield f"group rate {place}: it is compared with nothing"
    yield from _of_columns(found, n)
    yield from _of_sides(found)
    known = {(each.column, str(each.rate), each.group): each for each in found.rates}
    if len({(each.column, each.rate, each.one, each.other) for each in found.links}) != len(found.links):
        yield "two groups are linked twice"
    if any(not _fits(link, known) for link in found.links):
        yield "groups are linked that are none, or by more than can be"


def _of_rate(of: GroupRate, n: int) -> Iterator[str]:
    if not 0 < of.n <= n or not 0 <= of.differing <= of.n:
        yield "it has other examples than it can"
        return
    if not -1 <= of.correlation <= 1:
        yield "a correlation is none that can be"
    low = 0.0 if of.rate in SHARES else -1.0
    for value, error, counted, size in (
        (of.candidate, of.candidate_error, of.candidate_of, of.candidate_size),
        (of.baseline, of.baseline_error, of.baseline_of, of.baseline_size),
    ):
        if not 0 <= counted <= of.n or not 0 <= size <= counted * (1 + _CLOSE) or (value is None) != (counted == 0):
            yield "a rate is of other examples than it can"
        elif value is not None and (not low <= value <= 1 or 0 < abs(value) < _LEAST):
            yield "a rate is none that can be"
        elif error is not None and not 0 <= error <= 1:
            yield "an error of a rate is none that can be"
        elif value is not None and of.rate in SHARES:
            if not (of.clustered or of.weighted):
                yield from _of_share(value, error, counted, size)
            elif error is not None and error * error > _MOST_OF_SHARE * value * (1 - value) + _ROUNDED:
                yield "the error of a share is larger than any of its value"


def _of_share(value: float, error: float | None, counted: int, size: float) -> Iterator[str]:
    """A share of independent examples of equal weight says its own error."""
    if abs(value * counted - round(value * counted)) > _CLOSE * counted or size != counted:
        yield "a share is not one of the examples it is counted over"
    elif counted > 1 and error is not None:
        expected = math.sqrt(value * (1 - value) / (counted - 1))
        # Squares of what cancels are left of an error of 0.
        if not math.isclose(error, expected, rel_tol=1e-6, abs_tol=1e-7):
            yield "the error of a share is another than it says"
    elif counted > 1:
        yield "a share has no error and could have"


def _of_columns(found: Disparities, n: int) -> Iterator[str]:
    """Every example is in one group of each column, left out or not."""
    totals: Counter[tuple[str, str]] = Counter()
    groups: Counter[tuple[str, str]] = Counter()
    seen: dict[tuple[str, str], int] = {}
    for each in found.rates:
        totals[each.column, each.rate] += each.n
        groups[each.column, each.rate] += 1
        if seen.setdefault((each.column, each.group), each.n) != each.n:
            yield "a group has two sizes"
    if len({(each.column, each.rate, each.group) for each in found.rates}) != len(found.rates):
        yield "a rate of a group is there twice"
    left = {each.column: each.n for each in found.folded}
    if len(left) != len(found.folded) or any(not 0 < each.largest <= each.n for each in found.folded):
        yield "groups that were left out have other examples than they can"
    if any(total + left.get(column, 0) != n for (column, _), total in totals.items()):
        yield "the groups of a column do not add up to all examples"
    if any(number > MOST_GROUPS for number in groups.values()) or set(left) - {each.column for each in found.rates}:
        yield "a column has other groups than it can"
    if {each.column for each in found.rates} - set(found.columns) or len(set(found.columns)) != len(found.columns):
        yield "a group is of a column that is none"


def _of_sides(found: Disparities) -> Iterator[str]:
    """The truth is one: both models are asked of the same positives, which with the negatives are the group."""
    positives = {(each.column, each.group): each for each in found.rates if each.rate == "true_positives"}
    for each in found.rates:
        if each.rate == "precision" or each.baseline is None or each.candidate is None:
            continue
        if each.candidate_of != each.baseline_of:
            yield "two models are asked of other examples of one group"
        other = positives.get((each.column, each.group))
        both = each.rate == "false_positives" and other is not None and not each.weighted
        if both and other is not None and each.candidate_of + other.candidate_of != each.n:
            yield "positives and negatives are not all of a group"


def _fits(link: Link, known: dict[tuple[str, str, str], GroupRate]) -> bool:
    one, other = (known.get((link.column, link.rate, group)) for group in (link.one, link.other))
    if one is None or other is None or one is other or not (one.clustered and other.clustered):
        return False
    parts = (link.candidate, link.baseline, link.candidate_baseline, link.baseline_candidate)
    return all(-1 <= part <= 1 for part in parts)
