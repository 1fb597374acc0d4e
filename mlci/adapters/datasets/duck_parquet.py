"""Parquet for DuckDB: footers looked at before anything is read, since they say how much there will be."""

from __future__ import annotations

from collections.abc import Mapping

from mlci.adapters.datasets.duck_files import Files, Part
from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, paths, quoted
from mlci.adapters.datasets.duck_types import Held, held, narrowest, plain, read_as
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Type
from mlci.errors import DataUnreadable, Place

# A file that says it holds more rows than this for each of its bytes, or grows this much, was made to do harm: columns
# of one value repeated come near neither as long as a single column beside them varies.
_ROWS_PER_BYTE, _SURELY_FINE = 1_000, 50_000_000
_GROWTH, _LARGE = 2_000, 4 << 30
_WIDENS = {"integer", "number"}
_NONE = '"NULL"'


def open_parquet(session: Session, files: Files, name: str, types: Mapping[str, Type]) -> Table:
    """Read the footers.

    Raises:
        DataUnreadable: one is malformed, promises what cannot be, or describes other columns than the first.
    """
    session.allow({part.place: part.shown for part in files.parts})
    rows = _footers(session, files)
    union = _same_columns(session, files)
    hive = files.partitions[0] if files.partitions else {}
    given = ", union_by_name = true" if union else ""
    # Whether there are partitions is ours to say: DuckDB would take them from any folder on the way to the file.
    given += ", hive_partitioning = true, hive_types_autocast = false" if hive else ", hive_partitioning = false"
    reader = f"read_parquet({paths([part.place for part in files.parts])}{given})"
    described = session.run(f"DESCRIBE SELECT * FROM {reader}", name)
    columns: dict[str, Held] = {}
    read: dict[str, str] = {}
    for column, stored, *_ in described:
        if column in hive:
            values = [one[column] for one in files.partitions]
            kind: Held = types.get(column) or narrowest(value for value in values if value is not None)
            columns[column], read[column] = kind, read_as(quoted(column), kind)
        else:
            columns[column], read[column] = held(stored), plain(quoted(column), stored)
    before, so_far = [], 0
    for count in rows:
        before.append(so_far)
        so_far += count
    return Table(name=name, reader=reader, columns=columns, read=read, rows=so_far, before=before)


def _footers(session: Session, files: Files) -> list[int]:
    """The rows of each file, in order; what a footer promises is held against the size of its file."""
    found = {}
    for part in files.parts:
        one = paths([part.place])
        said = session.run(f"SELECT num_rows FROM parquet_file_metadata({one})", part.shown)
        chunks = session.run(
            "SELECT count(*), coalesce(sum(rows), 0), coalesce(min(rows), 0), coalesce(sum(size), 0) FROM (SELECT "
            "row_group_id, any_value(row_group_num_rows) AS rows, sum(total_uncompressed_size::HUGEINT) AS size "
            f"FROM parquet_metadata({one}) GROUP BY row_group_id)",
            part.shown,
        )
        found[part.place] = _rows(part, int(said[0][0]), [int(one) for one in chunks[0]])
    return [found[part.place] for part in files.parts]


def _rows(part: Part, rows: int, chunks: list[int]) -> int:
    groups, in_groups, least, size = chunks
    if rows < 0 or least < 0 or (groups and in_groups != rows):
        raise _unreadable(part, f"its footer says {rows:,} rows and its row groups {in_groups:,}")
    if rows > _SURELY_FINE and rows > _ROWS_PER_BYTE * part.size:
        raise _unreadable(part, f"it says to hold {rows:,} rows in {part.size:,} bytes, and is not read")
    if size > _LARGE and size > _GROWTH * part.size:
        raise _unreadable(part, f"its {part.size:,} bytes would become {size:,}, and it is not read")
    return rows


def _same_columns(session: Session, files: Files) -> bool:
    """Whether files agree on columns but not on how wide their numbers are."""
    first: dict[str, str] = {}
    widened = False
    for part in files.parts:
        columns = _top_level(session, part)
        if part is files.parts[0]:
            first = columns
            continue
        _agree(part, files.parts[0], first, columns)
        widened = widened or columns != first
    return widened


def _top_level(session: Session, part: Part) -> dict[str, str]:
    """Type of each column; a schema is listed from its root down, each node before its children."""
    nodes = session.run(
        f"SELECT name, coalesce(duckdb_type, ''), coalesce(num_children, 0) FROM parquet_schema({paths([part.place])}) "
        "ORDER BY column_id",
        part.shown,
    )
    names: list[str] = []
    columns: dict[str, str] = {}
    inside = 0
    for name, stored, children in nodes[1:]:
        if inside == 0:
            names.append(str(name))
            columns[str(name)] = str(stored)
        else:
            inside -= 1
        inside += int(children)
    _named(part, names)
    return columns


def _named(part: Part, names: list[str]) -> None:
    if not names:
        raise _unreadable(part, "it has no columns")
    lower: dict[str, str] = {}
    for name in names:
        if not name.strip():
            raise _unreadable(part, "a column has no name")
        if name.lower() in lower:
            shown, same = one_line(name, 60), one_line(lower[name.lower()], 60)
            why = f"column {shown} stands twice" if shown == same else f"{same} and {shown} differ in capitals alone"
            raise _unreadable(part, why)
        lower[name.lower()] = name


def _agree(part: Part, first: Part, wanted: dict[str, str], columns: dict[str, str]) -> None:
    for name in [*wanted, *columns]:
        shown = one_line(name, 60)
        if name not in columns or name not in wanted:
            has, lacks = (part, first) if name in columns else (first, part)
            raise _unreadable(part, f"column {shown} is in {has.shown} and not in {lacks.shown}")
        here, there = held(columns[name]), held(wanted[name])
        # Where a file has no value at all, its column has no type either.
        if here != there and not {here, there} <= _WIDENS and _NONE not in (columns[name], wanted[name]):
            raise _unreadable(part, f"column {shown} holds {_a(here)} and in {first.shown} {_a(there)}")


def _a(kind: Held) -> str:
    return {"other": "values of another kind", "boolean": "truth values"}.get(kind, f"{kind}s")


def _unreadable(part: Part, why: str) -> DataUnreadable:
    return DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown))
