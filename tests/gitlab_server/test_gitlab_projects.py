"""Files, branches, archives and settings of a project."""

from __future__ import annotations

import io
import zipfile

import pytest
import requests
from forge.repository import Submodule, Symlink


def test_a_file_is_given_byte_for_byte_at_any_commit(gitlab, change, ask):
    name = "docs/a b/ü#?%.bin"
    sha = gitlab.commit({name: bytes(range(256)), "link": Symlink("mlci.yml"), "sub": Submodule("1" * 40)}, "feature")
    quoted = "docs%2Fa%20b%2F%C3%BC%23%3F%25.bin"

    answer = ask("GET", f"/repository/files/{quoted}/raw?ref={sha}")

    assert (answer.content, answer.headers["X-Gitlab-Commit-Id"]) == (bytes(range(256)), sha)
    assert ask("GET", "/repository/files/link/raw?ref=feature").content == b"mlci.yml"
    assert ask("GET", "/repository/files/mlci.yml/raw").content == b"model: churn\n"
    for below, said in (
        (f"/repository/files/{quoted}/raw?ref=main", "404 File Not Found"),
        ("/repository/files/docs/raw?ref=feature", "404 File Not Found"),
        ("/repository/files/sub/raw?ref=feature", "404 File Not Found"),
        ("/repository/files/mlci.yml/raw?ref=nowhere", "404 Commit Not Found"),
    ):
        assert ask("GET", below).json() == {"message": said}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("^main$", ["main"]), ("^MAIN$", ["main"]), ("main", ["main", "main-2", "not-main"]),
        ("^main", ["main", "main-2"]), ("main$", ["main", "not-main"]), ("^m.in$", []), ("^no*n$", ["not-main"]),
    ],
)  # fmt: skip
def test_branches_are_searched_without_regard_to_case_with_anchors_and_stars(gitlab, change, ask, term, found):
    gitlab.commit({"a": "1"}, "main-2")
    gitlab.commit({"a": "2"}, "not-main")

    shown = ask("GET", "/repository/branches", params={"search": term}).json()

    assert [each["name"] for each in shown] == found


def test_a_branch_and_a_commit_say_what_they_are(gitlab, change, ask):
    shown = ask("GET", "/repository/branches").json()
    assert [(each["name"], each["default"], each["protected"], each["can_push"]) for each in shown] == [
        ("feature", False, False, True),
        ("main", True, True, False),
    ]
    found = ask("GET", f"/repository/commits/{change.sha[:8]}").json()
    assert (found["id"], found["parent_ids"], found["title"]) == (change.sha, [change.base_sha], "change")
    assert found["stats"] == {"additions": 1, "deletions": 1, "total": 2}
    assert found["last_pipeline"] is None
    gitlab.add_pipeline(merge_request=change, status="failed")
    assert ask("GET", "/repository/commits/feature").json()["status"] == "failed"
    assert ask("GET", "/repository/commits/HEAD~1").json() == {"message": "404 Commit Not Found"}


def test_pipelines_are_listed_by_ref_status_source_and_scope(gitlab, change, ask):
    gitlab.add_pipeline("push", "main", status="success")
    gitlab.add_pipeline("schedule", "main", status="failed")
    newest = gitlab.add_pipeline("push", "feature", status="running")

    def sources(query):
        return [(each["source"], each["status"]) for each in ask("GET", f"/pipelines?{query}").json()]

    assert sources("ref=main&order_by=id&sort=desc") == [("schedule", "failed"), ("push", "success")]
    assert sources("ref=main&sort=asc&source=push") == [("push", "success")]
    assert sources("scope=finished&status=failed") == [("schedule", "failed")]
    assert sources(f"sha={change.sha}") == [("push", "running")]
    assert ask("GET", f"/pipelines/{newest.id}").json()["before_sha"] == change.base_sha
    assert ask("GET", "/pipelines/7").json() == {"message": "404 Not found"}


def test_jobs_are_the_latest_of_their_names_with_what_they_left(gitlab, change, ask):
    pipeline = gitlab.add_pipeline("push", "main")
    first = gitlab.add_job(pipeline, "model-ci", status="failed", artifacts={"a": b"1"})
    again = gitlab.add_job(pipeline, "model-ci", status="success", artifacts={"a": b"2"})
    expired = gitlab.add_job(pipeline, "gate", status="success", artifacts={"a": b"3"}, expired=True)

    shown = ask("GET", f"/pipelines/{pipeline.id}/jobs").json()

    assert [each["id"] for each in shown] == [expired.id, again.id]
    assert "artifacts_file" not in shown[0]
    assert shown[1]["artifacts_file"] == {"filename": "artifacts.zip", "size": len(again.artifacts)}
    assert [each["file_type"] for each in shown[1]["artifacts"]] == ["archive", "trace"]
    every = ask("GET", f"/pipelines/{pipeline.id}/jobs?include_retried=true&scope[]=failed").json()
    assert [each["id"] for each in every] == [first.id]
    assert ask("GET", f"/jobs/{expired.id}/artifacts").json() == {"message": "404 Not Found"}
    assert ask("GET", "/jobs/7/artifacts").json() == {"message": "404 Not found"}


def test_an_archive_comes_from_another_host_which_must_get_no_token(gitlab, change, ask):
    job = gitlab.add_job(gitlab.add_pipeline("push", "main"), status="success", artifacts={"mlci-keep/a": b"1"})

    address = ask("GET", f"/jobs/{job.id}/artifacts").headers["Location"]

    assert address.startswith(gitlab.blob_url)
    packed = requests.get(address, timeout=10).content
    assert zipfile.ZipFile(io.BytesIO(packed)).read("mlci-keep/a") == b"1"
    for name in ("PRIVATE-TOKEN", "JOB-TOKEN", "Authorization"):
        assert requests.get(address, headers={name: "secret"}, timeout=10).status_code == 400
    assert gitlab.violations == ["the blob store was sent a credential"] * 3
    gitlab.violations.clear()
    gitlab.redirect_artifacts(to_object_store=False)
    assert ask("GET", f"/jobs/{job.id}/artifacts").content == job.artifacts


def test_the_settings_of_a_project_and_its_approvals_are_shown_to_whom_they_concern(gitlab, ask):
    gitlab.add_project(visibility="public", only_allow_merge_if_pipeline_succeeds=True, merge_trains_enabled=True)
    gitlab.project().approvals["reset_approvals_on_push"] = False

    shown, outside = ask("GET", "").json(), ask("GET", "", token=None).json()

    assert shown["only_allow_merge_if_pipeline_succeeds"] is outside["only_allow_merge_if_pipeline_succeeds"] is True
    assert (shown["merge_trains_enabled"], "merge_trains_enabled" in outside) == (True, False)
    assert ask("GET", "/approvals", token=gitlab.token(role="maintainer")).json()["reset_approvals_on_push"] is False
    assert ask("GET", f"{gitlab.url}/projects/group%2Fmodels%2Fchurn").json()["id"] == shown["id"]
    with pytest.raises(KeyError, match="no such setting: public_pipelines"):
        gitlab.add_project("other/thing", public_pipelines=True)


def test_a_protected_branch_shows_who_may_push_and_merge(gitlab, ask):
    gitlab.add_project()
    gitlab.protect("release/*", push=None, merge="developer", code_owners=True)

    shown = ask("GET", "/protected_branches/release%2F*").json()

    roles = [each["access_level_description"] for each in shown["push_access_levels"] + shown["merge_access_levels"]]
    assert (roles, shown["code_owner_approval_required"]) == (["No one", "Developers + Maintainers"], True)
    assert ask("GET", "/protected_branches/main").json()["push_access_levels"][0]["access_level"] == 40
    assert ask("GET", "/protected_branches/feature").json() == {"message": "404 Not found"}


def test_the_pipelines_file_is_merged_with_those_it_includes(gitlab, ask):
    gitlab.add_project(files={
        ".gitlab-ci.yml": "include:\n  - local: ci/gate.yml\nstages: [test]\nmodel-ci: {stage: test, script: [a]}\n",
        "ci/gate.yml": "gate: {script: b, environment: {name: production, action: access}}\n.hidden: {script: c}\n",
    })  # fmt: skip

    shown = ask("GET", "/ci/lint?include_jobs=true").json()

    assert shown["valid"] is True
    assert [(job["name"], job["stage"], job["environment"]) for job in shown["jobs"]] == [
        ("gate", "test", "production"), ("model-ci", "test", None),
    ]  # fmt: skip
    assert shown["merged_yaml"].startswith("---\n")
    assert "jobs" not in ask("GET", "/ci/lint").json()
    gitlab.commit({".gitlab-ci.yml": "a: ["})
    assert ask("GET", "/ci/lint").json()["valid"] is False
    gitlab.project().lint = {"merged_yaml": "---\nx: 1\n"}
    assert ask("GET", "/ci/lint").json()["merged_yaml"] == "---\nx: 1\n"
