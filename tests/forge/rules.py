"""What a branch is protected by, as rulesets and as classic protection show it."""

from __future__ import annotations

from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request
from forge.routing import serves
from forge.shapes import shaped
from forge.state import Protection


def _rules(request: Request, protection: Protection) -> list[dict[str, Any]]:
    origin = {"ruleset_source_type": "Repository", "ruleset_source": request.name, "ruleset_id": 1}
    checks = [
        {"context": context} if app is None else {"context": context, "integration_id": app}
        for context, app in protection.contexts.items()
    ]
    found: list[dict[str, Any]] = []
    if checks:
        parameters = {
            "required_status_checks": checks,
            "strict_required_status_checks_policy": protection.strict,
            "do_not_enforce_on_create": False,
        }
        found.append({"type": "required_status_checks", "parameters": parameters})
    if protection.merge_queue:
        found.append({"type": "merge_queue", "parameters": _QUEUE})
    return [{**rule, **origin} for rule in [*found, *protection.rules]]


_QUEUE = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}


@serves("GET", "/rules/branches/{branch}")
def branch_rules(request: Request) -> Answer:
    """Active rules of rulesets that hold for a branch; classic protection is not among them."""
    protection = request.repository.protections.get(request.values["branch"])
    found = _rules(request, protection) if protection and protection.kind == "ruleset" else []
    return request.listing(found)


def _ruleset(request: Request, branch: str) -> dict[str, Any]:
    return shaped(
        "repository-ruleset",
        request.base,
        id=1,
        name=branch,
        target="branch",
        source_type="Repository",
        source=request.name,
        enforcement="active",
    )


@serves("GET", "/rulesets")
def list_rulesets(request: Request) -> Answer:
    """Rulesets of the repository."""
    found = [
        _ruleset(request, branch)
        for branch, protection in request.repository.protections.items()
        if protection.kind == "ruleset"
    ]
    return request.listing(found)


@serves("GET", "/rulesets/{ruleset_id}")
def show_ruleset(request: Request) -> Answer:
    """A ruleset; GitHub names those who may bypass it only to those who may change it, and here nobody may."""
    branch = next((name for name, held in request.repository.protections.items() if held.kind == "ruleset"), None)
    if branch is None or request.values["ruleset_id"] != "1":
        raise Refused(404, "Not Found")
    shown = _ruleset(request, branch)
    shown.pop("bypass_actors", None)
    return Answer(200, shown)


@serves("GET", "/environments")
def list_environments(request: Request) -> Answer:
    """The environments of the repository, with what protects each."""
    found = [
        shaped("environment", request.base, id=number, name=name, **protection)
        for number, (name, protection) in enumerate(request.repository.environments.items(), 1)
    ]
    # GitHub tells it, and its description does not.
    shown = [{"can_admins_bypass": True, **each} for each in found]
    return request.listing(shown, "environments")


@serves("GET", "/actions/permissions/workflow")
def show_default_permissions(request: Request) -> Answer:
    """What a job may do that declares nothing."""
    return Answer(200, {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False})


def _required(request: Request, branch: str, protection: Protection) -> dict[str, Any]:
    below = request.url(f"/branches/{branch}/protection/required_status_checks")
    return {
        "url": below,
        "contexts_url": f"{below}/contexts",
        "strict": protection.strict,
        "enforcement_level": "non_admins",
        "contexts": list(protection.contexts),
        "checks": [{"context": context, "app_id": app} for context, app in protection.contexts.items()],
    }


@serves("GET", "/branches/{branch}")
def show_branch(request: Request) -> Answer:
    """A branch, with the names of the checks that classic protection requires."""
    name = request.values["branch"]
    tip = request.repository.tip(name)
    if tip is None:
        raise Refused(404, "Branch not found")
    held = request.repository.protections.get(name)
    classic = held if held and held.kind == "classic" else None
    address = request.url(f"/branches/{name}")
    protection: dict[str, Any] = {"enabled": classic is not None}
    if classic:
        required = _required(request, name, classic)
        protection["required_status_checks"] = required
    else:
        protection["required_status_checks"] = {"enforcement_level": "off", "contexts": [], "checks": []}
    shown = shaped(
        "branch-with-protection",
        request.base,
        name=name,
        commit=objects.commit(request, tip),
        protected=held is not None,
        protection=protection,
        protection_url=f"{address}/protection",
    )
    shown["_links"] = {"html": f"{request.server}/{request.name}/tree/{name}", "self": address}
    return Answer(200, shown)


@serves("GET", "/branches/{branch}/protection")
def show_protection(request: Request) -> Answer:
    """Classic protection of a branch, for those who administer the repository."""
    name = request.values["branch"]
    held = request.repository.protections.get(name)
    if held is None or held.kind != "classic":
        raise Refused(404, "Branch not protected")
    required = _required(request, name, held)
    required.pop("enforcement_level")
    shown = shaped(
        "branch-protection",
        request.base,
        url=request.url(f"/branches/{name}/protection"),
        required_status_checks=required,
        enforce_admins={"url": request.url(f"/branches/{name}/protection/enforce_admins"), "enabled": True},
    )
    return Answer(200, shown)
