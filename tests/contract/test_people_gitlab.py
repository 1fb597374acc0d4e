"""People on GitLab: what it tells less of than GitHub, what is tried against it, and what a token may not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from peoples import GATE, PeopleOfGitLab
from worlds import impatient

from mlci.adapters.gitlab.api import connect
from mlci.adapters.gitlab.commits import GitLabCommits, Reads
from mlci.adapters.gitlab.run import here, read_run
from mlci.domain.release.command import command_for
from mlci.domain.release.people import Person
from mlci.errors import CannotTell
from mlci.ports import State, Status

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab

DIGEST = "0123456789abcdef" * 4


@pytest.fixture(name="world")
def _world(gitlab: GitLab) -> PeopleOfGitLab:
    return PeopleOfGitLab(gitlab)


def agreed(world: PeopleOfGitLab) -> list[tuple[str, str | None]]:
    found = world.people.words(world.people.proposal(1))
    return [(each.person.login, each.commit) for each in found if each.agrees]


def pushers(world: PeopleOfGitLab) -> set[str] | None:
    found = world.people.proposal(1).pushers
    return None if found is None else {each.login for each in found}


# Approvals.


@pytest.mark.parametrize("newer", [True, False], ids=["says-when", "by-its-note"])
def test_an_approval_that_outlived_a_push_is_of_the_commit_before(world: PeopleOfGitLab, newer: bool) -> None:
    world.gitlab.state.says_when_approved = newer
    world.project.approvals["reset_approvals_on_push"] = False
    first = world.head()
    world.approve("bob")
    second = world.push("alice")
    assert agreed(world) == [("bob", first)]
    world.gitlab.unapprove(1, "bob")
    assert agreed(world) == []
    world.approve("bob")
    assert agreed(world) == [("bob", second)]


def test_a_note_that_only_reads_as_an_approval_tells_no_time(world: PeopleOfGitLab) -> None:
    world.gitlab.state.says_when_approved = False
    world.project.approvals["reset_approvals_on_push"] = False
    note = world.gitlab.approve(1, "bob")
    del world.project.notes[note.id]
    world.push("alice")
    world.say("bob", "approved this merge request")
    with pytest.raises(CannotTell, match=r"whether a push takes approvals away cannot be read") as error:
        agreed(world)
    assert "Maintainer" in str(error.value.help)
    world.people = world.asked_with(world.gitlab.token(role="maintainer"))
    with pytest.raises(CannotTell, match=r"does not say when @bob approved !1, and approvals outlive a push") as error:
        agreed(world)
    assert "let approvals be removed when a commit is added" in str(error.value.help)
    world.project.approvals["reset_approvals_on_push"] = True
    (word,) = world.people.words(world.people.proposal(1))
    # It is of this commit, and of no time: what it was given for is not known.
    assert (word.commit, word.at) == (world.head(), None)


def test_the_last_note_of_an_approval_is_that_of_the_one_that_stands(world: PeopleOfGitLab) -> None:
    world.gitlab.state.says_when_approved = False
    first = world.head()
    world.approve("bob")
    assert agreed(world) == [("bob", first)]
    second = world.push("alice")
    assert agreed(world) == []
    world.approve("bob")
    assert agreed(world) == [("bob", second)]


# Who made a change.


def test_who_pushed_along_a_chain_and_whose_commits_they_are(world: PeopleOfGitLab) -> None:
    world.gitlab.email("dave")
    world.gitlab.commit({"other.py": ""}, "another", pushed_by="erin")
    world.push("bob", by="dave")
    world.push("alice")
    assert pushers(world) == {"alice", "bob", "dave"}


@pytest.mark.parametrize("page", [1, 2])
def test_the_last_push_is_found_among_many(world: PeopleOfGitLab, page: int) -> None:
    world.push("bob")
    for number in range(60 * page):
        world.project.pushes.append(type(world.project.pushes[0])(
            world.gitlab.state.next_id(), world.gitlab.state.user("erin"), "another", None, f"{number:040x}",
            world.gitlab.state.now(),
        ))  # fmt: skip
    assert pushers(world) == {"alice", "bob"}


def test_a_push_of_the_same_commit_to_another_branch_is_not_the_push(world: PeopleOfGitLab) -> None:
    head = world.gitlab.commit({"train.py": "new\n"}, "feature", pushed_by="bob", along=True)
    world.project.pushes.append(type(world.project.pushes[0])(
        world.gitlab.state.next_id(), world.gitlab.state.user("carol"), "elsewhere", None, head,
        world.gitlab.state.now(),
    ))  # fmt: skip
    found = world.people.proposal(1)
    assert found.pushers is None
    assert "GitLab lists no push of" in str(found.why)


def test_without_whose_the_commits_are_nobody_is_told_from_their_maker(world: PeopleOfGitLab) -> None:
    world.gitlab.state.graphql = False
    found = world.people.proposal(1)
    assert found.pushers is None
    assert "who wrote and pushed !1 cannot be read" in str(found.why)


def test_a_fork_that_the_token_may_not_see_has_no_known_pushers(world: PeopleOfGitLab) -> None:
    world.gitlab.add_project("mallory/churn", fork_of=world.project.path)
    world.gitlab.commit({"train.py": "x\n"}, "topic", project="mallory/churn", pushed_by="mallory")
    world.gitlab.open_merge_request("topic", fork="mallory/churn", author="mallory")
    found = world.people.proposal(2)
    assert (found.fork, found.pushers) == (True, None)
    assert "cannot be read" in str(found.why)


def test_a_change_is_of_a_commit_only_where_its_merge_made_it(world: PeopleOfGitLab) -> None:
    contained = world.head()
    world.push("alice")
    merged = world.merge()
    assert list(world.people.proposals_of(contained)) == []
    assert [each.number for each in world.people.proposals_of(merged)] == [1]
    tip = world.gitlab.commit({"train.py": "three\n"}, "main", pushed_by="mallory")
    world.gitlab.commit({"train.py": "three\n", "more.py": ""}, "later", parent=tip)
    world.gitlab.open_merge_request("later", author="mallory")
    assert world.gitlab.merge(2)[0] == 200
    assert list(world.people.proposals_of(tip)) == []
    world.gitlab.commit({"x.py": ""}, "release")
    world.gitlab.open_merge_request("later", target="release", author="mallory")
    assert world.people.proposals_of(world.project.tip("main") or "")[0].number == 2


# Members, groups and bots.


def test_a_member_of_the_group_above_is_not_a_member_of_the_group(world: PeopleOfGitLab) -> None:
    ours = world.gitlab.state.tokens[world.token].user.username
    world.gitlab.add_group("group", {"carol": "owner"})
    world.gitlab.add_group("group/risk", {ours: "guest", "bob": "guest"})
    bob, carol = world.people.person("bob"), world.people.person("carol")
    assert bob is not None
    assert carol is not None
    assert world.people.may_approve(bob, "@group/risk")
    assert not world.people.may_approve(carol, "@group/risk")
    assert world.people.may_approve(carol, None)


def test_a_group_that_the_token_may_not_see_cannot_be_told_from_one_without_members(world: PeopleOfGitLab) -> None:
    world.gitlab.add_group("secret/risk", {"bob": "owner"})
    bob = world.people.person("bob")
    assert bob is not None
    with pytest.raises(CannotTell, match="the group @secret/risk cannot be read") as error:
        world.people.may_approve(bob, "@secret/risk")
    assert "invite it there as a Guest" in str(error.value.help)
    with pytest.raises(CannotTell, match="cannot be a group"):
        world.people.may_approve(bob, "@../../user")


def test_the_token_of_a_project_is_a_bot_even_where_its_name_is_not_one(world: PeopleOfGitLab) -> None:
    ours = world.gitlab.state.tokens[world.token].user.username
    assert ours.startswith("project_")
    world.say(ours, command_for(DIGEST), bot=True)
    world.say("deploy-service", command_for(DIGEST), bot=True)
    world.say("bob", command_for(DIGEST))
    found = world.people.words(world.people.proposal(1))
    assert [(each.person.login, each.person.human) for each in found] == [
        (ours, False), ("deploy-service", False), ("bob", True),
    ]  # fmt: skip


def test_a_name_that_somebody_else_has_now_is_somebody_else(world: PeopleOfGitLab) -> None:
    bob = world.people.person("bob")
    assert bob is not None
    world.rename("bob", "robert")
    world.gitlab.user("bob", "developer")
    other = world.people.person("bob")
    assert other is not None
    assert not world.people.may_approve(other, f"bob#{bob.id}")
    assert world.people.may_approve(Person(id=bob.id, login="robert"), f"bob#{bob.id}")


# Deployments and manual jobs.


def test_a_deployment_is_approved_by_whoever_did_not_start_the_pipeline(world: PeopleOfGitLab) -> None:
    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline("push", "main", user="carol")
    job = gitlab.add_job(pipeline, "mlci-promote")
    other = gitlab.add_job(gitlab.add_pipeline("push", "main", user="carol"), "mlci-promote")
    deployment = gitlab.deploy(job, "production")
    gitlab.approve_deployment(deployment, "carol")
    gitlab.approve_deployment(deployment, "bob")
    gitlab.approve_deployment(deployment, "alice", "rejected")
    gitlab.approve_deployment(gitlab.deploy(other, "production"), "bob")
    found = world.people.words_of_run(pipeline.id)
    assert [(each.person.login, each.agrees, each.where, each.run, each.environment) for each in found] == [
        ("bob", True, "deployment", pipeline.id, "production"),
        ("alice", False, "deployment", pipeline.id, "production"),
    ]  # fmt: skip
    assert all(each.at and each.commit == pipeline.sha for each in found)


def test_the_deployments_of_a_pipeline_are_found_on_every_page(world: PeopleOfGitLab) -> None:
    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline("push", "main", user="carol")
    gitlab.approve_deployment(gitlab.deploy(gitlab.add_job(pipeline, "mlci-promote"), "production"), "bob")
    later = gitlab.add_job(gitlab.add_pipeline("push", "main", user="carol"), "other")
    for _ in range(110):
        gitlab.deploy(later, "review", "success")
    assert [each.person.login for each in world.people.words_of_run(pipeline.id)] == ["bob"]


def test_who_played_the_manual_job_approves(world: PeopleOfGitLab) -> None:
    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline(merge_request=gitlab.merge_request(1))
    job = gitlab.add_job(pipeline, "mlci-approve", status="manual", manual=True)
    assert list(world.people.words_of_run(pipeline.id)) == []
    gitlab.play(job, "bob")
    (word,) = world.people.words_of_run(pipeline.id)
    assert (word.person.login, word.agrees, word.where, word.run) == ("bob", True, "job", pipeline.id)


@pytest.mark.parametrize("event", ["detached", "merged_result"])
def test_who_played_it_in_a_pipeline_of_the_change_has_said_so_of_that_commit(
    world: PeopleOfGitLab, event: str
) -> None:
    gitlab, first = world.gitlab, world.head()
    pipeline = gitlab.add_pipeline(merge_request=gitlab.merge_request(1), event=event)
    gitlab.play(gitlab.add_job(pipeline, "mlci-approve", status="manual", manual=True), "bob")
    (word,) = world.people.words(world.people.proposal(1))
    assert (word.person.login, word.where, word.commit, word.run) == ("bob", "job", first, None)
    world.push("alice")
    assert agreed(world) == []


def test_a_job_that_was_played_in_a_fork_is_no_word_here(world: PeopleOfGitLab) -> None:
    gitlab = world.gitlab
    fork = gitlab.add_project("mallory/churn", fork_of=world.project.path, visibility="public")
    gitlab.commit({"train.py": "x\n"}, "topic", project="mallory/churn", pushed_by="mallory")
    change = gitlab.open_merge_request("topic", fork="mallory/churn", author="mallory")
    pipeline = gitlab.add_pipeline(merge_request=change)
    assert pipeline.project is fork
    gitlab.play(gitlab.add_job(pipeline, "mlci-approve", status="manual", manual=True), "bob")
    assert list(world.people.words(world.people.proposal(2))) == []


@pytest.mark.parametrize("kind", ["automatic", "delayed", "other name", "run again"])
def test_a_job_that_nobody_played_to_approve_is_no_approval(world: PeopleOfGitLab, kind: str) -> None:
    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline(merge_request=gitlab.merge_request(1))
    name = "train" if kind == "other name" else "mlci-approve"
    manual, delayed = kind in ("other name", "run again"), kind == "delayed"
    if kind == "run again":
        gitlab.add_job(pipeline, name, status="failed", manual=True)
    job = gitlab.add_job(pipeline, name, manual=manual, delayed=delayed)
    gitlab.play(job, "bob")
    found = world.people.words_of_run(pipeline.id)
    assert [each.person.login for each in found] == (["alice"] if kind == "run again" else [])


# Statuses.


def test_what_an_open_status_of_somebody_else_said_before_is_not_known(world: PeopleOfGitLab) -> None:
    gitlab = world.gitlab
    theirs = gitlab.token(user="erin", role="developer")
    world.set_status("waits [gate 0123456789ab]", "pending", theirs)
    world.approve("bob")
    world.set_status("pass [gate ba9876543210]", "success", theirs)
    (said,) = world.people.said(world.head(), GATE)
    assert said.description == "pass [gate ba9876543210]"
    (word,) = world.people.words(world.people.proposal(1))
    assert (word.at or "") < said.at


@pytest.mark.parametrize("after", ["same", "another"])
def test_a_status_of_ours_that_waits_keeps_what_it_said_when_it_is_moved_on(world: PeopleOfGitLab, after: str) -> None:
    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline(merge_request=gitlab.merge_request(1))
    environ = gitlab.environ(gitlab.add_job(pipeline, "gate"), token=world.token)
    access = connect(environ, clock=impatient())
    run = read_run(environ, Reads(access, world.project.id).tip)
    assert run is not None
    commits = GitLabCommits(access, here(environ), run, environ)

    def say(state: State, description: str) -> None:
        commits.set_status(world.head(), Status(context=GATE, state=state, description=description, url=run_page))

    run_page = "https://gitlab.example/7"
    say("pending", "waits [gate 0123456789ab]")
    world.approve("bob")
    last = "pass [gate 0123456789ab]" if after == "same" else "pass [gate ba9876543210]"
    say("success", last)
    said = world.people.said(world.head(), GATE)
    (word,) = world.people.words(world.people.proposal(1))
    then = [each.description for each in said if each.at <= (word.at or "")]
    # What the approval was given for is the verdict that stood there, never the one that came after.
    assert then == (["pass [gate 0123456789ab]"] if after == "same" else ["waits [gate 0123456789ab]"])
    assert said[-1].description == last


def test_a_status_on_a_merge_that_was_tried_belongs_to_the_head_that_was_merged(world: PeopleOfGitLab) -> None:
    import requests

    gitlab = world.gitlab
    pipeline = gitlab.add_pipeline(merge_request=gitlab.merge_request(1), event="merged_result")
    body = {"state": "success", "name": GATE, "description": "pass [gate 0123456789ab]", "pipeline_id": pipeline.id}
    at = f"{gitlab.url}/projects/{world.project.id}/statuses/{pipeline.sha}"
    requests.post(at, json=body, headers={"PRIVATE-TOKEN": world.token}, timeout=10).raise_for_status()
    assert [each.description for each in world.people.said(world.head(), GATE)] == ["pass [gate 0123456789ab]"]
    world.push("alice")
    assert list(world.people.said(world.head(), GATE)) == []


# What a token may not read.


@pytest.mark.parametrize("ask", ["words", "said", "member", "run", "proposal"])
def test_without_a_token_of_the_project_nothing_is_told_and_the_token_is_named(world: PeopleOfGitLab, ask: str) -> None:
    gitlab = world.gitlab
    proposal = world.people.proposal(1)
    job = gitlab.add_job(gitlab.add_pipeline("push", "main"), "mlci-approve")
    people = world.asked_with(None, CI_JOB_TOKEN=gitlab.job_token(job))
    asked = {
        "words": lambda: people.words(proposal),
        "said": lambda: people.said(world.head(), GATE),
        "member": lambda: people.may_approve(proposal.author, None),
        "run": lambda: people.words_of_run(job.pipeline.id),
        "proposal": lambda: people.proposal(1),
    }
    with pytest.raises(CannotTell, match="cannot be read") as error:
        asked[ask]()
    assert "set MLCI_TOKEN" in str(error.value.help)


def test_a_token_of_another_scope_is_told_which_it_needs(world: PeopleOfGitLab) -> None:
    world.people = world.asked_with(world.gitlab.token(scopes=("read_repository",)))
    with pytest.raises(CannotTell) as error:
        world.people.proposal(1)
    assert "scope read_api or api" in str(error.value.help)
    world.people = world.asked_with(world.gitlab.token(scopes=("read_api",), role="reporter"))
    world.approve("bob")
    assert agreed(world) == [("bob", world.head())]
