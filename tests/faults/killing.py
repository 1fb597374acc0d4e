"""Runs mlci in one fork after another: each is killed before one of its writes, or finds the disk full from then on.

``python killing.py``: takes a JSON object a line, ``{"folder", "words", "environ", "log", "at", "full"}``, and answers
each with ``{"status", "events"}``. One process that forks, since importing MLflow is most of what a run costs. A write
is a file opened for writing, a rename, a removal, a new folder or link, or a transaction of a database.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import signal
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TAKING_ROOM = {"open", "os.rename", "os.mkdir", "os.link"}
_CALLS = {*_TAKING_ROOM, "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.truncate"}
# What is drawn for each run, so that the same place in two runs goes by one name.
_DRAWN = re.compile(r"[0-9a-f]{32,64}|(?<=[.-])[a-z0-9_]{8}(?=/|$)|\d+")


class Doomed:
    """Follows the writes of this process, and ends it before one of them.

    Args:
        at: name of that write, as ``events`` has it; None to live.
        full: whether instead there is no room on the disk from then on.
        folder: whose files count; those that libraries keep elsewhere do not.
        record: descriptor that is told each write.
    """

    def __init__(self, at: str | None, folder: str, record: int, *, full: bool) -> None:
        self._at, self._folder, self._record, self._wants_full = at, folder, record, full
        self._is_full = False
        self._pid = os.getpid()

    def hook(self, name: str, arguments: tuple[Any, ...]) -> None:
        """As ``sys.addaudithook`` calls it (https://docs.python.org/3/library/audit_events.html)."""
        if name not in _CALLS or os.getpid() != self._pid or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        if name == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        path = os.fsdecode(arguments[0])
        # What is removed with its folder is named from there (the second argument, -1 where it is named in full).
        inside = name in ("os.remove", "os.rmdir") and arguments[1] != -1
        place = f"{self._folder}/…/{path}" if inside else str(Path(path).absolute())
        if place.startswith(f"{self._folder}/"):
            self.note(name, place.removeprefix(self._folder))

    def note(self, what: str, path: str) -> None:
        """Take note of a write, which may be the last."""
        event = f"{what} {_DRAWN.sub('*', path)}"
        os.write(self._record, f"{event}\n".encode())
        if event == self._at and not self._wants_full:
            os.kill(self._pid, signal.SIGKILL)
        self._is_full = self._is_full or event == self._at
        if self._is_full and what in _TAKING_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def _listen(doomed: Doomed) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    numbers = (f"no. {letters(count)}" for count in itertools.count())
    event.listen(Engine, "commit", lambda _: doomed.note("commit", next(numbers)))


def letters(number: int) -> str:
    """A number as letters, which no pattern of drawn digits takes away: a, b, … z, ba, …"""
    head, last = divmod(number, 26)
    return (letters(head) if head else "") + string.ascii_lowercase[last]


def _child(asked: Mapping[str, Any], record: int) -> None:
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(asked["folder"])
    os.environ.update(asked["environ"])
    doomed = Doomed(asked["at"], asked["folder"], record, full=asked["full"])
    _listen(doomed)
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
