"""The MLflow server that all tests of one run share, started by whichever worker needs it first."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

_GUARD = Path(__file__).with_name("guard.py")
# Kept, because the guard outlives this worker: it ends with the process that started the tests.
_STARTED: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Servers:
    """What runs on the loopback.

    Attributes:
        url: of the MLflow server, which keeps its rows in PostgreSQL and its files in S3.
        s3: endpoint of the S3 it uses; its bucket is ``models``.
    """

    url: str
    s3: str


@pytest.fixture(name="servers", scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Servers:
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if parallel else base) / "registry-servers"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "started").exists():
            (folder / "started").touch()
            owner = os.getppid() if parallel else os.getpid()
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            command = [sys.executable, str(_GUARD), str(folder), str(owner)]
            _STARTED.append(subprocess.Popen(command, start_new_session=True, **quiet))  # type: ignore[call-overload]
    end = time.monotonic() + 180
    while not (folder / "ready.json").exists():
        assert time.monotonic() < end, "the registry servers did not start"
        time.sleep(0.1)
    said = json.loads((folder / "ready.json").read_text())
    if "missing" in said and os.environ.get("CI") != "true":
        pytest.skip(said["missing"])
    assert "url" in said, said
    return Servers(said["url"], said["s3"])
