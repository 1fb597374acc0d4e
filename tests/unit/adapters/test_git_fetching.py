"""What two commits differ in where the checkout is shallow: the rest is fetched beside it, never into it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from repositories import ENVIRON as IDENTITY

from mlci.adapters.git.fetching import Remote, changed_between

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
TOKEN = "glcbt-a-token-of-a-job"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=IDENTITY, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(name="origin")
def _origin(tmp_path: Path) -> Path:
    """A repository with three commits, and a branch that left it at the first."""
    top = tmp_path / "served" / "project.git"
    top.mkdir(parents=True)
    git(top, "init", "--quiet", "--initial-branch=main")
    for number in range(3):
        (top / f"file-{number}").write_text(f"{number}\n")
        git(top, "add", "--all")
        git(top, "commit", "--quiet", "-m", str(number))
    git(top, "switch", "--quiet", "-c", "feature", "main~2")
    (top / "file-0").rename(top / "renamed")
    (top / "ü\tname").write_text("x")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "the change")
    git(top, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(top, "config", "http.receivepack", "false")
    return top


@pytest.fixture(name="server")
def _server(origin: Path) -> Iterator[tuple[str, list[str]]]:
    """The repository over HTTP, by git's own program; and what came as Authorization."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            environ = {
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(origin.parent), "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "HTTP_CONTENT_ENCODING":
                self.headers.get("Content-Encoding", ""),
            }  # fmt: skip
            done = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=False)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                name, _, value = line.partition(":")
                self.send_header(name, value.strip())
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/project.git", seen
    server.shutdown()
    server.server_close()


def named(top: Path, name: str) -> str:
    return git(top, "rev-parse", name).strip()


def shallow(origin: Path, folder: Path, branch: str) -> Path:
    git(folder.parent, "clone", "--quiet", "--depth=1", "--branch", branch, origin.as_uri(), str(folder))
    return folder


def files(top: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in top.rglob("*") if path.is_file()}


def test_a_checkout_that_has_both_commits_asks_nobody(origin: Path) -> None:
    found = changed_between(str(origin), named(origin, "main~2"), named(origin, "feature"), None, ENVIRON)
    assert (sorted(found.paths), found.complete) == (["file-0", "renamed", "ü\tname"], True)


def test_what_a_shallow_checkout_lacks_is_fetched_and_the_checkout_stays_as_it_is(
    origin: Path, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, seen = server
    checkout = shallow(origin, tmp_path / "checkout", "feature")
    before = files(checkout)
    remote = Remote(url, "gitlab-ci-token", TOKEN)

    found = changed_between(str(checkout), named(origin, "main~2"), named(origin, "feature"), remote, ENVIRON)

    assert (sorted(found.paths), found.complete) == (["file-0", "renamed", "ü\tname"], True)
    assert files(checkout) == before
    expected = "Basic " + base64.b64encode(f"gitlab-ci-token:{TOKEN}".encode()).decode()
    assert set(seen) == {expected}
    assert TOKEN not in repr(remote)


def test_the_token_stands_in_no_argument_of_git(origin: Path, tmp_path: Path) -> None:
    calls, bin = tmp_path / "calls", tmp_path / "bin"
    bin.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    script = f'#!{sys.executable}\nimport os, sys\nopen({str(calls)!r}, "a").write(repr(sys.argv) + "\\n")\n'
    (bin / "git").write_text(f"{script}os.execv({real!r}, ['git', *sys.argv[1:]])\n")
    (bin / "git").chmod(0o755)
    checkout = shallow(origin, tmp_path / "checkout", "feature")

    environ = {**ENVIRON, "PATH": f"{bin}:{ENVIRON['PATH']}"}
    remote = Remote("http://127.0.0.1:1/project.git", "gitlab-ci-token", TOKEN)
    found = changed_between(str(checkout), named(origin, "main~2"), named(origin, "feature"), remote, environ)

    assert (found.paths, found.complete) == ((), False), "nobody answers there"
    assert "fetch" in calls.read_text()
    assert TOKEN not in calls.read_text()
    assert base64.b64encode(f"gitlab-ci-token:{TOKEN}".encode()).decode() not in calls.read_text()


@pytest.mark.parametrize("base", ["0" * 40, "main", "--upload-pack=evil", "HEAD~1"])
def test_what_is_no_commit_or_nowhere_gives_an_unknown_list(
    base: str, origin: Path, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    found = changed_between(str(origin), base, named(origin, "feature"), Remote(server[0]), ENVIRON)
    assert (found.paths, found.complete) == ((), False)
    (tmp_path / "plain").mkdir()
    head = named(origin, "feature")
    for folder in (tmp_path / "plain", tmp_path / "missing"):
        assert not changed_between(str(folder), head, head, None, ENVIRON).complete
