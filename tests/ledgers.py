"""Ledgers in memory, in a local repository, pushed to GitLab and through GitHub's API, as one test speaks of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from forge.repository import git

from mlci.adapters.git.call import Git
from mlci.adapters.github.api import connect
from mlci.adapters.gitlab.ledger import ledger as gitlab_ledger
from mlci.adapters.ledger.git import GitLedger
from mlci.adapters.ledger.github import GitHubLedger
from mlci.adapters.remote.patience import Clock
from mlci.ports.release import Ledger
from mlci.testing.ledger import MemoryLedger

if TYPE_CHECKING:
    from forge.github import GitHub
    from gitlab_server.gitlab import GitLab

REPOSITORY = "owner/repository"
REF = "refs/heads/mlci/ledger"
KINDS = ("memory", "git", "github", "gitlab")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files(*contents: bytes) -> dict[str, bytes]:
    return {sha256(content): content for content in contents}


@dataclass(frozen=True)
class LedgerWorld:
    """A place for a ledger.

    Attributes:
        kind: which.
        opened: the ledger, as another process would open it.
        folder: the repository that its branch is in; None in memory.
    """

    kind: str
    opened: Callable[[], Ledger]
    folder: Path | None = None


def repository(folder: Path) -> Path:
    """A repository with one commit on main, checked out."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "train.py").write_text("print()\n")
    git(folder, "add", "train.py")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def local(folder: Path, environ: Mapping[str, str]) -> GitLedger:
    found = Git.installed(str(folder), environ)
    assert found is not None
    return GitLedger(found)


def fill(ledger: Ledger, model: str, contents: list[bytes]) -> str | None:
    """Append entries one after the other; the digest of the last."""
    after = None
    for number, content in enumerate(contents, 1):
        ledger.append(model, number, content, {}, after)
        after = sha256(content)
    return after


def impatient() -> Clock:
    """A clock whose waits take no time."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    return Clock(monotonic=lambda: passed[0], sleep=sleep, chance=lambda: 0.5)


def brief() -> Clock:
    """A clock whose waits are short, so that threads really take turns."""
    return Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.5) / 10))


def on_github(github: GitHub, *, token: str | None = None, clock: Clock | None = None) -> GitHubLedger:
    secret = token or github.token(permissions={"contents": "write"})
    environ = {"GITHUB_API_URL": github.enterprise_url, "MLCI_TOKEN": secret}
    return GitHubLedger(connect(environ, clock=impatient()), REPOSITORY, clock=clock or brief())


def github_world(github: GitHub) -> LedgerWorld:
    github.add_repository()
    secret = github.token(permissions={"contents": "write"})
    folder = github.repository().objects.folder
    return LedgerWorld("github", lambda: on_github(github, token=secret), folder)


def environ_of(gitlab: GitLab, token: str | None = None) -> dict[str, str]:
    """The environment of a job on the default branch."""
    job = gitlab.add_job(gitlab.add_pipeline())
    return {**gitlab.environ(job, token=token), "PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def gitlab_world(gitlab: GitLab) -> LedgerWorld:
    gitlab.add_project()
    environ = environ_of(gitlab, gitlab.token(role="developer"))
    folder = gitlab.project().objects.folder
    return LedgerWorld("gitlab", lambda: gitlab_ledger(environ, clock=brief()), folder)


# What a test plants: mode and content by path.
Planted = dict[str, tuple[str, bytes]]


def opened(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerWorld:
    """The world of the fixture's parameter."""
    if request.param == "memory":
        memory = MemoryLedger()
        return LedgerWorld("memory", lambda: memory)
    if request.param == "github":
        return github_world(request.getfixturevalue("github"))
    if request.param == "gitlab":
        return gitlab_world(request.getfixturevalue("gitlab"))
    folder = repository(tmp_path / "project")
    return LedgerWorld("git", lambda: local(folder, os.environ), folder)


def plant(world: LedgerWorld, wanted: Planted, *, orphan: bool = False) -> str:
    """Make the branch hold exactly these, by a new commit, as whoever may write to it can."""
    assert world.folder is not None
    tree = _tree(world.folder, wanted)
    before = git(world.folder, "for-each-ref", "--format=%(objectname)", REF).decode().strip()
    parents = ("-p", before) if before and not orphan else ()
    made = git(world.folder, "commit-tree", tree, *parents, "-m", "by hand").decode().strip()
    git(world.folder, "update-ref", REF, made)
    return made


def planted_with(world: LedgerWorld) -> Planted:
    """What the branch holds."""
    assert world.folder is not None
    lines = git(world.folder, "ls-tree", "-r", "-z", REF).decode().split("\0")
    facts = [line.split("\t") for line in lines if line]
    return {
        path: (fact.split()[0], git(world.folder, "cat-file", "blob", fact.split()[2])) for fact, path in facts
    }  # fmt: skip


def begun(world: LedgerWorld, *, twice: bool) -> None:
    """A ledger with one entry, whose folder lists it twice."""
    assert world.folder is not None
    blob = git(world.folder, "hash-object", "-w", "--stdin", given=b"one").decode().strip()
    line = b"100644 000001.json\0" + bytes.fromhex(blob)
    words = ("hash-object", "-w", "-t", "tree", "--literally", "--stdin")
    own = git(world.folder, *words, given=line * (1 + twice)).decode().strip()
    root = git(world.folder, "mktree", given=f"040000 tree {own}\tchurn\n".encode()).decode().strip()
    made = git(world.folder, "commit-tree", root, "-m", "by hand").decode().strip()
    git(world.folder, "update-ref", REF, made)


def _tree(folder: Path, wanted: Planted) -> str:
    lines, below = [], dict[str, Planted]()
    for path, (mode, content) in wanted.items():
        first, _, rest = path.partition("/")
        if rest:
            below.setdefault(first, {})[rest] = (mode, content)
            continue
        kind = "commit" if mode == "160000" else "blob"
        id = (
            "c" * 40
            if kind == "commit"
            else git(folder, "hash-object", "-w", "--stdin", given=content).decode().strip()
        )
        lines.append(f"{mode} {kind} {id}\t{first}\n")
    lines += [f"040000 tree {_tree(folder, inner)}\t{name}\n" for name, inner in below.items()]
    return git(folder, "mktree", "--missing", given="".join(lines).encode()).decode().strip()
