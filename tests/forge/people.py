"""Reviews, pushes, approvals of environments, teams, and accounts."""

from __future__ import annotations

from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request
from forge.routing import serves
from forge.shapes import shaped
from forge.state import Activity, Review


@serves("GET", "/pulls/{pull_number}/reviews")
def list_reviews(request: Request) -> Answer:
    """Reviews of a pull request, oldest first."""
    pull = request.one_of(request.repository.pulls, "pull_number")
    return request.listing([_review(request, each) for each in pull.reviews])


def _review(request: Request, found: Review) -> dict[str, Any]:
    number = int(request.values["pull_number"])
    page = f"{request.server}/{request.name}/pull/{number}"
    address = request.url(f"/pulls/{number}")
    return shaped(
        "pull-request-review",
        request.base,
        id=found.id,
        user=objects.user(request, found.author),
        state=found.state,
        body=found.body,
        commit_id=found.commit,
        submitted_at=found.at,
        author_association="NONE",
        html_url=f"{page}#pullrequestreview-{found.id}",
        pull_request_url=address,
        _links={"html": {"href": page}, "pull_request": {"href": address}},
    )


@serves("GET", "/pulls/{pull_number}/commits")
def list_commits(request: Request) -> Answer:
    """Commits of a pull request, oldest first; at most 250."""
    pull, there = request.one_of(request.repository.pulls, "pull_number"), request.repository.objects
    root = there.merge_base(pull.base_of, pull.head_sha) or pull.base_of
    found = there.between(root, pull.head_sha)[:250]
    return request.listing([objects.commit(request, sha) for sha in found])


@serves("GET", "/activity")
def list_activity(request: Request) -> Answer:
    """Pushes to the repository, newest first; to one ref where it is asked for."""
    ref = request.query.get("ref")
    found = [each for each in reversed(request.repository.activity) if ref in (None, each.ref)]
    # GitHub's pages have cursors and no numbers: the one after an entry.
    size, after = int(request.query.get("per_page", "30")), request.query.get("after")
    start = 1 + next((place for place, each in enumerate(found) if str(each.id) == after), -1) if after else 0
    shown, headers = found[start : start + size], {}
    if start + size < len(found):
        query = f"per_page={size}&after={shown[-1].id}" + (f"&ref={ref}" if ref else "")
        headers["Link"] = f'<{request.url("/activity")}?{query}>; rel="next"'
    return Answer(200, [_activity(request, each) for each in shown], headers)


def _activity(request: Request, found: Activity) -> dict[str, Any]:
    return shaped(
        "activity",
        request.base,
        id=found.id,
        before=found.before,
        after=found.after,
        ref=found.ref,
        timestamp=found.at,
        activity_type=found.kind,
        actor=objects.user(request, found.actor) if found.actor is not None else None,
    )


@serves("GET", "/actions/runs/{run_id}/approvals")
def run_approvals(request: Request) -> Answer:
    """Who let jobs of a run into environments; without a time."""
    run = request.one_of(request.repository.runs, "run_id")
    shown = [
        shaped(
            "environment-approvals",
            request.base,
            environments=[{"id": 1, "name": environment}],
            state=state,
            user=objects.user(request, request.state.account(login)),
            comment="",
        )
        for login, state, environment in run.approvals
    ]
    return Answer(200, shown)


@serves("GET", "//users/{username}")
def show_user(request: Request) -> Answer:
    """An account by its name now."""
    wanted = request.values["username"].casefold()
    account = next((each for login, each in request.state.accounts.items() if login.casefold() == wanted), None)
    if account is None:
        raise Refused(404, "Not Found")
    shown: dict[str, Any] = shaped("public-user", request.base, user_view_type="public")
    known = objects.user(request, account)
    return Answer(200, shown | {key: value for key, value in known.items() if key in shown})


@serves("GET", "//orgs/{org}/teams/{team_slug}/memberships/{username}")
def membership(request: Request) -> Answer:
    """Whether somebody is in a team; a team that the token may not see is as if there were no membership."""
    _may_see(request)
    team = request.state.teams.get((request.values["org"], request.values["team_slug"]), {})
    state = team.get(request.values["username"])
    if state is None:
        raise Refused(404, "Not Found")
    return Answer(200, shaped("team-membership", request.base, state=state, role="member"))


@serves("GET", "//orgs/{org}/teams/{team_slug}")
def show_team(request: Request) -> Answer:
    """A team that the token may see."""
    _may_see(request)
    org, slug = request.values["org"], request.values["team_slug"]
    if (org, slug) not in request.state.teams:
        raise Refused(404, "Not Found")
    organisation = shaped("team-organization", request.base, login=org)
    shown = shaped(
        "team-full", request.base, id=1, name=slug, slug=slug, privacy="closed", permission="pull",
        organization=organisation,
    )  # fmt: skip
    return Answer(200, shown)


def _may_see(request: Request) -> None:
    token = request.author
    if token.app is not None and "members" not in token.permissions:
        raise Refused(403, "Resource not accessible by integration")
    if token.app is None and "members" not in token.permissions:
        raise Refused(404, "Not Found")
