"""Commit statuses and check runs."""

from __future__ import annotations

from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request, invalid
from forge.routing import serves
from forge.shapes import shaped
from forge.state import CheckRun, Repository, Status

LONGEST_DESCRIPTION = 140
MOST_STATUSES = 1000


def commit_named(request: Request, name: str) -> str:
    """The commit that a ref or a sha of a request names.

    Raises:
        Refused: there is none.
    """
    found = request.repository.objects.resolve(name)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {name}")
    return found


def latest_statuses(repository: Repository, sha: str) -> list[Status]:
    """The newest status of each context of a commit; contexts differ only by more than case."""
    found: dict[str, Status] = {}
    for each in repository.statuses:
        if each.sha == sha:
            found[each.context.casefold()] = each
    return list(found.values())


@serves("POST", "/statuses/{sha}")
def set_status(request: Request) -> Answer:
    """Set a commit's status."""
    sent, token = request.body, request.author
    sha = request.repository.objects.resolve(request.values["sha"])
    if sha is None or sha != request.values["sha"]:
        raise Refused(422, f"No commit found for SHA: {request.values['sha']}")
    description = sent.get("description")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        message = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
        raise invalid("Status", "description", message)
    context = sent.get("context", "default")
    same = [each for each in request.repository.statuses if (each.sha, each.context) == (sha, context)]
    if len(same) >= MOST_STATUSES:
        message = "This SHA and context has reached the maximum number of statuses."
        raise invalid("Status", "base", message)
    made = Status(
        request.state.next_id(), sha, sent["state"], context, description, sent.get("target_url"),
        token.account, token.app, request.state.now(),
    )  # fmt: skip
    request.repository.statuses.append(made)
    return Answer(201, objects.status(request, made))


@serves("GET", "/commits/{ref}/statuses")
def list_statuses(request: Request) -> Answer:
    """Every status of a commit, newest first."""
    sha = commit_named(request, request.values["ref"])
    found = [each for each in reversed(request.repository.statuses) if each.sha == sha]
    return request.listing([objects.status(request, each) for each in found])


@serves("GET", "/commits/{ref}/status")
def combined_status(request: Request) -> Answer:
    """The newest status of each context, and what they come to."""
    sha = request.repository.objects.resolve(request.values["ref"])
    if sha is None:
        raise Refused(404, "Not Found")
    found = latest_statuses(request.repository, sha)
    states = {each.state for each in found}
    bad = bool(states & {"failure", "error"})
    state = "failure" if bad else "pending" if "pending" in states or not found else "success"
    shown, headers = request.page([objects.status(request, each, "simple-commit-status") for each in found])
    body = shaped(
        "combined-commit-status",
        request.base,
        state=state,
        sha=sha,
        total_count=len(found),
        statuses=shown,
        repository=objects.repository(request, request.repository, "minimal-repository"),
    )
    return Answer(200, body, headers)


def check_shown(request: Request, found: CheckRun) -> dict[str, Any]:
    """A check run as the API shows it."""
    fields = {key: value for key, value in found.fields.items() if key not in ("output", "actions")}
    output = found.fields.get("output") or {}
    return shaped(
        "check-run",
        request.base,
        **fields,
        id=found.id,
        head_sha=found.sha,
        name=found.name,
        url=request.url(f"/check-runs/{found.id}"),
        html_url=f"{request.server}/{request.name}/runs/{found.id}",
        app=objects.app(request, found.app),
        check_suite={"id": 1},
        output={
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(output.get("annotations", ())),
            "annotations_url": request.url(f"/check-runs/{found.id}/annotations"),
        },
        pull_requests=[],
    )


def _settled(fields: dict[str, Any], request: Request) -> dict[str, Any]:
    """A conclusion completes a check run, and a completed one needs a conclusion."""
    if fields.get("conclusion") is not None:
        fields["status"] = "completed"
        fields.setdefault("completed_at", request.state.now())
    elif fields.get("status") == "completed":
        raise invalid("CheckRun", "conclusion", "conclusion is required when status is completed")
    return fields


@serves("POST", "/check-runs")
def add_check(request: Request) -> Answer:
    """Create a check run; only an app may."""
    token = request.author
    if token.app is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    sent = request.body
    name, sha = sent.pop("name"), commit_named(request, sent.pop("head_sha"))
    blank = {
        "status": "queued",
        "conclusion": None,
        "external_id": "",
        "details_url": None,
        "started_at": request.state.now(),
        "completed_at": None,
    }
    fields = _settled({**blank, **{key: value for key, value in sent.items() if value is not None}}, request)
    made = CheckRun(request.state.next_id(), sha, name, token.app, fields)
    request.repository.checks[made.id] = made
    return Answer(201, check_shown(request, made))


@serves("PATCH", "/check-runs/{check_run_id}")
def edit_check(request: Request) -> Answer:
    """Change a check run of one's own app."""
    found = request.one_of(request.repository.checks, "check_run_id")
    if found.app != request.author.app:
        raise Refused(403, "Invalid app_id `" + str(found.app) + "` - check run can only be modified by the GitHub App")
    sent = request.body
    found.name = sent.pop("name", found.name)
    found.fields = _settled({**found.fields, **sent}, request)
    return Answer(200, check_shown(request, found))


@serves("GET", "/check-runs/{check_run_id}")
def show_check(request: Request) -> Answer:
    """One check run."""
    found = request.one_of(request.repository.checks, "check_run_id")
    return Answer(200, check_shown(request, found))


@serves("GET", "/commits/{ref}/check-runs")
def list_checks(request: Request) -> Answer:
    """Check runs of a commit; of several with one name and app only the newest, unless all are asked for."""
    sha, query = commit_named(request, request.values["ref"]), request.query
    found = [each for each in reversed(request.repository.checks.values()) if each.sha == sha]
    if "check_name" in query:
        found = [each for each in found if each.name == query["check_name"]]
    if "app_id" in query:
        found = [each for each in found if str(each.app) == query["app_id"]]
    if "status" in query:
        found = [each for each in found if each.fields["status"] == query["status"]]
    if query.get("filter", "latest") == "latest":
        newest: dict[tuple[str, int], CheckRun] = {}
        for each in found:
            newest.setdefault((each.name, each.app), each)
        found = list(newest.values())
    return request.listing([check_shown(request, each) for each in found], "check_runs")
