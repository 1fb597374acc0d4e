"""Whether what serves a stage has followed: its health names the version, and it answers known examples as it must."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlci.adapters.oneline import one_line
from mlci.adapters.remote.patience import Clock
from mlci.adapters.serving.asking import LONGEST, Asking, Said, Unanswered
from mlci.adapters.serving.known import Known
from mlci.errors import FileMissing
from mlci.ports import Version

Say = Callable[[str], None]
Find = Callable[[Version], Known]

# Between two looks, in seconds; the first come quickly, as a swap takes some seconds.
_FIRST, _LATER = 0.25, 2.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one look at /health said.

    Attributes:
        version, artifact, model: that it names; None where it names none.
        trouble: what it says is wrong; hostile.
    """

    version: str | None = None
    artifact: str | None = None
    model: str | None = None
    trouble: str | None = None


class HttpServing:
    """What serves a stage over HTTP: ``mlci serve``, or MLflow's own scoring server, which names no version."""

    def __init__(
        self, asking: Asking, find: Find, say: Say, *, timeout: float, strict: bool = True, clock: Clock | None = None
    ) -> None:
        """Nothing is asked yet.

        Args:
            asking: the server.
            find: examples that a version is known to answer; raises FileMissing where there are none.
            say: told what could not be seen.
            timeout: seconds to wait for the version.
            strict: whether a version that nothing is known of is refused. A rollback goes on without: what is served
                then is known by its name and digest alone.
            clock: of this machine.
        """
        self._asking, self._find, self._say, self._strict = asking, find, say, strict
        self._timeout, self._clock = timeout, clock or Clock()
        self._known: dict[str, Known | None] = {}

    def prepare(self, version: Version) -> None:
        """Find what will be asked, before anything is decided.

        Raises:
            FileMissing: nothing is known that the version must answer.
        """
        if version.number in self._known:
            return
        try:
            self._known[version.number] = self._find(version)
        except FileMissing as error:
            if self._strict:
                raise
            self._say(f"{one_line(error.cause, 300)}: what serves is known by its name and digest alone")
            self._known[version.number] = None

    def wrong(self, version: Version, artifact: str) -> str | None:
        """Wait until the server answers with this version, and rightly; a sentence where it did not in time."""
        self.prepare(version)
        until = self._clock.monotonic() + self._timeout
        pause = _FIRST
        while True:
            left = max(until - self._clock.monotonic(), 1.0)
            why = self._looked(version, artifact, min(left, LONGEST))
            if why is None:
                return None
            if self._clock.monotonic() + pause > until:
                name = f"version {version.number}"
                return f"what serves did not answer as {name} within {self._timeout:g} s: {why}"
            self._clock.sleep(pause)
            pause = min(2 * pause, _LATER)

    def _looked(self, version: Version, artifact: str, longest: float) -> str | None:
        try:
            seen = _health(self._asking.ask("/health", longest=longest))
            if isinstance(seen, str):
                return seen
            if seen.version is None:
                return self._nameless(version, longest)
            if (other := _other(seen, version, artifact)) is not None:
                return other
            return self._predicted(version, longest, named=True)
        except Unanswered as why:
            return str(why)

    def _nameless(self, version: Version, longest: float) -> str | None:
        """MLflow's scoring server: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/."""
        for path in ("/ping", "/version"):
            answer = self._asking.ask(path, longest=longest)
            if answer.status != 200:
                return f"it answers {answer.status} to {path}"
        if self._known[version.number] is None:
            return "it names no version, and no example is known that would tell"
        why = self._predicted(version, longest, named=False)
        if why is None:
            self._say("what serves names no version: that it is the promoted one is known by its predictions alone")
        return why

    def _predicted(self, version: Version, longest: float, *, named: bool) -> str | None:
        known = self._known[version.number]
        if known is None:
            return None
        body = {"dataframe_split": {"columns": list(known.columns), "data": [list(row) for row in known.rows]}}
        answer = self._asking.ask("/invocations", body, longest)
        if answer.status != 200:
            return f"it answers {answer.status} to an example of the holdout{_complaint(answer)}"
        if named and answer.version != version.number:
            return f"the example was answered by {_named(answer.version)}"
        document = answer.document
        predictions = document.get("predictions") if isinstance(document, dict) else None
        if not isinstance(predictions, list):
            return "its answer to an example holds no list of predictions"
        return known.wrong(predictions)


def _health(answer: Said) -> Seen | str:
    """What /health said, or what is wrong with it."""
    document = answer.document
    named = document if isinstance(document, dict) else {}
    if answer.status != 200:
        return f"it answers {answer.status} to /health{_complaint(answer)}"
    fields: dict[str, Any] = {name: named.get(name) for name in ("version", "artifact", "model", "trouble")}
    return Seen(**{name: value for name, value in fields.items() if isinstance(value, str)})


def _other(seen: Seen, version: Version, artifact: str) -> str | None:
    """How what is named differs from what was promoted; None where it does not."""
    trouble = f" ({one_line(seen.trouble, 300)})" if seen.trouble else ""
    if seen.model is not None and seen.model != version.model:
        return f"it serves another model, {one_line(seen.model, 100)!a}"
    if seen.version != version.number:
        return f"it still answers as {_named(seen.version)}{trouble}"
    if seen.artifact != artifact:
        return f"it names version {version.number}, and other files than those that were promoted{trouble}"
    return None


def _named(version: str | None) -> str:
    return f"version {version}" if version is not None and re.fullmatch(r"[0-9]{1,18}", version) else "no version"


def _complaint(answer: Said) -> str:
    """What an answer that is no success says of itself; hostile."""
    document = answer.document
    for name in ("trouble", "error", "message", "detail"):
        if isinstance(document, dict) and isinstance(document.get(name), str):
            return f": {one_line(document[name], 300)}"
    return ""
