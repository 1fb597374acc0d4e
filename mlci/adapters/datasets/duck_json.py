"""JSON for DuckDB: a list of objects, or one object after the other; read once into Parquet with types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlci.adapters.datasets.duck_files import Files, Part
from mlci.adapters.datasets.duck_packed import unpacked
from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, paths, quoted
from mlci.adapters.datasets.duck_text import check_bytes
from mlci.adapters.datasets.duck_types import Held
from mlci.adapters.datasets.duck_typing import typed
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Type
from mlci.errors import DataUnreadable, Place

_LARGEST_OBJECT = 16 << 20
_MOST_COLUMNS = 20_000
_KINDS: dict[str, Held] = {
    "BIGINT": "integer", "UBIGINT": "integer", "HUGEINT": "number", "UHUGEINT": "number", "DOUBLE": "number",
    "BOOLEAN": "boolean",
}  # fmt: skip


def open_json(session: Session, files: Files, name: str, types: Mapping[str, Type]) -> Table:
    """Read every value. A value within quotes is a text, a date or a time; a list or an object is neither.

    Raises:
        DataUnreadable: a file is malformed, or holds anything but objects.
    """
    parts = [unpacked(session.spill, part) for part in files.parts]
    session.allow({part.place: part.shown for part in parts})
    for part in parts:
        check_bytes(part)
    forms = {_form(part) for part in parts}
    if len(forms) > 1:
        raise DataUnreadable(f"{name} cannot be read: some files hold a list and some do not", place=Place(name))
    given = (
        f"{paths([part.place for part in parts])}, format = '{forms.pop()}', compression = 'none', "
        f"maximum_object_size = {_LARGEST_OBJECT}, ignore_errors = false"
    )
    known = _keys(session, given, parts[0], name)
    columns = ", ".join(f"{quoted(column)}: 'JSON'" for column in known)
    hive = bool(files.partitions)
    reader = (
        f"read_json({given}, columns = {{{columns}}}, hive_partitioning = {str(hive).lower()}"
        f"{', hive_types_autocast = false' if hive else ''})"
    )
    texts = {column: f"({quoted(column)} ->> '$')" for column in known}
    texts.update({column: quoted(column) for column in (files.partitions[0] if hive else ())})
    return typed(session, reader, texts, types, name, known)


def _form(part: Part) -> str:
    with open(part.place, "rb") as stream:  # noqa: PTH123 - a path with odd bytes stays what it is
        head = stream.read(1 << 16).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        return "array"
    return "unstructured" if part.ending == ".json" else "newline_delimited"


def _keys(session: Session, given: str, part: Part, name: str) -> dict[str, Held | None]:
    """The keys of all objects: those of the first object in its order, then the others by name; with their types."""
    found = session.run(f"SELECT json_group_structure(json) FROM read_json_objects({given})", name)[0][0]
    try:
        structure: Any = json.loads(found) if found is not None else None
    except RecursionError as error:
        why = "its values are nested too deep"
        raise DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown)) from error
    if structure is None:
        raise DataUnreadable(f"{part.shown} cannot be read: it holds no object", place=Place(part.shown))
    if not isinstance(structure, dict):
        why = "it must hold objects, and holds something else or an object with one key twice"
        raise DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown))
    if len(structure) > _MOST_COLUMNS:
        why = f"its objects have {len(structure):,} different keys, more than {_MOST_COLUMNS:,}"
        raise DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown))
    first = session.run(f"SELECT json_keys(json) FROM read_json_objects({given}) LIMIT 1", name)[0][0]
    keys = [*first, *sorted(set(structure) - set(first))]
    lower: dict[str, str] = {}
    for key in keys:
        if not key.strip() or "\0" in key:
            raise DataUnreadable(f"{part.shown} cannot be read: a key has no name", place=Place(part.shown))
        if (other := lower.setdefault(key.lower(), key)) != key:
            why = f"keys {one_line(other, 60)} and {one_line(key, 60)} differ in capitals alone"
            raise DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown))
    return {key: _kind(structure[key]) for key in keys}


def _kind(structure: object) -> Held | None:
    """What values of a key are; None for texts, which may be dates."""
    if isinstance(structure, str):
        return None if structure in ("VARCHAR", "NULL") else _KINDS.get(structure, "string")
    return "other"
