"""The same forge three times, in memory and as GitHub and GitLab on the loopback, and how a test sets each up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from forge.repository import git

from mlci.adapters.github.api import connect
from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.github.conversation import GitHubConversation
from mlci.adapters.github.runs import GitHubRuns
from mlci.adapters.gitlab.api import connect as connect_gitlab
from mlci.adapters.gitlab.commits import GitLabCommits, Reads
from mlci.adapters.gitlab.conversation import GitLabConversation, GitLabThreads
from mlci.adapters.gitlab.pipelines import GitLabRuns
from mlci.adapters.gitlab.run import here, read_run
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock
from mlci.domain.run import Change, ChangedFiles, Triggering
from mlci.ports import Check, Commits, Conversation, Runs, State, Threads
from mlci.testing.forge import MemoryForge

if TYPE_CHECKING:
    from forge.github import GitHub
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Project

REPOSITORY = "owner/repository"
Files = Mapping[str, "bytes | None"]


def impatient() -> Clock:
    """A clock whose waits take no time."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    return Clock(now=lambda: 1_800_000_000.0 + passed[0], monotonic=lambda: passed[0], sleep=sleep, chance=lambda: 0.5)


@dataclass(frozen=True)
class Traits:
    """What differs between forges that keep one contract.

    Attributes:
        longest_comment: in characters.
        error: how the state error is read back.
        folds_case: whether names of statuses are compared without regard to case.
        has_digests: whether the forge says what the digest of an artifact is.
        keeps_attempts: whether what an earlier attempt of a run left is listed too.
        tells_folders: whether a folder is told from what is not there.
        most_files: how many changed files are listed at most; None for all.
    """

    longest_comment: int = 65_536
    error: State = "error"
    folds_case: bool = True
    has_digests: bool = True
    keeps_attempts: bool = True
    tells_folders: bool = True
    most_files: int | None = 300


class World(Protocol):
    """A forge with one repository and two changes, 1 and 2."""

    traits: Traits
    conversation: Conversation
    commits: Commits
    runs: Runs
    threads: Threads | None

    def commit(self, files: Files, parent: str | None = None) -> str: ...
    def push(self, branch: str, files: Files) -> str: ...
    def say(self, number: int, body: str) -> None: ...
    def states(self, commit: str) -> dict[str, tuple[str, str, str]]: ...
    def leave(
        self, name: str, content: bytes, *, run: int, branch: str = "main", event: str = "push", fork: bool = False,
        expired: bool = False, digest: str | None = None, head: str | None = None,
    ) -> None: ...  # fmt: skip


class Checked(World, Protocol):
    """One that has check runs, and runs that the end of another starts."""

    def checks(self, commit: str) -> list[tuple[str, str, str, str]]: ...
    def proposed(self, *, fork: bool) -> tuple[Change, Triggering]: ...


class InMemory:
    """mlci.testing.forge."""

    traits = Traits()

    def __init__(self) -> None:
        self.forge = MemoryForge()
        self.conversation, self.commits, self.runs = self.forge.conversation, self.forge.commits, self.forge.runs
        self.threads: Threads | None = self.forge.threads

    def commit(self, files: Files, parent: str | None = None) -> str:
        return self.forge.commits.commit(files, parent)

    def push(self, branch: str, files: Files) -> str:
        self.forge.commits.branches[branch] = self.commit(files)
        return self.forge.commits.branches[branch]

    def say(self, number: int, body: str) -> None:
        self.forge.conversation.say(number, body)

    def states(self, commit: str) -> dict[str, tuple[str, str, str]]:
        return {one.context: (one.state, one.description, one.url) for one in self.forge.commits.statuses[commit]}

    def checks(self, commit: str) -> list[tuple[str, str, str, str]]:
        found = self.forge.commits.checks
        return [shown(check) for (on, *_), check in found.items() if on == commit]

    def leave(self, name: str, content: bytes, **how: object) -> None:
        self.forge.runs.leave(name, content, **how)  # type: ignore[arg-type]

    def proposed(self, *, fork: bool) -> tuple[Change, Triggering]:
        base, head = self.commit({"a": b"1"}), self.commit({"a": b"2"})
        change = Change(number=3, head=head, base=base, base_branch="main", fork=fork)
        self.forge.runs.changes.append(change)
        return change, ended(head, "feature", "stranger/repository" if fork else REPOSITORY)


class OnTheLoopback:
    """The adapters, and a GitHub that holds them to its published description."""

    traits = Traits()
    threads: Threads | None = None

    def __init__(self, github: GitHub) -> None:
        self.github = github
        github.add_repository()
        for branch in ("one", "two"):
            github.commit({"train.py": branch}, branch)
            github.open_pull_request(branch)
        self.token = github.token(
            permissions={"contents": "read", "actions": "read", "checks": "write", "statuses": "write",
                         "pull-requests": "write"}
        )  # fmt: skip
        self.api = self.connected(self.token)
        self.conversation = GitHubConversation(self.api, REPOSITORY)
        self.commits = GitHubCommits(self.api, REPOSITORY)
        self.runs = GitHubRuns(self.api, REPOSITORY)
        self._branches = 0

    def connected(self, token: str) -> Api:
        return connect({"GITHUB_API_URL": self.github.enterprise_url, "MLCI_TOKEN": token}, clock=impatient())

    def commit(self, files: Files, parent: str | None = None) -> str:
        self._branches += 1
        return self.github.commit(files, f"branch-{self._branches}", parent=parent)

    def push(self, branch: str, files: Files) -> str:
        return self.github.commit(files, branch)

    def say(self, number: int, body: str) -> None:
        self.github.add_comment(number, body)

    def states(self, commit: str) -> dict[str, tuple[str, str, str]]:
        found = self.github.statuses(commit)
        return {name: (one.state, one.description or "", one.target_url or "") for name, one in found.items()}

    def checks(self, commit: str) -> list[tuple[str, str, str, str]]:
        found = [one for one in self.github.repository().checks.values() if one.sha == commit]
        return [
            (one.name, one.fields["external_id"], one.fields["conclusion"], one.fields["output"]["summary"])
            for one in found
        ]

    def leave(
        self, name: str, content: bytes, *, run: int, branch: str = "main", event: str = "push", fork: bool = False,
        expired: bool = False, digest: str | None = None, head: str | None = None,
    ) -> None:  # fmt: skip
        there = self.github.repository()
        if fork and "stranger/repository" not in self.github.state.repositories:
            self.github.add_repository("stranger/repository", fork_of=REPOSITORY)
        if run not in there.runs:
            source = "stranger/repository" if fork else None
            sha = head or there.tip("main")
            self.github.add_run(event=event, branch=branch, id=run, head_repository=source, sha=sha)
        claimed = f"sha256:{digest}" if digest else "right"
        self.github.put_artifact(run, name, content, expired=expired, digest=claimed)

    def proposed(self, *, fork: bool) -> tuple[Change, Triggering]:
        source = "stranger/repository" if fork else None
        if fork:
            self.github.add_repository("stranger/repository", fork_of=REPOSITORY)
        head = self.github.commit({"train.py": "better"}, "feature", repository=source)
        pull = self.github.open_pull_request("feature", fork=source)
        change = Change(number=pull.number, head=head, base=pull.base_sha, base_branch="main", fork=fork)
        return change, ended(head, "feature", source or REPOSITORY)


class OnGitLab:
    """The adapters, and a GitLab that holds them to its published description and its source."""

    traits = Traits(
        longest_comment=1_000_000, error="failure", folds_case=False, has_digests=False, keeps_attempts=False,
        tells_folders=False, most_files=None,
    )  # fmt: skip

    def __init__(self, gitlab: GitLab, folder: Path) -> None:
        self.gitlab, self.checkout = gitlab, folder
        self.project = gitlab.add_project()
        for branch in ("one", "two"):
            gitlab.commit({"train.py": branch}, branch)
        pulls = [gitlab.open_merge_request(branch) for branch in ("one", "two")]
        self.job = gitlab.add_job(gitlab.add_pipeline(merge_request=pulls[0]))
        # On the protected default branch, whose pipelines take statuses of those who may push there.
        self.environ = gitlab.environ(self.job, folder=folder, token=gitlab.token(role="maintainer"))
        self.access = connect_gitlab(self.environ, clock=impatient())
        # The loopback serves no git: a commit that the checkout lacks is nowhere.
        self.here = replace(here(self.environ), remote="http://127.0.0.1:9/nobody.git")
        number = self.here.project
        run = read_run(self.environ, Reads(self.access, number).tip)
        assert run is not None
        self.run = run
        self.conversation: Conversation = GitLabConversation(self.access, number, self.here.page)
        self.threads: Threads | None = GitLabThreads(self.access, number)
        self.commits: Commits = _Fetching(self)
        self.runs: Runs = GitLabRuns(self.access, number)
        self._branches = 0

    def commit(self, files: Files, parent: str | None = None) -> str:
        self._branches += 1
        return self.gitlab.commit(files, f"branch-{self._branches}", parent=parent)

    def push(self, branch: str, files: Files) -> str:
        return self.gitlab.commit(files, branch)

    def say(self, number: int, body: str) -> None:
        self.gitlab.say(number, body)

    def states(self, commit: str) -> dict[str, tuple[str, str, str]]:
        words = {"failed": "failure"}
        found = self.gitlab.statuses(commit)
        return {
            name: (words.get(one.status, one.status), one.description or "", one.target_url or "")
            for name, one in found.items()
        }

    def leave(
        self, name: str, content: bytes, *, run: int, branch: str = "main", event: str = "push", fork: bool = False,
        expired: bool = False, digest: str | None = None, head: str | None = None,
    ) -> None:  # fmt: skip
        assert digest is None
        if fork and self.gitlab.state.project("stranger/project") is None:
            self.gitlab.add_project("stranger/project", fork_of=self.project.path)
        there = self.gitlab.project("stranger/project" if fork else None)
        if run not in there.pipelines and head is not None:
            self._run_for(run, head, event, there)
        if run not in there.pipelines:
            source = {"workflow_dispatch": "web", "pull_request": "merge_request_event", "workflow_run": "trigger"}
            made = self.gitlab.add_pipeline(source.get(event, event), branch, there.tip("main"), project=there.path)
            there.pipelines[run] = there.pipelines.pop(made.id)
            made.id = run
        self.gitlab.add_job(there.pipelines[run], name, status="success", artifacts=content, expired=expired)

    def _run_for(self, run: int, head: str, event: str, there: Project) -> None:
        """A pipeline for a commit: of a merge request that proposes it, or of a branch that is at it."""
        branch = next(name for name, sha in self.project.objects.branches(containing=head).items() if sha == head)
        if there is not self.project:
            there.objects.fetch(self.project.objects, head, f"refs/heads/{branch}")
        if event == "pull_request":
            fork = there.path if there is not self.project else None
            made = self.gitlab.add_pipeline(merge_request=self.gitlab.open_merge_request(branch, fork=fork))
        else:
            source = {"workflow_dispatch": "web"}.get(event, event)
            made = self.gitlab.add_pipeline(source, branch, head, project=there.path)
        there.pipelines[run] = there.pipelines.pop(made.id)
        made.id = run


class _Fetching(GitLabCommits):
    """As in a job whose checkout has every commit, which that of a change of any two of them would have."""

    def __init__(self, world: OnGitLab) -> None:
        super().__init__(world.access, world.here, world.run, world.environ)
        self._world = world

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        world = self._world
        if not world.checkout.exists():
            git(world.checkout.parent, "clone", "--quiet", str(world.project.objects.folder), str(world.checkout))
        git(world.checkout, "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*")
        return super().changed_files(base, head)


def shown(check: Check) -> tuple[str, str, str, str]:
    return check.name, check.external_id, check.conclusion, check.summary


def ended(head: str, branch: str, repository: str | None) -> Triggering:
    return Triggering(
        id=7, attempt=1, event="pull_request", head=head, head_branch=branch, head_repository=repository, url="u"
    )
