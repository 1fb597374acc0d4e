"""Which permission of an installation token each operation asks for.

From https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

from __future__ import annotations

from collections.abc import Mapping

_REPO = "/repos/{owner}/{repo}"

# Alternatives, any one of which suffices. Metadata can be read by every token of the repository.
_READ: dict[str, tuple[str, ...]] = {
    "": ("metadata",),
    "/rulesets": ("metadata",),
    "/rulesets/{ruleset_id}": ("metadata",),
    "/actions/permissions/workflow": ("administration",),
    "/rules/branches/{branch}": ("metadata",),
    "/collaborators/{username}/permission": ("metadata",),
    "/contents/{path}": ("contents",),
    "/compare/{basehead}": ("contents",),
    "/commits/{ref}": ("contents",),
    "/branches/{branch}": ("contents",),
    "/git/ref/{ref}": ("contents",),
    "/environments": ("actions",),
    "/git/matching-refs/{ref}": ("contents",),
    "/git/commits/{commit_sha}": ("contents",),
    "/git/trees/{tree_sha}": ("contents",),
    "/git/blobs/{file_sha}": ("contents",),
    "/tarball/{ref}": ("contents",),
    "/branches/{branch}/protection": ("administration",),
    "/issues/{issue_number}/comments": ("issues", "pull_requests"),
    "/issues/comments/{comment_id}": ("issues", "pull_requests"),
    "/issues/{issue_number}/events": ("issues", "pull_requests"),
    "/pulls": ("pull_requests",),
    "/pulls/{pull_number}": ("pull_requests",),
    "/pulls/{pull_number}/files": ("pull_requests",),
    "/pulls/{pull_number}/reviews": ("pull_requests",),
    "/pulls/{pull_number}/commits": ("pull_requests",),
    "/activity": ("contents",),
    "/commits/{commit_sha}/pulls": ("pull_requests",),
    "/commits/{ref}/status": ("statuses",),
    "/commits/{ref}/statuses": ("statuses",),
    "/commits/{ref}/check-runs": ("checks",),
    "/check-runs/{check_run_id}": ("checks",),
    "/deployments": ("deployments",),
    "/deployments/{deployment_id}/statuses": ("deployments",),
    "/actions/artifacts": ("actions",),
    "/actions/artifacts/{artifact_id}": ("actions",),
    "/actions/artifacts/{artifact_id}/{archive_format}": ("actions",),
    "/actions/runs": ("actions",),
    "/actions/runs/{run_id}": ("actions",),
    "/actions/runs/{run_id}/artifacts": ("actions",),
    "/actions/runs/{run_id}/approvals": ("actions",),
}
_WRITE: dict[tuple[str, str], tuple[str, ...]] = {
    ("POST", "/issues/{issue_number}/comments"): ("issues", "pull_requests"),
    ("PATCH", "/issues/comments/{comment_id}"): ("issues", "pull_requests"),
    ("DELETE", "/issues/comments/{comment_id}"): ("issues", "pull_requests"),
    ("POST", "/statuses/{sha}"): ("statuses",),
    ("POST", "/deployments"): ("deployments",),
    ("POST", "/deployments/{deployment_id}/statuses"): ("deployments",),
    ("POST", "/check-runs"): ("checks",),
    ("PATCH", "/check-runs/{check_run_id}"): ("checks",),
    ("PUT", "/pulls/{pull_number}/merge"): ("contents",),
    ("POST", "/git/refs"): ("contents",),
    ("PATCH", "/git/refs/{ref}"): ("contents",),
    ("POST", "/git/commits"): ("contents",),
    ("POST", "/git/trees"): ("contents",),
    ("POST", "/git/blobs"): ("contents",),
}
_LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}


def wanted(method: str, template: str) -> tuple[tuple[str, str], ...]:
    """Pairs of permission and level, any one of which suffices; empty where none is asked for."""
    rest = template.removeprefix(_REPO)
    if rest == template:
        return ()
    if method == "GET":
        return tuple((name, "read") for name in _READ[rest])
    return tuple((name, "write") for name in _WRITE[method, rest])


def granted(permissions: Mapping[str, str], method: str, template: str) -> tuple[str, str] | None:
    """The pair that lets a token with these permissions through; None where none does."""
    held = {"metadata": "read", **permissions}
    for name, level in wanted(method, template):
        if _LEVELS[held.get(name, "none")] >= _LEVELS[level]:
            return name, level
    return None


def header(method: str, template: str) -> str:
    """The value of X-Accepted-GitHub-Permissions: alternatives are set apart by semicolons."""
    return "; ".join(f"{name}={level}" for name, level in wanted(method, template))
