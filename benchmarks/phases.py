"""Runs ``mlci model-ci`` in this interpreter and writes how many seconds each of its parts took, as JSON."""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OPENING, TRAINING, SCORING = "MLflow: import and opening the database", "the training command", "scoring the candidate"
# Where each part begins. What a part calls that is a part itself counts as the inner one.
PARTS = {
    ("mlci.cli.model_ci", "decide"): "configuration and policy",
    ("mlci.adapters.git.repository", "Repository.find"): "git and the inputs key",
    ("mlci.cli.model_ci", "inputs_of"): "git and the inputs key",
    ("mlci.cli.model_ci", "holdout_of"): "git and the inputs key",
    ("mlci.adapters.mlflow.embedded", "require"): OPENING,
    ("mlci.adapters.mlflow.embedded", "Embedded._client"): OPENING,
    ("mlci.adapters.models.workshop", "LocalWorkshop.earlier"): "looking for an earlier result",
    ("mlci.adapters.models.workshop", "carry_out"): TRAINING,
    ("mlci.adapters.models.workshop", "score"): SCORING,
    ("mlci.adapters.models.workshop", "LocalWorkshop.production"): "production",
    ("mlci.cli.model_ci", "Session.lay"): "hand-over folder",
    ("mlci.cli.model_ci", "Session.register"): "registering",
    ("mlci.cli.delivery", "Delivery.deliver"): "report",
}


class Clock:
    """Charges time to the part that is at work now."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._at_work: list[str] = []
        self._last = time.perf_counter()

    def turn(self) -> None:
        """Charge the time since the last turn."""
        now = time.perf_counter()
        if self._at_work:
            name = self._at_work[-1]
            self.spent[name] = self.spent.get(name, 0.0) + now - self._last
        self._last = now

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, charged to a part."""

        @functools.wraps(work)
        def timed(*given: Any, **named: Any) -> Any:
            self.turn()
            self._at_work.append(name)
            try:
                return work(*given, **named)
            finally:
                self.turn()
                self._at_work.pop()

        return timed


def watch(clock: Clock) -> None:
    """Put the clock around every part; one that is no longer where it was ends this program."""
    for (module, path), name in PARTS.items():
        *owners, last = path.split(".")
        owner: Any = importlib.import_module(module)
        for each in owners:
            owner = getattr(owner, each)
        work = getattr(owner, last)
        setattr(owner, last, clock.around(name, work))


def main() -> None:
    target = sys.argv.pop(1)
    clock = Clock()
    watch(clock)
    from mlci.cli.main import main as command_line

    try:
        command_line()
    finally:
        Path(target).write_text(json.dumps(clock.spent))


if __name__ == "__main__":
    main()
