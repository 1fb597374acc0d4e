"""The few things that are asked of GitLab's GraphQL API.

From app/graphql/types: merge_request_type.rb, repositories/commit_type.rb, user_interface.rb, ci/job_type.rb.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from forge.exchange import Answer

from gitlab_server import access, objects
from gitlab_server.access import Caller
from gitlab_server.exchange import Refused, Request, shown
from gitlab_server.routing import Access, serves
from gitlab_server.state import Project, User

# Every word that a query may have: fields and arguments that the types above have, and words of the language.
KNOWN = frozenset({
    "query", "project", "fullPath", "mergeRequest", "iid", "committers", "commits", "nodes", "id", "username", "bot",
    "sha", "author", "pageInfo", "hasNextPage", "endCursor", "first", "after", "job", "manualJob", "scheduledAt", "ID",
    "String", "JobID",
})  # fmt: skip
SIZE = 100


@serves(
    "POST", "//graphql", "app/controllers/graphql_controller.rb", Access("", scopes=("read_user",)), status=200,
    shape={"type": "object"}, free=True,
)  # fmt: skip
def execute(request: Request) -> Answer:
    """Answer a query about a project; whoever may not see something gets null for it."""
    body = json.loads(request.sent)
    query, variables = str(body["query"]), dict(body["variables"])
    named = set(re.findall(r"\w+", query)) - {"100"} - set(re.findall(r"\$(\w+)", query))
    title = re.match(r"\s*query (\w+)", query)
    for word in sorted(named - KNOWN - ({title[1]} if title else set())):
        request.violations.append(f"request POST /graphql: {word} is not modelled here")
    found = request.state.project(str(variables["project"]))
    who = Caller(request.token, request.user)
    try:
        project = access.visible(found, who)
    except Refused:
        return shown({"data": {"project": None}})
    if not request.state.graphql:
        return shown({"errors": [{"message": "Field 'committers' doesn't exist on type 'MergeRequest'"}]})
    part = _job(request, project, variables) if "job(" in query else _makers(request, project, variables)
    return shown({"data": {"project": part}})


def _job(request: Request, project: Project, variables: dict[str, Any]) -> dict[str, Any]:
    number = re.fullmatch(r"gid://gitlab/Ci::Build/(\d+)", str(variables["job"]))
    found = project.job(int(number[1])) if number else None
    if found is None:
        return {"job": None}
    at = "2026-02-01T00:00:00Z" if found.delayed else None
    return {"job": {"manualJob": found.manual or found.delayed, "scheduledAt": at}}


def _makers(request: Request, project: Project, variables: dict[str, Any]) -> dict[str, Any]:
    change = project.merge_requests.get(int(variables["change"]))
    if change is None:
        return {"mergeRequest": None}
    shas = change.project.objects.between(change.base_sha, change.sha)
    facts = [objects.commit(request, change.project, sha) for sha in shas]
    committers = {_whose(request, each["committer_email"]): None for each in facts}
    start = int(variables.get("after") or 0)
    page = facts[start : start + SIZE]
    more = start + SIZE < len(facts)
    return {"mergeRequest": {
        "committers": {"nodes": _users(request, [each for each in committers if each]), "pageInfo": _page(False, None)},
        "commits": {
            "nodes": [{"sha": each["id"], "author": _author(request, each["author_email"])} for each in page],
            "pageInfo": _page(more, str(start + SIZE) if more else None),
        },
    }}  # fmt: skip


def _author(request: Request, email: str) -> dict[str, Any] | None:
    return next(iter(_users(request, [_whose(request, email)])), None)


def _whose(request: Request, email: str) -> User | None:
    return request.state.emails.get(email)


def _users(request: Request, users: Sequence[User | None]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"gid://gitlab/User/{each.id}",
            "username": request.state.names.get(each.id, each.username),
            "bot": each.bot,
        }
        for each in users
        if each is not None
    ]


def _page(more: bool, cursor: str | None) -> dict[str, Any]:
    return {"hasNextPage": more, "endCursor": cursor}
