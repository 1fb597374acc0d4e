"""This process's side of a model in the user's interpreter: asked one request at a time, ended for sure."""

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
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mlci.adapters.oneline import one_line
from mlci.adapters.scoring.asked import IMPORTS, WORKER, Asked
from mlci.adapters.scoring.modules import own_folders
from mlci.adapters.scoring.timing import Seat
from mlci.errors import ModelUnusable

Cell = bool | int | float | str | None

ANSWERING = Path(__file__).with_name("answering.py")
# An answer of more than this is none that a request of the size that is taken could need.
LARGEST_ANSWER = 64 << 20
_BLOCK = 1 << 18
# Between the end of its input and SIGKILL; seconds.
_GRACE = 5.0
_LONGEST_LINE = 2000
_LAST = 5


class Lost(Exception):
    """The model's process gave no answer: it ended, took too long, or wrote what is none."""


class Refused(Exception):
    """The model gave no prediction.

    Attributes:
        theirs: whether the request is to blame.
    """

    def __init__(self, message: str, *, theirs: bool) -> None:
        super().__init__(message)
        self.theirs = theirs


class _Error(msgspec.Struct):
    message: str
    request: bool = False


class _Answer(msgspec.Struct):
    """A line of the model's process, which is hostile: the model's code runs there."""

    loaded: bool = False
    predictions: list[object] | None = None
    probabilities: list[object] | None = None
    classes: list[Cell] | None = None
    error: _Error | None = None


@dataclass(frozen=True)
class Prediction:
    """What a model says of the examples of one request.

    Attributes:
        predictions: one for each example.
        probabilities: numbers for each example, where they were asked for.
        classes: the class that each of these numbers belongs to, where the model says it.
    """

    predictions: list[object]
    probabilities: list[object] | None = None
    classes: list[Cell] | None = None


class Child:
    """A model in a process of its own, in the user's interpreter."""

    def __init__(self, seat: Seat, asked: Asked, folder: str, log: Callable[[str], None]) -> None:
        """Start it; it is usable once ``ready`` has returned.

        Args:
            seat: the model, and where it is loaded.
            asked: how it is asked.
            folder: for the request and what frameworks write.
            log: told each line that the model prints.
        """
        self._name = Path(seat.payload.path).name
        path = Path(folder, "serve.json")
        path.write_text(json.dumps(_request(seat, asked, folder)), "utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - the user's interpreter with our own program, by its path
            [seat.interpreter.python, str(ANSWERING), str(path)],
            cwd=str(Path(seat.interpreter.cwd).absolute()),
            env=dict(seat.interpreter.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            # An interrupt from the terminal is for the server, which lets requests end first.
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - the same
        self._inlet, self._outlet = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._inlet, False)
        os.set_blocking(self._outlet, False)
        # Whoever closes the pipes waits for whoever uses them: their numbers are soon those of other files.
        self._pipes, self._closed = threading.Lock(), False
        self._last: deque[str] = deque(maxlen=_LAST)
        self._log = log
        threading.Thread(target=self._pump, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ready(self, seconds: float) -> None:
        """Wait until the model is loaded.

        Raises:
            ModelUnusable: it cannot be loaded, or not in that time.
        """
        try:
            with self._pipes:
                answer = self._read(time.monotonic() + seconds)
        except Lost as why:
            said = f": {self._last[-1]}" if self._last else ""
            raise ModelUnusable(f"its process gave no sign that it is loaded, {why}{said}") from None
        if answer.error is not None:
            raise ModelUnusable(one_line(answer.error.message, 500))
        if not answer.loaded:
            raise ModelUnusable("its process did not say that it is loaded")

    def ask(self, request: bytes, rows: int, seconds: float) -> Prediction:
        """What the model says of some examples.

        Args:
            request: a line of JSON.
            rows: examples in it.
            seconds: longest time it may take.

        Raises:
            Lost: there was no answer; the process is of no more use.
            Refused: the model did not take the examples, or failed on them.
        """
        until = time.monotonic() + seconds
        with self._pipes:
            self._write(request + b"\n", until)
            answer = self._read(until)
        if answer.error is not None:
            raise Refused(one_line(answer.error.message, 500), theirs=answer.error.request)
        if answer.predictions is None or len(answer.predictions) != rows:
            raise Refused("the model did not give one prediction for each row", theirs=False)
        return Prediction(answer.predictions, answer.probabilities, answer.classes)

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()

    def kill(self) -> None:
        """End it and what it started, at once."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close(both=True, seconds=_GRACE)

    def stop(self) -> None:
        """Let it end, and make it."""
        # Where somebody still waits for it, it is of no use to let it end by itself.
        if self._close(both=False, seconds=0.1):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        self.kill()

    def _close(self, *, both: bool, seconds: float) -> bool:
        """Close its pipes, unless somebody uses them for so long; whether they are closed."""
        if not self._pipes.acquire(timeout=seconds):
            return False
        try:
            self._closed = True
            for stream in (self._process.stdin, self._process.stdout) if both else (self._process.stdin,):
                if stream is not None:
                    stream.close()
        except OSError:
            pass
        finally:
            self._pipes.release()
        return True

    def _write(self, line: bytes, until: float) -> None:
        if self._closed:
            raise Lost("its process has ended")
        rest = memoryview(line)
        with selectors.DefaultSelector() as selector:
            selector.register(self._inlet, selectors.EVENT_WRITE)
            while rest:
                if not selector.select(max(until - time.monotonic(), 0.0)):
                    raise Lost("it did not take the request in time")
                try:
                    rest = rest[os.write(self._inlet, rest) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise Lost("its process has ended") from None

    def _read(self, until: float) -> _Answer:
        if self._closed:
            raise Lost("its process has ended")
        pieces: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._outlet, selectors.EVENT_READ)
            while not (pieces and pieces[-1].endswith(b"\n")):
                if not selector.select(max(until - time.monotonic(), 0.0)):
                    raise Lost("it did not answer in time")
                piece = os.read(self._outlet, _BLOCK)
                if not piece:
                    raise Lost("its process has ended")
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise Lost("its answer is too large")
        try:
            # One line was asked for: whatever else is in it is no JSON.
            return msgspec.json.decode(b"".join(pieces), type=_Answer)
        except (ValueError, RecursionError):
            raise Lost("its answer is none") from None

    def _pump(self) -> None:
        """Pass on what the model prints, a bounded line at a time; nobody reads what it draws on a terminal."""
        stream = self._process.stderr
        assert stream is not None  # noqa: S101 - it was asked for
        with stream, contextlib.suppress(OSError, ValueError):
            while line := stream.readline(_LONGEST_LINE):
                text = one_line(line.decode("utf-8", "replace"), _LONGEST_LINE)
                if text:
                    self._last.append(one_line(text, 300))
                    self._log(text)


def _request(seat: Seat, asked: Asked, folder: str) -> Mapping[str, object]:
    return {
        "task": "serve",
        "model": str(Path(seat.payload.path).absolute()),
        "format": seat.payload.format,
        "features": list(asked.features) or None,
        "excluded": [],
        "device": "gpu" if asked.device in ("gpu", "cuda") else asked.device,
        "trusted": asked.trusted,
        "own": list(own_folders(seat.interpreter)),
        "forbidden": seat.interpreter.forbidden,
        "worker": str(WORKER),
        "imports": str(IMPORTS),
        "answer": folder,
    }


def printed(line: str) -> None:
    """A line of the model's on standard error, led so that no runner takes it for a command."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("model: " + line.replace("##[", "# #[") + "\n")
        sys.stderr.flush()
