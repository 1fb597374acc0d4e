"""Commit statuses: jobs of a stage "external" that count in a pipeline.

From lib/api/commit_statuses.rb, app/services/ci/create_commit_status_service.rb, app/services/ci/pipelines/
add_job_service.rb and the states of app/models/commit_status.rb.
"""

from __future__ import annotations

from forge.exchange import Answer

from gitlab_server import access, objects
from gitlab_server.exchange import Refused, Request, forbidden, not_found, shown
from gitlab_server.routing import NUMBER, PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import STATUS, every
from gitlab_server.state import Job, Pipeline

LONGEST = 255
OPEN = frozenset({"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running"})
# What each state does to a status, from which states it may, and the state it leads to.
EVENTS = {
    "pending": ("enqueue", {"created", "skipped", "manual", "scheduled"}),
    "running": ("run", {"pending"}),
    "success": ("success", OPEN),
    "failed": ("drop", OPEN | {"manual", "scheduled"}),
    "canceled": ("cancel", OPEN | {"manual", "scheduled"}),
    "skipped": ("skip", {"created", "waiting_for_resource", "preparing", "pending"}),
}


@serves(
    "GET", "/repository/commits/{sha}/statuses", "lib/api/commit_statuses.rb",
    Access("read_commit_status", signed_in=True), shape=every(STATUS),
    query={**PAGES, "ref": TEXT, "stage": TEXT, "name": TEXT, "pipeline_id": NUMBER, "all": YES,
           "order_by": one_of("id", "pipeline_id"), "sort": one_of("asc", "desc")},
)  # fmt: skip
def list_statuses(request: Request) -> Answer:
    """Statuses and jobs of the pipelines of exactly this sha, oldest first; the latest of each name unless all."""
    project, asked = request.project, request.params
    if project.objects.resolve(request.values["sha"]) is None:
        raise not_found("Commit")
    found = [job for job in project.jobs() if job.pipeline.sha == request.values["sha"]]
    if "pipeline_id" in asked:
        found = [job for job in found if job.pipeline.id == asked["pipeline_id"]]
    if not asked.get("all", False):
        found = [job for job in found if not job.retried]
    for name in ("ref", "stage", "name"):
        if asked.get(name):
            found = [job for job in found if (job.pipeline.ref if name == "ref" else getattr(job, name)) == asked[name]]
    by_pipeline = asked.get("order_by") == "pipeline_id"
    found.sort(key=lambda job: job.pipeline.id if by_pipeline else job.id, reverse=asked.get("sort") == "desc")
    return request.listing([objects.status(request, each) for each in found])


@serves(
    "POST", "/statuses/{sha}", "lib/api/commit_statuses.rb", Access("create_commit_status", signed_in=True),
    body={"state": one_of(*EVENTS), "ref": TEXT, "name": TEXT, "context": TEXT, "target_url": TEXT,
          "description": TEXT, "coverage": {"type": "number"}, "pipeline_id": NUMBER},
    required=("state",), shape=STATUS,
)  # fmt: skip
def set_status(request: Request) -> Answer:
    """Add a status, or move on the one of that name that is still open."""
    sha = request.project.objects.resolve(request.values["sha"])
    if sha is None:
        raise not_found("Commit")
    pipeline = _matching(request, sha)
    if pipeline is None:
        ref = request.params.get("ref") or next(iter(sorted(request.project.objects.branches(containing=sha))), None)
        if ref is None:
            raise not_found("References for commit")
        if "pipeline_id" in request.params:
            raise not_found("Pipeline for pipeline_id, sha and ref")
        pipeline = _external(request, sha, ref)
    if not access.may_update(request.project, request.level, pipeline.ref):
        raise forbidden()
    return shown(objects.status(request, _moved(request, pipeline)), 201)


def _matching(request: Request, sha: str) -> Pipeline | None:
    """The newest pipeline of exactly this sha, of that ref and number where they are given."""
    asked = request.params
    for each in reversed(list(request.project.pipelines.values())):
        if each.sha == sha and asked.get("ref", each.ref) == each.ref and asked.get("pipeline_id", each.id) == each.id:
            return each
    return None


def _external(request: Request, sha: str, ref: str) -> Pipeline:
    now, held = request.state.now(), request.project.pipelines
    made = Pipeline(
        request.state.next_id(), len(held) + 1, request.project, ref, sha, "external", request.author, now, now
    )
    held[made.id] = made
    return made


def _moved(request: Request, pipeline: Pipeline) -> Job:
    asked, state = request.params, request.params["state"]
    name = asked.get("name") or asked.get("context") or "default"
    found = _open_one(request, pipeline, name)
    job = found or Job(
        request.state.next_id(), pipeline, name, "external", "created", request.author, request.state.now(),
        external=True,
    )  # fmt: skip
    given = {key: asked[key] for key in ("target_url", "description", "coverage") if asked.get(key) is not None}
    _valid(given)
    status = job.status
    if state == "running" and status in EVENTS["pending"][1]:
        status = "pending"
    event, possible = EVENTS[state]
    if status not in possible:
        # Nothing of the request is kept then.
        words = f'Status cannot transition via "{event}"'
        raise Refused(400, {"message": f"Cannot transition status via :{event} from :{status} (Reason(s): {words})"})
    for key, value in given.items():
        setattr(job, key, value)
    _enter(request, job, state)
    if found is None:
        pipeline.jobs.append(job)
    for other in pipeline.jobs:
        # Whatever has that name, a job of the pipeline too, is of the past.
        if other is not job and other.name == name:
            other.retried = True
    pipeline.updated_at = request.state.now()
    return job


def _open_one(request: Request, pipeline: Pipeline, name: str) -> Job | None:
    return next(
        (
            job
            for job in pipeline.jobs
            if job.external and job.name == name and job.user == request.user and job.status in ("pending", "running")
        ),
        None,
    )


def _valid(given: dict[str, object]) -> None:
    long = [key for key in ("target_url", "description") if len(str(given.get(key, ""))) > LONGEST]
    if long:
        raise Refused(400, {"message": {key: [f"is too long (maximum is {LONGEST} characters)"] for key in long}})
    if "target_url" in given and not str(given["target_url"]).startswith(("http://", "https://")):
        raise Refused(400, {"message": {"target_url": ["is blocked: Only allowed schemes are http, https"]}})


def _enter(request: Request, job: Job, state: str) -> None:
    job.status = state
    if state == "running":
        job.started_at = request.state.now()
    elif state in ("success", "failed", "canceled"):
        job.finished_at = request.state.now()
