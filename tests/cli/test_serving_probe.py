"""promote.verify: what serves is believed when it names the version and answers rows of the holdout as it did."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from chain import repository

from mlci.adapters.mlflow import open_registry
from mlci.adapters.serving import asking, probe
from mlci.cli.serving import serving_of
from mlci.config.load import load
from mlci.config.model import Config
from mlci.config.resolve import resolve
from mlci.errors import Contradiction, FileMissing, OutOfRange
from mlci.ports import Registry, Version


@dataclass
class World:
    """A repository of a user's with one version in its registry, which says "late" from 50 miles on."""

    folder: Path
    registry: Registry
    version: Version
    said: list[str] = field(default_factory=list)

    def serving(self, verify: str, *, strict: bool = True, **environ: str) -> Any:
        file = self.folder / "mlci.yml"
        base = file.read_text().partition("promote:")[0]
        file.write_text(f"{base}promote: {{verify: {{production: {verify}}}}}\n")
        config: Config = resolve(load(str(file), {}, required=True), []).config
        return serving_of(
            config, "production", registry=self.registry, environ={"PATH": "/usr/bin:/bin", **environ},
            file=str(file), say=self.said.append, strict=strict,
        )  # fmt: skip

    @property
    def artifact(self) -> str:
        return self.version.tags["mlci.artifact"]

    def wrong(self, verify: str, **more: Any) -> str | None:
        found: str | None = self.serving(verify, **more).wrong(self.version, self.artifact)
        return found


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = repository(tmp_path_factory.mktemp("served") / "repository")
    assert there.mlci("model-ci") == 0
    return there.folder


@pytest.fixture(name="world")
def _world(made: Path) -> World:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(made), writing=False)
    version = registry.numbered("late-trips", "1")
    assert version is not None
    return World(made, registry, version)


class Server(ThreadingHTTPServer):
    """What serves, as a test wants it."""

    daemon_threads = True

    def __init__(self, world: World) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.health: Any = {
            "status": "ok", "model": "late-trips", "version": "1", "artifact": world.artifact,
        }  # fmt: skip
        self.status, self.at = 200, 50.0
        self.header: str | None = "1"
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.instead: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.answer: Callable[[list[int]], Any] = lambda labels: {"predictions": labels}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.instead is not None:
            return self.server.instead(self)
        if self.path == "/health":
            return self._send(self.server.status, self.server.health)
        return self._send(200, "2.0" if self.path == "/version" else "")

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append((dict(self.headers), body))
        split = body["dataframe_split"]
        place = split["columns"].index("miles")
        labels = [int(row[place] > self.server.at) for row in split["data"]]
        self._send(200, self.server.answer(labels))

    def _send(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode() if not isinstance(document, str) else document.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if self.server.header is not None:
            self.send_header("X-Mlci-Version", self.server.header)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(name="server")
def _server(world: World) -> Iterator[Server]:
    with serving(world) as server:
        yield server


@contextlib.contextmanager
def serving(world: World) -> Iterator[Server]:
    server = Server(world)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def at(server: Server, timeout: str = "1s") -> str:
    return f"{{url: '{server.url}', timeout: {timeout}}}"


def test_the_promoted_version_is_recognised_and_asked_rows_of_the_holdout(world: World, server: Server) -> None:
    assert world.wrong(at(server)) is None
    assert server.asked == ["/health", "/invocations"]
    headers, body = server.bodies[0]
    assert body["dataframe_split"]["columns"] == ["miles"]
    assert len(body["dataframe_split"]["data"]) == 50
    assert not {name.lower() for name in headers} & {"authorization", "cookie"}


def test_it_is_waited_for_until_the_server_has_swapped(world: World, server: Server) -> None:
    server.health["version"] = server.header = "7"

    def swap() -> None:
        time.sleep(0.6)
        server.health["version"] = server.header = "1"

    threading.Thread(target=swap).start()
    assert world.wrong(at(server, "20s")) is None
    assert server.asked.count("/health") > 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"health": {"version": "2"}}, "still answers as version 2"),
        ({"health": {"version": "2", "trouble": "version 1 cannot be loaded"}}, "version 1 cannot be loaded"),
        ({"health": {"artifact": "0" * 64}}, "other files than those that were promoted"),
        ({"health": {"artifact": None}}, "other files than those that were promoted"),
        ({"health": {"model": "other"}}, "another model, 'other'"),
        ({"health": {"version": "\x1b[31m"}}, "still answers as no version"),
        ({"status": 503, "health": {"trouble": "nothing is at production yet"}}, "503 to /health: nothing is at"),
        ({"at": 70.0}, "it answers 0 where the version says 1"),
        ({"header": "2"}, "was answered by version 2"),
        ({"header": None}, "was answered by no version"),
        ({"answer": lambda labels: labels}, "no list of predictions"),
        ({"answer": lambda labels: {"predictions": labels[1:]}}, "answered with 49 predictions"),
        ({"answer": lambda labels: {"predictions": [{"a": 1}] * len(labels)}}, "no form that can be compared"),
        ({"answer": lambda labels: {"predictions": [None] * len(labels)}}, "it answers None where the version says"),
    ],
)
def test_what_is_another_version_or_wrong_is_said(
    world: World, server: Server, change: dict[str, Any], sentence: str
) -> None:
    server.health = {**server.health, **change.pop("health", {})}
    for name, value in change.items():
        setattr(server, name, value)
    said = world.wrong(at(server))
    assert said is not None
    assert sentence in said
    assert "within 1 s: " in said
    assert said.isprintable()


def test_mlflows_server_is_known_by_its_predictions_and_that_is_said(world: World, server: Server) -> None:
    server.health, server.header = "\n", None
    assert world.wrong(at(server)) is None
    assert server.asked == ["/health", "/ping", "/version", "/invocations"]
    assert any("names no version" in line for line in world.said)
    server.at = 70.0
    assert "it answers 0 where the version says 1" in str(world.wrong(at(server)))


def test_words_and_truth_values_are_the_labels_that_were_stored(world: World, server: Server) -> None:
    server.answer = lambda labels: {"predictions": [bool(one) for one in labels]}
    assert world.wrong(at(server)) is None
    server.answer = lambda labels: {"predictions": [f"{one}.0" for one in labels]}
    assert world.wrong(at(server)) is None
    server.answer = lambda labels: {"predictions": [[1.0 - one, float(one)] for one in labels]}
    assert world.wrong(at(server)) is None
    server.answer = lambda labels: {"predictions": [[float(one), 1.0 - one] for one in labels]}
    assert world.wrong(at(server)) is not None


def test_a_redirect_is_not_followed(world: World, server: Server) -> None:
    with serving(world) as other:

        def moved(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"{other.url}/health")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        server.instead = moved
        assert "answers 302 to /health" in str(world.wrong(at(server)))
        assert other.asked == []


def test_a_giant_answer_is_not_read_to_its_end(world: World, server: Server) -> None:
    sent = []

    def giant(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(4096):
                handler.wfile.write(b" " * (1 << 16))
                sent.append(1)

    server.instead = giant
    assert "larger than 1,048,576 bytes" in str(world.wrong(at(server)))
    assert len(sent) < 4096


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_answer_that_drips_is_given_up(
    world: World, server: Server, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "LONGEST", 0.5)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 100000\r\n\r\n" if where == "body" else b"X: "))
        with contextlib.suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b"a")
                handler.wfile.flush()
                time.sleep(0.1)

    server.instead = drip
    started = time.monotonic()
    assert "not over after 0.5 seconds" in str(world.wrong(at(server)))
    assert time.monotonic() - started < 8


def test_nothing_that_answers_is_said(world: World) -> None:
    assert "nothing answers there" in str(world.wrong("{url: 'http://127.0.0.1:9', timeout: 1s}"))


@pytest.mark.parametrize("url", ["ftp://host", "http://u:p@host", "http://host/?a=1", "http://host:x", "file:///etc"])
def test_an_address_that_cannot_be_one_is_refused_before_anything(world: World, url: str) -> None:
    with pytest.raises(OutOfRange) as error:
        world.serving(f"{{url: '{url}'}}")
    assert "u:p" not in str(error.value)


def test_one_of_address_and_command_is_needed(world: World) -> None:
    assert world.serving("{url: 'http://127.0.0.1:1'}") is not None
    for verify in ("{}", "{url: 'http://h', command: 'true'}"):
        with pytest.raises(Contradiction):
            world.serving(verify)


def test_without_the_holdout_nothing_is_promoted_and_a_rollback_goes_by_the_name(
    world: World, server: Server, tmp_path: Path
) -> None:
    holdout = world.folder / "data" / "holdout.csv"
    kept = holdout.read_bytes()
    try:
        for change in (lambda: holdout.write_bytes(kept + b"trip-9,1,0\n"), holdout.unlink):
            change()
            with pytest.raises(FileMissing):
                world.serving(at(server)).prepare(world.version)
            world.said.clear()
            assert world.wrong(at(server), strict=False) is None
            assert any("by its name and digest alone" in line for line in world.said)
            server.health, before = "", server.health
            assert "no example is known" in str(world.wrong(at(server), strict=False))
            server.health = before
    finally:
        holdout.write_bytes(kept)


def test_another_version_of_the_same_name_is_asked_what_its_own_predictions_say(world: World, server: Server) -> None:
    stranger = replace(world.version, tags={**world.version.tags, "mlci.evidence": "0" * 64})
    with pytest.raises(Exception, match="cannot be believed"):
        world.serving(at(server)).prepare(stranger)


def test_a_command_is_told_the_version_and_no_secret(world: World, tmp_path: Path) -> None:
    log = tmp_path / "env"
    secret = {"GITHUB_TOKEN": "ghs_verysecret123456", "MLFLOW_TRACKING_TOKEN": "another-secret-1234"}
    serving = world.serving(f"{{command: 'env > {log}; pwd >> {log}', timeout: 5s}}", **secret)
    serving.prepare(world.version)
    assert serving.wrong(world.version, world.artifact) is None
    found = log.read_text()
    for line in (
        "MLCI_VERSION=1", f"MLCI_ARTIFACT={world.artifact}", "MLCI_STAGE=production", "MLCI_MODEL=late-trips",
        str(world.folder),
    ):  # fmt: skip
        assert line in found.splitlines()
    assert "secret" not in found


def test_a_command_is_repeated_until_it_is_content(world: World, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"test -e {mark} || {{ touch {mark}; exit 3; }}"
    assert world.wrong(f"{{command: '{command}', timeout: 20s}}") is None


def test_what_a_command_said_last_is_in_the_sentence_and_bounded(world: World) -> None:
    said = world.wrong("{command: 'yes | head -c 200000; printf \"no pod \\033[31mis ready\"; exit 3', timeout: 1s}")
    assert said is not None
    assert "exit status 3" in said
    assert "no pod" in said
    assert len(said) < 600
    assert said.isprintable()


def test_a_command_that_hangs_is_ended(world: World) -> None:
    started = time.monotonic()
    assert "took longer" in str(world.wrong("{command: 'sleep 60', timeout: 1s}"))
    assert time.monotonic() - started < 15


def test_no_look_lasts_longer_than_it_may() -> None:
    assert asking.LONGEST <= 20
