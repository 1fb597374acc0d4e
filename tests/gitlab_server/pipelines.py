"""Pipelines, their jobs, and the archives that jobs leave."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from forge.exchange import Answer

from gitlab_server import mergeability, objects
from gitlab_server.exchange import Request, not_found, shown
from gitlab_server.routing import PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import JOB, PIPELINE, STATES, every
from gitlab_server.state import Job, Pipeline

# lib/api/ci/pipelines.rb before 19.x: a job's token is not looked at.
READ = Access("read_pipeline")
SOURCES = ("push", "web", "trigger", "schedule", "api", "external", "pipeline", "chat", "merge_request_event",
           "external_pull_request_event", "parent_pipeline", "security_orchestration_policy")  # fmt: skip
SCOPES = {"type": "array", "items": STATES}


@serves(
    "GET", "/pipelines", "lib/api/ci/pipelines.rb", READ, shape=every(PIPELINE),
    query={**PAGES, "ref": TEXT, "sha": TEXT, "status": STATES, "source": one_of(*SOURCES), "username": TEXT,
           "scope": one_of("running", "pending", "finished", "branches", "tags"),
           "order_by": one_of("id", "status", "ref", "updated_at", "user_id"), "sort": one_of("asc", "desc")},
)  # fmt: skip
def list_pipelines(request: Request) -> Answer:
    """Pipelines, newest first unless told otherwise; a ref is meant exactly."""
    asked = request.params
    found = [each for each in request.project.pipelines.values() if _wanted(each, asked)]
    order = asked.get("order_by", "id")
    keys = {"user_id": lambda each: each.user.id, "status": mergeability.status_of}
    found.sort(key=keys.get(order, lambda each: getattr(each, order)), reverse=asked.get("sort", "desc") == "desc")
    return request.listing([objects.pipeline(request, each) for each in found])


def _wanted(found: Pipeline, asked: Mapping[str, Any]) -> bool:
    status = mergeability.status_of(found)
    facts = {
        "ref": found.ref, "sha": found.sha, "status": status, "source": found.source, "username": found.user.username,
    }  # fmt: skip
    scope: dict[str | None, bool] = {
        None: True, "running": status == "running", "pending": status == "pending",
        "finished": status in ("success", "failed", "canceled"), "branches": not found.tag, "tags": found.tag,
    }  # fmt: skip
    return scope[asked.get("scope")] and all(asked.get(name, fact) == fact for name, fact in facts.items())


def _the_pipeline(request: Request) -> Pipeline:
    return request.one_of(request.project.pipelines, "pipeline_id")


@serves("GET", "/pipelines/{pipeline_id}", "lib/api/ci/pipelines.rb", READ, shape=PIPELINE)
def show_pipeline(request: Request) -> Answer:
    """One pipeline."""
    return shown(objects.whole_pipeline(request, _the_pipeline(request)))


@serves(
    "GET", "/pipelines/{pipeline_id}/jobs", "lib/api/ci/pipelines.rb and app/finders/ci/jobs_finder.rb", READ,
    query={**PAGES, "include_retried": YES, "scope": SCOPES}, shape=every(JOB),
)  # fmt: skip
def list_jobs(request: Request) -> Answer:
    """Jobs of a pipeline, newest first; no commit statuses, and of retried jobs the last try."""
    found = [job for job in reversed(_the_pipeline(request).jobs) if not job.external]
    if not request.params.get("include_retried", False):
        found = [job for job in found if not job.retried]
    if "scope" in request.params:
        found = [job for job in found if job.status in request.params["scope"]]
    return request.listing([objects.job(request, job) for job in found])


def _the_job(request: Request) -> Job:
    return request.one_of({job.id: job for job in request.project.jobs() if not job.external}, "job_id")


@serves("GET", "/jobs/{job_id}", "lib/api/ci/jobs.rb", Access("read_pipeline", signed_in=True), shape=JOB)
def show_job(request: Request) -> Answer:
    """One job."""
    return shown(objects.job(request, _the_job(request)))


@serves("GET", "//job", "lib/api/ci/jobs.rb", Access("", signed_in=True, job_token=True), shape=JOB)
def own_job(request: Request) -> Answer:
    """The job whose token is sent."""
    held = request.state.job(request.token.job) if request.token and request.token.kind == "job" else None
    if held is None:
        raise not_found("Job")
    return shown(objects.job(request, held))


@serves(
    "GET", "/jobs/{job_id}/artifacts", "lib/api/ci/job_artifacts.rb, ee/lib/ee/api/ci/job_artifacts.rb",
    Access("read_pipeline", job_token=True),
)  # fmt: skip
def download(request: Request) -> Answer:
    """A job's archive: from here, or from an address at the object store that everybody may use who has it.

    With a job's token it takes a paid plan; without one the project is said not to be there.
    """
    if request.token is not None and request.token.kind == "job" and not request.project.premium:
        raise not_found("Project")
    found = _the_job(request)
    if found.artifacts is None or found.expired:
        raise not_found()
    if not request.blobs:
        headers = {"Content-Disposition": 'attachment; filename="artifacts.zip"'}
        return Answer(200, found.artifacts, headers, media="application/octet-stream")
    key = f"artifacts/{secrets.token_hex(16)}/artifacts.zip"
    request.state.blobs[key] = found.artifacts
    where = f"{request.blobs}/{key}?X-Amz-Signature={secrets.token_hex(8)}"
    return Answer(302, b"This resource has been moved temporarily.", {"Location": where}, media="text/plain")
