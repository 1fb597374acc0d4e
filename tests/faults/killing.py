"""Runs mlci in one fork after another: each is killed before one of its writes, or finds the disk full from then on.

``python killing.py``: takes a JSON object a line, ``{"folder", "words", "environ", "log", "at", "full", "stop",
"nth"}``, and
answers each with ``{"status", "events"}``. One process that forks, since importing MLflow is most of what a run costs.
A write is a file opened for writing, a rename, a removal, a new folder or link, a transaction of a database, or a call
of git that writes. A run that is to stop before a write instead is answered with ``{"pid"}`` once it has; the empty
object lets it go on, and is answered as it ends.
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
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TAKING_ROOM = {"open", "os.rename", "os.mkdir", "os.link"}
_GIT = {"hash-object", "mktree", "commit-tree", "update-ref", "fast-import", "push"}
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
        stop: whether instead it is stopped there, as a laptop is whose lid is closed.
        nth: which write of that name is meant, counted from 1.
    """

    def __init__(self, at: str | None, folder: str, record: int, *, full: bool, stop: bool, nth: int) -> None:
        self._at, self._folder, self._record, self._wants_full, self._stops = at, folder, record, full, stop
        self._left = nth
        self._gits = (letters(count) for count in itertools.count())
        self._is_full = False
        self._pid = os.getpid()

    def hook(self, name: str, arguments: tuple[Any, ...]) -> None:
        """As ``sys.addaudithook`` calls it (https://docs.python.org/3/library/audit_events.html)."""
        if name == "subprocess.Popen" and os.getpid() == self._pid:
            self._note_git([str(word) for word in arguments[1]])
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

    def _note_git(self, words: list[str]) -> None:
        writing = next((word for word in words if word in _GIT), None)
        if Path(words[0]).name == "git" and writing is not None and (writing != "hash-object" or "-w" in words):
            self.note("git", f"no. {next(self._gits)} {writing}")

    def note(self, what: str, path: str) -> None:
        """Take note of a write, which may be the last."""
        event = f"{what} {_DRAWN.sub('*', path)}"
        os.write(self._record, f"{event}\n".encode())
        self._left -= event == self._at
        is_it = event == self._at and self._left == 0
        if is_it and not self._wants_full:
            os.kill(self._pid, signal.SIGSTOP if self._stops else signal.SIGKILL)
        self._is_full = self._is_full or (is_it and self._wants_full)
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
    doomed = Doomed(asked["at"], asked["folder"], record, full=asked["full"], stop=asked["stop"], nth=asked["nth"])
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
        # A file, not a pipe: nobody reads while a run is stopped, and a pipe that is full would stop it anywhere.
        with tempfile.TemporaryFile() as record:
            child = os.fork()
            if child == 0:
                _child(asked, record.fileno())
            ended, status = os.waitpid(child, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                print(json.dumps({"pid": child}), flush=True)
                sys.stdin.readline()
                os.kill(child, signal.SIGCONT)
                _, status = os.waitpid(ended, 0)
            record.seek(0)
            events = record.read().decode().splitlines()
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "events": events}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
