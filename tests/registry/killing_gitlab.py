"""Registers the same folder in GitLab again and again, each time killed before another request.

``python killing_gitlab.py URI FOLDER ENTRY MODEL``: forks one process for each place to be killed at, which registers
the model ``MODEL-n`` and is killed before its n-th request; prints n for the first that lived.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from typing import Any

from mlci.adapters.mlflow import open_registry
from mlci.adapters.mlflow.gitlab_calls import GitLabApi
from mlci.ports import Entry


def main(uri: str, folder: str, entry: str, model: str) -> None:
    what = Entry(digest="d" * 64, folder=entry, tags={"t": "1"}, params={"a": "1"}, metrics={"m": 0.5}, description="")
    send = GitLabApi._send
    for count in itertools.count(1):
        child = os.fork()
        if child == 0:
            left = [count]

            def counted(api: GitLabApi, call: Any, left: list[int] = left) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return send(api, call)

            GitLabApi._send = counted  # type: ignore[method-assign]
            registry = open_registry(uri, {"MLFLOW_TRACKING_TOKEN": "glpat-1"}, folder=folder, writing=True)
            registry.register(f"{model}-{count}", what)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(count)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
