"""The forge: changes, commits, runs, jobs, and the baselines that runs leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from mlci.domain.run import Change, ChangedFiles, Run, Triggering

# What the forge (GitHub, GitLab) keeps. Every method raises an S-error of ``mlci.errors`` when the forge does not
# answer after bounded retries, or refuses.

State = Literal["success", "failure", "error", "pending"]
# Faces of a report that only some forges read.
MoreFace = Literal["codequality", "metrics"]


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment on a change.

    Attributes:
        id: of the comment; a later comment has a higher one.
        body: as Markdown.
        mine: whether the identity we write with is its author.
        url: page of the comment.
    """

    id: int
    body: str
    mine: bool
    url: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a commit's status says.

    Attributes:
        context: its name; a later status of the same name replaces this one.
        state: pending and failure and error hold a merge back where the name is required.
        description: one line, at most 140 characters.
        url: where to read more.
    """

    context: str
    state: State
    description: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check run: a status with a page of its own.

    Attributes:
        name: its name.
        external_id: names the run and key it comes from, so that a repeated attempt finds it again.
        conclusion: neutral does not hold a merge back.
        title: at most 255 characters.
        summary: Markdown, at most 65,535 characters.
        url: where to read more.
    """

    name: str
    external_id: str
    conclusion: Literal["success", "neutral", "failure", "action_required"]
    title: str
    summary: str
    url: str


class Conversation(Protocol):
    """The comments on a change."""

    def comments(self, number: int) -> Sequence[Comment]:
        """Every comment, oldest first, all pages."""
        ...

    def add_comment(self, number: int, body: str) -> Comment:
        """Add one; when the answer is lost, look whether it is there before trying again."""
        ...

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the text of one on this change."""
        ...

    def remove_comment(self, number: int, comment: int) -> None:
        """Remove one on this change; one that is gone already is no error."""
        ...


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A thread on a change that can be resolved, and that may hold the merge back until it is.

    Attributes:
        id: of the thread.
        body: of its first comment, as Markdown.
        mine: whether the identity we write with began it.
        resolved: whether somebody has resolved it.
    """

    id: str
    body: str
    mine: bool
    resolved: bool


class Threads(Protocol):
    """The threads on a change, where the forge has ones that hold a merge back."""

    def threads(self, number: int) -> Sequence[Thread]:
        """Every thread that can be resolved, oldest first, all pages."""
        ...

    def open_thread(self, number: int, body: str) -> Thread:
        """Begin one; when the answer is lost, look whether it is there before trying again."""
        ...

    def edit_thread(self, number: int, thread: str, body: str, *, resolved: bool) -> None:
        """Replace the text of its first comment, and resolve it or open it again."""
        ...


class Commits(Protocol):
    """Commits: what is in them, and what is said of them."""

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as that commit has it; None where the commit has no such file.

        Raises:
            ServiceFailed: the forge does not know the commit, or does not answer.
        """
        ...

    def tip(self, branch: str) -> str:
        """The commit a branch is at; a tag of that name is another thing."""
        ...

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        """What head changes since it left base."""
        ...

    def status(self, commit: str, context: str) -> Status | None:
        """The newest status of that name; None where there is none."""
        ...

    def set_status(self, commit: str, status: Status) -> None:
        """Set a commit's status."""
        ...

    def unheld(self, branch: str, context: str) -> str | None:
        """Why a status of this name that is pending would hold no merge to the branch back; None where it surely does.

        What the token may not read counts as a reason.
        """
        ...

    def set_check(self, commit: str, check: Check) -> None:
        """Create a check run on a commit, or update the one with the same name and external id."""
        ...


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a run left with the forge.

    Attributes:
        id: of the artifact.
        name: as the run called it.
        size: bytes, packed.
        run: the run it comes from.
        digest: sha256 of the packed bytes in hexadecimal, where the forge names it.
        expired: whether the forge has thrown its content away.
        nested: whether what was kept lies in a folder of the packed bytes, because the forge packs whole paths.
    """

    id: int
    name: str
    size: int
    run: int
    digest: str | None
    expired: bool = False
    nested: bool = False


class Runs(Protocol):
    """Runs of pipelines, and what they left."""

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        """Artifacts of this exact name, newest run first, expired ones included.

        Only of runs that a push to this branch of this very repository, a schedule or a person started; never of a run
        for a change or from a fork.
        """
        ...

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:
        """Unexpired artifacts of this exact name that runs for changes left, newest first; of each run its newest.

        Runs of forks and of other branches may be among them. What they left is the word of whoever ran them.
        """
        ...

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:
        """The unexpired artifact of this exact name of one run; the last one where it was uploaded again."""
        ...

    def artifact_of_commit(self, name: str, head: str, *, base: str | None = None) -> Artifact | None:
        """The newest unexpired artifact of this exact name that was left for exactly this commit.

        Only of runs of this very repository that a proposed change, or what can only run the commit itself, started:
        never of a fork's, and never of one that a person started, who may choose what it is given.

        Args:
            name: of the artifact.
            head: the commit, 40 hexadecimal digits.
            base: the branch it was proposed to; then no run counts that can have run code of another branch with it.

        Raises:
            ArtifactRefused: there is one, and by the base it does not count.
        """
        ...

    def content(self, artifact: Artifact, limit: int) -> bytes:
        """The packed bytes.

        Raises:
            ArtifactRefused: it is larger than the limit, or its digest is another.
        """
        ...

    def changes_of(self, run: Triggering) -> Sequence[Change]:
        """The open changes whose head is, by the forge's word, the very commit that run was for."""
        ...

    def changes_in(self, run: Run) -> Sequence[Change]:
        """The changes that a run's commit is from.

        Of a run of the default branch those that were merged by what it was pushed with, the newest first; of a run for
        a group in a merge queue those of the group. None of any other, and of a commit that nobody proposed.
        """
        ...


class Job(Protocol):
    """The job that a step runs in, as its runner lets it speak."""

    @property
    def faces(self) -> Sequence[MoreFace]:
        """The faces of a report that this forge reads besides those that are always written."""
        ...

    @property
    def written(self) -> Sequence[str]:
        """Paths of files of its own that hold what is handed on; none where the runner names the files."""
        ...

    def summary(self, markdown: str) -> None:
        """Add to the job's page."""
        ...

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to the steps after this one."""
        ...


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An accepted run of the default branch, as it was kept.

    Attributes:
        evidence: bytes of the gate's evidence.
        predictions: reads the bytes of the predictions that the evidence names; raises ArtifactRefused.
        origin: where it was found, for the report.
        beside: reads another file that was kept with it, by name and largest size; None where there is none.
    """

    evidence: bytes
    predictions: Callable[[], bytes]
    origin: str
    beside: Callable[[str, int], bytes | None]


# No further files.
NONE: Mapping[str, bytes] = MappingProxyType({})


class Baselines(Protocol):
    """Where runs of the default branch leave what changes are compared with."""

    def newest_first(self) -> Iterator[Kept]:
        """What was kept, newest first; nothing where nothing was."""
        ...

    def keep(self, evidence: bytes, predictions: str, run: Run, beside: Mapping[str, bytes] = NONE) -> str | None:
        """Keep a run that was accepted, with the file of predictions that was judged, and say where.

        ``beside`` are further files by name. None where the pipeline itself has to upload them, and where the run may
        not become the baseline.
        """
        ...

    def memories(self) -> Sequence[bytes]:
        """What the newest runs of the default branch remember (``kept.json``), accepted or not.

        Of artifacts only those that ``newest_first`` has come by, because each holds predictions too.
        """
        ...

    def remember(self, memory: bytes, run: Run) -> None:
        """Keep what this run of the default branch remembers, where that is not the pipeline's part."""
        ...
