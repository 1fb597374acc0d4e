"""The ledger through kills, stops, races, full disks and a forge that breaks: an entry is whole, or not there."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forge.github import GitHub
from forge.repository import git
from gitlab_server.gitlab import GitLab
from ledgers import (
    REF,
    LedgerWorld,
    brief,
    environ_of,
    files,
    fill,
    github_world,
    gitlab_world,
    local,
    on_github,
    repository,
    sha256,
)

from mlci.adapters.git.call import Answer, Git
from mlci.adapters.gitlab.ledger import ledger as gitlab_ledger
from mlci.adapters.ledger import git as local_ledger
from mlci.adapters.remote.answer import Call
from mlci.adapters.remote.http import Api
from mlci.errors import LedgerMoved, MlciError, ServiceFailed
from mlci.ports.release import Ledger

EVIDENCE = b"evidence of the second entry " * 40
FORK = multiprocessing.get_context("fork")


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "project")
    fill(local(folder, os.environ), "churn", [b"one"])
    return folder


def second(ledger: Ledger, content: bytes = b"two") -> None:
    ledger.append("churn", 2, content, files(EVIDENCE), sha256(b"one"))


def is_whole(ledger: Ledger, content: bytes = b"two") -> bool:
    """Whether the second entry is there, with its evidence; False where nothing of it is."""
    entries = list(ledger.entries("churn"))
    evidence = ledger.file("churn", sha256(EVIDENCE))
    assert (entries, evidence) in (([(1, b"one")], None), ([(1, b"one"), (2, content)], EVIDENCE))
    return len(entries) == 2


def child(action: Callable[[], None], *, group: bool = False) -> int:
    """A forked process that does this and ends with 0, or with 9 where mlci raised an error."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if group:
                os.setsid()
            action()
            code = 0
        except MlciError:
            code = 9
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# Kills.


def calls(project: Path) -> int:
    """How many calls of git one append takes."""
    copy = project.parent / "counted"
    shutil.copytree(project, copy)
    count = [0]
    second(local_ledger.GitLedger(_counting(copy, lambda: count.__setitem__(0, count[0] + 1))))
    shutil.rmtree(copy)
    return count[0]


def _counting(folder: Path, at_each: Callable[[], None]) -> Git:
    found = Git.installed(str(folder), os.environ)
    assert found is not None

    class Counting(Git):
        def ask(self, *words: str, given: bytes = b"", timeout: float = 120.0) -> Answer:
            at_each()
            answer = super().ask(*words, given=given, timeout=timeout)
            at_each()
            return answer

        def having(self, **settings: str) -> Git:
            return Counting(self.program, self.folder, {**self.environ, **settings}, self.overrides)

    return Counting(found.program, found.folder, found.environ, found.overrides)


def test_killed_before_or_after_any_call_of_git_an_entry_is_whole_or_not_there(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The copy that writes has an author of its own; it must go on counting.
    monkeypatch.setattr(local_ledger, "writing", lambda given: given)
    outcomes = []
    for moment in range(1, calls(project) + 1):
        copy = tmp_path / "killed"
        shutil.copytree(project, copy)
        left = [moment]

        def countdown(left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        # Made here: what is replaced above is replaced in the child, too.
        pid = child(lambda copy=copy, countdown=countdown: second(local_ledger.GitLedger(_counting(copy, countdown))))  # type: ignore[misc]
        assert ended(pid) == -signal.SIGKILL
        ledger = local(copy, os.environ)
        outcomes.append(is_whole(ledger))
        second(ledger)
        assert is_whole(ledger)
        shutil.rmtree(copy)

    # Nothing of it was there until the branch moved, and all of it from then on.
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_killed_with_git_at_any_moment_the_next_append_goes_on(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_ledger, "_FORGOTTEN", 0.5)
    started = time.monotonic()
    shutil.copytree(project, tmp_path / "timed")
    second(local(tmp_path / "timed", os.environ))
    whole = time.monotonic() - started
    draw = random.Random(7)
    for _ in range(12):
        copy = tmp_path / "killed"
        shutil.copytree(project, copy)
        pid = child(lambda copy=copy: second(local(copy, os.environ)), group=True)  # type: ignore[misc]
        time.sleep(draw.uniform(0, 1.5 * whole))
        with_group(pid, signal.SIGKILL)
        ended(pid)
        ledger = local(copy, os.environ)
        is_whole(ledger)
        second(ledger)
        assert is_whole(ledger)
        git(copy, "fsck", "--strict")
        shutil.rmtree(copy)


def with_group(pid: int, signal_number: int) -> None:
    for _ in range(100):
        try:
            os.killpg(pid, signal_number)
        except ProcessLookupError:
            time.sleep(0.01)
        else:
            return


def test_stopped_while_another_decides_a_writer_is_told_so_when_it_goes_on(project: Path, tmp_path: Path) -> None:
    ready, go = tmp_path / "ready", tmp_path / "go"

    def slowly() -> None:
        ledger = local(project, os.environ)
        grown = ledger._objects.grown

        def grown_and_stopped(*words: object) -> str:
            made = grown(*words)  # type: ignore[arg-type]
            ready.touch()
            while not go.exists():
                time.sleep(0.01)
            return made

        object.__setattr__(ledger._objects, "grown", grown_and_stopped)
        second(ledger, b"two of the one that was stopped")

    pid = child(slowly)
    while not ready.exists():
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)
    second(local(project, os.environ))
    go.touch()
    os.kill(pid, signal.SIGCONT)

    assert ended(pid) == 9
    assert is_whole(local(project, os.environ))


# Races.


def _write(folder: Path, mark: int, outcomes: multiprocessing.Queue[str]) -> None:
    try:
        local(folder, os.environ).append("churn", 2, b"two by %d" % mark, files(b"of %d" % mark), sha256(b"one"))
    except LedgerMoved:
        outcomes.put("moved")
    except BaseException as error:  # noqa: BLE001 - told to the test
        outcomes.put(repr(error))
    else:
        outcomes.put(f"two by {mark}")


def test_of_twenty_processes_on_one_head_exactly_one_wins(project: Path) -> None:
    outcomes: multiprocessing.Queue[str] = FORK.Queue()  # type: ignore[assignment]
    writers = [FORK.Process(target=_write, args=(project, mark, outcomes)) for mark in range(20)]
    for each in writers:
        each.start()
    found = [outcomes.get(timeout=60) for _ in writers]
    for each in writers:
        each.join()

    (won,) = [each for each in found if each != "moved"]
    assert list(local(project, os.environ).entries("churn")) == [(1, b"one"), (2, won.encode())]
    assert git(project, "rev-list", "--count", REF).decode().strip() == "2"


@pytest.fixture(name="world", params=["github", "gitlab"])
def _world(request: pytest.FixtureRequest) -> LedgerWorld:
    made = {"github": github_world, "gitlab": gitlab_world}[request.param]
    world = made(request.getfixturevalue(request.param))
    fill(world.opened(), "churn", [b"one"])
    return world


def test_of_twenty_writers_to_a_forge_on_one_head_exactly_one_wins(world: LedgerWorld) -> None:
    outcomes: list[str] = []

    def write(mark: int) -> None:
        try:
            world.opened().append("churn", 2, b"two by %d" % mark, {}, sha256(b"one"))
            outcomes.append(f"two by {mark}")
        except BaseException as error:  # noqa: BLE001 - told to the test
            outcomes.append(type(error).__name__)

    writers = [threading.Thread(target=write, args=(mark,)) for mark in range(20)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    assert sorted(outcomes)[:19] == ["LedgerMoved"] * 19
    assert list(world.opened().entries("churn")) == [(1, b"one"), (2, sorted(outcomes)[19].encode())]


# Full disks.


@pytest.mark.parametrize("limit", [0, 30, 60, 120, 200])
def test_where_the_disk_is_full_nothing_is_written_and_nothing_is_in_the_way(project: Path, limit: int) -> None:
    def crowded() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        local_ledger._PATIENCE = 0.2
        local(project, os.environ).append("churn", 2, b"two", files(os.urandom(4000)), sha256(b"one"))

    assert ended(child(crowded)) == 9
    ledger = local(project, os.environ)
    assert list(ledger.entries("churn")) == [(1, b"one")]
    git(project, "fsck", "--strict")
    second(ledger)
    assert is_whole(ledger)


# A forge that breaks.

BREAKS: dict[str, dict[str, object]] = {
    "500": {"status": 500}, "502, done": {"status": 502, "processed": True}, "429": {"status": 429},
    "hung up before": {"drop": "before"}, "hung up after": {"drop": "after"}, "half an answer": {"truncate": True},
}  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize(
    "request_", ["GET /git/matching-refs", "GET /git/commits", "GET /git/trees", "GET /git/blobs", "POST /git/blobs",
                 "POST /git/trees", "POST /git/commits", "PATCH /git/refs"],
)  # fmt: skip
def test_github_breaks_once_and_the_entry_is_there_once(github: GitHub, request_: str, broken: str) -> None:
    fill(github_world(github).opened(), "churn", [b"one"])
    method, path = request_.split()
    github.fault(method, path, **BREAKS[broken])  # type: ignore[arg-type]

    second(on_github(github))

    assert github.traffic.faults[0].times == 0
    assert is_whole(on_github(github))


@pytest.mark.parametrize("broken", BREAKS)
def test_github_breaks_at_the_very_first_entry_and_it_is_there_once(github: GitHub, broken: str) -> None:
    github.add_repository()
    github.fault("POST", "/git/refs", **BREAKS[broken])  # type: ignore[arg-type]

    on_github(github).append("churn", 1, b"one", {}, None)

    assert list(on_github(github).entries("churn")) == [(1, b"one")]


def test_github_says_that_it_refused_what_it_did_and_the_entry_is_there_once(github: GitHub) -> None:
    fill(github_world(github).opened(), "churn", [b"one"])
    refusal = {"message": "Update is not a fast forward", "documentation_url": "https://docs.github.com/rest"}
    github.fault("PATCH", "/git/refs", status=422, body=refusal, processed=True)

    second(on_github(github))

    assert is_whole(on_github(github))


def test_a_rule_that_refuses_is_not_taken_for_a_race(github: GitHub) -> None:
    fill(github_world(github).opened(), "churn", [b"one"])
    refusal = {"message": "Repository rule violations found", "documentation_url": "https://docs.github.com/rest"}
    github.fault("PATCH", "/git/refs", status=422, body=refusal, times=100)

    with pytest.raises(MlciError, match="Repository rule violations found"):
        second(on_github(github))
    assert len(github.asked("PATCH /git/refs/{ref}")) == 3
    assert not is_whole(on_github(github))


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("first", [True, False])
def test_killed_between_any_two_requests_to_github_an_entry_is_whole_or_not_there(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    world, sent = github_world(github), Api._send
    number, after, outcomes = 1, None, []
    if not first:
        number, after = 2, fill(world.opened(), "churn", [b"one"])
    left = [0]

    def send_or_end(api: Api, call: Call) -> object:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return sent(api, call)

    for moment in range(1, 30):
        left[0] = moment
        with monkeypatch.context() as patched:
            patched.setattr(Api, "_send", send_or_end)
            try:
                world.opened().append("churn", number, b"next", files(EVIDENCE), after)
            except Killed:
                outcomes.append(moment)
            else:
                break
        # Nothing of it was seen before the branch moved.
        assert [each for each, _ in world.opened().entries("churn")] == list(range(1, number))
    assert outcomes == list(range(1, len(outcomes) + 1))
    assert len(outcomes) > 4
    assert world.opened().file("churn", sha256(EVIDENCE)) == EVIDENCE


@pytest.mark.parametrize("broken", ["500", "429", "hung up before"])
def test_where_github_stays_broken_nothing_is_written(github: GitHub, broken: str) -> None:
    fill(github_world(github).opened(), "churn", [b"one"])
    github.fault("PATCH", "/git/refs", times=100, **BREAKS[broken])  # type: ignore[arg-type]

    with pytest.raises(ServiceFailed):
        second(on_github(github))

    github.traffic.faults.clear()
    assert not is_whole(on_github(github))


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize(
    "request_", ["GET upload-pack$", "POST git-upload-pack", "GET receive-pack$", "POST git-receive-pack"]
)
def test_gitlab_breaks_once_and_the_entry_is_there_once(gitlab: GitLab, request_: str, broken: str) -> None:
    gitlab.add_project()
    environ = environ_of(gitlab, gitlab.token(role="developer"))
    fill(gitlab_ledger(environ), "churn", [b"one"])
    method, path = request_.split()
    gitlab.fault(method, path, **BREAKS[broken])  # type: ignore[arg-type]

    second(gitlab_ledger(environ, clock=brief()))

    assert gitlab.traffic.faults[0].times == 0
    assert is_whole(gitlab_ledger(environ))


def test_where_gitlab_stays_broken_nothing_is_written_and_the_token_is_not_said(gitlab: GitLab) -> None:
    gitlab.add_project()
    token = gitlab.token(role="developer")
    environ = environ_of(gitlab, token)
    fill(gitlab_ledger(environ), "churn", [b"one"])
    gitlab.fault("POST", "git-receive-pack", times=1000, status=502)

    ledger = gitlab_ledger(environ, clock=brief())
    ledger._patience = type(ledger._patience)(attempts=3)
    with pytest.raises(ServiceFailed) as failed:
        second(ledger)

    assert token not in str(failed.value)
    gitlab.traffic.faults.clear()
    assert not is_whole(gitlab_ledger(environ))
