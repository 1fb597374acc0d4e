"""A workflow of GitHub Actions, as far as it says whether a worse model could be merged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Literal

from mlci.domain.setup import scripts

Level = Literal["none", "read", "write"]
LEVELS: tuple[Level, ...] = ("none", "read", "write")

# A called workflow may call another; GitHub allows ten levels.
_DEEPEST_CALL = 10
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9A-F]{40}")
# More stars make matching slow, and no branch filter has them.
_MOST_STARS = 4
_MOST_ROUTES = 2_000
_ACTION = re.compile(r"(?:[^/@]+/mlci|\.|\$)/actions/(?P<step>[a-z-]+)/?(?:@.*)?")
_CALLED = re.compile(r"[^/@]+/mlci/\.github/workflows/(?P<name>gate|report)\.ya?ml@.*")
_COMMAND_OF = {"gate": "gate-compare", "report": "report"}
_UMBRELLA = re.compile(r"[^/@]+/mlci@.*")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a ``permissions:`` block gives; a scope that it does not name is not given.

    Attributes:
        scopes: level by scope.
        rest: level of every other scope: read under ``read-all``, write under ``write-all``.
    """

    scopes: Mapping[str, Level] = field(default_factory=dict)
    rest: Level = "none"

    def level(self, scope: str) -> Level:
        """What is given of one scope."""
        return self.scopes.get(scope, self.rest)

    def within(self, outer: Grant) -> Grant:
        """The same, held to what a caller gives: a called workflow can only be given less."""
        scopes = {*self.scopes, *outer.scopes}
        held = {scope: lower(self.level(scope), outer.level(scope)) for scope in scopes}
        return Grant(scopes=held, rest=lower(self.rest, outer.rest))


def lower(one: Level, other: Level) -> Level:
    """The lesser of two levels."""
    return min(one, other, key=LEVELS.index)


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One event that a workflow listens to.

    Attributes:
        types: activity types; empty for the event's own default.
        branches: patterns of ``branches``; None where there is no such filter.
        branches_ignore: patterns of ``branches-ignore``, likewise.
        paths: whether a filter on paths can keep the workflow from running.
        workflows: names of the workflows whose end ``workflow_run`` waits for.
    """

    types: tuple[str, ...] = ()
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    paths: bool = False
    workflows: tuple[str, ...] = ()

    def takes(self, branch: str) -> bool | None:
        """Whether a change to this branch starts the workflow; None where a pattern is beyond us."""
        if self.branches is not None:
            return _filtered(self.branches, branch)
        if self.branches_ignore is not None:
            ignored = _filtered(self.branches_ignore, branch)
            return None if ignored is None else not ignored
        return True


def _filtered(patterns: Sequence[str], branch: str) -> bool | None:
    """Whether a filter takes a branch: the last pattern that matches decides, as GitHub does it."""
    taken = False
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if re.search(r"[?+\[\]\\]", bare) or bare.count("*") > _MOST_STARS:
            return None
        parts = (_GLOB.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", bare))
        if re.fullmatch("".join(parts), branch):
            taken = not pattern.startswith("!")
    return taken


_GLOB = {"**": ".*", "*": "[^/]*"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a job, or the call of a whole workflow. Texts stand as they are written, expressions included.

    Attributes:
        line: where it begins, from 1.
        uses: the action.
        run: the shell lines.
        condition: what ``if`` says.
        hidden: what ``continue-on-error`` says, such as true.
        inputs: what ``with`` says.
        env: what ``env`` says.
    """

    line: int
    uses: str | None = None
    run: str | None = None
    condition: str | None = None
    hidden: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """The steps of mlci that it runs; the word may also be no step of mlci at all."""
        if self.uses is not None:
            called = _CALLED.fullmatch(self.uses)
            if called:
                return (_COMMAND_OF[called["name"]],)
            found = _ACTION.fullmatch(self.uses)
            if found:
                return (found["step"],)
            command = self.inputs.get("command", "")
            return (command,) if command and _UMBRELLA.fullmatch(self.uses) else ()
        return scripts.called(self.spoken, self.env)

    @property
    def is_call(self) -> bool:
        """Whether it calls a workflow rather than an action."""
        return self.uses is not None and "/.github/workflows/" in self.uses

    @cached_property
    def spoken(self) -> str:
        """Its shell lines without comments, continued lines joined."""
        return scripts.spoken(self.run or "")

    def given(self, command: str, parameter: str) -> str | None:
        """What a parameter of one of our commands is set to, by input, flag or environment; None where it is not."""
        if self.inputs.get(parameter):
            return self.inputs[parameter]
        return scripts.given(self.spoken, self.env, command, parameter)


@dataclass(frozen=True, kw_only=True)
class WorkflowJob:
    """One job of a workflow.

    Attributes:
        id: its key.
        line: where it begins, from 1.
        name: what it calls itself, expressions included.
        condition: what ``if`` says.
        hidden: what ``continue-on-error`` says.
        needs: ids of the jobs it waits for.
        uses: the workflow it calls, for a job that calls one.
        permissions: its own block; None where it has none.
        matrix: whether it is run once for each entry of a matrix.
        env: what ``env`` says.
        steps: in order; for a job that calls a workflow, that call alone.
    """

    id: str
    line: int
    name: str | None = None
    condition: str | None = None
    hidden: str | None = None
    needs: tuple[str, ...] = ()
    uses: str | None = None
    permissions: Grant | None = None
    matrix: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def title(self) -> str | None:
        """What GitHub calls it, without a matrix; None where an expression decides."""
        shown = self.name or self.id
        return None if "${{" in shown else shown.strip()

    def calling(self, command: str) -> tuple[Step, ...]:
        """Its steps that run one of our commands."""
        return tuple(step for step in self.steps if command in step.calls)


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One workflow file.

    Attributes:
        file: path inside the repository.
        name: what it calls itself; None where it does not.
        triggers: by the event.
        permissions: the block for all its jobs; None where it has none.
        jobs: by id.
    """

    file: str
    name: str | None
    triggers: Mapping[str, Trigger]
    permissions: Grant | None
    jobs: Mapping[str, WorkflowJob]

    def granted(self, job: WorkflowJob) -> Grant | None:
        """What a job is given where nobody calls this workflow; None where the repository's default decides."""
        return job.permissions if job.permissions is not None else self.permissions

    def after(self, job: str) -> frozenset[str]:
        """The jobs that wait for a job, directly or through others; they cannot be needed by it."""
        found: set[str] = set()
        waiting = [job]
        while waiting:
            before = waiting.pop()
            fresh = {one.id for one in self.jobs.values() if before in one.needs} - found
            found |= fresh
            waiting.extend(fresh)
        return frozenset(found)


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A workflow file that could not be read, and why."""

    file: str
    line: int | None
    cause: str


@dataclass(frozen=True)
class Route:
    """How GitHub comes to a job: the job alone, or the jobs that call the workflow it stands in, outermost first."""

    steps: tuple[tuple[Workflow, WorkflowJob], ...]

    @property
    def workflow(self) -> Workflow:
        """The workflow that an event starts."""
        return self.steps[0][0]

    @property
    def job(self) -> WorkflowJob:
        """The job itself."""
        return self.steps[-1][1]

    @property
    def check(self) -> str | None:
        """The name of the job's check; None where an expression, a matrix or a called workflow decides."""
        if self.job.uses is not None:
            return None
        titles = [job.title for _, job in self.steps]
        if any(title is None for title in titles) or any(job.matrix for _, job in self.steps):
            return None
        return " / ".join(str(title) for title in titles)

    @property
    def granted(self) -> Grant | None:
        """What the job's token may do; None where the repository's default decides."""
        held: Grant | None = None
        for workflow, job in self.steps:
            own = workflow.granted(job)
            held = own.within(held) if own is not None and held is not None else own or held
        return held


def _unknown(_: str) -> None:
    """Nothing is known of any other workflow."""


def routes(workflows: Sequence[Workflow], elsewhere: Callable[[str], Workflow | None] = _unknown) -> Iterator[Route]:
    """Every way to every job, through called workflows too; at most 2,000.

    Args:
        workflows: those of the repository.
        elsewhere: what is known of a workflow of another repository, by the text of the ``uses:`` that calls it.
    """
    by_file = {workflow.file: workflow for workflow in workflows}

    def found(uses: str) -> Workflow | None:
        return by_file.get(re.sub(r"^(\./|\$/)", "", uses)) or elsewhere(uses)

    started = (workflow for workflow in workflows if set(workflow.triggers) - {"workflow_call"})
    ways = (route for workflow in started for route in _routes(workflow, (), found))
    yield from islice(ways, _MOST_ROUTES)


def _routes(
    workflow: Workflow,
    before: tuple[tuple[Workflow, WorkflowJob], ...],
    found: Callable[[str], Workflow | None],
) -> Iterator[Route]:
    for job in workflow.jobs.values():
        so_far = (*before, (workflow, job))
        yield Route(so_far)
        called = found(job.uses) if job.uses else None
        if called is not None and len(so_far) < _DEEPEST_CALL and all(called is not one for one, _ in so_far):
            yield from _routes(called, so_far, found)


def pinned(uses: str) -> bool:
    """Whether what a ``uses:`` names cannot change under it: a full commit, a digest, or the repository's own files."""
    if uses.startswith(("./", "$/")):
        return True
    if uses.startswith("docker://"):
        return "@sha256:" in uses
    return _FULL_SHA.fullmatch(uses.rpartition("@")[2]) is not None
