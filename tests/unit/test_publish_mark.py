"""What was posted before, and when a report leaves it alone, answers it or takes it away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from cli.running import NUMBER, World, proposed
from golden import reports

from mlci.errors import ServiceFailed
from mlci.ports import Comment, Thread
from mlci.publish import Audience, post
from mlci.testing.forge import MemoryConversation, MemoryThreads

PASS, FAIL = reports.passing(), reports.failing()
HEAD, NEXT = "a" * 40, "b" * 40


def to(world: World, key: str = "", commit: str = HEAD, **more: Any) -> Audience:
    memory = world.memory
    facts: dict[str, Any] = {"conversation": memory.conversation, "threads": memory.threads, "commits": None, **more}
    return Audience(run=world.run, key=key, commit=commit, number=NUMBER, **facts)


def open_threads(world: World) -> list[str]:
    return [each.body for each in world.memory.threads.threads(NUMBER) if not each.resolved]


def resolve(world: World) -> None:
    """Somebody presses the button."""
    for each in world.memory.threads.threads(NUMBER):
        world.memory.threads.edit_thread(NUMBER, each.id, each.body, resolved=True)


# An older run that ends late


def test_an_older_run_opens_no_thread_where_a_newer_one_had_no_need_of_one() -> None:
    world = proposed()
    post(PASS, to(world.later(id=101)))

    said = post(FAIL, to(world))

    assert open_threads(world) == []
    assert [("thread was left alone" in line, "newer" in line) for _, line in said.lines] == [
        (False, True), (True, True)
    ]  # fmt: skip


@dataclass
class Interrupted(MemoryThreads):
    """Threads, and what happens just after one is opened."""

    after: Callable[[], object] = lambda: None
    happened: list[object] = field(default_factory=list)

    def open_thread(self, number: int, body: str) -> Thread:
        made = super().open_thread(number, body)
        self.happened.append(self.after())
        return made


def test_a_thread_that_was_opened_while_a_newer_run_passed_is_resolved_again() -> None:
    world = proposed()
    threads = Interrupted()
    world.memory.threads = threads
    # The newer run has looked for threads before there was this one, so it leaves but a comment.
    threads.after = lambda: post(PASS, to(world.later(id=101), threads=None))

    post(FAIL, to(world))

    assert len(threads.happened) == 1
    assert open_threads(world) == []


@dataclass
class Mute(MemoryConversation):
    """Comments that cannot be read."""

    def comments(self, number: int) -> Sequence[Comment]:
        raise ServiceFailed(f"no answer about {number}")


@pytest.mark.parametrize("conversation", [Mute(), None], ids=["unreadable", "not wanted"])
def test_where_no_comment_tells_of_a_newer_run_the_thread_is_opened(conversation: MemoryConversation | None) -> None:
    world = proposed()
    post(FAIL, to(world, conversation=conversation))
    assert len(open_threads(world)) == 1


# What somebody has answered for


def test_a_thread_that_somebody_resolved_stays_resolved_for_the_same_run_and_no_other() -> None:
    world = proposed(fork=True)
    post(PASS, to(world))
    resolve(world)

    post(PASS, to(world))
    post(FAIL, to(world))
    assert open_threads(world) == []

    post(PASS, to(world.later(attempt=2)))
    assert len(open_threads(world)) == 1


def test_what_this_very_run_resolved_it_may_open_again() -> None:
    world = proposed()
    post(FAIL, to(world))
    post(PASS, to(world))
    assert open_threads(world) == []

    post(FAIL, to(world))
    assert len(open_threads(world)) == 1


# What nobody has measured


def test_a_measurement_stands_against_a_newer_run_that_has_none_and_takes_its_place_though_older() -> None:
    world = proposed(fork=True)
    later = world.later(id=200)
    post(FAIL, to(later, unmeasured=True))
    assert "unmeasured" in world.comments[0]
    assert "without a measurement" in open_threads(world)[0]

    post(PASS, to(world))
    assert "run=100" in world.comments[0]
    assert "The numbers are those of a fork" in open_threads(world)[0]

    said = post(FAIL, to(world.later(id=300), unmeasured=True))
    assert "run=100" in world.comments[0]
    assert ["run 100, attempt 1, has measured this commit" in line for _, line in said.lines] == [True, True]


def test_of_another_commit_the_newer_word_counts() -> None:
    world = proposed(fork=True)
    post(PASS, to(world))
    resolve(world)

    post(FAIL, to(world.later(id=200), commit=NEXT, unmeasured=True))
    assert (NEXT in world.comments[0], len(open_threads(world))) == (True, True)

    post(PASS, to(world.later(attempt=9)))
    assert NEXT in world.comments[0], "an older run of the commit before says nothing of this one"


def test_that_nobody_has_measured_a_commit_opens_the_thread_that_is_missing_and_says_nothing_twice() -> None:
    world = proposed(fork=True)
    world.memory.threads.error = ServiceFailed("no answer")
    post(FAIL, to(world, unmeasured=True))
    world.memory.threads.error = None

    for number in (101, 102):
        said = post(FAIL, to(world.later(id=number), unmeasured=True))
        assert (said.lines, len(open_threads(world))) == ((), 1)
    assert world.memory.conversation.edits == []


# What was posted while the model's name could not be read


@pytest.mark.parametrize("quiet", [False, True])
def test_what_had_no_name_goes_once_a_later_commit_has_one(quiet: bool) -> None:
    world = proposed()
    post(FAIL, to(world, nameless=True))
    assert (len(world.comments), len(open_threads(world))) == (1, 1)

    post(PASS, to(world.later(id=101), "churn", NEXT, quiet=quiet))

    assert ["key=churn" in body for body in world.comments] == ([] if quiet else [True])
    assert open_threads(world) == []


@pytest.mark.parametrize(
    ("nameless", "id", "commit", "fork"),
    [(False, 101, NEXT, False), (True, 100, NEXT, False), (True, 101, HEAD, False), (True, 101, NEXT, True)],
    ids=["it has no name by choice", "of the same run", "of the same commit", "by the word of a fork"],
)
def test_what_another_job_has_to_say_stays(nameless: bool, id: int, commit: str, fork: bool) -> None:
    world = proposed()
    post(FAIL, to(world, nameless=nameless))

    post(PASS, to(world.later(id=id), "churn", commit, advisory=fork))

    assert ["key= " in body for body in world.comments] == [True, False]
    assert "key= " in open_threads(world)[0]


def test_a_job_that_is_still_broken_says_so_again() -> None:
    world = proposed()
    for id, commit in ((100, HEAD), (101, NEXT)):
        post(FAIL, to(world.later(id=id), "", commit, nameless=True))
        post(PASS, to(world.later(id=id), "churn", commit))

    assert sorted("key= run=101" in body for body in world.comments) == [False, True]
    assert len(open_threads(world)) == 1
