"""What GitLab tells a job of each kind of pipeline, and where such a pipeline stands."""

from __future__ import annotations

import pytest
import requests

ZERO = "0" * 40


@pytest.fixture
def fork(gitlab, change):
    """A merge request from a fork."""
    gitlab.add_project("stranger/churn", fork_of="group/models/churn")
    gitlab.commit({"train.py": "theirs\n"}, "topic", project="stranger/churn")
    return gitlab.open_merge_request("topic", fork="stranger/churn", author="stranger")


def given(gitlab, pipeline, **how):
    return gitlab.environ(gitlab.add_job(pipeline, "gate", parallel=2), **how)


def test_every_job_knows_its_server_its_project_and_itself(gitlab, change, ask):
    pipeline = gitlab.add_pipeline("web", "main", user="maintainer")
    found = given(gitlab, pipeline, folder="/builds/churn", token="glpat-x")

    assert found["CI_API_V4_URL"] == gitlab.url == found["CI_SERVER_URL"] + "/api/v4"
    assert (found["CI_PROJECT_ID"], found["CI_PROJECT_PATH"]) == (str(gitlab.project().id), "group/models/churn")
    assert (found["CI_PIPELINE_ID"], found["CI_PIPELINE_SOURCE"]) == (str(pipeline.id), "web")
    assert found["CI_PIPELINE_URL"] == ask("GET", f"/pipelines/{pipeline.id}").json()["web_url"]
    assert found["CI_JOB_URL"] == ask("GET", f"/jobs/{found['CI_JOB_ID']}").json()["web_url"]
    assert (found["CI_NODE_TOTAL"], found["CI_PROJECT_DIR"], found["MLCI_TOKEN"]) == ("2", "/builds/churn", "glpat-x")
    assert found["CI_REPOSITORY_URL"].endswith(
        f":{found['CI_JOB_TOKEN']}@127.0.0.1:{found['CI_SERVER_PORT']}/group/models/churn.git"
    )
    own = ask("GET", f"{found['CI_API_V4_URL']}/job", job_token=found["CI_JOB_TOKEN"]).json()
    assert (own["id"], own["user"]["username"]) == (int(found["CI_JOB_ID"]), found["GITLAB_USER_LOGIN"])


@pytest.mark.parametrize("source", ["push", "schedule", "web"])
def test_a_pipeline_of_a_branch(gitlab, change, source):
    found = given(gitlab, gitlab.add_pipeline(source, "feature"))

    before = gitlab.project().tip("main") if source == "push" else ZERO
    assert (found["CI_COMMIT_BRANCH"], found["CI_COMMIT_SHA"], found["CI_COMMIT_BEFORE_SHA"]) == (
        "feature", change.sha, before,
    )  # fmt: skip
    assert found["CI_OPEN_MERGE_REQUESTS"] == "group/models/churn!1"
    assert "CI_OPEN_MERGE_REQUESTS" not in given(gitlab, gitlab.add_pipeline(source, "main"))
    assert not any(name.startswith("CI_MERGE_REQUEST") for name in found)


def test_a_detached_pipeline_has_the_heads_of_no_branch(gitlab, change):
    found = given(gitlab, gitlab.add_pipeline(merge_request=change))

    assert "CI_COMMIT_BRANCH" not in found
    assert (found["CI_PIPELINE_SOURCE"], found["CI_MERGE_REQUEST_EVENT_TYPE"]) == ("merge_request_event", "detached")
    assert (found["CI_COMMIT_SHA"], found["CI_COMMIT_REF_NAME"], found["CI_MERGE_REQUEST_IID"]) == (
        change.sha, "feature", "1",
    )  # fmt: skip
    assert found["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] == found["CI_MERGE_REQUEST_TARGET_BRANCH_SHA"] == ""
    assert found["CI_MERGE_REQUEST_DIFF_BASE_SHA"] == change.base_sha == gitlab.project().tip("main")
    assert found["CI_COMMIT_BEFORE_SHA"] == ZERO


@pytest.mark.parametrize(("event", "ref"), [("merged_result", "merge"), ("merge_train", "train")])
def test_a_pipeline_on_a_merge_commit_has_both_heads(gitlab, change, event, ref):
    main = gitlab.commit({"other.py": "on main\n"})
    pipeline = gitlab.add_pipeline(merge_request=change, event=event)
    found = given(gitlab, pipeline)
    objects = gitlab.project().objects

    assert pipeline.ref == f"refs/merge-requests/1/{ref}"
    assert objects.resolve(pipeline.ref) == found["CI_COMMIT_SHA"]
    assert objects.parents(found["CI_COMMIT_SHA"]) == [main, change.sha]
    assert found["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] == change.sha
    assert (found["CI_MERGE_REQUEST_TARGET_BRANCH_SHA"], found["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"]) == (main, "main")
    assert (found["CI_MERGE_REQUEST_EVENT_TYPE"], found["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"]) == (event, "feature")
    assert {path.path for path in objects.entries(found["CI_COMMIT_SHA"])} == {"mlci.yml", "train.py", "other.py"}


def test_a_forks_change_runs_in_the_fork_with_the_forks_token(gitlab, fork, ask):
    found = given(gitlab, gitlab.add_pipeline(merge_request=fork))

    parent, own = gitlab.project(), gitlab.project("stranger/churn")
    assert (found["CI_PROJECT_ID"], found["CI_PROJECT_PATH"]) == (str(own.id), "stranger/churn")
    assert found["CI_MERGE_REQUEST_PROJECT_ID"] == str(parent.id)
    assert found["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"] == str(own.id)
    assert found["GITLAB_USER_LOGIN"] == "stranger"
    assert found["CI_COMMIT_SHA"] == fork.sha == parent.objects.resolve("refs/merge-requests/2/head")
    assert gitlab.head_pipeline(2).project is own
    # Who cannot see the fork does not see its pipelines either.
    assert ask("GET", "/merge_requests/2/pipelines").json() == []
    own.visibility = "public"
    assert len(ask("GET", "/merge_requests/2/pipelines").json()) == 1
    with pytest.raises(ValueError, match="no merge commit"):
        gitlab.add_pipeline(merge_request=fork, event="merged_result")
    parent.settings["ci_allow_fork_pipelines_to_run_in_parent_project"] = False
    with pytest.raises(ValueError, match="lets no change of a fork run in it"):
        gitlab.add_pipeline(merge_request=fork, in_parent=True)


def test_a_member_runs_a_forks_change_in_the_parent_with_the_parents_token(gitlab, fork, ask):
    pipeline = gitlab.add_pipeline(merge_request=fork, in_parent=True, event="merged_result")
    found = given(gitlab, pipeline)

    assert (found["CI_PROJECT_PATH"], found["GITLAB_USER_LOGIN"]) == ("group/models/churn", "maintainer")
    assert found["CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"] == "stranger/churn"
    assert found["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] == fork.sha
    assert ask("GET", "/merge_requests/2/notes", job_token=found["CI_JOB_TOKEN"]).status_code == 200
    assert gitlab.head_pipeline(2) is pipeline


def test_what_a_fork_has_is_not_in_the_parent_before_it_is_proposed(gitlab, change, ask):
    gitlab.add_project("stranger/churn", fork_of="group/models/churn")
    sha = gitlab.commit({"secret": "x"}, "topic", project="stranger/churn")
    assert ask("GET", f"/repository/commits/{sha}").status_code == 404
    gitlab.open_merge_request("topic", fork="stranger/churn")
    assert ask("GET", f"/repository/commits/{sha}").status_code == 200


def test_an_installation_below_a_folder_and_one_with_an_authority_of_its_own(gitlab, change):
    below = given(gitlab, gitlab.add_pipeline(), relative=True)
    assert below["CI_API_V4_URL"] == gitlab.relative_url
    assert below["CI_SERVER_URL"] == f"{gitlab.server_url}/gitlab"
    found = given(gitlab, gitlab.add_pipeline(), secure=True, relative=True)
    assert found["CI_API_V4_URL"].startswith("https://127.0.0.1:")

    address = f"{found['CI_API_V4_URL']}/projects/{found['CI_PROJECT_ID']}/repository/branches?per_page=1"
    headers = {"JOB-TOKEN": found["CI_JOB_TOKEN"]}
    answer = requests.get(address, headers=headers, verify=found["CI_SERVER_TLS_CA_FILE"], timeout=10)
    assert answer.links["next"]["url"].startswith(found["CI_API_V4_URL"])
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(address, headers=headers, timeout=10)
