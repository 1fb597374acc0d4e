"""Whether the data are checked before a model is trained on them, and whether what checks code could do harm."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup, at, each_job, on_changes, place
from mlci.domain.setup.github.workflow import Route, Workflow, WorkflowJob
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_CHECKS = "data-check"
_TRAINS = "model-ci"


def checking(setup: Setup) -> Iterator[Finding]:
    """What is said of every job that trains, and of every job that checks code, on a proposed change."""
    for route in each_job([one for one in setup.to(_TRAINS) if on_changes(one)]):
        yield from _trained(route)
    for route in each_job([one for one in setup.to("code-ci") if on_changes(one)]):
        yield from _running(route)


def _trained(route: Route) -> Iterator[Finding]:
    workflow, job = route.steps[-1]
    where = place(workflow, job)
    checks = [one for one in workflow.jobs.values() if one.calling(_CHECKS)]
    if not checks or _switched_off(route):
        yield finding(
            "data",
            Verdict.WARN,
            f"nothing checks the data before {where} trains on them",
            "Let data-check run before it: broken data then cost minutes and no training. mlci data-profile drafts "
            "what they are held to.",
            about=where,
            reason="missing",
            advisory=True,
        )
        return
    problems = [*_order(workflow, job, checks), *_handed(workflow, job)]
    yield from problems
    if not problems:
        yield finding(
            "data", Verdict.PASS, f"{where} trains on nothing else than what data-check passed", about=where
        )  # fmt: skip


def _switched_off(route: Route) -> bool:
    """Whether a job that calls our whole pipeline says that the data are not checked."""
    calls = (step for _, job in route.steps[:-1] for step in job.steps)
    return any(step.inputs.get("check-data", "").strip().lower() == "false" for step in calls)


def _order(workflow: Workflow, job: WorkflowJob, checks: list[WorkflowJob]) -> Iterator[Finding]:
    """Whether the job waits for one that checks the data, or checks them itself before it trains."""
    steps = [call for step in job.steps for call in step.calls]
    itself = _CHECKS in steps[: steps.index(_TRAINS)]
    if not itself and not any(job.id in workflow.after(one.id) for one in checks):
        names = [one.id for one in checks]
        yield finding(
            "data",
            Verdict.WARN,
            f"{at(workflow, job)}: {shown(job.id, 40)} does not wait for {listed(names)}, so training has begun before "
            "it is known whether the data are right",
            f"Add to its needs: {listed(names)}.",
            about=f"{place(workflow, job)}: needs",
        )


def _handed(workflow: Workflow, job: WorkflowJob) -> Iterator[Finding]:
    """Whether the step that trains is handed the evidence; in the job that checks, it lies where it is looked for."""
    for step in job.calling(_TRAINS):
        if not job.calling(_CHECKS) and step.given(_TRAINS, "data-evidence") is None:
            yield finding(
                "data",
                Verdict.WARN,
                f"{at(workflow, step)}: the step that trains is not handed the evidence of data-check, so nobody sees "
                "whether it reads the bytes that passed",
                "Upload .mlci/evidence/data.json in the job that checks, download it here, and name it with "
                "data-evidence.",
                about=f"{place(workflow, job)}: evidence",
            )


def _running(route: Route) -> Iterator[Finding]:
    workflow, job = route.steps[-1]
    granted = route.granted
    writes = sorted(scope for scope, level in granted.scopes.items() if level == "write") if granted else []
    if granted is not None and granted.rest == "write":
        writes.insert(0, "everything")
    if writes:
        yield finding(
            "code",
            Verdict.FAIL,
            f"{at(workflow, job)}: the job that checks code runs code of the change, and its token may write "
            f"{listed(writes)}",
            "Write permissions: {contents: read} at the job, and let what writes be a job of its own.",
            about=place(workflow, job),
        )
