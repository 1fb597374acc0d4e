"""doctor on GitLab as a command: whose set-up, which server and project, which token goes where, and only reading."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlci.cli import setup_gitlab
from mlci.cli.main import run
from mlci.domain.origin import origin

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Project

REPORT = Path(".mlci/report/doctor.json")
PATH = "group/models/churn"
CI = """\
workflow: {rules: [{if: '$CI_PIPELINE_SOURCE == "merge_request_event"'}]}
gate: {script: [mlci gate-compare], environment: {name: mlci, action: access}}
conclude: {stage: .post, when: always, script: [mlci conclude]}
"""


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path(".gitlab-ci.yml").write_text(CI)


@pytest.fixture(name="project")
def _project(gitlab: GitLab) -> Project:
    return gitlab.add_project(files={"mlci.yml": "model: churn\n", ".gitlab-ci.yml": CI})


def remote(address: str) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", address], check=True)


def found() -> dict[str, str]:
    return {each["id"].removeprefix("setup:"): each["verdict"] for each in json.loads(REPORT.read_text())["findings"]}


def person(gitlab: GitLab, **more: Any) -> str:
    return gitlab.token(scopes=("read_api",), role="maintainer", user="maintainer", **more)


def test_a_project_as_it_is_made_lets_a_worse_model_be_merged_and_is_red(gitlab: GitLab, project: Project) -> None:
    environ = {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": person(gitlab)}
    before = len(gitlab.requests)

    assert run(("doctor", "--forge", "gitlab", "--repository", PATH), environ) == 11

    assert {request.method for request in gitlab.requests[before:]} == {"GET"}, "it changes nothing"
    assert found()["merge-checks[pipelines]"] == "fail"
    assert found()["gate[gate]"] == found()["configuration"] == "pass"
    project.settings["only_allow_merge_if_pipeline_succeeds"] = True
    assert run(("doctor", "--forge", "gitlab", "--repository", PATH), environ) == 0
    assert found()["merge-checks[pipelines]"] == "pass"


def test_the_named_branch_and_file_are_the_ones_asked_about(gitlab: GitLab, project: Project) -> None:
    gitlab.commit({"models/mlci.yml": "model: churn\n", ".gitlab-ci.yml": "tests: {script: [make]}\n"}, "release")
    Path("models").mkdir()
    Path("models/mlci.yml").write_text("model: churn\n")
    words = ("doctor", "--forge", "gitlab", "--branch", "release", "--config", "models/mlci.yml")

    assert run((*words, "--repository", PATH), {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": person(gitlab)}) == 11
    assert (found()["branch"], found()["gate"], found()["configuration"]) == ("fail", "fail", "pass")


def test_in_a_job_with_its_token_the_project_of_the_change_is_looked_at(gitlab: GitLab, project: Project) -> None:
    gitlab.commit({"train.py": "2"}, "feature")
    change = gitlab.open_merge_request("feature")
    job = gitlab.add_job(gitlab.add_pipeline(merge_request=change), "doctor")
    environ = gitlab.environ(job, folder=Path.cwd(), token=gitlab.token())

    assert run(("doctor",), environ) == 11
    assert found()["merge-checks[pipelines]"] == "fail"
    assert found()["variables"] == "inconclusive"
    assert "token[scopes]" not in found()


def test_in_a_job_without_a_token_almost_everything_is_unknown_and_that_is_not_red(
    gitlab: GitLab, project: Project
) -> None:
    job = gitlab.add_job(gitlab.add_pipeline("push"), "doctor")
    environ = gitlab.environ(job, folder=Path.cwd())

    assert run(("doctor",), environ) == 0
    assert (found()["merge-checks"], found()["pipeline[as read]"]) == ("inconclusive", "inconclusive")
    assert (found()["gate[gate]"], found()["configuration"], found()["token"]) == ("pass", "pass", "warn")


def test_a_pipeline_that_cannot_be_read_anywhere_is_unknown(gitlab: GitLab, project: Project) -> None:
    Path(".gitlab-ci.yml").write_text("a: [\n")
    job = gitlab.add_job(gitlab.add_pipeline("push"), "doctor")

    assert run(("doctor",), gitlab.environ(job, folder=Path.cwd())) == 0
    messages = [one["message"] for one in json.loads(REPORT.read_text())["findings"] if one["id"] == "setup:pipeline"]
    assert ".gitlab-ci.yml:2 of this checkout: this is not valid YAML" in messages[0]


def test_a_pipeline_of_another_project_is_asked_of_nobody_here(gitlab: GitLab, project: Project) -> None:
    project.settings |= {"ci_config_path": "ci.yml@platform/ci", "only_allow_merge_if_pipeline_succeeds": True}
    environ = {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": person(gitlab)}

    assert run(("doctor", "--forge", "gitlab", "--repository", PATH), environ) == 0
    assert (found()["forgery"], found()["pipeline"]) == ("pass", "inconclusive")
    assert not [request for request in gitlab.requests if request.path.endswith("/ci/lint")]


def test_what_is_githubs_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("doctor", "--forge", "gitlab", "--required", "gate"), {}) == 2
    assert "--required is GitHub's" in capsys.readouterr().err


# Whose set-up


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose set-ups are asked about; nobody answers."""
    asked: list[str] = []

    def nobody(forge: str) -> Any:
        def setup(*_: object) -> None:
            asked.append(forge)
            raise KeyboardInterrupt

        return setup

    for forge in ("github", "gitlab"):
        monkeypatch.setattr(f"mlci.cli.setup_{forge}.setup", nobody(forge))
    return asked


@pytest.mark.parametrize(
    ("words", "environ", "address", "forge"),
    [
        (("--forge", "gitlab"), {"GITHUB_ACTIONS": "true"}, "git@github.com:a/b.git", "gitlab"),
        (("--forge", "github"), {"GITLAB_CI": "true"}, "git@gitlab.com:a/b.git", "github"),
        ((), {"GITHUB_ACTIONS": "true"}, "git@gitlab.com:a/b.git", "github"),
        ((), {"GITLAB_CI": "true"}, "git@github.com:a/b.git", "gitlab"),
        ((), {}, "git@gitlab.com:a/b.git", "gitlab"),
        ((), {}, "https://gitlab.example.com/a/b/c", "gitlab"),
        ((), {}, "git@github.com:a/b.git", "github"),
        ((), {"GITLAB_HOST": "code.example.com"}, "git@code.example.com:a/b", "gitlab"),
        ((), {"CI_SERVER_URL": "https://code.example.com:8443"}, "git@code.example.com:a/b", "gitlab"),
        ((), {}, "git@code.example.com:a/b", "gitlab"),
        ((), {}, None, "gitlab"),
    ],
)
def test_whose_set_up_is_looked_at(
    words: tuple[str, ...], environ: dict[str, str], address: str | None, forge: str, asked: list[str]
) -> None:
    if address is not None:
        remote(address)

    assert run(("doctor", *words), environ) == 130
    assert asked == [forge]


@pytest.mark.parametrize("other", [".github", None], ids=["both kinds of files", "no files"])
def test_where_nothing_says_whose_it_is_githubs_is_looked_at_as_before(other: str | None, asked: list[str]) -> None:
    Path(other).mkdir() if other else Path(".gitlab-ci.yml").unlink()
    remote("git@code.example.com:a/b")

    assert run(("doctor",), {}) == 130
    assert asked == ["github"]


# Which server, and what it is sent


@pytest.mark.parametrize(
    "host", ["foo bar", "https://", "[", "https://me:secret@h.example", "ftp://h.example", "h.example?x"]
)
def test_a_server_that_can_be_none_is_refused_at_once(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    remote("git@code.example.com:a/b")

    assert run(("doctor",), {"GITLAB_HOST": host}) == 2
    said = capsys.readouterr().err
    assert "GITLAB_HOST must be a host or an address" in said
    assert "such as gitlab.example.com" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("environ", "address", "url", "name"),
    [
        ({}, "git@gitlab.com:a/b.git", "https://gitlab.com/api/v4", "a/b"),
        ({}, "https://gitlab.example.com:8443/a/b/c.git", "https://gitlab.example.com:8443/api/v4", "a/b/c"),
        ({}, "http://gitlab.local/a/b", "http://gitlab.local/api/v4", "a/b"),
        ({}, "ssh://git@gitlab.example.com:2222/a/b.git", "https://gitlab.example.com/api/v4", "a/b"),
        ({"GITLAB_HOST": "h.example"}, "git@h.example:a/b", "https://h.example/api/v4", "a/b"),
        ({"GITLAB_HOST": "https://h.example/git/"}, "https://h.example/git/a/b", "https://h.example/git/api/v4", "a/b"),
        ({"GITLAB_HOST": "https://h.example/git"}, "git@h.example:a/b", "https://h.example/git/api/v4", "a/b"),
        ({"CI_SERVER_URL": "https://h.example:1"}, "git@h.example:a/b", "https://h.example:1/api/v4", "a/b"),
        ({"GITLAB_HOST": "other.example"}, "git@gitlab.com:a/b", "https://gitlab.com/api/v4", "a/b"),
        ({"CI_API_V4_URL": "http://h:1/api/v4"}, "git@gitlab.com:a/b", "http://h:1/api/v4", "a/b"),
        ({"CI_PROJECT_PATH": "x/y"}, "git@gitlab.com:a/b", "https://gitlab.com/api/v4", "x/y"),
        (
            {"CI_PROJECT_PATH": "fork/y", "CI_MERGE_REQUEST_PROJECT_PATH": "x/y"}, "git@gitlab.com:a/b",
            "https://gitlab.com/api/v4", "x/y",
        ),
    ],
)  # fmt: skip
def test_which_server_and_which_project_are_asked(
    environ: dict[str, str], address: str, url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def read(access: Any, named: str, _: object) -> None:
        asked.append((access.read._url, named))
        raise KeyboardInterrupt

    monkeypatch.setattr("mlci.adapters.gitlab.settings.read_project", read)
    remote(address)

    assert run(("doctor", "--forge", "gitlab"), environ) == 130
    assert asked == [(url, name)]


@pytest.mark.parametrize(
    ("environ", "address", "sent"),
    [
        ({"MLCI_TOKEN": "m", "GITLAB_TOKEN": "g"}, "git@gitlab.com:a/b", "m"),
        ({"GITLAB_TOKEN": "g"}, "git@gitlab.com:a/b", "g"),
        ({"GITLAB_TOKEN": "g", "GITLAB_HOST": "gitlab.example.com"}, "git@gitlab.example.com:a/b", "g"),
        ({"GITLAB_TOKEN": "g", "CI_API_V4_URL": "https://h/api/v4"}, "git@gitlab.example.com:a/b", "g"),
        # Whoever clones a repository has not chosen where tokens are sent.
        ({"GITLAB_TOKEN": "g"}, "git@gitlab.evil.example:a/b", ""),
        ({"GITLAB_TOKEN": "g", "GITLAB_HOST": "gitlab.com"}, "git@gitlab.evil.example:a/b", ""),
        ({"MLCI_TOKEN": "m"}, "git@gitlab.example.com:a/b", "m"),
    ],
)
def test_a_token_goes_only_where_a_person_sends_it(environ: dict[str, str], address: str, sent: str) -> None:
    found = origin(address)

    told = setup_gitlab._told(environ, setup_gitlab._server(environ, found), found)

    assert told.get("MLCI_TOKEN", "") == sent


def test_an_installation_below_a_folder_of_its_host_is_asked_there(gitlab: GitLab, project: Project) -> None:
    server = gitlab.relative_url.removesuffix("/api/v4")
    remote(f"{server}/{PATH}.git")

    assert run(("doctor",), {"GITLAB_HOST": server, "GITLAB_TOKEN": person(gitlab)}) == 11
    assert found()["merge-checks[pipelines]"] == "fail"


@pytest.mark.parametrize(
    "name", ["name", "../b", "a/..", "a/./b", "a/b?x", "a/b#", "a b/c", "/a/b", "a//b", "a/", "https://a/b", "a/b\n"]
)
def test_what_cannot_be_a_project_is_never_part_of_a_request(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mlci.adapters.gitlab.settings.read_project", lambda *_: pytest.fail("it was asked for"))

    assert run(("doctor", "--forge", "gitlab", "--repository", name), {}) == 2
    assert "--repository must be group/project" in capsys.readouterr().err


@pytest.mark.parametrize("address", [None, "/srv/git/name.git", "https://gitlab.com/name"])
def test_where_nothing_says_which_project_is_meant_nobody_is_asked(
    address: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if address is not None:
        remote(address)

    assert run(("doctor", "--forge", "gitlab"), {}) == 2
    assert "give --repository group/project" in capsys.readouterr().err


def test_a_project_that_the_token_cannot_see_is_a_service_error(
    gitlab: GitLab, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": person(gitlab)}

    assert run(("doctor", "--forge", "gitlab", "--repository", "group/other"), environ) == 4
    assert "error[S00" in capsys.readouterr().err
    assert not REPORT.exists()


def test_no_secret_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    remote("https://user:hunter22@gitlab.com/one")

    assert run(("doctor",), {"GITLAB_TOKEN": "glpat-hunter22"}) == 2
    assert "hunter22" not in str(capsys.readouterr())


def test_a_project_that_promotes_is_told_of_its_ledger_and_one_that_does_not_is_not(
    gitlab: GitLab, project: Project
) -> None:
    environ = {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": person(gitlab)}
    words = ("doctor", "--forge", "gitlab", "--repository", PATH)
    run(words, environ)
    assert not any("ledger" in id for id in found())

    gitlab.commit({".gitlab-ci.yml": CI + "release: {script: [mlci promote --version 1]}\n"}, project.default_branch)
    run(words, environ)

    assert found()["ledger[protection]"] == found()["ledger[who]"] == "warn"
    assert found()["environment"] == "inconclusive"
