"""A server in a process of its own, and clients that ask it without a break."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from chain import Repository


class Running:
    """A server in a process of its own."""

    def __init__(self, made: Repository, *words: str, **environ: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.errors = made.folder / "serve.log"
        with self.errors.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlci", "serve", "--port", "0", "--every", "0.3s", *words],
                cwd=made.folder, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "PATH": path, **environ},
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening at http://127.0.0.1:"), self.errors.read_text()
        self.port = int(line.rpartition(":")[2])

    @property
    def said(self) -> str:
        return self.errors.read_text()

    def get(self, path: str = "/health") -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            content = answer.read()
        return answer.status, json.loads(content) if path == "/health" else content.decode()

    def ask(self, *miles: float, connection: HTTPConnection | None = None) -> tuple[int, Any, str | None]:
        own = connection or HTTPConnection("127.0.0.1", self.port, timeout=90)
        body = json.dumps({"dataframe_split": {"columns": ["miles"], "data": [[each] for each in miles]}})
        own.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = own.getresponse()
        document = json.loads(answer.read())
        if connection is None:
            own.close()
        return answer.status, document, answer.headers["X-Mlci-Version"]

    def until(self, is_so: Callable[[int, Any], bool], seconds: float = 180) -> Any:
        """The first health that is so."""
        end = time.monotonic() + seconds
        while True:
            status, health = self.get()
            if is_so(status, health):
                return health
            assert time.monotonic() < end, f"{health}\n{self.said}"
            time.sleep(0.1)

    def serves(self, number: str) -> Any:
        return self.until(lambda status, health: status == 200 and health.get("version") == number)

    def children(self) -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(stat.parent.name))
        return found

    def child(self) -> int:
        """The one process of the one version that is left."""
        end = time.monotonic() + 60
        while len(found := self.children()) != 1:
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def serving(made: Repository, *words: str, **environ: str) -> Iterator[Running]:
    running = Running(made, *words, **environ)
    try:
        yield running
    finally:
        running.stop()


class Hammer:
    """Clients that ask until they are told to stop, every third of them over a new connection each time."""

    def __init__(self, server: Running, at: Mapping[str, int], miles: tuple[int, ...], clients: int = 6) -> None:
        """Start them.

        Args:
            server: that is asked.
            at: by number of the version the miles from which on it says 1.
            miles: that are asked for.
            clients: how many at once.
        """
        self._server, self._at, self._miles = server, at, miles
        self._done = threading.Event()
        self._seen: list[Counter[tuple[Any, ...]]] = [Counter() for _ in range(clients)]
        self._threads = [
            threading.Thread(target=self._ask, args=(each, place % 3 == 0)) for place, each in enumerate(self._seen)
        ]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def _ask(self, seen: Counter[tuple[Any, ...]], new: bool) -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=90)
        while not self._done.is_set():
            try:
                status, document, number = self._server.ask(*self._miles, connection=None if new else connection)
            except OSError as error:
                seen["lost", repr(error)] += 1
                connection.close()
                continue
            answer = {"predictions": [int(each > self._at[str(number)]) for each in self._miles]} if number else None
            right = status == 200 and document == answer
            seen["right", number] += right
            seen["wrong", status, str(document), number] += not right
        connection.close()

    def stop(self) -> Counter[tuple[Any, ...]]:
        """How often each thing was seen."""
        self._done.set()
        for thread in self._threads:
            thread.join()
        return +sum(self._seen, Counter())
