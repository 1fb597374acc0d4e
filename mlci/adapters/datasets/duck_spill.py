"""A folder of one run for what does not fit in memory: gone when the run is, also where it was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from mlci.errors import NotWritable, Place

_MADE, _USED = "new-", "duck-"
# A folder that is still being made belongs to somebody; nobody takes a minute for that.
_MAKING_S = 60


class Spill:
    """A folder that is held for as long as this process lives.

    Attributes:
        path: of the folder, without links in it.
    """

    def __init__(self, parent: str) -> None:
        """Make it, and remove what killed runs left.

        Raises:
            NotWritable: it cannot be made.
        """
        self._parent = Path(parent)
        try:
            self._parent.mkdir(parents=True, exist_ok=True)
            _sweep(self._parent)
            made = Path(tempfile.mkdtemp(prefix=_MADE, dir=self._parent.resolve()))
            self._lock = _locked(made)
            # The lock goes with the folder to its name, under which nobody ever sees it without.
            self.path = str(made.rename(made.with_name(_USED + made.name.removeprefix(_MADE))))
        except OSError as error:
            why = error.strerror or error
            raise NotWritable(f"cannot keep anything in {parent}: {why}", place=Place(parent)) from error

    def file(self, name: str) -> str:
        """The path of a file in it."""
        return os.path.join(self.path, name)  # noqa: PTH118 - handed to DuckDB as text

    def remove(self) -> None:
        """Remove it, and the folder it lies in where nothing else does."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        with contextlib.suppress(OSError):
            self._parent.rmdir()


def _locked(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _sweep(parent: Path) -> None:
    for folder in parent.iterdir():
        making = folder.name.startswith(_MADE)
        if folder.is_symlink() or not (making or folder.name.startswith(_USED)):
            continue
        with contextlib.suppress(OSError):
            if making and time.time() - folder.stat().st_mtime < _MAKING_S:
                continue
            handle = _locked(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)
