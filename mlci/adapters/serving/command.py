"""A command of the user's that says whether what serves a stage has followed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from mlci.adapters.oneline import one_line
from mlci.adapters.process.running import Order, run
from mlci.adapters.process.surroundings import surroundings
from mlci.adapters.remote.patience import Clock
from mlci.errors import CommandFailed, CommandOutOfMemory, CommandTimedOut
from mlci.ports import Version

# Between two starts, in seconds.
_FIRST, _LATER = 1.0, 5.0


class CommandServing:
    """Asks a command, again and again until it ends with 0."""

    def __init__(
        self, command: str, stage: str, environ: Mapping[str, str], folder: str, say: Callable[[str], None], *,
        timeout: float, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        """Nothing is started yet.

        Args:
            command: for a shell.
            stage: handed over as MLCI_STAGE.
            environ: this process's own environment; its secrets are not handed over.
            folder: that the command is started in.
            say: told how it goes.
            timeout: seconds that all tries together may take.
            clock: of this machine.
        """
        self._command, self._stage, self._environ, self._folder = command, stage, environ, folder
        self._say, self._timeout, self._clock = say, timeout, clock or Clock()

    def prepare(self, version: Version) -> None:
        """Nothing has to be known."""

    def wrong(self, version: Version, artifact: str) -> str | None:
        """Run the command until it ends with 0; a sentence with the last that it said where it did not in time."""
        handed = {
            "MLCI_VERSION": version.number,
            "MLCI_ARTIFACT": artifact,
            "MLCI_STAGE": self._stage,
            "MLCI_MODEL": version.model,
        }
        environ = surroundings(self._environ, extra=handed)
        until, pause = self._clock.monotonic() + self._timeout, _FIRST
        while True:
            why = self._tried(environ, max(until - self._clock.monotonic(), 1.0))
            if why is None:
                return None
            if self._clock.monotonic() + pause > until:
                within = f"{self._timeout:g} s"
                return f"what serves was not found to be version {version.number} within {within}: {why}"
            self._clock.sleep(pause)
            pause = min(2 * pause, _LATER)

    def _tried(self, environ: Mapping[str, str], seconds: float) -> str | None:
        with tempfile.TemporaryDirectory(prefix="mlci-verify-", ignore_cleanup_errors=True) as folder:
            order = Order(
                argv=("/bin/sh", "-c", self._command),
                cwd=self._folder,
                environ=environ,
                timeout=seconds,
                what="the command of promote.verify",
                log=str(Path(folder, "log")),
                grace=2.0,
                shown=False,
            )
            try:
                run(order, self._say)
            except (CommandFailed, CommandTimedOut, CommandOutOfMemory) as error:
                return one_line(error.cause, 400)
        return None
