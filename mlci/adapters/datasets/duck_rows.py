"""Rows that break rules: some of them by what names them, or all of them in a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mlci.adapters.datasets.duck_rules import OnRows, on_rows
from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import ROW, Table, literal, quoted
from mlci.adapters.datasets.duck_values import Impossible
from mlci.adapters.disk.files import umask
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Offenders
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.errors import EngineFailed, NotWritable, Place

# A key or a value longer than this is cut: a sample is for finding rows, not for keeping them.
_LONGEST = 200
_BLOCK = 1 << 20


def offenders(session: Session, table: Table, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
    """The first rows, in the order of the file, that break a rule on rows.

    Args:
        session: the connection.
        table: the rows.
        rule: of any level; one that is not on rows has none.
        keys: columns that name a row; its number does where one of them is not there, or none is given.
        most: rows at most.
        values: whether the values that break it are told as well.
    """
    named = tuple(keys) if keys and all(key in table.columns for key in keys) else ()
    shown = named or ("row",)
    one = _on_rows(table, rule)
    if one is None or most < 1:
        return Offenders(keys=shown, rows=())
    key_columns = [quoted(key) for key in named] or [ROW]
    told = [_told(table, column) for column in rule.columns] if values else []
    listed = ", ".join([*key_columns, *told])
    found = session.run(
        f"SELECT {listed} FROM {_breaking(table, one)} ORDER BY {ROW} LIMIT {int(most)}",
        table.name,
    )
    rows = tuple(tuple(map(in_text, row[: len(shown)])) for row in found)
    told_rows = tuple(tuple(map(in_text, row[len(shown) :])) for row in found) if values else ()
    return Offenders(keys=shown, rows=rows, values=told_rows)


def quarantine(session: Session, table: Table, rules: Sequence[Rule], path: str) -> int:
    """Write every row that breaks one of the rules on rows, once, as it was written, in the order of the file.

    Raises:
        NotWritable: the file cannot be written; what was there before still is.
    """
    parts = [one for one in (_on_rows(table, rule) for rule in rules) if one is not None]
    broken = " UNION ALL ".join(f"SELECT {ROW} FROM {_breaking(table, one)}" for one in parts)
    numbers = f"(SELECT DISTINCT {ROW} FROM ({broken or f'SELECT 0 AS {ROW} WHERE false'}))"
    original = table.original or f"SELECT *, {table.number} AS {ROW} FROM {table.reader}"
    place = session.spill.file("quarantine.parquet")
    sql = (
        f"COPY (SELECT * EXCLUDE ({ROW}) FROM ({original}) WHERE {ROW} IN {numbers} ORDER BY {ROW}) "
        f"TO {literal(place)} (FORMAT parquet, COMPRESSION zstd)"
    )
    with _writing(path), contextlib.ExitStack() as after:
        after.callback(Path(place).unlink, missing_ok=True)
        written = int(session.run(sql, table.name)[0][0])
        _put(place, path)
    return written


def _on_rows(table: Table, rule: Rule) -> OnRows | None:
    """A rule as SQL, where single rows break it and it can be counted."""
    known = EXPECTATIONS.get(rule.expectation)
    if known is None or not known.on_rows or rule.trouble is not None:
        return None
    try:
        return on_rows(table, rule)
    except Impossible:
        return None


def _breaking(table: Table, one: OnRows) -> str:
    """A relation of the rows that break a rule."""
    if not one.alike:
        return f"(SELECT * FROM {table.numbered} WHERE {one.looked_at} AND {one.broken})"
    names = [quoted(column) for column in one.alike]
    groups = (
        f"(SELECT {', '.join(names)} FROM {table.numbered} WHERE {one.looked_at} "
        f"GROUP BY {', '.join(names)} HAVING count(*) > 1)"
    )
    # A missing value is like a missing one.
    same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in names)
    rows = f"(SELECT * FROM {table.numbered} WHERE {one.looked_at})"
    return f"(SELECT a.* FROM {rows} a SEMI JOIN {groups} b ON {same})"


def _told(table: Table, column: str) -> str:
    stray = table.strays.get(column)
    return f"coalesce(CAST({quoted(column)} AS VARCHAR), {stray})" if stray else quoted(column)


def in_text(value: Any) -> str:
    """A key or value of a row as every engine names it, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return one_line(value, _LONGEST)


@contextlib.contextmanager
def _writing(path: str) -> Iterator[None]:
    shown = one_line(path, 200)
    try:
        yield
    except OSError as error:
        why = f"cannot write {shown}: {error.strerror or error}"
        raise NotWritable(why, place=Place(shown), help="check permissions and space") from error
    except EngineFailed as error:
        if "out of disk" not in error.cause:
            raise
        raise NotWritable(f"cannot write {shown}: {error.cause}", place=Place(shown), help="free some disk") from error


def _put(source: str, path: str) -> None:
    """Copy a file to where it belongs, so that nobody ever sees half of it there."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "wb") as copy, open(source, "rb") as stream:  # noqa: PTH123
            shutil.copyfileobj(stream, copy, _BLOCK)
            copy.flush()
            os.fsync(copy.fileno())
        Path(temporary).chmod(0o666 & ~umask())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
