"""report on GitLab: every merge request from a fork has its turn, and one that nobody measured is no quiet one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli.running import predictions

from mlci.cli.main import run

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Job, MergeRequest

GATE, FORK = "mlci-gate", "stranger/project"
GOOD, WORSE = predictions(), predictions(wrong=90)
NOBODY = "nobody has measured"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gitlab: GitLab) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("mlci.yml").write_text("model: churn\n")
    Path("b.csv").write_text(GOOD)
    checks = {"only_allow_merge_if_pipeline_succeeds": True, "only_allow_merge_if_all_discussions_are_resolved": True}
    gitlab.add_project(files={"mlci.yml": "model: churn\n"}, visibility="public", **checks)
    gitlab.add_project(FORK, fork_of=gitlab.project().path, visibility="public")


def proposed(gitlab: GitLab, branch: str = "feature", target: str | None = None) -> MergeRequest:
    """A merge request of a stranger; a new head of it where there is one from this branch."""
    gitlab.commit({"train.py": str(gitlab.state.next_id())}, branch, project=FORK)
    known = [each for each in gitlab.project().merge_requests.values() if each.source_branch == branch]
    more: dict[str, Any] = {"target": target} if target else {}
    return gitlab.merge_request(known[0].iid) if known else gitlab.open_merge_request(branch, fork=FORK, **more)


def evidence(candidate: str = GOOD) -> dict[str, bytes]:
    """What a gate leaves."""
    Path("c.csv").write_text(candidate)
    run(("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", "--evidence", "e.json"), {})
    return {"mlci-keep/gate.json": Path("e.json").read_bytes()}


def gated(gitlab: GitLab, change: MergeRequest, candidate: str = GOOD, **pipeline: Any) -> Job:
    """A pipeline that measured the head."""
    made = gitlab.add_pipeline(merge_request=change, **pipeline)
    return gitlab.add_job(made, GATE, status="success", artifacts=evidence(candidate))


def judged_here(gitlab: GitLab, change: MergeRequest, candidate: str, event: str = "detached", *more: str) -> int:
    """A member runs the merge request's pipeline in the project."""
    job = gitlab.add_job(gitlab.add_pipeline(merge_request=change, in_parent=True, event=event), GATE)
    Path("c.csv").write_text(candidate)
    line = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", "--evidence", "e.json", *more)
    ended = run(line, gitlab.environ(job, folder=Path.cwd(), token=gitlab.token(user="mlci")))
    gitlab.finish(job, "success", {"mlci-keep/gate.json": Path("e.json").read_bytes()})
    return ended


def scheduled(gitlab: GitLab, *more: str) -> int:
    job = gitlab.add_job(gitlab.add_pipeline("schedule"), "mlci-report")
    environ = gitlab.environ(job, folder=Path.cwd(), token=gitlab.token(user="mlci"))
    return run(("report", "--gate-job", GATE, *more), environ)


def note(gitlab: GitLab, change: MergeRequest) -> str:
    """The one note that is the report, as it is read; empty where there is none."""
    found = [each.body for each in gitlab.notes(change.iid) if not each.resolvable and not each.system]
    assert len(found) < 2
    return found[0].partition("\n")[2] if found else ""


def threads(gitlab: GitLab, change: MergeRequest) -> list[str]:
    """What the open threads say."""
    begun = [each[0] for each in gitlab.discussions(change.iid) if each[0].resolvable]
    assert len(begun) < 2
    return [each.body.partition("\n")[2] for each in begun if each.resolved_by is None]


def resolve(gitlab: GitLab, change: MergeRequest) -> None:
    """A maintainer presses the button."""
    for each in gitlab.discussions(change.iid):
        if each[0].resolvable:
            each[0].resolved_by = gitlab.user("maintainer", "maintainer")


# What nobody has measured


def no_pipeline(gitlab: GitLab, change: MergeRequest) -> None:
    pass


def no_such_job(gitlab: GitLab, change: MergeRequest) -> None:
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), "hello", status="success", artifacts={"gate.json": b"{}"})


def at_work(gitlab: GitLab, change: MergeRequest) -> None:
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), GATE)


def left_nothing(gitlab: GitLab, change: MergeRequest) -> None:
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), GATE, status="success")


def pushed_since(gitlab: GitLab, change: MergeRequest) -> None:
    gated(gitlab, change)
    proposed(gitlab)


def hidden(gitlab: GitLab, change: MergeRequest) -> None:
    gated(gitlab, change)
    gitlab.project(FORK).visibility = "private"


def not_done_here(gitlab: GitLab, change: MergeRequest) -> None:
    gitlab.add_job(gitlab.add_pipeline(merge_request=change, in_parent=True), GATE)


@pytest.mark.parametrize(
    ("happened", "named"),
    [(no_pipeline, False), (no_such_job, False), (at_work, True), (left_nothing, True), (pushed_since, False),
     (hidden, False), (not_done_here, True)],
)  # fmt: skip
def test_a_fork_gains_nothing_by_leaving_the_gate_out(
    happened: Any, named: bool, gitlab: GitLab, capsys: pytest.CaptureFixture[str]
) -> None:
    change = proposed(gitlab)
    happened(gitlab, change)
    change = gitlab.merge_request(change.iid)
    capsys.readouterr()

    assert scheduled(gitlab) == 0

    [thread] = threads(gitlab, change)
    assert NOBODY in thread
    assert "churn" in thread
    assert "Inconclusive" in note(gitlab, change)
    assert "run the pipeline of the merge request in the project" in note(gitlab, change)
    assert gitlab.statuses(change.sha) == {}
    assert gitlab.merge(change.iid)[0] == 405
    warned = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert ["gate-job" in line for line in warned] == ([] if named else [True])


def test_that_nobody_has_measured_a_commit_is_said_once(gitlab: GitLab, capsys: pytest.CaptureFixture[str]) -> None:
    change = proposed(gitlab)
    scheduled(gitlab)
    before = (note(gitlab, change), threads(gitlab, change))
    resolve(gitlab, change)
    capsys.readouterr()

    scheduled(gitlab)
    assert note(gitlab, change) == before[0]
    assert threads(gitlab, change) == [], "somebody has answered for this commit"

    proposed(gitlab)
    scheduled(gitlab)
    assert len(threads(gitlab, change)) == 1, "and not for the next"
    assert change.sha[:12] in note(gitlab, change)


def test_the_forks_result_takes_the_place_however_late_it_comes(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    job = gitlab.add_job(gitlab.add_pipeline(merge_request=change), GATE)
    scheduled(gitlab)
    resolve(gitlab, change)
    gitlab.finish(job, "failed", evidence(WORSE))

    scheduled(gitlab)

    assert "Fail" in note(gitlab, change)
    [thread] = threads(gitlab, change)
    assert "Fail" in thread


def test_a_result_is_not_taken_back_by_a_pipeline_after_it_that_leaves_none(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    gated(gitlab, change)
    scheduled(gitlab)
    before = note(gitlab, change)
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), GATE)

    scheduled(gitlab)

    assert note(gitlab, change) == before
    assert NOBODY not in before


def test_the_next_commit_without_a_gate_does_not_live_on_the_result_of_the_last(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    assert judged_here(gitlab, change, GOOD) == 0
    assert (threads(gitlab, change), "Pass" in note(gitlab, change)) == ([], True)
    proposed(gitlab)

    scheduled(gitlab)

    assert NOBODY in note(gitlab, change)
    assert len(threads(gitlab, change)) == 1


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_what_a_pipeline_of_the_project_measured_is_left_alone(event: str, gitlab: GitLab) -> None:
    change = proposed(gitlab)
    scheduled(gitlab)
    assert judged_here(gitlab, change, GOOD, event) == 0
    before = note(gitlab, change)

    scheduled(gitlab)

    assert "Pass" in before
    assert (note(gitlab, change), threads(gitlab, change)) == (before, [])
    assert gitlab.merge(change.iid)[0] == 200


def test_a_pipeline_of_the_project_that_only_wants_threads_is_left_alone_too(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    assert judged_here(gitlab, change, GOOD, "detached", "--comment", "false") == 0

    scheduled(gitlab, "--comment", "false")

    assert (note(gitlab, change), threads(gitlab, change)) == ("", [])


# What somebody has answered for


def test_numbers_that_a_maintainer_has_accepted_are_not_asked_about_again(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    job = gated(gitlab, change)
    scheduled(gitlab)
    assert len(threads(gitlab, change)) == 1
    resolve(gitlab, change)

    for _ in range(2):
        scheduled(gitlab)
        assert threads(gitlab, change) == []

    gitlab.add_job(job.pipeline, GATE, status="success", artifacts=evidence(WORSE))
    scheduled(gitlab)
    assert len(threads(gitlab, change)) == 1, "other numbers are another question"


# Each has its turn


def no_target(gitlab: GitLab, change: MergeRequest) -> None:
    folder = gitlab.project().objects.folder
    subprocess.run(["git", "-C", str(folder), "update-ref", "-d", "refs/heads/side"], check=True)


def no_pipelines(gitlab: GitLab, change: MergeRequest) -> None:
    gitlab.fault("GET", f"/merge_requests/{change.iid}/pipelines", times=99, status=403)


def no_jobs(gitlab: GitLab, change: MergeRequest) -> None:
    pipeline = next(each for each in gitlab.project(FORK).pipelines.values() if each.merge_request is change)
    gitlab.fault("GET", f"/pipelines/{pipeline.id}/jobs", times=99, status=503, headers={"Retry-After": "0"})


@pytest.mark.parametrize("happened", [no_target, no_pipelines, no_jobs])
def test_one_that_cannot_be_read_keeps_no_other_from_being_reported_on(
    happened: Any, gitlab: GitLab, capsys: pytest.CaptureFixture[str]
) -> None:
    gitlab.commit({"x": "1"}, "side")
    first, broken, last = proposed(gitlab, "a"), proposed(gitlab, "b", "side"), proposed(gitlab, "c")
    for change in (first, broken, last):
        gated(gitlab, change, WORSE)
    happened(gitlab, broken)
    capsys.readouterr()

    assert scheduled(gitlab) == 4

    assert [len(threads(gitlab, change)) for change in (first, broken, last)] == [1, 0, 1]
    warned = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert [f"!{broken.iid} was not reported on" in line for line in warned] == [True]


def test_one_alone_ends_with_its_own_exit(gitlab: GitLab) -> None:
    change, worse = proposed(gitlab), proposed(gitlab, "worse")
    gated(gitlab, worse, WORSE)

    assert scheduled(gitlab, "--change", str(change.iid)) == 3
    assert json.loads(Path(".mlci/report/report.json").read_text())["verdict"] == "inconclusive"
    assert scheduled(gitlab, "--change", str(worse.iid)) == 11
    shutil.rmtree(".mlci")
    judged_here(gitlab, change, GOOD)
    assert scheduled(gitlab, "--change", str(change.iid)) == 0
