"""Watches one command and ends it with all that it started; a program of its own, standard library only.

Run as ``python -I -S -B supervisor.py``: standard input is a pipe that mlci holds open, standard output takes one
JSON object a line, standard error is where the command's output goes. On Linux the program is the subreaper of
everything below it, so that what left the command's session is found too. On macOS there is no such thing: there,
a process that made itself a session of its own is not ended, and if this program is killed by SIGKILL the command
outlives it until mlci, where that still runs, ends the command's group.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# https://man7.org/linux/man-pages/man2/prctl.2.html
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 1, 36, 37

# What a command leaves when it ends by itself has so long to end by itself, as the last part of a pipe does, and
# so long again after SIGTERM; seconds.
_FINISHING, _LEFTOVERS = 0.5, 1.0
# A process that SIGKILL does not end for so long hangs in the kernel; seconds.
_STUCK = 5.0
# How often those that are to end are looked for; seconds.
_LOOK = 0.05
# Added to the chance that the kernel chooses a process when memory runs out, which goes up to 1000.
_RATHER_THIS = 200


def prctl(option: int, argument: int) -> bool:
    """Call Linux's ``prctl`` with one argument; False elsewhere, or where it is refused."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, ctypes.c_ulong(argument), 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def is_subreaper() -> bool:
    """Whether this process is given the orphans among its descendants."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        answer = ctypes.c_int(0)
        ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
        return answer.value != 0
    except (ImportError, OSError, AttributeError):
        return False


def adopt_orphans(wanted: bool = True) -> bool:
    """Ask to be given (or no longer to be given) orphaned descendants; False where a system has no such thing."""
    return prctl(_SET_CHILD_SUBREAPER, int(wanted))


def parents(*, zombies: bool = False) -> dict[int, int]:
    """The parent of every process that can be seen; empty where there is no ``/proc``."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - half the time of a Path each, and there can be thousands
            if name.isdigit() and (fields := _stat(name)) and (zombies or fields[0] not in (b"Z", b"X")):
                found[int(name)] = int(fields[1])
    return found


def _stat(pid: str) -> list[bytes] | None:
    """State, parent and so on; the name before them may hold anything, so they are counted from its last bracket."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None


def below(root: int) -> set[int]:
    """All living descendants of a process."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found


def send(signum: int, pids: set[int], group: int | None) -> None:
    """Send a signal to a group of processes and to those that left it."""
    if group is not None:
        with contextlib.suppress(OSError):
            os.killpg(group, signum)
    for pid in pids:
        with contextlib.suppress(OSError):
            # The group has it already, and a handler that runs twice may take the second for "at once".
            if group is None or os.getpgid(pid) != group:
                os.kill(pid, signum)


class Watch:
    """One command, from its start until nothing of it is left.

    Args:
        pid: of the command, which leads a group of its own.
        until: when it is to be stopped, on the monotonic clock; seconds.
        grace: between SIGTERM and SIGKILL; seconds.
    """

    def __init__(self, pid: int, until: float, grace: float) -> None:
        self.pid = pid
        self.status: int | None = None
        self.reason: str | None = None
        self.killed = False
        self._until = until
        self._grace = grace
        self._kill_at: float | None = None
        self._left_since: float | None = None

    def stop(self, reason: str, grace: float) -> None:
        """Ask everything to end, and set the moment at which it is made to; a later call can only bring it nearer."""
        if self.reason is None and self.status is None:
            self.reason = reason
        kill_at = time.monotonic() + grace
        if self._kill_at is None:
            self._kill_at = kill_at
            self._send(signal.SIGTERM)
            # One that is stopped would sleep through its chance to end cleanly.
            self._send(signal.SIGCONT)
        self._kill_at = min(self._kill_at, kill_at)

    def _send(self, signum: int) -> None:
        group = self.pid if self.status is None or self._has_group() else None
        send(signum, below(os.getpid()), group)

    def _has_group(self) -> bool:
        """Whether anybody is left in the command's group: only so long is its number not given to another."""
        try:
            os.killpg(self.pid, 0)
        except PermissionError:
            return True
        except OSError:
            return False
        return True

    def reap(self) -> bool:
        """Take note of whoever has ended; False once nobody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status

    def until_all_ended(self, lifeline: int, wake: int) -> bool:
        """Wait for the command and all it started, ending what has to be ended.

        Returns:
            whether all have ended; not if one hangs in the kernel.
        """
        while self.reap() or self._has_group():
            now = time.monotonic()
            if self.status is not None and self._left_since is None:
                self._left_since = now
            if self._kill_at is not None:
                if now >= self._kill_at + _STUCK:
                    return False
                if now >= self._kill_at:
                    self.killed = self.killed or self.status is None
                    self._send(signal.SIGKILL)
            elif self._left_since is not None and now >= self._left_since + _FINISHING:
                self.stop("left", _LEFTOVERS)
            elif self._left_since is None and now >= self._until:
                self.stop("timeout", self._grace)
            lifeline = self._wait(lifeline, wake)
        return True

    def _wait(self, lifeline: int, wake: int) -> int:
        """Sleep until something happens, and do what mlci says; -1 once it says nothing any more."""
        is_ending = self._kill_at is not None or self._left_since is not None
        # Much longer waits overflow select, and a timeout of a year is allowed.
        wait = _LOOK if is_ending else min(max(self._until - time.monotonic(), 0.0), 3600.0)
        ready = select.select([wake] if lifeline < 0 else [wake, lifeline], [], [], wait)[0]
        if wake in ready:
            signums = os.read(wake, 4096)
            if any(signum != signal.SIGCHLD for signum in signums):
                self.stop("signal", self._grace)
        if lifeline in ready:
            said = os.read(lifeline, 4096)
            if not said:
                # mlci is gone, for whatever reason.
                self.stop("alone", self._grace)
                return -1
            self.obey(said)
        return lifeline

    def obey(self, said: bytes) -> None:
        """Stop as mlci asks for it: with grace, or at once."""
        self.stop("asked", 0.0 if b"K" in said else self._grace)


def start(argv: list[bytes], cwd: bytes, environ: Mapping[bytes, bytes]) -> int:
    """Start a command in a session of its own, its output going to standard error.

    Raises:
        OSError: it cannot be started; ``filename`` is the folder if that is why.
        ValueError: an argument that no command can have.
    """
    me = os.getpid()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(argv, cwd, environ, me, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        fault = stream.read()
    if fault:
        os.waitpid(pid, 0)
        number, filename = json.loads(fault)
        if number is None:
            raise ValueError(filename)
        raise OSError(number, os.strerror(number), filename)
    return pid


def _become(argv: list[bytes], cwd: bytes, environ: Mapping[bytes, bytes], parent: int, faults: int) -> None:
    """Turn this fresh process into the command; never returns."""
    where: str | None = None
    try:
        os.setsid()
        prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _rather_this_when_memory_runs_out()
        for signum in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        where = os.fsdecode(cwd)
        os.chdir(cwd)
        where = None
        os.execvpe(argv[0], argv, environ)  # noqa: S606 - no shell: the words of the command as they are
    except OSError as error:
        os.write(faults, json.dumps([error.errno, where]).encode())
    except BaseException as error:  # noqa: BLE001 - whatever it was, this process must not go on as a supervisor
        os.write(faults, json.dumps([None, str(error)]).encode())
    os._exit(127)


def _rather_this_when_memory_runs_out() -> None:
    with contextlib.suppress(OSError, ValueError):
        score = Path("/proc/self/oom_score_adj")
        score.write_text(str(min(int(score.read_text()) + _RATHER_THIS, 1000)))


def _tell(message: dict[str, Any]) -> None:
    # Nobody may be listening any more.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _asked() -> tuple[dict[str, Any], bytes] | None:
    """The order, one line of JSON, and what mlci has said since; None if it ended before it was through."""
    said = b""
    while b"\n" not in said:
        block = os.read(0, 1 << 16)
        if not block:
            return None
        said += block
    line, _, rest = said.partition(b"\n")
    return json.loads(line), rest


def _wake_up() -> int:
    """A descriptor that becomes readable with every signal."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for signum in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)
    return reader


def main() -> None:
    """Read an order, carry it out, and tell how it went."""
    asked = _asked()
    if asked is None:
        return
    order, rest = asked
    wake = _wake_up()
    adopt_orphans()
    argv = [word.encode("latin-1") for word in order["argv"]]
    environ = {name.encode("latin-1"): value.encode("latin-1") for name, value in order["environ"].items()}
    try:
        pid = start(argv, order["cwd"].encode("latin-1"), environ)
    except OSError as error:
        _tell({"errno": error.errno, "folder": error.filename is not None})
        return
    except ValueError as error:
        _tell({"errno": None, "why": str(error)})
        return
    _tell({"pid": pid})
    watch = Watch(pid, time.monotonic() + order["timeout"], order["grace"])
    if rest:
        watch.obey(rest)
    watch.until_all_ended(0, wake)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    _tell(
        {
            "status": None if watch.status is None else os.waitstatus_to_exitcode(watch.status),
            "reason": watch.reason,
            "killed": watch.killed,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            # https://man7.org/linux/man-pages/man2/getrusage.2.html: KiB; bytes on macOS. The process that became the
            # command was a copy of this one, so that it is never less than the 10 MiB or so of an interpreter.
            "peak_memory": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }
    )


if __name__ == "__main__":
    main()
