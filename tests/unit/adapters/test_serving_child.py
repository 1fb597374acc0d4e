"""The process of a model is hostile: whatever it writes, does or leaves undone, the server bounds it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlci.adapters.scoring import Asked, Interpreter
from mlci.adapters.scoring.timing import Seat
from mlci.adapters.serving import child as module
from mlci.adapters.serving import loaded as of_loaded
from mlci.adapters.serving.child import Child, Lost, Prediction, Refused
from mlci.adapters.serving.loaded import Loaded, Unavailable
from mlci.adapters.serving.opening import Opening, _by_its_form
from mlci.domain.training import Payload
from mlci.errors import ModelUnusable
from mlci.ports import Version

READY = "printf '{\"loaded\": true}\\n'"


class World:
    """Programs that stand for an interpreter with a model in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said, self.started = folder, list[str](), list[Child]()

    def seat(self, script: str) -> Seat:
        program = self.folder / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        interpreter = Interpreter(
            python=str(program), cwd=str(self.folder), environ={"PATH": os.environ["PATH"]}, timeout=5,
            log=str(self.folder / "log"),
        )  # fmt: skip
        payload = Payload(path=str(self.folder / "m.pkl"), format="pickle", digest="a" * 64, files=())
        return Seat(payload=payload, interpreter=interpreter)

    def child(self, script: str) -> Child:
        self.started.append(Child(self.seat(script), Asked(), str(self.folder), self.said.append))
        return self.started[-1]


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for child in world.started:
        child.kill()


def ask(child: Child, seconds: float = 2.0) -> Prediction:
    child.ready(5)
    return child.ask(b'{"columns": ["a"], "data": [[1]]}', 1, seconds)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("echo hello", "its answer is none"),
        ("echo '[1]'", "its answer is none"),
        ('printf \'{"predictions": [1]}\\n{"predictions": [2]}\\n\'', "its answer is none"),
        ("echo '{\"predictions\": 1}'", "its answer is none"),
        ("exit 0", "its process has ended"),
        ("sleep 30", "did not answer in time"),
        ("printf '{\"predictions\": '; sleep 30", "did not answer in time"),
    ],
)
def test_what_is_no_answer_loses_the_process_and_nothing_else(world: World, answer: str, why: str) -> None:
    started = time.monotonic()
    with pytest.raises(Lost, match=why):
        ask(world.child(f"{READY}; read line; {answer}"))
    assert time.monotonic() - started < 10


def test_an_answer_without_end_is_not_read_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ANSWER", 1 << 20)
    with pytest.raises(Lost, match="too large"):
        ask(world.child(f"{READY}; read line; yes | tr -d '\\n'"), 20)


def test_a_process_that_takes_no_request_is_not_waited_for(world: World) -> None:
    child = world.child(f"{READY}; sleep 30")
    child.ready(5)
    with pytest.raises(Lost, match="did not take the request in time"):
        child.ask(b" " * (4 << 20), 1, 1.0)


@pytest.mark.parametrize("answer", ['{"predictions": []}', '{"predictions": [1, 2]}', "{}"])
def test_each_row_has_one_prediction(world: World, answer: str) -> None:
    with pytest.raises(Refused, match="one prediction for each row"):
        ask(world.child(f"{READY}; read line; echo '{answer}'"))


def test_whose_fault_it_is_is_handed_on(world: World) -> None:
    with pytest.raises(Refused) as error:
        ask(world.child(f'{READY}; read line; echo \'{{"error": {{"message": "a\\u001b[2J", "request": true}}}}\''))
    assert error.value.theirs
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('echo \'{"error": {"message": "no module x"}}\'', "no module x"),
        ("echo 'it broke' >&2; sleep 0.2; exit 3", "its process has ended: it broke"),
        ("echo '{}'", "did not say that it is loaded"),
        ("sleep 30", "did not answer in time"),
    ],
)
def test_what_cannot_be_loaded_is_said(world: World, script: str, why: str) -> None:
    with pytest.raises(ModelUnusable, match=why):
        world.child(script).ready(1.0)


def test_what_it_prints_is_bounded_lines(world: World) -> None:
    child = world.child(
        f"{READY}; printf '\\033[31m::error::x\\n' >&2; head -c 100000 /dev/zero | tr '\\0' a >&2; sleep 5"
    )
    child.ready(5)
    end = time.monotonic() + 5
    while sum(map(len, world.said)) < 100_000 and time.monotonic() < end:
        time.sleep(0.05)
    assert all(len(line) <= 2000 and line.isprintable() for line in world.said)
    assert len(world.said) >= 50


def test_its_end_is_the_end_of_what_it_started(world: World) -> None:
    child = world.child(f"sleep 300 & echo $! > {world.folder}/pid; {READY}; read line; wait")
    child.ready(5)
    inner = int((world.folder / "pid").read_text())
    child.stop()
    end = time.monotonic() + 5
    while Path(f"/proc/{inner}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not child.lives
    # A zombie is one that init, or whoever stands in for it here, has not taken note of yet.
    state = Path(f"/proc/{inner}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_one_that_dies_is_started_again_later_and_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = world.folder / "starts"
    script = f"echo $$ >> {log}; {READY}; read line; echo '{{\"predictions\": [1]}}'"
    seat = world.seat(script)
    loaded = Loaded(
        model="m", number="1", artifact="a" * 64, seat=seat, asked=Asked(), folder=str(world.folder)
    )  # fmt: skip
    loaded.start(1, 5, world.said.append)
    assert loaded.ask(b"{}", 1).predictions == [1]
    started = time.monotonic()
    served = 0
    while served < 2 and time.monotonic() - started < 20:
        try:
            loaded.ask(b"{}", 1)
            served += 1
        except Unavailable:
            time.sleep(0.02)
    # It answers once and ends: half a second passes before the second start, and one before the third.
    assert time.monotonic() - started > 1.4
    assert len(log.read_text().split()) == 3
    loaded.close()
    assert loaded.pids == []
    before = log.read_text()
    time.sleep(0.5)
    assert log.read_text() == before
    assert of_loaded.LONGEST_CALL == 60


def test_a_model_that_a_command_scored_is_loaded_by_what_its_name_says(world: World) -> None:
    folder = world.folder / "model"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"x")
    seat = world.seat("")
    payload = Payload(path=str(folder), format="command", digest="a" * 64, files=())
    found = _by_its_form(Seat(payload=payload, interpreter=seat.interpreter))
    assert (found.payload.format, found.payload.path) == ("onnx", str(folder / "m.onnx"))
    (folder / "m.onnx").rename(folder / "m.weights")
    with pytest.raises(ModelUnusable, match="cannot load it by itself"):
        _by_its_form(Seat(payload=payload, interpreter=seat.interpreter))


def test_a_version_without_evidence_is_never_loaded(world: World) -> None:
    nothing: Any = None
    opening = Opening(
        registry=nothing, asked=Asked(), bench=nothing, workers=1, known=nothing, say=world.said.append,
        log=world.said.append,
    )  # fmt: skip
    with pytest.raises(ModelUnusable, match="mlci did not register it"):
        opening(Version(model="churn", number="3", aliases=("production",), tags={}))
