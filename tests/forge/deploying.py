"""Deployments and what is said of them."""

from __future__ import annotations

from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request, invalid
from forge.routing import serves
from forge.shapes import shaped
from forge.state import Deployment

LONGEST_DESCRIPTION = 140


def entity(request: Request, found: Deployment) -> dict[str, Any]:
    """A deployment as the API shows it."""
    at = request.url(f"/deployments/{found.id}")
    return shaped(
        "deployment", request.base, id=found.id, sha=found.sha, url=at, statuses_url=f"{at}/statuses",
        creator=objects.user(request, found.account), created_at=found.created_at, updated_at=found.created_at,
        repository_url=request.url(), node_id=f"DE_{found.id}",
        **{name: found.fields[name] for name in ("ref", "task", "payload", "environment", "description",
                                                 "transient_environment", "production_environment")},
    )  # fmt: skip


def status_of(request: Request, found: Deployment, status: dict[str, Any]) -> dict[str, Any]:
    """A status as the API shows it."""
    at = request.url(f"/deployments/{found.id}")
    return shaped(
        "deployment-status", request.base, id=status["id"], state=status["state"], description=status["description"],
        url=f"{at}/statuses/{status['id']}", deployment_url=at, repository_url=request.url(),
        log_url=status["log_url"], target_url=status["log_url"], environment_url=status["environment_url"],
        environment=found.fields["environment"], creator=objects.user(request, found.account),
        created_at=status["created_at"], updated_at=status["created_at"], node_id=f"DES_{status['id']}",
    )  # fmt: skip


@serves("GET", "/deployments")
def list_deployments(request: Request) -> Answer:
    """Deployments, newest first."""
    found = list(reversed(request.repository.deployments.values()))
    for name in ("environment", "task", "ref"):
        wanted = request.query.get(name, "none")
        found = [each for each in found if wanted == "none" or each.fields[name] == wanted]
    return request.listing([entity(request, each) for each in found])


@serves("POST", "/deployments")
def create_deployment(request: Request) -> Answer:
    """Create a deployment: 409 where a status is not what is asked for."""
    sent, token = request.body, request.author
    sha = request.repository.objects.resolve(sent["ref"])
    if sha is None:
        raise Refused(422, f"No ref found for: {sent['ref']}")
    if sent.get("auto_merge", True):
        raise Refused(409, "Conflict merging the default branch into what is deployed")
    # Without a list every status that there is has to be green.
    states = {each.context: each.state for each in request.repository.statuses if each.sha == sha}
    bad = [
        each for each, state in states.items() if state != "success" and each in sent.get("required_contexts", states)
    ]
    if bad:
        raise Refused(409, f"Conflict: Commit status checks failed for {', '.join(bad)}")
    if len(sent.get("description") or "") > LONGEST_DESCRIPTION:
        raise invalid("Deployment", "description", "description is too long (maximum is 140 characters)")
    environment = sent.get("environment", "production")
    fields = {
        "ref": sent["ref"], "task": sent.get("task", "deploy"), "payload": sent.get("payload", {}),
        "environment": environment, "description": sent.get("description"),
        "transient_environment": sent.get("transient_environment", False),
        "production_environment": sent.get("production_environment", environment == "production"),
    }  # fmt: skip
    made = Deployment(request.state.next_id(), sha, fields, token.account, request.state.now())
    request.repository.deployments[made.id] = made
    return Answer(201, entity(request, made))


@serves("GET", "/deployments/{deployment_id}/statuses")
def list_statuses(request: Request) -> Answer:
    """What was said of a deployment, newest first."""
    found = request.one_of(request.repository.deployments, "deployment_id")
    return request.listing([status_of(request, found, each) for each in reversed(found.statuses)])


@serves("POST", "/deployments/{deployment_id}/statuses")
def add_status(request: Request) -> Answer:
    """Say how a deployment stands; success makes earlier ones inactive, unless they are of production."""
    found, sent = request.one_of(request.repository.deployments, "deployment_id"), request.body
    if len(sent.get("description", "")) > LONGEST_DESCRIPTION:
        raise invalid("DeploymentStatus", "description", "description is too long (maximum is 140 characters)")
    status = _said(request, found, sent["state"], sent)
    if sent["state"] == "success" and sent.get("auto_inactive", True):
        for other in request.repository.deployments.values():
            same = other.fields["environment"] == found.fields["environment"] and other.id < found.id
            standing = other.statuses and other.statuses[-1]["state"] == "success"
            if same and standing and not other.fields["production_environment"]:
                _said(request, other, "inactive", {})
    return Answer(201, status_of(request, found, status))


def _said(request: Request, found: Deployment, state: str, sent: dict[str, Any]) -> dict[str, Any]:
    status = {
        "id": request.state.next_id(), "state": state, "description": sent.get("description", ""),
        "log_url": sent.get("log_url", ""), "environment_url": sent.get("environment_url", ""),
        "created_at": request.state.now(),
    }  # fmt: skip
    found.statuses.append(status)
    return status
