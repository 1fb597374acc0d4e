"""Deployments: of jobs, and recorded through the API.

From lib/api/deployments.rb, ee/lib/ee/api/deployments.rb, lib/api/environments.rb and app/models/deployment.rb.
"""

from __future__ import annotations

import re
from typing import Any

from forge.exchange import Answer

from gitlab_server import objects
from gitlab_server.exchange import Refused, Request, forbidden, shown
from gitlab_server.routing import PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import DEPLOYMENT, NUMBER, every, having
from gitlab_server.state import Deployment

READ = Access("read_deployment", signed_in=True, job_token=True)
WRITE = Access("create_deployment", signed_in=True, job_token=True)
STATES = ("created", "running", "success", "failed", "canceled", "skipped", "blocked")
WRITTEN = one_of("running", "success", "failed", "canceled")
ONE = "/deployments/{deployment_id}"
# app/models/deployment.rb: what may become what.
FROM = {"running": {"created"}, **{state: set(STATES) - {state} for state in ("success", "failed", "canceled")}}
NAME = re.compile(r"[a-zA-Z0-9_/\\$\{\}. -]{1,255}")


def entity(request: Request, found: Deployment, *, extended: bool) -> dict[str, Any]:
    """lib/api/entities/deployment.rb, and deployment_extended.rb."""
    number, address = request.project.environments[found.environment]
    shape: dict[str, Any] = {
        "id": found.id,
        "iid": found.iid,
        "ref": found.ref,
        "sha": found.sha,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "user": objects.user(request, found.user),
        "environment": {"id": number, "name": found.environment, "slug": "slug", "external_url": address},
        "deployable": objects.job(request, found.job) if found.job else None,
        "status": found.status,
    }
    if extended:
        shape["pending_approval_count"] = 0
        shape["approvals"] = [
            {"user": objects.user(request, who), "status": status, "created_at": at, "comment": ""}
            for who, status, at in found.approvals
        ]
    return shape


@serves(
    "GET", "/deployments", "lib/api/deployments.rb", READ, shape=every(DEPLOYMENT),
    query={**PAGES, "order_by": one_of("id", "iid", "created_at", "updated_at", "ref"), "sort": one_of("asc", "desc"),
           "environment": TEXT, "status": one_of(*STATES)},
)  # fmt: skip
def list_deployments(request: Request) -> Answer:
    """Deployments, oldest first unless told otherwise; without approvals."""
    asked = request.params
    found = list(request.project.deployments.values())
    for name in ("environment", "status"):
        found = [each for each in found if asked.get(name, getattr(each, name)) == getattr(each, name)]
    order = asked.get("order_by", "id")
    found.sort(key=lambda each: (getattr(each, order), each.id), reverse=asked.get("sort", "asc") == "desc")
    return request.listing([entity(request, each, extended=False) for each in found])


@serves("GET", ONE, "lib/api/deployments.rb", READ, shape=DEPLOYMENT)
def show_deployment(request: Request) -> Answer:
    """One deployment, with its approvals."""
    return shown(entity(request, request.one_of(request.project.deployments, "deployment_id"), extended=True))


@serves(
    "POST", "/deployments", "lib/api/deployments.rb", WRITE, shape=DEPLOYMENT,
    body={"environment": TEXT, "sha": TEXT, "ref": TEXT, "tag": YES, "status": WRITTEN},
    required=("environment", "sha", "ref", "tag", "status"),
)  # fmt: skip
def create_deployment(request: Request) -> Answer:
    """Record a deployment; its environment is made where there is none."""
    asked, project = request.params, request.project
    if asked["environment"] in project.extras.get("protected_environments", ()):
        raise forbidden()
    if not NAME.fullmatch(asked["environment"]):
        raise Refused(400, {"message": {"name": ["can contain only letters, digits, '-', '_', '/', '$', '{', '}'"]}})
    project.environments.setdefault(asked["environment"], (request.state.next_id(), None))
    now, held = request.state.now(), project.deployments
    made = Deployment(
        request.state.next_id(), len(held) + 1, asked["environment"], asked["ref"], asked["sha"], request.author,
        asked["status"], now, now, asked["tag"],
    )  # fmt: skip
    held[made.id] = made
    return shown(entity(request, made, extended=True), 201)


@serves("PUT", ONE, "lib/api/deployments.rb", WRITE, shape=DEPLOYMENT, body={"status": WRITTEN}, required=("status",))
def update_deployment(request: Request) -> Answer:
    """Move a deployment on, where it may."""
    found, status = request.one_of(request.project.deployments, "deployment_id"), request.params["status"]
    if found.job is not None:
        raise forbidden("Deployments created using GitLab CI can not be updated using the API")
    if found.status not in FROM[status]:
        words = f'cannot transition via "{status}"'
        raise Refused(400, {"message": {"status": [words]}})
    found.status, found.updated_at = status, request.state.now()
    return shown(entity(request, found, extended=True))


@serves(
    "PUT", "/environments/{environment_id}", "lib/api/environments.rb", WRITE, body={"external_url": TEXT},
    shape=having(id=NUMBER, name=TEXT),
)  # fmt: skip
def update_environment(request: Request) -> Answer:
    """Where an environment can be visited."""
    held = request.project.environments
    name = request.one_of({number: name for name, (number, _) in held.items()}, "environment_id")
    address = request.params["external_url"]
    if not re.match(r"https?://", address):
        raise Refused(400, {"message": {"external_url": ["is blocked: Only allowed schemes are http, https"]}})
    held[name] = (held[name][0], address)
    return shown({"id": held[name][0], "name": name, "slug": "slug", "external_url": address, "state": "available"})
