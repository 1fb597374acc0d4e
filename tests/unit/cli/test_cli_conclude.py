"""conclude as a command: options to exit, and a job that needs no forge."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlci.cli.main import run

REPORT = Path(".mlci/report/conclude.json")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def needs(**results: str) -> str:
    return json.dumps({name: {"result": result, "outputs": {}} for name, result in results.items()})


SKIPPED = {
    "plan": {"result": "success", "outputs": {"model": "false", "reason": "docs"}},
    "gate": {"result": "skipped"},
}


@pytest.mark.parametrize(
    ("options", "exit"),
    [
        (["--needs", needs(gate="success")], 0),
        (["--needs", needs(gate="failure")], 11),
        (["--needs", needs(gate="cancelled")], 11),
        (["--needs", needs(gate="skipped")], 11),
        (["--needs", "{}"], 11),
        (["--needs", needs(gate="skipped"), "--may-skip", "gate"], 0),
        (["--needs", needs(gate="failure", docs="failure"), "--may-fail", "docs\ngate"], 0),
        (["--needs", needs(gate="success"), "--expect", "gate, train"], 11),
        (["--needs", needs(gate="success"), "--may-skip", "gaet"], 2),
        (["--needs", json.dumps(SKIPPED), "--model-jobs", "gate"], 0),
        (["--needs", json.dumps(SKIPPED)], 11),
        (["--needs", json.dumps(SKIPPED), "--model-jobs", "gaet"], 2),
        (["--needs", json.dumps(SKIPPED), "--model-jobs", "gate", "--plan", "other"], 11),
        (["--needs", "gate"], 2),
        ([], 2),
    ],
)
def test_how_the_needed_jobs_ended_decides_the_exit(options: list[str], exit: int) -> None:
    assert run(["conclude", *options], {}) == exit
    assert REPORT.exists() is (exit != 2)


def test_it_says_which_job_in_the_log_on_the_page_and_in_its_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "outputs.txt"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
    }
    assert run(["conclude", "--needs", needs(train="success", gate="skipped")], environ) == 11

    said = "gate was skipped and nothing permits that"
    assert said in (tmp_path / "outputs.txt").read_text()
    assert said in (tmp_path / "page.md").read_text()
    assert said in capsys.readouterr().err
    assert json.loads(REPORT.read_text())["reason"] == said


def test_needs_come_through_the_environment_where_a_shell_cannot_spoil_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLCI_CONCLUDE_NEEDS", needs(gate="failure"))

    assert run(["conclude"], os.environ) == 11


def test_without_needs_it_says_where_they_come_from_on_each_forge(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conclude"], {}) == 2
    said = capsys.readouterr().err
    assert "set MLCI_CONCLUDE_NEEDS" in said
    assert "in a job on GitLab it asks for the jobs of its own pipeline" in said
