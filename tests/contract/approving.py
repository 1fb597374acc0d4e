"""A pull request on the loopback GitHub whose gate has judged, and ``mlci approve`` as a runner starts it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rfc8785
from unit.adapters import handed

from mlci import REPOSITORY
from mlci.adapters.evidence.ledger import encoded
from mlci.adapters.github.api import connect
from mlci.adapters.ledger.github import GitHubLedger
from mlci.cli.main import run
from mlci.domain.evidence import statement
from mlci.domain.release.ledger import Actor, Decision, Pointed, next_entry
from mlci.domain.report import Subject
from mlci.domain.training import ModelPredicate

POLICY = """\
model: churn
data: {holdout: data/holdout.csv}
train: python train.py
validation: {min_accuracy: 0.9}
approval:
  low: {changed: ["prompts/**"], approvals: 0}
  high: {changed: ["train.py"], params: [architecture], approvals: 1}
"""
CONTEXT = "mlci/approval/churn"


def model_evidence(folder: Path, **changes: Any) -> tuple[bytes, ModelPredicate]:
    """Evidence of a small model, true to itself."""
    payload = handed.model(folder / "model")
    found = handed.predicate(payload)
    found = replace(found, provenance=replace(found.provenance, **changes))
    return rfc8785.dumps(statement(REPOSITORY, "model", Subject(name="churn", digest=found.artifact), found)), found


def gate_evidence(folder: Path, model: bytes | None, wrong: int = 4) -> bytes:
    """What the gate records of predictions of which so many in two hundred are wrong."""
    if wrong not in _RECORDS:
        _RECORDS[wrong] = _gated(folder, wrong)
    found = json.loads(_RECORDS[wrong])
    if model is not None:
        found["predicate"]["model"] = hashlib.sha256(model).hexdigest()
    return rfc8785.dumps(found)


_RECORDS: dict[int, bytes] = {}


def _gated(folder: Path, wrong: int) -> bytes:
    rows = "\n".join(f"e{row},{row % 2},{row % 2 ^ (row < wrong)}" for row in range(200))
    here, target = folder / "candidate.csv", folder / "gate.json"
    here.write_text(f"id,y,pred\n{rows}\n")
    config = folder / "gate.yml"
    config.write_text("model: churn\nvalidation: {min_accuracy: 0.9}\n")
    line = ("gate-compare", "--config", str(config), "--candidate", str(here), "--evidence", str(target), "--report",
            str(folder / "gate-report.json"))  # fmt: skip
    assert run(line, {}) in (0, 3, 11)
    return target.read_bytes()


@dataclass
class Scene:
    """One pull request, number 1, of alice's."""

    github: Any
    folder: Path
    gate: bytes = b""
    model: bytes | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.gate).hexdigest()

    @property
    def head(self) -> str:
        return str(self.github.pull(1).head_sha)

    @property
    def line(self) -> str:
        return f"/mlci approve sha256:{self.digest}"

    def judged(self, gate: bytes | None = None, model: bytes | None = None) -> Scene:
        """Let a run for the head leave what the gate recorded, and its status."""
        self.gate, self.model = gate or self.gate, model or self.model
        made = self.github.add_run(pull=self.github.pull(1))
        members = {"gate.json": self.gate} | ({"model.json": self.model} if self.model else {})
        self.github.put_artifact(made, "mlci-gate-churn", members)
        self.status(f"pass: fine [gate {self.digest[:12]}]")
        return self

    def status(self, description: str, context: str = "mlci/gate/churn", state: str = "success", url: str = "") -> None:
        api = connect({"GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": self.github.token()})
        body = {"state": state, "context": context, "description": description, "target_url": url}
        api.post(f"/repos/{self.github.repository().name}/statuses/{self.head}", body)

    def production(self, evidence: bytes, artifact: str) -> None:
        """Let the ledger say that production is at a model."""
        there = self.github.repository()
        ledger = GitHubLedger(
            connect({"GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": self.github.token()}), there.name
        )  # fmt: skip
        digest = hashlib.sha256(evidence).hexdigest()
        decision = Decision(
            action="promote", stage="production", target=Pointed(version="1", artifact=artifact), reason="first",
            evidence={"model": digest}, actor=Actor(where="github", login="alice", id=1),
        )  # fmt: skip
        entry = next_entry(None, None, decision, model="churn", id="0" * 32, now="2026-01-01T00:00:00Z")
        ledger.append("churn", 1, encoded(entry), {digest: evidence}, None)

    def environ(self, event: str = "pull_request_review", **payload: Any) -> dict[str, str]:
        github = self.github
        there, pull = github.repository(), github.pull(1)
        repo = {"id": there.id, "full_name": there.name, "default_branch": "main"}
        if event.startswith("pull_request"):
            sides = {
                "head": {"sha": pull.head_sha, "ref": pull.head_branch, "repo": repo},
                "base": {"sha": pull.base_sha, "ref": pull.base_branch, "repo": repo},
            }
            payload = {"pull_request": {"number": 1, **sides}, **payload}
        place = self.folder / "event.json"
        place.write_text(json.dumps({"repository": repo, **payload}))
        made = github.add_run(event=event, branch="main")
        self.run = made
        return {
            "GITHUB_ACTIONS": "true", "GITHUB_API_URL": github.url, "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(place), "GITHUB_OUTPUT": str(self.folder / "outputs.txt"),
            "GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": there.name, "GITHUB_RUN_ID": str(made.id),
            "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SERVER_URL": github.server_url, "GITHUB_SHA": there.tip("main"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"), "GITHUB_TOKEN": self.token,
            "GITHUB_WORKSPACE": str(self.folder),
        }  # fmt: skip

    token: str = ""

    def approve(self, *more: str, event: str = "pull_request_review", **payload: Any) -> int:
        return run(("approve", *more), self.environ(event, **payload))

    def state(self) -> tuple[str, str]:
        found = self.github.statuses(self.head)[CONTEXT]
        return found.state, found.description

    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / ".mlci/report/approve.json").read_text()))

    def evidence(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / ".mlci/evidence/approval.json").read_text())["predicate"])

    def why_not(self) -> list[tuple[str, str]]:
        """Who was not counted, and why."""
        found = [each for each in self.report()["sections"] if each["id"] == "not-counted"]
        return [(row[0].split(" ")[0], row[3]) for row in (found[0]["rows"] if found else [])]


def scene(github: Any, folder: Path, policy: str = POLICY, **changes: Any) -> Scene:
    """A pull request that the gate has judged; alice proposed it, and bob and carol may write."""
    files = {"mlci.yml": policy, "train.py": "first\n", "data/holdout.csv": "id,y\n"}
    github.add_repository(files=files)
    github.repository().roles |= {"alice": "write", "bob": "write", "carol": "write", "maintainer": "admin"}
    github.commit({"train.py": "second\n"}, "feature", author="alice")
    github.open_pull_request("feature", author="alice")
    permissions = {"contents": "read", "actions": "read", "pull-requests": "read", "statuses": "write"}
    made = Scene(github, folder, token=github.token(permissions=permissions))
    made.model, _ = model_evidence(folder, **changes)
    made.gate = gate_evidence(folder, made.model)
    return made.judged()
