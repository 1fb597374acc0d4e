"""The HTTP side of ``mlci serve``: what MLflow's scoring server answers, bounded, with the version named."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from mlci import __version__
from mlci.adapters.serving.child import Cell, Refused
from mlci.adapters.serving.following import Follower
from mlci.adapters.serving.loaded import Unavailable

LARGEST_BODY = 16 << 20
# Connections at a time, and requests that wait for the model or are at it, for each of its processes.
MOST_CONNECTIONS, MOST_REQUESTS = 256, 64
# A request has to be there in full after so long, and a connection without one is closed; seconds.
LONGEST_WAIT = 30.0
_JSON = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
_READ = 1 << 16


class _Split(msgspec.Struct, forbid_unknown_fields=True):
    columns: list[str]
    data: list[list[Cell]]
    index: list[Cell] | None = None


class _Params(msgspec.Struct, forbid_unknown_fields=True):
    probabilities: bool = False


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    dataframe_split: _Split | None = None
    dataframe_records: list[dict[str, Cell]] | None = None
    params: _Params | None = None


class Trouble(Exception):
    """An answer that is no success.

    Attributes:
        status: of it.
        headers: beside those of every answer.
        closes: whether the connection is of no more use.
    """

    def __init__(self, status: int, message: str, *, closes: bool = False, **headers: str) -> None:
        super().__init__(message)
        self.status, self.closes = status, closes
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Server(ThreadingHTTPServer):
    """Listens, and hands each connection to a thread.

    Attributes:
        follower: what answers.
        draining: whether no more requests are wanted.
    """

    daemon_threads = True
    # The default of 5 turns away clients that come at the same time.
    request_queue_size = 256

    def __init__(self, host: str, port: int, follower: Follower, workers: int) -> None:
        """Listen.

        Raises:
            OSError: nobody can listen there.
        """
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Handler)
        self.follower, self.draining = follower, False
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._requests = threading.BoundedSemaphore(MOST_REQUESTS * workers)
        self._lock = threading.Condition()
        self._waiting: dict[socket.socket, float] = {}
        self._at_work = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if self.address_family == socket.AF_INET6 else f"http://{host!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection where there is room for one more."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.settimeout(1.0)
            request.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.heard(request)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to talk about."""

    def awaited(self, connection: socket.socket) -> None:
        """A request is waited for on this connection from now on."""
        with self._lock:
            self._waiting[connection] = time.monotonic() + LONGEST_WAIT

    def heard(self, connection: socket.socket) -> None:
        """A request is there in full, or the connection is at its end."""
        with self._lock:
            self._waiting.pop(connection, None)

    def sweep(self) -> None:
        """Close connections on which a request was waited for too long, all of them while draining."""
        now = time.monotonic()
        with self._lock:
            late = [each for each, until in self._waiting.items() if self.draining or until < now]
        for connection in late:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """A request is at work, up to the last byte of its answer."""
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                self._lock.notify_all()

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """Room for one more prediction.

        Raises:
            Trouble: there is none.
        """
        if not self._requests.acquire(blocking=False):
            raise Trouble(503, "too many requests are waiting", Retry_After="1")
        try:
            yield
        finally:
            self._requests.release()

    def drain(self, seconds: float) -> bool:
        """Let no more requests in, and wait for those that are at work; whether all have ended."""
        self.draining = True
        self.shutdown()
        self.server_close()
        self.sweep()
        with self._lock:
            return self._lock.wait_for(lambda: self._at_work == 0, timeout=seconds)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"mlci/{__version__}", ""
    timeout = LONGEST_WAIT
    # One packet for an answer, and none that waits for the next.
    disable_nagle_algorithm, wbufsize = True, 1 << 16

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of single requests."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - as the base class has it
        """As the base class refuses what is no HTTP: with the reason as JSON."""
        self.close_connection = True
        self._send(code, {"error": message or "this is no request"})

    def handle_one_request(self) -> None:
        """Wait for a request, and answer it."""
        self.server.awaited(self.connection)
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        """A client that waits for leave to send its body is told at once."""
        leave = super().handle_expect_100()
        self.wfile.flush()
        return leave

    def do_GET(self) -> None:
        """Health, and what MLflow's server answers besides."""
        with self.server.answering():
            self._answered(self._get)

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        with self.server.answering():
            self._answered(self._get)

    def do_POST(self) -> None:
        """Predictions."""
        with self.server.answering():
            self._answered(self._post)

    def _answered(self, answer: Any) -> None:
        try:
            if self.server.draining:
                self.close_connection = True
            answer()
        except Trouble as trouble:
            self.close_connection = self.close_connection or trouble.closes
            self._send(trouble.status, {"error": str(trouble)}, trouble.headers)
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def _get(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if length != "0" or "Transfer-Encoding" in self.headers:
            raise Trouble(400, "a GET has no body", closes=True)
        self.server.heard(self.connection)
        path = self.path.partition("?")[0]
        if path == "/health":
            return self._health()
        if path == "/ping":
            loaded = self.server.follower.state.loaded
            return self._send(200 if loaded is not None and not self.server.draining else 503, None)
        if path == "/version":
            return self._send(200, __version__)
        if path == "/invocations":
            raise Trouble(405, "examples are posted", Allow="POST")
        raise Trouble(404, "there are /health, /ping, /version and /invocations")

    def _health(self) -> None:
        state = self.server.follower.state
        loaded, trouble = state.loaded, state.trouble
        document: dict[str, Any] = {"status": "ok"}
        if loaded is not None:
            document |= {
                "model": loaded.model,
                "version": loaded.number,
                "artifact": loaded.artifact,
                "checked": loaded.checked,
            }
        if loaded is not None and not loaded.pids:
            trouble = "the model's process ended and is being started again"
        is_up = loaded is not None and bool(loaded.pids) and not self.server.draining
        if not is_up:
            document["status"] = "draining" if self.server.draining else "unavailable"
        if trouble is not None:
            document["trouble"] = trouble
        self._send(200 if is_up else 503, document)

    def _post(self) -> None:
        if self.path.partition("?")[0] != "/invocations":
            raise Trouble(404, "examples are posted to /invocations", closes=True)
        content = self._content()
        self.server.heard(self.connection)
        request, rows = _asked(content)
        with self.server.room():
            try:
                with self.server.follower.using() as loaded:
                    said = loaded.ask(request, rows)
                    number = loaded.number
            except Unavailable as why:
                raise Trouble(503, str(why), Retry_After="1") from None
            except Refused as why:
                raise Trouble(400 if why.theirs else 500, f"the model gave no prediction: {why}") from None
        document: dict[str, Any] = {"predictions": said.predictions}
        if said.probabilities is not None:
            document |= {"probabilities": said.probabilities, "classes": said.classes}
        self._send(200, document, {"X-Mlci-Version": number})

    def _content(self) -> bytes:
        """The body, in time and no larger than it may be."""
        if not _JSON.fullmatch(self.headers.get("Content-Type", "").strip()):
            raise Trouble(415, "a request is application/json", closes=True)
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,12}", length):
            raise Trouble(411, "a request says its Content-Length, and comes in one piece", closes=True)
        left = int(length)
        if left > LARGEST_BODY:
            raise Trouble(413, f"a request is at most {LARGEST_BODY:,} bytes", closes=True)
        pieces: list[bytes] = []
        while left:
            piece = self.rfile.read1(min(left, _READ))
            if not piece:
                raise Trouble(400, "the request broke off", closes=True)
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        content, kind = b"", "application/json"
        if isinstance(document, str):
            content, kind = document.encode(), "text/plain; charset=utf-8"
        elif document is not None:
            content = msgspec.json.encode(document)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _asked(content: bytes) -> tuple[bytes, int]:
    """The examples of a request as the model's process is asked, and how many there are.

    Raises:
        Trouble: it is none.
    """
    try:
        body = msgspec.json.decode(content, type=_Body)
    except (ValueError, RecursionError) as error:
        raise Trouble(400, f"the request is not of the form that is understood: {str(error)[:300]}") from None
    if (body.dataframe_split is None) == (body.dataframe_records is None):
        raise Trouble(400, "a request holds one of dataframe_split and dataframe_records")
    columns, data = _rows(body)
    if not columns or not data:
        raise Trouble(400, "the request holds no examples")
    if len(set(columns)) < len(columns):
        raise Trouble(400, "a column is named twice")
    if any(len(row) != len(columns) for row in data):
        raise Trouble(400, f"there are {len(columns)} columns, and a row with more or fewer cells")
    wanted = body.params is not None and body.params.probabilities
    return msgspec.json.encode({"columns": columns, "data": data, "probabilities": wanted}), len(data)


def _rows(body: _Body) -> tuple[list[str], list[list[Cell]]]:
    if body.dataframe_split is not None:
        return body.dataframe_split.columns, body.dataframe_split.data
    records = body.dataframe_records or []
    columns = list(dict.fromkeys(name for record in records for name in record))
    return columns, [[record.get(name) for name in columns] for record in records]
