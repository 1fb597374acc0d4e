"""What two commits differ in where the checkout is shallow: the rest is fetched beside it, never into it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from repositories import ENVIRON as IDENTITY

from mlci.adapters.git import fetching
from mlci.adapters.git.call import Git
from mlci.adapters.git.fetching import Remote, changed_between
from mlci.domain.run import ChangedFiles

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


@contextmanager
def answering(status: int, headers: dict[str, str], body: str = "") -> Iterator[tuple[int, list[str]]]:
    """A server that gives the one answer; its port, and what came as Authorization."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port, seen
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
    assert found.why is not None
    assert found.why.startswith("git fetch: fatal: unable to access 'http://127.0.0.1:1/project.git/'"), found.why
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


def test_why_a_list_is_unknown_is_told(origin: Path, tmp_path: Path) -> None:
    head = named(origin, "feature")
    (tmp_path / "plain").mkdir()
    assert changed_between(str(tmp_path / "missing"), head, head, None, ENVIRON).why == "there is no checkout"
    nothing = changed_between(str(origin), head, head, None, {"PATH": str(tmp_path / "plain")})
    assert nothing.why == "there is no git in this image"
    plain = changed_between(str(tmp_path / "plain"), head, head, None, ENVIRON).why
    assert plain is not None
    assert plain.startswith("git rev-parse: fatal: not a git repository"), plain
    assert changed_between(str(origin), "1" * 40, head, None, ENVIRON).why == "the checkout lacks a commit"


def test_what_a_server_says_of_a_refusal_is_told_on_one_line_without_the_token(origin: Path) -> None:
    encoded = base64.b64encode(f"gitlab-ci-token:{TOKEN}".encode()).decode()
    refusal = f"ERR no {TOKEN} or {encoded} at https://me:secret@there.invalid/\x1b[2J " + "y" * 2000
    kind = "application/x-git-upload-pack-advertisement"
    body = packed("# service=git-upload-pack\n") + "0000" + packed(refusal)
    with answering(200, {"Content-Type": kind}, body) as (port, _):
        remote = Remote(f"http://127.0.0.1:{port}/project.git", "gitlab-ci-token", TOKEN)
        found = changed_between(str(origin), "1" * 40, named(origin, "feature"), remote, ENVIRON)
    assert found.why is not None
    assert found.why.startswith("git fetch: fatal: remote error: no … or … at https://there.invalid/?[2J yyy")
    assert found.why.isprintable()
    assert len(found.why) < 300


def packed(line: str) -> str:
    """A line as git's protocol has it."""
    return f"{len(line) + 4:04x}{line}"


def test_a_redirect_is_not_followed_and_another_host_sees_nothing(origin: Path, tmp_path: Path) -> None:
    # As if somebody's own settings allowed it.
    (tmp_path / ".gitconfig").write_text("[http]\n\tfollowRedirects = true\n")
    with answering(200, {}) as (other, stolen):
        away = {"Location": f"http://localhost:{other}/project.git/info/refs?service=git-upload-pack"}
        with answering(302, away) as (port, seen):
            remote = Remote(f"http://127.0.0.1:{port}/project.git", "gitlab-ci-token", TOKEN)
            environ = {**ENVIRON, "HOME": str(tmp_path)}
            found = changed_between(str(origin), "1" * 40, named(origin, "feature"), remote, environ)
    assert not found.complete
    assert len(seen) == 1
    assert stolen == []


# Where a change left its base.


def parting(checkout: Path, origin: Path, url: str | None, base: str = "main", head: str = "feature") -> ChangedFiles:
    remote = Remote(url) if url is not None else None
    return changed_between(str(checkout), named(origin, base), named(origin, head), remote, ENVIRON, parting=True)


def test_a_change_is_what_it_did_since_it_left_its_base(
    origin: Path, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    assert sorted(parting(origin, origin, None).paths) == ["file-0", "renamed", "ü\tname"]
    checkout = shallow(origin, tmp_path / "checkout", "feature")
    before = files(checkout)
    found = parting(checkout, origin, server[0])
    assert (sorted(found.paths), found.complete, found.why) == (["file-0", "renamed", "ü\tname"], True, None)
    assert files(checkout) == before


def test_only_the_commits_of_its_history_are_fetched(
    origin: Path, server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(origin, "config", "uploadpack.allowFilter", "true")
    parts: list[list[str]] = []
    whole = fetching._roots

    def looked_at(there: Git, base: str, head: str) -> tuple[str, ...] | None:
        found = whole(there, base, head)
        kept = there.having(GIT_NO_LAZY_FETCH="1").ask("cat-file", "--batch-all-objects", "--batch-check").output
        parts.append([line.split()[1] for line in kept.decode().splitlines()])
        return found

    monkeypatch.setattr(fetching, "_roots", looked_at)
    found = parting(shallow(origin, tmp_path / "checkout", "feature"), origin, server[0])
    assert found.complete
    assert len(parts) == 2, "once in the checkout, and once beside it"
    assert set(parts[1]) == {"commit"}


def test_where_a_shallow_history_ends_a_newer_parting_may_lie_behind(
    origin: Path, server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit is reached by a short way, what was merged since only by a long one."""
    git(origin, "switch", "--quiet", "-c", "long", "main")
    for number in range(6):
        git(origin, "commit", "--quiet", "--allow-empty", "-m", str(number))
    (origin / "file-2").write_text("the change\n")
    git(origin, "commit", "--quiet", "--all", "-m", "the change")
    git(origin, "merge", "--quiet", "--no-edit", "-s", "ours", "main~2", "feature")
    git(origin, "reset", "--quiet", "--hard")
    monkeypatch.setattr(fetching, "_DEPTHS", (3, 2**31 - 1))
    checkout = shallow(origin, tmp_path / "checkout", "long")
    assert parting(checkout, origin, server[0], head="long").paths == ("file-2",)
    assert parting(checkout, origin, None, head="long").why == "the checkout lacks a commit"


def test_what_differs_from_either_of_two_partings_is_a_change(origin: Path) -> None:
    """Two lines that were merged crosswise, one of which then undoes what each had brought."""
    for branch in ("left", "right"):
        git(origin, "switch", "--quiet", "-c", branch, "main")
        (origin / f"of-{branch}").write_text("1\n")
        git(origin, "add", "--all")
        git(origin, "commit", "--quiet", "-m", branch)
    git(origin, "merge", "--quiet", "--no-edit", "left")
    git(origin, "rm", "--quiet", "of-left", "of-right")
    git(origin, "commit", "--quiet", "-m", "neither")
    git(origin, "switch", "--quiet", "left")
    git(origin, "merge", "--quiet", "--no-edit", "right~2")
    found = parting(origin, origin, None, base="left", head="right")
    assert sorted(found.paths) == ["of-left", "of-right"]


def test_parents_that_somebody_made_up_do_not_count(origin: Path) -> None:
    """As a job of a change on the same runner could have left them in the checkout."""
    own = git(origin, "rev-parse", "--absolute-git-dir").strip()
    first, head = named(origin, "main~2"), named(origin, "main")
    Path(own, "info", "grafts").write_text(f"{named(origin, 'feature')} {head} {first}\n")
    assert "file-0" in parting(origin, origin, None).paths
    assert "file-2" not in parting(origin, origin, None).paths


def test_lines_that_have_nothing_in_common_give_an_unknown_list(origin: Path) -> None:
    git(origin, "switch", "--quiet", "--orphan", "other")
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "other")
    assert parting(origin, origin, None, head="other").why == "the two commits have none in common"
