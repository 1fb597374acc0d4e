"""What doctor says of data that are checked before they are trained on, and of what checks code."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitlab_setups import look, written

from mlci.adapters.github.workflows import read_workflows
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.setup.github.facts import Setup
from mlci.domain.setup.github.protection import Protection, Repository
from mlci.domain.verdict import Verdict
from mlci.steps import doctor
from mlci.surface.catalog import COMMANDS

WORKFLOW = """
on: {{pull_request: {{branches: [main]}}}}
permissions: {{}}
jobs:
  code:
    runs-on: ubuntu-latest
    permissions: {{contents: {code}}}
    steps: [{{uses: mlci/mlci/actions/code-ci@v0}}]
  data:
    runs-on: ubuntu-latest
    steps: [{{uses: mlci/mlci/actions/data-check@v0}}]
  model:
    runs-on: ubuntu-latest
    needs: {needs}
    steps: [{{uses: mlci/mlci/actions/model-ci@v0{given}}}]
"""
RIGHT = {"code": "read", "needs": "[data]", "given": ", with: {data-evidence: d.json}"}


def on_github(folder: Path, text: str) -> Report:
    place = folder / ".github/workflows/mlci.yml"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    found, unread = read_workflows(folder, ".github/workflows")
    return doctor.run(
        Setup(
            repository=Repository(id=1, name="owner/repository", default_branch="main", private=True),
            branch="main", protection=Protection(), workflows=found, unread=unread,
            needs={command.name: command.permissions for command in COMMANDS},
        )
    )  # fmt: skip


def about(report: Report, topic: str) -> list[Finding]:
    return [one for one in report.findings if one.id.startswith(f"setup:{topic}[")]


def test_a_job_that_waits_for_the_check_and_takes_its_evidence_is_right(tmp_path: Path) -> None:
    report = on_github(tmp_path, WORKFLOW.format(**RIGHT))

    (data,) = about(report, "data")
    assert (data.verdict, data.message.endswith("trains on nothing else than what data-check passed")) == ("pass", True)
    assert about(report, "code") == []


@pytest.mark.parametrize(
    ("changed", "topic", "verdict", "said"),
    [
        ({"needs": "[]"}, "data", "warn", "model does not wait for data, so training has begun"),
        ({"given": ""}, "data", "warn", "is not handed the evidence of data-check"),
        ({"code": "write"}, "code", "fail", "runs code of the change, and its token may write contents"),
    ],
)
def test_what_is_not_is_said_with_what_to_do(
    tmp_path: Path, changed: dict[str, str], topic: str, verdict: str, said: str
) -> None:
    report = on_github(tmp_path, WORKFLOW.format(**RIGHT | changed))

    (found,) = [one for one in about(report, topic) if one.verdict is not Verdict.PASS]
    assert (found.verdict, said in found.message, bool(found.explanation)) == (verdict, True, True)


def test_checks_in_the_job_that_trains_lie_where_they_are_looked_for(tmp_path: Path) -> None:
    steps = "{uses: mlci/mlci/actions/data-check@v0}, {uses: mlci/mlci/actions/model-ci@v0"
    text = WORKFLOW.format(**RIGHT | {"needs": "[]", "given": ""}).replace(
        "{uses: mlci/mlci/actions/model-ci@v0", steps
    )

    assert [one.verdict for one in about(on_github(tmp_path, text), "data")] == ["pass"]


def test_no_check_at_all_is_mentioned_and_blocks_nothing(tmp_path: Path) -> None:
    text = WORKFLOW.format(**RIGHT).replace("data-check@v0", "plan@v0")

    (found,) = about(on_github(tmp_path, text), "data")
    assert (found.advisory, found.reason) == (True, "missing")
    assert found.message == "nothing checks the data before .github/workflows/mlci.yml: model trains on them"


def test_the_whole_pipeline_with_its_check_switched_off_is_one_without(tmp_path: Path) -> None:
    call = "mlci/mlci/.github/workflows/model.yml@v0"
    text = "on: {{pull_request: {{branches: [main]}}}}\njobs: {{model: {{uses: {}{}}}}}\n"

    on, off = text.format(call, ""), text.format(call, ", with: {check-data: false}")
    assert [one.verdict for one in about(on_github(tmp_path / "on", on), "data")] == ["pass"]
    assert [one.advisory for one in about(on_github(tmp_path / "off", off), "data")] == [True]


PIPELINE = """
data:
  stage: build
  script: mlci data-check
train:
  stage: test{needs}
  script: mlci model-ci{given}
"""


@pytest.mark.parametrize(
    ("needs", "given", "said"),
    [
        ("", " --data-evidence d.json", ["the job train trains on nothing else than what passed"]),
        ("\n  needs: [data]", " --data-evidence d.json", ["the job train trains on nothing else than what passed"]),
        ("\n  needs: []", " --data-evidence d.json", ["the job train does not wait for data, so"]),
        ("", "", ["the job train is not handed the evidence of data-check"]),
        ("\n  needs: []", "", ["the job train does not wait for data", "the job train is not handed the evidence"]),
    ],
)
def test_the_same_on_gitlab(tmp_path: Path, needs: str, given: str, said: list[str]) -> None:
    rules = "\n  rules: [{if: $CI_PIPELINE_SOURCE == 'merge_request_event'}]"
    text = PIPELINE.format(needs=needs, given=given).replace("\n  script", f"{rules}\n  script")

    found = about(look(written(tmp_path, text)), "data")

    assert all(text in one.message for text, one in zip(said, found, strict=True)), [one.message for one in found]
    assert all((one.verdict is Verdict.PASS) == ("nothing else" in one.message) for one in found)


def test_no_check_at_all_on_gitlab_is_mentioned(tmp_path: Path) -> None:
    text = PIPELINE.format(needs="", given="").replace("data-check", "plan")

    (found,) = about(look(written(tmp_path, text)), "data")
    assert (found.advisory, found.message) == (True, "nothing checks the data before the job train trains on them")
