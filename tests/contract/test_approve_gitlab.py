"""``mlci approve`` on GitLab, which starts no pipeline when somebody approves: a schedule looks at every change."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from approving import POLICY, gate_evidence, model_evidence

from mlci.cli.main import run

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import MergeRequest

STATUS = "mlci/approval/churn"


def judged(gitlab: GitLab, folder: Path, branch: str, job: str = "mlci-gate") -> tuple[MergeRequest, str]:
    """A merge request that the gate has judged, and the digest of what it recorded."""
    gitlab.commit({"train.py": f"{branch}\n"}, branch)
    change = gitlab.open_merge_request(branch)
    (folder / branch).mkdir()
    model, _ = model_evidence(folder / branch)
    gate = gate_evidence(folder / branch, model)
    pipeline = gitlab.add_pipeline(merge_request=change)
    left = {"mlci-keep/gate.json": gate, "mlci-keep/model.json": model}
    gitlab.add_job(pipeline, job, status="success", artifacts=left)
    digest = hashlib.sha256(gate).hexdigest()
    return change, digest


def scheduled(gitlab: GitLab, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    pipeline = gitlab.add_pipeline("schedule", "main")
    environ = gitlab.environ(gitlab.add_job(pipeline, "mlci-approval"), token=gitlab.token(role="maintainer"))
    monkeypatch.chdir(folder)
    return run(("approve", *more), {**environ, "CI_PROJECT_DIR": str(folder)})


@pytest.fixture(name="folder")
def _folder(gitlab: GitLab, tmp_path: Path) -> Path:
    gitlab.add_project(files={"mlci.yml": POLICY, "train.py": "first\n", "data/holdout.csv": "id,y\n"})
    for name in ("bob", "carol"):
        gitlab.user(name, "developer")
    return tmp_path


def test_a_schedule_counts_for_every_open_change_and_says_that_people_are_waited_for(
    gitlab: GitLab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (agreed, digest), (waiting, _) = judged(gitlab, folder, "agreed"), judged(gitlab, folder, "waiting")
    gitlab.say(agreed.iid, f"/mlci approve sha256:{digest}", "bob")
    gitlab.say(agreed.iid, f"/mlci approve sha256:{digest}", "carol")

    assert scheduled(gitlab, folder, monkeypatch, "--gate-job", "mlci-gate") == 12

    states = [gitlab.statuses(change.sha)[STATUS].status for change in (agreed, waiting)]
    assert states == ["success", "pending"]
    for change in (agreed, waiting):
        assert (folder / f".mlci/report/approve-{change.iid}.json").is_file()


def test_what_the_gate_recorded_is_what_the_job_of_that_name_left(
    gitlab: GitLab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, _ = judged(gitlab, folder, "feature", job="churn-gate")

    assert scheduled(gitlab, folder, monkeypatch) == 3
    assert "has not judged" in gitlab.statuses(change.sha)[STATUS].description
    assert scheduled(gitlab, folder, monkeypatch, "--gate-job", "churn-gate") == 12
    assert "has not judged" not in gitlab.statuses(change.sha)[STATUS].description


def test_a_gitlab_that_does_not_answer_is_a_failure_of_the_schedule(
    gitlab: GitLab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(gitlab, folder, "feature")
    gitlab.rate_limit("GET", ".*/merge_requests/1$", times=50, retry_after=100_000)

    assert scheduled(gitlab, folder, monkeypatch, "--gate-job", "mlci-gate") == 4
