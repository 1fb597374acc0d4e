"""The HTTP side of mlci serve: what it takes, what it refuses and how, and that nobody can hold it up."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlci.adapters.serving import face
from mlci.adapters.serving.child import Prediction, Refused
from mlci.adapters.serving.face import LARGEST_BODY, Server
from mlci.adapters.serving.following import Follower
from mlci.adapters.serving.loaded import Loaded, Unavailable

ROWS = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [None, "y"]]}}


class Model:
    """What answers, as a test wants it."""

    model, number, artifact, checked, users, pids = "churn", "7", "ab" * 32, True, 0, (1,)

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.wait = threading.Event()
        self.wait.set()
        self.raises: Exception | None = None

    def ask(self, request: bytes, rows: int) -> Prediction:
        asked = json.loads(request)
        self.asked.append(asked)
        self.wait.wait(20)
        if self.raises is not None:
            raise self.raises
        if asked["probabilities"]:
            return Prediction([0] * rows, [[0.75, 0.25]] * rows, ["no", "yes"])
        return Prediction([0] * rows)


class Following:
    """The version that answers; None for none."""

    def __init__(self, loaded: Model | None) -> None:
        self.loaded, self.trouble = loaded, None if loaded is not None else "nothing is at production yet"

    @property
    def state(self) -> Any:
        return SimpleNamespace(loaded=self.loaded, trouble=self.trouble)

    @contextlib.contextmanager
    def using(self) -> Iterator[Loaded]:
        if self.loaded is None:
            raise Unavailable(str(self.trouble))
        yield cast("Loaded", self.loaded)


class World:
    def __init__(self, server: Server, model: Model, following: Following) -> None:
        self.server, self.model, self.following = server, model, following

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            content = answer.read()
        try:
            document = json.loads(content)
        except ValueError:
            document = content.decode()
        return answer.status, document, dict(answer.headers)

    def ask(self, document: Any) -> tuple[int, Any, dict[str, str]]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.send("POST", "/invocations", body, Content_Type="application/json")

    def raw(self, *pieces: bytes, wait: float = 0.0) -> bytes:
        """Send bytes as they are, and read to the end."""
        with socket.create_connection(self.server.server_address[:2], timeout=20) as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(wait)
            found = b""
            with contextlib.suppress(ConnectionError):
                while block := connection.recv(65536):
                    found += block
            return found


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(face, "LONGEST_WAIT", 1.0)
    model = Model()
    following = Following(model)
    server = Server("127.0.0.1", 0, cast("Follower", following), 1)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    done = threading.Event()

    def sweep() -> None:
        while not done.wait(0.05):
            server.sweep()

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    yield World(server, model, following)
    model.wait.set()
    done.set()
    sweeping.join()
    if not server.draining:
        server.drain(5)


def test_rows_are_answered_with_the_version_in_the_header(world: World) -> None:
    status, document, headers = world.ask(ROWS)
    assert (status, document, headers["X-Mlci-Version"]) == (200, {"predictions": [0, 0]}, "7")
    assert headers["Content-Type"] == "application/json"
    assert world.model.asked == [{"columns": ["a", "b"], "data": [[1, "x"], [None, "y"]], "probabilities": False}]


def test_records_are_rows_whose_missing_cells_are_empty(world: World) -> None:
    assert world.ask({"dataframe_records": [{"a": 1}, {"b": True, "a": 2.5}]})[0] == 200
    assert world.model.asked[0]["columns"] == ["a", "b"]
    assert world.model.asked[0]["data"] == [[1, None], [2.5, True]]


def test_probabilities_come_where_they_are_asked_for(world: World) -> None:
    _, document, _ = world.ask({**ROWS, "params": {"probabilities": True}})
    assert document == {"predictions": [0, 0], "probabilities": [[0.75, 0.25]] * 2, "classes": ["no", "yes"]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not of the form"),
        (b"{", "not of the form"),
        (b"[]", "not of the form"),
        (b"\xff\xfe", "not of the form"),
        (b"[" * 100_000, "not of the form"),
        ({}, "one of dataframe_split and dataframe_records"),
        ({**ROWS, "dataframe_records": []}, "one of dataframe_split and dataframe_records"),
        ({**ROWS, "more": 1}, "unknown field"),
        ({"instances": [[1]]}, "unknown field"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "a row with more or fewer cells"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "named twice"),
        ({"dataframe_split": {"columns": [], "data": []}}, "no examples"),
        ({"dataframe_split": {"columns": ["a"], "data": []}}, "no examples"),
        ({"dataframe_records": [{}]}, "no examples"),
        ({"dataframe_split": {"columns": ["a"], "data": [[[1]]]}}, "not of the form"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[NaN]]}}', "not of the form"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1e999]]}}', "not of the form"),
    ],
)
def test_what_is_no_request_is_the_clients_to_correct(world: World, body: Any, said: str) -> None:
    status, document, headers = world.ask(body)
    assert status == 400
    assert said in document["error"]
    assert "X-Mlci-Version" not in headers
    assert world.model.asked == []


@pytest.mark.parametrize(
    ("raises", "status"),
    [(Refused("no column 'a'", theirs=True), 400), (Refused("boom", theirs=False), 500), (Unavailable("gone"), 503)],
)
def test_whose_fault_it_is_shows_in_the_status(world: World, raises: Exception, status: int) -> None:
    world.model.raises = raises
    found, document, headers = world.ask(ROWS)
    assert found == status
    assert str(raises) in document["error"]
    assert ("Retry-After" in headers) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/", {}, None, 404),
        ("GET", "/invocations", {}, None, 405),
        ("POST", "/health", {"Content_Type": "application/json"}, b"{}", 404),
        ("PUT", "/invocations", {}, b"{}", 501),
        ("POST", "/invocations", {"Content_Type": "text/plain"}, b"{}", 415),
        ("POST", "/invocations", {"Content_Type": "application/x-www-form-urlencoded"}, b"a=1", 415),
        ("POST", "/invocations", {"Content_Type": "application/json; charset=latin-1"}, b"{}", 415),
        ("POST", "/invocations", {}, b"{}", 415),
        ("GET", "/health", {"Content_Length": "3"}, b"abc", 400),
    ],
)
def test_what_is_no_call_of_this_server_is_refused(
    world: World, method: str, path: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    assert world.send(method, path, body, **headers)[0] == status
    assert world.ask(ROWS)[0] == 200


def test_a_body_has_a_length_and_is_not_too_long(world: World) -> None:
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert b" 411 " in world.raw(head + b"\r\n")
    assert b" 411 " in world.raw(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert b" 411 " in world.raw(head + b"Content-Length: -1\r\n\r\n")
    assert b" 413 " in world.raw(head + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1))
    assert world.model.asked == []


@pytest.mark.parametrize("content", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_by_any_of_its_names(world: World, content: str) -> None:
    assert world.send("POST", "/invocations", json.dumps(ROWS).encode(), Content_Type=content)[0] == 200


@pytest.mark.parametrize(
    "pieces",
    [
        [b"POST /invocations HTTP/1.1\r\n"] + [b"X-A: b\r\n"] * 50,
        [b"POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"]
        + [b" "] * 50,
        [b""] * 50,
    ],
)
def test_a_request_that_drips_is_closed(world: World, pieces: list[bytes]) -> None:
    started = time.monotonic()
    with contextlib.suppress(ConnectionError):
        world.raw(*pieces, wait=0.1)
    assert time.monotonic() - started < 6
    assert world.model.asked == []


def test_what_is_too_much_at_once_is_told_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.server, "_requests", threading.BoundedSemaphore(2))
    world.model.wait.clear()
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(world.ask(ROWS))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(world.model.asked) < 2:
        time.sleep(0.01)
    status, document, headers = world.ask(ROWS)
    assert (status, document["error"], headers["Retry-After"]) == (503, "too many requests are waiting", "1")
    # Whoever only asks how it is gets an answer all the same.
    assert world.send("GET", "/health")[0] == 200
    world.model.wait.set()
    for thread in threads:
        thread.join()
    assert [status for status, *_ in answers] == [200, 200]


def test_connections_without_end_leave_the_server_standing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.server, "_room", threading.BoundedSemaphore(3))
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(contextlib.closing(socket.create_connection(world.server.server_address[:2])))
        time.sleep(0.2)
        assert b" 503 " in world.raw(b"GET /health HTTP/1.1\r\n\r\n")
        # Those that ask nothing are closed, and there is room again.
        end = time.monotonic() + 10
        while world.raw(b"GET /ping HTTP/1.0\r\n\r\n").split(b" ")[1:2] != [b"200"]:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_health_says_what_answers_and_what_is_wrong(world: World) -> None:
    health = {"status": "ok", "model": "churn", "version": "7", "artifact": "ab" * 32, "checked": True}
    assert world.send("GET", "/health")[:2] == (200, health)
    world.following.trouble = "version 8 cannot be loaded"
    assert world.send("GET", "/health")[:2] == (200, {**health, "trouble": "version 8 cannot be loaded"})
    world.model.pids = ()  # type: ignore[misc, assignment]
    status, document, _ = world.send("GET", "/health")
    assert (status, document["status"], document["version"]) == (503, "unavailable", "7")
    world.following.loaded = None
    world.following.trouble = "nothing is at production yet"
    assert world.send("GET", "/health")[:2] == (
        503, {"status": "unavailable", "trouble": "nothing is at production yet"},
    )  # fmt: skip
    assert world.send("GET", "/ping")[0] == 503
    assert world.ask(ROWS)[0] == 503


def test_a_client_that_waits_for_leave_gets_it_at_once(world: World) -> None:
    body = json.dumps(ROWS).encode()
    head = (
        b"POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection(world.server.server_address[:2], timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert b" 200 " in connection.recv(65536)


def test_draining_lets_requests_end_and_no_more_in(world: World) -> None:
    world.model.wait.clear()
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(world.ask(ROWS)))
    asking.start()
    while not world.model.asked:
        time.sleep(0.01)
    drained: list[bool] = []
    draining = threading.Thread(target=lambda: drained.append(world.server.drain(10)))
    draining.start()
    time.sleep(0.5)
    assert (answers, drained) == ([], [])
    with pytest.raises(OSError, match="refused"):
        world.ask(ROWS)
    world.model.wait.set()
    for thread in (asking, draining):
        thread.join()
    assert (answers[0][0], drained) == (200, [True])
