"""Runs a command of the user's: watched, timed, shown, and never left behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci.adapters.process import supervisor
from mlci.adapters.process.memory import kills, resident, speak_of_memory
from mlci.adapters.process.output import Output, set_apart
from mlci.adapters.process.supervised import LATE, Supervised
from mlci.domain.figures import bytes_in_words, seconds_in_words
from mlci.domain.training import Usage
from mlci.errors import CommandFailed, CommandOutOfMemory, CommandTimedOut, FileMissing, MlciError, Place

# Silence after which a word is said of how it goes, and how much longer until the next; seconds.
SILENCE, AGAIN = 30.0, 60.0

_MISSING = (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR)
# As shells report a program that SIGKILL ended.
_KILLED_IN_A_SHELL = 128 + signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command to run.

    Attributes:
        argv: program and arguments; a program without a slash is looked for on the ``PATH`` of ``environ``.
        cwd: folder it is started in.
        environ: its complete environment.
        timeout: seconds it may take.
        what: what it does, as a noun for messages, such as "training".
        log: path of the file that gets everything it prints.
        grace: seconds between SIGTERM and SIGKILL, for a checkpoint.
        shown: whether what it prints goes to standard error as it comes.
    """

    argv: tuple[str, ...]
    cwd: str
    environ: Mapping[str, str]
    timeout: float
    what: str
    log: str
    grace: float = 10.0
    shown: bool = True


def run(order: Order, say: Callable[[str], None]) -> Usage:
    """Run a command to its end; nothing that it started is left when this returns or raises.

    Should this process die meanwhile, by whatever signal, the command and all that it started are ended too: SIGTERM
    at once, SIGKILL after ``order.grace`` seconds. ``supervisor.py`` says what of this macOS cannot do. One at a time:
    should a supervisor die, every process that this one was given meanwhile is taken for its command's.

    Args:
        order: what to run.
        say: takes a line on how it goes, when the command has printed nothing for a while.

    Raises:
        FileMissing: the program, or the folder to start it in, is not there or may not be used.
        CommandFailed: it ended with another status than 0, by a signal, or could not be started.
        CommandTimedOut: it took longer than it may, and was ended.
        CommandOutOfMemory: it ended for want of memory.
        NotWritable: the log cannot be written.
        KeyboardInterrupt: this process was interrupted; the command was ended first.
    """
    written = _written(order)
    killed_before = kills()
    started = time.monotonic()
    output = Output(order.log, is_shown=order.shown)
    with (
        set_apart(order.what, os.environ if order.shown else {}),
        contextlib.closing(output),
        Supervised(output) as supervised,
    ):
        progress = _Progress(order.what, output, say, supervised)
        try:
            supervised.tell(written)
            supervised.follow(started + order.timeout + order.grace + LATE, progress)
        except BaseException:
            supervised.stop(order.grace)
            raise
    ending = _Ending(
        order=order,
        answer=supervised.answer,
        seconds=time.monotonic() - started,
        lines=output.last_lines(),
        memory_ran_out=kills() > killed_before,
    )
    return ending.judged()


def _written(order: Order) -> bytes:
    """The order as the supervisor reads it: a line of JSON whose characters stand for bytes."""
    if not order.argv or not order.argv[0]:
        raise CommandFailed(f"{order.what} has no command")
    try:
        environ = {_bytewise(name): _bytewise(value) for name, value in order.environ.items()}
        words, cwd = [_bytewise(word) for word in order.argv], _bytewise(str(Path(order.cwd).absolute()))
    except UnicodeEncodeError:
        raise CommandFailed(f"{order.what} cannot be started: its command holds what is no character") from None
    fields = {"argv": words, "cwd": cwd, "environ": environ, "timeout": order.timeout, "grace": order.grace}
    return json.dumps(fields).encode() + b"\n"


def _bytewise(text: str) -> str:
    return os.fsencode(text).decode("latin-1")


class _Progress:
    """Says how it goes while nothing is printed."""

    def __init__(self, what: str, output: Output, say: Callable[[str], None], supervised: Supervised) -> None:
        self._what, self._output, self._say, self._supervised = what, output, say, supervised
        self._started = time.monotonic()
        self._next = self._started + SILENCE

    def __call__(self, has_printed: bool) -> float:
        now = time.monotonic()
        if has_printed:
            self._next = now + SILENCE
        elif now >= self._next:
            self._next = now + AGAIN
            self._output.break_line()
            self._say(f"{self._what}: {seconds_in_words(now - self._started)}{self._memory()}")
        return max(self._next - now, 0.0)

    def _memory(self) -> str:
        command = self._supervised.command
        held = 0 if command is None else resident({command, *supervisor.below(command)})
        return f", {bytes_in_words(held)}" if held else ""


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """How a command ended.

    Attributes:
        order: what was to be run.
        answer: what the supervisor told last; empty if it died.
        seconds: wall-clock time.
        lines: the last that were printed.
        memory_ran_out: whether the kernel ended some process of this control group meanwhile.
    """

    order: Order
    answer: Mapping[str, Any]
    seconds: float
    lines: list[str]
    memory_ran_out: bool

    def judged(self) -> Usage:
        """What the command took; raises what it is to be blamed for, as ``run`` says."""
        if "errno" in self.answer:
            raise self._unstarted()
        if not self.answer:
            raise self._error(CommandFailed, "was ended because the process that watched over it was")
        if self.answer["reason"] == "timeout":
            how = " and had to be killed" if self.answer["killed"] else " and was stopped"
            limit = seconds_in_words(self.order.timeout)
            raise self._error(CommandTimedOut, f"took longer than the {limit} it may{how}", "allow it more time")
        status = self.answer["status"]
        if self.answer["reason"] is not None or status is None:
            raise self._error(CommandFailed, "was stopped by a signal from outside")
        if status != 0:
            raise self._out_of_memory(status) or self._error(CommandFailed, self._ended(status), said=True)
        return Usage(
            seconds=self.seconds,
            cpu_seconds=self.answer["cpu_seconds"],
            peak_memory=self.answer["peak_memory"],
        )

    def _unstarted(self) -> MlciError:
        number, what = self.answer["errno"], self.order.what
        reason = self.answer["why"] if number is None else os.strerror(number)
        if number not in _MISSING:
            return CommandFailed(f"{what} cannot be started: {reason}")
        if self.answer["folder"]:
            return FileMissing(f"{what} cannot be started in {self.order.cwd}: {reason}", place=Place(self.order.cwd))
        return FileMissing(
            f"{what} cannot be started: {self.order.argv[0][:200]!r}: {reason}",
            help="install the program, or correct the command; a name without / is looked for on PATH",
        )

    def _out_of_memory(self, status: int) -> MlciError | None:
        is_killed = status in (-signal.SIGKILL, _KILLED_IN_A_SHELL)
        if not (is_killed or self.memory_ran_out or speak_of_memory(self.lines)):
            return None
        peak = bytes_in_words(self.answer["peak_memory"])
        cause = f"ran out of memory and {self._ended(status)}; its largest process had taken {peak}"
        if is_killed and not self.memory_ran_out:
            cause = f"{self._ended(status)}, as the system ends what takes too much memory; its largest process" + (
                f" had taken {peak}"
            )
        return self._error(CommandOutOfMemory, cause, "use smaller batches or fewer workers, or a larger machine")

    def _ended(self, status: int) -> str:
        how = f"ended with exit status {status}" if status > 0 else f"was ended by {_signal_name(-status)}"
        return f"{how} after {seconds_in_words(self.seconds)}"

    def _error(self, kind: type[MlciError], cause: str, advice: str | None = None, *, said: bool = False) -> MlciError:
        cause = f"{self.order.what} {cause}"
        if said and self.lines:
            cause += f": {self.lines[-1].strip()}"
        if self.lines:
            last = "the last that it printed:" + "".join(f"\n      {line}" for line in self.lines)
        else:
            last = "it printed nothing"
        return kind(cause, place=Place(self.order.log), help=last if advice is None else f"{advice}; {last}")


def _signal_name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"
