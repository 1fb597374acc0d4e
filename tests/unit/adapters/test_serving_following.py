"""Following a stage: the new version takes the place of the old one at once, and the old one ends when it is idle."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from mlci.adapters.serving import following
from mlci.adapters.serving.following import Follower
from mlci.adapters.serving.loaded import Loaded, Unavailable
from mlci.errors import ModelUnusable, ServiceFailed
from mlci.ports import Version


class Fake:
    """A loaded version."""

    def __init__(self, number: str) -> None:
        self.number, self.users, self.closed = number, 0, threading.Event()

    def close(self) -> None:
        assert self.users == 0
        self.closed.set()


class World:
    """A stage that a test moves, and versions that load or do not."""

    def __init__(self) -> None:
        self.at: str | Exception | None = None
        self.broken: set[str] = set()
        self.loads: list[str] = []
        self.said: list[str] = []
        self.follower = Follower(self._pointed, self._load, "production", self.said.append)

    def _pointed(self) -> Version | None:
        if isinstance(self.at, Exception):
            raise self.at
        return None if self.at is None else Version(model="churn", number=self.at, aliases=(), tags={})

    def _load(self, version: Version) -> Loaded:
        self.loads.append(version.number)
        if version.number in self.broken:
            raise ModelUnusable("it is broken")
        return cast("Loaded", Fake(version.number))

    def look(self, at: Any) -> tuple[str | None, str | None]:
        """What answers, and what is wrong, after a look."""
        self.at = at
        self.follower.look()
        state = self.follower.state
        return (state.loaded.number if state.loaded is not None else None), state.trouble


@pytest.fixture(name="world")
def _world() -> World:
    return World()


def test_a_version_is_loaded_once_and_stays_until_the_stage_moves(world: World) -> None:
    assert world.look(None) == (None, "nothing is at production yet")
    with pytest.raises(Unavailable, match="nothing is at production yet"), world.follower.using():
        pass
    assert [world.look("1"), world.look("1"), world.look("2"), world.look("1")] == [
        ("1", None), ("1", None), ("2", None), ("1", None),
    ]  # fmt: skip
    assert world.loads == ["1", "2", "1"]
    assert world.look(None) == ("1", "nothing is at production any more")


def test_the_old_version_ends_when_nothing_is_at_work_on_it(world: World) -> None:
    world.look("1")
    with world.follower.using() as used:
        old = cast("Fake", used)
        world.look("2")
        with world.follower.using() as now:
            assert now.number == "2"
        assert not old.closed.wait(0.2)
    assert old.closed.wait(5)


def test_a_registry_that_does_not_answer_leaves_what_answers(world: World) -> None:
    world.look("1")
    number, trouble = world.look(ServiceFailed("no answer"))
    assert (number, trouble) == ("1", "what is at production cannot be asked: no answer")
    assert world.look("1") == ("1", None)
    assert world.said[-1] == "production is followed again"


def test_a_version_that_cannot_be_loaded_is_not_tried_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.broken = {"2"}
    world.look("1")
    trouble = "version 2 cannot be loaded: it is broken"
    assert [world.look("2") for _ in range(5)] == [("1", trouble)] * 5
    assert world.loads == ["1", "2"]
    now = time.monotonic()
    monkeypatch.setattr(following.time, "monotonic", lambda: now + 31)
    world.look("2")
    assert world.loads == ["1", "2", "2"]
    # Back and forth again, it is looked at anew; and another version is not held up by it.
    assert world.look("1") == ("1", None)
    world.broken = set()
    assert world.look("2") == ("2", None)


def test_a_bug_in_looking_does_not_end_what_answers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.look("1")
    world.at = RuntimeError("a bug")
    stop = threading.Event()
    looking = threading.Thread(target=world.follower.run, args=(stop, 0.02))
    looking.start()

    def until(trouble: str | None) -> None:
        end = time.monotonic() + 10
        while world.follower.state.trouble != trouble:
            assert time.monotonic() < end
            time.sleep(0.02)

    until("looking for production failed: a bug in mlci (RuntimeError)")
    world.at = "1"
    until(None)
    stop.set()
    looking.join()
    assert "a bug" in capsys.readouterr().err


def test_closing_waits_for_what_is_at_work(world: World) -> None:
    world.look("1")
    with world.follower.using() as used:
        closing = threading.Thread(target=world.follower.close)
        closing.start()
        assert not cast("Fake", used).closed.wait(0.2)
    closing.join(5)
    assert cast("Fake", used).closed.is_set()
