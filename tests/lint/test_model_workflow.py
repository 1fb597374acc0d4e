"""The reusable workflow model.yml: which job may do what, what it installs, and when a secret is handed on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from expressions import evaluated
from linters import ROOT

FILE = ROOT / ".github/workflows/model.yml"
JOBS: dict[str, Any] = yaml.safe_load(FILE.read_text())["jobs"]
TRAINING: list[dict[str, Any]] = JOBS["model"]["steps"]
PIP = "-m pip install --disable-pip-version-check -r"
SCRIPT, FETCH = (step for step in TRAINING if "run" in step)


def steps_of(action: str) -> list[dict[str, Any]]:
    return [step for job in JOBS.values() for step in job["steps"] if action in step.get("uses", "")]


def test_only_the_job_that_judges_may_write_and_it_runs_no_code_of_the_change() -> None:
    writing = [name for name, job in JOBS.items() if "write" in job["permissions"].values()]

    assert writing == ["gate"]
    assert all("uses" in step for step in JOBS["gate"]["steps"])
    assert [step["with"]["persist-credentials"] for step in steps_of("actions/checkout")] == [False] * 5


# What a run is handed: the token that may write, the one that only reads, or none.
RUNS = {
    ("push", "refs/heads/main"): "writes",
    ("schedule", "refs/heads/main"): "writes",
    ("workflow_dispatch", "refs/heads/main"): "writes",
    ("push", "refs/heads/feature"): "",
    ("push", "refs/tags/main"): "",
    ("workflow_dispatch", "refs/heads/feature"): "",
    ("pull_request", "refs/pull/5/merge"): "reads",
    ("pull_request_target", "refs/heads/main"): "",
    ("merge_group", "refs/heads/gh-readonly-queue/main/pr-5-abc"): "reads",
    ("workflow_run", "refs/heads/main"): "",
    ("issue_comment", "refs/heads/main"): "",
}
HANDED = [step for name in ("data-check", "model-ci", "gate-compare") for step in steps_of(f"/{name}")]
TOKENS = [step["env"]["MLFLOW_TRACKING_TOKEN"] for step in HANDED]


def about(event: str, ref: str, head: str | None, **secrets: str) -> dict[str, Any]:
    """The contexts of a run; the head repository is None where a fork is gone."""
    payload: dict[str, Any] = {"repository": {"default_branch": "main"}}
    if event.startswith("pull_request"):
        payload["pull_request"] = {"head": {"repo": None if head is None else {"full_name": head}}}
    named = {name.replace("_", "-"): value for name, value in secrets.items()}
    return {"github": {"event_name": event, "ref": ref, "repository": "o/r", "event": payload}, "secrets": named}


def test_a_secret_goes_to_three_steps_and_the_one_that_may_write_only_after_a_merge() -> None:
    both = {"registry_token": "writes", "registry_read_token": "reads"}

    assert FILE.read_text().count("secrets.") == len(TOKENS) * len(both) == 6
    contexts = [about(event, ref, "o/r", **both) for event, ref in RUNS]
    assert evaluated(*TOKENS, contexts=contexts) == [[token] * 3 for token in RUNS.values()]


def test_one_token_never_stands_in_for_the_other() -> None:
    for name, kind in (("registry_token", "writes"), ("registry_read_token", "reads")):
        contexts = [about(event, ref, "o/r", **{name: kind}) for event, ref in RUNS]
        expected = [[token if token == kind else ""] * 3 for token in RUNS.values()]
        assert evaluated(*TOKENS, contexts=contexts) == expected


def test_a_fork_is_handed_no_token_even_where_its_runs_are_given_secrets() -> None:
    both = {"registry_token": "writes", "registry_read_token": "reads"}
    contexts = [about("pull_request", "refs/pull/5/merge", head, **both) for head in ("stranger/r", "o/r-2", None)]

    assert evaluated(*TOKENS, contexts=contexts) == [[""] * 3] * 3


def test_without_a_registry_the_last_accepted_run_is_production() -> None:
    report = yaml.safe_load(FILE.with_name("report.yml").read_text())["jobs"]["report"]["steps"]
    found = [step["with"]["baseline-from"] for step in (*steps_of("actions/gate-compare"), *report)]
    contexts = [{"inputs": {"register": register}} for register in (False, True)]

    assert evaluated(*found, contexts=contexts) == [["artifacts"] * 2, [""] * 2]


def test_what_the_job_that_judges_takes_is_the_candidate_of_this_run_or_none() -> None:
    fetch, judge = JOBS["gate"]["steps"][1:3]

    assert JOBS["gate"]["if"] == "${{ !cancelled() && needs.plan.outputs.model == 'true' }}"
    assert JOBS["gate"]["needs"] == ["plan", "model"]
    assert (fetch["if"], fetch["continue-on-error"]) == ("needs.model.result == 'success'", True)
    # Nothing that the change has checked in can stand there, or lead from there to elsewhere.
    assert fetch["with"]["path"] == judge["with"]["candidate"] == "${{ runner.temp }}/mlci-candidate"
    assert "if" not in judge


def test_nothing_is_trained_before_code_and_data_were_checked() -> None:
    needs = {name: JOBS[name].get("needs", []) for name in ("code", "data", "model", "conclude")}

    assert needs == {
        "code": [], "data": "plan", "model": ["plan", "code", "data"],
        "conclude": ["plan", "code", "data", "model", "gate"],
    }  # fmt: skip
    # A check that is switched off is skipped, and a job is skipped with those it needs unless its condition says else.
    assert JOBS["model"]["if"] == "${{ !failure() && !cancelled() && needs.plan.outputs.model == 'true' }}"


def test_what_runs_code_of_the_change_before_it_is_trained_has_a_token_that_reads_and_no_secret() -> None:
    assert JOBS["code"]["permissions"] == {"contents": "read"}
    assert "secrets." not in yaml.safe_dump(JOBS["code"])
    assert JOBS["code"]["runs-on"] == JOBS["data"]["runs-on"] == "${{ fromJSON(inputs.check-on) }}"
    assert [step for step in JOBS["code"]["steps"] if "run" in step] == [SCRIPT]
    assert JOBS["code"]["if"] == "inputs.check-code"


def test_a_check_that_is_switched_off_may_be_skipped_and_no_other() -> None:
    (may_skip,) = (step["with"]["may-skip"] for step in steps_of("/conclude"))
    ways = [(code, data) for code in (True, False) for data in (True, False)]
    contexts = [{"inputs": {"check-code": code, "check-data": data}} for code, data in ways]
    alone = re.findall(r"\$\{\{.*?\}\}", may_skip)

    assert re.sub(r"\$\{\{.*?\}\}", "", may_skip) == " "
    assert evaluated(*alone, contexts=contexts) == [["", ""], ["", "data"], ["code", ""], ["code", "data"]]


def test_the_evidence_of_the_data_is_that_of_this_run_and_is_taken_last() -> None:
    names = [step.get("name") for step in TRAINING]
    take = TRAINING[names.index("Take the evidence of the data")]
    (upload,) = (step for step in JOBS["data"]["steps"] if "upload-artifact" in step.get("uses", ""))

    assert take["with"]["name"] == upload["with"]["name"].replace("steps.data", "needs.data")
    assert names.index("Take the evidence of the data") == names.index("Train and score") - 1
    handed = TRAINING[names.index("Train and score")]["with"]["data-evidence"]
    contexts = [{"inputs": {"check-data": on}, "runner": {"temp": "/tmp/r"}} for on in (True, False)]
    assert evaluated(handed, contexts=contexts) == [["/tmp/r/mlci-data/data.json"], [""]]
    assert take["with"]["path"] == "${{ runner.temp }}/mlci-data"


def test_lines_that_bring_the_data_are_run_as_they_are_given() -> None:
    (checking,) = (step for step in JOBS["data"]["steps"] if "run" in step)

    assert checking == FETCH
    assert FETCH["env"] == {"FETCH": "${{ inputs.fetch }}"}
    assert "${{" not in FETCH["run"]


def test_the_candidate_is_handed_over_whole() -> None:
    upload = next(step for step in TRAINING if "upload-artifact" in step.get("uses", ""))

    assert upload["with"]["if-no-files-found"] == "error"
    assert upload["with"]["include-hidden-files"] is True
    assert "if" not in upload


@pytest.mark.parametrize(
    ("setup", "config", "files", "expected"),
    [
        ("", "mlci.yml", ["requirements.txt"], [f"{PIP} ./requirements.txt"]),
        (
            "", "my models/mlci.yml", ["requirements.txt", "my models/requirements.txt"],
            [f"{PIP} my models/requirements.txt"],
        ),
        ("", "$(touch pwned)/mlci.yml", ["requirements.txt"], [f"{PIP} ./requirements.txt"]),
        ("", "mlci.yml", [], []),
        ("python one\npython \"two $(echo words)\"", "mlci.yml", ["requirements.txt"], ["one", "two words"]),
    ],
)  # fmt: skip
def test_the_training_environment_is_installed(
    tmp_path: Path, setup: str, config: str, files: list[str], expected: list[str]
) -> None:
    done = installed(tmp_path, setup, config, files)

    said = (tmp_path / "said").read_text().splitlines() if (tmp_path / "said").exists() else []
    assert done.returncode == 0, done.stderr
    assert said == expected
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("setup", ["false\ntrue", "false | true", "python fail"])
def test_a_set_up_that_fails_ends_the_job(tmp_path: Path, setup: str) -> None:
    assert installed(tmp_path, setup, "mlci.yml", []).returncode != 0


def installed(folder: Path, setup: str, config: str, files: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the step as the runner does, with a python that writes down what it is asked."""
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    python = folder / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "$*" >> "{folder}/said"\n[ "$1" != fail ]\n')
    python.chmod(0o755)
    environ = {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "SETUP": setup, "CONFIG": config}
    assert "${{" not in SCRIPT["run"]
    assert SCRIPT["env"] == {"CONFIG": "${{ inputs.config }}", "SETUP": "${{ inputs.setup }}"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", SCRIPT["run"]],
        cwd=folder, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
