"""The loopback GitLab's MLflow endpoint behind a socket."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from registry.gitlab_ml import GitLabMl


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gitlab: GitLabMl

    def log_message(self, format: str, *args: Any) -> None: ...

    def _answer(self) -> None:
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        body = b"".join(self._chunks()) if chunked else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.gitlab.answer(self.command, self.path, self.headers, body)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of http.server

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


@contextlib.contextmanager
def served(gitlab: GitLabMl, root: str = "") -> Iterator[GitLabMl]:
    """Serve it on the loopback, below the path ``root``."""
    handler = type("Handler", (_Handler,), {"gitlab": gitlab})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        gitlab.url = f"http://127.0.0.1:{server.server_address[1]}{root}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield gitlab
        finally:
            server.shutdown()
            thread.join()
