"""What GitHub tells a run about the event that started it."""

from __future__ import annotations

import json
from typing import Any

from forge.github import GitHub, MergeGroup
from forge.state import Comment, Pull, WorkflowRun


def _shown(github: GitHub, below: str) -> dict[str, Any]:
    """An object as the API shows it, which is how the events carry it; the request is not written down."""
    token = github.token("webhooks")
    path = f"/repos/{github.repository().name}{below}"
    answer, _ = github.front.answer("GET", path, {"Authorization": f"Bearer {token}", "User-Agent": "tests"}, b"")
    found: dict[str, Any] = json.loads(answer.data())
    return found


def _common(github: GitHub, sender: str) -> dict[str, Any]:
    account = github.state.account(sender)
    who = {"login": account.login, "id": account.id, "type": account.type}
    return {"repository": _shown(github, ""), "sender": who}


def pull_request(github: GitHub, pull: Pull, action: str = "synchronize") -> dict[str, Any]:
    """A pull request was opened or got a new commit."""
    event = {"action": action, "number": pull.number, "pull_request": _shown(github, f"/pulls/{pull.number}")}
    return event | _common(github, pull.author.login)


def merge_group(github: GitHub, group: MergeGroup) -> dict[str, Any]:
    """The merge queue wants a group checked."""
    described = {
        "head_sha": group.sha,
        "head_ref": group.ref,
        "base_sha": group.base,
        "base_ref": f"refs/heads/{group.base_branch}",
        "head_commit": {"id": group.sha, "tree_id": "", "message": "", "timestamp": "2026-01-01T00:00:00Z"},
    }
    return {"action": "checks_requested", "merge_group": described} | _common(github, "maintainer")


def push(github: GitHub, branch: str, before: str, after: str) -> dict[str, Any]:
    """Commits were pushed to a branch."""
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": set(before) == {"0"},
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "commits": [],
        "head_commit": {"id": after},
        "pusher": {"name": "maintainer", "email": None},
    } | _common(github, "maintainer")


def workflow_run(github: GitHub, run: WorkflowRun) -> dict[str, Any]:
    """A run of another workflow has ended."""
    shown = _shown(github, f"/actions/runs/{run.id}")
    workflow = {"id": 1, "name": run.name, "path": run.path, "state": "active"}
    return {"action": "completed", "workflow_run": shown, "workflow": workflow} | _common(github, "maintainer")


def issue_comment(github: GitHub, comment: Comment) -> dict[str, Any]:
    """Somebody commented on a pull request."""
    shown = _shown(github, f"/issues/comments/{comment.id}")
    number = comment.issue
    address = f"{github.url}/repos/{github.repository().name}/pulls/{number}"
    issue = {"number": number, "state": "open", "pull_request": {"url": address}}
    return {"action": "created", "issue": issue, "comment": shown} | _common(github, comment.author.login)


def review(github: GitHub, pull: Pull, login: str) -> dict[str, Any]:
    """Somebody reviewed a pull request."""
    shown = _shown(github, f"/pulls/{pull.number}")
    return {"action": "submitted", "pull_request": shown, "review": {"state": "approved"}} | _common(github, login)


def dispatch(github: GitHub, branch: str, inputs: dict[str, str] | None = None) -> dict[str, Any]:
    """A person started the workflow."""
    ref = {"inputs": inputs or {}, "ref": f"refs/heads/{branch}", "workflow": ".github/workflows/model.yml"}
    return ref | _common(github, "maintainer")


def schedule(github: GitHub) -> dict[str, Any]:
    """The clock started the workflow; nothing else is told."""
    return {"schedule": "0 5 * * 1", "workflow": ".github/workflows/model.yml"}
