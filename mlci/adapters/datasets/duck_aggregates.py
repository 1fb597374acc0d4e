"""Rules on an aggregate in SQL, where the one SELECT can compute it, and what is left for a pass of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mlci.adapters.datasets.duck_table import Table, quoted
from mlci.adapters.datasets.duck_types import Held
from mlci.adapters.datasets.duck_values import Impossible, condition, kind_of, member, plural, within
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule

_PREFIX = "expect_column_"
_NUMBERS: tuple[Held, ...] = ("integer", "number")
_ORDERED: tuple[Held, ...] = ("integer", "number", "string", "boolean", "date", "timestamp")


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A rule on an aggregate.

    Attributes:
        column: it is of.
        kind: what that holds.
        about: SQL that is true for the rows it is about, never NULL; empty for all.
        asked: SQL of aggregates, over those rows, that the one SELECT computes.
        of: what the rule observes, from these in order, and how many values there are.
        apart: what a pass of its own computes: distinct, common, or ranks of values; empty where nothing is left.
        others: SQL that is true for the values of which the first of ``asked`` counts the different ones.
        ranks: number of values → the ranks, from 1, of the values that are wanted.
    """

    column: str
    kind: Held
    about: str
    asked: tuple[str, ...] = ()
    of: Callable[[list[Any], int], Any] = lambda found, _: found[0]
    apart: str = ""
    others: str = ""
    ranks: Callable[[int], list[int]] = lambda _: []


def aggregate(table: Table, rule: Rule) -> Aggregate:
    """A rule of the level aggregate in SQL.

    Raises:
        Impossible: it cannot be counted, and why.
    """
    column = rule.columns[0]
    kind = kind_of(table.columns, column)
    about = condition(table.columns, rule.where)
    short = rule.expectation.removeprefix(_PREFIX).removesuffix("_to_be_between")
    return _AGGREGATES[short](Aggregate(column=column, kind=kind, about=about), rule)


def _of(one: Aggregate, kinds: tuple[Held, ...], what: str) -> str:
    if one.kind not in kinds:
        raise Impossible(f"column {one_line(one.column, 60)} holds {plural(one.kind)}, which have no {what}")
    return quoted(one.column)


def _with(one: Aggregate, **changes: Any) -> Aggregate:
    return Aggregate(**{**vars(one), **changes})


def _extreme(function: str) -> Callable[[Aggregate, Rule], Aggregate]:
    def build(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
        name = _of(one, _ORDERED, "order")
        return _with(one, asked=(f"{function}({name})",), of=lambda found, _: _plain(found[0]))

    return build


def _plain(value: Any) -> Any:
    """A value as it stands in evidence: dates and times as text."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _mean(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
    # The exact sum of integers, and of other numbers one whose error does not grow with their number.
    name = _of(one, _NUMBERS, "mean")
    total = f"sum({name})" if one.kind == "integer" else f"fsum({name})"
    return _with(one, asked=(total,), of=lambda found, count: _ratio(found[0], count))


def _ratio(total: Any, count: int) -> float | None:
    if total is None or not count:
        return None
    return total / count if isinstance(total, (int, float)) else float(Fraction(total) / count)


def _sum(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
    name = _of(one, _NUMBERS, "sum")
    return _with(one, asked=(f"sum({name})" if one.kind == "integer" else f"fsum({name})",))


def _deviation(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
    name = _of(one, _NUMBERS, "standard deviation")
    return _with(one, asked=(f"stddev_samp({name})",))


def _present(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
    return _with(one, asked=("count(*)",), of=lambda found, count: [count, found[0]])


def _distinct(one: Aggregate, rule: Rule) -> Aggregate:
    share = "proportion" in rule.expectation

    def of(found: list[Any], count: int) -> Any:
        if not count:
            return None
        return [found[0], count] if share else found[0]

    return _with(one, apart="distinct", of=of)


def _median(one: Aggregate, rule: Rule) -> Aggregate:  # noqa: ARG001
    _of(one, _NUMBERS, "median")

    def middle(found: list[Any], count: int) -> Any:
        if not count:
            return None
        return found[0] if found[0] == found[-1] else (found[0] + found[-1]) / 2

    return _with(one, apart="ranks", of=middle, ranks=lambda count: [(count + 1) // 2, count // 2 + 1])


def _quantiles(one: Aggregate, rule: Rule) -> Aggregate:
    _of(one, ("integer", "number", "date", "timestamp"), "quantiles")
    shares = [Fraction(str(share)) for share in rule.kwargs["quantile_ranges"]["quantiles"]]

    def ranks(count: int) -> list[int]:
        return [max(1, -(-share.numerator * count // share.denominator)) for share in shares]

    def of(found: list[Any], count: int) -> Any:
        return [_plain(value) for value in found] if count else None

    return _with(one, apart="ranks", of=of, ranks=ranks)


def _distinct_set(one: Aggregate, rule: Rule) -> Aggregate:
    values = list(rule.kwargs["value_set"])
    name, inside = quoted(one.column), within(one.column, one.kind, values)
    # One flag for each value says whether the column holds it.
    known = [member(value, one.kind) for value in values]
    held = [f"bool_or({name} = {sql})" if sql is not None else "bool_or(false)" for sql in known]
    outside = f"count(DISTINCT {name}) FILTER (WHERE NOT {inside})"

    def of(found: list[Any], count: int) -> Any:
        if not count:
            return None
        flags = found[1 : 1 + len(values)]
        absent = [value for value, there in zip(values, flags, strict=True) if not there]
        return {"outside": int(found[0]), "absent": list(dict.fromkeys(absent))}

    return _with(one, asked=(outside, *held), of=of, others=f"NOT {inside}")


def _most_common(one: Aggregate, rule: Rule) -> Aggregate:
    within(one.column, one.kind, rule.kwargs["value_set"])
    return _with(one, apart="common", of=lambda found, count: list(found[:2]) if count else None)


_AGGREGATES: dict[str, Callable[[Aggregate, Rule], Aggregate]] = {
    "min": _extreme("min"),
    "max": _extreme("max"),
    "mean": _mean,
    "sum": _sum,
    "stdev": _deviation,
    "median": _median,
    "unique_value_count": _distinct,
    "proportion_of_unique_values": _distinct,
    "proportion_of_non_null_values": _present,
    "quantile_values": _quantiles,
    "distinct_values_to_be_in_set": _distinct_set,
    "distinct_values_to_contain_set": _distinct_set,
    "distinct_values_to_equal_set": _distinct_set,
    "most_common_value_to_be_in_set": _most_common,
}
