"""doctor as a command: which repository is asked about, what its findings mean for the exit, and that it only reads."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from golden import reports

from mlci.cli.main import run
from mlci.domain.verdict import Verdict

if TYPE_CHECKING:
    from forge.github import GitHub

REPORT = Path(".mlci/report/doctor.json")
SHA = "a" * 40
WORKFLOW = f"""\
on: {{pull_request: {{branches: [main]}}, merge_group: {{}}, push: {{branches: [main]}}}}
permissions: {{}}
jobs:
  gate:
    runs-on: ubuntu-latest
    permissions: {{contents: read, actions: read, pull-requests: write, statuses: write}}
    steps:
      - uses: actions/checkout@{SHA}
      - uses: owner/mlci/actions/gate-compare@{SHA}
        with: {{candidate: c.csv, baseline-from: artifacts}}
  conclude:
    needs: [gate]
    if: always()
    runs-on: ubuntu-latest
    steps:
      - uses: owner/mlci/actions/conclude@{SHA}
        with: {{needs: "${{{{ toJSON(needs) }}}}"}}
"""


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "checkout"
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/model.yml").write_text(WORKFLOW)
    monkeypatch.chdir(folder)


def environ(github: GitHub, **permissions: str) -> dict[str, str]:
    token = github.token(permissions={"contents": "read", **permissions})  # type: ignore[arg-type]
    return {"GITHUB_API_URL": github.url, "MLCI_TOKEN": token}


def found() -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in json.loads(REPORT.read_text())["findings"]}


def test_a_branch_that_nothing_protects_is_found_and_is_red(github: GitHub) -> None:
    github.add_repository(files={"mlci.yml": "model: churn\n"})
    before = len(github.requests)

    assert run(("doctor", "--repository", "owner/repository"), environ(github)) == 11
    assert json.loads(REPORT.read_text())["verdict"] == "fail"
    assert {request.method for request in github.requests[before:]} == {"GET"}, "it changes nothing"


def test_a_required_conclude_is_not_called_missing(github: GitHub) -> None:
    github.add_repository(files={"mlci.yml": "model: churn\n"})
    run(("doctor", "--repository", "owner/repository"), environ(github))
    assert found()["setup:required[conclude]"] == "fail"
    github.protect("main", {"conclude": 15368})

    assert run(("doctor", "--repository", "owner/repository"), environ(github, administration="read")) == 0
    assert found()["setup:required[conclude]"] == found()["setup:configuration"] == "pass"


def test_the_named_branch_check_and_file_are_the_ones_asked_about(github: GitHub) -> None:
    github.add_repository(files={"train.py": "1"})
    github.commit({"models/mlci.yml": "model: churn\n"}, "release")
    Path("models").mkdir()
    Path("models/mlci.yml").write_text("model: churn\n")
    more = ("--branch", "release", "--required", "other", "--config", "models/mlci.yml")

    assert run(("doctor", "--repository", "owner/repository", *more), environ(github)) == 11
    assert found()["setup:required[other]"] == "fail"
    assert found()["setup:configuration"] == "pass"


def test_a_repository_that_the_token_cannot_see_is_a_service_error(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.add_repository()

    assert run(("doctor", "--repository", "owner/other"), environ(github)) == 4
    assert "error[S00" in capsys.readouterr().err
    assert not REPORT.exists()


@pytest.mark.parametrize(
    ("verdict", "exit"), [(Verdict.PASS, 0), (Verdict.WARN, 0), (Verdict.INCONCLUSIVE, 0), (Verdict.FAIL, 11)]
)
def test_what_may_not_be_read_is_reported_and_not_red(
    verdict: Verdict, exit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlci.cli.doctor._setup", lambda *_: None)
    monkeypatch.setattr("mlci.steps.doctor.run", lambda _: replace(reports.passing(), step="doctor", verdict=verdict))

    assert run(("doctor",), {}) == exit
    assert json.loads(REPORT.read_text())["verdict"] == verdict.value


# Which repository


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The repositories that are asked about; nobody answers."""
    asked: list[str] = []

    def read(_: object, name: str) -> None:
        asked.append(name)
        raise KeyboardInterrupt

    monkeypatch.setattr("mlci.adapters.github.protection.read_repository", read)
    return asked


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/owner/name",
        "https://github.com/owner/name.git",
        "https://github.com/owner/name/",
        "https://user:secret@forge.invalid:8443/owner/name.git",
        "git@github.com:owner/name.git",
        "ssh://git@forge.invalid:22/owner/name.git",
    ],
)
def test_the_remote_of_the_checkout_says_which_repository_is_meant(remote: str, asked: list[str]) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", remote], check=True)

    assert run(("doctor",), {}) == 130
    assert asked == ["owner/name"]


def test_the_flag_is_before_the_run_and_that_before_the_remote(asked: list[str]) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/of/remote"], check=True)
    run(("doctor",), {"GITHUB_REPOSITORY": "of/run"})
    run(("doctor", "--repository", "of/flag"), {"GITHUB_REPOSITORY": "of/run"})

    assert asked == ["of/run", "of/flag"]


@pytest.mark.parametrize("remote", [None, "../other", "/srv/git/name.git", "https://forge.invalid/name"])
def test_where_nothing_says_which_repository_is_meant_nobody_is_asked(
    remote: str | None, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    if remote is not None:
        subprocess.run(["git", "remote", "add", "origin", remote], check=True)

    assert run(("doctor",), {}) == 2
    assert asked == []
    assert "give --repository owner/name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["name", "a/b/c", "../b", "a/..", "a/b?x", "a/b#", "a b/c", "/a", "a/", "https://a/b"])
def test_what_cannot_be_a_repository_is_never_part_of_a_request(name: str, asked: list[str]) -> None:
    assert run(("doctor", "--repository", name), {}) == 2
    assert asked == []


def test_no_secret_of_a_remote_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", "https://user:hunter22@forge.invalid/one/two/three"], check=True)

    assert run(("doctor",), {}) == 2
    assert "hunter22" not in str(capsys.readouterr())


def test_a_repository_that_promotes_is_told_of_its_ledger_and_one_that_does_not_is_not(github: GitHub) -> None:
    github.add_repository(files={"mlci.yml": "model: churn\n"})
    words = ("doctor", "--repository", "owner/repository")
    run(words, environ(github, actions="read"))
    assert not any("ledger" in id for id in found())

    release = f"on: push\njobs:\n  go:\n    steps: [{{uses: owner/mlci/actions/promote@{SHA}}}]\n"
    Path(".github/workflows/release.yml").write_text(release)
    run(words, environ(github, actions="read"))

    assert found()["setup:ledger[protection]"] == found()["setup:ledger[who]"] == found()["setup:approval"] == "warn"
    assert found()["setup:environment[production]"] == "warn"
