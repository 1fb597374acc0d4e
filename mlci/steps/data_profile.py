"""data-profile: count what a contract could ask of each column, and write the contract that holds today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlci.domain.dataset.contract_text import draft
from mlci.domain.dataset.drafting import MOST_CATEGORIES, Facts
from mlci.errors import DataUnreadable, Place
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

# Columns whose plain counts are asked for at once.
_AT_ONCE = 40


def run(engine: DataEngine, opened: Opened, schema: str) -> str:
    """The text of a contract that these very data meet.

    Args:
        engine: that counts.
        opened: the dataset.
        schema: address of the JSON Schema of contracts.

    Raises:
        DataUnreadable: there is nothing to look at.
    """
    if opened.rows == 0 or not opened.columns:
        what = "no rows" if opened.columns else "no columns"
        raise DataUnreadable(
            f"{opened.source.name} has {what}, so there is nothing to draft a contract from",
            place=Place(opened.source.name),
            help="name a file with data in it",
        )
    return draft(opened.source.name, [*_facts(engine, opened)], schema)


def _facts(engine: DataEngine, opened: Opened) -> Iterator[Facts]:
    names = list(opened.columns)
    for start in range(0, len(names), _AT_ONCE):
        several = names[start : start + _AT_ONCE]
        asked = [part for name in several for part in _plain(opened, name)]
        # Nothing of the data is text here: names are quoted by sql.name.
        counted = engine.rows(f"SELECT {', '.join(asked)} FROM {opened.relation}")[0]  # noqa: S608
        for position, name in enumerate(several):
            yield _of_column(engine, opened, name, counted[4 * position : 4 * position + 4])


def _plain(opened: Opened, name: str) -> tuple[str, str, str, str]:
    """Values, the smallest and the largest, of a text their lengths; and the mean of numbers."""
    kind, value = opened.columns[name], _value(opened, name)
    if kind in ("boolean", "other"):
        return f"count({value})", "NULL", "NULL", "NULL"
    mean = f"avg(CAST({value} AS DOUBLE))" if kind in ("integer", "number") else "NULL"
    measured = f"length({value})" if kind == "string" else value
    return f"count({value})", f"min({measured})", f"max({measured})", mean


def _value(opened: Opened, name: str) -> str:
    """The value of a column, or NULL where it is missing."""
    quoted = sql.name(name)
    if opened.columns[name] != "number":
        return quoted
    # As text, and only where a number minus itself is not 0: DuckDB answers a comparison with NaN from the least and
    # the greatest value that a Parquet file states, and these leave NaN out.
    number = f"CAST({quoted} AS DOUBLE)"
    text = f"lower(CAST({quoted} AS VARCHAR))"
    return f"CASE WHEN {number} - {number} = 0 THEN {quoted} WHEN {text} <> 'nan' THEN {quoted} END"


def _of_column(engine: DataEngine, opened: Opened, name: str, counted: Sequence[Any]) -> Facts:
    kind, (present, low, high, mean) = opened.columns[name], counted
    distinct, values = None, None
    if kind in ("integer", "string") and present:
        # One column at a time, so that the different values of many columns never stand in memory together.
        value = _value(opened, name)
        distinct = int(engine.rows(f"SELECT count(DISTINCT {value}) FROM {opened.relation}")[0][0])  # noqa: S608
        if distinct <= MOST_CATEGORIES:
            found = engine.rows(
                f"SELECT DISTINCT {value} AS value FROM {opened.relation} WHERE {value} IS NOT NULL"  # noqa: S608
            )
            values = tuple(sorted(row[0] for row in found))
    return Facts(
        name=name, type=kind, rows=opened.rows, present=int(present), distinct=distinct, low=low, high=high,
        mean=mean, values=values,
    )  # fmt: skip
