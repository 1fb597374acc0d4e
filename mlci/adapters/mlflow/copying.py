"""Folders of files carried to a registry and back: bounded, and never outside of the folder they belong to."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mlci.adapters.disk.files import umask
from mlci.adapters.mlflow.backend import Place
from mlci.errors import MlciError, NotWritable, RegistryBroken
from mlci.errors import Place as Where

MOST_FILES = 10_000
MOST_BYTES = 50 << 30
_DEEPEST = 32
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,255}")


@contextlib.contextmanager
def dropping(drop: Callable[[str], None], run: str) -> Iterator[None]:
    """Remove a run where what belongs in it could not be put there, and say why that was."""
    try:
        yield
    except MlciError:
        with contextlib.suppress(MlciError):
            drop(run)
        raise


def files_below(folder: str) -> dict[str, str]:
    """The files of a folder on this machine: path within it to path on this machine, in order.

    Raises:
        NotWritable: it holds a link or something else that is no file, or more than a registry is given.
    """
    root = Path(folder)
    found: dict[str, str] = {}
    size = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise NotWritable(f"{name!a} is no plain file and cannot be registered", place=Where(folder))
        if path.is_dir():
            continue
        found[name] = str(path)
        size += path.stat().st_size
        if any(not _is_name(part) for part in name.split("/")):
            raise NotWritable(f"a file named {name[:200]!a} cannot be registered", place=Where(folder))
        if len(found) > MOST_FILES or size > MOST_BYTES:
            raise NotWritable(
                f"more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB are too much to register",
                place=Where(folder),
                help="leave in the model's folder only what the model needs",
            )
    return found


def send(files: Mapping[str, str], place: Place) -> None:
    """Put files of this machine, path within the run to path here, at a place.

    Raises:
        NotWritable: one of them cannot be read.
    """
    for path, source in files.items():
        if not path or any(not _is_name(part) for part in path.split("/")):
            raise NotWritable(f"a file named {path[:200]!a} cannot be registered", place=Where(source))
        try:
            place.put(path, source)
        except OSError as error:
            raise NotWritable(f"{path} cannot be registered: {error.strerror}", place=Where(source)) from error


def fetch(place: Place, path: str, folder: str, *, prefix: str = "") -> bool:
    """Copy a file, or all below a folder, of a place into a folder of this machine; each file whole or not at all.

    Args:
        path: within the place; "" for everything in it.
        prefix: put before the paths on this machine.

    Returns:
        whether there was anything.

    Raises:
        RegistryBroken: a name leads out of the folder, or there is too much.
        NotWritable: this machine does not take it.
    """
    wanted = dict(_found(place, path))
    left = MOST_BYTES
    for name, size in wanted.items():
        target = Path(folder, prefix, name)
        left -= _copy(place, name, target, size, left)
    return bool(wanted)


def _found(place: Place, path: str) -> Iterator[tuple[str, int | None]]:
    """Path and size of each file; a listing is checked before anything is asked for."""
    waiting = [path]
    if path:
        parent, _, name = path.rpartition("/")
        item = next((each for each in place.items(parent) if each.name == name), None)
        if item is None:
            return
        if not item.is_folder:
            yield path, item.size
            return
    count, size, seen = 0, 0, set[str]()
    while waiting:
        folder = waiting.pop()
        for item in place.items(folder):
            below = f"{folder}/{item.name}" if folder else item.name
            if not _is_name(item.name) or below in seen or below.count("/") > _DEEPEST:
                raise RegistryBroken(f"the registry names a file {below[:200]!a}, which no version has")
            seen.add(below)
            count, size = count + 1, size + (item.size or 0)
            if count > MOST_FILES or size > MOST_BYTES:
                raise RegistryBroken(f"a version has more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB")
            if item.is_folder:
                waiting.append(below)
            else:
                yield below, item.size


def _copy(place: Place, name: str, target: Path, size: int | None, left: int) -> int:
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".fetched.")
        os.close(handle)
        place.get(name, temporary, left)
        copied = Path(temporary).stat().st_size
        if size is not None and copied != size:
            raise RegistryBroken(f"{name} of the registry has {copied:,} bytes where {size:,} are listed")
        Path(temporary).chmod(0o666 & ~umask())
        Path(temporary).replace(target)
    except OSError as error:
        raise NotWritable(f"cannot write {target}: {error.strerror}", place=Where(str(target))) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return copied


def _is_name(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return _NAME.fullmatch(name) is not None and name not in (".", "..")
