"""Whose word counts for a model: each rule is one that somebody could get round, and here tries to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.domain.release.approval import About, Ask, count, heard, record_in, who
from mlci.domain.release.people import Person, Said, Word

RECORD, OTHER, HEAD, OLD = "a" * 64, "b" * 64, "1" * 40, "2" * 40
ALICE, BOB, CAROL = (Person(id=n, login=name) for n, name in ((1, "alice"), (2, "bob"), (3, "carol")))
GATED = Said(at="2026-01-01T10:00:00Z", description=f"pass: fine [gate {RECORD[:12]}]")
ABOUT = About(records=(RECORD,), head=HEAD, said=(GATED,), run=7, environments=frozenset({"mlci-approval"}))
SEEN = "2026-01-02T00:00:00Z"
EVERYBODY = dict.fromkeys(range(5), True)


def review(person: Person = ALICE, at: str | None = "2026-01-01T11:00:00Z", **more: object) -> Word:
    return Word(**{"person": person, "agrees": True, "where": "review", "at": at, "commit": HEAD, **more})


def comment(person: Person = ALICE, at: str = "2026-01-01T11:00:00Z", **more: object) -> Word:
    return Word(**{"person": person, "agrees": True, "where": "comment", "at": at, "digest": RECORD, **more})


def entered(person: Person = ALICE, **more: object) -> Word:
    return Word(**{"person": person, "agrees": True, "where": "environment", "run": 7, "environment": "mlci-approval",
                   **more})  # fmt: skip


def counted(*words: Word, about: About = ABOUT, may: object = True, **asked: object):
    ask = Ask(**{"needed": 1, **asked})
    people = {who(word.person): may for word in words}
    return count([(word, about) for word in words], ask, people, SEEN)


def logins(people) -> list[str]:
    return [each.login for each in people]


@pytest.mark.parametrize("word", [review(), comment(), comment(digest=RECORD[:12]), entered()])
def test_an_approval_of_this_verdict_counts(word):
    total = counted(word)
    assert (logins(total.approvers), total.satisfied, total.passed_over) == (["alice"], True, ())
    assert total.approvers[0].seen == SEEN


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (review(commit=OLD), "about commit 222222222222"),
        (review(commit=None), "about no commit"),
        (review(at=None), "does not say when"),
        (review(at="2026-01-01T09:59:59Z"), "before the gate had judged"),
        (comment(digest=OTHER), "another record of the gate, sha256:bbbbbbbbbbbb"),
        (comment(digest=RECORD[:11]), "another record"),
        (comment(edited=True), "edited"),
        (entered(run=8), "another run"),
        (entered(environment="gpu"), "the environment gpu, which says nothing"),
        (review(person=replace(ALICE, human=False)), "a bot"),
    ],
)
def test_what_is_not_an_approval_of_this_verdict_does_not_count_and_is_said(word, why):
    total = counted(word)
    assert not total.satisfied
    assert total.approvers == ()
    (said,) = [each for _, each in total.passed_over]
    assert why in said


def test_a_review_is_of_the_verdict_that_its_reader_saw():
    later = Said(at="2026-01-01T12:00:00Z", description=f"pass: fine [gate {RECORD[:12]}]")
    first = Said(at="2026-01-01T10:00:00Z", description=f"pass: fine [gate {OTHER[:12]}]")
    about = replace(ABOUT, said=(first, later))
    assert not counted(review(at="2026-01-01T11:00:00Z"), about=about).satisfied
    assert counted(review(at="2026-01-01T12:00:00Z"), about=about).satisfied


def test_a_status_that_names_no_record_is_of_none():
    silent = Said(at="2026-01-01T10:30:00Z", description="pass: advisory")
    assert not counted(review(), about=replace(ABOUT, said=(GATED, silent))).satisfied


def test_an_environment_has_no_time_so_that_two_records_of_one_commit_leave_open_which_was_meant():
    other = Said(at="2026-01-01T12:00:00Z", description=f"warn: hm [gate {OTHER[:12]}]")
    assert not counted(entered(), about=replace(ABOUT, said=(GATED, other))).satisfied


def test_nobody_approves_what_they_made():
    made = {who(ALICE): "this person proposed #1", who(BOB): "this person pushed"}
    total = counted(review(), comment(BOB), review(CAROL), made_by=made, needed=1)
    assert logins(total.approvers) == ["carol"]
    assert sorted(why for _, why in total.passed_over) == ["this person proposed #1", "this person pushed"]


def test_whoever_made_it_does_not_refuse_it_for_the_others_either():
    total = counted(review(agrees=False), review(BOB), made_by={who(ALICE): "this person proposed #1"})
    assert total.satisfied


def test_one_person_is_one_person_under_two_names_and_by_two_ways():
    renamed = Person(id=ALICE.id, login="alice-new")
    assert not counted(review(), comment(renamed), entered(), needed=2).satisfied


def test_another_account_of_the_old_name_is_another_person():
    taken = Person(id=99, login="alice")
    total = count([(review(), ABOUT), (review(taken), ABOUT)], Ask(needed=2), {ALICE.id: True, 99: False}, SEEN)
    assert [each.id for each in total.approvers] == [ALICE.id]


def test_only_the_ways_that_policy_names_count():
    total = counted(review(), comment(BOB), by=("comment",), needed=2)
    assert logins(total.approvers) == ["bob"]
    assert "only what is said by comment" in total.passed_over[0][1]


@pytest.mark.parametrize("later", [review(agrees=False, at="2026-01-01T12:00:00Z", commit=OLD), comment(
    agrees=False, digest=OTHER, at="2026-01-01T12:00:00Z"), comment(agrees=False, at="2026-01-01T12:00:00Z",
    edited=True), entered(agrees=False, run=99)])  # fmt: skip
def test_a_refusal_holds_whatever_it_was_about_until_the_same_person_agrees(later):
    assert counted(review(BOB), review(), later).satisfied is False
    assert logins(counted(review(BOB), later).refused) == ["alice"]
    agreed = comment(at="2026-01-01T13:00:00Z")
    assert counted(review(BOB), later, agreed).satisfied is (later.at is not None)


def test_an_approval_that_does_not_count_takes_no_refusal_back():
    total = counted(comment(agrees=False), comment(digest=OTHER, at="2026-01-01T12:00:00Z"), review(BOB))
    assert logins(total.refused) == ["alice"]


def test_a_dismissed_review_is_no_approval_and_no_refusal():
    total = counted(review(agrees=None))
    assert not total.satisfied
    assert "dismissed" in total.passed_over[0][1]
    assert not counted(review(), review(agrees=None, at="2026-01-01T12:00:00Z")).satisfied
    assert counted(review(agrees=None), review(at="2026-01-01T12:00:00Z")).satisfied


def test_who_may_not_approve_neither_agrees_nor_refuses():
    total = count([(review(), ABOUT), (review(BOB, agrees=False), ABOUT)], Ask(), {1: True, 2: False}, SEEN)
    assert total.satisfied
    assert [why for _, why in total.passed_over] == ["policy does not let this person approve"]


def test_what_cannot_be_told_matters_only_where_it_could_decide():
    words = [(review(), ABOUT), (review(BOB), ABOUT)]
    assert count(words, Ask(needed=1), {1: True, 2: "hidden"}, SEEN).doubt is None
    assert count(words, Ask(needed=2), {1: True, 2: "hidden"}, SEEN).doubt == "hidden"
    assert count(words, Ask(needed=3), {1: True, 2: "hidden"}, SEEN).doubt is None
    refusing = [words[0], (review(BOB, agrees=False), ABOUT)]
    assert count(refusing, Ask(needed=1), {1: True, 2: "hidden"}, SEEN).doubt == "hidden"


def test_nobody_is_needed_where_nothing_is_at_risk():
    assert counted(needed=0).satisfied


@pytest.mark.parametrize(
    ("description", "record"),
    [
        (f"pass: fine [gate {'a' * 12}]", "a" * 12), (f"pass: [gate {'b' * 12}] fine [gate {'a' * 12}]  ", "a" * 12),
        (f"[gate {'a' * 12}] fine", None), ("pass: fine", None), ("", None), (f"[gate {'A' * 12}]", None),
        (f"[gate {'a' * 13}]", None),
    ],
)  # fmt: skip
def test_a_status_names_its_record_at_its_end(description, record):
    assert record_in(description) == record


WORDS = st.builds(
    Word,
    person=st.sampled_from([ALICE, BOB, CAROL, Person(id=4, login="robot", human=False)]),
    agrees=st.sampled_from([True, False, None]),
    where=st.sampled_from(["review", "comment", "environment"]),
    at=st.sampled_from([None, "2026-01-01T09:00:00Z", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z"]),
    commit=st.sampled_from([None, HEAD, OLD]),
    digest=st.sampled_from([None, RECORD, OTHER]),
    run=st.sampled_from([None, 7, 8]),
    environment=st.sampled_from([None, "mlci-approval", "gpu"]),
    edited=st.booleans(),
)


@given(st.lists(WORDS, max_size=6), st.permutations(range(6)))
def test_every_word_is_counted_or_said_to_be_passed_over_in_whatever_order_it_came(words, order):
    spoken = [(word, ABOUT) for word in words]
    mixed = [spoken[place] for place in order if place < len(spoken)]
    total = count(spoken, Ask(), EVERYBODY, SEEN)
    assert len(total.approvers) + len(total.refused) + len(total.passed_over) == len(words)
    same = count(mixed, Ask(), EVERYBODY, SEEN)
    assert {each.id for each in total.refused} == {each.id for each in same.refused}
    assert {each.id for each in total.approvers} == {each.id for each in same.approvers}


@given(st.lists(WORDS, max_size=5), WORDS)
def test_a_further_word_that_does_not_agree_satisfies_nobody(words, further):
    ask, may = Ask(needed=2), EVERYBODY
    further = replace(further, agrees=False)
    before = count([(word, ABOUT) for word in words], ask, may, SEEN)
    after = count([(word, ABOUT) for word in [*words, further]], ask, may, SEEN)
    assert len(after.approvers) <= len(before.approvers)


@given(st.lists(WORDS, max_size=6))
def test_only_people_who_said_yes_to_this_record_and_made_nothing_are_approvers(words):
    total = count([(word, ABOUT) for word in words], Ask(made_by={who(BOB): "made it"}), EVERYBODY,
                  SEEN)  # fmt: skip
    for each in total.approvers:
        assert each.id in (ALICE.id, CAROL.id)
        own = [word for word in words if word.person.id == each.id and word.agrees]
        assert any(word.digest == RECORD or word.run == 7 or (word.commit == HEAD and word.at) for word in own)
    assert len({each.id for each in total.approvers}) == len(total.approvers)


def test_the_last_word_is_the_one_that_is_heard():
    last, passed_over = heard([(comment(), ABOUT), (review(at="2026-01-01T12:00:00Z"), ABOUT)], Ask())
    assert [each.word.where for each in last] == ["review"]
    assert [why for _, why in passed_over] == ["the same person said something else later"]
