"""The reusable workflow model.yml: which job may do what, what it installs, and when a secret is handed on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from linters import NODE, ROOT, lacking, tool

FILE = ROOT / ".github/workflows/model.yml"
JOBS: dict[str, Any] = yaml.safe_load(FILE.read_text())["jobs"]
TRAINING: list[dict[str, Any]] = JOBS["model"]["steps"]
PIP = "-m pip install --disable-pip-version-check -r"
(SCRIPT,) = (step for step in TRAINING if "run" in step)


def steps_of(action: str) -> list[dict[str, Any]]:
    return [step for job in JOBS.values() for step in job["steps"] if action in step.get("uses", "")]


def evaluated(*texts: str, contexts: list[dict[str, Any]]) -> list[list[str]]:
    """What GitHub's evaluator makes of expressions, each in every context."""
    library = NODE / "@actions" / "expressions"
    if not library.is_dir():
        lacking("@actions/expressions is not installed; run make setup")
    bare = [text.removeprefix("${{").removesuffix("}}").strip() for text in texts]
    given = json.dumps({"library": library.as_uri(), "expressions": bare, "contexts": contexts})
    command = [tool("node"), str(Path(__file__).with_name("expressions.mjs"))]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_only_the_job_that_judges_may_write_and_it_runs_no_code_of_the_change() -> None:
    writing = [name for name, job in JOBS.items() if "write" in job["permissions"].values()]

    assert writing == ["gate"]
    assert all("uses" in step for step in JOBS["gate"]["steps"])
    assert [step["with"]["persist-credentials"] for step in steps_of("actions/checkout")] == [False] * 3


def test_a_secret_goes_to_two_steps_and_only_after_a_merge() -> None:
    given = [*steps_of("actions/model-ci"), *steps_of("actions/gate-compare")]
    tokens = [step["env"]["MLFLOW_TRACKING_TOKEN"] for step in given]
    runs = {
        ("push", "refs/heads/main"): True,
        ("schedule", "refs/heads/main"): True,
        ("workflow_dispatch", "refs/heads/main"): True,
        ("push", "refs/heads/feature"): False,
        ("push", "refs/tags/main"): False,
        ("workflow_dispatch", "refs/heads/feature"): False,
        ("pull_request", "refs/pull/5/merge"): False,
        ("pull_request_target", "refs/heads/main"): False,
        ("merge_group", "refs/heads/gh-readonly-queue/main/pr-5-abc"): False,
        ("workflow_run", "refs/heads/main"): False,
        ("issue_comment", "refs/heads/main"): False,
    }
    repository = {"repository": {"default_branch": "main"}}
    contexts = [
        {"github": {"event_name": event, "ref": ref, "event": repository}, "secrets": {"registry-token": "hush"}}
        for event, ref in runs
    ]

    assert FILE.read_text().count("secrets.") == 2
    assert evaluated(*tokens, contexts=contexts) == [["hush" if merged else ""] * 2 for merged in runs.values()]


def test_without_a_registry_the_last_accepted_run_is_production() -> None:
    (gate,) = steps_of("actions/gate-compare")
    contexts = [{"inputs": {"register": register}} for register in (False, True)]

    assert evaluated(gate["with"]["baseline-from"], contexts=contexts) == [["artifacts"], [""]]


def test_the_candidate_is_handed_over_whole() -> None:
    upload = next(step for step in TRAINING if "upload-artifact" in step.get("uses", ""))
    (download,) = steps_of("actions/download-artifact")
    (gate,) = steps_of("actions/gate-compare")

    assert upload["with"]["if-no-files-found"] == "error"
    assert upload["with"]["include-hidden-files"] is True
    assert "if" not in upload
    assert download["with"]["path"] == gate["with"]["candidate"]


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
