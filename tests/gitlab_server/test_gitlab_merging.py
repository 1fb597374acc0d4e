"""What has to hold before a merge request is merged, and that it then is."""

from __future__ import annotations

import pytest


@pytest.fixture
def strict(gitlab, change):
    """The project's settings, where pipelines must succeed."""
    settings = gitlab.project().settings
    settings["only_allow_merge_if_pipeline_succeeds"] = True
    return settings


REFUSED = (405, {"message": "405 Method Not Allowed"})


def test_merging_is_done_in_git(gitlab, change, ask):
    before = gitlab.project().tip("main")

    status, body = gitlab.merge(1, sha=change.sha, merge_commit_message="Two parents")

    objects, tip = gitlab.project().objects, gitlab.project().tip("main")
    assert (status, body["state"], body["merge_commit_sha"]) == (200, "merged", tip)
    assert objects.parents(tip) == [before, change.sha]
    assert objects.message(tip) == "Two parents"
    assert objects.blob(objects.entry(tip, "train.py").sha) == b"second\n"
    assert gitlab.detailed_status(1) == "not_open"
    assert gitlab.merge(1) == REFUSED


@pytest.mark.parametrize(
    ("statuses", "detailed"),
    [
        (None, "ci_must_pass"), (["failed"], "ci_must_pass"), (["canceled"], "ci_must_pass"),
        (["running"], "ci_still_running"), (["manual"], "ci_still_running"), (["skipped"], "ci_must_pass"),
        (["success"], "mergeable"),
    ],
)  # fmt: skip
def test_a_pipeline_that_must_succeed(gitlab, change, strict, ask, statuses, detailed):
    if statuses:
        pipeline = gitlab.add_pipeline(merge_request=change)
        for number, status in enumerate(statuses):
            gitlab.add_job(pipeline, str(number), status=status)

    assert ask("GET", "/merge_requests/1").json()["detailed_merge_status"] == detailed
    answer = gitlab.merge(1)
    assert answer[0] == 200 if detailed == "mergeable" else answer == REFUSED


def test_a_skipped_pipeline_counts_where_the_project_says_so(gitlab, change, strict):
    gitlab.add_pipeline(merge_request=change, status="skipped")
    assert gitlab.merge(1) == REFUSED
    strict["allow_merge_on_skipped_pipeline"] = True
    assert gitlab.merge(1)[0] == 200


def test_a_status_blocks_and_frees_through_its_pipeline(gitlab, change, strict, ask):
    pipeline = gitlab.add_pipeline(merge_request=change, event="merged_result")
    gitlab.add_job(pipeline, "gate", status="success")
    ask(
        "POST",
        f"/statuses/{pipeline.sha}",
        json={"state": "failed", "name": "mlci/approval", "pipeline_id": pipeline.id},
    )
    assert (gitlab.detailed_status(1), gitlab.merge(1)) == ("ci_must_pass", REFUSED)
    ask(
        "POST",
        f"/statuses/{pipeline.sha}",
        json={"state": "success", "name": "mlci/approval", "pipeline_id": pipeline.id},
    )
    assert gitlab.merge(1)[0] == 200


def test_the_pipelines_of_the_merge_request_come_before_those_of_its_branch(gitlab, change, strict, ask):
    own = gitlab.add_pipeline(merge_request=change, status="failed")
    branch = gitlab.add_pipeline("push", "feature", status="success")
    gitlab.add_pipeline("push", "main", status="success")

    shown = [each["id"] for each in ask("GET", "/merge_requests/1/pipelines").json()]
    assert shown == [own.id, branch.id]
    assert gitlab.head_pipeline(1) is own
    assert ask("GET", "/merge_requests/1").json()["head_pipeline"]["id"] == own.id
    assert gitlab.merge(1) == REFUSED


def test_a_pipeline_of_an_older_head_counts_no_longer(gitlab, change, strict, ask):
    gitlab.add_pipeline(merge_request=change, status="success")
    base = change.base_sha
    gitlab.commit({"other.py": "on main\n"}, "main")
    head = gitlab.commit({"train.py": "third\n"}, "feature")

    shown = ask("GET", "/merge_requests/1").json()

    assert (shown["sha"], shown["head_pipeline"], shown["detailed_merge_status"]) == (head, None, "ci_must_pass")
    assert shown["diff_refs"] == {"base_sha": base, "head_sha": head, "start_sha": gitlab.project().tip("main")}
    assert gitlab.project().objects.resolve("refs/merge-requests/1/head") == head


def test_open_threads_hold_up_where_the_project_says_so(gitlab, change, ask):
    thread = ask("POST", "/merge_requests/1/discussions", json={"body": "Is it worse?"}).json()
    assert gitlab.detailed_status(1) == "mergeable"
    gitlab.project().settings["only_allow_merge_if_all_discussions_are_resolved"] = True
    shown = ask("GET", "/merge_requests/1").json()
    assert (shown["detailed_merge_status"], shown["blocking_discussions_resolved"]) == (
        "discussions_not_resolved",
        False,
    )
    assert gitlab.merge(1) == REFUSED

    ask("PUT", f"/merge_requests/1/discussions/{thread['id']}", json={"resolved": True})

    assert gitlab.merge(1)[0] == 200


def test_a_moved_head_a_draft_a_conflict_and_a_role_that_does_not_suffice(gitlab, change, ask):
    status, body = gitlab.merge(1, sha="0" * 40)
    assert (status, body["message"]) == (409, f"SHA does not match HEAD of source branch: {change.sha}")
    assert ask("PUT", "/merge_requests/1/merge").json() == {"message": "401 Unauthorized"}
    change.title = "Draft: a change"
    assert (gitlab.detailed_status(1), gitlab.merge(1)) == ("draft_status", REFUSED)
    change.title = "A change"
    gitlab.commit({"train.py": "another way\n"}, "main")
    shown = ask("GET", "/merge_requests/1").json()
    assert (shown["detailed_merge_status"], shown["has_conflicts"]) == ("conflict", True)
    assert gitlab.merge(1) == REFUSED


def test_merge_requests_are_listed_by_state_and_branch_newest_first(gitlab, change, ask):
    gitlab.commit({"a": "1"}, "second")
    gitlab.open_merge_request("second")
    gitlab.merge(1)

    def listed(query):
        return [each["iid"] for each in ask("GET", f"/merge_requests?{query}").json()]

    assert listed("") == [2, 1]
    assert listed("state=opened") == [2]
    assert listed("state=merged") == [1]
    assert listed("source_branch=feature") == [1]
    assert listed("iids[]=2&iids[]=7") == [2]
    assert listed("sort=asc") == [1, 2]
    assert ask("GET", "/merge_requests/9").json() == {"message": "404 Not found"}
    assert ask("GET", "/merge_requests/x").json() == {"error": "merge_request_iid is invalid"}
    gitlab.violations.clear()
