"""What every forge tells of people: facts about who proposed, who pushed, who said what of which commit, and when."""

from __future__ import annotations

import pytest
from peoples import GATE, PeopleOfGitHub, PeopleOfGitLab, PeopleWorld

from mlci.domain.release.command import command_for
from mlci.domain.release.people import Word

DIGEST = "0123456789abcdef" * 4


@pytest.fixture(name="world", params=["github", "gitlab"])
def _world(request: pytest.FixtureRequest) -> PeopleWorld:
    if request.param == "github":
        return PeopleOfGitHub(request.getfixturevalue("github"))
    return PeopleOfGitLab(request.getfixturevalue("gitlab"))


def words(world: PeopleWorld) -> list[Word]:
    return list(world.people.words(world.people.proposal(1)))


def by(world: PeopleWorld, login: str) -> int:
    found = world.people.person(login)
    assert found is not None
    return found.id


def test_a_change_has_its_author_and_everybody_who_pushed(world: PeopleWorld) -> None:
    world.push("bob")
    found = world.people.proposal(1)
    assert (found.number, found.head, found.base_branch, found.merged, found.fork) == (
        1, world.head(), "main", False, False,
    )  # fmt: skip
    assert found.author.login == "alice"
    assert found.author.human
    assert found.pushers is not None
    assert by(world, "bob") in {each.id for each in found.pushers}
    assert found.page.startswith("http")


def test_the_commit_of_a_merge_names_its_change_and_another_commit_names_none(world: PeopleWorld) -> None:
    merged = world.merge()
    (found,) = world.people.proposals_of(merged)
    assert (found.number, found.merged, found.head) == (1, True, world.head())
    assert list(world.people.proposals_of(world.people.proposal(1).head)) in ([], [found])


def test_an_open_change_is_listed_for_its_branch_until_it_is_merged(world: PeopleWorld) -> None:
    assert list(world.people.open_for("main")) == [1]
    assert list(world.people.open_for("release")) == []
    world.merge()
    assert list(world.people.open_for("main")) == []


def test_an_approval_is_of_the_commit_that_was_there_when_it_was_given(world: PeopleWorld) -> None:
    first = world.head()
    world.approve("bob")
    (word,) = words(world)
    assert (word.person.id, word.agrees, word.where, word.commit) == (by(world, "bob"), True, "review", first)
    assert word.at is not None
    world.push("alice")
    assert [each for each in words(world) if each.agrees and each.commit == world.head()] == []


def test_a_request_for_changes_is_a_refusal_until_the_same_person_approves(world: PeopleWorld) -> None:
    world.refuse("bob")
    assert [(each.person.login, each.agrees) for each in words(world)] == [("bob", False)]


def test_a_comment_command_carries_its_digest_and_prose_is_nothing(world: PeopleWorld) -> None:
    world.say("bob", "Looks good to me.")
    world.say("bob", f"> {command_for(DIGEST)}")
    world.say("bob", f"I have looked at it.\n\n{command_for(DIGEST)}")
    world.say("carol", command_for(DIGEST[:12], agrees=False))
    found = words(world)
    assert [(each.person.login, each.agrees, each.where, each.digest, each.edited) for each in found] == [
        ("bob", True, "comment", DIGEST, False), ("carol", False, "comment", DIGEST[:12], False),
    ]  # fmt: skip
    assert [each.at for each in found] == sorted(each.at or "" for each in found)


def test_a_comment_that_was_edited_says_so(world: PeopleWorld) -> None:
    comment = world.say("bob", "hello")
    world.edit(comment, command_for(DIGEST))
    assert [(each.digest, each.edited) for each in words(world)] == [(DIGEST, True)]


def test_a_bot_is_no_human(world: PeopleWorld) -> None:
    world.say("helper-bot", command_for(DIGEST), bot=True)
    assert [each.person.human for each in words(world)] == [False]


def test_every_page_is_read(world: PeopleWorld) -> None:
    for number in range(120):
        world.say("carol", f"comment {number}")
    world.say("bob", command_for(DIGEST))
    assert [each.person.login for each in words(world)] == ["bob"]


def test_a_person_is_a_number_whatever_the_name_is(world: PeopleWorld) -> None:
    bob = world.people.person("bob")
    assert bob is not None
    world.say("bob", command_for(DIGEST))
    world.rename("bob", "robert")
    (word,) = words(world)
    assert word.person == type(bob)(id=bob.id, login="robert")
    assert world.people.person("bob") is None
    assert world.people.may_approve(word.person, f"bob#{bob.id}")
    assert world.people.may_approve(word.person, "robert")
    assert not world.people.may_approve(word.person, "bob")


def test_who_takes_a_login_that_became_free_is_not_whom_policy_named(world: PeopleWorld) -> None:
    bob = world.people.person("bob")
    assert bob is not None
    world.rename("bob", "robert")
    world.rename("mallory", "bob")
    impostor = world.people.person("bob")
    assert impostor is not None
    assert impostor.id != bob.id
    assert not world.people.may_approve(impostor, "bob")
    assert not world.people.may_approve(impostor, f"bob#{bob.id}")


def test_who_may_approve_is_who_writes_or_whom_policy_names(world: PeopleWorld) -> None:
    bob, mallory = world.people.person("bob"), world.people.person("mallory")
    assert bob is not None
    assert mallory is not None
    team = world.team("risk", "bob")
    for who, may in {None: (True, False), team: (True, False), "bob": (True, False), "BOB": (True, False)}.items():
        assert (world.people.may_approve(bob, who), world.people.may_approve(mallory, who)) == may, who
    assert not world.people.may_approve(bob, f"mallory#{mallory.id}")
    assert not world.people.may_approve(bob, "nobody-of-that-name")


def test_what_the_status_said_is_told_from_the_first_to_the_last(world: PeopleWorld) -> None:
    assert list(world.people.said(world.head(), GATE)) == []
    world.status("pass [gate 0123456789ab]")
    world.approve("bob")
    world.status("fail [gate ba9876543210]")
    said = world.people.said(world.head(), GATE)
    assert [each.description for each in said] == ["pass [gate 0123456789ab]", "fail [gate ba9876543210]"]
    (word,) = [each for each in words(world) if each.agrees]
    assert said[0].at <= (word.at or "") <= said[1].at
