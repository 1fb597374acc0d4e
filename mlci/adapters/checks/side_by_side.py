"""Runs commands side by side within a budget; when this returns or raises, nothing that they started is left."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci.adapters.process.memory import speak_of_memory
from mlci.adapters.process.output import Output, set_apart, show
from mlci.adapters.process.supervised import LATE, Supervised
from mlci.domain.checks import NO_TESTS, How
from mlci.domain.figures import bytes_in_words, seconds_in_words

# Bytes that are kept of what one command prints, and so the most that is shown of it.
LARGEST_LOG = 8 << 20
# Between SIGTERM and SIGKILL; seconds.
GRACE = 2.0
# Silence after which a word is said of what still runs; seconds.
_SILENCE = 30.0
# As a shell says that a program is not there, or is none: POSIX, Shell & Utilities 2.8.2.
_NOT_FOUND, _NO_PROGRAM = 127, 126
_KILLED_IN_A_SHELL = 128 + signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command to run beside others.

    Attributes:
        name: for messages.
        argv: program and arguments.
        cwd: folder it is started in.
        environ: its complete environment.
        log: path of the file that gets what it prints.
        title: of the group that it is shown in.
        limit: seconds that it may take by itself; None for what the budget leaves.
        tested: whether it runs pytest, which has an exit of its own for no tests at all.
        quiet: whether nothing of it is shown where it printed nothing.
    """

    name: str
    argv: tuple[str, ...]
    cwd: str
    environ: Mapping[str, str]
    log: str
    title: str
    limit: float | None = None
    tested: bool = False
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        job: which.
        how: it ended.
        said: that in words.
        seconds: wall-clock time.
        lines: the last that it printed.
    """

    job: Job
    how: How
    said: str
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


def run(
    jobs: Sequence[Job],
    *,
    at_once: int,
    budget: float,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> list[Ended]:
    """Run commands, so many at once, each printed as a whole when it ends.

    What still runs when the budget is spent gets SIGTERM, and SIGKILL after ``GRACE``; what has not begun never does.

    Args:
        jobs: what to run; they begin in this order.
        at_once: how many run at the same time.
        budget: seconds for all of them.
        environ: of this process, for how a log is folded.
        say: takes a line on how it goes, when nothing has ended for a while.

    Returns:
        How each ended, in the order of ``jobs``.

    Raises:
        NotWritable: a log cannot be written.
        KeyboardInterrupt: this process was interrupted; the commands were ended first.
    """
    batch = _Batch(jobs, time.monotonic() + budget)
    threads = [threading.Thread(target=batch.work, daemon=True) for _ in range(max(1, min(at_once, len(jobs))))]
    ended: dict[int, Ended] = {}
    try:
        for thread in threads:
            thread.start()
        while len(ended) < len(jobs):
            try:
                place, result = batch.done.get(timeout=_SILENCE)
            except queue.Empty:
                say(batch.running())
                continue
            if isinstance(result, BaseException):
                raise result
            ended[place] = result
            _print(result, environ)
    except BaseException:
        batch.end(threads)
        raise
    for thread in threads:
        thread.join()
    return [ended[place] for place in range(len(jobs))]


class _Batch:
    """The commands that wait, those that run, and those that have ended."""

    def __init__(self, jobs: Sequence[Job], until: float) -> None:
        self.done: queue.Queue[tuple[int, Ended | BaseException]] = queue.Queue()
        self._waiting = deque(enumerate(jobs))
        self._until = until
        self._held = threading.Lock()
        self._alive: dict[int, tuple[Job, float, Supervised]] = {}
        self._over = threading.Event()

    def work(self) -> None:
        """Run one after the other until none waits."""
        while True:
            try:
                place, job = self._waiting.popleft()
            except IndexError:
                return
            try:
                self.done.put((place, self._run(place, job)))
            except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits for the results
                self.done.put((place, error))

    def _run(self, place: int, job: Job) -> Ended:
        began = time.monotonic()
        if self._over.is_set() or began >= self._until:
            return Ended(job=job, how="waiting", said="never began, because the budget was spent before it could")
        left = self._until - began
        timeout = left if job.limit is None else min(left, job.limit)
        output = Output(job.log, is_shown=False, largest=LARGEST_LOG)
        with contextlib.closing(output), Supervised(output) as supervised:
            with self._held:
                self._alive[place] = (job, began, supervised)
                if self._over.is_set():
                    supervised.tell(b"K")
            try:
                supervised.tell(_order(job, timeout))
                supervised.follow(began + timeout + GRACE + LATE, lambda _: LATE)
            finally:
                with self._held:
                    del self._alive[place]
        seconds = time.monotonic() - began
        how, said = _how(job, supervised.answer, output.last_lines(), cut=timeout == left)
        return Ended(job=job, how=how, said=said, seconds=seconds, lines=tuple(output.last_lines()))

    def running(self) -> str:
        """What runs, in words."""
        with self._held:
            alive = [(job.name, began) for job, began, _ in self._alive.values()]
        return "still running: " + ", ".join(
            f"{name} ({seconds_in_words(time.monotonic() - began)})" for name, began in alive
        )

    def end(self, threads: Sequence[threading.Thread]) -> None:
        """End everything: with grace, and without when interrupted again."""
        for word in (b"S", b"K"):
            with contextlib.suppress(KeyboardInterrupt):
                self._tell(word)
                for thread in threads:
                    if thread.ident is not None:
                        thread.join(GRACE + LATE)
                return

    def _tell(self, word: bytes) -> None:
        with self._held:
            self._over.set()
            for _, _, supervised in self._alive.values():
                with contextlib.suppress(OSError):
                    supervised.tell(word)


def _order(job: Job, timeout: float) -> bytes:
    """As ``supervisor.py`` reads it."""

    def bytewise(text: str) -> str:
        return os.fsencode(text).decode("latin-1")

    fields = {
        "argv": [bytewise(word) for word in job.argv],
        "cwd": bytewise(str(Path(job.cwd).absolute())),
        "environ": {bytewise(name): bytewise(value) for name, value in job.environ.items()},
        "timeout": timeout,
        "grace": GRACE,
    }
    return json.dumps(fields).encode() + b"\n"


def _how(job: Job, answer: Mapping[str, Any], lines: Sequence[str], *, cut: bool) -> tuple[How, str]:
    if "errno" in answer:
        number = answer["errno"]
        return "missing", f"could not be started: {answer['why'] if number is None else os.strerror(number)}"
    if not answer:
        return "stopped", "ended because the process that watched over it was ended"
    if answer["reason"] == "timeout":
        return ("cut", "was cut off because the budget was spent") if cut else ("late", "took longer than it may")
    status = answer["status"]
    # One that left something running has ended by itself; what it left was ended, and says nothing of it.
    if status is None or answer["reason"] not in (None, "left"):
        return "stopped", "was stopped by a signal from outside"
    return _by_status(job, status, lines, answer["peak_memory"])


def _by_status(job: Job, status: int, lines: Sequence[str], peak: int) -> tuple[How, str]:
    if status == 0:
        return "passed", "passed"
    if job.tested and status == NO_TESTS:
        return "empty", "found no test"
    if status in (_NOT_FOUND, _NO_PROGRAM):
        last = f": {lines[-1].strip()}" if lines else ""
        return "missing", f"could not be run{last}"
    ended = f"ended with exit status {status}" if status > 0 else f"was ended by {_signal(-status)}"
    if status in (-signal.SIGKILL, _KILLED_IN_A_SHELL) or speak_of_memory(lines):
        return "memory", f"{ended} for want of memory; its largest process had taken {bytes_in_words(peak)}"
    return "failed", ended


def _signal(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


def _print(ended: Ended, environ: Mapping[str, str]) -> None:
    """Everything that a command printed, in a group of its own that the runner obeys nothing of."""
    if ended.how == "waiting":
        return
    job = ended.job
    with contextlib.suppress(OSError), Path(job.log).open("rb") as stream:
        block = stream.read(1 << 16)
        if not block and job.quiet:
            return
        title = f"{job.title}: {ended.said} ({seconds_in_words(ended.seconds)})"
        if not _folds(environ):
            show(f"{title}\n".encode("utf-8", "replace"))
        with set_apart(title, environ, seconds=ended.seconds):
            last = b"\n"
            while block:
                if not show(block):
                    return
                last, block = block[-1:], stream.read(1 << 16)
            if last != b"\n":
                show(b"\n")


def _folds(environ: Mapping[str, str]) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true" or environ.get("GITLAB_CI") == "true"
