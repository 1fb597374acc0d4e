"""JSON of another program: bounded in size, without doubled keys, and told apart from what only looks like it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlci.adapters.disk.files import unread
from mlci.errors import Place, Unreadable

# As Python objects a document takes some ten times its size.
LARGEST_DOCUMENT = 256 << 20
LARGEST_LINE = 64 << 20
LARGEST_LINES = 4 << 30


def document_of(file: Path) -> Any:
    """The JSON value of a whole file.

    Raises:
        FileMissing: it cannot be read.
        Unreadable: it is too large, no JSON, nested too deeply, or has a key twice in one object.
    """
    try:
        if file.stat().st_size > LARGEST_DOCUMENT:
            raise too_large(file, LARGEST_DOCUMENT)
        return parsed(file.read_bytes(), Place(str(file)))
    except OSError as error:
        raise unread(str(file), error) from error


def too_large(file: Path, limit: int) -> Unreadable:
    """What to raise for a file that would not fit in memory."""
    return Unreadable(
        f"larger than {limit >> 20} MiB",
        place=Place(str(file)),
        help="write JSON Lines (promptfoo, lm-evaluation-harness) or .eval (Inspect), which are read piece by piece",
    )


def lines_of(file: Path) -> Iterator[tuple[Place, Any]]:
    """Each line's JSON value with its place; empty lines are passed over."""
    try:
        if file.stat().st_size > LARGEST_LINES:
            raise too_large(file, LARGEST_LINES)
        with file.open("rb") as stream:
            number = 0
            while line := stream.readline(LARGEST_LINE + 1):
                number += 1
                place = Place(str(file), number)
                if len(line) > LARGEST_LINE:
                    raise Unreadable(f"a line longer than {LARGEST_LINE >> 20} MiB", place=place)
                if line.strip():
                    yield place, parsed(line, place)
    except OSError as error:
        raise unread(str(file), error) from error


def parsed(content: bytes, place: Place) -> Any:
    """One JSON value; NaN, which Python's own writer leaves, is let through and read as a missing number later."""
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"not JSON that can be read: {str(error)[:200]}", place=place) from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:60]!a} stands twice in one object")
    return found


def taken(value: Any, kind: type | tuple[type, ...], what: str, place: Place) -> Any:
    """A value of the type it must have.

    Raises:
        Unreadable: it has another.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        names = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise Unreadable(f"{what} is not as the harness writes it: {_shown(value)} where {names} is due", place=place)
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def number_or_none(value: Any) -> float | None:
    """A finite number, a truth value as 0 or 1; None for anything else."""
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
