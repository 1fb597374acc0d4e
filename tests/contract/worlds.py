"""The same forge twice, in memory and on the loopback, and how a test sets each up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from mlci.adapters.github.api import connect
from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.github.conversation import GitHubConversation
from mlci.adapters.github.runs import GitHubRuns
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock
from mlci.domain.run import Change, Triggering
from mlci.ports import Check, Commits, Conversation, Runs
from mlci.testing.forge import MemoryForge

if TYPE_CHECKING:
    from forge.github import GitHub

REPOSITORY = "owner/repository"
Files = Mapping[str, "bytes | None"]


def impatient() -> Clock:
    """A clock whose waits take no time."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    return Clock(now=lambda: 1_800_000_000.0 + passed[0], monotonic=lambda: passed[0], sleep=sleep, chance=lambda: 0.5)


class World(Protocol):
    """A forge with one repository and two changes, 1 and 2."""

    conversation: Conversation
    commits: Commits
    runs: Runs

    def commit(self, files: Files, parent: str | None = None) -> str: ...
    def push(self, branch: str, files: Files) -> str: ...
    def say(self, number: int, body: str) -> None: ...
    def states(self, commit: str) -> dict[str, tuple[str, str, str]]: ...
    def checks(self, commit: str) -> list[tuple[str, str, str, str]]: ...
    def leave(
        self, name: str, content: bytes, *, run: int, branch: str = "main", event: str = "push", fork: bool = False,
        expired: bool = False, digest: str | None = None,
    ) -> None: ...  # fmt: skip
    def proposed(self, *, fork: bool) -> tuple[Change, Triggering]: ...


class InMemory:
    """mlci.testing.forge."""

    def __init__(self) -> None:
        self.forge = MemoryForge()
        self.conversation, self.commits, self.runs = self.forge.conversation, self.forge.commits, self.forge.runs

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
        expired: bool = False, digest: str | None = None,
    ) -> None:  # fmt: skip
        there = self.github.repository()
        if fork and "stranger/repository" not in self.github.state.repositories:
            self.github.add_repository("stranger/repository", fork_of=REPOSITORY)
        if run not in there.runs:
            source = "stranger/repository" if fork else None
            sha = there.tip("main")
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


def shown(check: Check) -> tuple[str, str, str, str]:
    return check.name, check.external_id, check.conclusion, check.summary


def ended(head: str, branch: str, repository: str | None) -> Triggering:
    return Triggering(
        id=7, attempt=1, event="pull_request", head=head, head_branch=branch, head_repository=repository, url="u"
    )
