"""A few values of every column of a large file: all distinct words, and the numbers that say what kind of column it is.

Which task this is, what the classes are, what a prediction column holds: all of it depends on the distinct values of a
column and on its range, never on how many rows there are. So these are asked of the engine, and the rules that read
whole files read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlci.errors import Place, UsageError
from mlci.ports import Engine, Source, Table

# More distinct words than this are no classes and no slices that an engine could be told of in a query.
MOST_WORDS = 10_000
# Words that read as missing, and as truth values, in files whose cells are all text.
_MISSING = ("", "na", "n/a", "nan", "null", "none")
LARGEST_NUMBER = "CAST('1.7976931348623157e308' AS DOUBLE)"


@dataclass(frozen=True)
class Column:
    """One column of a file, as SQL and by its values.

    Attributes:
        number: whether it holds nothing but numbers, truth values and missing ones.
        sql: its value: a finite double, or a word; NULL where there is none.
        values: distinct values, ascending; of numbers with too many, some of them with both ends.
        complete: whether ``values`` are all.
        missing: how many rows have none.
    """

    number: bool
    sql: str
    values: tuple[Any, ...]
    complete: bool
    missing: int


def column_of(engine: Engine, source: Source, name: str) -> Column:
    """Ask for the values of one column."""
    quoted = engine.quoted(name)
    word, number, odd = _expressions(engine, source, name, quoted)
    is_number = number is not None and (odd is None or not _one(engine, source, f"count({odd})"))
    value = finite(number) if is_number and number is not None else word
    [[missing]] = engine.rows(f"SELECT count(*) - count({value}) FROM {source.relation}")
    distinct = f"SELECT DISTINCT {value} AS v FROM {source.relation} WHERE {value} IS NOT NULL"
    found = [row[0] for row in engine.rows(f"{distinct} ORDER BY v LIMIT {MOST_WORDS + 1}")]
    complete = len(found) <= MOST_WORDS
    if not complete:
        found = found[: MOST_WORDS // 10]
        if is_number:
            parts = f"min({value}), max({value}), min(CASE WHEN {value} <> floor({value}) THEN {value} END)"
            [ends] = engine.rows(f"SELECT {parts} FROM {source.relation}")
            found += [end for end in ends if end is not None]
    return Column(is_number, value, tuple(found), complete, int(missing))


def _one(engine: Engine, source: Source, sql: str) -> Any:
    [[value]] = engine.rows(f"SELECT {sql} FROM {source.relation}")
    return value


def _expressions(engine: Engine, source: Source, name: str, quoted: str) -> tuple[str, str | None, str | None]:
    """A column as a word, as a number where it can be one, and what is not NULL where it is neither one nor missing."""
    if not source.plain:
        stored = source.kinds[name]
        return quoted, None if stored == "text" else f"CAST({quoted} AS DOUBLE)", None
    stripped = engine.stripped(quoted)
    low = f"lower({stripped})"
    missing = f"{low} IN ({', '.join(engine.literal(word) for word in _MISSING)})"
    word = f"CASE WHEN NOT {missing} THEN {stripped} END"
    cast = f"try_cast({stripped} AS DOUBLE)"
    truth = f"WHEN {low} = 'true' THEN CAST(1 AS DOUBLE) WHEN {low} = 'false' THEN CAST(0 AS DOUBLE)"
    number = f"CASE WHEN {missing} THEN NULL {truth} ELSE {cast} END"
    odd = f"CASE WHEN NOT {missing} AND {low} NOT IN ('true', 'false') AND {cast} IS NULL THEN 1 END"
    return word, number, odd


def finite(sql: str) -> str:
    """A number, NULL where it is missing, infinite or not a number; -0 is 0."""
    return f"CASE WHEN {sql} BETWEEN -{LARGEST_NUMBER} AND {LARGEST_NUMBER} THEN {sql} + CAST(0 AS DOUBLE) END"


def sampled(engine: Engine, source: Source, names: Iterable[str]) -> tuple[Table, dict[str, Column]]:
    """Some values of the columns as a table, and what is known of each.

    Raises:
        UsageError: a column has too many distinct words.
    """
    columns = {name: column_of(engine, source, name) for name in dict.fromkeys(names)}
    for name, column in columns.items():
        if not column.number and not column.complete:
            raise UsageError(
                f"column {name} has more than {MOST_WORDS} distinct values",
                place=Place(source.file),
                help=f"the engine {engine.name} counts by words; leave --engine out, or leave the column out",
            )
    rows = max((len(column.values) for column in columns.values()), default=0) + 1

    def padded(column: Column) -> list[Any]:
        values: list[Any] = list(column.values)
        # A row of its own says that something is missing; all others repeat a value that is there.
        spare = None if column.missing or not values else values[0]
        return values + [spare if place == rows - 1 or not values else values[0] for place in range(len(values), rows)]

    numbers = frozenset(name for name, column in columns.items() if column.number)
    return engine.table(source, {name: padded(column) for name, column in columns.items()}, numbers), columns
