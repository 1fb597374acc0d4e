"""Approvals of merge requests, what reviewers say, and what a merge request has shown."""

from __future__ import annotations

from typing import Any

from forge.exchange import Answer

from gitlab_server import objects
from gitlab_server.exchange import Request, shown
from gitlab_server.merge_requests import ONE
from gitlab_server.routing import PAGES, Access, serves
from gitlab_server.shapes import MR_APPROVALS, REVIEWER, VERSION, every

# lib/api/merge_request_approvals.rb and merge_request_diffs.rb: a job's token is not looked at.
READ = Access("read_merge_request")
SIGNED_IN = Access("read_merge_request", signed_in=True)


@serves("GET", ONE + "/approvals", "lib/api/merge_request_approvals.rb", READ, shape=MR_APPROVALS)
def show_approvals(request: Request) -> Answer:
    """Who approves at the moment; newer versions say since when."""
    change, says_when = request.merge_request, request.state.says_when_approved
    given: list[dict[str, Any]] = [
        {"user": objects.user(request, who), **({"approved_at": at} if says_when else {})}
        for who, at in change.approvals.items()
    ]
    return shown({
        "user_has_approved": request.user in change.approvals, "user_can_approve": False,
        "approved": bool(given), "approved_by": given,
    })  # fmt: skip


@serves("GET", ONE + "/reviewers", "lib/api/merge_requests.rb", READ, shape=every(REVIEWER))
def list_reviewers(request: Request) -> Answer:
    """Who reviews, and what came of it."""
    change = request.merge_request
    return shown([
        {"user": objects.user(request, who), "state": state, "created_at": change.created_at}
        for who, state in change.reviewers.items()
    ])  # fmt: skip


@serves("GET", ONE + "/versions", "lib/api/merge_request_diffs.rb", SIGNED_IN, query=PAGES, shape=every(VERSION))
def list_versions(request: Request) -> Answer:
    """What the merge request has shown, newest first."""
    change = request.merge_request
    return request.listing([
        {
            "id": each.id, "head_commit_sha": each.sha, "base_commit_sha": each.base_sha,
            "start_commit_sha": each.start_sha, "created_at": each.created_at, "merge_request_id": change.id,
            "state": "collected", "real_size": "1", "patch_id_sha": each.sha,
        }
        for each in reversed(change.versions)
    ])  # fmt: skip
