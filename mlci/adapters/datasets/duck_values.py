"""Values of a contract in SQL, compared with a column as the vocabulary says: dates as times, numbers as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mlci.adapters.datasets.duck_table import literal, quoted
from mlci.adapters.datasets.duck_types import Held
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Condition
from mlci.domain.dataset.judging import moment

_TIMES = ("date", "timestamp")
_NUMBERS = ("integer", "number")


class Impossible(Exception):
    """A rule that cannot be counted; the message is the sentence that says why."""


def kind_of(columns: Mapping[str, Held], column: str) -> Held:
    """What a column holds.

    Raises:
        Impossible: there is none of this name.
    """
    if column not in columns:
        raise Impossible(f"there is no column {one_line(column, 60)}")
    return columns[column]


def operand(column: str, kind: Held) -> str:
    """A column as it is compared: a date as its midnight."""
    return f"CAST({quoted(column)} AS TIMESTAMP)" if kind == "date" else quoted(column)


def bound(column: str, kind: Held, value: Any) -> str:
    """A bound on a column.

    Raises:
        Impossible: it is nothing that the column's values could be compared with.
    """
    if kind in _NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value, kind)
    if kind in _TIMES and isinstance(value, str) and (found := moment(value)) is not None:
        return f"TIMESTAMP '{found.isoformat(sep=' ')}'"
    if kind == "string" and isinstance(value, str):
        return literal(value)
    raise Impossible(f"column {one_line(column, 60)} holds {plural(kind)}, which {_named(value)} cannot bound")


def number(value: int | float, kind: Held) -> str:
    """A number; with a column of integers it is compared exactly, so that no integer is rounded to be compared."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return f"'{value}'::DOUBLE"
        if kind == "integer" and value.is_integer():
            return str(int(value))
        # As a decimal number DuckDB would compare with so many digits only.
        return f"{value!r}::DOUBLE"
    return str(value) if kind == "integer" and abs(value) < 2**126 else f"{float(value)!r}::DOUBLE"


def literal_number(value: Any) -> str:
    """A number that is compared with whatever a function gives.

    Raises:
        Impossible: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Impossible(f"{_named(value)} stands where a number must")
    return number(value, "integer")


def between(column: str, kind: Held, kwargs: Mapping[str, Any]) -> str:
    """SQL that is true for a value outside bounds, and NULL for none.

    Raises:
        Impossible: a bound is nothing that the column's values could be compared with.
    """
    name, parts = operand(column, kind), []
    for key, strict, signs in (("min_value", "strict_min", ("<", "<=")), ("max_value", "strict_max", (">", ">="))):
        if (value := kwargs.get(key)) is not None:
            at_least = bound(column, kind, value)
            sign = signs[1 if kwargs.get(strict) else 0]
            if kind == "integer" and isinstance(value, float) and math.isfinite(value) and not value.is_integer():
                # No integer is that bound: x < 1.5 is x < 2, and x > 1.5 is x > 1.
                at_least, sign = str(math.ceil(value) if sign[0] == "<" else math.floor(value)), sign[0]
            parts.append(f"{name} {sign} {at_least}")
    return f"({' OR '.join(parts)})"


def member(value: Any, kind: Held) -> str | None:
    """A value of a set as the column would hold it; None where it could not."""
    if isinstance(value, bool):
        return str(value).lower() if kind == "boolean" else None
    if isinstance(value, (int, float)):
        if kind == "integer" and isinstance(value, float) and not value.is_integer():
            return None
        return number(value, kind) if kind in _NUMBERS and value == value else None
    if not isinstance(value, str):
        return None
    if kind in _TIMES:
        found = moment(value)
        return f"TIMESTAMP '{found.isoformat(sep=' ')}'" if found is not None else None
    return literal(value) if kind == "string" else None


def within(column: str, kind: Held, values: Iterable[Any]) -> str:
    """SQL that is true for a value of a set, false for another, NULL for none.

    Raises:
        Impossible: the column holds lists or the like.
    """
    if kind == "other":
        raise Impossible(f"column {one_line(column, 60)} holds {plural(kind)}, which are in no set")
    members = [one for value in values if (one := member(value, kind)) is not None]
    name = operand(column, kind)
    return f"({name} IN ({', '.join(members)}))" if members else f"(CASE WHEN {name} IS NOT NULL THEN false END)"


def comparable(one: Held, other: Held) -> bool:
    """Whether values of two columns can be compared."""
    alike = one == other and one != "other"
    return alike or {one, other} <= set(_NUMBERS) or {one, other} <= set(_TIMES)


def condition(columns: Mapping[str, Held], where: Iterable[Condition]) -> str:
    """SQL that is true for the rows that a rule is about, and not NULL; empty for all rows.

    Raises:
        Impossible: a condition names no column, or compares it with what it cannot be compared with.
    """
    return " AND ".join(_condition(columns, one) for one in where)


def _condition(columns: Mapping[str, Held], one: Condition) -> str:
    kind = kind_of(columns, one.column)
    name = quoted(one.column)
    if one.operator in ("is null", "is not null"):
        return f"{name} {one.operator.upper()}"
    if one.operator in ("in", "not in"):
        values = one.value if isinstance(one.value, (tuple, list)) else (one.value,)
        inside = within(one.column, kind, values)
        return f"coalesce({inside if one.operator == 'in' else f'NOT {inside}'}, false)"
    if one.operator in ("=", "!="):
        inside = within(one.column, kind, (one.value,))
        return f"coalesce({inside if one.operator == '=' else f'NOT {inside}'}, false)"
    limit = bound(one.column, kind, one.value)
    return f"coalesce({operand(one.column, kind)} {one.operator} {limit}, false)"


def plural(kind: Held) -> str:
    """What a column holds, in words."""
    return {"other": "lists or other composites", "boolean": "truth values"}.get(kind, f"{kind}s")


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return "a truth value"
    return {str: "a text", int: "a number", float: "a number"}.get(type(value), "what is asked for")
