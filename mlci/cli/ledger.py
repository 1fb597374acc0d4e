"""Where decisions are kept: on the forge in a job of one, else in the repository on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.forge import on_github, on_gitlab
from mlci.errors import UsageError

if TYPE_CHECKING:
    from mlci.cli.forge import Forge
    from mlci.ports.release import Ledger
    from mlci.steps.ledger import Book


def ledger_of(forge: Forge | None, environ: Mapping[str, str], config_file: str) -> Ledger:
    """The ledger of the project that a configuration belongs to.

    Args:
        forge: the forge this runs on; None on a developer's machine.
        environ: of the process.
        config_file: the configuration, whose repository that is.

    Raises:
        UsageError: there is no repository to keep a ledger in, or no git to do it with.
        EventUnreadable: what the runner says about the run cannot be used.
    """
    if forge is not None and on_github(environ):
        from mlci.adapters.github.api import connect
        from mlci.adapters.ledger.github import GitHubLedger

        return GitHubLedger(connect(environ), forge.run.repository)
    if forge is not None and on_gitlab(environ):
        from mlci.adapters.gitlab.ledger import ledger

        return ledger(environ)
    return _local(environ, config_file)


def book_of(ledger: Ledger, model: str) -> Book:
    """The part of a ledger that is one model's, decoded."""
    from mlci.adapters.evidence.ledger import read_entry
    from mlci.steps.ledger import Book

    return Book(ledger, model, read_entry)


def _local(environ: Mapping[str, str], config_file: str) -> Ledger:
    from mlci.adapters.git.call import Git
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.ledger.git import GitLedger

    folder = str(Path(config_file).parent)
    repository = Repository.find(folder, environ)
    git = Git.installed(repository.top, environ) if repository is not None else None
    if git is None:
        raise UsageError(
            "decisions are kept in a repository of git, and there is none here, or no git",
            help="git init, or run this in the checkout of the project",
        )
    return GitLedger(git)
