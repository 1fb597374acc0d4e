"""mlci serve: it follows the alias without a failed request, and goes on serving whatever happens around it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository
from served import Hammer, Running, serving

from mlci.adapters.mlflow import open_registry
from mlci.ports import Registry, Version

# Miles that do something to the process; no trip of the holdout has them.
SLOW, DEAD, ANGRY, CHATTY = -1, -2, -3, -4
MODEL = f"""\
import os, signal, sys, time


class Threshold:
    feature_names_in_ = ["miles"]

    def __init__(self, at):
        self.at = at

    def predict(self, rows):
        for miles in rows["miles"]:
            if miles == {SLOW}:
                time.sleep(1.5)
            if miles == {DEAD}:
                os.kill(os.getpid(), signal.SIGKILL)
            if miles == {ANGRY}:
                raise RuntimeError("angry")
            if miles == {CHATTY}:
                print('{{"predictions": [7]}}', flush=True)
                print("::error::gotcha", sorted(os.environ), file=sys.stderr, flush=True)
        return [int(miles > self.at + int(os.environ.get("SHIFT", "0"))) for miles in rows["miles"]]
"""
# By number of the version.
AT = {"1": 50, "2": 70}


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    found = repository(tmp_path_factory.mktemp("serve"))
    (found.folder / "model.py").write_text(MODEL)
    for at in AT.values():
        found.set(at)
        found.commit()
        assert found.mlci("model-ci") == 0
    return found


@pytest.fixture(name="registry", scope="module")
def _registry(made: Repository) -> Registry:
    return open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(made.folder), writing=True)


def version(registry: Registry, number: str) -> Version:
    found = registry.numbered("late-trips", number)
    assert found is not None
    return found


@pytest.fixture(name="server", scope="module")
def _server(made: Repository, registry: Registry) -> Iterator[Running]:
    registry.point(version(registry, "1"), "production")
    with serving(made, MLFLOW_TRACKING_TOKEN="verysecrettoken", GITHUB_TOKEN="ghs_alsosecret12") as running:
        running.serves("1")
        yield running


@pytest.fixture(autouse=True)
def _back(registry: Registry, server: Running) -> None:
    registry.point(version(registry, "1"), "production")
    server.serves("1")


def test_no_request_fails_while_the_alias_moves_forward_and_back(registry: Registry, server: Running) -> None:
    clients = Hammer(server, AT, (60, 10, 90))
    for number in ("2", "1", "2"):
        registry.point(version(registry, number), "production")
        server.serves(number)
        time.sleep(0.3)
    whole = clients.stop()
    assert set(whole) == {("right", "1"), ("right", "2")}, whole
    assert min(whole.values()) > 20
    # Of both versions one process is left once the old one had nothing more to do.
    assert server.child()


def test_a_request_that_is_at_work_on_the_old_version_is_answered_by_it(registry: Registry, server: Running) -> None:
    answers: list[Any] = []

    def ask() -> None:
        while server.get()[1].get("version") == "1":
            answers.append(server.ask(SLOW, 60))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    registry.point(version(registry, "2"), "production")
    for thread in threads:
        thread.join()
    assert {(status, str(document), number) for status, document, number in answers} <= {
        (200, "{'predictions': [0, 1]}", "1"), (200, "{'predictions': [0, 0]}", "2"),
    }  # fmt: skip
    assert any(number == "1" for *_, number in answers)


def test_the_page_shows_what_is_answered(server: Running) -> None:
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text()
    asked = re.search(r"<!-- asked -->\n```sh\n.*?-d '(.*?)'\n```", page, re.DOTALL)
    answered = re.search(r"<!-- answered -->\n```json\n(.*?)```", page, re.DOTALL)
    assert asked is not None
    assert answered is not None
    connection = HTTPConnection("127.0.0.1", server.port, timeout=90)
    with contextlib.closing(connection):
        connection.request("POST", "/invocations", asked[1], {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read()) == json.loads(answered[1])


def test_health_names_the_version_and_its_digest(registry: Registry, server: Running) -> None:
    assert server.get() == (
        200,
        {
            "status": "ok", "model": "late-trips", "version": "1",
            "artifact": version(registry, "1").tags["mlci.artifact"], "checked": True,
        },
    )  # fmt: skip
    assert server.get("/ping") == (200, "")
    assert server.get("/version")[0] == 200


def test_a_process_that_is_killed_is_started_again(server: Running) -> None:
    child = server.child()
    os.kill(child, signal.SIGKILL)
    server.until(lambda status, health: status == 503 and "started again" in health["trouble"])
    status, document, _ = server.ask(60)
    assert status == 503
    assert "error" in document
    server.serves("1")
    assert server.ask(60)[:2] == (200, {"predictions": [1]})
    assert server.child() != child


def test_a_request_that_ends_the_process_is_an_error_of_its_own_alone(server: Running) -> None:
    status, document, number = server.ask(DEAD)
    assert (status, number) == (503, None)
    assert "gave no answer" in document["error"]
    server.serves("1")
    assert server.ask(60)[0] == 200


def test_what_the_model_raises_and_prints_changes_no_other_answer(server: Running) -> None:
    status, document, _ = server.ask(ANGRY)
    assert (status, document["error"]) == (500, "the model gave no prediction: RuntimeError: angry")
    assert server.ask(CHATTY)[:2] == (200, {"predictions": [0]})
    assert server.ask(60)[:2] == (200, {"predictions": [1]})
    time.sleep(0.3)
    printed = [line for line in server.said.splitlines() if "gotcha" in line]
    assert printed
    assert not any(line.startswith("::") for line in server.said.splitlines())
    assert "TOKEN" not in printed[0]
    assert "secret" not in server.said


def test_a_column_that_is_missing_is_the_clients_to_correct(server: Running) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        body = json.dumps({"dataframe_records": [{"kilometres": 3}]})
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())["error"]
    assert (answer.status, said) == (400, "the model gave no prediction: the request has no column 'miles'")


def test_a_version_that_is_not_what_its_evidence_says_leaves_the_old_one_serving(
    made: Repository, registry: Registry, server: Running
) -> None:
    found = list((made.folder / ".mlci" / "artifacts").rglob("model/*.pkl"))
    kept = {path: path.read_bytes() for path in found}
    assert len(kept) == 2
    try:
        for path in found:
            path.write_bytes(kept[path].replace(b"Threshold", b"Threshole"))
        registry.point(version(registry, "2"), "production")
        health = server.until(lambda _, health: "cannot be loaded" in health.get("trouble", ""))
        assert (health["status"], health["version"]) == ("ok", "1")
        assert "version 2 cannot be loaded" in health["trouble"]
        assert server.ask(60)[1:] == ({"predictions": [1]}, "1")
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    registry.point(version(registry, "1"), "production")
    assert "trouble" not in server.until(lambda _, health: "trouble" not in health)


def test_a_version_that_answers_otherwise_than_when_it_was_judged_is_not_served(
    made: Repository, registry: Registry
) -> None:
    with serving(made, SHIFT="30") as own:
        health = own.until(lambda status, health: status == 503 and "cannot be loaded" in health["trouble"])
        assert "it answers 0 where the version says 1" in health["trouble"]
        assert own.children() == []


def test_a_registry_that_does_not_answer_for_a_while_is_waited_for(
    made: Repository, registry: Registry, server: Running
) -> None:
    database = made.folder / ".mlci" / "mlflow.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.execute("begin exclusive")
        health = server.until(lambda _, health: "cannot be asked" in health.get("trouble", ""))
        assert (health["status"], health["version"]) == ("ok", "1")
        assert server.ask(60)[0] == 200
        opened.execute("rollback")
    server.until(lambda _, health: "trouble" not in health)
    registry.point(version(registry, "2"), "production")
    server.serves("2")


def test_sigterm_lets_requests_end_and_leaves_nothing(made: Repository, registry: Registry) -> None:
    with serving(made, "--workers", "2") as own:
        own.serves("1")
        children = own.children()
        assert len(children) == 2
        answers: list[Any] = []
        asking = [threading.Thread(target=lambda: answers.append(own.ask(SLOW, 60))) for _ in range(2)]
        for thread in asking:
            thread.start()
        time.sleep(0.5)
        assert own.stop() == 0
        for thread in asking:
            thread.join()
        assert answers == [(200, {"predictions": [0, 1]}, "1")] * 2
        assert not any(Path(f"/proc/{child}").exists() for child in children)
    left = list((made.folder / ".mlci" / "serve").glob("*"))
    assert len([path for path in left if path.is_dir()]) == 1, "that of the server of the other tests"


def test_children_end_with_a_server_that_is_killed_and_the_next_one_clears_up(
    made: Repository, registry: Registry
) -> None:
    own = Running(made)
    try:
        own.serves("1")
    except BaseException:
        own.stop()
        raise
    children, folders = own.children(), set((made.folder / ".mlci" / "serve").iterdir())
    assert own.stop(signal.SIGKILL) == -signal.SIGKILL
    end = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    with serving(made) as next_one:
        now = set((made.folder / ".mlci" / "serve").iterdir())
        assert len(folders - now) == 2
        assert next_one.stop(signal.SIGINT) == 130


def test_nothing_at_the_stage_yet_is_said_and_waited_for(made: Repository, registry: Registry) -> None:
    with serving(made, "--stage", "staging") as own:
        own.until(lambda status, health: status == 503 and "nothing is at staging yet" in health["trouble"])
        assert own.get("/ping")[0] == 503
        assert own.ask(60)[0] == 503
        registry.point(version(registry, "2"), "staging")
        own.serves("2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--every", "soon"), "is no time"),
        (("--every", "0s"), "is no time"),
        (("--port", "70000"), "must be from 0 to 65535"),
        (("--workers", "0"), "must be from 1 to 64"),
        (("--host", "203.0.113.7"), "cannot listen at"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    made: Repository, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        assert made.mlci("serve", *words) == 2
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert said in capsys.readouterr().err
