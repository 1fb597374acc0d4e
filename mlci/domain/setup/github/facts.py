"""What is known of a set-up, and how its parts are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from mlci.domain.setup.github.protection import Protection, Repository
from mlci.domain.setup.github.releases import Releases
from mlci.domain.setup.github.shared import shared
from mlci.domain.setup.github.workflow import Route, Step, Unread, Workflow, WorkflowJob, routes
from mlci.domain.setup.words import shown

# Events that a proposed change starts.
OF_CHANGES = ("pull_request", "merge_group")


class Need(Protocol):
    """One thing that the token of a step must be allowed; the catalogue's ``Permission`` is one."""

    @property
    def scope(self) -> str:
        """GitHub's name of it, such as pull-requests."""
        ...

    @property
    def level(self) -> Literal["read", "write"]:
        """How much of it."""
        ...

    @property
    def why(self) -> str:
        """What the step does with it."""
        ...

    @property
    def optional(self) -> bool:
        """Whether the verdict is the same without it."""
        ...

    @property
    def asked_by(self) -> tuple[str, str, str] | None:
        """The parameter that asks for it, its default and the value that asks; None where it is always needed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything that is judged.

    Attributes:
        repository: that the branch belongs to.
        branch: that changes are merged to.
        protection: what the forge demands before a merge.
        workflows: the workflow files, as the working copy has them.
        unread: workflow files that could not be read.
        owners: path and text of CODEOWNERS; None where there is none.
        config: path of mlci.yml inside the repository.
        config_on_branch: whether the branch has that file; None where the token may not read it.
        needs: what the token of each of our steps must be allowed, by the name of the step.
        required: the check that must be required; None for that of each job that runs conclude.
        releases: what guards a release; None where that was not asked.
    """

    repository: Repository
    branch: str
    protection: Protection
    workflows: Sequence[Workflow]
    needs: Mapping[str, Sequence[Need]]
    unread: Sequence[Unread] = ()
    owners: tuple[str, str] | None = None
    config: str = "mlci.yml"
    config_on_branch: bool | None = None
    required: str | None = None
    releases: Releases | None = None

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every way to every job."""
        return tuple(routes(self.workflows, shared))

    def to(self, command: str) -> tuple[Route, ...]:
        """The ways to the jobs that run one of our commands."""
        return tuple(route for route in self.routes if route.job.calling(command))

    @cached_property
    def _running(self) -> Mapping[str, frozenset[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for route in self.routes:
            for command in {call for step in route.job.steps for call in step.calls}.intersection(self.needs):
                found.setdefault(command, set()).update((one.file, job.id) for one, job in route.steps)
        return {command: frozenset(jobs) for command, jobs in found.items()}

    def runs(self, workflow: Workflow, job: WorkflowJob, command: str | None = None) -> bool:
        """Whether a job runs one of our commands, or a certain one; itself, or in a workflow that it calls."""
        commands = [command] if command is not None else list(self._running)
        return any((workflow.file, job.id) in self._running.get(one, frozenset()) for one in commands)

    @cached_property
    def checks(self) -> tuple[str, ...]:
        """The names of all required checks, each once."""
        return tuple(dict.fromkeys(check.name for check in self.protection.checks))

    @cached_property
    def own_workflows(self) -> frozenset[str]:
        """The files of this very repository that are required workflows."""
        return frozenset(one.path for one in self.protection.workflows if one.repository == self.repository.id)

    def concluding(self, workflow: Workflow) -> tuple[WorkflowJob, ...]:
        """The jobs of a workflow that run conclude."""
        return tuple(job for job in workflow.jobs.values() if job.calling("conclude"))

    def unreadable(self, *topics: str) -> str | None:
        """Why one of some topics is unknown; None where all are known."""
        return next((why for topic, why in self.protection.unknown.items() if topic in topics), None)


def on_changes(route: Route) -> bool:
    """Whether a proposed change starts the workflow at the start of a route."""
    return any(event in route.workflow.triggers for event in OF_CHANGES)


def place(workflow: Workflow, job: WorkflowJob | None = None) -> str:
    """Where a job or a workflow stands: its file, and the job's id."""
    return shown(workflow.file) if job is None else f"{shown(workflow.file)}: {shown(job.id, 40)}"


def at(workflow: Workflow, part: WorkflowJob | Step) -> str:
    """File and line."""
    return f"{shown(workflow.file)}:{part.line}"


def hides(word: str | None) -> bool:
    """Whether a ``continue-on-error`` may turn a failure green."""
    return word is not None and word.strip().lower() != "false"


def always(condition: str | None) -> bool:
    """Whether an ``if`` is ``always()`` and nothing else."""
    bare = (condition or "").strip()
    if bare.startswith("${{") and bare.endswith("}}"):
        bare = bare[3:-2].strip()
    return bare.lower() == "always()"


def each_job(found: Sequence[Route]) -> Iterator[Route]:
    """One route for each job, however many lead to it."""
    seen: set[tuple[str, str]] = set()
    for route in found:
        key = (route.steps[-1][0].file, route.job.id)
        if key not in seen:
            seen.add(key)
            yield route
