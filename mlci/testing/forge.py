"""A forge in memory: comments, commits, runs and the job, as ports.py describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlci.domain.baseline import OF_ITS_BRANCH
from mlci.domain.run import Change, ChangedFiles, Run, Triggering
from mlci.errors import ArtifactRefused, MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Artifact, Check, Comment, MoreFace, Status, Thread

_LONGEST_COMMENT = 65_536
# Runs for a change, or for a group of them.
_OF_COMMIT = frozenset({"pull_request", "merge_group"})


@dataclass
class MemoryConversation:
    """ports.Conversation.

    Attributes:
        error: raised by every method while it is set.
        edits: ids of comments that were edited, in order.
    """

    error: MlciError | None = None
    edits: list[int] = field(default_factory=list)
    _said: dict[int, tuple[int, Comment]] = field(default_factory=dict)

    def comments(self, number: int) -> Sequence[Comment]:
        """Every comment, oldest first."""
        _raise(self.error)
        return [comment for on, comment in self._said.values() if on == number]

    def add_comment(self, number: int, body: str) -> Comment:
        """Add one, as us."""
        _raise(self.error)
        return self.say(number, body, mine=True)

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the text of one."""
        _raise(self.error)
        if self._said.get(comment, (None,))[0] != number:
            raise ServiceRefused(f"there is no comment {comment} on {number}")
        _, before = self._said[comment]
        edited = replace(before, body=_short_enough(body))
        self._said[comment] = (number, edited)
        self.edits.append(comment)
        return edited

    def remove_comment(self, number: int, comment: int) -> None:
        """Remove one; one that is gone already is no error."""
        _raise(self.error)
        if self._said.get(comment, (None,))[0] == number:
            del self._said[comment]

    def say(self, number: int, body: str, *, mine: bool = False) -> Comment:
        """Add a comment, as somebody else unless told otherwise."""
        id = max(self._said, default=0) + 1
        url = f"https://forge.invalid/changes/{number}#comment-{id}"
        comment = Comment(id=id, body=_short_enough(body), mine=mine, url=url)
        self._said[id] = (number, comment)
        return comment


@dataclass
class MemoryThreads:
    """ports.Threads.

    Attributes:
        error: raised by every method while it is set.
    """

    error: MlciError | None = None
    _begun: dict[str, tuple[int, Thread]] = field(default_factory=dict)

    def threads(self, number: int) -> Sequence[Thread]:
        """Every thread, oldest first."""
        _raise(self.error)
        return [thread for on, thread in self._begun.values() if on == number]

    def open_thread(self, number: int, body: str) -> Thread:
        """Begin one, as us."""
        _raise(self.error)
        return self.say(number, body, mine=True)

    def edit_thread(self, number: int, thread: str, body: str, *, resolved: bool) -> None:
        """Replace the text of its first comment, and resolve it or open it again."""
        _raise(self.error)
        if self._begun.get(thread, (None,))[0] != number:
            raise ServiceRefused(f"there is no thread {thread} on {number}")
        _, before = self._begun[thread]
        self._begun[thread] = (number, replace(before, body=_short_enough(body), resolved=resolved))

    def say(self, number: int, body: str, *, mine: bool = False) -> Thread:
        """Begin a thread, as somebody else unless told otherwise."""
        thread = Thread(id=f"{len(self._begun) + 1:040x}", body=_short_enough(body), mine=mine, resolved=False)
        self._begun[thread.id] = (number, thread)
        return thread


@dataclass
class MemoryCommits:
    """ports.Commits.

    Attributes:
        error: raised by every method while it is set.
        statuses: by commit, every status that was set, in order.
        checks: by commit, name and external id.
        most_files: how many changed files are listed at most.
        branches: their tips, by name.
        required: names of statuses that hold a merge back, by branch.
    """

    required: dict[str, set[str]] = field(default_factory=dict)
    error: MlciError | None = None
    branches: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    checks: dict[tuple[str, str, str], Check] = field(default_factory=dict)
    most_files: int = 300
    _trees: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    _parents: dict[str, str | None] = field(default_factory=dict)

    def commit(self, files: Mapping[str, bytes | None], parent: str | None = None) -> str:
        """Make a commit that adds, replaces or (None) removes files; its name."""
        tree = dict(self._trees[parent]) if parent is not None else {}
        for path, content in files.items():
            if content is None:
                tree.pop(path, None)
            else:
                tree[path] = content
        digest = hashlib.sha1(repr((sorted(tree.items()), parent, len(self._trees))).encode(), usedforsecurity=False)
        self._trees[digest.hexdigest()], self._parents[digest.hexdigest()] = tree, parent
        return digest.hexdigest()

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as that commit has it; None where the commit has no such file."""
        _raise(self.error)
        tree = self._trees.get(commit)
        if tree is None:
            raise ServiceFailed(f"there is no commit {commit[:12]}")
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise ServiceFailed("no path inside a repository")
        if any(name.startswith(f"{path}/") for name in tree):
            raise ServiceFailed(f"{path} is a folder, not a file")
        return tree.get(path)

    def tip(self, branch: str) -> str:
        """The commit a branch is at."""
        _raise(self.error)
        if branch not in self.branches:
            raise ServiceFailed(f"there is no branch {branch}")
        return self.branches[branch]

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        """What head changes since it left base; an unknown list where the two cannot be compared."""
        _raise(self.error)
        behind = self._history(base)
        root = next((commit for commit in self._history(head) if commit in behind), None)
        if root is None:
            return ChangedFiles(paths=(), complete=False, why="the two commits have none in common")
        before, after = self._trees[root], self._trees[head]
        paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
        return ChangedFiles(paths=tuple(paths[: self.most_files]), complete=len(paths) < self.most_files)

    def status(self, commit: str, context: str) -> Status | None:
        """The newest status of that name; None where there is none."""
        _raise(self.error)
        named = [each for each in self.statuses.get(commit, []) if each.context.casefold() == context.casefold()]
        return named[-1] if named else None

    def set_status(self, commit: str, status: Status) -> None:
        """Set a commit's status."""
        _raise(self.error)
        self._known(commit)
        self.statuses.setdefault(commit, []).append(replace(status, description=status.description[:140]))

    def unheld(self, branch: str, context: str) -> str | None:
        """Why a status of this name that is pending would hold no merge to the branch back."""
        _raise(self.error)
        return None if context in self.required.get(branch, ()) else f"{branch} does not require the status {context}"

    def set_check(self, commit: str, check: Check) -> None:
        """Create a check run on a commit, or update the one with the same name and external id."""
        _raise(self.error)
        self._known(commit)
        self.checks[commit, check.name, check.external_id] = check

    def _history(self, commit: str | None) -> list[str]:
        found = []
        while commit is not None and commit in self._trees:
            found.append(commit)
            commit = self._parents[commit]
        return found

    def _known(self, commit: str) -> None:
        if commit not in self._trees:
            raise ServiceRefused(f"there is no commit {commit[:12]}")


@dataclass(frozen=True)
class _Left:
    """An artifact with what the forge knows of its run."""

    artifact: Artifact
    content: bytes
    branch: str
    event: str
    fork: bool
    head: str | None


@dataclass
class MemoryRuns:
    """ports.Runs.

    Attributes:
        error: raised by every method while it is set.
        changes: open changes.
        merged: the changes that a commit is from.
    """

    error: MlciError | None = None
    changes: list[Change] = field(default_factory=list)
    merged: dict[str, list[Change]] = field(default_factory=dict)
    _left: list[_Left] = field(default_factory=list)

    def leave(
        self,
        name: str,
        content: bytes,
        *,
        run: int,
        branch: str = "main",
        event: str = "push",
        fork: bool = False,
        expired: bool = False,
        digest: str | None = None,
        head: str | None = None,
    ) -> Artifact:
        """Leave an artifact, as a run on a branch would, or one for a commit; without a digest, with its own."""
        number = len(self._left) + 1
        digest = digest or hashlib.sha256(content).hexdigest()
        artifact = Artifact(id=number, name=name, size=len(content), run=run, digest=digest, expired=expired)
        self._left.append(_Left(artifact, content, branch, event, fork, head))
        return artifact

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        """Artifacts of this exact name, newest run first, expired ones included; see ports.Runs for whose."""
        _raise(self.error)
        for left in sorted(self._named(name), key=lambda each: (each.artifact.run, each.artifact.id), reverse=True):
            if left.branch == branch and left.event in OF_ITS_BRANCH and not left.fork:
                yield left.artifact

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:
        """Unexpired artifacts of this exact name that runs for changes left, newest first; of each run its newest."""
        _raise(self.error)
        newest = {left.artifact.run: left.artifact for left in self._named(name) if not left.artifact.expired}
        yield from sorted(newest.values(), key=lambda each: each.id, reverse=True)

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:
        """The unexpired artifact of this exact name of one run; the last one where it was uploaded again."""
        _raise(self.error)
        found = [left.artifact for left in self._named(name) if left.artifact.run == run and not left.artifact.expired]
        return found[-1] if found else None

    def artifact_of_commit(self, name: str, head: str, *, base: str | None = None) -> Artifact | None:  # noqa: ARG002 - the port's shape
        """The newest unexpired artifact of this exact name that was left for exactly this commit."""
        _raise(self.error)
        found = [
            left.artifact
            for left in self._named(name)
            if left.head == head and left.event in _OF_COMMIT and not left.fork and not left.artifact.expired
        ]
        return max(found, key=lambda each: (each.run, each.id), default=None)

    def content(self, artifact: Artifact, limit: int) -> bytes:
        """The packed bytes."""
        _raise(self.error)
        content = next(left.content for left in self._left if left.artifact.id == artifact.id)
        if len(content) > limit:
            raise ArtifactRefused(f"the artifact has more than {limit:,} bytes")
        if artifact.digest is not None and hashlib.sha256(content).hexdigest() != artifact.digest:
            raise ArtifactRefused("the artifact does not have its digest")
        return content

    def changes_of(self, run: Triggering) -> Sequence[Change]:
        """The open changes whose head is the very commit that run was for."""
        _raise(self.error)
        return [change for change in self.changes if change.head == run.head]

    def changes_in(self, run: Run) -> Sequence[Change]:
        """The changes that a run's commit is from."""
        _raise(self.error)
        return self.merged.get(run.commit, [])

    def _named(self, name: str) -> list[_Left]:
        return [left for left in self._left if left.artifact.name == name]


@dataclass
class MemoryJob:
    """ports.Job.

    Attributes:
        page: what the job's page says.
        values: what was handed on.
        faces: of a report, besides those that are always written.
        written: files of its own.
    """

    page: str = ""
    values: dict[str, str] = field(default_factory=dict)
    faces: Sequence[MoreFace] = ()
    written: Sequence[str] = ()

    def summary(self, markdown: str) -> None:
        """Add to the job's page."""
        self.page += markdown.rstrip("\n") + "\n"

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to the steps after this one."""
        self.values.update(values)


@dataclass
class MemoryForge:
    """All of a forge: no network, no clock, and nothing that outlives it."""

    conversation: MemoryConversation = field(default_factory=MemoryConversation)
    commits: MemoryCommits = field(default_factory=MemoryCommits)
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    job: MemoryJob = field(default_factory=MemoryJob)
    threads: MemoryThreads = field(default_factory=MemoryThreads)


def _raise(error: MlciError | None) -> None:
    if error is not None:
        raise error


def _short_enough(body: str) -> str:
    if len(body) > _LONGEST_COMMENT:
        raise ServiceRefused(f"a comment has at most {_LONGEST_COMMENT:,} characters")
    return body
