"""Commit statuses go where GitLab puts them, move as GitLab lets them, and count in their pipeline."""

from __future__ import annotations

import pytest

from gitlab_server.mergeability import composite


def put(ask, sha, state, name="mlci/gate", **more):
    return ask("POST", f"/statuses/{sha}", json={"state": state, "name": name, **more})


def test_a_status_joins_the_named_pipeline_of_exactly_its_commit(gitlab, change, ask):
    older, newer = gitlab.add_pipeline(merge_request=change), gitlab.add_pipeline(merge_request=change)

    made = put(ask, change.sha, "success", pipeline_id=older.id, description="fine", target_url="https://x.example/1")

    assert made.status_code == 201
    shown = made.json()
    assert (shown["pipeline_id"], shown["ref"]) == (older.id, "refs/merge-requests/1/head")
    assert (shown["status"], shown["description"], shown["target_url"]) == ("success", "fine", "https://x.example/1")
    assert shown["author"]["username"].startswith(f"project_{gitlab.project().id}_bot_")
    assert (gitlab.status_of(older), gitlab.status_of(newer)) == ("success", "created")
    assert put(ask, change.sha, "failed", "other").json()["pipeline_id"] == newer.id


def test_a_merged_result_pipeline_is_only_found_by_its_merge_commit(gitlab, change, ask):
    pipeline = gitlab.add_pipeline(merge_request=change, event="merged_result")
    assert pipeline.sha != change.sha == pipeline.source_sha
    parents = gitlab.project().objects.parents(pipeline.sha)
    assert parents == [gitlab.project().tip("main"), change.sha] == [pipeline.target_sha, pipeline.source_sha]

    elsewhere = put(ask, change.sha, "success", pipeline_id=pipeline.id)
    here = put(ask, pipeline.sha, "success", pipeline_id=pipeline.id)

    assert (elsewhere.status_code, elsewhere.json()["message"]) == (
        404,
        "404 Pipeline for pipeline_id, sha and ref Not Found",
    )
    assert (here.status_code, here.json()["pipeline_id"]) == (201, pipeline.id)
    assert gitlab.head_pipeline(1) is pipeline


def test_without_a_pipeline_an_external_one_of_the_branch_is_made_and_kept_to(gitlab, change, ask):
    first, second = put(ask, change.sha, "pending").json(), put(ask, change.sha, "success", "other").json()

    assert first["pipeline_id"] == second["pipeline_id"]
    (pipeline,) = gitlab.project().pipelines.values()
    assert (pipeline.source, pipeline.ref, pipeline.sha) == ("external", "feature", change.sha)
    assert gitlab.status_of(pipeline) == "running"
    assert ask("GET", f"/pipelines/{pipeline.id}/jobs").json() == []


def test_a_commit_that_is_on_no_branch_needs_a_ref(gitlab, change, ask):
    gitlab.add_project("stranger/churn", fork_of="group/models/churn")
    sha = gitlab.commit({"train.py": "third\n"}, "topic", project="stranger/churn")
    assert put(ask, sha, "success").json()["message"] == "404 Commit Not Found"
    gitlab.open_merge_request("topic", fork="stranger/churn")

    assert put(ask, sha, "success").json()["message"] == "404 References for commit Not Found"
    assert put(ask, sha, "success", ref="topic").status_code == 201
    assert put(ask, "0" * 40, "success").status_code == 404


STEPS = [
    (["pending"], "running", 201), (["pending"], "success", 201), (["running"], "failed", 201),
    (["pending"], "skipped", 201), (["running"], "canceled", 201), (["success"], "pending", 201),
    (["pending"], "pending", ":enqueue from :pending"), (["running"], "pending", ":enqueue from :running"),
    (["running"], "running", ":run from :running"), (["running"], "skipped", ":skip from :running"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "state", "outcome"), STEPS)
def test_a_status_moves_only_where_gitlab_lets_it_and_nothing_of_a_refused_one_is_kept(
    gitlab, change, ask, before, state, outcome
):
    for each in before:
        assert put(ask, change.sha, each, description="before").status_code == 201

    answer = put(ask, change.sha, state, description="after")

    if outcome == 201:
        assert answer.status_code == 201
        assert gitlab.statuses(change.sha)["mlci/gate"].status == state
        return
    event = outcome.split()[0].removeprefix(":")
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        f'Cannot transition status via {outcome} (Reason(s): Status cannot transition via "{event}")'
    )
    held = gitlab.statuses(change.sha)["mlci/gate"]
    assert (held.status, held.description) == (before[-1], "before")


def test_an_open_status_is_moved_on_and_a_finished_one_is_followed_by_another(gitlab, change, ask):
    pending = put(ask, change.sha, "pending").json()
    failed = put(ask, change.sha, "failed").json()
    again = put(ask, change.sha, "success").json()

    assert pending["id"] == failed["id"] != again["id"]
    below = f"/repository/commits/{change.sha}/statuses"
    latest, every = ask("GET", below).json(), ask("GET", below + "?all=true").json()
    assert [each["id"] for each in latest] == [again["id"]]
    assert [(each["id"], each["status"]) for each in every] == [(failed["id"], "failed"), (again["id"], "success")]


def test_an_open_status_of_somebody_else_is_retired_and_not_moved(gitlab, change, ask):
    first = put(ask, change.sha, "pending").json()
    person = gitlab.token(user="maintainer", role="maintainer")

    second = ask("POST", f"/statuses/{change.sha}", token=person, json={"state": "pending", "name": "mlci/gate"})

    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    jobs = {job.id: job.retried for job in gitlab.project().jobs()}
    assert jobs == {first["id"]: True, second.json()["id"]: False}


def test_a_status_with_the_name_of_a_job_takes_its_place(gitlab, change, ask):
    pipeline = gitlab.add_pipeline(merge_request=change)
    gitlab.add_job(pipeline, "gate", status="failed")
    assert gitlab.status_of(pipeline) == "failed"

    put(ask, change.sha, "success", "gate")

    assert gitlab.status_of(pipeline) == "success"
    assert ask("GET", f"/pipelines/{pipeline.id}/jobs").json() == []
    assert len(ask("GET", f"/pipelines/{pipeline.id}/jobs?include_retried=true").json()) == 1


def test_statuses_are_listed_by_name_pipeline_and_ref_with_the_jobs_among_them(gitlab, change, ask):
    one, two = gitlab.add_pipeline(merge_request=change), gitlab.add_pipeline("push", "feature")
    gitlab.add_job(one, "model-ci")
    put(ask, change.sha, "success", "a", pipeline_id=one.id)
    put(ask, change.sha, "success", "b", pipeline_id=two.id)

    def names(query):
        return [each["name"] for each in ask("GET", f"/repository/commits/{change.sha}/statuses?{query}").json()]

    assert names("") == ["model-ci", "a", "b"]
    assert names("sort=desc") == ["b", "a", "model-ci"]
    assert names(f"pipeline_id={two.id}&all=true") == ["b"]
    assert names("name=a") == ["a"]
    assert names("ref=feature") == ["b"]
    assert names("stage=external") == ["a", "b"]
    # The name of a branch is a commit, but no pipeline has it as its sha.
    assert ask("GET", "/repository/commits/feature/statuses").json() == []
    assert ask("GET", "/repository/commits/nowhere/statuses").json()["message"] == "404 Commit Not Found"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"description": "x" * 256}, {"description": ["is too long (maximum is 255 characters)"]}),
        ({"target_url": "https://x.example/" + "x" * 255}, {"target_url": ["is too long (maximum is 255 characters)"]}),
        ({"target_url": "javascript:1"}, {"target_url": ["is blocked: Only allowed schemes are http, https"]}),
    ],
)
def test_what_does_not_fit_is_refused(gitlab, change, ask, given, said):
    answer = put(ask, change.sha, "success", **given)

    assert (answer.status_code, answer.json()["message"]) == (400, said)
    assert gitlab.statuses(change.sha) == {}


def test_on_a_protected_branch_it_takes_the_right_to_push_or_to_merge(gitlab, change, ask):
    sha = gitlab.project().tip("main")
    gitlab.add_pipeline("push", "main")
    assert put(ask, sha, "success").json() == {"message": "403 Forbidden"}
    assert put(ask, change.sha, "success").status_code == 201

    gitlab.protect("ma*", push=None, merge="developer")
    del gitlab.project().protected["main"]
    assert put(ask, sha, "success").status_code == 201
    gitlab.protect("ma*", push=None, merge=None)
    assert put(ask, sha, "failed").status_code == 403


@pytest.mark.parametrize(
    ("jobs", "comes_to"),
    [
        (["success", "success"], "success"), (["success", "failed"], "failed"), (["success", "pending"], "running"),
        (["pending", "pending"], "pending"), (["success", "running", "failed"], "running"), (["skipped"], "skipped"),
        (["success", "skipped"], "success"), (["success", "canceled"], "canceled"), (["failed", "canceled"], "failed"),
        (["success", "manual"], "manual"), (["success", "ignored"], "success"), (["success", "created"], "running"),
        (["success_with_warnings"], "success"),
    ],
)  # fmt: skip
def test_what_jobs_and_statuses_come_to(jobs, comes_to):
    assert composite(jobs) == comes_to


def test_a_job_that_may_fail_does_not_fail_its_pipeline(gitlab, change):
    pipeline = gitlab.add_pipeline(merge_request=change)
    gitlab.add_job(pipeline, "model-ci", status="success")
    gitlab.add_job(pipeline, "gate", status="failed", allow_failure=True)
    assert gitlab.status_of(pipeline) == "success"
    gitlab.add_job(pipeline, "gate", status="failed")
    assert gitlab.status_of(pipeline) == "failed"
