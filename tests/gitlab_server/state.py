"""What the loopback GitLab remembers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forge.repository import Objects

# Gitlab::Access in lib/gitlab/access.rb.
NO_ONE = "no one"
ROLES = {NO_ONE: 0, "guest": 10, "planner": 15, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}


@dataclass(frozen=True)
class User:
    """A person, or the bot that a project's access token acts as."""

    id: int
    username: str
    bot: bool = False


@dataclass(eq=False)
class Token:
    """A credential.

    Attributes:
        kind: personal, project or job.
        user: whom it acts as.
        scopes: of a personal or project token.
        job: number of the job whose token it is.
        expired, revoked: such a token is told so.
    """

    value: str
    id: int
    kind: str
    user: User
    scopes: tuple[str, ...] = ()
    job: int | None = None
    expired: bool = False
    revoked: bool = False
    created_at: str = ""


@dataclass(eq=False)
class Note:
    """A note on a merge request; those of a discussion share its number.

    Attributes:
        type: DiscussionNote in a thread that can be resolved, None for a note of its own.
    """

    id: int
    merge_request: int
    body: str
    author: User
    discussion: str
    type: str | None
    created_at: str
    updated_at: str
    system: bool = False
    resolved_by: User | None = None
    resolved_at: str | None = None

    @property
    def resolvable(self) -> bool:
        """Whether it is part of a thread."""
        return self.type == "DiscussionNote"


@dataclass(frozen=True)
class Version:
    """What a merge request showed from some time on."""

    id: int
    sha: str
    base_sha: str
    start_sha: str
    created_at: str


@dataclass(frozen=True)
class Push:
    """A push to a branch, as the events of a project have it; ``ref`` is None for one of many branches at once."""

    id: int
    user: User
    ref: str | None
    before: str | None
    after: str | None
    created_at: str


@dataclass(eq=False)
class Group:
    """A group and the roles of its own members; those of the groups above it are members, too."""

    id: int
    path: str
    visibility: str
    members: dict[int, int] = field(default_factory=dict)


@dataclass(eq=False)
class Deployment:
    """A deployment: of a job, or recorded through the API.

    Attributes:
        approvals: who, approved or rejected, and when.
    """

    id: int
    iid: int
    environment: str
    ref: str
    sha: str
    user: User
    status: str
    created_at: str
    updated_at: str
    tag: bool = False
    job: Job | None = None
    approvals: list[tuple[User, str, str]] = field(default_factory=list)


@dataclass(eq=False)
class MergeRequest:
    """A merge request.

    Attributes:
        sha: head of the source branch.
        base_sha, start_sha: where the branches parted, and the target branch at the last push to the source branch.
        merge_sha: the commit that merged it.
        squash_sha: the commit that its commits were made into.
        approvals: who approves, and since when.
        reviewers: what they said last.
    """

    id: int
    iid: int
    title: str
    description: str
    author: User
    project: Project
    source: Project
    source_branch: str
    target_branch: str
    sha: str
    base_sha: str
    start_sha: str
    created_at: str
    updated_at: str
    state: str = "opened"
    merge_sha: str | None = None
    merged_by: User | None = None
    merged_at: str | None = None
    squash_sha: str | None = None
    versions: list[Version] = field(default_factory=list)
    approvals: dict[User, str] = field(default_factory=dict)
    reviewers: dict[User, str] = field(default_factory=dict)

    @property
    def is_fork(self) -> bool:
        """Whether the change comes from another project."""
        return self.source is not self.project

    @property
    def is_draft(self) -> bool:
        """Whether its title says that it is not ready."""
        return self.title.casefold().startswith(("draft:", "[draft]", "(draft)"))


@dataclass(eq=False)
class Job:
    """A job of a pipeline, or a commit status, which GitLab keeps in the same table.

    Attributes:
        external: a commit status that was set from outside.
        artifacts: the archive; None where it left none.
        expired: the archive is gone.
        log: size of the trace, which is an artifact too; None where there is none.
    """

    id: int
    pipeline: Pipeline
    name: str
    stage: str
    status: str
    user: User
    created_at: str
    allow_failure: bool = False
    external: bool = False
    retried: bool = False
    description: str | None = None
    target_url: str | None = None
    coverage: float | None = None
    started_at: str | None = None
    finished_at: str | None = None
    artifacts: bytes | None = None
    expired: bool = False
    expire_at: str | None = None
    log: int | None = None
    parallel: int = 1
    manual: bool = False
    delayed: bool = False


@dataclass(eq=False)
class Pipeline:
    """A pipeline.

    Attributes:
        ref: branch, tag, or the ref of a merge request (refs/merge-requests/1/head, …/merge, …/train).
        source_sha, target_sha: set where it runs on a temporary merge commit.
        before_sha: what the branch was at before the push.
        fixed: its status whatever its jobs come to.
    """

    id: int
    iid: int
    project: Project
    ref: str
    sha: str
    source: str
    user: User
    created_at: str
    updated_at: str
    source_sha: str | None = None
    target_sha: str | None = None
    before_sha: str = "0" * 40
    merge_request: MergeRequest | None = None
    event: str | None = None
    tag: bool = False
    fixed: str | None = None
    jobs: list[Job] = field(default_factory=list)


@dataclass(eq=False)
class ProtectedBranch:
    """A protected branch, and the roles that may push to it and merge into it."""

    id: int
    name: str
    push: int
    merge: int
    allow_force_push: bool = False
    code_owners: bool = False


@dataclass(eq=False)
class Project:
    """A project with all that hangs on it.

    Attributes:
        settings: as GET /projects/:id shows them.
        members: number of a user, and the role.
        allowlist: projects whose job tokens may come in.
        approvals: as GET /projects/:id/approvals shows them.
        lint: what GET /projects/:id/ci/lint answers instead of what the file says.
        premium: whether its group pays for more than the free plan.
        extras: for operations that another module adds.
    """

    id: int
    path: str
    visibility: str
    default_branch: str
    objects: Objects
    forked_from: Project | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    allowlist: set[int] = field(default_factory=set)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    pipelines: dict[int, Pipeline] = field(default_factory=dict)
    protected: dict[str, ProtectedBranch] = field(default_factory=dict)
    approvals: dict[str, Any] = field(default_factory=dict)
    lint: dict[str, Any] | None = None
    premium: bool = False
    extras: dict[str, Any] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[1]

    @property
    def namespace(self) -> str:
        """The path of its group."""
        return self.path.rsplit("/", 1)[0]

    def tip(self, branch: str) -> str | None:
        """The commit a branch is at; read from the file of the ref, since asking git takes a process."""
        file = self.objects.folder / "refs" / "heads" / branch
        return file.read_text().strip() if ".." not in branch and file.is_file() else None

    def jobs(self) -> Iterator[Job]:
        """Jobs and statuses of all its pipelines."""
        for pipeline in self.pipelines.values():
            yield from pipeline.jobs

    def job(self, number: int) -> Job | None:
        """A job by its number."""
        return next((each for each in self.jobs() if each.id == number and not each.external), None)


@dataclass
class State:
    """Everything, and the counters that number it.

    Attributes:
        object_store: where archives are downloaded from; empty where they come from GitLab itself.
        names: what users are called now, by number, where that is not what they were called.
        emails: the accounts that addresses in commits belong to.
        says_when_approved: whether the version is one that says when an approval was given.
        graphql: whether the version is one whose GraphQL API has the fields that are asked for.
    """

    projects: dict[int, Project] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    object_store: str = ""
    groups: dict[str, Group] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    emails: dict[str, User] = field(default_factory=dict)
    says_when_approved: bool = True
    graphql: bool = True
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _ticks: Iterator[int] = field(default_factory=lambda: itertools.count(0))

    def next_id(self) -> int:
        """A number that nothing else has; later ones are higher."""
        return next(self._ids)

    def now(self) -> str:
        """A time of its own for each event, a second after the one before."""
        tick = next(self._ticks)
        return f"2026-02-{1 + tick // 86400:02}T{tick // 3600 % 24:02}:{tick // 60 % 60:02}:{tick % 60:02}.000Z"

    def user(self, username: str, bot: bool = False) -> User:
        """The user of that name, made when first heard of."""
        if username not in self.users:
            self.users[username] = User(self.next_id(), username, bot)
        return self.users[username]

    def rename(self, username: str, to: str) -> User:
        """Give a user another name; whoever asks for the old one gets a new user from now on."""
        found = self.users.pop(username)
        self.names[found.id] = to
        self.users[to] = found
        return found

    def project(self, named: str) -> Project | None:
        """A project by its number or by its path, as an address names it."""
        if named.lstrip("-").isdigit():
            return self.projects.get(int(named))
        return next((each for each in self.projects.values() if each.path.casefold() == named.casefold()), None)

    def job(self, number: int | None) -> Job | None:
        """A job of any project by its number."""
        for project in self.projects.values():
            found = project.job(number or 0)
            if found is not None:
                return found
        return None
