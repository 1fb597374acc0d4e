"""What is asked of an engine for a profile: one SELECT for all columns, one for the values of those that have few."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeVar

from mlci.domain.dataset.contract import Type
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

# A column with more different values than this is not counted value by value.
MOST_VALUES = 2_000
# Rows whose values say where edges go; what is counted between them is counted of all rows.
SAMPLE = 10_000
# A longer text stands in no profile; its MD5 does, which is enough to know it again.
LONGEST = 40
# Columns asked for at once: an engine plans some thousand expressions quickly, and more of them slowly.
_AT_ONCE = 40
# Squares of larger numbers are not finite.
_LARGEST = "1e150"
_APPROXIMATE = ("duckdb", "spark")
_EPOCH = "TIMESTAMP '1970-01-01 00:00:00'"

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One column over all rows.

    Attributes:
        present: rows with a value; NaN is none.
        minimum: smallest finite value; None without one.
        maximum: largest finite value.
        mean: of the finite values.
        deviation: their standard deviation (n - 1); None of fewer than two.
        distinct: different values, exactly or nearly; None where it was not asked for.
        counts: rows in each bin, where edges were given; else empty.
    """

    present: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    distinct: int | None = None
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column as SQL.

    Attributes:
        name: its name.
        type: what it holds.
    """

    name: str
    type: Type | Literal["other"]

    @property
    def number(self) -> str | None:
        """Its value as a number: seconds of a time, the length of a text; None where it has none."""
        quoted = sql.name(self.name)
        if self.type in ("integer", "number"):
            return f"CAST({quoted} AS DOUBLE)"
        if self.type in ("date", "timestamp"):
            return f"CAST(date_diff('second', {_EPOCH}, CAST({quoted} AS TIMESTAMP)) AS DOUBLE)"
        return f"CAST(length({quoted}) AS DOUBLE)" if self.type == "string" else None

    @property
    def label(self) -> str | None:
        """Its value as a short text, for those that are texts or true or false; None for all others."""
        quoted = sql.name(self.name)
        if self.type == "boolean":
            return f"CASE WHEN {quoted} THEN 'true' WHEN NOT {quoted} THEN 'false' END"
        if self.type != "string":
            return None
        return f"CASE WHEN length({quoted}) > {LONGEST} THEN 'md5:' || md5({quoted}) ELSE {quoted} END"


def facts(
    engine: DataEngine,
    opened: Opened,
    columns: Sequence[Column],
    edges: Mapping[str, Sequence[float]],
    bare: Collection[str] = (),
) -> dict[str, Facts]:
    """Look at every row once.

    Args:
        engine: that counts.
        opened: the dataset.
        columns: which of its columns.
        edges: of those that are to be counted in bins, by name, two at least; different values are not counted there.
        bare: names of those of which no more is asked than how many rows have a value.
    """
    found: dict[str, Facts] = {}
    asked = [Column(each.name, "other") if each.name in bare else each for each in columns]
    for part in _parts(asked):
        inner, outer = [], []
        for place, column in enumerate(part):
            inner += _inner(column, place)
            outer += _outer(column, place, edges.get(column.name, ()), engine.name in _APPROXIMATE)
        row = engine.rows(
            f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {sql.name(opened.relation)}) AS v"
        )[0]
        values = iter(row)
        for column in part:
            found[column.name] = _read(column, values, edges.get(column.name, ()))
    return found


def _inner(column: Column, place: int) -> list[str]:
    """The raw value, its number, and that where it is finite."""
    raw = [f"{sql.name(column.name)} AS r{place}"]
    if column.number is None:
        return raw
    finite = f"CASE WHEN abs({column.number}) <= {_LARGEST} THEN {column.number} END"
    return [*raw, f"{column.number} AS c{place}", f"{finite if column.type == 'number' else column.number} AS f{place}"]


def _outer(column: Column, place: int, edges: Sequence[float], approximate: bool) -> list[str]:
    if column.number is None:
        return [f"count(r{place})"]
    # NaN is greater than every number in every engine.
    present = f"count_if(c{place} <= CAST('Infinity' AS DOUBLE))" if column.type == "number" else f"count(r{place})"
    asked = [present, *(f"{each}(f{place})" for each in ("min", "max", "avg", "stddev_samp"))]
    if not edges:
        return [*asked, f"approx_count_distinct(r{place})" if approximate else f"count(DISTINCT r{place})"]
    return [*asked, *_below(place, edges)]


def _read(column: Column, values: Iterator[Any], edges: Sequence[float]) -> Facts:
    present = int(next(values) or 0)
    if column.number is None:
        return Facts(present=present)
    # The last digits of a sum follow from how the work was divided: they are no property of the data.
    minimum, maximum = (_finite(next(values)) for _ in range(2))
    mean, deviation = (_rounded(_finite(next(values))) for _ in range(2))
    if not edges:
        distinct = int(next(values) or 0)
        return Facts(
            present=present, minimum=minimum, maximum=maximum, mean=mean, deviation=deviation, distinct=distinct
        )
    counts = counts_of([int(next(values) or 0) for _ in edges], present)
    return Facts(present=present, minimum=minimum, maximum=maximum, mean=mean, deviation=deviation, counts=counts)


def binned(
    engine: DataEngine, opened: Opened, columns: Sequence[Column], edges: Mapping[str, Sequence[float]]
) -> dict[str, tuple[int, ...]]:
    """Rows below each edge but the last, and at or below that, by column; ``counts_of`` makes bins of them.

    Args:
        engine: that counts.
        opened: the dataset.
        columns: which of its columns; each has a number.
        edges: of each by name, two at least.
    """
    found: dict[str, tuple[int, ...]] = {}
    for part in _parts(columns):
        inner = ", ".join(f"{column.number} AS c{place}" for place, column in enumerate(part))
        outer = ", ".join(each for place, column in enumerate(part) for each in _below(place, edges[column.name]))
        row = iter(engine.rows(f"SELECT {outer} FROM (SELECT {inner} FROM {sql.name(opened.relation)}) AS v")[0])
        for column in part:
            found[column.name] = tuple(int(next(row) or 0) for _ in edges[column.name])
    return found


def below(counted: Sequence[tuple[float, int]], edges: Sequence[float]) -> tuple[int, ...]:
    """What ``binned`` finds, where all values are known with how often each is there."""
    return (
        *(sum(count for value, count in counted if value < edge) for edge in edges[:-1]),
        sum(count for value, count in counted if value <= edges[-1]),
    )


def counts_of(below: Sequence[int], present: int) -> tuple[int, ...]:
    """Rows in each bin: before the first edge, between edges, after the last.

    >>> counts_of([1, 3, 6], 10)
    (1, 2, 3, 4)
    """
    return (below[0], *(after - before for before, after in pairwise(below)), present - below[-1])


def _below(place: int, edges: Sequence[float]) -> list[str]:
    return [
        *(f"count_if(c{place} < {literal(edge)})" for edge in edges[:-1]),
        f"count_if(c{place} <= {literal(edges[-1])})",
    ]


def _finite(value: Any) -> float | None:
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")


def literal(value: float) -> str:
    """A number as SQL that every engine reads as a floating-point number, to the last digit.

    >>> literal(0.1), literal(-2.0), literal(1e300)
    ('0.1e0', '(-2.0e0)', '1e+300')
    """
    text = repr(float(value))
    text = text if "e" in text else text + "e0"
    return f"({text})" if text.startswith("-") else text


def values(engine: DataEngine, opened: Opened, columns: Sequence[Column]) -> dict[str, list[tuple[Any, int]]]:
    """How many rows have each value, the most frequent first, at most ``MOST_VALUES`` and one more of a column.

    A value is a text where the column has labels, else a number.
    """
    found: dict[str, list[tuple[Any, int]]] = {column.name: [] for column in columns}
    for part in _parts(columns):
        selects = []
        for place, column in enumerate(part):
            value = column.label or column.number
            text, number = (value, "CAST(NULL AS DOUBLE)") if column.label else ("CAST(NULL AS VARCHAR)", value)
            there = f"{value} <= CAST('Infinity' AS DOUBLE)" if column.type == "number" else f"{value} IS NOT NULL"
            selects.append(
                f"SELECT * FROM (SELECT {place} AS i, {text} AS t, {number} AS v, count(*) AS n "
                f"FROM {sql.name(opened.relation)} WHERE {there} GROUP BY {value} ORDER BY n DESC, {value} "
                f"LIMIT {MOST_VALUES + 1}) AS g{place}"
            )
        for place, text, number, count in engine.rows(" UNION ALL ".join(selects)):
            found[part[int(place)].name].append((text if number is None else float(number), int(count)))
    # Every engine has its own order of texts, and hands over what was put together in no order at all.
    return {name: sorted(each, key=lambda one: (-one[1], one[0])) for name, each in found.items()}


def labelled(engine: DataEngine, opened: Opened, column: Column, labels: Sequence[str]) -> list[int]:
    """Rows with each of some labels, for a column of so many values that they are not counted one by one."""
    if column.label is None:
        wanted = [f"count_if({column.number} = CAST({sql.text(label)} AS DOUBLE))" for label in labels]
    else:
        wanted = [f"count_if({column.label} = {sql.text(label)})" for label in labels]
    return [int(each or 0) for each in engine.rows(f"SELECT {', '.join(wanted)} FROM {sql.name(opened.relation)}")[0]]


def sample(
    engine: DataEngine, opened: Opened, columns: Sequence[Column], distinct: Mapping[str, int], types: Mapping[str, str]
) -> dict[str, list[float]]:
    """Values of some columns of the same few rows each time, in ascending order.

    A row is taken by a hash of those of its values that tell rows apart best, so that neither the order of the rows
    nor the engine's way of dividing them matters.

    Args:
        engine: that counts.
        opened: the dataset.
        columns: whose values are wanted.
        distinct: how many different values a column has, where that is known.
        types: of the columns in ``distinct``.
    """
    share = SAMPLE / max(1, opened.rows)
    where = ""
    if share < 1:
        keys = _telling_apart(distinct, types, opened.rows)
        where = f" WHERE {sql.some(engine.name, keys, share)}"
    found: dict[str, list[float]] = {column.name: [] for column in columns}
    for part in _parts(columns):
        chosen = ", ".join(str(column.number) for column in part)
        rows = engine.rows(f"SELECT {chosen} FROM {sql.name(opened.relation)}{where} LIMIT {4 * SAMPLE}")
        for column, got in zip(part, zip(*rows, strict=True), strict=False):
            found[column.name] = sorted(value for each in got if (value := _finite(each)) is not None)
    return found


def _telling_apart(distinct: Mapping[str, int], types: Mapping[str, str], rows: int) -> list[str]:
    """Up to three columns that together have far more values than there are rows to take.

    Floating-point numbers last: to write them out costs most, and each engine does it in its own way.
    """
    order = sorted(distinct, key=lambda name: (types[name] == "number", distinct[name] < rows / 20, -distinct[name]))
    keys, together = [], 1.0
    for name in order[:3]:
        keys.append(name)
        together *= max(1, distinct[name])
        if together >= 20 * SAMPLE and distinct[name] >= rows / 20:
            break
    return keys


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
