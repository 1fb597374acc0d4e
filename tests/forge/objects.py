"""Users, commits and pull requests as the API shows them."""

from __future__ import annotations

from typing import Any

from forge.exchange import Request
from forge.shapes import shaped
from forge.state import Account, Comment, Pull, Repository, Status


def user(request: Request, account: Account) -> dict[str, Any]:
    """An account."""
    return shaped(
        "simple-user",
        request.base,
        login=account.login,
        id=account.id,
        type=account.type,
        node_id=f"U_{account.id}",
        url=f"{request.base}/users/{account.login}",
        html_url=f"{request.server}/{account.login}",
    )


def comment(request: Request, found: Comment) -> dict[str, Any]:
    """A comment on an issue or a pull request."""
    page = f"{request.server}/{request.name}/pull/{found.issue}#issuecomment-{found.id}"
    shown = shaped(
        "issue-comment",
        request.base,
        id=found.id,
        body=found.body,
        user=user(request, found.author),
        created_at=found.created_at,
        updated_at=found.updated_at,
        url=request.url(f"/issues/comments/{found.id}"),
        html_url=page,
        issue_url=request.url(f"/issues/{found.issue}"),
    )
    shown["performed_via_github_app"] = None if found.app is None else app(request, found.app)
    return shown


def app(request: Request, number: int) -> dict[str, Any]:
    """An app, by its number."""
    slug = "github-actions" if number == 15368 else f"app-{number}"
    return shaped("integration", request.base, id=number, slug=slug, name=slug, owner=_nobody(request))


def _nobody(request: Request) -> dict[str, Any]:
    return user(request, Account("github", 9919, "Organization"))


def status(request: Request, found: Status, schema: str = "status") -> dict[str, Any]:
    """A commit status."""
    fields: dict[str, Any] = {
        "id": found.id,
        "state": found.state,
        "context": found.context,
        "description": found.description,
        "target_url": found.target_url,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "url": request.url(f"/statuses/{found.sha}"),
    }
    if schema == "status":
        fields["creator"] = user(request, found.author)
    return shaped(schema, request.base, **fields)


def repository(request: Request, found: Repository, schema: str = "repository") -> dict[str, Any]:
    """A repository, in one of the many shapes the API has for one."""
    owner, short = found.name.split("/")
    fields: dict[str, Any] = {
        "id": found.id,
        "name": short,
        "full_name": found.name,
        "private": found.private,
        "fork": found.fork_of is not None,
        "owner": user(request, request.state.account(owner)),
        "url": f"{request.base}/repos/{found.name}",
        "html_url": f"{request.server}/{found.name}",
        "visibility": "private" if found.private else "public",
        "default_branch": found.default_branch,
    }
    if schema in ("minimal-repository", "simple-repository"):
        fields.pop("visibility")
        fields.pop("default_branch")
    return shaped(schema, request.base, **fields)


def pull(request: Request, found: Pull, schema: str = "pull-request") -> dict[str, Any]:
    """A pull request, whole or as lists show it."""
    fields: dict[str, Any] = {
        "id": 90_000 + found.number,
        "number": found.number,
        "state": found.state,
        "draft": found.draft,
        "title": found.title,
        "body": found.body,
        "user": user(request, found.author),
        "head": _side(request, found.head_owner, found.head_branch, found.head_sha, found.head_repository),
        "base": _side(request, request.repository.owner, found.base_branch, found.base_sha, request.repository.name),
        "merge_commit_sha": found.merge_sha,
        "merged_at": found.merged_at,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "url": request.url(f"/pulls/{found.number}"),
        "html_url": f"{request.server}/{request.name}/pull/{found.number}",
        "statuses_url": request.url(f"/statuses/{found.head_sha}"),
        "comments_url": request.url(f"/issues/{found.number}/comments"),
    }
    if schema == "pull-request":
        comments = sum(1 for each in request.repository.comments.values() if each.issue == found.number)
        fields |= {
            "merged": found.merged,
            "mergeable": None if found.state == "closed" else found.merge_sha is not None,
            "mergeable_state": "unknown" if found.state == "closed" else "clean" if found.merge_sha else "dirty",
            "comments": comments,
            "merged_by": user(request, found.author) if found.merged else None,
        }
    shown = shaped(schema, request.base, **fields)
    shown["_links"] = {
        name: {"href": f"{shown['url']}"}
        for name in ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self")
    }
    return shown


def _side(request: Request, owner: str, branch: str, sha: str, name: str | None) -> dict[str, Any]:
    there = request.state.repositories.get(name) if name else None
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user(request, request.state.account(owner)),
        # GitHub shows null where the fork is gone, which the description does not allow for.
        "repo": repository(request, there) if there else None,
    }


def commit(request: Request, sha: str, schema: str = "commit") -> dict[str, Any]:
    """A commit with its parents."""
    objects = request.repository.objects
    shown = shaped(
        schema,
        request.base,
        sha=sha,
        url=request.url(f"/commits/{sha}"),
        html_url=f"{request.server}/{request.name}/commit/{sha}",
        parents=[
            {"sha": parent, "url": request.url(f"/commits/{parent}"), "html_url": f"{request.server}/{parent}"}
            for parent in objects.parents(sha)
        ],
    )
    writers = request.state.writers.get(sha, ("contributor", "contributor"))
    for name, login in zip(("author", "committer"), writers, strict=True):
        shown[name] = user(request, request.state.account(login)) if login is not None else {}
    shown["commit"]["message"] = objects.message(sha)
    shown["commit"]["tree"] = {
        "sha": objects.tree_of(sha),
        "url": request.url(f"/git/trees/{objects.tree_of(sha)}"),
    }
    return shown
