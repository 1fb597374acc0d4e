"""Which pipeline a job of GitLab's belongs to, from its predefined variables; what it hands on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlci.adapters.gitlab.api import connect
from mlci.adapters.gitlab.job import GitLabJob
from mlci.adapters.gitlab.run import Here, here, read_run
from mlci.domain.baseline import may_keep
from mlci.domain.run import Change, Run
from mlci.errors import EventUnreadable, ServiceRefused

HEAD, BASE, MERGED, PARTED = "a" * 40, "b" * 40, "c" * 40, "d" * 40
NO_COMMIT = "0" * 40
JOB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_ID": "42",
    "CI_PROJECT_PATH": "group/below/project",
    "CI_PROJECT_URL": "https://gitlab.invalid/group/below/project",
    "CI_PROJECT_DIR": "/builds/group/below/project",
    "CI_PIPELINE_ID": "1000",
    "CI_PIPELINE_URL": "https://gitlab.invalid/group/below/project/-/pipelines/1000",
    "CI_PIPELINE_SOURCE": "push",
    "CI_JOB_ID": "12345678901",
    "CI_JOB_NAME": "mlci-gate-compare",
    "CI_COMMIT_SHA": HEAD,
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_BEFORE_SHA": NO_COMMIT,
    "CI_DEFAULT_BRANCH": "main",
}
CHANGE = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_BRANCH": "",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_PROJECT_PATH": "group/below/project",
    "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.invalid/group/below/project",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": PARTED,
    "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
}
MERGED_RESULTS = {
    "CI_COMMIT_SHA": MERGED,
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
    "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": BASE,
    "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
}


def nobody(branch: str) -> str:
    raise AssertionError(f"GitLab was asked about {branch}")


def read(*more: dict[str, str], tip: Callable[[str], str] = {"main": BASE}.__getitem__) -> Run:
    environ = JOB
    for each in more:
        environ = environ | each
    found = read_run(environ, tip)
    assert found is not None
    return found


@pytest.mark.parametrize("environ", [{}, {"GITLAB_CI": "false"}, {"CI": "true", "CI_PIPELINE_ID": "1"}])
def test_there_is_no_run_outside_gitlab_ci(environ: dict[str, str]) -> None:
    assert read_run(environ, nobody) is None


def test_a_push_to_the_default_branch_is_about_that_branch() -> None:
    assert read({"CI_COMMIT_BEFORE_SHA": PARTED}, tip=nobody) == Run(
        repository="group/below/project",
        id=1000,
        attempt=12345678901,
        url="https://gitlab.invalid/group/below/project/-/pipelines/1000",
        event="push",
        commit=HEAD,
        branch="main",
        default_branch="main",
        before=PARTED,
    )
    assert read(tip=nobody).before is None, "GitLab writes zeros where there is no commit before"


@pytest.mark.parametrize(
    ("source", "kept"),
    [("push", True), ("schedule", True), ("web", True), ("api", False), ("trigger", False), ("parent_pipeline", False)],
)
def test_what_becomes_the_baseline_is_started_by_a_push_a_schedule_or_a_person(source: str, kept: bool) -> None:
    run = read({"CI_PIPELINE_SOURCE": source}, tip=nobody)
    assert run.on_default_branch
    assert may_keep(run) is kept


def test_a_tag_and_another_branch_are_not_about_the_default_branch() -> None:
    tagged = read({"CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "main"}, tip=nobody)
    assert (tagged.branch, tagged.on_default_branch) == (None, False)
    assert not read({"CI_COMMIT_BRANCH": "feature"}, tip=nobody).on_default_branch


def test_a_merge_request_is_about_its_head_and_gitlab_is_asked_what_it_would_be_merged_to() -> None:
    run = read(CHANGE)
    assert run.change == Change(number=7, head=HEAD, base=BASE, base_branch="main", fork=False)
    assert (run.commit, run.branch, run.before) == (HEAD, None, None)
    assert not may_keep(run)


def test_of_merged_results_the_head_is_that_of_the_source_branch_and_nothing_has_to_be_asked() -> None:
    run = read(CHANGE, MERGED_RESULTS, tip=nobody)
    assert run.change == Change(number=7, head=HEAD, base=BASE, base_branch="main", fork=False)
    place = here(JOB | CHANGE | MERGED_RESULTS)
    assert place.sha == MERGED, "statuses belong to the commit that the pipeline was made for"


def test_in_a_merge_train_there_is_nobody_to_comment_to() -> None:
    run = read(CHANGE, MERGED_RESULTS, {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}, tip=nobody)
    assert run.change is not None
    assert run.change.number is None


def test_the_pipeline_of_a_fork_is_about_the_project_that_it_proposes_to() -> None:
    fork = {
        "CI_PROJECT_ID": "77", "CI_PROJECT_PATH": "stranger/project", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "77",
        "CI_PROJECT_URL": "https://gitlab.invalid/stranger/project",
    }  # fmt: skip
    run, place = read(CHANGE, fork), here(JOB | CHANGE | fork)
    assert run.change is not None
    assert (run.repository, run.change.fork) == ("group/below/project", True)
    assert place == Here(
        project=42, own=77, sha=HEAD, job="mlci-gate-compare", page="https://gitlab.invalid/group/below/project",
        checkout="/builds/group/below/project", remote="https://gitlab.invalid/group/below/project.git",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        (
            "https://gitlab-ci-token:glcbt-secret@inside.invalid:8443/group/below/project.git",
            "https://inside.invalid:8443",
        ),
        ("http://inside.invalid/gitlab/group/below/project.git", "http://inside.invalid/gitlab"),
        ("ssh://git@inside.invalid:2222/group/below/project.git", "https://gitlab.invalid"),
        ("git@inside.invalid:group/below/project.git", "https://gitlab.invalid"),
        ("https://inside.invalid/elsewhere.git", "https://gitlab.invalid"),
        ("https://u:p@x@evil.invalid/group/below/project.git", "https://gitlab.invalid"),
        ("https://inside.invalid?/group/below/project.git", "https://gitlab.invalid"),
        ("", "https://gitlab.invalid"),
    ],
)
def test_commits_are_fetched_where_the_runner_fetches_them_and_the_credential_stays_out(url: str, remote: str) -> None:
    found = here(JOB | {"CI_REPOSITORY_URL": url}).remote
    assert found == f"{remote}/group/below/project.git"


def test_commits_of_a_change_from_a_fork_are_fetched_from_the_project_which_has_those_of_both() -> None:
    fork = {
        "CI_PROJECT_ID": "77", "CI_PROJECT_PATH": "stranger/project",
        "CI_REPOSITORY_URL": "https://gitlab-ci-token:x@inside.invalid/stranger/project.git",
    }  # fmt: skip
    assert here(JOB | CHANGE | fork).remote == "https://inside.invalid/group/below/project.git"


def test_a_member_of_the_project_who_runs_a_forks_pipeline_there_makes_it_the_projects_own() -> None:
    run = read(CHANGE, {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "77"})
    assert run.change is not None
    assert not run.change.fork


def test_a_child_pipeline_of_a_merge_request_is_about_it_too() -> None:
    run = read(CHANGE, {"CI_PIPELINE_SOURCE": "parent_pipeline"})
    assert run.change is not None


def test_that_the_branch_cannot_be_asked_about_is_an_error_and_no_answer() -> None:
    def refused(branch: str) -> str:
        raise ServiceRefused("no")

    with pytest.raises(ServiceRefused):
        read(CHANGE, tip=refused)


@pytest.mark.parametrize(
    ("total", "name", "matrix"),
    [
        ("1", "gate: [north, 2]", None),
        ("2", "gate: [north, 2]", "north, 2"),
        ("2", "a: b: [x]", "x"),
        ("3", "gate 2/3", "2/3"),
        ("3", "gate", None),
    ],
)
def test_the_legs_of_a_parallel_job_are_told_apart_by_its_name(total: str, name: str, matrix: str | None) -> None:
    assert read({"CI_NODE_TOTAL": total, "CI_JOB_NAME": name}, tip=nobody).matrix == matrix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CI_PIPELINE_ID", ""),
        ("CI_PIPELINE_ID", "-1"),
        ("CI_PIPELINE_ID", "9" * 30),
        ("CI_JOB_ID", "x"),
        ("CI_PROJECT_PATH", "../../admin"),
        ("CI_PROJECT_PATH", "group/.."),
        ("CI_PROJECT_PATH", "alone"),
        ("CI_PIPELINE_URL", "javascript:alert(1)"),
        ("CI_PIPELINE_SOURCE", "Push\n"),
        ("CI_COMMIT_SHA", "HEAD"),
        ("CI_COMMIT_BEFORE_SHA", "abc"),
        ("CI_DEFAULT_BRANCH", ""),
        ("CI_COMMIT_BRANCH", "a b"),
    ],
)
def test_what_a_runner_could_not_have_said_ends_it(name: str, value: str) -> None:
    with pytest.raises(EventUnreadable):
        read({name: value}, tip=nobody)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CI_MERGE_REQUEST_IID", "x"),
        ("CI_MERGE_REQUEST_PROJECT_ID", ""),
        ("CI_PROJECT_ID", ""),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "main"),
        ("CI_MERGE_REQUEST_PROJECT_PATH", ""),
    ],
)
def test_what_a_runner_could_not_have_said_of_a_merge_request_ends_it(name: str, value: str) -> None:
    with pytest.raises(EventUnreadable):
        read(CHANGE, {name: value})


@pytest.mark.parametrize("name", ["CI_JOB_NAME", "CI_PROJECT_URL", "CI_PROJECT_ID"])
def test_a_job_that_is_not_told_where_it_is_ends(name: str) -> None:
    with pytest.raises(EventUnreadable, match=name) as caught:
        here(JOB | {name: ""})
    assert caught.value.help is not None
    assert "the runner sets it by itself" in caught.value.help


def test_an_address_of_the_api_that_is_none_is_named_by_its_variable() -> None:
    with pytest.raises(EventUnreadable, match="CI_API_V4_URL is not a plain") as caught:
        connect(JOB | {"CI_API_V4_URL": "ftp://gitlab.invalid"})
    assert caught.value.help is not None
    assert "the runner sets it by itself" in caught.value.help


# What a job hands on.


def handed(folder: Path, values: dict[str, str], **environ: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    job = GitLabJob({"CI_JOB_URL": "https://gitlab.invalid/p/-/jobs/5", **environ}, "gate-compare", f"{folder}/r.json")
    job.summary("nothing")
    job.outputs(values)
    lines = (folder / "r.env").read_text().splitlines()
    links = json.loads((folder / "r.annotations.json").read_text())["mlci"]
    assert sorted(job.written) == sorted(str(path) for path in folder.iterdir())
    return dict(line.split("=", 1) for line in lines), [each["external_link"] for each in links]


def test_outputs_are_variables_of_their_own_prefix_and_links_lead_to_the_report_and_the_comment(tmp_path: Path) -> None:
    values = {"verdict": "pass", "report": ".mlci/report/r.json", "comment": "https://gitlab.invalid/p#note_1"}
    variables, links = handed(tmp_path, values)
    assert variables["MLCI_OUTPUT_GATE_COMPARE_VERDICT"] == "pass"
    assert all(name.startswith("MLCI_OUTPUT_GATE_COMPARE_") for name in variables), "none can be taken for an option"
    assert links == [
        {"label": "report: pass", "url": "https://gitlab.invalid/p/-/jobs/5/artifacts/file/.mlci/report/r.html"},
        {"label": "the comment", "url": "https://gitlab.invalid/p#note_1"},
    ]


def test_a_value_begins_no_line_of_its_own_and_names_no_variable(tmp_path: Path) -> None:
    hostile = "a\nPATH=/evil\r\nLD_PRELOAD=x $CI_JOB_TOKEN ${MLCI_TOKEN} \\$HOME " + "y" * 9000
    variables, _ = handed(tmp_path, {"reason": hostile, "verdict": "fail"})
    assert set(variables) == {"MLCI_OUTPUT_GATE_COMPARE_REASON", "MLCI_OUTPUT_GATE_COMPARE_VERDICT"}
    assert not set("$\\") & set(variables["MLCI_OUTPUT_GATE_COMPARE_REASON"])
    assert (tmp_path / "r.env").stat().st_size < 5 * 1024


def test_what_is_handed_on_later_is_added(tmp_path: Path) -> None:
    job = GitLabJob({}, "plan", str(tmp_path / "r.json"))
    job.outputs({"verdict": "pass"})
    job.outputs({"comment": "https://a.b"})
    assert (tmp_path / "r.env").read_text().splitlines() == [
        "MLCI_OUTPUT_PLAN_VERDICT=pass", "MLCI_OUTPUT_PLAN_COMMENT=https://a.b",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "A", "a=b", "a\nb", "a b"])
def test_a_name_that_no_variable_can_have_is_a_mistake_of_ours(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        GitLabJob({}, "plan", str(tmp_path / "r.json")).outputs({name: "x"})
