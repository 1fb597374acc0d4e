"""The loopback's HTTP side: who may ask, what is judged, what goes wrong on purpose, what is written down."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from forge import permissions
from forge.contract import Contract
from forge.exchange import Answer, Refused, Request, unquoted
from forge.routing import OPERATIONS, Operation
from forge.state import State, Token

ENTERPRISE = "/api/v3"


@dataclass(frozen=True)
class Recorded:
    """A request as it came, and what was answered.

    Attributes:
        path: path and query as sent, without an enterprise server's prefix.
        template: of the operation; None where GitHub has no such path.
        token: the credential, where a known one was sent.
        used: permission and level that let it through; None where none was needed or none was held.
        status: None where the connection was dropped instead.
    """

    method: str
    path: str
    template: str | None
    token: Token | None
    used: tuple[str, str] | None
    headers: Mapping[str, str]
    body: bytes
    status: int | None

    @property
    def operation(self) -> str:
        """Method and template below the repository, for assertions."""
        return f"{self.method} {(self.template or self.path).removeprefix('/repos/{owner}/{repo}')}"


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


@dataclass
class Front:
    """Lets requests through to the operations, and judges both ways."""

    state: State
    contract: Contract
    traffic: Traffic
    server: str = ""
    blobs: str = ""
    lock: Any = field(default_factory=threading.RLock)
    # Where another GitHub stands behind this one, it is asked beside the operation of ours.
    behind: Callable[[Request, Operation], Answer] = field(default=lambda request, operation: operation(request))

    def answer(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Recorded]:
        """Answer a request and write it down."""
        prefix = ENTERPRISE if whole.startswith(ENTERPRISE + "/") else ""
        target = whole.removeprefix(prefix)
        found = self.contract.template_of(target.split("?")[0])
        token = self._token(headers)
        used = None
        known: Token | None = None
        try:
            if found is None:
                self._unknown(method, target)
            template, quoted = found or ("", {})
            problems = self.contract.request_problems(
                method, template, target, quoted, body, headers.get("Content-Type") or "application/json"
            )
            self.traffic.violations += problems
            if problems:
                raise Refused(422, "Not by the description: " + "; ".join(problems))
            known = self._known(token, headers)
            request = Request(
                self.state, method, self.server + prefix, self.server, self.blobs, target, template,
                unquoted(quoted), headers, body, known,
            )  # fmt: skip
            used = self._allowed(request)
            answer = self._answered(request)
        except Refused as refused:
            answer = refused.answer
        except Exception as broken:  # noqa: BLE001 - a bug of the loopback must not look like a fault of the network
            self.traffic.violations.append(f"{method} {target}: the loopback broke: {broken!r}")
            answer = Refused(500, "Server Error").answer
        self._judge(method, target, found, answer)
        name = found[0] if found else None
        recorded = Recorded(method, target, name, known, used, dict(headers), body, answer.status)
        return answer, recorded

    def _unknown(self, method: str, target: str) -> None:
        elsewhere = self.contract.is_known_elsewhere(target.split("?")[0])
        what = f"{elsewhere} is not served here" if elsewhere else "GitHub has no such path"
        self.traffic.violations.append(f"request {method} {target}: {what}")
        raise Refused(404, "Not Found")

    def _answered(self, request: Request) -> Answer:
        operation = OPERATIONS.get((request.method, request.template))
        if operation is None:
            self.traffic.violations.append(f"request {request.method} {request.template}: not served here")
            raise Refused(404, "Not Found")
        with self.lock:
            answer = self.behind(request, operation)
        answer.headers.setdefault("X-RateLimit-Limit", "5000")
        answer.headers.setdefault("X-RateLimit-Remaining", "4999")
        answer.headers.setdefault("X-GitHub-Media-Type", "github.v3; format=json")
        return answer

    def _judge(self, method: str, target: str, found: tuple[str, dict[str, str]] | None, answer: Answer) -> None:
        if found is not None and self.contract.operation(method, found[0]) is not None:
            sent = (answer.status, answer.media, answer.data())
            self.traffic.violations += self.contract.response_problems(method, found[0], target, found[1], sent)

    @staticmethod
    def _token(headers: Mapping[str, str]) -> str | None:
        found = re.fullmatch(r"(?i)(?:bearer|token) (\S+)", headers.get("Authorization") or "")
        return found[1] if found else None

    def _known(self, value: str | None, headers: Mapping[str, str]) -> Token | None:
        if not headers.get("User-Agent"):
            raise Refused(403, "Request forbidden by administrative rules. Please send a User-Agent header.")
        if headers.get("Authorization") and (value is None or value not in self.state.tokens):
            raise Refused(401, "Bad credentials")
        return self.state.tokens[value] if value else None

    def _allowed(self, request: Request) -> tuple[str, str] | None:
        """Which permission lets the request through; hidden repositories are not found, the rest is refused."""
        if "owner" not in request.values:
            return None
        repository, token = self.state.repositories.get(request.name), request.token
        reach = token is not None and (token.repositories is None or request.name in token.repositories)
        if repository is None or (repository.private and not reach):
            raise Refused(404, "Not Found")
        if token is None:
            if request.method != "GET":
                raise Refused(401, "Requires authentication")
            return None
        if not reach and request.method == "GET":
            return None
        used = permissions.granted(token.permissions, request.method, request.template) if reach else None
        if used is None:
            accepted = permissions.header(request.method, request.template)
            text = "Resource not accessible by " + ("integration" if token.app else "personal access token")
            raise Refused(403, text, {"X-Accepted-GitHub-Permissions": accepted})
        return used


class _Server(ThreadingHTTPServer):
    """Forgets no connection, so that closing the server closes them all."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.open_connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), handler)

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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet; otherwise the kernel waits for an acknowledgement in between.
    wbufsize = -1
    disable_nagle_algorithm = True
    front: Front

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are written down elsewhere."""

    def version_string(self) -> str:
        return "github.com"

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


class ApiHandler(_Handler):
    """The API."""

    def _serve(self) -> None:
        body = self.read_body()
        traffic = self.front.traffic
        target = self.path.removeprefix(ENTERPRISE) if self.path.startswith(ENTERPRISE + "/") else self.path
        with self.front.lock:
            fault = traffic.fault_for(self.command, target)
        if fault is None:
            answer, recorded = self.front.answer(self.command, self.path, self.headers, body)
            traffic.requests.append(recorded)
            self.send(answer)
            return
        self._fail(fault, target, body)

    def _fail(self, fault: Fault, target: str, body: bytes) -> None:
        time.sleep(fault.delay)
        instead = fault.drop == "before" or (fault.status is not None and not fault.processed)
        if instead:
            template = self.front.contract.template_of(target.split("?")[0])
            answer = Answer(0)
            recorded = Recorded(
                self.command, target, template[0] if template else None, None, None, dict(self.headers), body, None
            )
        else:
            answer, recorded = self.front.answer(self.command, self.path, self.headers, body)
        if fault.status is not None:
            answer = Answer(fault.status, fault.body, dict(fault.headers))
        status = None if fault.drop else answer.status
        self.front.traffic.requests.append(Recorded(**{**vars(recorded), "status": status}))
        if fault.drop:
            self.hang_up()
        else:
            self.send(answer, cut=fault.truncate)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815


class BlobHandler(_Handler):
    """The blob store that artifacts are downloaded from: another host, which must never see a token."""

    def do_GET(self) -> None:
        traffic = self.front.traffic
        traffic.downloads.append(dict(self.headers))
        if self.headers.get("Authorization"):
            traffic.violations.append("the blob store was sent a credential")
            self.send(Answer(400, b"<Error>InvalidAuthenticationInfo</Error>", media="application/xml"))
            return
        fault = traffic.fault_for("BLOB", self.path)
        if fault is not None and fault.status is not None:
            self.send(Answer(fault.status, fault.body, dict(fault.headers)))
            return
        if fault is not None and fault.drop:
            self.hang_up()
            return
        data = self.front.state.blobs.get(self.path.split("?")[0].strip("/"))
        if data is None:
            self.send(Answer(404, b"<Error>BlobNotFound</Error>", media="application/xml"))
            return
        self.send(Answer(200, data, media="application/zip"), cut=fault is not None and fault.truncate)


def started(handler: type[_Handler], front: Front) -> tuple[_Server, threading.Thread]:
    """A server on a free port of the loopback, serving."""
    server = _Server(type(handler.__name__, (handler,), {"front": front}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return server, thread
