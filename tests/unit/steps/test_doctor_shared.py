"""What doctor says of a pipeline that is one call of the reusable workflow model.yml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from mlci.adapters.github.workflows import read_workflows
from mlci.domain.report import Report
from mlci.domain.setup.github.facts import Setup
from mlci.domain.setup.github.protection import Bypass, Protection, Repository, RequiredCheck
from mlci.domain.setup.github.shared import MODEL
from mlci.domain.setup.github.workflow import Step, WorkflowJob
from mlci.domain.verdict import Verdict
from mlci.steps import doctor
from mlci.surface.catalog import COMMANDS

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "workflows-templates/github"
CALLER = (TEMPLATES / "mlci-model.yml").read_text().replace("$default-branch", "main")
REPORT = (TEMPLATES / "mlci-report.yml").read_text()
CHECK = RequiredCheck(name="model / conclude", app=15368, source="ruleset 1")
RIGHT = Protection(checks=(CHECK,), merge_queue=True, owner_review=True, bypass=(Bypass(ruleset=1, actors=()),))
OWNERS = (".github/CODEOWNERS", ".github/ @team\nmlci.yml @team\n")


def looked(folder: Path, *changes: tuple[str, str], report: str | None = REPORT, **facts: Any) -> Report:
    """The template, with texts in it replaced, as doctor sees it."""
    caller = CALLER
    for old, new in changes:
        assert old in caller
        caller = caller.replace(old, new)
    workflows = folder / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "mlci.yml").write_text(caller)
    if report is not None:
        (workflows / "report.yml").write_text(report)
    found, unread = read_workflows(folder, ".github/workflows")
    known: dict[str, Any] = {"protection": RIGHT, "config_on_branch": True, "owners": OWNERS, **facts}
    return doctor.run(
        Setup(
            repository=Repository(id=1, name="owner/repository", default_branch="main", private=True),
            branch="main",
            workflows=found,
            unread=unread,
            needs={command.name: command.permissions for command in COMMANDS},
            **known,
        )
    )


def problems(report: Report) -> list[tuple[str, str]]:
    found = [one for one in report.findings if one.verdict is not Verdict.PASS and not one.advisory]
    return [(one.id.split("[")[0].removeprefix("setup:"), one.verdict.value) for one in found]


def test_the_template_with_its_check_required_is_right(tmp_path: Path) -> None:
    assert problems(looked(tmp_path)) == []


@pytest.mark.parametrize("name", ["conclude", "model"])
def test_the_check_has_the_name_of_the_calling_job_in_front(tmp_path: Path, name: str) -> None:
    report = looked(tmp_path, protection=replace(RIGHT, checks=(replace(CHECK, name=name),)))

    (found,) = [one for one in report.findings if one.id == "setup:required[model / conclude]"]
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize("lacking", ["actions: read", "pull-requests: write", "statuses: write", "contents: read"])
def test_a_caller_must_pass_on_every_permission(tmp_path: Path, lacking: str) -> None:
    report = looked(tmp_path, (f"      {lacking} #", f"      {lacking.split(':')[0]}: none #"))

    assert problems(report) == [("permissions", "fail")]
    assert lacking in report.findings[0].message
    assert "mlci.yml: model" in report.findings[0].message
    assert "statuses: write}" in str(report.findings[0].explanation)


def test_permissions_for_the_whole_workflow_are_passed_on_too(tmp_path: Path) -> None:
    head, _, rest = CALLER.partition("    permissions: #")
    block, _, uses = rest.partition("    uses:")
    given = "permissions:\n" + "\n".join(line[4:] for line in block.splitlines()[1:]) + "\n"
    moved = head.replace("permissions: {}\n", given) + "    uses:" + uses

    assert problems(looked(tmp_path, (CALLER, moved))) == []


@pytest.mark.parametrize(("default", "verdict"), [("read", "fail"), ("write", "warn"), (None, "inconclusive")])
def test_without_a_block_the_default_of_the_repository_decides(
    tmp_path: Path, default: Literal["read", "write"] | None, verdict: str
) -> None:
    _, _, rest = CALLER.partition("    permissions: #")
    block = "    permissions: #" + rest.partition("    uses:")[0]
    protection = replace(RIGHT, default_permissions=default)

    report = looked(tmp_path, (block, ""), ("permissions: {}\n", ""), protection=protection)

    topic = "defaults" if default == "write" else "permissions"
    assert problems(report) == [(topic, verdict)]


def test_without_the_report_forks_get_no_comment(tmp_path: Path) -> None:
    assert problems(looked(tmp_path, report=None)) == [("report", "warn")]


def test_a_condition_on_the_call_can_leave_the_check_out(tmp_path: Path) -> None:
    report = looked(tmp_path, ("    name: model\n", "    name: model\n    if: github.actor != 'x'\n"))

    assert problems(report) == [("conclude", "warn")]


def test_a_filter_on_paths_keeps_the_check_away(tmp_path: Path) -> None:
    report = looked(tmp_path, ("    branches: [main]\n  merge_group", "    paths: [src/**]\n  merge_group"))

    assert ("conclude", "fail") in problems(report)


def test_a_gate_on_pull_request_target_is_found_through_the_call(tmp_path: Path) -> None:
    assert ("forks", "fail") in problems(looked(tmp_path, ("  pull_request:\n", "  pull_request_target:\n")))


def test_another_repository_of_that_name_only_counts_as_a_fork_of_this_one(tmp_path: Path) -> None:
    assert problems(looked(tmp_path / "fork", ("uses: mlci/mlci/", "uses: someone/mlci/"))) == []
    assert ("conclude", "inconclusive") in problems(looked(tmp_path / "other", ("uses: mlci/mlci/", "uses: mlci/x/")))


def test_what_is_known_of_the_workflow_is_what_it_says() -> None:
    found, _ = read_workflows(ROOT, ".github/workflows")
    (real,) = [one for one in found if one.file.endswith("/model.yml")]

    def told(job: WorkflowJob) -> tuple[Any, ...]:
        return job.id, job.title, job.needs, job.condition, job.hidden, job.matrix, dict(_grant(job))

    def _grant(job: WorkflowJob) -> dict[str, str]:
        assert job.permissions is not None
        return dict(job.permissions.scopes)

    def ours(job: WorkflowJob) -> list[tuple[tuple[str, ...], str | None]]:
        return [(step.calls, step.condition) for step in job.steps if step.calls]

    def step(job: WorkflowJob) -> Step:
        return next(step for step in job.steps if step.calls)

    assert [told(job) for job in MODEL.jobs.values()] == [told(job) for job in real.jobs.values()]
    assert [ours(job) for job in MODEL.jobs.values()] == [ours(job) for job in real.jobs.values()]
    assert real.permissions == MODEL.permissions
    assert list(real.triggers) == list(MODEL.triggers)
    for name in ("needs", "model-jobs", "may-skip", "may-fail", "plan"):
        said = (step(flow.jobs["conclude"]).inputs.get(name) for flow in (real, MODEL))
        assert len(set(said)) == 1, name
    assert "artifacts" in step(real.jobs["gate"]).inputs["baseline-from"]
    assert step(real.jobs["model"]).inputs["reuse-from"] == "artifacts"
