"""What only GitHub does: lost answers, limits, tokens of several kinds, permissions, links, blobs on another host."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from worlds import REPOSITORY, OnTheLoopback, ended

from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.github.conversation import GitHubConversation
from mlci.adapters.github.runs import GitHubRuns
from mlci.domain.run import Change, Run
from mlci.errors import ArtifactRefused, ServiceFailed, ServiceRefused
from mlci.ports import Check, Status

if TYPE_CHECKING:
    from forge.github import GitHub, MergeGroup

COMMENTS = "/issues/1/comments$"
STATUS = Status(context="mlci/gate", state="failure", description="worse", url="https://forge.invalid/7")
CHECK = Check(
    name="mlci report", external_id="mlci:7:", conclusion="failure", title="fail", summary="worse", url="https://a.b"
)


@pytest.fixture(name="world")
def _world(request: pytest.FixtureRequest) -> OnTheLoopback:
    return OnTheLoopback(request.getfixturevalue("github"))


# What is added is added once.


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        ({"drop": "after"}, 1),
        ({"drop": "before"}, 2),
        ({"truncate": True}, 1),
        ({"status": 502, "processed": True}, 1),
        ({"status": 502}, 2),
        ({"status": 429, "headers": {"Retry-After": "2"}}, 2),
    ],
    ids=str,
)
def test_a_comment_is_there_once_whatever_became_of_the_answer(
    world: OnTheLoopback, github: GitHub, fault: dict[str, object], sent: int
) -> None:
    github.add_comment(1, "the report")
    github.fault("POST", COMMENTS, **fault)
    made = world.conversation.add_comment(1, "the report")
    assert [one.body for one in github.comments(1)] == ["the report", "the report"]
    assert made.id == github.comments(1)[1].id
    assert made.mine
    assert len(github.asked("POST /issues/{issue_number}/comments")) == sent


def test_of_two_equal_comments_of_ours_the_younger_is_the_one_just_added(world: OnTheLoopback, github: GitHub) -> None:
    elder = world.conversation.add_comment(1, "the report")
    github.fault("POST", COMMENTS, drop="after")
    assert world.conversation.add_comment(1, "the report").id > elder.id


def test_statuses_and_check_runs_are_there_once_when_their_answer_is_lost(world: OnTheLoopback, github: GitHub) -> None:
    commit = github.pull(1).head_sha
    github.fault("POST", "/statuses/", drop="after")
    github.fault("POST", "/check-runs$", drop="after")
    world.commits.set_status(commit, STATUS)
    world.commits.set_check(commit, CHECK)
    assert [one.context for one in github.repository().statuses] == ["mlci/gate"]
    assert world.checks(commit) == [("mlci report", "mlci:7:", "failure", "worse")]


def test_a_summary_that_is_too_long_is_cut_between_characters(world: OnTheLoopback, github: GitHub) -> None:
    commit = github.pull(1).head_sha
    world.commits.set_check(commit, replace(CHECK, summary="line\n" + "é" * 70_000, title="t" * 300))
    ((*_, summary),) = world.checks(commit)
    assert summary == "line\n\n… cut here, it was too long"


def test_a_status_that_was_overtaken_is_set_again(world: OnTheLoopback, github: GitHub) -> None:
    commit = github.pull(1).head_sha
    world.commits.set_status(commit, STATUS)
    world.commits.set_status(
        commit, Status(context="mlci/gate", state="success", description="better", url="https://a.b")
    )
    github.fault("POST", "/statuses/", drop="before")
    world.commits.set_status(commit, STATUS)
    assert github.statuses(commit)["mlci/gate"].state == "failure"


def test_a_secondary_limit_is_waited_for_and_not_taken_for_a_missing_permission(
    world: OnTheLoopback, github: GitHub
) -> None:
    github.secondary_limit("POST", COMMENTS, retry_after=9)
    world.conversation.add_comment(1, "late")
    assert [one.body for one in github.comments(1)] == ["late"]


# Whose comment it is.


def test_the_token_of_a_workflow_knows_its_comments_by_the_login_of_its_bot(
    world: OnTheLoopback, github: GitHub
) -> None:
    github.add_comment(1, "ours, of an earlier run", login="github-actions[bot]")
    github.add_comment(1, "of another app", login="github-actions-too[bot]")
    github.add_comment(1, "of a person", login="github-actions")
    github.add_comment(2, "ours", login="github-actions[bot]")
    assert [one.mine for one in world.conversation.comments(1)] == [True, False, False]
    assert [one.mine for one in world.conversation.comments(2)] == [True]
    assert len(github.asked("GET /user")) == 1


def test_nobody_asks_who_we_are_where_nobody_has_said_anything(world: OnTheLoopback, github: GitHub) -> None:
    assert list(world.conversation.comments(1)) == []
    assert github.asked("GET /user") == []


def test_the_token_of_a_person_knows_its_comments_by_number(world: OnTheLoopback, github: GitHub) -> None:
    token = github.token("maintainer", role="write")
    github.add_comment(1, "theirs", login="github-actions[bot]")
    github.add_comment(1, "ours", login="maintainer")
    talk = GitHubConversation(world.connected(token), REPOSITORY)
    assert [one.mine for one in talk.comments(1)] == [False, True]


def test_the_token_of_an_app_learns_who_it_is_from_what_it_wrote(world: OnTheLoopback, github: GitHub) -> None:
    token = github.token("mlci-of-ours[bot]", {"pull-requests": "write"})
    github.add_comment(1, "of an earlier run", login="mlci-of-ours[bot]")
    talk = GitHubConversation(world.connected(token), REPOSITORY)
    assert [one.mine for one in talk.comments(1)] == [False]
    talk.add_comment(1, "of this run")
    assert [one.mine for one in talk.comments(1)] == [True, True]


def test_a_token_that_is_not_valid_is_not_taken_for_a_workflows(world: OnTheLoopback, github: GitHub) -> None:
    github.add_comment(1, "said")
    talk = GitHubConversation(world.api, REPOSITORY)
    github.fault("GET", "^/user$", status=401, body={"message": "Bad credentials"})
    with pytest.raises(ServiceRefused, match="401, Bad credentials"):
        talk.comments(1)


# Permissions.


def test_each_port_uses_the_permissions_that_it_names_and_no_other(world: OnTheLoopback, github: GitHub) -> None:
    def used(permissions: dict[str, str]) -> tuple[str, GitHubConversation, GitHubCommits, GitHubRuns]:
        token = github.token(permissions=permissions)
        api = world.connected(token)
        return token, *(kind(api, REPOSITORY) for kind in (GitHubConversation, GitHubCommits, GitHubRuns))

    run = github.add_run(pull=github.pull(1))
    github.put_artifact(run, "mlci-gate", b"packed")
    head = github.pull(1).head_sha
    token, talk, *_ = used({"pull-requests": "write"})
    talk.edit_comment(1, talk.add_comment(1, "a").id, "b")
    assert github.used(token) == {"pull_requests": "write"}
    token, _, commits, _ = used({"contents": "read"})
    commits.file("missing", head)
    commits.changed_files(github.pull(1).base_sha, head)
    assert github.used(token) == {"contents": "read"}
    token, _, commits, _ = used({"statuses": "write", "checks": "write"})
    commits.set_status(head, STATUS)
    commits.set_check(head, CHECK)
    assert github.used(token) == {"statuses": "write", "checks": "write"}
    token, _, _, runs = used({"actions": "read", "pull-requests": "read"})
    found = runs.artifact_of_run("mlci-gate", run.id)
    assert found is not None
    assert runs.content(found, 100) == b"packed"
    assert len(runs.changes_of(ended(head, "one", REPOSITORY))) == 1
    assert github.used(token) == {"actions": "read", "pull_requests": "read"}
    token, _, commits, runs = used({"actions": "read", "contents": "read"})
    github.put_artifact(github.add_run(branch="main"), "mlci-gate", b"packed")
    assert len(list(runs.artifacts_of_branch("mlci-gate", "main"))) == 1
    assert commits.tip("main") == github.repository().tip("main")
    assert github.used(token) == {"actions": "read", "contents": "read"}
    token, _, commits, _ = used({"statuses": "read"})
    assert commits.status(head, "mlci/gate") is not None
    assert github.used(token) == {"statuses": "read"}


def test_a_missing_permission_is_named_and_the_token_is_not(world: OnTheLoopback, github: GitHub) -> None:
    token = github.token(permissions={"contents": "read"})
    talk = GitHubConversation(world.connected(token), REPOSITORY)
    with pytest.raises(ServiceRefused) as caught:
        talk.add_comment(1, "no")
    assert "pull-requests: write" in str(caught.value)
    assert token not in str(caught.value)
    assert len(github.asked("POST /issues/{issue_number}/comments")) == 1


def test_a_token_that_may_not_read_contents_does_not_find_that_a_file_is_missing(
    world: OnTheLoopback, github: GitHub
) -> None:
    stranger = github.token("stranger", repositories=[])
    with pytest.raises(ServiceFailed, match="may not read it"):
        GitHubCommits(world.connected(stranger), REPOSITORY).file("mlci.yml", github.pull(1).head_sha)


# Files.


def test_links_are_followed_inside_the_repository_and_submodules_refused(world: OnTheLoopback, github: GitHub) -> None:
    from forge.repository import Submodule, Symlink

    commit = github.commit(
        {"real.yml": b"model: a\n", "link.yml": Symlink("real.yml"), "out.yml": Symlink("nowhere.yml"),
         "sub": Submodule("1" * 40)},
        "links",
    )  # fmt: skip
    assert world.commits.file("link.yml", commit) == b"model: a\n"
    with pytest.raises(ServiceFailed, match="symlink, not a file"):
        world.commits.file("out.yml", commit)
    with pytest.raises(ServiceFailed, match="submodule, not a file"):
        world.commits.file("sub", commit)


@pytest.mark.parametrize(
    "claim",
    [
        {"content": "%%%"},
        {"content": "YQ"},
        {"content": "bW9k*ZWw6IGEK"},
        {"encoding": "none"},
        {"content": ""},
        {"size": 1 << 21},
        {"content": "QUFB" * 400_000},
        {"type": "commit"},
        {"content": None},
    ],
    ids=repr,
)
def test_a_file_that_is_not_whole_or_too_large_is_refused(
    world: OnTheLoopback, github: GitHub, claim: dict[str, object]
) -> None:
    commit = github.commit({"mlci.yml": b"model: a\n"}, "a")
    told = {"type": "file", "size": 9, "encoding": "base64", "content": "bW9k\nZWw6IGEK\n"}
    github.fault("GET", "/contents/", status=200, body=told)
    assert world.commits.file("mlci.yml", commit) == b"model: a\n"
    github.fault("GET", "/contents/", status=200, body={**told, **claim})
    with pytest.raises(ServiceFailed, match=r"mlci\.yml at"):
        world.commits.file("mlci.yml", commit)


# Artifacts and runs.


def test_the_first_artifact_of_a_branch_costs_four_requests_and_each_later_run_two(
    world: OnTheLoopback, github: GitHub
) -> None:
    for number in range(130):
        world.leave("mlci-gate", b"%d" % number, run=1000 + number)
    world.leave("mlci-gate", b"again", run=1100)
    found = world.runs.artifacts_of_branch("mlci-gate", "main")
    each_run = ["GET /actions/runs/{run_id}", "GET /compare/{basehead}"]
    first = ["GET /actions/artifacts", each_run[0], "GET /branches/{branch}", each_run[1]]
    assert next(found).run == 1129
    assert [one.operation for one in github.requests] == first
    assert next(found).run == 1128
    assert [one.operation for one in github.requests] == [*first, *each_run]


def test_a_branch_with_many_strange_runs_is_given_up_after_fifty(world: OnTheLoopback, github: GitHub) -> None:
    for number in range(60):
        world.leave("mlci-gate", b"x", run=1000 + number, event="workflow_run")
    assert list(world.runs.artifacts_of_branch("mlci-gate", "main")) == []
    assert len(github.asked("GET /actions/runs/{run_id}")) == 50


def test_artifacts_that_say_themselves_that_they_are_not_the_branchs_are_not_looked_into(
    world: OnTheLoopback, github: GitHub
) -> None:
    world.leave("mlci-gate", b"x", run=5, branch="feature")
    world.leave("mlci-gate", b"x", run=6, fork=True)
    assert list(world.runs.artifacts_of_branch("mlci-gate", "main")) == []
    assert github.asked("GET /actions/runs/{run_id}") == []


def test_what_an_artifact_says_of_its_run_is_checked_with_the_run(world: OnTheLoopback, github: GitHub) -> None:
    world.leave("mlci-gate", b"x", run=5)
    changed = itertools.count(1)
    told = {"id": 5, "event": "push", "head_branch": "main", "repository": {"id": 1, "full_name": REPOSITORY}}
    told["head_sha"] = github.repository().tip("main")
    for lie in (
        {}, {"head_branch": "other"}, {"event": "pull_request"}, {"head_repository": None}, {"head_sha": "main"},
        {"head_sha": "f" * 40},
    ):  # fmt: skip
        body = {**told, "head_repository": {"id": 1, "full_name": REPOSITORY}, **lie}
        github.fault("GET", "/actions/runs/5$", status=200, body=body)
        found = list(world.runs.artifacts_of_branch("mlci-gate", "main"))
        assert len(found) == (1 if next(changed) == 1 else 0)
    github.fault("GET", "/actions/runs/5$", status=200, body={**told, "head_repository": {"id": 2, "full_name": "s/r"}})
    assert list(world.runs.artifacts_of_branch("mlci-gate", "main")) == []


def test_a_tag_that_is_called_like_the_branch_is_not_the_branch(world: OnTheLoopback, github: GitHub) -> None:
    # Of a tag that was pushed, a run names the tag where it names a branch otherwise.
    older = github.commit({"train.py": "good"}, "main")
    astray = github.commit({"train.py": "evil"}, "feature")
    tip = github.commit({"train.py": "better"}, "main")
    ahead = github.commit({"train.py": "evil too"}, "unmerged", parent=tip)
    for sha in (older, astray, tip, ahead):
        github.put_artifact(github.add_run(branch="main", sha=sha), "mlci-gate", sha.encode())
    found = world.runs.artifacts_of_branch("mlci-gate", "main")
    assert [world.runs.content(one, 100).decode() for one in found] == [tip, older]


def test_a_download_that_breaks_off_begins_again_and_the_blob_store_sees_no_token(
    world: OnTheLoopback, github: GitHub
) -> None:
    world.leave("mlci-gate", b"x" * 5000, run=5)
    found = world.runs.artifact_of_run("mlci-gate", 5)
    assert found is not None
    github.fault("BLOB", "", truncate=True)
    github.fault("BLOB", "", status=503)
    assert world.runs.content(found, 5000) == b"x" * 5000
    assert len(github.downloads) == 3
    for headers in github.downloads:
        assert not {"authorization", "x-github-api-version", "cookie"} & {name.lower() for name in headers}


def test_a_server_that_lists_more_than_was_asked_for_is_not_believed(world: OnTheLoopback, github: GitHub) -> None:
    world.leave("mlci-gate-other", b"x", run=5)
    listed = github.front.answer(
        "GET",
        f"/repos/{REPOSITORY}/actions/artifacts",
        {"Authorization": f"Bearer {world.token}", "User-Agent": "t"},
        b"",
    )[0].data()
    github.fault("GET", "artifacts", status=200, body=listed, times=2)
    assert world.runs.artifact_of_run("mlci-gate", 5) is None
    assert list(world.runs.artifacts_of_branch("mlci-gate", "main")) == []


def test_an_artifact_that_is_too_large_is_not_fetched_and_one_that_lies_about_it_not_to_its_end(
    world: OnTheLoopback, github: GitHub
) -> None:
    run = github.add_run()
    github.put_artifact(run, "honest", b"x" * 101)
    github.put_artifact(run, "liar", b"x" * 101, size=1)
    honest, liar = (world.runs.artifact_of_run(name, run.id) for name in ("honest", "liar"))
    assert honest is not None
    assert liar is not None
    with pytest.raises(ArtifactRefused, match="101 bytes packed"):
        world.runs.content(honest, 100)
    assert github.downloads == []
    with pytest.raises(ArtifactRefused, match="larger than 100 bytes"):
        world.runs.content(liar, 100)


def test_an_artifact_that_expired_meanwhile_is_an_error(world: OnTheLoopback, github: GitHub) -> None:
    world.leave("mlci-gate", b"x", run=5)
    found = world.runs.artifact_of_run("mlci-gate", 5)
    assert found is not None
    github.fault("GET", "/zip$", status=410, body={"message": "Artifact has expired"})
    with pytest.raises(ServiceRefused, match="410, Artifact has expired"):
        world.runs.content(found, 10)


def test_a_change_that_is_closed_or_has_moved_on_is_not_the_changes_of_a_run(
    world: OnTheLoopback, github: GitHub
) -> None:
    change, run = world.proposed(fork=True)
    github.commit({"train.py": "newer"}, "feature", repository="stranger/repository")
    assert list(world.runs.changes_of(run)) == []
    moved = ended(github.pull(change.number or 0).head_sha, "feature", "stranger/repository")
    assert [one.number for one in world.runs.changes_of(moved)] == [change.number]
    github.repository().pulls[change.number or 0].state = "closed"
    assert list(world.runs.changes_of(moved)) == []


def test_a_pull_request_of_another_repository_is_not_ours(world: OnTheLoopback, github: GitHub) -> None:
    side = {"sha": "1" * 40, "ref": "main", "repo": {"id": 99, "full_name": "stranger/repository"}}
    pull = {"number": 666, "state": "open", "head": side, "base": side}
    github.fault("GET", "/pulls", status=200, body=[pull], times=2)  # type: ignore[arg-type]
    assert list(world.runs.changes_of(ended("1" * 40, "main", "stranger/repository"))) == []


# What was left for the head of a merged pull request: whose code may have run.


def left_for(world: OnTheLoopback, *targets: str) -> str:
    """A commit that is proposed to these branches, and what a run for it left."""
    head = world.commit({"train.py": b"better"})
    branch = f"branch-{world._branches}"
    for target in targets:
        world.github.open_pull_request(branch, target)
    world.leave("mlci-model", b"the model", run=50, event="pull_request", branch=branch, head=head)
    return head


def test_a_run_for_a_pull_request_counts_where_its_branch_was_only_ever_proposed_to_that_one(
    world: OnTheLoopback,
) -> None:
    found = world.runs.artifact_of_commit("mlci-model", left_for(world, "main"), base="main")
    assert found is not None
    assert found.run == 50


@pytest.mark.parametrize("targets", [("main", "theirs"), ("theirs",), ()])
def test_a_run_that_may_have_merged_the_commit_with_code_of_another_branch_does_not_count(
    world: OnTheLoopback, targets: tuple[str, ...]
) -> None:
    world.push("theirs", {"train.py": b"planted"})
    head = left_for(world, *targets)
    with pytest.raises(ArtifactRefused, match="another branch"):
        world.runs.artifact_of_commit("mlci-model", head, base="main")
    assert world.runs.artifact_of_commit("mlci-model", head) is not None


def test_a_run_for_a_pull_request_that_was_for_another_branch_first_does_not_count(world: OnTheLoopback) -> None:
    world.push("theirs", {"train.py": b"planted"})
    head = left_for(world, "theirs")
    world.github.retarget(3, "main")
    with pytest.raises(ArtifactRefused, match="was for another branch first"):
        world.runs.artifact_of_commit("mlci-model", head, base="main")


def test_a_run_of_the_queue_and_a_push_run_the_commit_itself(world: OnTheLoopback) -> None:
    for number, event in ((50, "push"), (60, "merge_group")):
        head = world.commit({"train.py": event.encode()})
        world.leave("mlci-model", b"the model", run=number, event=event, branch="feature", head=head)
        found = world.runs.artifact_of_commit("mlci-model", head, base="main")
        assert found is not None
        assert found.run == number


@pytest.mark.parametrize("event", ["workflow_dispatch", "workflow_run", "issue_comment", "pull_request_target"])
def test_what_runs_other_code_or_takes_inputs_leaves_nothing_that_counts(world: OnTheLoopback, event: str) -> None:
    head = world.commit({"train.py": b"better"})
    world.leave("mlci-model", b"planted", run=50, event=event, branch="feature", head=head)
    assert world.runs.artifact_of_commit("mlci-model", head) is None


# The changes that a commit is from.


def on_main(commit: str, before: str | None = None) -> Run:
    return Run(
        repository=REPOSITORY, id=9, attempt=1, url="u", event="push", commit=commit, branch="main",
        default_branch="main", before=before,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merged_pull_request_is_found_by_what_it_became(world: OnTheLoopback, method: str) -> None:
    github, before = world.github, world.commits.tip("main")
    github.commit({"train.py": "one"}, "better")
    head = github.commit({"score.py": "two"}, "better")
    number = github.open_pull_request("better").number
    answer, body = github.merge(number, method=method)
    assert answer == 200

    [change] = world.runs.changes_in(on_main(body["sha"], before))
    assert (change.number, change.head, change.base_branch, change.fork) == (number, head, "main", False)


def test_a_commit_that_nobody_proposed_and_a_proposal_are_from_no_change(world: OnTheLoopback) -> None:
    commit = world.push("main", {"train.py": b"pushed"})
    head = world.github.pull(1).head_sha
    assert list(world.runs.changes_in(on_main(commit))) == []
    assert list(world.runs.changes_in(on_main(head))) == [], "it is open, and not merged"
    assert list(world.runs.changes_in(replace(on_main(commit), branch="feature"))) == []


def of_group(group: MergeGroup) -> Run:
    change = Change(number=None, head=group.sha, base=group.base, base_branch="main", fork=False)
    return replace(on_main(group.sha), event="merge_group", branch=None, change=change)


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_queue_of_two_is_known_in_its_groups_and_once_it_is_merged(world: OnTheLoopback, method: str) -> None:
    github, before = world.github, world.commits.tip("main")
    github.commit({"train.py": "better"}, "better")
    github.commit({"README.md": "words"}, "words")
    one, two = (github.open_pull_request(branch).number for branch in ("better", "words"))
    first = github.enqueue(one, method=method)
    second = github.enqueue(two, first, method=method)

    assert [change.number for change in world.runs.changes_in(of_group(first))] == [one]
    assert [change.number for change in world.runs.changes_in(of_group(second))] == [two, one]
    assert [github.dequeue(group) for group in (first, second)] == [None, None]
    merged = world.runs.changes_in(on_main(second.sha, before))
    assert [change.number for change in merged] == [two, one]


def test_where_two_branches_of_the_queue_are_at_a_commit_nobody_knows_which_is_the_queues(world: OnTheLoopback) -> None:
    group = world.github.enqueue(1)
    forged = group.ref.replace("/pr-1-", "/pr-2-")
    world.github.repository().objects.point(forged, group.sha)
    assert list(world.runs.changes_in(of_group(group))) == []


# What holds a merge back.


@pytest.mark.parametrize("kind", ["ruleset", "classic"])
def test_a_status_holds_the_merge_back_where_the_branch_requires_it(world: OnTheLoopback, kind: str) -> None:
    assert "does not require" in (world.commits.unheld("main", "mlci/approval") or "")
    world.github.protect("main", ["MLCI/Approval", "model / conclude"], kind=kind)
    assert world.commits.unheld("main", "mlci/approval") is None
    assert "does not require" in (world.commits.unheld("main", "mlci/approval/churn") or "")


@pytest.mark.parametrize("path", ["/rules/branches/main", "repository/branches/main"])
def test_what_holds_a_merge_back_and_cannot_be_read_is_not_taken_to(world: OnTheLoopback, path: str) -> None:
    world.github.protect("main", ["mlci/approval"])
    world.github.fault("GET", path, status=403, times=9)
    assert "cannot be read" in (world.commits.unheld("main", "mlci/approval") or "")
