"""Who made a pull request, what was said on it and who may say it, by GitHub's own word and no guess."""

from __future__ import annotations

import pytest
from forge.fixtures import github  # noqa: F401 - a fixture

from mlci.adapters.github.api import connect
from mlci.adapters.github.people import GitHubPeople
from mlci.domain.release.people import Person
from mlci.errors import CannotTell, UsageError

DIGEST = "a" * 64
LINE = f"/mlci approve sha256:{DIGEST}"
READING = {"pull-requests": "read", "contents": "read", "actions": "read", "statuses": "read"}


@pytest.fixture
def opened(github):  # noqa: F811
    github.add_repository(files={"train.py": "first\n"})
    github.commit({"train.py": "second\n"}, "feature", author="alice")
    return github.open_pull_request("feature", author="alice")


def people(github, **more):  # noqa: F811
    token = github.token(permissions={**READING, **more})
    return GitHubPeople(connect({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token}), github.repository().name)


def test_a_proposal_names_author_writers_and_pushers_by_their_numbers(github, opened):  # noqa: F811
    github.commit({"train.py": "third\n"}, "feature", author="bob", committer="carol", pusher="dave")

    found = people(github).proposal(opened.number)

    assert found.author.id == github.state.account("alice").id
    assert {person.login for person in found.pushers} == {"alice", "bob", "carol", "dave"}
    assert (found.head, found.base_branch) == (github.repository().tip("feature"), "main")
    assert (found.fork, found.merged) == (False, False)
    assert found.page.endswith("/pull/1")


def test_whoever_pushed_what_was_then_overwritten_has_pushed(github, opened):  # noqa: F811
    root = github.repository().tip("main")
    github.commit({"train.py": "bad\n"}, "feature", author="mallory")
    github.commit({"train.py": "good\n"}, "feature", author="alice", parent=root)

    assert "mallory" in {person.login for person in people(github).proposal(1).pushers}


def test_who_pushed_is_not_known_where_github_does_not_say(github, opened):  # noqa: F811
    github.repository().activity.clear()
    found = people(github).proposal(1)
    assert found.pushers is None
    assert "who pushed the newest commit" in found.why


def test_an_address_of_no_account_hides_nobody_who_pushed(github, opened):  # noqa: F811
    github.commit({"train.py": "third\n"}, "feature", author=None, pusher="mallory")
    assert "mallory" in {person.login for person in people(github).proposal(1).pushers}


def test_more_commits_than_github_lists_leave_open_who_wrote_them(github, opened, monkeypatch):  # noqa: F811
    monkeypatch.setattr("mlci.adapters.github.people._MOST_COMMITS", 5)
    for number in range(4):
        github.commit({"train.py": f"{number}\n"}, "feature", author="alice")
    found = people(github).proposal(1)
    assert found.pushers is None
    assert "lists 5 commits" in found.why


def test_pushes_to_a_fork_that_cannot_be_read_are_not_known(github, opened):  # noqa: F811
    github.add_repository("stranger/repository", fork_of=github.repository().name)
    github.commit({"train.py": "x\n"}, "theirs", repository="stranger/repository", author="stranger")
    github.open_pull_request("theirs", fork="stranger/repository", author="stranger")
    assert people(github).proposal(2).fork
    token = github.token(permissions=READING, repositories=[github.repository().name])
    asking = GitHubPeople(connect({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token}), github.repository().name)
    assert asking.proposal(2).pushers is None


def test_a_proposal_that_does_not_exist_is_said(github, opened):  # noqa: F811
    with pytest.raises(UsageError, match="no pull request 9"):
        people(github).proposal(9)


def test_reviews_and_commands_are_read_to_the_last_page_oldest_first(github, opened):  # noqa: F811
    for number in range(101):
        github.add_comment(1, f"remark {number}", "talker")
        github.review(1, f"r{number}", "COMMENTED")
    github.review(1, "bob")
    github.add_comment(1, f"{LINE}\n", "carol")
    github.review(1, "dave", "CHANGES_REQUESTED")

    found = people(github).words(people(github).proposal(1))

    assert [(word.person.login, word.agrees, word.where) for word in found] == [
        ("bob", True, "review"), ("carol", True, "comment"), ("dave", False, "review"),
    ]  # fmt: skip
    assert (found[0].commit, found[1].digest) == (github.pull(1).head_sha, DIGEST)
    assert all(word.at and word.page for word in found)


def test_an_edited_comment_a_bot_an_app_and_a_dismissed_review_are_told_from_others(github, opened):  # noqa: F811
    edited = github.add_comment(1, "hello", "alice")
    edited.body, edited.updated_at = LINE, github.state.now()
    github.add_comment(1, LINE, "robot[bot]")
    github.add_comment(1, LINE, "github-actions[bot]")
    acting = github.add_comment(1, LINE, "bob")
    acting.app = 77
    github.review(1, "carol").state = "DISMISSED"

    found = people(github).words(people(github).proposal(1))

    assert [(word.edited, word.person.human, word.agrees) for word in found] == [
        (True, True, True), (False, False, True), (False, False, True), (False, False, True), (False, True, None),
    ]  # fmt: skip


@pytest.mark.parametrize("body", [f"> {LINE}", f"```\n{LINE}\n```", f"please {LINE}", f"    {LINE}", "lgtm"])
def test_a_quoted_or_fenced_command_is_none(github, opened, body):  # noqa: F811
    github.add_comment(1, body, "bob")
    assert people(github).words(people(github).proposal(1)) == ()


def test_an_environment_is_approved_by_those_who_did_and_by_nobody_where_it_was_passed_by(github, opened):  # noqa: F811
    run, other = github.add_run(), github.add_run()
    run.approvals += [("bob", "approved", "production"), ("carol", "rejected", "gpu"), ("dave", "pending", "gpu")]

    found = people(github).words_of_run(run.id)

    assert [(word.person.login, word.agrees, word.environment, word.run, word.at) for word in found] == [
        ("bob", True, "production", run.id, None), ("carol", False, "gpu", run.id, None),
    ]  # fmt: skip
    assert people(github).words_of_run(other.id) == ()


def test_a_status_is_followed_through_its_history(github, opened):  # noqa: F811
    token, sha = github.token(), opened.head_sha
    asked = connect({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token})
    for number in range(110):
        context = "mlci/gate/churn" if number % 2 else "other"
        body = {"state": "success", "context": context, "description": f"number {number}", "target_url": ""}
        asked.post(f"/repos/{github.repository().name}/statuses/{sha}", body)
    found = people(github).said(sha, "mlci/gate/CHURN")
    assert [said.description for said in found] == [f"number {number}" for number in range(1, 110, 2)]
    assert [said.at for said in found] == sorted(said.at for said in found)


def test_who_may_write_is_asked_of_github_and_compared_by_number(github, opened):  # noqa: F811
    github.repository().roles |= {"bob": "write", "carol": "read", "dave": "maintain", "erin": "triage"}
    asked, known = people(github), github.state.account
    may = {name: asked.may_approve(Person(id=known(name).id, login=name), None) for name in ("bob", "carol", "dave",
           "erin")}  # fmt: skip
    assert may == {"bob": True, "carol": False, "dave": True, "erin": False}
    assert not asked.may_approve(Person(id=1, login="bob"), None)
    assert not asked.may_approve(Person(id=2, login="nobody"), None)


def test_a_login_is_who_has_it_now_and_a_number_stays_with_the_person(github, opened):  # noqa: F811
    bob = github.state.account("bob").id
    github.rename("bob", "robert")
    taken = github.state.account("bob")
    asked = people(github)
    assert asked.may_approve(Person(id=bob, login="robert"), f"bob#{bob}")
    assert not asked.may_approve(Person(id=taken.id, login="bob"), f"bob#{bob}")
    assert not asked.may_approve(Person(id=bob, login="robert"), "bob")
    # A word that was read before the account was renamed.
    assert not asked.may_approve(Person(id=bob, login="bob"), "bob")
    # The name alone is not enough: anybody may take one that became free.
    assert not asked.may_approve(Person(id=taken.id, login="BOB"), "@bob")
    github.repository().roles["bob"] = "write"
    assert people(github).may_approve(Person(id=taken.id, login="BOB"), "@bob")
    assert asked.person("bob").id == taken.id
    assert asked.person("never") is None


def test_a_member_of_a_team_may_and_one_who_is_only_invited_may_not(github, opened):  # noqa: F811
    github.state.teams["acme", "ml-risk"] = {"bob": "active", "carol": "pending"}
    asked, known = people(github, members="read"), github.state.account
    may = [asked.may_approve(Person(id=known(name).id, login=name), "@acme/ml-risk") for name in ("bob", "carol", "x")]
    assert may == [True, False, False]


def test_a_team_that_cannot_be_seen_is_no_answer_and_the_permission_is_named(github, opened):  # noqa: F811
    github.state.teams["acme", "ml-risk"] = {"bob": "active"}
    with pytest.raises(CannotTell, match=r"bob is in @acme/ml-risk cannot be read") as caught:
        people(github).may_approve(Person(id=5, login="bob"), "@acme/ml-risk")
    assert "members: read" in caught.value.help
    with pytest.raises(CannotTell):
        people(github, members="read").may_approve(Person(id=5, login="bob"), "@acme/another")


@pytest.mark.parametrize("lacking", ["pull-requests", "actions", "statuses"])
def test_what_the_token_may_not_read_is_no_answer(github, opened, lacking):  # noqa: F811
    permissions = {name: level for name, level in READING.items() if name != lacking}
    token = github.token(permissions=permissions)
    asked = GitHubPeople(connect({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token}), github.repository().name)
    run = github.add_run()
    with pytest.raises(CannotTell) as caught:
        {
            "pull-requests": lambda: asked.proposal(1),
            "actions": lambda: asked.words_of_run(run.id),
            "statuses": lambda: asked.said(opened.head_sha, "mlci/gate"),
        }[lacking]()
    assert f"{lacking}: read" in caught.value.help


def test_who_pushed_is_not_known_without_the_permission_to_read_it(github, opened):  # noqa: F811
    token = github.token(permissions={"pull-requests": "read"})
    asked = GitHubPeople(connect({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token}), github.repository().name)
    found = asked.proposal(1)
    assert found.pushers is None
    assert "contents: read" in found.why


def test_a_merged_commit_leads_to_the_pull_request_and_an_open_one_to_none(github, opened):  # noqa: F811
    github.repository().roles["maintainer"] = "admin"
    assert people(github).proposals_of(opened.head_sha) == ()
    status, body = github.merge(1)
    assert status == 200
    (found,) = people(github).proposals_of(opened.head_sha)
    assert (found.number, found.merged) == (1, True)
    assert {person.login for person in found.pushers} == {"alice"}
    assert [each.number for each in people(github).proposals_of(body["sha"])] == [1]
