"""The forge a command runs on, from the environment: the run, what it can ask, and whom its report is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from mlci import publish
from mlci.config.key import NAME
from mlci.config.model import DEFAULT_FILE
from mlci.errors import Place, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import Run
    from mlci.ports import Commits, Conversation, Job, Runs


# Where the comment on a change that is only on this machine is written.
COMMENT = ".mlci/comment.md"


@dataclass(frozen=True)
class Forge:
    """A run on a forge, and everything a command can ask of that forge; on a machine without one, no job either."""

    run: Run
    conversation: Conversation
    commits: Commits
    runs: Runs
    job: Job | None


def forge_of(environ: Mapping[str, str], base: str | None = None, config: str = DEFAULT_FILE) -> Forge | None:
    """The forge whose runner this is; None on a developer's machine, unless a base makes a change of what is there.

    Args:
        environ: of the process.
        base: branch or commit that what is checked out on this machine would be merged to; None for no change.
        config: the configuration file, whose repository that is.

    Raises:
        EventUnreadable: what the runner says about the run cannot be used.
        UsageError: a base is given where the forge has its own, or names nothing.
    """
    from mlci.adapters.github.event import read_run

    run = read_run(environ)
    if run is None:
        return None if base is None else _local(environ, base, config)
    if base is not None:
        raise UsageError("--base is for a machine without a forge; here the event says it", place=Place("--base"))
    from mlci.adapters.github.api import connect
    from mlci.adapters.github.commits import GitHubCommits
    from mlci.adapters.github.conversation import GitHubConversation
    from mlci.adapters.github.job import GitHubJob
    from mlci.adapters.github.runs import GitHubRuns

    api = connect(environ)
    return Forge(
        run,
        GitHubConversation(api, run.repository),
        GitHubCommits(api, run.repository),
        GitHubRuns(api, run.repository),
        GitHubJob(environ),
    )


def _local(environ: Mapping[str, str], base: str, config: str) -> Forge:
    """The repository of a file as a forge."""
    from mlci.adapters.git.forge import LocalCommits, LocalConversation, NoRuns, local_run
    from mlci.adapters.git.repository import Repository

    repository = Repository.find(str(Path(config).parent), environ)
    if repository is None:
        raise UsageError(
            "--base needs a repository of git, and git itself", place=Place("--base"), help="leave it out, or git init"
        )
    return Forge(local_run(repository, base), LocalConversation(COMMENT), LocalCommits(repository), NoRuns(), None)


def job_of(environ: Mapping[str, str]) -> Job | None:
    """The job this runs in, for a command that asks the forge nothing; None on a developer's machine."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    from mlci.adapters.github.job import GitHubJob

    return GitHubJob(environ)


def key_of(given: str | None, model: str | None, forge: Forge | None) -> str:
    """Which report this is among those on a change: as given, or the model's; each leg of a matrix has its own.

    Raises:
        UsageError: the key given cannot stand in names.
    """
    if given is not None and not re.fullmatch(NAME, given):
        raise UsageError(f"--key must be letters, digits, '.', '_' and '-', got {given[:60]!r}", place=Place("--key"))
    parts = [given or model or ""]
    if given is None and forge is not None and forge.run.matrix is not None:
        import hashlib

        parts.append(hashlib.sha256(forge.run.matrix.encode()).hexdigest()[:8])
    return "-".join(part for part in parts if part)


@overload
def audience_of(invocation: Invocation, forge: None, model: str | None) -> None: ...
@overload
def audience_of(invocation: Invocation, forge: Forge, model: str | None) -> publish.Audience: ...
def audience_of(invocation: Invocation, forge: Forge | None, model: str | None) -> publish.Audience | None:
    """Whom a report is for: the change that this run is about, or the commit alone; without a forge, nobody."""
    if forge is None:
        return None
    run = forge.run
    return publish.Audience(
        run=run,
        key=key_of(invocation.own.get("key"), model, forge),
        commit=run.commit,
        number=run.change.number if run.change is not None else None,
        conversation=forge.conversation if invocation.wants("comment") else None,
        commits=forge.commits,
        status=invocation.wants("status"),
        check=invocation.wants("check"),
        dry_run=invocation.wants("dry_run"),
    )
