"""Rows of two relations side by side: what is compared, and how it is written in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mlci.domain.dataset.media import CONTENT, medium_of
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

_NUMBERS = ("integer", "number")
# Longer texts, and those of several words, are content and no names of rows.
_LONGEST_NAME = 64


def comparable(one: Opened, other: Opened, column: str) -> str:
    """A column as an expression that is the same for the same value on both sides."""
    kinds = {one.columns[column], other.columns[column]}
    quoted = sql.name(column)
    if kinds <= set(_NUMBERS):
        return quoted if len(kinds) == 1 else f"CAST({quoted} AS DOUBLE)"
    return quoted if len(kinds) == 1 and "other" not in kinds else f"CAST({quoted} AS VARCHAR)"


def content(
    engine: DataEngine, one: Opened, other: Opened, apart: Collection[str | None]
) -> tuple[list[str], list[str]]:
    """The columns whose values make the content of a row.

    Args:
        engine: that counts.
        one: the larger dataset.
        other: the one it is compared with.
        apart: columns that are looked at by themselves.

    Returns:
        The columns; and those left out because they only name rows: each of their values stands once in ``one``.
    """
    both = [column for column in one.columns if column in other.columns and column not in apart]
    if medium_of(one.columns) is not None and medium_of(other.columns) is not None:
        return list(CONTENT), []
    named = naming(engine, one, both)
    left = [column for column in both if column not in named]
    return (left, named) if left else (both, [])


def naming(engine: DataEngine, opened: Opened, columns: Sequence[str]) -> list[str]:
    """Those of some columns that only name rows: whole numbers and single words of which none stands twice."""
    likely = [column for column in columns if opened.columns[column] in ("integer", "string")]
    if not likely or opened.rows < 2:
        return []
    tests = []
    for column in likely:
        quoted = sql.name(column)
        if opened.columns[column] == "integer":
            test = f"CAST(max({quoted}) AS DOUBLE) - CAST(min({quoted}) AS DOUBLE) >= {opened.rows - 1}"
        else:
            text = f"CAST({quoted} AS VARCHAR)"
            test = (
                f"max(length({text})) <= {_LONGEST_NAME} AND NOT max(CASE WHEN {text} LIKE '% %' THEN 1 ELSE 0 END) = 1"
            )
        tests.append(f"CASE WHEN count({quoted}) = {opened.rows} AND {test} THEN 1 ELSE 0 END")
    passed = engine.rows(f"SELECT {', '.join(tests)} FROM {opened.relation}")[0]
    likely = [column for column, yes in zip(likely, passed, strict=True) if yes]
    if not likely:
        return []
    counts = ", ".join(f"count(DISTINCT {sql.name(column)})" for column in likely)
    distinct = engine.rows(f"SELECT {counts} FROM {opened.relation}")[0]
    return [column for column, count in zip(likely, distinct, strict=True) if count == opened.rows]
