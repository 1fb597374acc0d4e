"""What the loopback GitHub remembers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forge.repository import Objects

ACTIONS_APP = 15368
BOT = "github-actions[bot]"


@dataclass(frozen=True)
class Account:
    """Who speaks: a person, a bot or an app."""

    login: str
    id: int
    type: str = "User"


@dataclass(frozen=True)
class Token:
    """A credential, whose it is, and what it may do.

    Attributes:
        value: what is sent.
        account: whom comments are by.
        permissions: permission to level, in GitHub's spelling (``pull_requests: write``).
        app: number of the app whose installation it belongs to; None for a person's token.
        repositories: names of those it reaches; None for all.
    """

    value: str
    account: Account
    permissions: Mapping[str, str]
    app: int | None
    repositories: frozenset[str] | None = None


@dataclass
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    issue: int
    body: str
    author: Account
    app: int | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Status:
    """A commit status."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    author: Account
    app: int | None
    created_at: str


@dataclass
class CheckRun:
    """A check run; a job of a workflow is one too."""

    id: int
    sha: str
    name: str
    app: int
    fields: dict[str, Any]

    @property
    def lets_through(self) -> bool:
        """Whether a branch that requires it lets the commit in."""
        return self.fields["status"] == "completed" and self.fields["conclusion"] in ("success", "neutral", "skipped")


@dataclass(frozen=True)
class IssueEvent:
    """Something that happened to an issue or a pull request."""

    id: int
    event: str
    actor: Account
    created_at: str


@dataclass
class Review:
    """A review of a pull request; one that is dismissed stays where it was."""

    id: int
    author: Account
    state: str
    commit: str | None
    at: str
    body: str = ""


@dataclass(frozen=True)
class Activity:
    """A push to a ref; without an actor where the account is gone."""

    id: int
    before: str
    after: str
    ref: str
    kind: str
    actor: Account | None
    at: str


@dataclass
class Pull:
    """A pull request.

    Attributes:
        head_repository: owner/name the head comes from; None once that is deleted.
        head_owner: owner of it, which stays known.
        landed: commits of the base branch that it became: one, or with a rebase one for each of its own.
        merged_of: head and base that ``merge_sha`` was tried for.
        events: what happened to it, oldest first.
        reviews: of it, oldest first.
    """

    number: int
    title: str
    body: str
    author: Account
    head_branch: str
    head_repository: str | None
    head_owner: str
    base_branch: str
    head_sha: str
    base_sha: str
    state: str = "open"
    draft: bool = False
    merge_sha: str | None = None
    merged: bool = False
    merged_at: str | None = None
    landed: tuple[str, ...] = ()
    created_at: str = ""
    merged_of: tuple[str, str] | None = None
    events: list[IssueEvent] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    @property
    def base_of(self) -> str:
        """The base that it was last tried on, which is not moved by its own merge."""
        return self.merged_of[1] if self.merged_of else self.base_sha


@dataclass
class WorkflowRun:
    """A run of a workflow."""

    id: int
    name: str
    path: str
    event: str
    head_branch: str | None
    head_sha: str
    head_repository: str | None
    head_repository_id: int
    number: int
    attempt: int
    status: str
    conclusion: str | None
    pulls: tuple[int, ...]
    created_at: str
    # Login, state and environment of each, oldest first.
    approvals: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Artifact:
    """A file that a run left."""

    id: int
    name: str
    run: int
    content: bytes
    digest: str | None
    created_at: str
    expired: bool = False
    size: int | None = None


@dataclass
class Protection:
    """What a branch asks for before it takes a commit.

    Attributes:
        contexts: name of each required check, and the app it must come from (None: any).
        kind: ruleset or classic.
        merge_queue: whether commits only come in through the queue.
        rules: further rules of the ruleset, as the API shows them.
    """

    contexts: dict[str, int | None]
    kind: str
    merge_queue: bool = False
    strict: bool = False
    rules: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Deployment:
    """A deployment, with what was said of it: state, description and the other fields, oldest first."""

    id: int
    sha: str
    fields: dict[str, Any]
    account: Account
    created_at: str
    statuses: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Repository:
    """A repository with all that hangs on it."""

    id: int
    name: str
    default_branch: str
    private: bool
    objects: Objects
    fork_of: str | None = None
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    activity: list[Activity] = field(default_factory=list)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The part of the name before the slash."""
        return self.name.split("/")[0]

    def ref(self, branch: str) -> str:
        """Where a branch lives in the objects; a fork keeps its branches apart from those of its parent."""
        return f"refs/forks/{self.name}/{branch}" if self.fork_of else f"refs/heads/{branch}"

    def tip(self, branch: str) -> str | None:
        """The commit a branch is at."""
        return self.objects.resolve(self.ref(branch))


@dataclass
class State:
    """Everything, and the counters that number it."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    # Login to state (active or pending), by organisation and team.
    teams: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    # Logins of author and committer of commits that are not the contributor's; None for an address of no account.
    writers: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _ticks: Iterator[int] = field(default_factory=lambda: itertools.count(0))

    def next_id(self) -> int:
        """A number that nothing else has; later ones are higher."""
        return next(self._ids)

    def now(self) -> str:
        """A time of its own for each event, a second after the one before."""
        tick = next(self._ticks)
        return f"2026-02-{1 + tick // 86400:02}T{tick // 3600 % 24:02}:{tick // 60 % 60:02}:{tick % 60:02}Z"

    def account(self, login: str) -> Account:
        """The account of that login, made when it is first heard of."""
        if login not in self.accounts:
            kind = "Bot" if login.endswith("[bot]") else "User"
            number = 41898282 if login == BOT else self.next_id()
            self.accounts[login] = Account(login, number, kind)
        return self.accounts[login]
