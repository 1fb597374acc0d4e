"""Which files a dataset is made of, and of what kind they are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlci.adapters.disk.content import Odd, shown, walk
from mlci.adapters.oneline import one_line
from mlci.errors import DataUnreadable, FileMissing, Place, UsageError

Kind = Literal["parquet", "csv", "json", "arrow"]

KINDS: dict[str, Kind] = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json",
    ".json": "json", ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
PACKED = (".gz", ".zst")
# More files than this are no dataset that one machine reads in a sitting.
_MOST = 100_000
_LEAST_PARQUET = 12
_HIVE = re.compile(r"([^=/]+)=([^/]*)")
_NOTHING = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One file.

    Attributes:
        place: its whole path, which holds no link.
        shown: its path within the folder, or the name of the dataset, for messages.
        ending: in small letters, without that of packing.
        packed: the ending of packing; empty where it is not packed.
        size: bytes.
    """

    place: str
    shown: str
    ending: str
    packed: str
    size: int


@dataclass(frozen=True)
class Files:
    """What a dataset is made of.

    Attributes:
        kind: of each file.
        parts: in the order of their paths, which is the order of their rows.
        partitions: values that folders of the form name=value give to every row below, by file; empty without such.
    """

    kind: Kind
    parts: tuple[Part, ...]
    partitions: tuple[dict[str, str | None], ...] = ()


def files_of(path: str, name: str) -> Files:
    """The files of a dataset.

    Args:
        path: of a file, or a folder.
        name: of the dataset, for messages.

    Raises:
        FileMissing: nothing is there.
        UsageError: its name does not say what kind of data it holds.
        DataUnreadable: the folder holds nothing, or files of several kinds, or a link that leaves it.
    """
    label = one_line(name, 200)
    if not Path(path).exists():
        raise FileMissing(f"cannot read {label}: it is not there", place=Place(label), help="check the path")
    if not Path(path).is_dir():
        return Files(*_alone(path, label))
    return _folder(path, label)


def _alone(path: str, label: str) -> tuple[Kind, tuple[Part, ...]]:
    ending, packed = _endings(path)
    if ending not in KINDS:
        known = ", ".join(KINDS)
        raise UsageError(
            f"the name of {label} does not say what kind of data it holds", place=Place(label),
            help=f"data are read from files that end in {known}, text also packed as .gz or .zst",
        )  # fmt: skip
    place = os.path.realpath(path)
    if not Path(place).is_file():
        raise FileMissing(f"cannot read {label}: it is no regular file", place=Place(label))
    part = Part(place, label, ending, packed, Path(place).stat().st_size)
    return _checked(KINDS[ending], part), (part,)


def _folder(path: str, label: str) -> Files:
    try:
        found = walk(path, _MOST)
    except Odd as odd:
        raise DataUnreadable(f"{label} cannot be read: {odd}", place=Place(label)) from odd
    except OSError as error:
        raise FileMissing(f"cannot read {label}: {error.strerror or error}", place=Place(label)) from error
    parts, ways = [], []
    for one in found:
        # What Spark, Hive and editors leave beside the data, under names that say so.
        if any(step.startswith(("_", ".")) and "=" not in step for step in one.path.split("/")):
            continue
        ending, packed = _endings(one.path)
        place = os.path.realpath(one.place)
        parts.append(Part(place, f"{label}/{shown(one.path)}", ending, packed, Path(place).stat().st_size))
        ways.append(one.path)
    if not parts:
        raise DataUnreadable(f"{label} is a folder without a single file of data", place=Place(label))
    kinds = sorted({KINDS.get(part.ending, part.ending or "files without ending") for part in parts})
    if len(kinds) > 1 or kinds[0] not in KINDS.values():
        # A picture of a folder of images, or a stray file: nobody can say which of them are the data.
        raise DataUnreadable(
            f"{label} holds files of several kinds, or of one that is no table: {', '.join(kinds)}",
            place=Place(label), help="give each dataset a folder of its own",
        )  # fmt: skip
    for part in parts:
        _checked(KINDS[part.ending], part)
    return Files(KINDS[parts[0].ending], tuple(parts), _partitions(ways, label))


def _endings(path: str) -> tuple[str, str]:
    stem, ending = os.path.splitext(path.lower())  # noqa: PTH122 - a path with odd bytes stays what it is
    return (os.path.splitext(stem)[1], ending) if ending in PACKED else (ending, "")  # noqa: PTH122


def _partitions(paths: Sequence[str], label: str) -> tuple[dict[str, str | None], ...]:
    from urllib.parse import unquote

    found: list[dict[str, str | None]] = []
    for path in paths:
        steps = (_HIVE.fullmatch(step) for step in path.split("/")[:-1])
        found.append({one[1]: None if one[2] == _NOTHING else unquote(one[2]) for one in steps if one})
    if any(tuple(one) != tuple(found[0]) for one in found):
        odd = next(path for path, one in zip(paths, found, strict=True) if tuple(one) != tuple(found[0]))
        raise DataUnreadable(
            f"{label}/{shown(odd)} lies in folders of other names than the files before it", place=Place(label)
        )
    return tuple(found) if found and found[0] else ()


def _checked(kind: Kind, part: Part) -> Kind:
    if kind == "parquet":
        _check_parquet(part)
    elif part.size == 0:
        raise _unreadable(part, "it is empty")
    return kind


def _check_parquet(part: Part) -> None:
    if part.packed:
        raise _unreadable(part, f"a Parquet file is not packed as {part.packed} as a whole")
    if part.size == 0:
        raise _unreadable(part, "it is empty")
    with open(part.place, "rb") as stream:  # noqa: PTH123 - a path with odd bytes stays what it is
        head = stream.read(4)
        stream.seek(-min(part.size, 8), os.SEEK_END)
        tail = stream.read(8)
    if head == b"PARE" or tail[-4:] == b"PARE":
        raise _unreadable(part, "it is encrypted")
    if head != b"PAR1":
        raise _unreadable(part, "it does not begin as a Parquet file does")
    if part.size < _LEAST_PARQUET or tail[-4:] != b"PAR1":
        raise _unreadable(part, "it is cut off: the footer that a Parquet file ends with is missing")
    footer = int.from_bytes(tail[:4], "little")
    if footer + _LEAST_PARQUET > part.size:
        raise _unreadable(part, f"its footer is said to have {footer:,} bytes, more than the whole file")


def _unreadable(part: Part, why: str) -> DataUnreadable:
    return DataUnreadable(f"{part.shown} cannot be read: {why}", place=Place(part.shown))
