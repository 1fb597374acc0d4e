"""A service on the loopback, whoever's it is: what is written down, what goes wrong on purpose, who listens."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from forge.exchange import JSON, Answer


@dataclass(frozen=True)
class Recorded:
    """A request as it came, and what was answered.

    Attributes:
        path: path and query as sent, without the prefix that the API was called under.
        template: of the operation; None where the service has no such path.
        token: the credential, where a known one was sent.
        used: permission and level that let it through; None where none was needed or none was held.
        status: None where the connection was dropped instead.
        below: how templates begin that are about a repository.
    """

    method: str
    path: str
    template: str | None
    token: Any
    used: tuple[str, str] | None
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    below: str = ""

    @property
    def operation(self) -> str:
        """Method and template below the repository, for assertions."""
        return f"{self.method} {(self.template or self.path).removeprefix(self.below)}"


@dataclass
class Fault:
    """Something that goes wrong for the next requests that match.

    Attributes:
        drop: the connection is closed: before the request is processed, or after, so that the answer is lost.
        truncate: half of the true answer is sent, then the connection is closed.
        processed: the request is processed although the status is another.
    """

    method: str
    path: re.Pattern[str]
    times: int
    skip: int
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    drop: str | None
    delay: float
    truncate: bool
    processed: bool
    media: str = JSON

    @property
    def answer(self) -> Answer:
        """What is answered instead."""
        return Answer(self.status or 0, self.body, dict(self.headers), self.media)


@dataclass
class Traffic:
    """What came in, what is to go wrong, and what broke the contract."""

    requests: list[Recorded] = field(default_factory=list)
    downloads: list[Mapping[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The first fault that this request runs into, used up by one."""
        for fault in self.faults:
            if fault.times > 0 and re.fullmatch(fault.method, method) and fault.path.search(path):
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None


class Fronting(Protocol):
    """What stands behind the listeners.

    Attributes:
        name: what the header Server says.
        lock: held while faults are counted.
        credentials: headers that no store of blobs may ever be sent.
        kept: what the store of blobs holds, by the path below its root.
    """

    traffic: Traffic
    lock: Any

    @property
    def name(self) -> str: ...
    @property
    def credentials(self) -> Collection[str]: ...
    @property
    def kept(self) -> Mapping[str, bytes]: ...
    def target(self, whole: str) -> str:
        """Path and query without the prefix that the API was called under."""

    def answer(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Recorded]:
        """Answer a request and write it down."""

    def unanswered(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> Recorded:
        """Write down a request that is not processed."""


class Server(ThreadingHTTPServer):
    """Forgets no connection, so that closing the server closes them all."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> None:
        self.open_connections: set[socket.socket] = set()
        self._tls = tls
        super().__init__(("127.0.0.1", 0), handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake comes with the first read, in a thread of its own: a client that says nothing blocks nobody.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open_connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open_connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of ours."""

    def stop(self) -> None:
        """Stop serving and hang up on everybody."""
        self.shutdown()
        for connection in list(self.open_connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Reads a body, sends an answer whole or in half, hangs up."""

    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet; otherwise the kernel waits for an acknowledgement in between.
    wbufsize = -1
    disable_nagle_algorithm = True
    front: Fronting

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are written down elsewhere."""

    def version_string(self) -> str:
        return self.front.name

    @property
    def sent_headers(self) -> Any:
        """A mapping that finds names in any case."""
        return self.headers

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, answer: Answer, cut: bool = False) -> None:
        data = answer.data()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.body is not None:
            self.send_header("Content-Type", answer.media)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.wfile.flush()
        if cut:
            self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class ApiHandler(Handler):
    """The API."""

    def _serve(self) -> None:
        body, headers = self.read_body(), self.sent_headers
        traffic = self.front.traffic
        with self.front.lock:
            fault = traffic.fault_for(self.command, self.front.target(self.path))
        if fault is None:
            answer, recorded = self.front.answer(self.command, self.path, headers, body)
            traffic.requests.append(recorded)
            self.send(answer)
            return
        self._fail(fault, body)

    def _fail(self, fault: Fault, body: bytes) -> None:
        time.sleep(fault.delay)
        if fault.drop == "before" or (fault.status is not None and not fault.processed):
            recorded = self.front.unanswered(self.command, self.path, self.sent_headers, body)
            answer = fault.answer
        else:
            answer, recorded = self.front.answer(self.command, self.path, self.sent_headers, body)
        if fault.status is not None:
            answer = fault.answer
        status = None if fault.drop else answer.status
        self.front.traffic.requests.append(Recorded(**{**vars(recorded), "status": status}))
        if fault.drop:
            self.hang_up()
        else:
            self.send(answer, cut=fault.truncate)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815


class BlobHandler(Handler):
    """The blob store that artifacts are downloaded from: another host, which must never see a token."""

    def do_GET(self) -> None:
        traffic = self.front.traffic
        traffic.downloads.append(dict(self.headers))
        if any(self.headers.get(name) for name in self.front.credentials):
            traffic.violations.append("the blob store was sent a credential")
            self.send(Answer(400, b"<Error>InvalidAuthenticationInfo</Error>", media="application/xml"))
            return
        fault = traffic.fault_for("BLOB", self.path)
        if fault is not None and fault.status is not None:
            self.send(fault.answer)
            return
        if fault is not None and fault.drop:
            self.hang_up()
            return
        data = self.front.kept.get(self.path.split("?")[0].strip("/"))
        if data is None:
            self.send(Answer(404, b"<Error>BlobNotFound</Error>", media="application/xml"))
            return
        self.send(Answer(200, data, media="application/zip"), cut=fault is not None and fault.truncate)


def started(
    handler: type[Handler], front: Fronting, tls: ssl.SSLContext | None = None
) -> tuple[Server, threading.Thread]:
    """A server on a free port of the loopback, serving."""
    server = Server(type(handler.__name__, (handler,), {"front": front}), tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return server, thread


class Loopback:
    """A service as a test holds it, as far as it is the same for all.

    Attributes:
        title: what to call the service in a failure.
        traffic: what came in and what is to go wrong.
        servers: the listeners and their threads.
    """

    title: str
    traffic: Traffic
    servers: list[tuple[Server, threading.Thread]]

    @property
    def requests(self) -> list[Recorded]:
        """Every request to the API, in order."""
        return self.traffic.requests

    @property
    def downloads(self) -> list[Mapping[str, str]]:
        """Headers of every request to the blob store, in order."""
        return self.traffic.downloads

    @property
    def violations(self) -> list[str]:
        """What broke the contract so far; a test that breaks it on purpose empties this list."""
        return self.traffic.violations

    def asked(self, operation: str) -> list[Recorded]:
        """Requests of one operation, as ``"POST /issues/{issue_number}/comments"``."""
        return [each for each in self.requests if each.operation == operation]

    def check(self) -> None:
        """Fail where a request or an answer broke the contract."""
        if self.violations:
            raise AssertionError(f"{self.title}'s description was broken:\n" + "\n".join(self.violations))

    def close(self) -> None:
        """Hang up and stop."""
        for server, thread in self.servers:
            server.stop()
            thread.join()

    def fault(
        self,
        method: str = ".*",
        path: str = "",
        *,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] = b"",
        media: str = JSON,
        drop: str | None = None,
        delay: float = 0.0,
        truncate: bool = False,
        processed: bool = False,
    ) -> None:
        """Make the next requests go wrong whose method and path (with query) match these expressions.

        Method ``BLOB`` stands for the blob store. Exactly one of status, drop ("before" or "after" the request is
        processed) and truncate, or only a delay. With ``processed`` the status hides that the request was done.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = dict(headers or {})
        self.traffic.faults.append(
            Fault(method, re.compile(path), times, skip, status, sent, data, drop, delay, truncate, processed, media)
        )
