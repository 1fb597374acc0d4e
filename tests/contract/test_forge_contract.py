"""What every forge promises: the one in memory, GitHub and GitLab keep the same contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from worlds import Checked, InMemory, OnGitLab, OnTheLoopback, World, ended

from mlci.errors import ArtifactRefused, MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Check, Status

NOWHERE = "0123456789" * 4


@pytest.fixture(name="world", params=["memory", "github", "gitlab"])
def _world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "gitlab":
        return OnGitLab(request.getfixturevalue("gitlab"), tmp_path / "checkout")
    return InMemory() if request.param == "memory" else OnTheLoopback(request.getfixturevalue("github"))


@pytest.fixture(name="checked", params=["memory", "github"])
def _checked(request: pytest.FixtureRequest) -> Checked:
    """A forge with check runs, and with runs that the end of another starts."""
    return InMemory() if request.param == "memory" else OnTheLoopback(request.getfixturevalue("github"))


def check(**different: Any) -> Check:
    told: dict[str, Any] = {"name": "mlci report", "external_id": "mlci:7:", "conclusion": "success"}
    return Check(**{**told, "title": "pass", "summary": "fine", "url": "https://forge.invalid/7", **different})


# The conversation.


def test_a_comment_is_found_again_edited_and_removed(world: World) -> None:
    talk = world.conversation
    made = talk.add_comment(1, "first ☃")
    assert [(one.id, one.body, one.mine) for one in talk.comments(1)] == [(made.id, "first ☃", True)]
    assert talk.edit_comment(1, made.id, "second").id == made.id
    assert [one.body for one in talk.comments(1)] == ["second"]
    talk.remove_comment(1, made.id)
    assert list(talk.comments(1)) == []
    talk.remove_comment(1, made.id)


def test_comments_of_others_are_not_ours_and_all_of_them_are_read_oldest_first(world: World) -> None:
    for number in range(230):
        world.say(1, f"comment {number}")
    ours = world.conversation.add_comment(1, "ours")
    world.say(2, "on another change")
    found = world.conversation.comments(1)
    assert [one.body for one in found] == [*(f"comment {number}" for number in range(230)), "ours"]
    assert [one.id for one in found if one.mine] == [ours.id]
    assert len({one.url for one in found}) == 231


def test_a_comment_that_is_gone_cannot_be_edited_and_one_too_long_is_refused(world: World) -> None:
    made = world.conversation.add_comment(1, "here")
    world.conversation.remove_comment(1, made.id)
    with pytest.raises(ServiceRefused):
        world.conversation.edit_comment(1, made.id, "there")
    with pytest.raises(ServiceRefused):
        world.conversation.add_comment(1, "x" * (world.traits.longest_comment + 1))


# Threads.


def test_a_thread_is_found_again_edited_resolved_and_opened_again(world: World) -> None:
    if world.threads is None:
        pytest.skip("this forge has no threads that hold a merge back")
    threads = world.threads
    world.say(1, "a comment is no thread")
    made = threads.open_thread(1, "first ☃")
    other = threads.open_thread(1, "another")
    assert [(one.id, one.body, one.mine, one.resolved) for one in threads.threads(1)] == [
        (made.id, "first ☃", True, False),
        (other.id, "another", True, False),
    ]
    threads.edit_thread(1, made.id, "second", resolved=True)
    assert [(one.body, one.resolved) for one in threads.threads(1)] == [("second", True), ("another", False)]
    threads.edit_thread(1, made.id, "third", resolved=False)
    assert [(one.body, one.resolved) for one in threads.threads(1)] == [("third", False), ("another", False)]
    assert list(threads.threads(2)) == []
    with pytest.raises(ServiceRefused):
        threads.edit_thread(1, "f" * 40, "nothing", resolved=True)


# Commits.


def test_a_file_is_read_as_its_commit_has_it(world: World) -> None:
    content = bytes(range(256)) * 3
    first = world.commit({"mlci.yml": b"model: a\n", "a folder/ü #?%25.bin": content})
    second = world.commit({"mlci.yml": b"model: b\n"}, first)
    assert world.commits.file("mlci.yml", first) == b"model: a\n"
    assert world.commits.file("mlci.yml", second) == b"model: b\n"
    assert world.commits.file("a folder/ü #?%25.bin", second) == content
    assert world.commits.file("missing.yml", second) is None


def test_a_commit_that_is_not_there_is_not_taken_for_one_without_the_file(world: World) -> None:
    with pytest.raises(ServiceFailed):
        world.commits.file("mlci.yml", NOWHERE)


@pytest.mark.parametrize("path", ["folder", "../secret", "folder/../folder/a", "/folder/a", "folder//a", ""])
def test_what_is_no_file_of_the_commit_is_refused(world: World, path: str) -> None:
    commit = world.commit({"folder/a": b"1"})
    if path == "folder" and not world.traits.tells_folders:
        assert world.commits.file(path, commit) is None
        return
    with pytest.raises(ServiceFailed):
        world.commits.file(path, commit)


def test_changed_files_are_those_since_the_branches_parted(world: World) -> None:
    root = world.commit({"kept": b"1", "old": b"1" * 900, "gone": b"1", "edited": b"1"})
    base = world.commit({"on the base": b"1"}, root)
    head = world.commit({"old": None, "new": b"1" * 900, "gone": None, "edited": b"2"}, root)
    found = world.commits.changed_files(base, head)
    assert set(found.paths) == {"old", "new", "gone", "edited"}
    assert len(found.paths) == 4
    assert found.complete


def test_a_list_of_changed_files_that_the_forge_cut_is_not_complete(world: World) -> None:
    root = world.commit({"kept": b"1"})
    most = world.commit({f"file-{number:03}": b"1" for number in range(299)}, root)
    more = world.commit({f"file-{number:03}": b"1" for number in range(301)}, root)
    assert world.commits.changed_files(root, most).complete
    cut = world.commits.changed_files(root, more)
    assert len(cut.paths) == (world.traits.most_files or 301)
    assert cut.complete is (world.traits.most_files is None)


def test_commits_that_cannot_be_compared_give_a_list_that_is_not_complete(world: World) -> None:
    found = world.commits.changed_files(NOWHERE, world.commit({"a": b"1"}))
    assert (found.paths, found.complete) == ((), False)


def test_the_newest_status_of_a_name_holds_and_its_description_is_short(world: World) -> None:
    commit = world.commit({"a": b"1"})
    for state in ("pending", "failure", "success"):
        world.commits.set_status(commit, Status(context="mlci/gate", state=state, description=state, url="https://a.b"))
    world.commits.set_status(
        commit, Status(context="mlci/other", state="error", description="é" * 200, url="https://a.b")
    )
    states = world.states(commit)
    assert states["mlci/gate"] == ("success", "success", "https://a.b")
    assert states["mlci/other"][0] == world.traits.error
    assert 130 < len(states["mlci/other"][1]) <= 140


def test_the_status_that_is_read_is_the_newest_of_its_name_whatever_its_case(world: World) -> None:
    commit = world.commit({"a": b"1"})
    assert world.commits.status(commit, "mlci/gate") is None
    set_ = [("mlci/gate", "pending"), ("MLCI/Gate", "failure"), ("mlci/gate/churn", "success"), ("mlci", "error")]
    for number, (context, state) in enumerate(set_):
        made = Status(context=context, state=state, description=state, url=f"https://a.b/{number}")  # type: ignore[arg-type]
        world.commits.set_status(commit, made)
    found = world.commits.status(commit, "mlci/GATE" if world.traits.folds_case else "MLCI/Gate")
    assert found is not None
    assert (found.state, found.description, found.url) == ("failure", "failure", "https://a.b/1")
    assert world.commits.status(commit, "mlci/gat") is None
    assert world.commits.status(world.commit({"a": b"2"}), "mlci/gate") is None


def test_the_tip_of_a_branch_is_its_newest_commit(world: World) -> None:
    for branch in ("release/1.x", "ü/#%25", "main"):
        first = world.push(branch, {"a": b"1"})
        assert world.commits.tip(branch) == first
        assert world.commits.tip(branch) != world.push(branch, {"a": b"2"})


@pytest.mark.parametrize("branch", ["release", "nothing/there", "f" * 40])
def test_a_branch_that_is_not_there_has_no_tip(world: World, branch: str) -> None:
    world.push("release/1.x", {"a": b"1"})
    with pytest.raises(MlciError) as refused:
        world.commits.tip(branch)
    assert int(refused.value.exit) == 4


def test_a_check_run_is_updated_where_name_and_external_id_are_the_same(checked: Checked) -> None:
    commit = checked.commit({"a": b"1"})
    checked.commits.set_check(commit, check())
    checked.commits.set_check(commit, check(conclusion="failure", summary="worse"))
    checked.commits.set_check(commit, check(external_id="mlci:8:", conclusion="neutral"))
    assert sorted(checked.checks(commit)) == [
        ("mlci report", "mlci:7:", "failure", "worse"),
        ("mlci report", "mlci:8:", "neutral", "fine"),
    ]


def test_no_status_is_set_on_a_commit_that_is_not_there(world: World) -> None:
    with pytest.raises(ServiceRefused):
        world.commits.set_status(NOWHERE, Status(context="c", state="success", description="d", url="https://a.b"))


# Runs.


def test_artifacts_of_a_branch_come_newest_run_first_whatever_was_uploaded_last(world: World) -> None:
    for run in (40, 42, 41):
        world.leave("mlci-gate", b"%d" % run, run=run)
    world.leave("mlci-gate", b"40 again", run=40)
    found = list(world.runs.artifacts_of_branch("mlci-gate", "main"))
    listed = [(one.run, world.runs.content(one, 100)) for one in found]
    earlier = [(40, b"40")] if world.traits.keeps_attempts else []
    assert listed == [(42, b"42"), (41, b"41"), (40, b"40 again"), *earlier]


def test_artifacts_of_changes_forks_other_branches_and_other_names_are_not_the_branchs(world: World) -> None:
    world.leave("mlci-gate", b"good", run=1)
    world.leave("mlci-gate", b"of a fork that calls its branch main", run=2, fork=True)
    world.leave("mlci-gate", b"of a change", run=3, event="pull_request")
    world.leave("mlci-gate", b"of a workflow_run", run=4, event="workflow_run")
    world.leave("mlci-gate", b"of a branch", run=5, branch="feature")
    world.leave("mlci-gate-other", b"of another model", run=6)
    world.leave("mlci-gate", b"expired", run=7, expired=True)
    world.leave("mlci-gate", b"by a person", run=8, event="workflow_dispatch")
    world.leave("mlci-gate", b"by the clock", run=9, event="schedule")
    listed = list(world.runs.artifacts_of_branch("mlci-gate", "main"))
    assert [one.expired for one in listed] == [False, False, True, False]
    found = [world.runs.content(one, 100) for one in listed if not one.expired]
    assert found == [b"by the clock", b"by a person", b"good"]
    assert list(world.runs.artifacts_of_branch("nothing", "main")) == []


def test_what_runs_for_changes_left_is_listed_newest_first_and_once_for_each_run(world: World) -> None:
    for run, text in ((3, b"of a change"), (5, b"first"), (4, b"of another")):
        world.leave("mlci-gate", text, run=run, event="pull_request", branch="feature")
    world.leave("mlci-gate", b"second", run=5, event="pull_request", branch="feature")
    world.leave("mlci-gate", b"expired", run=6, event="pull_request", branch="feature", expired=True)
    world.leave("mlci-gate-other", b"of another model", run=7, event="pull_request", branch="feature")
    listed = [(one.run, world.runs.content(one, 100)) for one in world.runs.artifacts_of_runs("mlci-gate")]
    assert sorted(listed) == [(3, b"of a change"), (4, b"of another"), (5, b"second")]
    assert listed[0] == (5, b"second")
    assert list(world.runs.artifacts_of_runs("nothing")) == []


def test_the_last_artifact_of_one_run_is_found_by_its_exact_name(world: World) -> None:
    world.leave("mlci-gate", b"first", run=5, event="pull_request")
    world.leave("mlci-gate", b"second", run=5)
    if world.traits.keeps_attempts:
        world.leave("mlci-gate", b"expired", run=5, expired=True)
    world.leave("mlci-gate-b", b"other", run=5)
    world.leave("mlci-gate", b"of another run", run=6)
    found = world.runs.artifact_of_run("mlci-gate", 5)
    assert found is not None
    assert (found.run, world.runs.content(found, 6)) == (5, b"second")
    assert world.runs.artifact_of_run("mlci", 5) is None


def test_what_was_left_for_a_commit_is_the_newest_of_a_run_of_this_repository_for_exactly_that_commit(
    world: World,
) -> None:
    head, other = world.commit({"train.py": b"2"}), world.commit({"train.py": b"3"})
    for run, text in ((5, b"older"), (7, b"first"), (7, b"of this commit")):
        world.leave("mlci-gate", text, run=run, event="pull_request", branch="feature", head=head)
    world.leave("mlci-gate", b"expired", run=8, event="pull_request", branch="feature", head=head, expired=True)
    world.leave("mlci-gate", b"of another commit", run=9, event="pull_request", branch="feature", head=other)
    world.leave("mlci-gate-b", b"of another name", run=10, event="pull_request", branch="feature", head=head)
    world.leave("mlci-gate", b"by a person, with inputs of their own", run=11, event="workflow_dispatch", head=head)
    world.leave("mlci-gate", b"of a fork", run=12, event="pull_request", branch="feature", fork=True, head=head)
    found = world.runs.artifact_of_commit("mlci-gate", head)
    assert found is not None
    assert (found.run, world.runs.content(found, 100)) == (7, b"of this commit")
    assert world.runs.artifact_of_commit("mlci", head) is None
    assert world.runs.artifact_of_commit("mlci-gate", world.commit({"train.py": b"4"})) is None


def test_an_artifact_that_is_too_large_or_not_what_the_forge_says_is_refused(world: World) -> None:
    world.leave("large", b"12345", run=5)
    large = world.runs.artifact_of_run("large", 5)
    assert large is not None
    with pytest.raises(ArtifactRefused):
        world.runs.content(large, 4)
    if not world.traits.has_digests:
        return
    world.leave("changed", b"12345", run=5, digest="0" * 64)
    changed = world.runs.artifact_of_run("changed", 5)
    assert changed is not None
    with pytest.raises(ArtifactRefused):
        world.runs.content(changed, 100)


@pytest.mark.parametrize("fork", [False, True])
def test_the_changes_of_a_run_are_those_whose_head_is_its_commit(checked: Checked, fork: bool) -> None:
    change, run = checked.proposed(fork=fork)
    assert list(checked.runs.changes_of(run)) == [change]
    elsewhere = ended(checked.commit({"a": b"3"}), run.head_branch, run.head_repository)
    assert list(checked.runs.changes_of(elsewhere)) == []


def test_the_changes_of_a_run_are_found_where_its_repository_is_gone(checked: Checked) -> None:
    change, run = checked.proposed(fork=False)
    assert list(checked.runs.changes_of(ended(run.head, "", None))) == [change]
