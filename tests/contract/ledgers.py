"""Ledgers in memory, in a local repository, pushed to GitLab and through GitHub's API, as one test speaks of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from forge.repository import git

from mlci.adapters.git.call import Git
from mlci.adapters.ledger.git import GitLedger
from mlci.ports.release import Ledger

REF = "refs/heads/mlci/ledger"
KINDS = ("memory", "git")


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
