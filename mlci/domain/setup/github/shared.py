"""The reusable workflow of this project that holds whole jobs, as far as a set-up that calls it is judged by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mlci.domain.setup.github.workflow import LEVELS, Grant, Level, Step, Trigger, Workflow, WorkflowJob

_MODEL = re.compile(r"[^/@]+/mlci/\.github/workflows/model\.ya?ml@.*")


def _grant(**scopes: Level) -> Grant:
    return Grant(scopes=MappingProxyType({name.replace("_", "-"): level for name, level in scopes.items()}))


def _job(id: str, needs: tuple[str, ...], grant: Grant, step: Step, condition: str | None = None) -> WorkflowJob:
    return WorkflowJob(
        id=id, line=1, name=id, needs=needs, permissions=grant, steps=(step,), condition=condition
    )  # fmt: skip


def _step(action: str, **inputs: str) -> Step:
    given = {name.replace("_", "-"): text for name, text in inputs.items()}
    return Step(line=1, uses=f"mlci/mlci/actions/{action}@v0", inputs=MappingProxyType(given))


_READS = _grant(contents="read", actions="read", pull_requests="read")
_CHECKS = _grant(contents="read")
_WRITES = _grant(contents="read", actions="read", pull_requests="write", statuses="write")

_OFF = "${{ !inputs.check-code && 'code' || '' }} ${{ !inputs.check-data && 'data' || '' }}"

# A test holds this against the workflow itself.
MODEL = Workflow(
    file="mlci/mlci/.github/workflows/model.yml",
    name="Model",
    triggers=MappingProxyType({"workflow_call": Trigger()}),
    permissions=Grant(),
    jobs=MappingProxyType({
        job.id: job
        for job in (
            _job("plan", (), _CHECKS, _step("plan")),
            _job("code", (), _CHECKS, _step("code-ci"), "inputs.check-code"),
            _job(
                "data", ("plan",), _CHECKS, _step("data-check"),
                "inputs.check-data && needs.plan.outputs.model == 'true'",
            ),
            _job(
                "model", ("plan", "code", "data"), _READS,
                _step("model-ci", reuse_from="artifacts", data_evidence="$"),
                "${{ !failure() && !cancelled() && needs.plan.outputs.model == 'true' }}",
            ),
            _job(
                "gate", ("plan", "model"), _WRITES, _step("gate-compare", baseline_from="$"),
                "${{ !cancelled() && needs.plan.outputs.model == 'true' }}",
            ),
            _job(
                "conclude", ("plan", "code", "data", "model", "gate"), Grant(),
                _step("conclude", needs="${{ toJSON(needs) }}", model_jobs="data, model, gate", may_skip=_OFF),
                "always()",
            ),
        )
    }),
)  # fmt: skip


def shared(uses: str) -> Workflow | None:
    """The workflow that a ``uses:`` of another repository calls, where it is this project's."""
    return MODEL if _MODEL.fullmatch(uses) else None


def asked(workflow: Workflow) -> Mapping[str, Level]:
    """What the caller of a workflow must be given: the most that any job of it declares, by scope."""
    found: dict[str, Level] = {}
    for scope, level in _declared(workflow):
        if LEVELS.index(level) > LEVELS.index(found.get(scope, "none")):
            found[scope] = level
    return found


def _declared(workflow: Workflow) -> Iterator[tuple[str, Level]]:
    for job in workflow.jobs.values():
        grant = workflow.granted(job)
        yield from grant.scopes.items() if grant is not None else ()
