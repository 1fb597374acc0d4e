"""A proxy on the loopback that loses, refuses and cuts off what passes through it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# 500 and 429 come before the server sees the request; lost and half come after it did what it was asked.
MODES = ("500", "429", "502 after", "lost", "half")


class Faulty:
    """What goes wrong.

    Attributes:
        url: to speak to.
        mode: of the failure, for the first sending of every request that writes; None for none.
        every: whether every request fails, reading or writing, however often it is sent.
        only: fragment of the path that a request must have to fail.
        seen: method and path of every request, in order.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.mode: str | None = None
        self.every = False
        self.only = ""
        self.seen: list[tuple[str, str]] = []
        self.authorizations: set[str | None] = set()
        self._before: set[str] = set()
        self.url = ""

    def fails(self, method: str, path: str, body: bytes) -> str | None:
        """Mode of the failure of this request."""
        self.seen.append((method, path))
        if self.mode is None or self.only not in path:
            return None
        if self.every:
            return self.mode
        if method == "GET" or path.endswith("/search"):
            return None
        key = hashlib.sha256(f"{self.mode} {method} {path}".encode() + body).hexdigest()
        first = key not in self._before
        self._before.add(key)
        return self.mode if first else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer of two small writes would wait for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True
    faulty: Faulty

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            super().handle_one_request()

    def log_message(self, format: str, *args: Any) -> None: ...

    def _pass(self) -> None:
        length = self.headers.get("Content-Length")
        body = self._chunks() if length is None and "Transfer-Encoding" in self.headers else b""
        body = self.rfile.read(int(length)) if length is not None else body
        self.faulty.authorizations.add(self.headers.get("Authorization"))
        mode = self.faulty.fails(self.command, self.path, body)
        if mode in ("500", "429"):
            self._say(int(mode), b"{}", {"Retry-After": "0"})
            return
        server = http.client.HTTPConnection(self.faulty.target.hostname or "", self.faulty.target.port, timeout=30)
        passed = ("Content-Type", "Accept", "Authorization")
        kept = {name: self.headers[name] for name in passed if name in self.headers}
        with contextlib.closing(server):
            server.request(self.command, self.path, body, kept)
            answer = server.getresponse()
            content = answer.read()
        if mode == "502 after":
            self._say(502, b"<html>bad gateway</html>", {})
        elif mode == "lost":
            self.close_connection = True
        elif mode == "half":
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content) + 10))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self._say(answer.status, content, {"Content-Type": answer.getheader("Content-Type", "")})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815 - names of http.server

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _say(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def in_front_of(url: str) -> Iterator[Faulty]:
    """A proxy before a server."""
    faulty = Faulty(url)
    handler = type("Handler", (_Handler,), {"faulty": faulty})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        faulty.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield faulty
        finally:
            server.shutdown()
            thread.join()
