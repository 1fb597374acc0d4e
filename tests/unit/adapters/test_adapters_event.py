"""Which run this is, from variables and a payload, and the job's page and outputs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlci.adapters.github.event import read_run
from mlci.adapters.github.job import GitHubJob
from mlci.domain.run import Change, Run, Triggering
from mlci.errors import EventUnreadable, NotWritable

HEAD, BASE, MERGE = "a" * 40, "b" * 40, "c" * 40
OURS, THEIRS = {"id": 1, "full_name": "owner/name"}, {"id": 2, "full_name": "stranger/name"}
REPOSITORY = {"id": 1, "full_name": "owner/name", "default_branch": "main"}
PULL: dict[str, Any] = {
    "number": 7,
    "head": {"sha": HEAD, "ref": "feature", "repo": OURS},
    "base": {"sha": BASE, "ref": "main", "repo": OURS},
}
GROUP = {
    "head_sha": HEAD,
    "base_sha": BASE,
    "base_ref": "refs/heads/main",
    "head_ref": "refs/heads/gh-readonly-queue/x",
}
ENDED: dict[str, Any] = {
    "id": 41, "run_attempt": 2, "event": "pull_request", "head_sha": HEAD, "head_branch": "feature",
    "head_repository": THEIRS, "html_url": "https://evil.invalid",
}  # fmt: skip

Start = Callable[..., "Run | None"]


@pytest.fixture(name="started")
def _started(tmp_path: Path) -> Start:
    def started(event: str, payload: object, **different: str) -> Run | None:
        file = tmp_path / "event.json"
        file.write_bytes(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "100",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": MERGE,
        }
        return read_run({**environ, **different})

    return started


def pull(**different: Any) -> dict[str, Any]:
    return {"pull_request": {**PULL, **different}, "repository": REPOSITORY}


def test_there_is_no_run_outside_github_actions() -> None:
    assert read_run({}) is None
    assert read_run({"GITHUB_ACTIONS": "false", "GITHUB_RUN_ID": "x"}) is None


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
def test_a_pull_request_is_about_its_head_and_not_about_the_test_merge(started: Start, event: str) -> None:
    assert started(event, pull(), GITHUB_REF="refs/pull/7/merge") == Run(
        repository="owner/name",
        id=100,
        attempt=1,
        url="https://github.com/owner/name/actions/runs/100",
        event=event,
        commit=HEAD,
        branch=None,
        default_branch="main",
        change=Change(number=7, head=HEAD, base=BASE, base_branch="main", fork=False),
    )


def test_pull_request_target_is_no_run_of_the_default_branch_although_its_ref_says_so(started: Start) -> None:
    run = started("pull_request_target", pull())
    assert run is not None
    assert (run.branch, run.on_default_branch) == (None, False)


@pytest.mark.parametrize(("repo", "fork"), [(OURS, False), (THEIRS, True), (None, True), ({**OURS, "id": 3}, True)])
def test_a_change_from_another_repository_or_from_one_that_is_gone_is_a_forks(
    started: Start, repo: object, fork: bool
) -> None:
    run = started("pull_request", pull(head={**PULL["head"], "repo": repo}))
    assert run is not None
    assert run.change is not None
    assert run.change.fork is fork


def test_a_merge_group_has_no_number_and_is_of_this_repository(started: Start) -> None:
    run = started("merge_group", {"merge_group": GROUP, "repository": REPOSITORY}, GITHUB_SHA=HEAD)
    assert run is not None
    assert run.change == Change(number=None, head=HEAD, base=BASE, base_branch="main", fork=False)
    assert (run.commit, run.branch) == (HEAD, None)


def test_a_push_knows_what_the_branch_was_at(started: Start) -> None:
    run = started("push", {"before": BASE, "repository": REPOSITORY}, GITHUB_RUN_ATTEMPT="3")
    assert run is not None
    assert (run.commit, run.branch, run.before, run.change) == (MERGE, "main", BASE, None)
    assert run.on_default_branch
    assert run.age == (100, 3)
    assert run.url == "https://github.com/owner/name/actions/runs/100"
    new = started("push", {"before": "0" * 40, "repository": REPOSITORY}, GITHUB_REF="refs/heads/a/b")
    assert new is not None
    assert (new.before, new.branch, new.on_default_branch) == (None, "a/b", False)
    tag = started("push", {"before": "0" * 40, "repository": REPOSITORY}, GITHUB_REF="refs/tags/main")
    assert tag is not None
    assert (tag.branch, tag.on_default_branch) == (None, False)


def test_a_schedule_without_a_repository_in_its_payload_runs_on_the_default_branch(started: Start) -> None:
    run = started("schedule", {"schedule": "0 3 * * *"}, GITHUB_REF="refs/heads/trunk")
    assert run is not None
    assert (run.branch, run.default_branch) == ("trunk", "trunk")
    with pytest.raises(EventUnreadable, match=r"repository\.default_branch is missing"):
        started("workflow_dispatch", {})


@pytest.mark.parametrize("event", ["issue_comment", "repository_dispatch", "release", "label"])
def test_an_event_that_only_names_the_default_branch_is_not_about_it(started: Start, event: str) -> None:
    run = started(event, {"repository": REPOSITORY, "issue": {"number": 7, "pull_request": {}}})
    assert run is not None
    assert (run.branch, run.on_default_branch) == (None, False)


def test_the_run_that_ended_is_described_by_the_forge_and_its_address_is_ours(started: Start) -> None:
    run = started("workflow_run", {"workflow_run": ENDED, "repository": REPOSITORY})
    assert run is not None
    assert (run.commit, run.branch, run.change) == (MERGE, "main", None)
    assert run.triggered_by == Triggering(
        id=41, attempt=2, event="pull_request", head=HEAD, head_branch="feature", head_repository="stranger/name",
        url="https://github.com/owner/name/actions/runs/41",
    )  # fmt: skip
    gone = {**ENDED, "head_repository": None, "head_branch": None}
    run = started("workflow_run", {"workflow_run": gone, "repository": REPOSITORY})
    assert run is not None
    assert run.triggered_by is not None
    assert (run.triggered_by.head_repository, run.triggered_by.head_branch) == (None, "")


@pytest.mark.parametrize(
    ("given", "matrix"),
    [
        ("", None),
        ("null", None),
        ("{}", None),
        ('{\n  "model": "a",\n  "seed": 1\n}', '{"model": "a", "seed": 1}'),
        ('{"name": "é"}', '{"name": "é"}'),
    ],
)
def test_the_matrix_is_kept_on_one_line(started: Start, given: str, matrix: str | None) -> None:
    run = started("push", {"repository": REPOSITORY}, MLCI_MATRIX=given)
    assert run is not None
    assert run.matrix == matrix


HOSTILE = "main\n::set-output name=x::y"


@pytest.mark.parametrize(
    ("event", "payload", "environ", "named"),
    [
        ("pull_request", pull(head={**PULL["head"], "sha": "A" * 40}), {}, "pull_request.head.sha"),
        ("pull_request", pull(head={**PULL["head"], "sha": "a" * 41}), {}, "pull_request.head.sha"),
        ("pull_request", pull(head={**PULL["head"], "sha": HEAD + "\n"}), {}, "pull_request.head.sha"),
        ("pull_request", pull(head=None), {}, "pull_request.head.sha is missing"),
        ("pull_request", pull(base={**PULL["base"], "sha": 1}), {}, "pull_request.base.sha"),
        ("pull_request", pull(base={**PULL["base"], "ref": HOSTILE}), {}, "pull_request.base.ref"),
        ("pull_request", pull(base={**PULL["base"], "ref": ""}), {}, "pull_request.base.ref is missing"),
        ("pull_request", pull(base={**PULL["base"], "repo": {}}), {}, "pull_request.base.repo.id is missing"),
        ("pull_request", pull(head={**PULL["head"], "repo": {"id": "1"}}), {}, "pull_request.head.repo.id"),
        ("pull_request", pull(number=True), {}, "pull_request.number"),
        ("pull_request", pull(number=-7), {}, "pull_request.number"),
        ("pull_request", pull(number=2**70), {}, "pull_request.number"),
        ("pull_request", {"repository": REPOSITORY}, {}, "pull_request.number is missing"),
        ("merge_group", {"merge_group": {**GROUP, "base_sha": None}}, {}, "merge_group.base_sha is missing"),
        ("merge_group", {"merge_group": {**GROUP, "base_ref": "refs/heads/"}}, {}, "merge_group.base_ref"),
        ("workflow_run", {"workflow_run": {**ENDED, "id": None}}, {}, "workflow_run.id is missing"),
        ("workflow_run", {"workflow_run": {**ENDED, "head_sha": "x"}}, {}, "workflow_run.head_sha"),
        ("workflow_run", {"workflow_run": {**ENDED, "event": "::x"}}, {}, "workflow_run.event"),
        ("workflow_run", {"workflow_run": {**ENDED, "run_attempt": 0}}, {}, "workflow_run.run_attempt"),
        ("workflow_run", {"workflow_run": {**ENDED, "head_branch": "a b"}}, {}, "workflow_run.head_branch"),
        ("workflow_run", {"workflow_run": {**ENDED, "head_repository": {"full_name": "a/b/c"}}}, {},
         "workflow_run.head_repository"),
        ("push", {"repository": REPOSITORY, "before": "x"}, {}, "before is"),
        ("push", {"repository": {"default_branch": HOSTILE}}, {}, "repository.default_branch"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_SHA": ""}, "GITHUB_SHA is missing"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_RUN_ID": "１"}, "GITHUB_RUN_ID"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_RUN_ID": ""}, "GITHUB_RUN_ID is missing"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_RUN_ATTEMPT": "0"}, "GITHUB_RUN_ATTEMPT"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_REPOSITORY": "../name"}, "GITHUB_REPOSITORY"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_REPOSITORY": "owner/.."}, "GITHUB_REPOSITORY"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_REPOSITORY": "a/b?c"}, "GITHUB_REPOSITORY"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_SERVER_URL": "https://u:p@a.b"}, "GITHUB_SERVER_URL"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_SERVER_URL": "javascript:x"}, "GITHUB_SERVER_URL"),
        ("push", {"repository": REPOSITORY}, {"GITHUB_REF": "refs/heads/a\nb"}, "GITHUB_REF"),
        ("Push!", {"repository": REPOSITORY}, {}, "GITHUB_EVENT_NAME"),
        ("push", {"repository": REPOSITORY}, {"MLCI_MATRIX": "[1]"}, "MLCI_MATRIX"),
        ("push", {"repository": REPOSITORY}, {"MLCI_MATRIX": "{"}, "MLCI_MATRIX"),
        ("push", {"repository": REPOSITORY}, {"MLCI_MATRIX": '{"a": "' + "x" * 20_000 + '"}'}, "MLCI_MATRIX"),
        ("push", b"{", {}, "not JSON"),
        ("push", b"\xff", {}, "not JSON"),
        ("push", b"[" * 100_000, {}, "not JSON"),
        ("push", [], {}, "not a JSON object"),
        ("push", b" " * 25_000_001, {}, "larger than any"),
        ("push", {}, {"GITHUB_EVENT_PATH": "/nowhere/event.json"}, "cannot be read"),
        ("push", {}, {"GITHUB_EVENT_PATH": ""}, "cannot be read"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_named(
    started: Start, event: str, payload: object, environ: dict[str, str], named: str
) -> None:
    whole = {"repository": REPOSITORY, **payload} if isinstance(payload, dict) else payload
    with pytest.raises(EventUnreadable) as caught:
        started(event, whole, **environ)
    assert named in caught.value.cause
    assert caught.value.cause.isprintable()
    assert len(caught.value.cause) < 300


def test_an_enterprise_server_in_a_folder_is_an_address_too(started: Start) -> None:
    run = started("push", {"repository": REPOSITORY}, GITHUB_SERVER_URL="http://10.0.0.1:8443/git/")
    assert run is not None
    assert run.url == "http://10.0.0.1:8443/git/owner/name/actions/runs/100"


# The job's page and outputs.


def read_outputs(text: str) -> dict[str, str]:
    """As the runner reads them."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            while (inner := next(lines)) != delimiter:
                value.append(inner)
            found[name] = "\n".join(value)
    return found


def test_outputs_of_any_content_stay_one_output(tmp_path: Path) -> None:
    file = tmp_path / "output"
    values = {"verdict": "pass", "reason": "a\nx=y\nEOF\nb<<EOF\n", "empty": "", "half": "\ud800"}
    job = GitHubJob({"GITHUB_OUTPUT": str(file)})
    job.outputs(values)
    job.outputs({"more": "1"})
    text = file.read_text("utf-8")
    assert read_outputs(text) == {**values, "half": "?", "more": "1"}
    delimiters = [line.partition("<<")[2] for line in text.splitlines() if line.partition("<<")[2].startswith("mlci_")]
    assert len(set(delimiters)) == 5


def test_a_delimiter_that_occurs_in_the_value_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["guessed", "other"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    GitHubJob({"GITHUB_OUTPUT": str(tmp_path / "o")}).outputs({"a": "x\nmlci_guessed\nverdict=pass"})
    assert read_outputs((tmp_path / "o").read_text()) == {"a": "x\nmlci_guessed\nverdict=pass"}


def test_the_page_grows_and_is_cut_at_a_line_before_the_runner_would_drop_it(tmp_path: Path) -> None:
    page = tmp_path / "summary"
    job = GitHubJob({"GITHUB_STEP_SUMMARY": str(page)})
    job.summary("# é\n")
    job.summary("second")
    assert page.read_text("utf-8") == "# é\n\nsecond\n"
    job.summary("é" * 99 + "\n" + ("é" * 99 + "\n") * 6000)
    content = page.read_bytes()
    assert 1_048_576 - 400 < len(content) <= 1_048_576
    lines = content.decode("utf-8").splitlines()
    assert lines[-1] == "*The rest did not fit on this page.*"
    assert lines[-4] == "é" * 99
    job.summary("no room\n" * 100)
    assert len(page.read_bytes()) <= 1_048_576


def test_a_job_without_files_says_nothing_and_one_that_cannot_write_says_so(tmp_path: Path) -> None:
    GitHubJob({}).summary("x")
    GitHubJob({}).outputs({"a": "b"})
    job = GitHubJob({"GITHUB_STEP_SUMMARY": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "no" / "file")})
    with pytest.raises(NotWritable):
        job.summary("x")
    with pytest.raises(NotWritable):
        job.outputs({"a": "b"})
