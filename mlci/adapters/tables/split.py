"""Split a file of rows in two, the same way each time: a row's own content decides on which side it is."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

from mlci.adapters.disk.files import unread
from mlci.adapters.oneline import one_line
from mlci.adapters.tables.plain import LARGEST_CELL
from mlci.errors import Place, UsageError

LARGEST = 512 << 20
SHARE = 0.25

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def split(path: str) -> tuple[bytes, bytes]:
    """What is kept for training, and the quarter that is held out; equal rows are on the same side.

    Args:
        path: a CSV or TSV file with a header, or JSON Lines.

    Returns:
        Both parts as the content of files of the same form.

    Raises:
        FileMissing: it cannot be read.
        UsageError: it is no such file, has too few rows for both parts, or is too large to be split here.
    """
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST:
            raise _refused(path, f"larger than {LARGEST >> 20} MiB")
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return _parts(path, lines)
    except OSError as error:
        raise unread(path, error) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise _refused(path, str(error)) from error


def _refused(path: str, why: str) -> UsageError:
    hint = "set a part of it aside by a rule of your own, and name it with --holdout"
    shown = one_line(path, 200)
    return UsageError(f"{shown} cannot be split here: {one_line(why, 200)}", place=Place(shown), help=hint)


def _parts(path: str, lines: Iterator[str]) -> tuple[bytes, bytes]:
    delimiter = _DELIMITERS.get(Path(path).suffix.lower())
    records = (line for line in lines) if delimiter is None else _records(lines, delimiter)
    header = next(records, "") if delimiter is not None else ""
    kept, held = [_ended(header)] if header else [], [_ended(header)] if header else []
    before = len(kept)
    for record in records:
        if record.strip():
            (held if _is_held_out(record) else kept).append(_ended(record))
    if len(kept) == before or len(held) == before:
        raise _refused(path, "it has too few rows to hold some of them out")
    return "".join(kept).encode("utf-8"), "".join(held).encode("utf-8")


def _records(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    """The rows as they are written; a quoted cell may hold a line end."""
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    # A limit of the whole process: what splits a file must take what later reads it.
    csv.field_size_limit(LARGEST_CELL)
    for _ in csv.reader(feed(), delimiter=delimiter):
        yield "".join(taken)
        taken.clear()


def _ended(record: str) -> str:
    return record if record.endswith("\n") else record + "\n"


def _is_held_out(record: str) -> bool:
    digest = hashlib.sha256(record.rstrip("\r\n").encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") < SHARE * 2**64
