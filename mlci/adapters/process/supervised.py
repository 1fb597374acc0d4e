"""This process's side of a supervisor: starts one, reads what it says, asks it to stop, and clears up if it dies."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlci.adapters.process import supervisor
from mlci.adapters.process.output import Output

_BLOCK = 1 << 16
# What the supervisor itself is started with; the command's environment is handed over apart from it.
_KEPT = ("LD_LIBRARY_PATH", "RUNNER_TRACKING_ID")

# How much later than it should a supervisor may be before it is taken for broken, and ended; seconds.
LATE = 10.0
# What an interrupt for the second time leaves for ending by SIGKILL; seconds.
_HURRIED = 5.0
# Output that is still in the pipe when the supervisor ends is read for so long; seconds.
_DRAINED = 2.0


# The supervisors of this process that live, and what keeps two threads from counting processes at once.
_SUPERVISORS: set[int] = set()
_HELD = threading.RLock()


class _Home:
    """Whether this process takes orphans in: from the first command that runs to the last. Under ``_HELD`` alone."""

    commands = 0
    was_subreaper = False
    is_subreaper = False

    @classmethod
    def enter(cls) -> bool:
        if cls.commands == 0:
            cls.was_subreaper = supervisor.is_subreaper()
            cls.is_subreaper = cls.was_subreaper or supervisor.adopt_orphans()
        cls.commands += 1
        return cls.is_subreaper

    @classmethod
    def leave(cls) -> None:
        cls.commands -= 1
        if cls.commands == 0 and cls.is_subreaper and not cls.was_subreaper:
            supervisor.adopt_orphans(False)


class Supervised:
    """A command under a supervisor.

    Attributes:
        command: process id of the command, once it runs.
        answer: how it ended, in the words of ``supervisor.main``; empty until then, and if the supervisor died.
    """

    def __init__(self, output: Output) -> None:
        self.command: int | None = None
        self.answer: dict[str, Any] = {}
        self._output = output
        self._told = b""
        self._orphans = Orphans()
        inlet, self._lifeline = os.pipe()
        self._status, status = os.pipe()
        self._printed, printed = os.pipe()
        self._open = {self._lifeline, self._status, self._printed}
        try:
            # Held, so that nobody takes this one for an orphan before its number is known.
            with _HELD:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, by its full path
                    [sys.executable, "-I", "-S", "-B", str(Path(supervisor.__file__))],
                    stdin=inlet,
                    stdout=status,
                    stderr=printed,
                    env={name: os.environ[name] for name in _KEPT if name in os.environ},
                    start_new_session=True,
                )
                _SUPERVISORS.add(self._process.pid)
        except BaseException:
            self._orphans.leave()
            self._close(*self._open)
            raise
        finally:
            for descriptor in (inlet, status, printed):
                os.close(descriptor)

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is left. With its lifeline closed, a supervisor that lives ends its command by itself."""
        self._close(*self._open)
        try:
            if not self.answer:
                with contextlib.suppress(OSError):
                    self._process.kill()
                self._process.wait()
                self._orphans.end(self.command)
            self._process.wait()
        finally:
            with _HELD:
                _SUPERVISORS.discard(self._process.pid)
            self._orphans.leave()

    def _close(self, *descriptors: int) -> None:
        for descriptor in set(descriptors) & self._open:
            self._open.discard(descriptor)
            os.close(descriptor)

    def tell(self, words: bytes) -> None:
        """Hand over the order, or ask for the end: ``S`` with grace, ``K`` at once."""
        with contextlib.suppress(BrokenPipeError):
            while words:
                words = words[os.write(self._lifeline, words) :]

    def follow(self, until: float, often: Callable[[bool], float]) -> None:
        """Pass on what is printed until the command has ended, or a moment of the monotonic clock has come.

        Args:
            until: the moment; seconds.
            often: called after each wait, with whether anything was printed; returns how long to wait next.
        """
        wait = often(True)
        with selectors.DefaultSelector() as selector:
            selector.register(self._status, selectors.EVENT_READ)
            if self._printed in self._open:
                selector.register(self._printed, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(min(left, wait))}
                if self._printed in ready and not self._pass_on():
                    selector.unregister(self._printed)
                    self._close(self._printed)
                if self._status in ready and not self._listen():
                    return self._drain()
                wait = often(self._printed in ready)
        return None

    def _pass_on(self) -> bool:
        block = os.read(self._printed, _BLOCK)
        self._output.take(block)
        return bool(block)

    def _listen(self) -> bool:
        """Take what the supervisor says; False once it has ended."""
        block = os.read(self._status, _BLOCK)
        *lines, self._told = (self._told + block).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "pid" in said:
                self.command = said["pid"]
            else:
                self.answer = said
        return bool(block)

    def _drain(self) -> None:
        """Pass on what is left in the pipe; not to its end, which one who could not be ended may hold off."""
        until = time.monotonic() + _DRAINED
        with selectors.DefaultSelector() as selector:
            if self._printed in self._open:
                selector.register(self._printed, selectors.EVENT_READ)
                while time.monotonic() < until and selector.select(0) and self._pass_on():
                    pass

    def stop(self, grace: float) -> None:
        """Ask for the end and wait for it; interrupted again, do without the grace."""
        try:
            self.tell(b"S")
            self.follow(time.monotonic() + grace + LATE, lambda _: LATE)
        except KeyboardInterrupt:
            self.tell(b"K")
            self.follow(time.monotonic() + _HURRIED, lambda _: LATE)


class Orphans:
    """Descendants that lose their parent while a supervisor runs: on Linux they become children of this process.

    Several commands may run side by side: the first takes orphans in and the last no longer does. The supervisor of
    another command is nobody's orphan; where two of them die at once, what both leave is ended by either.
    """

    def __init__(self) -> None:
        with _HELD:
            self._is_subreaper = _Home.enter()
            self._others = self._children()

    def leave(self) -> None:
        """No longer take orphans in, unless another command still runs."""
        with _HELD:
            _Home.leave()

    def end(self, group: int | None) -> None:
        """End the command's group, if that is known, and every process that became ours meanwhile."""
        if group is not None:
            supervisor.send(signal.SIGKILL, set(), group)
        until = time.monotonic() + _HURRIED
        while self._is_subreaper and time.monotonic() < until:
            with _HELD:
                left = self._children() - self._others - _SUPERVISORS
                for child in left:
                    supervisor.send(signal.SIGKILL, {child, *supervisor.below(child)}, None)
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(child, os.WNOHANG)
            if not left:
                break
            time.sleep(0.01)

    @staticmethod
    def _children() -> set[int]:
        me = os.getpid()
        return {pid for pid, parent in supervisor.parents(zombies=True).items() if parent == me}
