"""Folders that are there whole or not at all, and files in folders of others that are read without following links."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlci.adapters.disk import files
from mlci.errors import ArtifactRefused, MlciError, ModelAltered, NotWritable, Place

_BLOCK = 1 << 20
# What a killed run leaves beside a folder is removed by a later one, not by one that may run at the same moment.
_LEFT_OVER_AFTER = 3600.0


@contextlib.contextmanager
def made_whole(folder: str) -> Iterator[Path]:
    """Fill a new folder that takes its place only when the block ends well; what was there before is then gone.

    Between the old one going and the new one coming there is a moment without either; there is none with half of one.

    Raises:
        NotWritable: it cannot be written.
    """
    target = Path(folder)
    with writing(folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        new = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            yield new
            # mkdtemp makes private folders; whoever uploads need not be the user who made it.
            new.chmod(0o777 & ~files.umask())
            _put(new, target)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise


def _put(new: Path, target: Path) -> None:
    if not target.is_symlink() and not target.exists():
        new.replace(target)
        return
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        target.replace(aside / "old")
        new.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what killed runs left beside the folder."""
    name = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}")
    for entry in target.parent.iterdir():
        with contextlib.suppress(OSError):
            if name.fullmatch(entry.name) and time.time() - entry.lstat().st_mtime > _LEFT_OVER_AFTER:
                shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def writing(folder: str) -> Iterator[None]:
    """Say which folder it was that could not be written.

    Raises:
        NotWritable: for any error of the operating system.
    """
    try:
        yield
    except OSError as error:
        help = "check permissions and space"
        raise NotWritable(
            f"cannot write {folder}: {error.strerror or error}", place=Place(folder), help=help
        ) from error


def unlinked(folder: str) -> Path:
    """A folder of ours, which something is to be laid in; a change may have put a link in its place.

    Raises:
        NotWritable: it or the folder that holds it is a link, which leads to wherever who made it likes.
    """
    path = Path(folder)
    for each in (path.parent, path):
        if each.is_symlink():
            raise NotWritable(
                f"{each} is a link, and what is laid there would lie elsewhere",
                place=Place(str(each)),
                help="remove it: mlci makes the folder itself",
            )
    return path


def names_in(folder: str) -> dict[str, int]:
    """Kind (as of ``stat.S_IFMT``) of everything in a folder, by name; a link is its own kind.

    Raises:
        FileMissing: there is no such folder.
        ArtifactRefused: it is a link or no folder, or has more entries than any of ours.
    """
    path = Path(folder)
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise ArtifactRefused(f"{folder} is not a folder", place=Place(folder))
        found: dict[str, int] = {}
        for entry in os.scandir(path):
            found[entry.name] = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
            if len(found) > 1000:
                raise ArtifactRefused(f"{folder} holds more than a thousand entries", place=Place(folder))
    except OSError as error:
        raise files.unread(folder, error) from error
    return found


def read_file(path: str, limit: int) -> bytes:
    """The bytes of a regular file, at most ``limit``.

    Raises:
        FileMissing: it cannot be read.
        ArtifactRefused: it is a link, a pipe or a device, or larger than the limit.
    """
    with _opened(path) as handle:
        with os.fdopen(os.dup(handle), "rb") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise ArtifactRefused(f"{path} has more than {limit:,} bytes", place=Place(path))
        return content


def check_file(path: str, digest: str, what: str) -> None:
    """Compare a regular file with the sha256, in hexadecimal, that evidence names.

    Raises:
        ModelAltered: it has another.
        FileMissing, ArtifactRefused: as ``read_file``.
    """
    found = hashlib.sha256()
    with _opened(path) as handle, os.fdopen(os.dup(handle), "rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    if found.hexdigest() != digest:
        raise altered(path, found.hexdigest(), digest, what)


def copy_checked(source: str, target: str, digest: str, what: str) -> None:
    """Copy a regular file whose sha256, in hexadecimal, is known: what is compared is what is written.

    Raises:
        ModelAltered: it has another.
        FileMissing, ArtifactRefused: as ``read_file``.
        OSError: the copy cannot be written.
    """
    found = hashlib.sha256()
    with _opened(source) as handle, os.fdopen(os.dup(handle), "rb") as stream, Path(target).open("xb") as copy:
        while block := stream.read(_BLOCK):
            found.update(block)
            copy.write(block)
    if found.hexdigest() != digest:
        raise altered(source, found.hexdigest(), digest, what)


def altered(path: str, found: str, named: str, what: str) -> MlciError:
    """What to raise for a file with another digest than its evidence names."""
    cause = f"{what} has the sha256 {found[:12]}…, the evidence beside it names {named[:12]}…"
    return ModelAltered(cause, place=Place(path), help="do not change it after it was written; train again")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A handle on a regular file, never on what a link leads to; opening a pipe does not wait for its other end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if Path(path).is_symlink():
            raise ArtifactRefused(f"{path} is a link", place=Place(path)) from None
        raise files.unread(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ArtifactRefused(f"{path} is not a regular file", place=Place(path))
        yield handle
    finally:
        os.close(handle)


def copy_tree(source: str, target: Path, *, linked: Callable[[str, str], None] | None = None) -> None:
    """Copy a folder of regular files and folders into one that exists, hard-linked where the file system can.

    Raises:
        ArtifactRefused: it holds a link, a pipe or a device.
        OSError: it cannot be read or written.
    """
    link = linked or os.link
    for here, folders, names in os.walk(source):
        below = target / Path(here).relative_to(source)
        for folder in folders:
            if (Path(here) / folder).is_symlink():
                raise ArtifactRefused(f"{folder[:100]!a} is a link", place=Place(here))
            (below / folder).mkdir()
        for name in names:
            path = Path(here) / name
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ArtifactRefused(f"{name[:100]!a} is not a regular file", place=Place(here))
            try:
                link(str(path), str(below / name))
            except OSError:
                shutil.copyfile(path, below / name, follow_symlinks=False)
