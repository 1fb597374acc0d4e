"""What a command prints: shown as it comes, kept in a file, and its last lines remembered; memory stays bounded."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlci.errors import NotWritable, Place

LINES = 20
WIDTH = 300

LARGEST_LOG = 64 << 20
_LONGEST_LINE = 1 << 16
# Enough bytes for WIDTH characters of any script, with colours.
_REMEMBERED = 4096

_TERMINAL_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")


class Output:
    """Takes what a command prints.

    Args:
        log: path of a file that is made anew and gets everything, up to ``largest`` and then the last lines.
        is_shown: whether it also goes to standard error, as it comes.
        largest: bytes that the file takes.

    Raises:
        NotWritable: the file cannot be made.
    """

    def __init__(self, log: str, *, is_shown: bool, largest: int = LARGEST_LOG) -> None:
        self._log = _Log(log, largest)
        self._is_shown = is_shown
        self._tail: deque[bytes] = deque(maxlen=LINES)
        self._unfinished = b""
        self._since_break = 0

    def take(self, block: bytes) -> None:
        """Show, write and remember some bytes, which may end anywhere; a line of more than 64 KiB is cut in pieces."""
        last = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._since_break = len(block) - last - 1 if last >= 0 else self._since_break + len(block)
        if self._since_break >= _LONGEST_LINE:
            block += b"\n"
            self._since_break = 0
        self._log.write(block)
        if self._is_shown:
            self._is_shown = show(block)
        self._remember(block)

    def _remember(self, block: bytes) -> None:
        lines = (self._unfinished + block).split(b"\n")
        self._unfinished = _seen(lines.pop())
        self._tail.extend(map(_seen, lines[-LINES:]))

    def break_line(self) -> None:
        """Make sure that whatever somebody else prints next starts a line of its own."""
        if self._since_break and self._is_shown:
            show(b"\n")
        self._since_break = 0

    def last_lines(self) -> list[str]:
        """The last lines that are not empty, made harmless, none longer than 300 characters."""
        lines = [harmless(line) for line in (*self._tail, self._unfinished)]
        return [line for line in lines if line][-LINES:]

    def close(self) -> None:
        """Finish the file."""
        self.break_line()
        self._log.close(b"\n".join((*self._tail, self._unfinished)))


def _seen(line: bytes) -> bytes:
    """What is left of a line on a terminal: each carriage return starts it anew, as progress bars do."""
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :][:_REMEMBERED]


def harmless(line: bytes) -> str:
    """A line as text without control characters, cut to 300 characters; indentation stays."""
    text = _TERMINAL_CONTROL.sub("", line.decode("utf-8", "replace")).expandtabs(4)
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text).rstrip()
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def show(block: bytes) -> bool:
    """Write bytes to standard error at once; False if nobody reads it any more."""
    try:
        binary = getattr(sys.stderr, "buffer", None)
        if binary is None:
            sys.stderr.write(block.decode("utf-8", "replace"))
        else:
            sys.stderr.flush()
            binary.write(block)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return False
    return True


@contextlib.contextmanager
def set_apart(title: str, environ: Mapping[str, str], *, seconds: float = 0.0) -> Iterator[None]:
    """Fold what is shown meanwhile under a title, and keep the runner from obeying any of it.

    ``seconds`` is how long ago it began, for what is shown only when it has ended.

    On GitHub, workflow commands are off between the two lines that name a random word
    (https://docs.github.com/actions/reference/workflow-commands-for-github-actions#stopping-and-starting-workflow-commands).
    On GitLab, where a log has no commands, it is a section whose name nobody can guess, and so nobody can end
    (https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections).
    The word reaches no child: it stands in no argument and no environment.
    """
    word, line = secrets.token_hex(16), " ".join(title.split())
    if environ.get("GITHUB_ACTIONS") == "true":
        begin, end = f"::group::{line}\n::stop-commands::{word}\n", f"::{word}::\n::endgroup::\n"
    elif environ.get("GITLAB_CI") == "true":
        begin = f"\x1b[0Ksection_start:{int(time.time() - seconds)}:mlci_{word}\r\x1b[0K{line}\n"
        end = f"\x1b[0Ksection_end:{int(time.time())}:mlci_{word}\r\x1b[0K\n"
    else:
        yield
        return
    show(begin.encode())
    try:
        yield
    finally:
        show(end.encode())


class _Log:
    """A file that takes so many bytes and no more; a full disk ends it, not the command."""

    def __init__(self, path: str, room: int) -> None:
        self._room = room
        self._is_cut = False
        try:
            file = Path(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            # Not through a link that somebody left there, and never the end of an earlier run's.
            file.unlink(missing_ok=True)
            self._stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb", buffering=0)
        except OSError as error:
            raise NotWritable(f"cannot write {path}: {error.strerror or error}", place=Place(path)) from error

    def write(self, block: bytes) -> None:
        self._is_cut = self._is_cut or len(block) > self._room
        block = block[: self._room]
        self._room -= len(block)
        if block:
            try:
                self._stream.write(block)
            except OSError:
                self._room, self._is_cut = 0, True

    def close(self, tail: bytes) -> None:
        if self._is_cut:
            with contextlib.suppress(OSError):
                self._stream.write(b"\n[mlci: left out from here, except for the last lines]\n" + tail + b"\n")
        with contextlib.suppress(OSError):
            self._stream.close()
