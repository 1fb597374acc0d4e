"""The folder that one server works in, which no other server and no run of a pipeline clears up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlci.adapters.disk.folders import writing


@contextlib.contextmanager
def shelf(root: str) -> Iterator[Path]:
    """A folder of this process alone, gone afterwards; what killed servers left beside it is removed first.

    Args:
        root: folder that such folders lie in, such as ``.mlci/serve``.

    Raises:
        NotWritable: it cannot be written.
    """
    parent = Path(root).absolute()
    with writing(str(parent)):
        parent.mkdir(parents=True, exist_ok=True)
        for lock in parent.glob("*.lock"):
            _sweep(lock)
        handle, name = tempfile.mkstemp(dir=parent, prefix="server-", suffix=".lock")
        stream = os.fdopen(handle, "w")
        fcntl.flock(stream, fcntl.LOCK_EX)
        folder = Path(name).with_suffix("")
        folder.mkdir()
    with stream:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(name).unlink(missing_ok=True)


def _sweep(lock: Path) -> None:
    """Remove the folder of a server that is gone: the lock ends with its process."""
    with lock.open("a") as stream, contextlib.suppress(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
