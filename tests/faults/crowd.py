"""``python crowd.py FOLDER VERSION…``: promotes each version in a process of its own, all at the same moment.

Each has read the head and judged before any of them may append: real git and a real registry decide between them.
Prints the exits.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

_LONGEST = 200.0


def _one(folder: str, version: str, barrier: Barrier) -> None:
    os.chdir(folder)
    log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from mlci.adapters.ledger import git
    from mlci.cli.main import run

    append = git.GitLedger.append
    waited = False

    def together(self: git.GitLedger, model: str, number: int, content: bytes, *more: Any) -> None:
        nonlocal waited
        if not waited and b'"action":"promote"' in content:
            waited = True
            barrier.wait(_LONGEST)
        append(self, model, number, content, *more)

    git.GitLedger.append = together  # type: ignore[method-assign]
    words = ["promote", "--version", version, "--to", "production", "--report", f".mlci/crowd/{os.getpid()}.json",
             "--evidence", f".mlci/crowd/{os.getpid()}.evidence.json"]  # fmt: skip
    os._exit(run(words, os.environ))


def main(folder: str, versions: list[str]) -> None:
    """Run them and print how each ended."""
    import mlflow.store.db.utils
    import mlflow.tracking
    import numpy  # noqa: F401 - what every process would import again

    mlflow.store.db.utils._verify_schema = lambda _: None
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(versions))
    started = [context.Process(target=_one, args=(folder, version, barrier)) for version in versions]
    for each in started:
        each.start()
    for each in started:
        each.join()
        print(each.exitcode)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(sys.argv[1], sys.argv[2:])
