"""Follows the version of a stage: loads the new one beside the old, lets it take its place, lets the old one end."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlci.adapters.oneline import one_line
from mlci.adapters.remote.patience import Patience
from mlci.adapters.serving.loaded import LONGEST_CALL, Loaded, Unavailable
from mlci.errors import MlciError
from mlci.ports import Version

# Waits before a version that could not be loaded is tried again.
_AGAIN = Patience(first=30.0, longest=600.0)


@dataclass(frozen=True, kw_only=True)
class State:
    """How it stands.

    Attributes:
        loaded: what answers; None while nothing does.
        trouble: what is wrong, as a sentence; None where all is well.
    """

    loaded: Loaded | None
    trouble: str | None


@dataclass
class _Failed:
    number: str
    attempts: int
    until: float


class Follower:
    """What answers for a stage. ``run`` is for a thread of its own, the rest for as many as there are."""

    def __init__(
        self, pointed: Callable[[], Version | None], load: Callable[[Version], Loaded], stage: str,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Nothing is asked yet.

        Args:
            pointed: the version that the stage is at; None where it is at none. Raises a MlciError where that cannot
                be found out.
            load: a version, ready to answer. Raises a MlciError where it cannot be loaded.
            stage: its name, for messages.
            say: told what happens.
        """
        self._pointed, self._load, self._stage, self._say = pointed, load, stage, say
        self._changed = threading.Condition()
        self._loaded: Loaded | None = None
        self._trouble: str | None = f"nothing is loaded yet: {stage} is being looked for"
        self._failed: _Failed | None = None
        self._closing: list[threading.Thread] = []

    @property
    def state(self) -> State:
        """How it stands now."""
        with self._changed:
            return State(loaded=self._loaded, trouble=self._trouble)

    @contextlib.contextmanager
    def using(self) -> Iterator[Loaded]:
        """The version that answers now; it is not ended before the context is.

        Raises:
            Unavailable: nothing answers.
        """
        with self._changed:
            loaded = self._loaded
            if loaded is None:
                raise Unavailable(self._trouble or "nothing is loaded")
            loaded.users += 1
        try:
            yield loaded
        finally:
            with self._changed:
                loaded.users -= 1
                if loaded.users == 0:
                    self._changed.notify_all()

    def run(self, stop: threading.Event, every: float) -> None:
        """Look from time to time until told to stop, and end what answers then."""
        while not stop.is_set():
            try:
                self.look()
            except Exception as bug:  # noqa: BLE001 - what serves goes on serving, whatever is wrong with looking
                traceback.print_exc()
                self._note(f"looking for {self._stage} failed: a bug in mlci ({type(bug).__name__})")
            stop.wait(every)

    def look(self) -> None:
        """Ask which version the stage is at, and change to it."""
        try:
            version = self._pointed()
        except MlciError as error:
            return self._note(f"what is at {self._stage} cannot be asked: {one_line(error.cause, 300)}")
        if version is None:
            more = " any more" if self.state.loaded is not None else " yet"
            return self._note(f"nothing is at {self._stage}{more}")
        current = self.state.loaded
        if current is not None and current.number == version.number:
            self._failed = None
            return self._note(None)
        return self._change(version)

    def _note(self, trouble: str | None) -> None:
        with self._changed:
            is_new, self._trouble = trouble != self._trouble, trouble
        if is_new:
            self._say(trouble if trouble is not None else f"{self._stage} is followed again")

    def _change(self, version: Version) -> None:
        failed = self._failed
        if failed is not None and failed.number == version.number and time.monotonic() < failed.until:
            return None
        self._say(f"loading version {version.number}")
        started = time.monotonic()
        try:
            loaded = self._load(version)
        except MlciError as error:
            attempts = failed.attempts + 1 if failed is not None and failed.number == version.number else 1
            until = time.monotonic() + _AGAIN.drawn(attempts, 1.0)
            self._failed = _Failed(version.number, attempts, until)
            return self._note(f"version {version.number} cannot be loaded: {one_line(error.cause, 500)}")
        self._failed = None
        with self._changed:
            old, self._loaded, self._trouble = self._loaded, loaded, None
        taken = time.monotonic() - started
        self._say(f"version {version.number} answers, {taken:.1f} s after it was found")
        if old is not None:
            self._retire(old)
        return None

    def _retire(self, old: Loaded) -> None:
        thread = threading.Thread(target=self._end, args=(old,))
        thread.start()
        self._closing = [each for each in (*self._closing, thread) if each.is_alive()]

    def _end(self, old: Loaded) -> None:
        """Let requests that are at work on it end first."""
        with self._changed:
            self._changed.wait_for(lambda: old.users == 0, timeout=LONGEST_CALL + 5.0)
        old.close()

    def close(self) -> None:
        """End everything, once nothing is at work any more."""
        with self._changed:
            loaded, self._loaded, self._trouble = self._loaded, None, "the server is being stopped"
        if loaded is not None:
            self._end(loaded)
        for thread in self._closing:
            thread.join()
