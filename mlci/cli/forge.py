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
from mlci.surface.params import GATE_JOB

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import Run
    from mlci.ports import Commits, Conversation, Deployments, Job, People, Runs, Threads


# Where the comment on a change that is only on this machine is written.
COMMENT = ".mlci/comment.md"


@dataclass(frozen=True)
class Forge:
    """A run on a forge, and everything a command can ask of that forge.

    Attributes:
        threads: that hold a merge back; None where the forge has none.
        job: the job's name, where what it leaves goes by that: on GitLab. None where artifacts have names of their own.
        silent: why nothing can be posted, and how loudly that is said; None where it can.
        people: who can be asked about approvals; None where the forge knows nobody.
        deployments: the record of them that the forge shows; None where it has none.
        gate_job: on GitLab the name of the job that runs the gate in pipelines of merge requests.
    """

    run: Run
    conversation: Conversation
    commits: Commits
    runs: Runs
    threads: Threads | None = None
    job: str | None = None
    silent: publish.Line | None = None
    people: People | None = None
    deployments: Deployments | None = None
    gate_job: str = GATE_JOB.default or ""

    @property
    def is_gitlab(self) -> bool:
        """Whether a status is part of the pipeline that sets it, and artifacts are those of jobs."""
        return self.job is not None


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
    found = _github(environ) or _gitlab(environ)
    if found is None:
        return None if base is None else _local(environ, base, config)
    if base is not None:
        raise UsageError("--base is for a machine without a forge; here the event says it", place=Place("--base"))
    return found


def _github(environ: Mapping[str, str]) -> Forge | None:
    from mlci.adapters.github.event import read_run

    run = read_run(environ)
    if run is None:
        return None
    from mlci.adapters.github.api import connect
    from mlci.adapters.github.commits import GitHubCommits
    from mlci.adapters.github.conversation import GitHubConversation
    from mlci.adapters.github.deployments import GitHubDeployments
    from mlci.adapters.github.people import GitHubPeople
    from mlci.adapters.github.runs import GitHubRuns

    api = connect(environ)
    page = f"{environ.get('GITHUB_SERVER_URL') or 'https://github.com'}/{run.repository}"
    return Forge(
        run,
        GitHubConversation(api, run.repository),
        GitHubCommits(api, run.repository),
        GitHubRuns(api, run.repository),
        deployments=GitHubDeployments(api, run.repository, page),
        people=GitHubPeople(api, run.repository),
    )


def _gitlab(environ: Mapping[str, str]) -> Forge | None:
    if not on_gitlab(environ):
        return None
    from mlci.adapters.gitlab.api import connect
    from mlci.adapters.gitlab.commits import GitLabCommits, Reads
    from mlci.adapters.gitlab.conversation import GitLabConversation, GitLabThreads
    from mlci.adapters.gitlab.deployments import GitLabDeployments
    from mlci.adapters.gitlab.people import GitLabPeople
    from mlci.adapters.gitlab.pipelines import GitLabRuns
    from mlci.adapters.gitlab.run import here, read_run

    access, place = connect(environ), here(environ)
    run = read_run(environ, Reads(access, place.project).tip)
    if run is None:
        return None
    runs = GitLabRuns(access, place.project)
    silent = None if access.write is not None else _unheard(run, is_fork=run.change is not None and run.change.fork)
    return Forge(
        run,
        GitLabConversation(access, place.project, place.page),
        GitLabCommits(access, place, run, environ, runs.newest_for),
        runs,
        GitLabThreads(access, place.project),
        place.job,
        silent,
        people=GitLabPeople(access, place.project, run.repository, place.page, run.default_branch, _approving(environ)),
        deployments=GitLabDeployments(access, place.project, place.page),
    )


def _approving(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The jobs that somebody plays to approve: this one, where the component says that it approves."""
    from mlci.adapters.gitlab.letting import JOB

    own = environ.get("CI_JOB_NAME", "") if environ.get("MLCI_COMMAND") == "approve" else ""
    return (JOB, own) if own else (JOB,)


def _unheard(run: Run, *, is_fork: bool) -> publish.Line:
    """Why a run without a token of the project posts nothing."""
    if is_fork:
        return "notice", (
            "nothing was posted: the pipeline of a fork has no token of the project that it proposes to. The report is "
            "among the artifacts of this job; a pipeline of the project that runs the report step can post it"
        )
    posted = "neither note nor thread nor status" if run.change is not None else "no status"
    return "warning", (
        f"{posted} was posted: GitLab lets the token of a job only read. Set MLCI_TOKEN to a project access token with "
        "the role Developer and the scope api"
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
    return Forge(local_run(repository, base), LocalConversation(COMMENT), LocalCommits(repository), NoRuns())


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether a runner of GitHub Actions started this process."""
    return environ.get("GITHUB_ACTIONS") == "true"


def on_gitlab(environ: Mapping[str, str]) -> bool:
    """Whether a runner of GitLab CI started this process."""
    return environ.get("GITLAB_CI") == "true" and not on_github(environ)


def job_of(environ: Mapping[str, str], command: str, report: str) -> Job | None:
    """The job that a command with its report runs in; None on a developer's machine."""
    if on_github(environ):
        from mlci.adapters.github.job import GitHubJob

        return GitHubJob(environ)
    if on_gitlab(environ):
        from mlci.adapters.gitlab.job import GitLabJob

        return GitLabJob(environ, command, report)
    return None


def said_by_plan(environ: Mapping[str, str]) -> str:
    """Why plan found the model untouched, as its job on GitLab hands it on; empty where it does not."""
    return environ.get("MLCI_OUTPUT_PLAN_REASON", "")


def workspace_of(environ: Mapping[str, str]) -> str | None:
    """The folder that a runner checks out to, which it names artifacts and the files of commits from."""
    return environ.get("GITHUB_WORKSPACE") or environ.get("CI_PROJECT_DIR") or None


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
    # A status of GitLab's is part of the pipeline and counts in its result: one that waits for somebody who is trusted
    # would let no change from a fork ever be merged.
    is_pending = forge.is_gitlab and run.change is not None and run.change.fork
    return publish.Audience(
        run=run,
        key=key_of(invocation.own.get("key"), model, forge),
        commit=run.commit,
        number=run.change.number if run.change is not None else None,
        conversation=forge.conversation if invocation.wants("comment") else None,
        commits=forge.commits,
        threads=forge.threads if invocation.wants("thread") else None,
        status=invocation.wants("status") and not is_pending,
        check=invocation.wants("check"),
        dry_run=invocation.wants("dry_run"),
        silent=forge.silent,
    )
