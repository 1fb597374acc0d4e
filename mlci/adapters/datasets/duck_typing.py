"""Texts become values: by the types that a contract says, else by what all values of a column are."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import ROW, Table, literal, paths, quoted
from mlci.adapters.datasets.duck_types import NARROWEST, Held, finite_or_endless, fits, read_as
from mlci.domain.dataset.contract import Type

# Looked at to guess a type, which all values then have to bear out.
_SAMPLE = 10_000
_STRAY = "stray of "


def typed(
    session: Session,
    reader: str,
    texts: Mapping[str, str],
    types: Mapping[str, Type],
    name: str,
    known: Mapping[str, Held | None] | None = None,
) -> Table:
    """Read all texts once, and keep them as Parquet with types.

    Args:
        session: the connection.
        reader: SQL of the table function that gives them, in the order of the file.
        texts: SQL of the text of each column over it.
        types: what the contract says.
        name: of the dataset, for messages.
        known: types that the file itself tells; None for a column whose text is a date, a time or a text.

    Raises:
        DataUnreadable: the file is malformed.
    """
    said: dict[str, Held] = {column: types[column] for column in texts if column in types}
    for column, kind in (known or {}).items():
        if kind is not None and (column not in said or kind == "other"):
            said[column] = kind
    unsaid = {column: text for column, text in texts.items() if column not in said}
    ways = dict.fromkeys(unsaid, NARROWEST if known is None else NARROWEST[3:])
    sampled = f"(SELECT * FROM {reader} LIMIT {_SAMPLE})"
    guessed, seen = _found(session, sampled, unsaid, ways, name)
    place, rows = _kept(session, reader, texts, {**said, **guessed}, guessed, name)
    wrong = _refuted(session, place, guessed, seen, name)
    if wrong:
        again = {column: unsaid[column] for column in wrong}
        guessed.update(_found(session, reader, again, ways, name)[0])
        place, rows = _kept(session, reader, texts, {**said, **guessed}, guessed, name)
    columns = {column: {**said, **guessed}[column] for column in texts}
    return Table(
        name=name,
        reader=f"read_parquet({paths([place])}, hive_partitioning = false)",
        columns=columns,
        read={column: _missing(quoted(column), kind) for column, kind in columns.items()},
        rows=rows,
        strays={column: quoted(_STRAY + column) for column, kind in said.items() if kind not in ("string", "other")},
        original=f"SELECT {', '.join(f'{sql} AS {quoted(column)}' for column, sql in texts.items())}, "
        f"row_number() OVER () AS {ROW} FROM {reader}",
    )


def _missing(column: str, kind: Held) -> str:
    return finite_or_endless(column) if kind == "number" else column


def _found(
    session: Session, rows: str, texts: Mapping[str, str], ways: Mapping[str, tuple[Type, ...]], name: str
) -> tuple[dict[str, Type], set[str]]:
    """The narrowest type that every text of a column fits; string for one without a text. And those with one."""
    if not texts:
        return {}, set()
    asked = [(column, kind) for column in texts for kind in ways[column]]
    counts = ", ".join(
        f"count(*) FILTER (WHERE {texts[column]} IS NOT NULL AND NOT {fits(texts[column], kind)})"
        for column, kind in asked
    )
    present = ", ".join(f"count({text})" for text in texts.values())
    found = session.run(f"SELECT {', '.join(one for one in (present, counts) if one)} FROM {rows}", name)[0]
    held: dict[str, Type] = dict.fromkeys(texts, "string")
    some = dict(zip(texts, found, strict=False))
    for (column, kind), misfits in zip(reversed(asked), reversed(found[len(texts) :]), strict=True):
        if some[column] and not misfits:
            held[column] = kind
    return held, {column for column, count in some.items() if count}


def _kept(
    session: Session,
    reader: str,
    texts: Mapping[str, str],
    types: Mapping[str, Held],
    guessed: Mapping[str, Type],
    name: str,
) -> tuple[str, int]:
    """A Parquet file of all values, with the texts that are none beside them; and how many rows it has."""
    place = session.spill.file(f"typed-{len(os.listdir(session.spill.path))}.parquet")  # noqa: PTH208
    values, strays = [], []
    for column, text in texts.items():
        kind = types[column]
        value = read_as(text, kind)
        values.append(f"{value} AS {quoted(column)}")
        if kind not in ("string", "other"):
            stray = f"NOT ({fits(text, kind)})" if column in guessed else f"({value}) IS NULL"  # type: ignore[arg-type]
            strays.append(f"CASE WHEN {stray} THEN {text} END AS {quoted(_STRAY + column)}")
    rows = session.run(
        f"COPY (SELECT {', '.join([*values, *strays])} FROM {reader}) "
        f"TO {literal(place)} (FORMAT parquet, COMPRESSION lz4_raw)",
        name,
    )
    return place, int(rows[0][0])


def _refuted(session: Session, place: str, guessed: Mapping[str, Type], seen: set[str], name: str) -> list[str]:
    """Columns of which some text does not fit what the first ones fitted, or of which none was seen at first."""
    asked = {
        column: quoted(column if kind == "string" else _STRAY + column)
        for column, kind in guessed.items()
        if kind != "string" or column not in seen
    }
    if not asked:
        return []
    counts = ", ".join(f"count({sql})" for sql in asked.values())
    found = session.run(f"SELECT {counts} FROM read_parquet({paths([place])})", name)[0]
    return [column for column, count in zip(asked, found, strict=True) if count]
