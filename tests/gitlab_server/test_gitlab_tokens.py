"""Who may do what: scopes, roles, hidden projects, and the tokens of jobs."""

from __future__ import annotations

import pytest

NOTES = "/merge_requests/1/notes"
INSUFFICIENT = "The request requires higher privileges than provided by the access token."


@pytest.fixture
def running(gitlab, change):
    """The token of a job that runs in the merge request's pipeline."""
    return gitlab.job_token(gitlab.add_job(gitlab.add_pipeline(merge_request=change), "gate"))


def test_a_scope_that_does_not_suffice_is_named_with_those_that_would(gitlab, change, ask):
    reader = gitlab.token(["read_api"])
    repository = gitlab.token(["read_repository"])

    assert ask("GET", NOTES, token=reader).status_code == 200
    refused = ask("POST", NOTES, token=reader, json={"body": "x"})
    assert refused.status_code == 403
    assert refused.json() == {
        "error": "insufficient_scope", "error_description": INSUFFICIENT, "scope": "api read_api"
    }  # fmt: skip
    assert ask("GET", "/repository/files/mlci.yml/raw?ref=main", token=repository).content == b"model: churn\n"
    assert ask("GET", "/repository/branches", token=repository).status_code == 403
    assert ask("GET", f"{gitlab.url}/user", token=repository).json()["scope"] == "read_user api read_api"
    assert ask("GET", f"{gitlab.url}/personal_access_tokens/self", token=repository).json()["scopes"] == [
        "read_repository"
    ]
    assert gitlab.notes(1) == []


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        # note, status, approvals, reading code
        ("guest", (403, 403, 403, 403)),
        ("reporter", (201, 403, 403, 200)),
        ("developer", (201, 201, 403, 200)),
        ("maintainer", (201, 201, 200, 200)),
    ],
)
def test_a_role_allows_what_it_allows_in_gitlab(gitlab, change, ask, role, statuses):
    token = gitlab.token(role=role)

    found = (
        ask("POST", NOTES, token=token, json={"body": "x"}).status_code,
        ask("POST", f"/statuses/{change.sha}", token=token, json={"state": "success"}).status_code,
        ask("GET", "/approvals", token=token).status_code,
        ask("GET", "/repository/commits/main", token=token).status_code,
    )

    assert found == statuses
    assert ask("GET", "", token=token).status_code == 200


def test_a_hidden_project_is_not_found_and_a_public_one_is_read_by_anybody(gitlab, change, ask):
    elsewhere = gitlab.add_project("other/thing")
    stranger = gitlab.token(project=elsewhere.path)
    hidden = {"message": "404 Project Not Found"}

    for token in (stranger, None):
        assert (ask("GET", "", token=token).status_code, ask("GET", "", token=token).json()) == (404, hidden)
    assert ask("GET", NOTES, token=None).status_code == 401
    assert ask("GET", "", token="glpat-unknown").json() == {"message": "401 Unauthorized"}

    gitlab.project().visibility = "public"
    for below in (
        "",
        "/repository/files/mlci.yml/raw?ref=main",
        "/merge_requests",
        "/pipelines",
        "/repository/branches",
    ):
        assert ask("GET", below, token=None).status_code == 200, below
    assert ask("GET", NOTES, token=None).status_code == 401
    assert ask("GET", NOTES, token=stranger).status_code == 200
    assert ask("POST", NOTES, token=stranger, json={"body": "x"}).status_code == 201
    assert ask("POST", f"/statuses/{change.sha}", token=stranger, json={"state": "success"}).status_code == 403


def test_an_internal_project_is_for_people_and_not_for_the_bots_of_other_projects(gitlab, change, ask):
    gitlab.project().visibility = "internal"
    other = gitlab.add_project("other/thing").path
    assert ask("GET", "", token=gitlab.token(user="anyone", role=None)).status_code == 200
    assert ask("GET", "", token=gitlab.token(project=other)).status_code == 404
    assert ask("GET", "", token=None).status_code == 404


def test_pipelines_that_are_not_public_are_for_those_who_report(gitlab, change, ask):
    gitlab.add_pipeline("push", "main")
    gitlab.project().visibility = "public"
    assert ask("GET", "/pipelines", token=None).status_code == 200
    gitlab.project().settings["public_jobs"] = False
    assert ask("GET", "/pipelines", token=None).json() == {"message": "403 Forbidden"}
    assert ask("GET", "/pipelines", token=gitlab.token(role="guest")).status_code == 403
    assert ask("GET", "/pipelines", token=gitlab.token(role="reporter")).status_code == 200


def test_a_spent_token_says_why_and_a_token_comes_in_either_header(gitlab, change, ask):
    expired, revoked = gitlab.token(expired=True), gitlab.token(revoked=True)
    assert ask("GET", "", token=expired).json()["error_description"].startswith("Token is expired.")
    assert ask("GET", "", token=revoked).json()["error"] == "invalid_token"
    bearer = {"Authorization": f"Bearer {gitlab.token()}"}
    assert ask("GET", "", token=None, headers=bearer).status_code == 200


READABLE = ("/repository/branches?search=^main$", "/repository/commits/main", "/repository/files/mlci.yml/raw?ref=main",
            "/merge_requests", "/merge_requests/1", NOTES)  # fmt: skip
# Where GitLab wants somebody, a job's token is nobody …
NOBODY = [
    ("POST", NOTES, {"json": {"body": "x"}}), ("GET", "/merge_requests/1/discussions", {}),
    ("POST", "/merge_requests/1/discussions", {"json": {"body": "x"}}),
    ("GET", "/repository/commits/main/statuses", {}), ("GET", "/approvals", {}),
    ("POST", "/statuses/main", {"json": {"state": "success"}}),
]  # fmt: skip
# … and where it lets everybody, it is as if none had been sent.
ANONYMOUS = ("", "/pipelines", "/protected_branches/main", "/ci/lint", "/merge_requests/1/pipelines")


def test_a_job_reads_what_gitlab_lets_it_read_and_writes_nothing(gitlab, change, running, ask):
    for below in READABLE:
        assert ask("GET", below, job_token=running).status_code == 200, below
    for method, below, more in NOBODY:
        assert ask(method, below, job_token=running, **more).json() == {"message": "401 Unauthorized"}, below
    for below in ANONYMOUS:
        answer = ask("GET", below, job_token=running)
        assert (answer.status_code, answer.json()) == (404, {"message": "404 Project Not Found"}), below
    gitlab.project().visibility = "public"
    for below in ANONYMOUS:
        assert ask("GET", below, job_token=running).status_code == 200, below
    assert gitlab.notes(1) == []


def test_a_jobs_token_shows_its_job_and_dies_with_it(gitlab, change, running, ask):
    job = next(gitlab.project().jobs())
    assert ask("GET", f"{gitlab.url}/job", job_token=running).json()["id"] == job.id
    assert ask("GET", f"{gitlab.url}/job").json() == {"message": "404 Job Not Found"}
    bearer = {"Authorization": f"Bearer {running}"}
    assert ask("GET", NOTES, token=None, headers=bearer).status_code == 200
    assert ask("GET", NOTES, token=running).status_code == 401

    gitlab.finish(job)

    assert ask("GET", NOTES, job_token=running).json() == {"message": "401 Unauthorized"}
    assert ask("GET", f"{gitlab.url}/job", job_token=running).status_code == 401


def test_a_forks_job_reads_a_public_parent_and_nothing_of_a_private_one(gitlab, change, ask):
    gitlab.add_project("stranger/churn-fork", fork_of="group/models/churn")
    gitlab.commit({"train.py": "theirs\n"}, "topic", project="stranger/churn-fork")
    proposed = gitlab.open_merge_request("topic", fork="stranger/churn-fork", author="stranger")
    pipeline = gitlab.add_pipeline(merge_request=proposed)
    assert pipeline.project.path == "stranger/churn-fork"
    token = gitlab.job_token(gitlab.add_job(pipeline))

    refused = ask("GET", "/merge_requests/2/notes", job_token=token)
    assert refused.status_code == 403
    assert "Authentication by CI/CD job token not allowed from churn-fork to churn." in refused.json()["message"]
    gitlab.project().visibility = "public"
    assert ask("GET", "/merge_requests/2/notes", job_token=token).status_code == 200
    assert ask("POST", "/merge_requests/2/notes", job_token=token, json={"body": "x"}).status_code == 401
    gitlab.project().visibility = "private"
    gitlab.project().allowlist.add(pipeline.project.id)
    assert ask("GET", "/merge_requests/2/notes", job_token=token).status_code == 403
    gitlab.user("stranger", "reporter")
    assert ask("GET", "/merge_requests/2/notes", job_token=token).status_code == 200


def test_archives_are_for_jobs_on_a_paid_plan_only(gitlab, change, running, ask):
    job = gitlab.add_job(gitlab.add_pipeline("push", "main"), artifacts={"a": b"1"}, status="success")
    below = f"/jobs/{job.id}/artifacts"

    assert ask("GET", below, job_token=running).json() == {"message": "404 Project Not Found"}
    gitlab.project().premium = True
    assert ask("GET", below, job_token=running).status_code == 302
