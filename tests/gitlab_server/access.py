"""Whose a token is, how far it reaches, and what a role in a project allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitlab_server.exchange import Refused, forbidden, not_found, unauthorized
from gitlab_server.routing import Route
from gitlab_server.state import ROLES, Project, ProtectedBranch, State, Token, User

# Ability to the role it takes in a project where the public may not, and who among the public may: "anyone",
# "signed in" or "nobody". From app/policies/project_policy.rb and ee/app/policies/ee/project_policy.rb.
ABILITIES: Mapping[str, tuple[str, str]] = {
    "read_project": ("guest", "anyone"),
    "read_code": ("reporter", "anyone"),
    "read_merge_request": ("reporter", "anyone"),
    "create_note": ("reporter", "signed in"),
    "read_commit_status": ("reporter", "anyone"),
    "create_commit_status": ("developer", "nobody"),
    "read_approvers": ("maintainer", "nobody"),
    "admin_project": ("maintainer", "nobody"),
    "read_deployment": ("reporter", "anyone"),
    "create_deployment": ("developer", "nobody"),
    # Guests and the public, unless the project's public_jobs is off.
    "read_pipeline": ("guest", "anyone"),
}
FORBIDDEN_SCOPE = "The request requires higher privileges than provided by the access token."
EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
REVOKED = "Token was revoked. You have to re-authorize from the user."


@dataclass(frozen=True)
class Caller:
    """Who is asking.

    Attributes:
        token: the credential; None where none was sent, or none that this operation looks at.
        user: None for nobody.
        job_project: project of the job whose token it is.
    """

    token: Token | None = None
    user: User | None = None
    job_project: Project | None = None


def _bearer(headers: Mapping[str, str]) -> str | None:
    found = re.fullmatch(r"(?i)bearer (\S+)", headers.get("Authorization") or "")
    return found[1] if found else None


def caller(state: State, route: Route, headers: Mapping[str, str]) -> Caller:
    """Who is asking, after lib/gitlab/auth/auth_finders.rb.

    A job's token counts only where the operation looks at it (as JOB-TOKEN or Bearer), and only while its job runs.
    Elsewhere JOB-TOKEN is as if it had not been sent, and a job's token in another header is a token nobody knows.

    Raises:
        Refused: the token is unknown, spent, or its scopes do not suffice.
    """
    bearer, job_value = _bearer(headers), headers.get("JOB-TOKEN")
    if route.access.job_token:
        found = state.tokens.get(job_value or bearer or "")
        if found is not None and found.kind == "job":
            return _job(state, found)
        if job_value is not None:
            raise unauthorized()
    value = headers.get("PRIVATE-TOKEN") or bearer
    if value is None:
        return Caller()
    token = state.tokens.get(value)
    if token is None or token.kind == "job":
        raise unauthorized()
    if token.revoked or token.expired:
        raise Refused(401, {"error": "invalid_token", "error_description": REVOKED if token.revoked else EXPIRED})
    _scope(route, token)
    return Caller(token, token.user)


def _job(state: State, token: Token) -> Caller:
    job = state.job(token.job)
    if job is None or job.status != "running":
        raise unauthorized()
    return Caller(token, token.user, job.pipeline.project)


def _scope(route: Route, token: Token) -> None:
    """lib/api/api.rb and api_guard.rb: the refusal names every scope that is registered, whatever the method."""
    extra = route.access.scopes
    if extra is None:
        return
    reads = route.method == "GET" or route.template == "/graphql"
    enough = {"api"} | ({"read_api", *extra} if reads else set())
    if not enough & set(token.scopes):
        body = {
            "error": "insufficient_scope",
            "error_description": FORBIDDEN_SCOPE,
            "scope": " ".join([*extra, "api", "read_api"]),
        }
        raise Refused(403, body)


def level(project: Project, who: Caller) -> int:
    """The role of a caller in a project, 0 for none; a job of another project brings none unless it is let in."""
    if who.user is None or (who.job_project is not None and not _let_in(project, who.job_project)):
        return 0
    return project.members.get(who.user.id, 0)


def _let_in(project: Project, source: Project) -> bool:
    return source is project or source.id in project.allowlist


def visible(project: Project | None, who: Caller) -> Project:
    """The project, where the caller may know of it; lib/api/helpers.rb, find_project!.

    Raises:
        Refused: 404 for whom it is hidden, 403 for the job of another project.
    """
    if project is None:
        raise not_found("Project")
    outside = who.user is not None and not who.user.bot and who.job_project is None
    if level(project, who) or project.visibility == "public" or (project.visibility == "internal" and outside):
        return project
    if who.job_project is not None:
        route = f"from {who.job_project.name} to {project.name}"
        raise forbidden(f"Authentication by CI/CD job token not allowed {route}.")
    raise not_found("Project")


def allowed(project: Project, who: Caller, ability: str) -> bool:
    """Whether a role, or the public, may do something in a project that the caller can see."""
    role, public = ABILITIES[ability]
    closed = ability == "read_pipeline" and not project.settings["public_jobs"]
    if level(project, who) >= ROLES["reporter" if closed else role]:
        return True
    if project.visibility == "private" or closed:
        return False
    return public == "anyone" or (public == "signed in" and who.user is not None)


def may_update(project: Project, role: int, ref: str) -> bool:
    """Whether a role may push to a branch or merge into it; lib/gitlab/user_access.rb, can_update_branch?."""
    held = protection(project, ref)
    if held is None:
        return role >= ROLES["developer"]
    return any(needed and role >= needed for needed in (held.push, held.merge))


def protection(project: Project, ref: str) -> ProtectedBranch | None:
    """What protects a branch: its name, or a name with a * in it that matches."""
    for name, held in project.protected.items():
        if re.fullmatch(".*".join(re.escape(part) for part in name.split("*")), ref):
            return held
    return None
