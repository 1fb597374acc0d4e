"""A branch takes a commit only when every required check is good, as GitHub sees it."""

from __future__ import annotations

import pytest


def status(github, ask, sha, state, context="gate", **more):
    return ask("POST", f"/statuses/{sha}", json={"state": state, "context": context, **more})


@pytest.mark.parametrize("kind", ["ruleset", "classic"])
def test_a_required_status_has_to_be_a_success(github, opened, ask, kind):
    github.protect("main", ["gate"], kind=kind)

    assert github.merge(1)[0] == 405
    for state in ("failure", "error", "pending"):
        status(github, ask, opened, state)
        assert github.merge(1)[0] == 405
    status(github, ask, opened, "success", context="Gate")
    code, body = github.merge(1)

    assert (code, body["merged"]) == (200, True)
    assert github.repository().tip("main") == body["sha"]
    assert github.pull(1).merged
    raw = {"Accept": "application/vnd.github.raw"}
    assert ask("GET", "/contents/train.py?ref=main", headers=raw).text == "second\n"
    assert github.merge(1)[0] == 405


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (["success"], 200), (["skipped"], 200), (["neutral"], 200), ([None], 405), (["cancelled"], 405),
        (["failure"], 405), (["failure", "success"], 200), (["success", "failure"], 405), ([], 405),
    ],
)  # fmt: skip
def test_of_check_runs_the_newest_counts_and_a_skipped_one_passes(github, opened, results, code):
    github.protect("main", ["gate"])
    for result in results:
        github.job_result(opened, "gate", result)

    assert github.merge(1)[0] == code


def test_a_status_and_a_check_run_of_one_name_both_have_to_be_good(github, opened, ask):
    github.protect("main", ["gate"])
    github.job_result(opened, "gate", "failure")
    status(github, ask, opened, "success")

    assert github.merge(1)[0] == 405
    github.job_result(opened, "gate", "success")
    assert github.merge(1)[0] == 200


def test_a_check_that_is_pinned_to_an_app_is_not_met_by_another(github, opened, ask):
    github.protect("main", {"gate": 15368})
    other = github.token("other[bot]", app=77)
    sent = {"name": "gate", "head_sha": opened, "conclusion": "success"}

    assert ask("POST", "/check-runs", json=sent, token=other).status_code == 201
    ask("POST", f"/statuses/{opened}", json={"state": "success", "context": "gate"}, token=other)
    assert github.merge(1)[0] == 405
    assert ask("POST", "/check-runs", json=sent).status_code == 201
    assert github.merge(1)[0] == 200


def test_only_an_app_makes_check_runs_and_changes_its_own(github, opened, ask):
    sent = {"name": "gate", "head_sha": opened, "status": "in_progress"}
    made = ask("POST", "/check-runs", json=sent).json()

    person = ask("POST", "/check-runs", json=sent, token=github.token("maintainer"))
    stranger = ask("PATCH", f"/check-runs/{made['id']}", json={"status": "queued"}, token=github.token("o[bot]", app=7))
    done = ask("PATCH", f"/check-runs/{made['id']}", json={"conclusion": "success"}).json()

    assert (person.status_code, stranger.status_code) == (403, 403)
    assert (made["status"], done["status"], done["conclusion"]) == ("in_progress", "completed", "success")


def test_the_merge_queue_judges_its_own_commit(github, opened):
    github.protect("main", ["gate"], merge_queue=True)
    github.job_result(opened, "gate", "success")

    assert "merge queue" in github.merge(1)[1]["message"]
    group = github.enqueue(1)
    assert 'status check "gate" is expected' in github.dequeue(group)
    github.job_result(group.sha, "gate", "success")
    assert github.dequeue(group) is None
    assert github.repository().tip("main") == group.sha


def test_a_conflict_and_a_draft_are_not_mergeable(github, opened):
    github.commit({"train.py": "third\n"}, "main")
    github.commit({"x": "y"}, "draft")
    github.open_pull_request("draft", draft=True)

    assert github.merge(1)[0] == 405
    assert github.merge(2)[0] == 405


def test_who_may_not_write_contents_does_not_merge(github, opened):
    assert github.merge(1, github.token(permissions={"contents": "read", "pull-requests": "write"}))[0] == 403


def test_a_status_says_at_most_140_characters_and_stands_on_a_commit_that_exists(github, opened, ask):
    assert status(github, ask, opened, "success", description="x" * 140).status_code == 201
    assert status(github, ask, opened, "success", description="x" * 141).status_code == 422
    assert status(github, ask, "0" * 40, "success").status_code == 422
    combined = ask("GET", f"/commits/{opened}/status").json()
    assert (combined["state"], combined["total_count"]) == ("success", 1)
    assert github.statuses(opened)["gate"].description == "x" * 140


def test_protection_is_read_where_github_shows_it(github, opened, ask):
    github.protect("main", {"gate": 15368, "job": None}, kind="classic")
    plain = github.token(permissions={"contents": "read"})

    assert ask("GET", "/rules/branches/main", token=plain).json() == []
    shown = ask("GET", "/branches/main", token=plain).json()["protection"]["required_status_checks"]
    assert shown["checks"] == [{"context": "gate", "app_id": 15368}, {"context": "job", "app_id": None}]
    assert ask("GET", "/branches/main/protection", token=plain).status_code == 403
    assert ask("GET", "/branches/main/protection").json()["required_status_checks"]["contexts"] == ["gate", "job"]

    github.protect("main", ["gate"], merge_queue=True)
    rules = {rule["type"]: rule for rule in ask("GET", "/rules/branches/main", token=plain).json()}
    assert rules["required_status_checks"]["parameters"]["required_status_checks"] == [{"context": "gate"}]
    assert "merge_queue" in rules
    assert ask("GET", "/branches/main/protection").status_code == 404
