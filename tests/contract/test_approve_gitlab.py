"""``mlci approve`` in jobs of GitLab: who counts there, in each kind of pipeline, and what is tried against it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from approving import POLICY, gate_evidence, model_evidence

from mlci.cli.main import run

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Job, Pipeline

CONTEXT, GATE = "mlci/approval/churn", "mlci/gate/churn"


@dataclass
class Scene:
    """Merge request 1, of alice's, which the gate has judged; bob and carol may write."""

    gitlab: GitLab
    folder: Path
    token: str
    gate: bytes = b""
    model: bytes = b""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.gate).hexdigest()

    @property
    def line(self) -> str:
        return f"/mlci approve sha256:{self.digest}"

    @property
    def head(self) -> str:
        return self.gitlab.merge_request(1).sha

    def judged(self, event: str = "detached") -> Pipeline:
        """Let a pipeline of the merge request leave what the gate recorded, and its status."""
        pipeline = self.gitlab.add_pipeline(merge_request=self.gitlab.merge_request(1), event=event)
        left = {"mlci-keep/gate.json": self.gate, "mlci-keep/model.json": self.model}
        self.gitlab.add_job(pipeline, "mlci-gate-compare", status="success", artifacts=left)
        at = f"{self.gitlab.url}/projects/{self.gitlab.project().id}/statuses/{pipeline.sha}"
        said = f"pass: fine [gate {self.digest[:12]}]"
        body = {"state": "success", "name": GATE, "description": said, "pipeline_id": pipeline.id}
        requests.post(at, json=body, headers={"PRIVATE-TOKEN": self.token}, timeout=10).raise_for_status()
        self.pipeline = pipeline
        return pipeline

    def approve(self, job: Job | None = None, **variables: str) -> int:
        """Run it in a job, of the pipeline that judged unless told otherwise."""
        job = job or self.gitlab.add_job(self.pipeline, "mlci-approval")
        environ = self.gitlab.environ(job, folder=self.folder, token=self.token)
        return run(("approve",), {**environ, "MLCI_COMMAND": "approve", "PATH": _path(), **variables})

    def state(self, sha: str | None = None) -> tuple[str, str]:
        found = self.gitlab.statuses(sha or self.pipeline.sha)[CONTEXT]
        return found.status, found.description or ""

    def why_not(self) -> list[str]:
        report = json.loads((self.folder / ".mlci/report/approve.json").read_text())
        return [row[3] for each in report["sections"] if each["id"] == "not-counted" for row in each["rows"]]

    def evidence(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / ".mlci/evidence/approval.json").read_text())["predicate"])


def _path() -> str:
    import os

    return os.environ["PATH"]


@pytest.fixture(name="scene")
def _scene(gitlab: GitLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)
    files = {"mlci.yml": POLICY, "train.py": "first\n", "data/holdout.csv": "id,y\n"}
    gitlab.add_project(files=files)
    for login in ("alice", "bob", "carol"):
        gitlab.user(login, "developer")
    gitlab.commit({"train.py": "second\n"}, "feature", pushed_by="alice")
    gitlab.open_merge_request("feature", author="alice")
    made = Scene(gitlab, tmp_path, gitlab.token())
    made.model, _ = model_evidence(tmp_path)
    made.gate = gate_evidence(tmp_path, made.model)
    made.judged()
    return made


def test_a_change_waits_for_a_person_and_is_green_on_the_same_commit_when_one_agrees(scene: Scene) -> None:
    assert scene.approve() == 12
    assert scene.state()[0] == "pending"
    scene.gitlab.say(1, f"I have read it.\n\n{scene.line}", "bob")
    assert scene.approve() == 0
    state, said = scene.state()
    assert (state, said[-19:]) == ("success", f"[gate {scene.digest[:12]}]")
    (approver,) = scene.evidence()["approvers"]
    assert (approver["login"], approver["id"]) == ("bob", scene.gitlab.state.user("bob").id)
    assert approver["where"] == "comment"


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_the_button_counts_for_the_commit_that_was_shown(scene: Scene, event: str) -> None:
    scene.judged(event)
    scene.gitlab.approve(1, "bob")
    assert scene.approve() == 0
    assert scene.evidence()["approvers"][0]["where"] == "review"
    scene.gitlab.commit({"train.py": "third\n"}, "feature", pushed_by="alice")
    scene.judged(event)
    assert scene.approve() == 12
    assert scene.state()[0] == "pending"


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_whoever_plays_the_manual_job_approves_what_its_pipeline_judged(scene: Scene, event: str) -> None:
    scene.judged(event)
    job = scene.gitlab.add_job(scene.pipeline, "mlci-approve", status="manual", manual=True)
    assert scene.approve() == 12
    scene.gitlab.play(job, "bob")
    assert scene.approve(job) == 0
    assert scene.evidence()["approvers"][0]["where"] == "job"
    assert scene.state()[0] == "success"


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_a_schedule_counts_for_every_change_that_waits(scene: Scene, event: str) -> None:
    gitlab = scene.gitlab
    scene.judged(event)
    assert scene.approve() == 12
    schedule = gitlab.add_pipeline("schedule", "main", user="carol")
    assert scene.approve(gitlab.add_job(schedule, "mlci-approval")) == 12
    gitlab.commit({"readme.md": ""}, "other", pushed_by="bob")
    gitlab.open_merge_request("other", author="bob")
    gitlab.approve(1, "bob")
    assert scene.approve(gitlab.add_job(schedule, "mlci-approval")) == 3
    # In the pipeline that the merge request goes by; the gate has yet to judge the other change.
    assert scene.state()[0] == "success"
    assert gitlab.statuses(gitlab.merge_request(2).sha)[CONTEXT].status == "pending"
    assert [each.name for each in gitlab.project().jobs() if each.pipeline is schedule and each.external] == []


def _edited(scene: Scene) -> None:
    scene.gitlab.edit(scene.gitlab.say(1, "hello", "bob"), scene.line)


def _pushed(scene: Scene) -> None:
    scene.gitlab.commit({"train.py": "third\n"}, "feature", pushed_by="bob")
    scene.judged()
    scene.gitlab.approve(1, "bob")


def _bot(scene: Scene) -> None:
    scene.gitlab.say(1, scene.line, scene.gitlab.state.tokens[scene.token].user.username)


def _survived(scene: Scene) -> None:
    scene.gitlab.project().approvals["reset_approvals_on_push"] = False
    scene.gitlab.approve(1, "bob")
    scene.gitlab.commit({"train.py": "third\n"}, "feature", pushed_by="alice")
    scene.judged()


def _outsider(scene: Scene) -> None:
    scene.gitlab.user("mallory", "reporter")
    scene.gitlab.say(1, scene.line, "mallory")


def _retried(scene: Scene) -> None:
    scene.gitlab.add_job(scene.pipeline, "mlci-approve", status="failed", manual=True)
    scene.gitlab.play(scene.gitlab.add_job(scene.pipeline, "mlci-approve", manual=True), "bob")


ATTACKS = {
    "edited note": ("edited", _edited),
    "older digest": ("another record", lambda scene: scene.gitlab.say(1, f"/mlci approve sha256:{'0' * 64}", "bob")),
    "own change by note": ("proposed #1", lambda scene: scene.gitlab.say(1, scene.line, "alice")),
    "own change by button": ("proposed #1", lambda scene: scene.gitlab.approve(1, "alice")),
    "own push": ("wrote or pushed", _pushed),
    "token of the project": ("a bot", _bot),
    "outlived a push": ("and not about the newest", _survived),
    "somebody who may only report": ("policy does not let", _outsider),
    "job run again": ("proposed #1", _retried),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_approval_leaves_the_status_waiting_and_the_report_says_why(scene: Scene, attack: str) -> None:
    why, act = ATTACKS[attack]
    act(scene)
    assert scene.approve() == 12
    assert scene.state()[0] == "pending"
    assert [said for said in scene.why_not() if why in said], scene.why_not()
    assert scene.evidence().get("approvers", []) == []


def test_a_token_that_may_not_read_is_no_approval_and_the_scope_is_named(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.gitlab.say(1, scene.line, "bob")
    scene.gitlab.state.graphql = False
    assert scene.approve() == 12
    assert "cannot be read" in capsys.readouterr().err
    assert scene.state()[0] == "pending"


def test_a_second_look_that_waits_for_fewer_people_is_said_where_the_first_one_waits(scene: Scene) -> None:
    two = POLICY.replace("approvals: 1}", "approvals: 2}")
    scene.gitlab.commit({"mlci.yml": two}, "main", pushed_by="carol")
    assert scene.approve() == 12
    first = scene.state()
    scene.gitlab.say(1, scene.line, "bob")
    assert scene.approve() == 12
    assert scene.state()[0] == first[0] == "pending"
    assert scene.state()[1] != first[1]
    scene.gitlab.approve(1, "carol")
    assert scene.approve() == 0
