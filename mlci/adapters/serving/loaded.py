"""One version of a model on this machine: its files, its processes, and the requests that are at work on it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from mlci.adapters.remote.patience import Patience
from mlci.adapters.scoring.asked import Asked
from mlci.adapters.scoring.timing import Seat
from mlci.adapters.serving.child import Child, Lost, Prediction
from mlci.errors import MlciError, ModelUnusable

# A request may take so long, waiting for its turn included; seconds.
LONGEST_CALL = 60.0
# Waits between two starts of a process that ends by itself.
_AGAIN = Patience(first=0.5, longest=30.0)
# A process that lived so long was sound; seconds.
_SOUND = 60.0


class Unavailable(Exception):
    """Nothing can answer now; the text says why."""


class Loaded:
    """A version with its processes.

    Attributes:
        model, number, artifact: which version, and the sha256 of its files.
        checked: whether it was asked for examples that it is known to answer.
        users: requests at work on it; counted by whoever hands it out.
    """

    def __init__(self, *, model: str, number: str, artifact: str, seat: Seat, asked: Asked, folder: str) -> None:
        """Nothing is started yet; ``folder`` is for what its processes are told, and is the version's own."""
        self.model, self.number, self.artifact = model, number, artifact
        self.checked, self.users = False, 0
        self._seat, self._asked, self._folder = seat, asked, folder
        self._free: queue.Queue[Child] = queue.Queue()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._ended = threading.Event()
        self._closing = contextlib.ExitStack()

    def on_close(self, close: Callable[[], object]) -> None:
        """Do something once it is no longer served."""
        self._closing.callback(close)

    @property
    def pids(self) -> list[int]:
        """Process ids of its living processes."""
        with self._lock:
            return [child.pid for child in self._children if child.lives]

    def start(self, workers: int, seconds: float, log: Callable[[str], None]) -> None:
        """Start its processes and keep them.

        Args:
            workers: how many.
            seconds: that loading may take.
            log: told each line that the model prints.

        Raises:
            ModelUnusable: it cannot be loaded.
        """
        try:
            children = [self._new(log) for _ in range(workers)]
            for child in children:
                child.ready(seconds)
        except OSError as error:
            raise ModelUnusable(f"its process cannot be started: {error.strerror or error}") from error
        for child in children:
            self._free.put(child)
            threading.Thread(target=self._keep, args=(child, seconds, log), daemon=True).start()

    def _new(self, log: Callable[[str], None]) -> Child:
        child = Child(self._seat, self._asked, self._folder, log)
        with self._lock:
            self._children.add(child)
        return child

    def _keep(self, child: Child, seconds: float, log: Callable[[str], None]) -> None:
        """Start a process again whenever it ends by itself."""
        attempt, started = 0, time.monotonic()
        while True:
            child.wait()
            with self._lock:
                self._children.discard(child)
            child.kill()
            if self._ended.is_set():
                return
            attempt = 1 if time.monotonic() - started > _SOUND else attempt + 1
            log(f"(the process of version {self.number} ended: starting it again)")
            if self._ended.wait(_AGAIN.drawn(attempt, 1.0)):
                return
            started = time.monotonic()
            try:
                child = self._new(log)
                child.ready(seconds)
            except (MlciError, OSError) as error:
                log(f"(version {self.number} cannot be started: {error})")
                child.kill()
                continue
            self._free.put(child)
            if self._ended.is_set():
                child.stop()

    def ask(self, request: bytes, rows: int) -> Prediction:
        """What the version says of some examples.

        Raises:
            Unavailable: no process of it answers now.
            Refused: the model did not take the examples, or failed on them.
        """
        until = time.monotonic() + LONGEST_CALL
        child = self._next(until)
        try:
            answer = child.ask(request, rows, max(until - time.monotonic(), 0.1))
        except Lost as why:
            # Whoever keeps it sees that it is gone, and starts another.
            child.kill()
            raise Unavailable(f"the model's process gave no answer: {why}") from None
        except BaseException:
            self._free.put(child)
            raise
        self._free.put(child)
        return answer

    def _next(self, until: float) -> Child:
        """A process that is free, and lives as far as anybody knows."""
        while (left := until - time.monotonic()) > 0:
            if not self.pids:
                raise Unavailable("the model's process ended and is being started again")
            with contextlib.suppress(queue.Empty):
                # Not to the end at once: those that others wait for may die.
                child = self._free.get(timeout=min(left, 0.5))
                if child.lives:
                    return child
        raise Unavailable("the model was busy for too long")

    def close(self) -> None:
        """End its processes and remove its files; nothing is at work on it any more."""
        self._ended.set()
        with self._lock:
            children = list(self._children)
        for child in children:
            child.stop()
        self._closing.close()
