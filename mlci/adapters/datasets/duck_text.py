"""CSV for DuckDB: read once, by one set of rules, into Parquet with types, which everything after reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from mlci.adapters.datasets.duck_files import Files, Part
from mlci.adapters.datasets.duck_packed import unpacked
from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, paths, quoted
from mlci.adapters.datasets.duck_typing import typed
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Type
from mlci.errors import DataUnreadable, Place

# No honest line is longer; DuckDB holds two of these buffers for each thread.
LONGEST_LINE = 8_000_000
_HEAD = 1 << 20
_BLOCK = 1 << 22
_MOST_COLUMNS = 20_000
_OTHER_TEXT = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"\x00\x00\xfe\xff", "UTF-32"))


def open_csv(session: Session, files: Files, name: str, types: Mapping[str, Type]) -> Table:
    """Read every value.

    Raises:
        DataUnreadable: a file is malformed, not UTF-8, or has another header than the first.
    """
    parts = [unpacked(session.spill, part) for part in files.parts]
    session.allow({part.place: part.shown for part in parts})
    for part in parts:
        check_bytes(part, longest=LONGEST_LINE)
    sign, names = _header(parts[0])
    for part in parts[1:]:
        if (other := _header(part)[1]) != names:
            raise _unreadable(part, f"its header is not that of {parts[0].shown}: {_differs(names, other)}", 1)
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in names)
    hive = bool(files.partitions)
    reader = (
        f"read_csv({paths([part.place for part in parts])}, delim = '{sign}', quote = '\"', escape = '\"', "
        f"header = true, auto_detect = false, columns = {{{columns}}}, strict_mode = true, null_padding = false, "
        f"max_line_size = {LONGEST_LINE}, buffer_size = {2 * LONGEST_LINE}, compression = 'none', "
        f"hive_partitioning = {str(hive).lower()}{', hive_types_autocast = false' if hive else ''})"
    )
    texts = {column: quoted(column) for column in names}
    texts.update({column: quoted(column) for column in (files.partitions[0] if hive else ())})
    return typed(session, reader, texts, types, name)


def check_bytes(part: Part, longest: int | None = None) -> None:
    """Look through a text file for what is no text.

    Args:
        part: the file.
        longest: bytes that a line may have, give or take a block that is read at once; None for as many as it has.

    Raises:
        DataUnreadable: it is in another encoding by its first bytes, holds NUL bytes, or a line without end.
    """
    offset = begun = 0
    with open(part.place, "rb") as stream:  # noqa: PTH123 - a path with odd bytes stays what it is
        while block := stream.read(_BLOCK):
            if offset == 0:
                for mark, encoding in _OTHER_TEXT:
                    if block.startswith(mark):
                        raise _unreadable(part, f"it is {encoding} text and must be UTF-8")
            if (found := block.find(0)) >= 0:
                raise _unreadable(part, f"byte {offset + found + 1:,} of it is NUL, which no text file holds")
            end = max(block.rfind(b"\n"), block.rfind(b"\r"))
            if longest is not None and end < 0 and offset + len(block) - begun > longest:
                raise _unreadable(part, f"the line that begins at byte {begun + 1:,} has more than {longest:,} bytes")
            offset += len(block)
            begun = offset - len(block) + end + 1 if end >= 0 else begun


def _header(part: Part) -> tuple[str, list[str]]:
    with open(part.place, "rb") as stream:  # noqa: PTH123
        head = stream.read(_HEAD)
    try:
        text = head.decode("utf-8-sig", "strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise _unreadable(part, f"line {line:,} of it is not UTF-8", line) from error
    first = text.lstrip("\r\n").partition("\n")[0]
    sign = "\t" if part.ending == ".tsv" else next((one for one in (",", ";", "\t") if one in first), ",")
    csv.field_size_limit(_HEAD)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True), [])
    except csv.Error as error:
        raise _unreadable(part, f"its header cannot be read: {error}", 1) from error
    _check_names(part, names)
    return sign, names


def _check_names(part: Part, names: Sequence[str]) -> None:
    if not names:
        raise _unreadable(part, "it does not begin with a header", 1)
    if len(names) > _MOST_COLUMNS:
        raise _unreadable(part, f"its header names {len(names):,} columns, more than {_MOST_COLUMNS:,}", 1)
    seen: dict[str, str] = {}
    for number, column in enumerate(names, 1):
        if not column.strip():
            raise _unreadable(part, f"column {number:,} of its header has no name", 1)
        if column.lower() in seen:
            shown, same = one_line(column, 60), one_line(seen[column.lower()], 60)
            twice = f"{shown} stands twice in its header"
            raise _unreadable(part, twice if shown == same else f"{same} and {shown} differ in capitals alone", 1)
        seen[column.lower()] = column


def _differs(wanted: Sequence[str], names: Sequence[str]) -> str:
    for column in wanted:
        if column not in names:
            return f"column {one_line(column, 60)} is missing"
    extra = next((column for column in names if column not in wanted), None)
    return "its columns stand in another order" if extra is None else f"it also has column {one_line(extra, 60)}"


def _unreadable(part: Part, why: str, line: int | None = None) -> DataUnreadable:
    return DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown, line))
