"""What only GitLab does: tokens of jobs, threads, statuses of pipelines, forks, self-managed servers, lost answers."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from worlds import OnGitLab, impatient

from mlci.adapters.baselines.artifacts import ArtifactBaselines
from mlci.adapters.gitlab.api import Access, connect
from mlci.adapters.gitlab.commits import GitLabCommits, Reads
from mlci.adapters.gitlab.conversation import GitLabConversation, GitLabThreads
from mlci.adapters.gitlab.pipelines import GitLabRuns, Measured
from mlci.adapters.gitlab.run import here, read_run
from mlci.domain.run import Run
from mlci.errors import ArtifactRefused, MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Artifact, Check, Status

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Job, MergeRequest

NOTES, DISCUSSIONS = "/merge_requests/1/notes$", "/merge_requests/1/discussions$"
LOST = [
    ({"drop": "after"}, 1),
    ({"drop": "before"}, 2),
    ({"truncate": True}, 1),
    ({"status": 502, "processed": True}, 1),
    ({"status": 502}, 2),
    ({"status": 429, "headers": {"Retry-After": "2"}}, 2),
]


def status(**different: str) -> Status:
    told = {"context": "mlci/gate", "state": "failure", "description": "worse", "url": "https://gitlab.invalid/7"}
    return Status(**{**told, **different})  # type: ignore[arg-type]


@pytest.fixture(name="world")
def _world(gitlab: GitLab, tmp_path: Path) -> OnGitLab:
    return OnGitLab(gitlab, tmp_path / "checkout")


@dataclasses.dataclass
class InJob:
    """The adapters as one job has them."""

    environ: dict[str, str]

    def __post_init__(self) -> None:
        self.access: Access = connect(self.environ, clock=impatient())
        self.here = here(self.environ)
        number = self.here.project
        run = read_run(self.environ, Reads(self.access, number).tip)
        assert run is not None
        self.run: Run = run
        self.talk = GitLabConversation(self.access, number, self.here.page)
        self.threads = GitLabThreads(self.access, number)
        self.commits = GitLabCommits(self.access, self.here, run, self.environ)
        self.runs = GitLabRuns(self.access, number)


def proposed(gitlab: GitLab, *, fork: bool = False, **project: str) -> MergeRequest:
    """Merge request 1, of a project that is made with it."""
    gitlab.add_project(files={"mlci.yml": "model: churn\n", "train.py": "1\n"}, **project)
    if fork:
        gitlab.add_project("stranger/project", fork_of=gitlab.project().path, visibility=gitlab.project().visibility)
    gitlab.commit({"train.py": "2\n"}, "feature", project="stranger/project" if fork else None)
    return gitlab.open_merge_request("feature", fork="stranger/project" if fork else None)


def running(gitlab: GitLab, change: MergeRequest, name: str = "gate", **pipeline: object) -> Job:
    return gitlab.add_job(gitlab.add_pipeline(merge_request=change, **pipeline), name)  # type: ignore[arg-type]


def kept(runs: GitLabRuns, artifact: Artifact) -> dict[str, bytes]:
    """What an archive holds."""
    with zipfile.ZipFile(io.BytesIO(runs.content(artifact, 10_000))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# What is added is added once.


@pytest.mark.parametrize(("fault", "sent"), LOST, ids=str)
def test_a_note_and_a_thread_are_there_once_whatever_became_of_the_answer(
    world: OnGitLab, gitlab: GitLab, fault: dict[str, object], sent: int
) -> None:
    gitlab.say(1, "the report")
    gitlab.fault("POST", NOTES, **fault)
    gitlab.fault("POST", DISCUSSIONS, **fault)
    made = world.conversation.add_comment(1, "the report")
    assert world.threads is not None
    thread = world.threads.open_thread(1, "the report")
    assert [note.body for note in gitlab.notes(1)] == ["the report"] * 3
    assert (made.id, made.mine) == (gitlab.notes(1)[1].id, True)
    assert [one.id for one in world.threads.threads(1)] == [thread.id]
    for what in ("notes", "discussions"):
        asked = gitlab.asked(f"POST /merge_requests/{{merge_request_iid}}/{what}")
        assert len(asked) == sent, what


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "before"}, {"truncate": True}], ids=str)
def test_a_status_is_there_once_whatever_became_of_the_answer(
    world: OnGitLab, gitlab: GitLab, fault: dict[str, object]
) -> None:
    gitlab.fault("POST", "/statuses/", **fault)
    world.commits.set_status(world.run.commit, status())
    pipeline = world.job.pipeline
    assert [(job.name, job.status) for job in pipeline.jobs if job.external] == [("mlci/gate", "failed")]


def test_a_status_that_is_pending_already_is_left_as_it_is(world: OnGitLab) -> None:
    for _ in range(2):
        world.commits.set_status(world.run.commit, status(state="pending"))
    assert world.states(world.run.commit)["mlci/gate"][0] == "pending"
    world.commits.set_status(world.run.commit, status(state="success"))
    assert world.states(world.run.commit)["mlci/gate"][0] == "success"


def test_a_limit_is_waited_for_as_gitlab_asks(world: OnGitLab, gitlab: GitLab) -> None:
    gitlab.rate_limit("POST", NOTES, retry_after=9)
    gitlab.application_limit("POST", DISCUSSIONS)
    world.conversation.add_comment(1, "late")
    assert world.threads is not None
    world.threads.open_thread(1, "later")
    assert [note.body for note in gitlab.notes(1)] == ["late", "later"]


# Whose pipeline a status is part of.


@pytest.mark.parametrize("event", ["detached", "merged_result", "merge_train"])
def test_a_status_is_part_of_the_pipeline_that_sets_it_whatever_commit_that_was_made_for(
    gitlab: GitLab, event: str
) -> None:
    change = proposed(gitlab)
    job = running(gitlab, change, event=event)
    at = InJob(gitlab.environ(job, token=gitlab.token()))
    assert at.run.commit == change.sha
    assert (at.here.sha == change.sha) is (event == "detached")

    at.commits.set_status(at.run.commit, status())

    assert [(one.name, one.status) for one in job.pipeline.jobs if one.external] == [("mlci/gate", "failed")]
    assert len(gitlab.project().pipelines) == 1, "no pipeline was made for it"
    found = at.commits.status(at.run.commit, "mlci/gate")
    assert found is not None
    assert (found.state, found.description) == ("failure", "worse")
    gitlab.finish(job, "success")
    assert gitlab.status_of(job.pipeline) == "failed", "it counts in the result of the pipeline"


def test_the_status_of_another_pipeline_of_the_same_commit_is_not_ours(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    first = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    first.commits.set_status(first.run.commit, status())
    second = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    assert second.commits.status(second.run.commit, "mlci/gate") is None
    second.commits.set_status(second.run.commit, status(state="success"))
    found = first.commits.status(first.run.commit, "mlci/gate")
    assert found is not None
    assert found.state == "failure"


def test_a_developer_sets_no_status_on_a_protected_branch_and_that_is_said(gitlab: GitLab) -> None:
    proposed(gitlab)
    job = gitlab.add_job(gitlab.add_pipeline())
    at = InJob(gitlab.environ(job, token=gitlab.token()))
    with pytest.raises(ServiceRefused, match="403"):
        at.commits.set_status(at.run.commit, status())
    InJob(gitlab.environ(job, token=gitlab.token(role="maintainer"))).commits.set_status(at.run.commit, status())
    assert gitlab.statuses(at.run.commit)["mlci/gate"].status == "failed"


def test_there_are_no_check_runs(world: OnGitLab) -> None:
    check = Check(name="n", external_id="e", conclusion="success", title="t", summary="s", url="https://a.b")
    with pytest.raises(ServiceRefused, match="no check runs"):
        world.commits.set_check(world.run.commit, check)


# Tokens.


def test_the_token_of_a_job_reads_the_policy_and_the_notes_and_writes_nothing(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    gitlab.say(1, "said before")
    at = InJob(gitlab.environ(running(gitlab, change)))
    base = gitlab.project().tip("main")
    assert at.run.change is not None
    assert (at.run.change.base, at.commits.tip("main")) == (base, base)
    assert at.commits.file("mlci.yml", at.run.change.base) == b"model: churn\n"
    assert at.commits.file("missing", at.run.change.base) is None
    assert [(one.body, one.mine) for one in at.talk.comments(1)] == [("said before", False)]
    for write in (
        lambda: at.talk.add_comment(1, "x"),
        lambda: at.threads.open_thread(1, "x"),
        lambda: at.commits.set_status(at.run.commit, status()),
        lambda: at.commits.status(at.run.commit, "mlci/gate"),
        lambda: list(at.runs.artifacts_of_branch("gate", "main")),
    ):
        with pytest.raises(ServiceRefused) as refused:
            write()
        assert "set MLCI_TOKEN to a project access token" in (refused.value.help or ""), str(refused.value)
    assert {request.headers.get("JOB-TOKEN") is not None for request in gitlab.requests} <= {True, False}
    assert gitlab.requests[0].headers.get("JOB-TOKEN"), "the token of the job is sent where GitLab looks for it"


def test_the_projects_token_is_sent_in_place_of_the_jobs(gitlab: GitLab) -> None:
    change, token = proposed(gitlab), gitlab.token()
    at = InJob(gitlab.environ(running(gitlab, change), token=token))
    at.talk.add_comment(1, "x")
    assert {request.headers.get("PRIVATE-TOKEN") for request in gitlab.requests} == {token}
    assert not [request for request in gitlab.requests if request.headers.get("JOB-TOKEN")]


def test_a_token_that_only_reads_finds_what_pipelines_left_and_is_told_the_scope_it_lacks(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="success", artifacts={"mlci-keep/gate.json": b"{}"})
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token(["read_api"], "reporter")))
    assert len(list(at.runs.artifacts_of_branch("gate", "main"))) == 1
    with pytest.raises(ServiceRefused, match="higher privileges"):
        at.talk.add_comment(1, "x")


@pytest.mark.parametrize("kind", ["expired", "revoked"])
def test_a_token_that_is_over_is_refused_and_never_shown(gitlab: GitLab, kind: str) -> None:
    change = proposed(gitlab)
    token = gitlab.token(**{kind: True})
    with pytest.raises(ServiceRefused) as refused:
        InJob(gitlab.environ(running(gitlab, change), token=token))
    assert token not in str(refused.value)


def test_the_token_of_a_job_that_has_ended_is_told_so(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    job = running(gitlab, change)
    environ = gitlab.environ(job)
    gitlab.finish(job)
    with pytest.raises(ServiceRefused, match="401"):
        InJob(environ)


# What is said.


def test_no_line_of_what_is_posted_is_a_command(world: OnGitLab, gitlab: GitLab) -> None:
    assert world.threads is not None
    hostile = "a report\n/merge\n  /close\n\t/approve\n`/label ~x`\n"
    world.conversation.edit_comment(1, world.conversation.add_comment(1, hostile).id, f"/approve\n{hostile}")
    thread = world.threads.open_thread(1, hostile)
    world.threads.edit_thread(1, thread.id, f"/merge\n{hostile}", resolved=True)
    for note in gitlab.notes(1):
        assert not [line for line in note.body.splitlines() if line.lstrip().startswith("/")], note.body
        assert "&#47;merge" in note.body
    assert gitlab.violations == [], "the loopback notes every quick action"


def test_a_thread_of_somebody_else_and_the_words_of_gitlab_itself_are_not_ours(world: OnGitLab, gitlab: GitLab) -> None:
    gitlab.say(1, "added 1 commit", system=True)
    gitlab.say(1, "a thread", thread=True)
    assert world.threads is not None
    assert [(one.body, one.mine) for one in world.threads.threads(1)] == [("a thread", False)]
    assert [one.body for one in world.conversation.comments(1)] == ["a thread"]


def test_a_comment_has_the_address_that_a_browser_goes_to(world: OnGitLab, gitlab: GitLab) -> None:
    made = world.conversation.add_comment(1, "x")
    path = gitlab.project().path
    assert made.url == f"{gitlab.server_url}/{path}/-/merge_requests/1#note_{made.id}"


# Forks.


def test_the_pipeline_of_a_fork_reads_the_policy_of_the_project_that_it_proposes_to(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    at = InJob(gitlab.environ(running(gitlab, change)))
    assert at.run.change is not None
    assert at.run.change.fork
    assert (at.here.project, at.here.own) == (gitlab.project().id, gitlab.project("stranger/project").id)
    assert at.commits.file("mlci.yml", at.run.change.base) == b"model: churn\n"
    with pytest.raises(MlciError):
        at.talk.add_comment(1, "x")


def test_a_fork_of_a_project_that_is_hidden_from_it_judges_nothing(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    environ = gitlab.environ(running(gitlab, change))
    gitlab.project().visibility = "private"
    gitlab.project().members.clear()
    with pytest.raises(ServiceRefused):
        InJob(environ)


def test_the_pipelines_of_a_public_project_are_seen_by_a_fork_and_those_of_a_private_one_are_not(
    gitlab: GitLab,
) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="success", artifacts={"mlci-keep/gate.json": b"{}"})
    at = InJob(gitlab.environ(running(gitlab, change)))
    [found] = at.runs.artifacts_of_branch("gate", "main")
    assert set(kept(at.runs, found)) == {"mlci-keep/gate.json"}
    gitlab.project().settings["public_jobs"] = False
    with pytest.raises(ServiceRefused):
        list(at.runs.artifacts_of_branch("gate", "main"))


def known_of_forks(gitlab: GitLab, job: str = "gate", number: int | None = None) -> list[Measured]:
    """As the pipeline of the default branch sees them that reports on forks."""
    schedule = gitlab.add_job(gitlab.add_pipeline("schedule"), "report")
    at = InJob(gitlab.environ(schedule, token=gitlab.token()))
    return [at.runs.measured(each, job, at.run) for each in at.runs.of_forks(number)]


def of_forks(gitlab: GitLab, job: str = "gate", number: int | None = None) -> list[tuple[Run, GitLabRuns]]:
    """Those that a fork has measured."""
    return [(each.run, each.runs) for each in known_of_forks(gitlab, job, number) if each.runs is not None]


def test_what_forks_measured_is_found_by_the_head_of_their_merge_request(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    assert of_forks(gitlab) == []
    old = gitlab.add_job(gitlab.add_pipeline(merge_request=change), "gate", status="failed", artifacts={"a/x": b"old"})
    gitlab.commit({"train.py": "3\n"}, "feature", project="stranger/project")
    assert of_forks(gitlab) == [], "that pipeline was for another commit"
    change = gitlab.merge_request(1)
    newest = gitlab.add_job(
        gitlab.add_pipeline(merge_request=change), "gate", status="failed", artifacts={"a/x": b"new"}
    )
    gitlab.add_pipeline(merge_request=change, in_parent=True)
    gitlab.commit({"train.py": "4\n"}, "own")
    own = gitlab.open_merge_request("own")
    gitlab.add_job(gitlab.add_pipeline(merge_request=own), "gate", status="success", artifacts={"a/x": b"own"})

    [(run, runs)] = of_forks(gitlab)

    assert (run.id, run.attempt, run.commit) == (newest.pipeline.id, newest.id, change.sha)
    assert old.pipeline.id != run.id
    assert run.change is not None
    assert (run.change.number, run.change.fork, run.change.head) == (1, True, change.sha)
    assert (run.change.base, run.default_branch) == (gitlab.project().tip("main"), "main")
    found = runs.artifact_of_run("gate", run.id)
    assert found is not None
    assert kept(runs, found) == {"a/x": b"new"}
    assert [one.id for one, _ in of_forks(gitlab, number=1)] == [run.id]
    assert of_forks(gitlab, number=own.iid) == [], "one of the project itself has a run that posts"
    assert of_forks(gitlab, job="another") == []


def test_one_that_nobody_has_measured_is_known_with_what_there_is_of_it(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")

    def known(job: str = "gate") -> tuple[bool, bool]:
        [found] = known_of_forks(gitlab, job)
        assert found.runs is None
        assert found.run.change is not None
        assert (found.run.commit, found.run.change.number, found.run.change.fork) == (change.sha, 1, True)
        return found.named, found.here

    assert known() == (False, False)
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), "gate")
    assert known() == (True, False)
    own = gitlab.add_pipeline(merge_request=change, in_parent=True)
    gitlab.add_job(own, "gate", status="failed")
    assert known() == (True, False)
    gitlab.add_job(own, "gate", status="success", artifacts={"a/x": b"measured"})
    assert known() == (True, True)
    assert known("another") == (False, False)


def test_one_whose_fork_is_gone_is_one_that_nobody_has_measured(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    gitlab.add_job(gitlab.add_pipeline(merge_request=change), "gate", status="success", artifacts={"a/x": b"gone"})
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    [listed] = at.runs.of_forks(None)
    listed.source_project_id = None
    found = at.runs.measured(listed, "gate", at.run)
    assert (found.runs, found.here) == (None, False)


def test_a_merge_request_that_is_closed_or_not_there_is_an_error_where_it_is_named(gitlab: GitLab) -> None:
    change = proposed(gitlab, fork=True, visibility="public")
    change.state = "closed"
    assert of_forks(gitlab) == []
    for number in (1, 99):
        with pytest.raises(ServiceRefused):
            of_forks(gitlab, number=number)


# What jobs left, and how they ended.


def test_only_the_newest_attempt_of_a_job_counts_and_a_tag_is_no_branch(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    pipeline = gitlab.add_pipeline()
    for content in (b"first", b"again"):
        gitlab.add_job(pipeline, "gate", status="success", artifacts={"k/x": content})
    gitlab.add_job(gitlab.add_pipeline(ref="main", tag=True), "gate", status="success", artifacts={"k/x": b"tag"})
    for source in ("api", "trigger", "external", "parent_pipeline", "merge_request_event"):
        gitlab.add_job(gitlab.add_pipeline(source), "gate", status="success", artifacts={"k/x": source.encode()})
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    [found] = at.runs.artifacts_of_branch("gate", "main")
    assert found.nested
    assert kept(at.runs, found) == {"k/x": b"again"}


def test_archives_come_from_an_object_store_that_is_sent_no_token(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="success", artifacts={"k/x": b"kept"})
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    [found] = at.runs.artifacts_of_branch("gate", "main")
    for elsewhere in (True, False):
        gitlab.redirect_artifacts(to_object_store=elsewhere)
        assert kept(at.runs, found) == {"k/x": b"kept"}
    assert len(gitlab.downloads) == 1
    with pytest.raises(ArtifactRefused):
        at.runs.content(dataclasses.replace(found, size=1), 5)


def test_how_the_jobs_of_a_pipeline_ended(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    pipeline = gitlab.add_pipeline(merge_request=change)
    asking = gitlab.add_job(pipeline, "conclude")
    for number in range(25):
        gitlab.add_job(pipeline, f"job-{number:02}", status="success")
    ends = {
        "failed": "failure",
        "canceled": "cancelled",
        "skipped": "skipped",
        "manual": "skipped",
        "running": "running",
    }
    for word in ends:
        gitlab.add_job(pipeline, f"is {word}", status=word)
    gitlab.add_job(pipeline, "orange", status="failed", allow_failure=True)
    gitlab.add_job(pipeline, "retried", status="failed")
    gitlab.add_job(pipeline, "retried", status="success")
    at = InJob(gitlab.environ(asking, token=gitlab.token(["read_api"])))
    found = {job.name: job.result for job in at.runs.results(pipeline.id, asking.id)}
    expected = {f"job-{number:02}": "success" for number in range(25)}
    expected |= {f"is {word}": result for word, result in ends.items()} | {"orange": "warning", "retried": "success"}
    assert found == expected


# Servers of one's own.


def test_an_installation_below_a_folder_of_its_host_is_asked_there(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token(), relative=True))
    for number in range(25):
        gitlab.say(1, f"note {number}")
    made = at.talk.add_comment(1, "x")
    assert len(at.talk.comments(1)) == 26
    assert made.url.startswith(f"{gitlab.server_url}/gitlab/")
    at.commits.set_status(at.run.commit, status())
    assert at.commits.file("mlci.yml", at.run.commit) == b"model: churn\n"


def test_a_server_whose_authority_only_the_runner_knows_is_trusted_by_it_alone(gitlab: GitLab) -> None:
    change = proposed(gitlab)
    environ = gitlab.environ(running(gitlab, change), token=gitlab.token(), secure=True)
    at = InJob(environ)
    at.talk.add_comment(1, "over TLS")
    assert [note.body for note in gitlab.notes(1)] == ["over TLS"]
    with pytest.raises(ServiceFailed, match="certificate"):
        InJob({name: value for name, value in environ.items() if name != "CI_SERVER_TLS_CA_FILE"})


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": "before"}, {"truncate": True}], ids=str)
def test_a_server_that_is_down_is_no_project_without_a_policy(gitlab: GitLab, fault: dict[str, object]) -> None:
    change = proposed(gitlab)
    at = InJob(gitlab.environ(running(gitlab, change), token=gitlab.token()))
    gitlab.fault("GET", "/repository/files/", times=99, **fault)
    with pytest.raises(ServiceFailed):
        at.commits.file("mlci.yml", at.run.commit)


def test_pipelines_that_a_clock_begins_do_not_hide_those_of_pushes(gitlab: GitLab) -> None:
    change, token = proposed(gitlab), gitlab.token()
    kept = gitlab.add_pipeline()
    gitlab.add_job(kept, "gate", status="success", artifacts={"mlci-keep/gate.json": b"{}"})
    for _ in range(120):
        gitlab.add_job(gitlab.add_pipeline("schedule", "main"), "mlci-report", status="success")
    at = InJob(gitlab.environ(running(gitlab, change), token=token))
    assert [found.run for found in at.runs.artifacts_of_branch("gate", "main")] == [kept.id]
    looked = [request for request in gitlab.requests if request.path.endswith("/jobs?per_page=100")]
    assert len(looked) == 51

    # A pipeline is looked at for whatever began it, the newest first.
    by_hand = gitlab.add_pipeline("web", "main")
    gitlab.add_job(by_hand, "gate", status="success", artifacts={"mlci-keep/gate.json": b"{}"})
    by_clock = gitlab.add_pipeline("schedule", "main")
    gitlab.add_job(by_clock, "gate", status="success", artifacts={"mlci-keep/gate.json": b"{}"})
    found = [found.run for found in at.runs.artifacts_of_branch("gate", "main")]
    assert found == [by_clock.id, by_hand.id, kept.id]


def test_a_job_of_the_default_branch_that_could_not_judge_does_not_stand_in_the_way_of_the_baseline(
    gitlab: GitLab,
) -> None:
    change, token = proposed(gitlab), gitlab.token()
    gate = b"{}"
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="success", artifacts={"mlci-keep/gate.json": gate})
    without = {".mlci/report/gate-compare.json": b"{}", ".mlci/evidence/gate.json": b"[]"}
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="failed", artifacts=without)
    at = InJob(gitlab.environ(running(gitlab, change), token=token))
    assert [kept.evidence for kept in ArtifactBaselines(at.runs, "gate", "main").newest_first()] == [gate]

    twice = {"one/gate.json": b"{}", "two/gate.json": b"{}"}
    gitlab.add_job(gitlab.add_pipeline(), "gate", status="success", artifacts=twice)
    with pytest.raises(ArtifactRefused, match="2 members"):
        list(ArtifactBaselines(at.runs, "gate", "main").newest_first())


# What was left for the head of a merged merge request: whose code may have run.


def left(world: OnGitLab, event: str, target: str = "main", source: str = "push") -> str:
    """A head that is proposed to a branch, with what a pipeline of that kind left for it."""
    world.push("theirs", {"sitecustomize.py": b"planted"})
    head = world.push("better", {"train.py": b"better"})
    change = world.gitlab.open_merge_request("better", target)
    made = world.gitlab.add_pipeline(source, merge_request=change, event=event)
    world.gitlab.add_job(made, "mlci-model", status="success", artifacts={"mlci-model/model.json": b"{}"})
    return head


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_what_ran_the_head_or_its_merge_with_the_branch_counts(world: OnGitLab, event: str) -> None:
    found = world.runs.artifact_of_commit("mlci-model", left(world, event), base="main")
    assert found is not None
    assert found.nested


def test_what_ran_the_head_merged_with_another_branch_does_not_count(world: OnGitLab) -> None:
    head = left(world, "merged_result", "theirs")
    with pytest.raises(ArtifactRefused, match="another branch"):
        world.runs.artifact_of_commit("mlci-model", head, base="main")
    assert world.runs.artifact_of_commit("mlci-model", head) is not None


def test_a_pipeline_of_a_branch_takes_variables_from_whoever_pushes_and_does_not_count(world: OnGitLab) -> None:
    head = world.push("better", {"train.py": b"better"})
    world.gitlab.open_merge_request("better")
    made = world.gitlab.add_pipeline("push", "better", head)
    world.gitlab.add_job(made, "mlci-model", status="success", artifacts={"mlci-model/model.json": b"{}"})
    assert world.runs.artifact_of_commit("mlci-model", head) is None


def test_a_pipeline_that_a_member_ran_for_a_fork_does_not_count(world: OnGitLab) -> None:
    world.gitlab.add_project("stranger/project", fork_of=world.project.path)
    head = world.gitlab.commit({"train.py": b"planted"}, "planted", project="stranger/project")
    change = world.gitlab.open_merge_request("planted", fork="stranger/project")
    made = world.gitlab.add_pipeline(merge_request=change, in_parent=True)
    world.gitlab.add_job(made, "mlci-model", status="success", artifacts={"mlci-model/model.json": b"{}"})
    assert world.runs.artifact_of_commit("mlci-model", head) is None


# The changes that a commit is from.


def test_a_merged_merge_request_is_found_by_the_commit_that_merged_it(world: OnGitLab) -> None:
    head = world.push("better", {"train.py": b"better"})
    change = world.gitlab.open_merge_request("better")
    other = world.push("other", {"score.py": b"other"})
    world.gitlab.open_merge_request("other")
    code, merged = world.gitlab.merge(change.iid)
    assert code == 200, merged
    pushed = dataclasses.replace(world.run, commit=merged["merge_commit_sha"], event="push", branch="main", change=None)

    [found] = world.runs.changes_in(pushed)
    assert (found.number, found.head, found.base_branch, found.fork) == (change.iid, head, "main", False)
    assert list(world.runs.changes_in(dataclasses.replace(pushed, branch="other"))) == []
    assert list(world.runs.changes_in(dataclasses.replace(pushed, commit=other))) == []


def test_a_car_of_a_merge_train_is_about_its_own_merge_request(world: OnGitLab) -> None:
    change = world.run.change
    assert change is not None
    train = dataclasses.replace(world.run, change=dataclasses.replace(change, number=None))
    assert [each.head for each in world.runs.changes_in(train)] == [change.head]
    assert list(world.runs.changes_in(world.run)) == []


def test_a_pending_status_holds_the_merge_back_where_pipelines_must_succeed(world: OnGitLab) -> None:
    assert "Pipelines must succeed" in (world.commits.unheld("main", "mlci/approval") or "")
    world.project.settings["only_allow_merge_if_pipeline_succeeds"] = True
    assert world.commits.unheld("main", "mlci/approval") is None
    world.gitlab.fault("GET", "/projects/\\d+$", status=403, times=9)
    assert "cannot be read" in (world.commits.unheld("main", "mlci/approval") or "")
