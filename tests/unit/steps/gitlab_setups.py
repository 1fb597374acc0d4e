"""A right set-up on GitLab, and the ways to change one thing in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from mlci.adapters.gitlab.cifile import read_file, read_merged
from mlci.adapters.remote.http import Api
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.setup.gitlab.facts import Setup
from mlci.domain.setup.gitlab.pipeline import Pipeline
from mlci.domain.setup.gitlab.project import Approvals, Guard, Project, Settings, Token
from mlci.domain.verdict import Verdict
from mlci.steps import doctor

TEMPLATES = Path(__file__).parents[3] / "templates"
SHA = "0123456789" * 4
TODAY = date(2026, 3, 1)
WORKFLOW = """\
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
CI = f"""\
stages: [plan, train, judge, last]
{WORKFLOW}\
plan:
  stage: plan
  script: [mlci plan]
  artifacts: {{reports: {{dotenv: .mlci/report/plan.env}}}}
data:
  stage: plan
  script: [mlci data-check --evidence mlci-data/data.json]
  artifacts: {{paths: [mlci-data/]}}
train:
  stage: train
  before_script: [pip install -r requirements.txt]
  variables: {{MLCI_MODEL_CI_DATA_EVIDENCE: mlci-data/data.json}}
  script: [mlci model-ci]
  artifacts: {{paths: [mlci-model/]}}
gate:
  stage: judge
  environment: {{name: mlci, action: access}}
  script: [mlci gate-compare --candidate mlci-model]
  allow_failure: {{exit_codes: [20]}}
conclude:
  stage: last
  when: always
  environment: {{name: mlci, action: access}}
  script: ['mlci conclude --expect plan,data,train,gate']
report:
  stage: last
  environment: {{name: mlci, action: access}}
  rules: [{{if: '$CI_PIPELINE_SOURCE == "schedule"'}}]
  script: [mlci report]
"""
OWNERS = "/.gitlab-ci.yml @team\nmlci.yml @team\nCODEOWNERS @team\n"
PROJECT = Project(
    id=7,
    name="group/models/churn",
    default_branch="main",
    visibility="private",
    forking="disabled",
    pipelines_must_succeed=True,
    skipped_succeed=False,
    threads_must_resolve=True,
    merge_trains=False,
    trains_skippable=False,
    merged_results=False,
    pipeline_path="",
    forks_run_here=False,
    variables_role="no_one_allowed",
    job_token_pushes=False,
    role=30,
)
GUARD = Guard(protected=True, pushers=(), force=False, owner_approval=True)
APPROVALS = Approvals(reset_on_push=True, reset_of_owners=False, by_author=False, by_committers=False)
TOKEN = Token(name="mlci", scopes=("api",), active=True, expires=date(2026, 12, 31), bot=True)
SETTINGS = Settings(
    project=PROJECT,
    guard=GUARD,
    approvals=APPROVALS,
    token=TOKEN,
    open_to_job_tokens=False,
    owners=("CODEOWNERS", OWNERS),
    config_on_branch=True,
)


class Lint:
    """An API that answers as GitLab's CI lint does."""

    def __init__(self, merged: str, **more: Any) -> None:
        self.answer = {"valid": True, "errors": [], "warnings": [], "merged_yaml": merged, "includes": [], **more}
        self.asked: list[Any] = []

    def get(self, path: str, params: Any = None, *, shape: Any) -> Any:
        self.asked.append((path, params))
        return msgspec.convert(self.answer, shape)


def merged(text: str, raw: bytes | None = None, **more: Any) -> Pipeline:
    """A pipeline as GitLab puts it together."""
    return read_merged(cast("Api", Lint(text, **more)), 7, None, raw)


def written(folder: Path, text: str) -> Pipeline:
    """The pipeline of a checkout."""
    (folder / ".gitlab-ci.yml").write_text(text)
    return read_file(folder, ".gitlab-ci.yml")


def rendered(name: str, **given: Any) -> str:
    """A component with its inputs put in, as GitLab does it."""
    head, body = (TEMPLATES / f"{name}.yml").read_text().split("\n---\n")
    inputs = {key: spec.get("default", "x") for key, spec in yaml.safe_load(head)["spec"]["inputs"].items()}
    values = {**inputs, **{key.replace("_", "-"): value for key, value in given.items()}}

    def put(found: re.Match[str]) -> str:
        value = values[found[1]]
        return json.dumps(value) if isinstance(value, list) else str(value)

    return re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", put, body)


def look(pipeline: Pipeline | str | None = CI, *, in_job: bool = False, **facts: Any) -> Report:
    """Ask doctor about a set-up in which something is otherwise: a field of settings, project or guard."""
    project = {name: facts.pop(name) for name in list(facts) if name in Project.__dataclass_fields__}
    guard = {name: facts.pop(name) for name in list(facts) if name in Guard.__dataclass_fields__}
    known: dict[str, Any] = {"project": replace(PROJECT, **project), **facts}
    known.setdefault("guard", replace(GUARD, **guard))
    return doctor.run(
        Setup(
            branch="main",
            settings=replace(SETTINGS, **known),
            pipeline=merged(pipeline) if isinstance(pipeline, str) else pipeline,
            today=TODAY,
            in_job=in_job,
        )
    )


def changed(old: str, new: str, text: str = CI) -> str:
    """The right pipeline with one thing otherwise."""
    assert old in text
    return text.replace(old, new)


def problems(report: Report, *, advisory: bool = False) -> list[tuple[str, str]]:
    """Everything that is not a counted pass, as (id without setup:, verdict)."""
    found = [one for one in report.findings if one.verdict is not Verdict.PASS and one.advisory is advisory]
    return sorted((one.id.removeprefix("setup:"), one.verdict.value) for one in found)


def only(report: Report, id: str) -> Finding:
    """The finding of that id."""
    (found,) = [one for one in report.findings if one.id == f"setup:{id}"]
    return found
