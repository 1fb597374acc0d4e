"""A dataset that is no table, as a table of facts: one row for each image, text or chat.

The table is an ordinary Parquet file, so that contracts, drift, leakage and profiles need to know of nothing else. Its
columns stand in ``mlci.domain.dataset.media``. It is made by a walk of bounded memory: some hundred files at a time.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from mlci.adapters.datasets.media_images import ENDINGS as IMAGES
from mlci.adapters.datasets.media_images import facts_of_image, needed
from mlci.adapters.datasets.media_texts import chats_of, facts_of_text, is_chat, lines_of
from mlci.adapters.disk.content import Found, Odd, walk
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.media import COLUMNS, Medium
from mlci.errors import DataUnreadable, ExtraMissing, FileMissing, Place

TEXTS = (".txt", ".text", ".md")
_CHATS = (".jsonl", ".ndjson")
# Files that say which class each image or text of a flat folder has: its name, then its class.
_LABELS = ("labels.csv", "metadata.csv")
_LARGEST_LABELS = 64 << 20
_BATCH = 512
_WORKERS = min(8, os.cpu_count() or 1)

Row = dict[str, Any]


def medium_at(path: str) -> Medium | None:
    """What lies there: images, texts or chats; None for a table, and for what is not there.

    A folder is what most of its files are. A single text file is a text on each line. JSON Lines are chats where the
    first line has a list of messages, and a table otherwise.
    """
    place = Path(path)
    if place.is_file():
        if place.suffix.lower() in TEXTS:
            return "texts"
        return "chats" if place.suffix.lower() in _CHATS and is_chat(path) else None
    if not place.is_dir():
        return None
    endings = Counter(kind for name in _names(path) if (kind := _kind(name)) is not None)
    if not endings:
        return None
    kind = max(sorted(endings), key=lambda one: endings[one])
    return "images" if kind == "images" else "texts" if kind == "texts" else None


def table_of(path: str, folder: str, name: str | None = None) -> str | None:
    """The table of facts of a dataset that is none, as a Parquet file; None where it is a table already.

    Called with the path of ``data.train`` or ``data.holdout``, or of a file to compare with; the file that comes back
    is what is opened in its stead, under the name that the configuration gives.

    Args:
        path: of the dataset, on this machine.
        folder: where the table may be written.
        name: what the dataset is called in messages.

    Raises:
        ExtraMissing: Pillow is needed and not installed.
        FileMissing: something cannot be read.
        DataUnreadable: the folder holds a link that leaves it, or what is no file.
    """
    medium = medium_at(path)
    if medium is None:
        return None
    shown = one_line(name or path, 200)
    if medium == "images":
        needed()
    place = Path(folder) / f"facts-{medium}-{_short(path)}.parquet"
    try:
        _write(place, medium, _rows(path, medium))
    except Odd as odd:
        raise DataUnreadable(f"{shown} cannot be read: {odd}", place=Place(shown)) from odd
    except OSError as error:
        why = error.strerror or error
        raise FileMissing(f"cannot read {shown}: {why}", place=Place(shown)) from error
    return str(place)


def _short(path: str) -> str:
    import hashlib

    return hashlib.sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()[:16]


def _kind(name: str) -> str | None:
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name with odd bytes
    if name.startswith(".") or name.lower() in _LABELS:
        return None
    return "images" if ending in IMAGES else "texts" if ending in TEXTS else "other"


def _names(path: str, most: int = 2000) -> Iterator[str]:
    """The names of some files in a folder and the folders in it."""
    left = most
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names)[:left]:
            left -= 1
            yield name
        if left <= 0 or folder.count(os.sep) - path.rstrip(os.sep).count(os.sep) >= 3:
            return


def _rows(path: str, medium: Medium) -> Iterator[Row]:
    if medium == "chats":
        yield from chats_of(path)
        return
    if Path(path).is_file():
        yield from lines_of(path)
        return
    ends = IMAGES if medium == "images" else TEXTS
    files = [one for one in walk(path) if _kind(one.path.rsplit("/", 1)[-1]) and one.path.lower().endswith(ends)]
    labels = _labels(path)
    look = facts_of_image if medium == "images" else facts_of_text
    with ThreadPoolExecutor(_WORKERS) as pool:
        left = iter(files)
        while some := list(islice(left, _BATCH)):
            yield from pool.map(lambda one: _row(one, labels, look), some)


def _row(file: Found, labels: Mapping[str, str] | None, look: Callable[[str], Row]) -> Row:
    path = file.path.encode(errors="surrogateescape").decode(errors="backslashreplace")
    label = labels.get(file.path) if labels is not None else None
    if labels is None and "/" in path:
        label = path.split("/", 1)[0]
    return {"path": path, "label": label, **look(file.place)}


def _labels(path: str) -> dict[str, str] | None:
    """Class by file, from the file that says so; None without one."""
    for name in _LABELS:
        place = Path(path, name)
        if not place.is_file() or place.is_symlink():
            continue
        with place.open("rb") as stream:
            content = stream.read(_LARGEST_LABELS + 1)
        if len(content) > _LARGEST_LABELS:
            raise Odd(f"{name} is larger than {_LARGEST_LABELS >> 20} MB")
        try:
            rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if len(row) > 1]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Odd(f"{name} is no CSV in UTF-8") from error
        head = [one.strip().lower() for one in rows[0]] if rows else []
        file = next(
            (n for n, one in enumerate(head) if one in ("file_name", "filename", "file", "path", "image")), None
        )
        label = next((n for n, one in enumerate(head) if one in ("label", "class", "category", "target")), None)
        if file is None or label is None:
            raise Odd(f"{name} has no columns file_name and label")
        return {row[file]: row[label] for row in rows[1:] if len(row) > max(file, label)}
    return None


def _write(place: Path, medium: Medium, rows: Iterable[Row]) -> None:
    """Write the table, so that it is there whole or not at all."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ExtraMissing("a table of facts needs pyarrow", help='pip install "mlci[media]"') from error
    types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS[medium].items()])
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(f".{os.getpid()}.half")
    left = iter(rows)
    try:
        with pq.ParquetWriter(half, schema) as writer:
            while some := list(islice(left, 4 * _BATCH)):
                writer.write_table(pa.table(_columns(some, schema.names), schema=schema))
        half.replace(place)
    finally:
        half.unlink(missing_ok=True)


def _columns(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in names}
