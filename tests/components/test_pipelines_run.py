"""Pipelines that take our components in, under a real runner: what reaches which job, and what becomes of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlci.surface.pin import PIN

if TYPE_CHECKING:
    from local import Job, Local

# In the place of `python -m mlci`: leaves its environment as the report, and ends as it is told.
RECORDER = """
import json, os, sys
step = os.environ["MLCI_COMMAND"]
os.makedirs(".mlci/report", exist_ok=True)
with open(f".mlci/report/{step}.json", "w") as file:
    json.dump(dict(os.environ), file)
with open(f".mlci/report/{step}.env", "w") as file:
    file.write(os.environ.get("ANSWER_" + step.replace("-", "_"), ""))
if step == "model-ci":
    os.makedirs("mlci-model")
    open("mlci-model/predictions.csv", "w").close()
sys.exit(int(os.environ.get("EXIT_" + step.replace("-", "_"), "0")))
"""
ALL = ("mlci-plan", "mlci-code", "mlci-data", "mlci-model", "mlci-gate", "mlci-conclude")
# What would end a text, a line, a mapping or a comment in YAML, and what a shell or GitLab would fill in.
HOSTILE = (
    """it's "quoted" `touch pwned` $(touch pwned) $HOME ${CI_JOB_NAME} $$ %PATH% """
    """\\ \\n : {a: b} [c] # no, & *y !z | > -"""
)
LINES = f'- one: two\n  "three\n\n---\n#{HOSTILE}'


@pytest.fixture(name="python")
def _python(tmp_path: Path) -> str:
    """An interpreter that has mlci, and records how it is run."""
    (tmp_path / "recorder.py").write_text(RECORDER)
    script = tmp_path / "python"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in "-I -m mlci "*) exec {sys.executable} -I {tmp_path}/recorder.py ;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def includes(*components: tuple[str, dict[str, Any]], **more: Any) -> dict[str, str]:
    """The files of a project whose pipeline is these components with their inputs."""
    listed = [{"component": PIN.component(name).split(" ")[0], "inputs": inputs} for name, inputs in components]
    return {".gitlab-ci.yml": json.dumps({"include": listed, **more}, indent=1)}


def seen(job: Job) -> dict[str, str]:
    """The environment that the step was run in."""
    (report,) = (job.artifacts / ".mlci/report").glob("*.json")
    found: dict[str, str] = json.loads(report.read_text())
    return found


def test_a_pipeline_of_one_include_plans_trains_judges_and_concludes(local: Local, python: str) -> None:
    consumer = local.consumer(includes(("model", {})))

    pipeline = local.run(consumer, python=python)

    assert (pipeline.status, pipeline.results) == ("success", dict.fromkeys(ALL, "success")), pipeline.text
    assert [seen(pipeline.job(name))["MLCI_COMMAND"] for name in ALL] == [
        "plan",
        "code-ci",
        "data-check",
        "model-ci",
        "gate-compare",
        "conclude",
    ]
    gate = seen(pipeline.job("mlci-gate"))
    assert gate["MLCI_GATE_COMPARE_CANDIDATE"] == "mlci-model"
    assert gate["MLCI_GATE_COMPARE_BASELINE_FROM"] == "artifacts"
    assert gate["MLCI_GATE_COMPARE_AGAINST"] == gate["MLCI_GATE_COMPARE_VERSION"] == ""
    assert gate["MLCI_GATE_COMPARE_EXIT_ON_WARN"] == "true"
    assert "There is no requirements.txt" in pipeline.job("mlci-model").log
    # Nobody said that the change does not touch the model.
    assert gate["MLCI_GATE_COMPARE_TOUCHED"] == seen(pipeline.job("mlci-model"))["MLCI_MODEL_CI_TOUCHED"] == ""


def test_whatever_an_input_holds_reaches_the_command_as_it_is(local: Local, python: str, tmp_path: Path) -> None:
    inputs = {"candidate": HOSTILE, "slices": LINES, "target": "$[[ inputs.candidate ]]", "tolerance": "0.5 %"}
    consumer = local.consumer(includes(("gate-compare", inputs)))

    job = local.run(consumer, python=python).job("mlci-gate-compare")

    found = seen(job)
    assert found["MLCI_GATE_COMPARE_CANDIDATE"] == HOSTILE
    assert found["MLCI_GATE_COMPARE_SLICES"] == LINES
    assert found["MLCI_GATE_COMPARE_TARGET"] == "$[[ inputs.candidate ]]"
    assert found["MLCI_GATE_COMPARE_TOLERANCE"] == "0.5 %"
    assert found["MLCI_GATE_COMPARE_ID"] == ""
    assert list(tmp_path.rglob("pwned")) == []


def test_where_plan_finds_the_model_untouched_the_jobs_after_it_are_told(local: Local, python: str) -> None:
    consumer = local.consumer(includes(("model", {"setup": "touch set-up && exit 1", "check-code": "false"})))
    answer = "MLCI_OUTPUT_PLAN_MODEL=false\nMLCI_OUTPUT_PLAN_REASON=only words\n"

    pipeline = local.run(consumer, {"ANSWER_plan": answer}, python=python)

    # The code is checked whatever plan finds, and switched off here: its job does the set-up, too.
    ran = {name: "skipped" if name == "mlci-code" else "success" for name in ALL}
    assert (pipeline.status, pipeline.results) == ("success", ran), pipeline.text
    assert pipeline.job("mlci-plan").variables["MLCI_OUTPUT_PLAN_MODEL"] == "false"
    assert seen(pipeline.job("mlci-model"))["MLCI_MODEL_CI_TOUCHED"] == "false"
    assert seen(pipeline.job("mlci-gate"))["MLCI_GATE_COMPARE_TOUCHED"] == "false"
    assert seen(pipeline.job("mlci-gate"))["MLCI_OUTPUT_PLAN_REASON"] == "only words"
    assert "nothing is installed" in pipeline.job("mlci-model").log


def test_the_token_reaches_the_jobs_that_judge_and_never_the_one_that_trains(local: Local, python: str) -> None:
    consumer = local.consumer(includes(("model", {}), ("report", {"rules": [{"when": "always"}]})))
    project = {"MLCI_TOKEN": {"mlci": "glpat-secret"}}

    pipeline = local.run(consumer, project=project, python=python)

    held = {name for name in pipeline.jobs if seen(pipeline.job(name)).get("MLCI_TOKEN") == "glpat-secret"}
    assert held == {"mlci-gate", "mlci-conclude", "mlci-report"}
    assert "glpat-secret" not in pipeline.text


def test_what_the_pipeline_does_before_every_job_is_not_done_where_the_token_is(local: Local, python: str) -> None:
    consumer = local.consumer(includes(("model", {}), default={"before_script": ["echo this is of the change itself"]}))

    pipeline = local.run(consumer, python=python)

    own = {name for name in ALL if "this is of the change itself" in pipeline.job(name).log}
    assert own == {"mlci-code", "mlci-model"}


@pytest.mark.parametrize(("code", "result", "status"), [(20, "warning", "success"), (11, "failed", "failed")])
def test_a_warn_is_orange_and_anything_else_is_red(
    local: Local, python: str, code: int, result: str, status: str
) -> None:
    consumer = local.consumer(includes(("model", {})))

    pipeline = local.run(consumer, {"EXIT_gate_compare": str(code)}, python=python)

    gate = pipeline.job("mlci-gate")
    assert (gate.result, gate.exit, pipeline.status) == (result, code, status), pipeline.text
    assert pipeline.job("mlci-conclude").result == "success", "it runs whatever became of the others"


def test_the_gate_judges_where_training_failed_and_is_handed_no_candidate_of_the_checkout(
    local: Local, python: str
) -> None:
    files = includes(("model", {"setup": "exit 7", "check-code": "false"}))
    consumer = local.consumer({**files, "mlci-model/predictions.csv": "checked in\n"})

    pipeline = local.run(consumer, python=python)

    assert (pipeline.job("mlci-model").exit, pipeline.job("mlci-model").files) == (7, set()), pipeline.text
    assert pipeline.job("mlci-gate").result == pipeline.job("mlci-conclude").result == "success"
    assert pipeline.status == "failed"


def test_set_up_is_done_in_the_shell_of_the_job(local: Local, python: str) -> None:
    setup = "export MARK='a: b # c'\nmkdir -p below\ncd below\n"
    consumer = local.consumer(includes(("model-ci", {"setup": setup})))

    job = local.run(consumer, python=python).job("mlci-model-ci")

    assert seen(job)["MARK"] == "a: b # c"
    assert job.files == {"mlci-model/predictions.csv", ".mlci/report/model-ci.json", ".mlci/report/model-ci.env"}


@pytest.mark.parametrize("protected", [True, False])
def test_the_registrys_token_that_may_write_holds_before_the_one_that_reads(
    local: Local, python: str, protected: bool
) -> None:
    consumer = local.consumer(includes(("model", {"register": "true"})))
    # Protected, it is handed to the pipelines of protected branches, and to no merge request's.
    project = {"MLCI_REGISTRY_READ_TOKEN": "reads", **({"MLFLOW_TRACKING_TOKEN": "writes"} if protected else {})}

    pipeline = local.run(consumer, project=project, python=python)

    for name in ("mlci-model", "mlci-gate"):
        assert seen(pipeline.job(name))["MLFLOW_TRACKING_TOKEN"] == ("writes" if protected else "reads")
    gate = seen(pipeline.job("mlci-gate"))
    assert gate["MLCI_GATE_COMPARE_AGAINST"] == "production"
    assert gate["MLCI_GATE_COMPARE_VERSION"] == "candidate"
    assert gate["MLCI_GATE_COMPARE_BASELINE_FROM"] == ""
    assert seen(pipeline.job("mlci-model"))["MLCI_MODEL_CI_REGISTER"] == "true"


def test_a_variable_of_the_project_holds_before_an_input(local: Local, python: str) -> None:
    consumer = local.consumer(includes(("gate-compare", {"candidate": "a.csv", "confidence": "0.9"})))

    job = local.run(consumer, project={"MLCI_GATE_COMPARE_CONFIDENCE": "0.99"}, python=python).job("mlci-gate-compare")

    assert seen(job)["MLCI_GATE_COMPARE_CONFIDENCE"] == "0.99"
    assert seen(job)["MLCI_GATE_COMPARE_CANDIDATE"] == "a.csv"


def test_two_models_in_one_pipeline_keep_out_of_each_others_way(local: Local, python: str) -> None:
    models = [("model", {"job-prefix": name, "config": f"{name}/mlci.yml"}) for name in ("churn", "fraud")]
    files = {**includes(*models), "churn/requirements.txt": "", "fraud/mlci.yml": ""}

    pipeline = local.run(local.consumer(files), python=python)

    assert pipeline.status == "success", pipeline.text
    assert len(pipeline.jobs) == 12
    for name in ("churn", "fraud"):
        assert seen(pipeline.job(f"{name}-gate"))["MLCI_GATE_COMPARE_CONFIG"] == f"{name}/mlci.yml"
        assert seen(pipeline.job(f"{name}-conclude"))["MLCI_CONCLUDE_EXPECT"].split(",") == [
            f"{name}-{job}" for job in ("plan", "code", "data", "model", "gate")
        ]


def test_what_lies_where_results_belong_is_not_taken_for_one(local: Local, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    planted = {
        ".mlci/report/gate-compare.env": "MLCI_PYTHON=/evil\n",
        ".mlci/report/gate-compare.json": "{}",
        ".mlci/evidence/gate.json": "{}",
        "mlci-keep/gate.json": "{}",
    }
    consumer = local.consumer({**includes(("gate-compare", {"candidate": "a.csv"})), **planted})

    job = local.run(consumer, python=str(broken)).job("mlci-gate-compare")

    assert (job.exit, job.files, job.variables) == (2, set(), {})
    assert "error[U002]" in job.log


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("gate-compare", {"tolerance": "a little"}),
        ("gate-compare", {"on-inconclusive": "shrug"}),
        ("gate-compare", {"comment": "yes"}),
        ("gate-compare", {"touched": "$(id)"}),
        ("gate-compare", {"extras": "gate] @ https://evil.example/x"}),
        ("gate-compare", {"tags": "one"}),
        ("model-ci", {"timeout": "two hours"}),
        ("model", {"register": "maybe"}),
        ("model", {"job-prefix": "a,b"}),
        ("model", {"environment": ""}),
    ],
)
def test_a_wrong_value_is_refused_before_there_is_a_pipeline(local: Local, name: str, inputs: dict[str, Any]) -> None:
    (given,) = inputs

    with pytest.raises(ValueError, match=rf"\b{given}\b"):
        local.preview(local.consumer(includes((name, inputs))))
