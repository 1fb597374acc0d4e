"""A pull request with a worse model at a GitHub on the loopback, and the step of its pipeline that judges it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import REPOSITORY

sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "actions")]

BASH = shutil.which("bash") or "bash"
# Exit of a gate that judged and found the model worse; an error ends otherwise.
WORSE = 11
_MODEL = "churn"
_POLICY = f"model: {_MODEL}\nevaluate: {{target: y_true, id: id}}\nvalidation: {{tolerance: -0.01}}\n"
_RUNNER = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF": "refs/pull/1/merge",
    "LANG": "C.UTF-8",
    "RUNNER_OS": "Linux",
    # What the action's own step sets.
    "GITHUB_ACTION_PATH": str(REPOSITORY / "actions" / "gate-compare"),
    "MLCI_START": "../start.sh",
    "MLCI_COMMAND": "gate-compare",
    "MLCI_GATE_COMPARE_CANDIDATE": "predictions.csv",
    "MLCI_GATE_COMPARE_BASELINE_FROM": "artifacts",
}
# As the runner starts a step whose shell is bash, and the line of every action.
STEP = [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", 'exec bash "$GITHUB_ACTION_PATH/$MLCI_START"']


class _Unjudged:
    """Stands in for the published description, so that checking every request against it is in no figure."""

    def __init__(self, contract: Any) -> None:
        self._contract = contract

    def __getattr__(self, name: str) -> Any:
        return getattr(self._contract, name)

    @staticmethod
    def request_problems(*_: object) -> list[str]:
        return []

    response_problems = request_problems


class Proposal:
    """The pull request, the accepted run of the default branch before it, and the workspace of the job.

    Attributes:
        workspace: the folder that the step runs in.
        requests: how many requests the last run of the step sent.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        """Make both sides' predictions, judge the baseline as its own run did, and open the pull request."""
        from events import pull_request
        from forge.github import GitHub

        self.workspace = folder / "work space"
        self.workspace.mkdir(parents=True)
        self.requests = 0
        self.github = GitHub(folder / "github")
        self.github.add_repository(files={"mlci.yml": _POLICY})
        (self.workspace / "mlci.yml").write_text(_POLICY)
        self._predictions = self.workspace / "predictions.csv"
        predictions(self._predictions, rows, wrong=0.1)
        # Its verdict is a warning: there was nothing to compare with.
        self._local("gate-compare", "--candidate", "predictions.csv")
        members = {
            "gate.json": (self.workspace / ".mlci/evidence/gate.json").read_bytes(),
            "predictions.csv": self._predictions.read_bytes(),
        }
        self.github.put_artifact(self.github.add_run(branch="main"), f"mlci-gate-{_MODEL}", members)
        predictions(self._predictions, rows, wrong=0.2)
        self.github.commit({"quality.txt": "worse\n"}, "feature")
        self._pull = self.github.open_pull_request("feature")
        (folder / "event.json").write_text(json.dumps(pull_request(self.github, self._pull)))
        self._environ = _RUNNER | self._named(folder)

    def _named(self, folder: Path) -> dict[str, str]:
        run = self.github.add_run(pull=self._pull, conclusion=None)
        held = {"contents": "read", "actions": "read", "pull-requests": "write", "statuses": "write"}
        return {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_REPOSITORY": self.github.repository().name,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "outputs"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_SHA": self._pull.head_sha,
            "GITHUB_WORKSPACE": str(self.workspace),
            "HOME": str(folder),
            "MLCI_TOKEN": self.github.token(permissions=held),
        }

    def _local(self, *words: str) -> None:
        environ = {"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY)}
        _run([sys.executable, "-m", "mlci", *words], self.workspace, environ)

    def checked(self, environ: Mapping[str, str]) -> None:
        """Run the step once with every request and answer held to GitHub's description; later runs are not.

        Raises:
            AssertionError: something broke the description.
            SystemExit: as ``seconds``.
        """
        self.seconds(environ)
        self.github.check()
        self.github.front.contract = _Unjudged(self.github.front.contract)  # type: ignore[assignment]

    def seconds(self, environ: Mapping[str, str]) -> float:
        """Wall time of the step on a pull request that has no comment and no status yet.

        Args:
            environ: what this way of starting adds to the environment of the runner.

        Raises:
            SystemExit: it did not judge, or comment or status are not there.
        """
        self._forget()
        whole = {**self._environ, **environ, "GATE_STEP_BEGAN": repr(time.time())}
        start = time.perf_counter()
        said = _run(STEP, self.workspace, whole, exits=(WORSE,))
        wall = time.perf_counter() - start
        self.requests = len(self.github.requests) + len(self.github.downloads)
        if not self.github.comments(1) or not self.github.statuses(self._pull.head_sha):
            raise SystemExit(f"the step has not posted both comment and status:\n{said}")
        return wall

    def _forget(self) -> None:
        shutil.rmtree(self.workspace / ".mlci", ignore_errors=True)
        there = self.github.repository()
        for memory in (there.comments, there.statuses, self.github.requests, self.github.downloads):
            memory.clear()
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            Path(self._environ[name]).unlink(missing_ok=True)

    def close(self) -> None:
        """Stop the loopback."""
        self.github.close()


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str], exits: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode not in exits:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def predictions(path: Path, rows: int, wrong: float) -> None:
    """Write a model's predictions, of which this share is wrong."""
    drawn = random.Random(7)
    with path.open("w") as file:
        file.write("id,y_true,y_pred,y_score\n")
        for row in range(rows):
            label = drawn.random() < wrong
            said = int(label) ^ (row & 1)
            file.write(f"customer-{row:08},{row & 1},{said},{0.5 * (said + drawn.random()):.6f}\n")
