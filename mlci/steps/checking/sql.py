"""Names and texts in SQL, so that nothing which stands in data or in a configuration is ever read as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def name(text: str) -> str:
    """A column or relation."""
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as a literal; a NUL, which no engine takes, is left out."""
    return "'" + value.replace("\0", "").replace("'", "''") + "'"


def names(columns: Iterable[str], relation: str | None = None) -> str:
    """Columns, separated by commas; of a relation where one is given."""
    of = f"{relation}." if relation is not None else ""
    return ", ".join(of + name(column) for column in columns)


def some(engine: str, columns: Sequence[str], share: float) -> str:
    """A condition that holds for about a share of the rows, by what is in them: the same rows in whatever order.

    DuckDB's own hash costs a thirtieth of md5, which every engine has.
    """
    if engine == "duckdb":
        return f"hash({names(columns)}) % 1000000 < {round(1_000_000 * share)}"
    texts = ", ".join(f"CAST({name(column)} AS VARCHAR)" for column in columns)
    return f"md5(concat_ws(',', {texts})) < '{min(round(share * 2**32), 2**32 - 1):08x}'"
