"""Runs mlci again and again, each time in a fresh fork that does not survive its n-th write.

``python killing.py``: takes one JSON object a line, ``{"folder", "words", "environ", "log", "at"}``, and answers each
with ``{"status", "events"}``. One process that forks, since importing MLflow is most of what a run costs. A write is a
file opened for writing, a rename, a removal, a new folder or link, or a transaction of a database.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CALLS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}
# What is drawn for each run, so that the same place in two runs goes by one name.
_DRAWN = re.compile(r"[0-9a-f]{32,64}|(?<=[.-])[a-z0-9_]{8}(?=/|$)|\d+")


class Doomed:
    """Counts the writes of this process, and ends it before one of them.

    Args:
        at: which, from 1; 0 to live.
        folder: whose files count; the caches of libraries elsewhere do not.
    """

    def __init__(self, at: int, folder: str, record: int) -> None:
        self._at, self._folder, self._record = at, folder, record
        self._count = 0
        self._pid = os.getpid()

    def hook(self, name: str, arguments: tuple[Any, ...]) -> None:
        """As ``sys.addaudithook`` calls it."""
        if os.getpid() != self._pid:
            return
        if name == "open":
            path, mode, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not writes or isinstance(path, int):
                return
            self.note("open", path)
        elif name in _CALLS:
            self.note(name, arguments[0])

    def note(self, what: str, path: Any) -> None:
        """Count one, if it is of the folder's."""
        place = os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else str(path)
        # rmtree names what it removes from where it is.
        if "/" in os.fsdecode(path) and not place.startswith(self._folder + "/"):
            return
        self._count += 1
        if self._count == self._at:
            os.kill(self._pid, signal.SIGKILL)
        os.write(self._record, f"{what} {_DRAWN.sub('*', place.removeprefix(self._folder))}\n".encode())


def _listen(doomed: Doomed, folder: str) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "commit", lambda _: doomed.note("commit", f"{folder}/database"))


def _child(asked: Mapping[str, Any], record: int) -> None:
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(asked["folder"])
    os.environ.update(asked["environ"])
    doomed = Doomed(asked["at"], asked["folder"], record)
    _listen(doomed, asked["folder"])
    sys.addaudithook(doomed.hook)
    from mlci.cli.main import run

    code = run(asked["words"], os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Answer until nobody asks any more."""
    import mlflow.store.db.utils
    import mlflow.tracking
    import numpy  # noqa: F401 - what every fork would import again

    # Most of what opening a database costs, which every fork would do again.
    mlflow.store.db.utils._verify_schema = lambda _: None
    for line in sys.stdin:
        asked = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(asked, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            events = stream.read().decode().splitlines()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "events": events}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
