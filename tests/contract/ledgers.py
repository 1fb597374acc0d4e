"""Ledgers in memory, in a local repository, pushed to GitLab and through GitHub's API, as one test speaks of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forge.repository import git
from worlds import REPOSITORY, impatient

from mlci.adapters.git.call import Git
from mlci.adapters.github.api import connect
from mlci.adapters.gitlab.ledger import ledger as gitlab_ledger
from mlci.adapters.ledger.git import GitLedger
from mlci.adapters.ledger.github import GitHubLedger
from mlci.adapters.remote.patience import Clock
from mlci.ports.release import Ledger

if TYPE_CHECKING:
    from forge.github import GitHub
    from gitlab_server.gitlab import GitLab

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
