"""What holds a merge back on a branch, as far as the forge tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What cannot be read is named by one of these words, with the reason.
Topic = Literal["rules", "classic", "reviews", "defaults"]


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository.

    Attributes:
        id: its number, which no renaming changes.
        name: owner/name.
        default_branch: the branch that changes are merged to unless they say otherwise.
        private: whether only members may read it.
    """

    id: int
    name: str
    default_branch: str
    private: bool


@dataclass(frozen=True, kw_only=True)
class RequiredCheck:
    """A check that must be green before a merge.

    Attributes:
        name: of the check or status.
        app: number of the app that must have posted it; None where any may.
        source: what asks for it, as words.
    """

    name: str
    app: int | None
    source: str


@dataclass(frozen=True, kw_only=True)
class RequiredWorkflow:
    """A workflow that must run and pass before a merge, whatever the change says.

    Attributes:
        path: its file.
        repository: number of the repository that it is taken from.
        commit: the commit that it is pinned to; None where it is the newest of a branch.
    """

    path: str
    repository: int
    commit: str | None


@dataclass(frozen=True, kw_only=True)
class Bypass:
    """Who may merge past a ruleset.

    Attributes:
        ruleset: its number.
        actors: kinds of actors with their way of passing; None where the token may not see them.
    """

    ruleset: int
    actors: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Protection:
    """Everything that holds a merge to one branch back.

    Attributes:
        checks: required checks, of rulesets and of classic protection.
        workflows: required workflows.
        merge_queue: whether a ruleset merges through a queue.
        owner_review: whether files with code owners need the review of one.
        administrators: whether classic protection holds administrators too; None without classic protection.
        bypass: who may pass each ruleset that requires something.
        default_permissions: what the token of a job may do that declares nothing: read or write.
        unknown: why, for each topic that the token may not read.
    """

    checks: tuple[RequiredCheck, ...] = ()
    workflows: tuple[RequiredWorkflow, ...] = ()
    merge_queue: bool = False
    owner_review: bool = False
    administrators: bool | None = None
    bypass: tuple[Bypass, ...] = ()
    default_permissions: Literal["read", "write"] | None = None
    unknown: Mapping[Topic, str] = field(default_factory=dict)
