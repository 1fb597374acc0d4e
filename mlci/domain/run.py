"""Where a step runs: which run of which repository, and which change it is about.

These are facts from the forge, never from a file that a change could write.
"""

from __future__ import annotations

from dataclasses import dataclass

# What started a run that no forge knows: a person, on a machine of their own.
LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A proposed change: a pull request, or a group of them in a merge queue.

    Attributes:
        number: of the pull request; None for a merge group, which nobody comments on.
        head: commit that is proposed, 40 hexadecimal digits.
        base: commit of the branch it would be merged to, as the event or the API names it.
        base_branch: the name of that branch, without ``refs/heads/``.
        fork: whether the proposed commit comes from another repository, and nobody of this one has chosen to run it.
    """

    number: int | None
    head: str
    base: str
    base_branch: str
    fork: bool


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a pipeline.

    Attributes:
        repository: owner/name.
        id: number of the run; a later run has a higher one.
        attempt: orders the re-runs of one run: counted from 1 on GitHub, the number of the job on GitLab.
        url: page of the run.
        event: what started it, in the forge's word.
        commit: what statuses belong to: the head of the change where there is one.
        branch: the branch it runs on; None on a change and on a tag.
        default_branch: the branch that changes are merged to.
        change: what is proposed; None on a branch.
        before: on a push, the commit the branch was at; None where it is new or unknown.
        triggered_by: the run whose end started this one, where one did.
        matrix: the values of the job's matrix as the forge writes them; None without one.
    """

    repository: str
    id: int
    attempt: int
    url: str
    event: str
    commit: str
    branch: str | None
    default_branch: str
    change: Change | None = None
    before: str | None = None
    triggered_by: Triggering | None = None
    matrix: str | None = None

    @property
    def on_default_branch(self) -> bool:
        """Whether what this run finds is about the default branch itself, not about a proposal."""
        return self.change is None and self.branch == self.default_branch

    @property
    def age(self) -> tuple[int, int]:
        """Orders runs: the higher, the newer."""
        return self.id, self.attempt


@dataclass(frozen=True, kw_only=True)
class Triggering:
    """The run whose end started this one; only what the forge itself says of it.

    Attributes:
        id: number of the run.
        attempt: which attempt ended.
        event: what started it.
        head: commit it ran for.
        head_branch: branch of that commit, in the repository it comes from.
        head_repository: owner/name of that repository; None where it is gone.
        url: page of the run.
    """

    id: int
    attempt: int
    event: str
    head: str
    head_branch: str
    head_repository: str | None
    url: str


@dataclass(frozen=True, kw_only=True)
class ChangedFiles:
    """The files a change touches.

    Attributes:
        paths: every path, old names of renamed files included.
        complete: whether the forge listed them all; it cuts long lists.
        why: there is no list at all; None where there is one, be it that it was cut.
    """

    paths: tuple[str, ...]
    complete: bool
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How a job of this run ended, as the forge says it.

    Attributes:
        result: success, failure, cancelled, skipped, or warning for a failure that the forge lets pass; anything else
            is taken as a failure.
        outputs: what the job handed on.
    """

    name: str
    result: str
    outputs: dict[str, str]
