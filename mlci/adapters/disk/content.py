"""Digests of files and folders: what is in them, read in parallel, and read once as long as they stay the same."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from mlci.adapters.disk.digests import Known, Stamp
from mlci.adapters.oneline import one_line
from mlci.domain.training import PayloadFile
from mlci.errors import FileMissing, Place

# A folder with more than this is no data set and no model that anybody could carry.
MOST_FILES = 1_000_000
_DEEPEST = 64
_BLOCK = 1 << 20
_ATTEMPTS = 3
_WORKERS = min(8, os.cpu_count() or 1)


class Odd(Exception):
    """Something in a folder that has no content to digest; the message names it on one line."""


@dataclass(frozen=True)
class Found:
    """A file of a folder.

    Attributes:
        path: from the folder, with / between names; bytes that are no UTF-8 as half surrogates.
        place: where it is on this machine.
    """

    path: str
    place: str


@dataclass(frozen=True)
class Content:
    """What lies at a path.

    Attributes:
        digest: sha256 of the file's bytes, or of the folder's manifest, in hexadecimal.
        files: each with its path from the folder, its digest and size; the path of a single file is empty.
        folder: whether it is a folder.
    """

    digest: str
    files: tuple[PayloadFile, ...]
    folder: bool

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def digest_of(path: str, cache: str | None = None) -> str:
    """sha256 of a file's bytes, or of the manifest of a folder: names and contents, never modes and dates.

    Args and Raises: those of :func:`content_of`.
    """
    return content_of(path, cache).digest


def content_of(path: str, cache: str | None = None, algorithm: str = "sha256") -> Content:
    """Digest every file at a path.

    Args:
        path: of the file or folder; it may itself be a symbolic link.
        cache: an SQLite file that remembers digests of files by size, dates and inode. Whoever can write it decides
            what is believed, so it belongs in a folder that only this repository's own runs write.
        algorithm: of the files' digests, by its name in hashlib; a cache holds those of one algorithm.

    Raises:
        FileMissing: it does not exist, cannot be read, changes while it is read, or a folder holds what has no content:
            a pipe, a device, a link that leaves the folder.
    """
    known = Known(cache) if cache is not None else None
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116 - a path with odd bytes stays what it is
            (file,) = _all([Found("", path)], known, algorithm)
            return Content(file.digest, (file,), folder=False)
        files = tuple(_all(walk(path), known, algorithm))
        return Content(digest_of_manifest(files), files, folder=True)
    except Odd as odd:
        raise FileMissing(f"cannot digest {one_line(path, 200)}: {odd}", place=Place(one_line(path, 200))) from odd
    except OSError as error:
        why = error.strerror or error
        raise FileMissing(f"cannot read {one_line(path, 200)}: {why}", place=Place(one_line(path, 200))) from error


def manifest_of(path: str, most: int = MOST_FILES) -> tuple[PayloadFile, ...]:
    """Every file of a folder, or the one file, with digest and size, by path; read anew, never remembered.

    Raises:
        Odd: there is more than ``most``, or something that has no content.
        OSError: something cannot be read.
    """
    if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
        return tuple(_all([Found(os.path.basename(path), path)], None))  # noqa: PTH119
    return tuple(_all(walk(path, most), None))


def digest_of_manifest(files: Iterable[PayloadFile]) -> str:
    """sha256 of a manifest: a line for each file in the order of their paths, ``["path","sha256",size]`` as JSON."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.path):
        digest.update(json.dumps([file.path, file.digest, file.size], separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def walk(root: str, most: int = MOST_FILES) -> list[Found]:
    """Every file below a folder, by path. A link is what it leads to, as long as that lies in the folder.

    Raises:
        Odd: a pipe, socket or device; a link that leaves the folder, leads nowhere or back to where it came from; more
            than ``most`` files or 64 folders in each other.
        OSError: a folder cannot be listed.
    """
    top = os.path.realpath(root)
    found: list[Found] = []
    waiting: list[tuple[str, str, tuple[str, ...]]] = [("", root, (top,))]
    while waiting:
        prefix, folder, above = waiting.pop()
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names with odd bytes
            path, place = prefix + name, os.path.join(folder, name)  # noqa: PTH118
            mode = os.lstat(place).st_mode
            real = os.path.realpath(place) if stat.S_ISLNK(mode) else None
            if real is not None:
                mode = _led_to(path, real, top, above)
            if stat.S_ISDIR(mode):
                real = real or os.path.join(above[-1], name)  # noqa: PTH118
                waiting.append((f"{path}/", place, (*above, real)))
            elif stat.S_ISREG(mode):
                found.append(Found(path, place))
            else:
                raise Odd(f"{shown(path)} is neither a file nor a folder")
            if len(found) + len(waiting) > most or len(above) > _DEEPEST:
                raise Odd(f"it holds more than {most:,} files, or more than {_DEEPEST} folders in each other")
    return sorted(found, key=lambda one: one.path)


def _led_to(path: str, real: str, top: str, above: tuple[str, ...]) -> int:
    """The mode of what a link leads to."""
    if real != top and not real.startswith(f"{top}/"):
        raise Odd(f"the symbolic link {shown(path)} leads out of the folder")
    if real in above:
        raise Odd(f"the symbolic link {shown(path)} leads back to a folder that it lies in")
    try:
        return os.stat(real).st_mode  # noqa: PTH116
    except OSError as error:
        raise Odd(f"the symbolic link {shown(path)} leads nowhere") from error


def shown(path: str) -> str:
    """A name from a folder, safe in a message."""
    return one_line(path, 200) if path.isprintable() and len(path) <= 200 else ascii(path[:200])


def read_whole(place: str, path: str, take: Callable[[bytes], object]) -> Stamp:
    """Hand a file's bytes on in blocks.

    Raises:
        Odd: it is no regular file, or is not the same at the end as it was at the start.
        OSError: it cannot be read.
    """
    # Not blocking, so that a pipe put in the place of a file is found out and not waited for.
    handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb", buffering=0) as stream:  # noqa: PTH123
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise Odd(f"{shown(path)} is no regular file" if path else "it is no regular file")
        size = 0
        while block := stream.read(_BLOCK):
            size += len(block)
            take(block)
        stamp = Stamp.of(before)
        if stamp != Stamp.of(os.fstat(handle)) or size != before.st_size:
            raise _Changed(f"{shown(path)} changes while it is read" if path else "it changes while it is read")
    return stamp


class _Changed(Odd):
    """Worth another try."""


def _digested(found: Found, algorithm: str) -> tuple[PayloadFile, Stamp]:
    for attempt in range(1, _ATTEMPTS + 1):
        digest = hashlib.new(algorithm, usedforsecurity=False)
        try:
            stamp = read_whole(found.place, found.path, digest.update)
        except _Changed:
            if attempt == _ATTEMPTS:
                raise
        else:
            return PayloadFile(path=found.path, digest=digest.hexdigest(), size=stamp.size), stamp
    raise AssertionError("unreachable")


def _all(files: Sequence[Found], known: Known | None, algorithm: str = "sha256") -> list[PayloadFile]:
    """Digests in the order of the files; what is remembered is not read."""
    if known is None:
        return [file for file, _ in _in_parallel(files, algorithm)]
    stamps = {one.place: Stamp.of(os.stat(one.place)) for one in files}  # noqa: PTH116
    remembered = known.recall(stamps)
    missing = [one for one in files if one.place not in remembered]
    read = dict(zip((one.place for one in missing), _in_parallel(missing, algorithm), strict=True))
    known.remember({place: (stamp, file.digest) for place, (file, stamp) in read.items()})
    return [
        read[one.place][0]
        if one.place in read
        else PayloadFile(path=one.path, digest=remembered[one.place], size=stamps[one.place].size)
        for one in files
    ]


def _in_parallel(files: Sequence[Found], algorithm: str) -> Iterator[tuple[PayloadFile, Stamp]]:
    """hashlib lets other threads run while it works."""
    digested = partial(_digested, algorithm=algorithm)
    if len(files) < 2:
        yield from map(digested, files)
        return
    with ThreadPoolExecutor(_WORKERS) as pool:
        yield from pool.map(digested, files, chunksize=1)
