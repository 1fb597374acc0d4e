"""The forge a command runs on, from the environment: the run, what it can ask, and whom its report is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from mlci import publish
from mlci.config.key import NAME
from mlci.errors import Place, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import Run
    from mlci.ports import Commits, Conversation, Job, Runs


@dataclass(frozen=True)
class Forge:
    """A run on a forge, and everything a command can ask of that forge."""

    run: Run
    conversation: Conversation
    commits: Commits
    runs: Runs
    job: Job


def forge_of(environ: Mapping[str, str]) -> Forge | None:
    """The forge whose runner this is; None on a developer's machine.

    Raises:
        EventUnreadable: what the runner says about the run cannot be used.
    """
    from mlci.adapters.github.event import read_run

    run = read_run(environ)
    if run is None:
        return None
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
