"""Registers the same folder again and again, each time killed before another call to the backend.

``python killing.py URI FOLDER ENTRY``: forks one process for each place to be killed at, which registers the model
``MODEL-n`` and is killed before its n-th call; prints n for the first that lived. One process, since importing MLflow
is most of what registering costs.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from typing import Any

import mlflow.store.db.utils
import mlflow.tracking

from mlci.adapters.mlflow import open_registry
from mlci.ports import Entry


class Killed:
    """Counts calls to what it wraps, and does not survive one of them."""

    def __init__(self, inner: Any, left: list[int]) -> None:
        self._inner = inner
        self._left = left

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if not callable(inner) or name == "alone":
            return inner

        def call(*args: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = inner(*args)
            return Killed(answer, self._left) if name.startswith("files_of") else answer

        return call


def main(uri: str, folder: str, entry: str, model: str) -> None:
    # Most of what opening a database costs, which every fork would do again.
    mlflow.store.db.utils._verify_schema = lambda _: None
    what = Entry(digest="d" * 64, folder=entry, tags={"t": "1"}, params={"a": "1"}, metrics={"m": 0.5}, description="")
    for count in itertools.count(1):
        child = os.fork()
        if child == 0:
            registry: Any = open_registry(uri, {}, folder=folder, writing=True)
            registry.backend = Killed(registry.backend, [count])
            registry.register(f"{model}-{count}", what)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(count)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
