"""A chain that is run with faults, and what must hold of its folder whatever has happened."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.chain import Repository

from faults import killing
from mlci.adapters.models import handover
from mlci.errors import MlciError

TOP = Path(__file__).parents[2]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@dataclass(frozen=True)
class Ended:
    """How a run ended: its status, negative for a signal; what it wrote, by name; what it printed."""

    status: int
    events: list[str]
    said: str


class Forks:
    """Runs of mlci, each in a fork of one process that has imported everything."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, killing.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, folder: Path, *words: str, at: str | None = None, nth: int = 1, full: bool = False, **environ: str
    ) -> Ended:
        """Run ``mlci run``, or these words, in a folder."""
        return self._ended(self._asked(folder, words, environ, at=at, nth=nth, full=full))

    def stopped(self, folder: Path, *words: str, at: str, nth: int = 1) -> bool:
        """Run these words until they are about to do a write, and leave them there; False where they never are."""
        return "pid" in self._asked(folder, words, {}, at=at, nth=nth, stop=True)

    def go_on(self) -> Ended:
        """Let what was stopped go on to its end."""
        return self._ended(self._answer({}))

    def _asked(self, folder: Path, words: Sequence[str], environ: Mapping[str, str], **how: Any) -> dict[str, Any]:
        self._log.unlink(missing_ok=True)
        return self._answer({
            "folder": str(folder), "words": words or ["run"], "environ": {"PATH": PATH, **environ},
            "log": str(self._log), "at": None, "nth": 1, "full": False, "stop": False, **how,
        })  # fmt: skip

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _ended(self, answer: Mapping[str, Any]) -> Ended:
        return Ended(answer["status"], answer["events"], self._log.read_text("utf-8", "replace"))

    def close(self) -> None:
        """End the process."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()


def copy_of(found: Repository, to: Path) -> Repository:
    """A copy of a repository that a test may change."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(found.root, to, symlinks=True)
    return Repository(to, to)


def started(found: Repository, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    """mlci as a process of its own, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlci", *words],
        cwd=found.folder, env={**os.environ, "PYTHONPATH": str(TOP), "PATH": PATH, **environ},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def awaited(path: Path) -> str:
    """What is in a file, once it is there."""
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path.read_text()


def gone(pids: list[int]) -> bool:
    """Whether these processes end soon."""
    end = time.monotonic() + 15
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return not left


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    return False


def asked(found: Repository, question: str) -> list[tuple[Any, ...]]:
    """Rows of the registry's database; none where there is no database."""
    database = found.folder / ".mlci" / "mlflow.db"
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute(question).fetchall()


def versions(found: Repository) -> list[int]:
    """Numbers of the versions in the registry."""
    return [number for (number,) in asked(found, "select version from model_versions order by version")]


def lies(found: Repository) -> list[str]:
    """What in a folder is half, or says of something else what it is not; nothing, whatever was killed when."""
    return [*_of_model(found), *_of_reports(found), *_of_registry(found)]


def _of_model(found: Repository) -> Iterator[str]:
    laid, evidence = found.folder / "mlci-model", found.folder / ".mlci" / "evidence"
    if laid.exists():
        try:
            handover.verify_payload(handover.read(str(laid)))
        except MlciError as error:
            yield f"mlci-model is not whole: {error}"
    if (evidence / "model.json").exists() and _digest(evidence / "model.json") != _digest(laid / "model.json"):
        yield "the evidence is of another model than mlci-model"
    gate = evidence / "gate.json"
    if gate.exists() and json.loads(gate.read_text())["predicate"]["model"] != _digest(evidence / "model.json"):
        yield "the gate's evidence is of another model than the evidence beside it"


def _of_reports(found: Repository) -> Iterator[str]:
    for report in (found.folder / ".mlci" / "report").glob("*.json"):
        for kind, digest in json.loads(report.read_text())["evidence"].items():
            if _digest(found.folder / ".mlci" / "evidence" / f"{kind}.json") != digest:
                yield f"{report.name} names evidence that is not there"


def _of_registry(found: Repository) -> Iterator[str]:
    question = "select v.version, r.status from model_versions v left join runs r on r.run_uuid = v.run_id"
    for number, status in asked(found, question):
        if status != "FINISHED":
            yield f"version {number} is of a run that is {status}"


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def left_over(found: Repository) -> list[str]:
    """Names of what a run made for itself only, and should have removed."""
    return [str(path) for path in (found.folder / ".mlci" / "work").rglob(".*")]
