"""Runs of workflows, and the artifacts they leave."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Mapping
from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request
from forge.routing import serves
from forge.shapes import shaped
from forge.state import Artifact, WorkflowRun


def _run(request: Request, found: WorkflowRun) -> dict[str, Any]:
    there = request.state.repositories.get(found.head_repository or "")
    return shaped(
        "workflow-run",
        request.base,
        id=found.id,
        name=found.name,
        path=found.path,
        event=found.event,
        head_branch=found.head_branch,
        head_sha=found.head_sha,
        run_number=found.number,
        run_attempt=found.attempt,
        status=found.status,
        conclusion=found.conclusion,
        created_at=found.created_at,
        updated_at=found.created_at,
        run_started_at=found.created_at,
        url=request.url(f"/actions/runs/{found.id}"),
        html_url=f"{request.server}/{request.name}/actions/runs/{found.id}",
        artifacts_url=request.url(f"/actions/runs/{found.id}/artifacts"),
        repository=objects.repository(request, request.repository, "minimal-repository"),
        # GitHub shows null where the fork is gone.
        head_repository=objects.repository(request, there, "minimal-repository") if there else None,
        head_repository_id=found.head_repository_id,
        # Empty for a run of a fork, by design of GitHub.
        pull_requests=[_mention(request, number) for number in found.pulls],
    )


def _mention(request: Request, number: int) -> dict[str, Any]:
    pull, name = request.repository.pulls[number], request.repository.name
    place = {"id": request.repository.id, "url": f"{request.base}/repos/{name}", "name": name.split("/")[1]}
    return {
        "id": 90_000 + number,
        "number": number,
        "url": request.url(f"/pulls/{number}"),
        "head": {"ref": pull.head_branch, "sha": pull.head_sha, "repo": place},
        "base": {"ref": pull.base_branch, "sha": pull.base_sha, "repo": place},
    }


def _artifact(request: Request, found: Artifact) -> dict[str, Any]:
    run = request.repository.runs[found.run]
    address = request.url(f"/actions/artifacts/{found.id}")
    return shaped(
        "artifact",
        request.base,
        id=found.id,
        node_id=f"A_{found.id}",
        name=found.name,
        size_in_bytes=len(found.content) if found.size is None else found.size,
        url=address,
        archive_download_url=f"{address}/zip",
        expired=found.expired,
        created_at=found.created_at,
        updated_at=found.created_at,
        expires_at="2026-12-31T00:00:00Z",
        digest=found.digest,
        workflow_run={
            "id": run.id,
            "repository_id": request.repository.id,
            "head_repository_id": run.head_repository_id,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        },
    )


def _newest_first(request: Request, found: list[Artifact]) -> Answer:
    name = request.query.get("name")
    kept = [each for each in reversed(found) if name is None or each.name == name]
    return request.listing([_artifact(request, each) for each in kept], "artifacts")


def _the_run(request: Request) -> WorkflowRun:
    return request.one_of(request.repository.runs, "run_id")


def _the_artifact(request: Request) -> Artifact:
    return request.one_of(request.repository.artifacts, "artifact_id")


@serves("GET", "/actions/artifacts")
def list_artifacts(request: Request) -> Answer:
    """Artifacts of all runs, expired ones among them, newest first."""
    return _newest_first(request, list(request.repository.artifacts.values()))


@serves("GET", "/actions/runs/{run_id}/artifacts")
def list_artifacts_of_run(request: Request) -> Answer:
    """Artifacts of one run."""
    run = _the_run(request)
    return _newest_first(request, [each for each in request.repository.artifacts.values() if each.run == run.id])


@serves("GET", "/actions/artifacts/{artifact_id}")
def show_artifact(request: Request) -> Answer:
    """One artifact."""
    return Answer(200, _artifact(request, _the_artifact(request)))


@serves("GET", "/actions/artifacts/{artifact_id}/{archive_format}")
def download(request: Request) -> Answer:
    """An address at the blob store that gives the bytes, once and to everybody who has it."""
    found = _the_artifact(request)
    if found.expired:
        raise Refused(410, "Artifact has expired")
    if request.values["archive_format"] != "zip":
        raise Refused(404, "Not Found")
    key = secrets.token_hex(16)
    request.state.blobs[key] = found.content
    return Answer(302, None, {"Location": f"{request.blobs}/{key}?sig=signed"})


@serves("GET", "/actions/runs/{run_id}")
def show_run(request: Request) -> Answer:
    """One run."""
    return Answer(200, _run(request, _the_run(request)))


@serves("GET", "/actions/runs")
def list_runs(request: Request) -> Answer:
    """Runs, newest first."""
    query = request.query
    found = list(reversed(request.repository.runs.values()))
    for name, attribute in (("branch", "head_branch"), ("event", "event"), ("head_sha", "head_sha")):
        if name in query:
            found = [each for each in found if getattr(each, attribute) == query[name]]
    if "status" in query:
        found = [each for each in found if query["status"] in (each.status, each.conclusion)]
    return request.listing([_run(request, each) for each in found], "workflow_runs")


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Members packed as GitHub packs an artifact."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()
