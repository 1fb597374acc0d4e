"""Pipelines that take in our components: as GitLab puts them together, and as their file alone says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from gitlab_setups import SHA, TEMPLATES, WORKFLOW, look, merged, only, problems, rendered, written

from mlci.domain.setup.gitlab import components
from mlci.domain.setup.gitlab.pipeline import Job, Rule
from mlci.domain.verdict import Verdict

NAMES = sorted(path.stem for path in TEMPLATES.glob("*.yml"))
ADDRESS = f"$CI_SERVER_FQDN/mlci/mlci/model@{SHA}"


def told(job: Job) -> dict[str, Any]:
    """What doctor goes by, the shell lines left out."""
    expect = (job.given("conclude", "expect") or "").split(",") if job.calls == ("conclude",) else []
    return {
        "name": job.name, "stage": job.stage, "calls": job.calls, "rules": job.rules, "when": job.when,
        "allowed": job.allowed or None, "needs": job.needs, "takes": () if job.takes == () else None,
        "environment": job.environment, "dotenv": job.dotenv, "expect": [one for one in expect if one],
        "evidence": job.given("model-ci", "data-evidence"), "checked": job.variables.get("MLCI_CHECKED"),
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "given",
    [{}, {"stage": "judge", "environment": "gate", "check-code": "false", "check-data": "false"}],
    ids=["as it is", "with inputs"],
)
def test_what_is_known_of_a_component_is_what_it_says(name: str, given: dict[str, str]) -> None:
    inputs = yaml.safe_load((TEMPLATES / f"{name}.yml").read_text().split("\n---\n")[0])["spec"]["inputs"]
    taken = {key: value for key, value in given.items() if key in inputs}
    jobs = merged(rendered(name, **taken)).jobs

    known = components.jobs(name, taken, None)

    assert [told(job) for job in known] == [told(job) for job in jobs.values()]
    assert {job.calls[0] for job in known} <= set(NAMES) - {"model", "release"}


def test_every_component_is_known() -> None:
    assert [components.component(f"$CI_SERVER_FQDN/mlci/mlci/{name}") for name in NAMES] == NAMES
    assert NAMES == [
        "approve", "code-ci", "conclude", "data-check", "gate-compare", "model", "model-ci", "plan", "promote",
        "release", "report", "rollback",
    ]  # fmt: skip


def test_names_and_rules_are_those_that_the_pipeline_gives() -> None:
    (job,) = components.jobs("gate-compare", {"job-name": "judge"}, (Rule(condition="$X"),))
    model = components.jobs("model", {"job-prefix": "churn"}, None)

    assert (job.name, job.rules) == ("judge", (Rule(condition="$X"),))
    assert [one.name for one in model] == [
        "churn-plan", "churn-code", "churn-data", "churn-model", "churn-gate", "churn-conclude",
    ]  # fmt: skip
    assert model[-1].given("conclude", "expect") == "churn-plan,churn-code,churn-data,churn-model,churn-gate"


def test_the_component_that_is_the_whole_pipeline_is_right_as_gitlab_puts_it_together() -> None:
    text = WORKFLOW + rendered("model") + rendered("report")
    includes = [{"type": "component", "location": f"gitlab.com/mlci/mlci/model@{SHA}"}]

    report = look(merged(text, includes=includes), forking="enabled", visibility="public")

    assert problems(report) == [("forks[their pipeline]", "warn")]
    for id in ("gate[mlci-gate]", "conclude[mlci-conclude]", "separation", "report", "pins"):
        assert only(report, id).verdict is Verdict.PASS


INCLUDED = f"include:\n  - component: {ADDRESS} # v0.1.0\n"


def test_the_same_is_right_by_its_file_alone_and_that_is_told(tmp_path: Path) -> None:
    report = look(written(tmp_path, INCLUDED + WORKFLOW), unknown={"pipeline": "GET …/ci/lint: answered 403"})

    assert problems(report) == []
    assert problems(report, advisory=True) == [("pipeline[as read]", "inconclusive")]
    assert "answered 403" in only(report, "pipeline[as read]").message
    assert only(report, "gate[mlci-gate]").verdict is only(report, "pins").verdict is Verdict.PASS
    assert report.assumptions[0].startswith("The pipeline is that of the working copy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INCLUDED + WORKFLOW + "mlci-gate: {allow_failure: true}\n", [("gate[mlci-gate: allow_failure]", "fail")]),
        (
            INCLUDED + WORKFLOW + "mlci-model: {environment: mlci}\n",
            [("separation[mlci-model: environment]", "fail")],
        ),
        (INCLUDED.replace(SHA, "main") + WORKFLOW, [("pins", "warn")]),
        (INCLUDED + "workflow: {rules: [{if: $CI_COMMIT_BRANCH}]}\n", [("pipeline[workflow]", "fail")]),
        (
            INCLUDED + "    inputs: {rules: [{if: $CI_COMMIT_BRANCH}]}\n" + WORKFLOW,
            [("conclude[mlci-conclude: rules]", "warn"), ("gate[mlci-gate: rules]", "fail")],
        ),
        (
            INCLUDED + "    rules: [{if: $X}]\n" + WORKFLOW,
            [("gate", "inconclusive"), ("pipeline[as read]", "inconclusive")],
        ),
        (
            INCLUDED + "  - project: other/templates\n    file: [/a.yml]\n    ref: main\n" + WORKFLOW,
            [("pins", "warn"), ("pipeline[as read]", "inconclusive")],
        ),
        (
            f"include: [{{project: group/mlci, file: /templates/model.yml, ref: {SHA}}}]\n{WORKFLOW}", [],
        ),
        (f"include: [{{component: $CI_SERVER_FQDN/other/tool/model@{SHA}}}]\n{WORKFLOW}",
         [("gate", "inconclusive"), ("pipeline[as read]", "inconclusive")]),
        ("include: [{template: Go.gitlab-ci.yml}]\ntests: {script: [make]}\n" + WORKFLOW, [("gate", "fail")]),
    ],
)  # fmt: skip
def test_a_file_that_takes_a_component_in_is_judged_by_what_it_says_besides(
    text: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert problems(look(written(tmp_path, text))) == expected


COPIED = Path(__file__).parents[3] / "workflows-templates/gitlab"
ENTRIES = (COPIED / "mlci-report.gitlab-ci.yml").read_text().partition("include:\n")[2]


@pytest.mark.parametrize("name", ["mlci-gate", "mlci-model"])
def test_the_pipelines_that_users_copy_are_right(name: str, tmp_path: Path) -> None:
    text = (COPIED / f"{name}.gitlab-ci.yml").read_text().replace("include:\n", f"include:\n{ENTRIES}")

    report = look(written(tmp_path, text), forking="enabled", visibility="public")

    assert problems(report) == [("forks[their pipeline]", "warn")]
    assert only(report, "report").verdict is Verdict.PASS


def test_the_pipeline_of_the_page_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/gitlab.md").read_text()
    text = page.partition("<!-- pipeline: .gitlab-ci.yml -->\n```yaml\n")[2].partition("```")[0]

    assert problems(look(written(tmp_path, text))) == []
