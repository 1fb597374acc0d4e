"""What a run of a workflow came to, read from act's own account of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """A notice, warning or error that a step made."""

    level: str
    message: str
    properties: dict[str, str]


@dataclass
class Step:
    """A step of a job; the steps inside a composite action are part of it.

    Attributes:
        id: the step's id, or its place counted from 0.
        result: success, failure, or skipped.
        log: what it printed.
        tolerated: whether the job went on although it failed.
        composite: whether it is made of steps of its own.
    """

    id: str
    name: str = ""
    result: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    tolerated: bool = False
    composite: bool = False


@dataclass
class Job:
    """A job.

    Attributes:
        id: its key in the workflow.
        name: the name that its check run has on GitHub, and that a branch would require.
        result: success, failure, cancelled or skipped.
    """

    id: str
    name: str
    matrix: dict[str, Any] = field(default_factory=dict)
    result: str = "skipped"
    steps: dict[str, Step] = field(default_factory=dict)

    def step(self, id: str) -> Step:
        """A step; one that was skipped says nothing."""
        return self.steps.get(id) or Step(id)

    @property
    def outputs(self) -> dict[str, str]:
        """Outputs of all its steps; a later step's hides an earlier one's of the same name."""
        return {name: value for step in self.steps.values() for name, value in step.outputs.items()}

    @property
    def summary(self) -> str:
        """Its page: the summaries of its steps."""
        return "".join(step.summary for step in self.steps.values())

    @property
    def annotations(self) -> list[Annotation]:
        """Annotations of all its steps."""
        return [each for step in self.steps.values() for each in step.annotations]

    @property
    def log(self) -> str:
        """What all its steps printed."""
        return "".join(step.log for step in self.steps.values())


@dataclass
class Outcome:
    """A run: its jobs, and act's exit status and raw account for what a test cannot see otherwise."""

    code: int
    jobs: list[Job]
    raw: str
    errors: str

    def job(self, id: str, **matrix: Any) -> Job:
        """The job of that key, of a matrix the one with these values.

        Raises:
            LookupError: there is none, or several.
        """
        found = [each for each in self.jobs if each.id == id and matrix.items() <= each.matrix.items()]
        if len(found) != 1:
            raise LookupError(f"{len(found)} jobs {id}: {[each.name for each in self.jobs]}\n{self.errors}")
        return found[0]

    @property
    def log(self) -> str:
        """What all jobs printed."""
        return "".join(job.log for job in self.jobs)

    @property
    def summary(self) -> str:
        """The pages of all jobs."""
        return "".join(job.summary for job in self.jobs)

    @property
    def annotations(self) -> list[Annotation]:
        """Annotations of all jobs."""
        return [each for job in self.jobs for each in job.annotations]


def read(code: int, raw: str, errors: str, workflow: dict[str, Any]) -> Outcome:
    """Read act's JSON lines beside the workflow they are about."""
    jobs: dict[tuple[str, str, str], Job] = {}
    for line in raw.splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if "jobID" in said:
            label, matrix = said.get("job", "").rstrip(), said.get("matrix") or {}
            key = (label, said["jobID"], json.dumps(matrix, sort_keys=True))
            if key not in jobs:
                jobs[key] = Job(said["jobID"], check_name(workflow, label, said["jobID"], matrix), matrix)
            _add(jobs[key], said)
    for each in jobs.values():
        # act takes one leg's failure for that of every leg of a matrix that ends after it.
        if each.matrix and all(step.result != "failure" or step.tolerated for step in each.steps.values()):
            each.result = "success" if each.result == "failure" else each.result
    # act says nothing of a job that it skips. A job that calls a workflow stands for the jobs of that.
    callers = {id for id, job in workflow["jobs"].items() if "uses" in job}
    jobs = {key: each for key, each in jobs.items() if each.id not in callers or each.steps}
    ran = {each.id for each in jobs.values()}
    started = {label.split("/")[0] for label, _, _ in jobs}
    skipped = [
        Job(id, str(job.get("name", id)))
        for id, job in workflow["jobs"].items()
        if id not in ran and not (id in callers and str(job.get("name", id)) in started)
    ]
    return Outcome(code, [*jobs.values(), *skipped], raw, errors)


def _add(job: Job, said: dict[str, Any]) -> None:
    if "jobResult" in said:
        job.result = said["jobResult"]
    path = said.get("stepID")
    if not path or said.get("stage") not in (None, "Main"):
        return
    step = job.steps.setdefault(path[0], Step(path[0]))
    top = len(path) == 1
    command = said.get("command")
    if top:
        step.name = said.get("step", step.name)
        step.result = said.get("stepResult", step.result)
        step.tolerated = step.tolerated or said.get("msg") == "Failed but continue next step"
    step.composite = step.composite or not top
    # A composite's own outputs are told before it has ended; what its inner steps set is told once more after that.
    if command == "set-output" and top and not (step.composite and step.result != "skipped"):
        step.outputs[said["name"]] = said["arg"]
    elif command == "summary" and top:
        step.summary += said["content"]
    elif command in ("error", "warning", "notice"):
        step.annotations.append(Annotation(command, said["arg"], said.get("kvPairs") or {}))
    elif said.get("raw_output"):
        step.log += said["msg"]


def check_name(workflow: dict[str, Any], label: str, id: str, matrix: dict[str, Any]) -> str:
    """The name of a job's check run: its name or key, the matrix in brackets; behind a slash in a called workflow."""
    for key, job in workflow["jobs"].items():
        caller = str(job.get("name", key))
        if "uses" in job and label.startswith(f"{caller}/"):
            return f"{caller} / {label.removeprefix(caller + '/').split('/', 1)[1]}"
    name = str(workflow["jobs"].get(id, {}).get("name", id))
    filled = re.sub(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", lambda found: str(matrix.get(found[1], "")), name)
    if filled != name or not matrix:
        return filled
    return f"{name} ({', '.join(str(value) for value in matrix.values())})"
