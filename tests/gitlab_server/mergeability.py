"""What a pipeline comes to, which one a merge request goes by, and whether it may be merged."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gitlab_server.state import Job, MergeRequest, Note, Pipeline, Project, State

COMPLETE = frozenset({"success", "failed", "canceled", "skipped"})


def status_of(pipeline: Pipeline) -> str:
    """The status of a pipeline, of its latest jobs and statuses; lib/gitlab/ci/status/composite.rb."""
    if pipeline.fixed is not None:
        return pipeline.fixed
    latest = [_counted(job) for job in pipeline.jobs if not job.retried]
    return composite(latest) if latest else "created"


def _counted(job: Job) -> str:
    if job.allow_failure and job.status in ("failed", "canceled"):
        return "success_with_warnings"
    return "ignored" if job.allow_failure and job.status == "manual" else job.status


# The first of these whose words are all there is decides.
_ONLY: tuple[tuple[str, Collection[str]], ...] = (
    ("skipped", {"skipped", "ignored"}),
    ("success", {"success", "skipped", "success_with_warnings", "ignored"}),
    ("created", {"created", "success_with_warnings", "ignored"}),
    ("preparing", {"preparing", "success_with_warnings", "ignored"}),
    ("canceled", {"canceled", "success", "skipped", "success_with_warnings", "ignored"}),
    ("pending", {"pending", "created", "skipped", "success_with_warnings", "ignored"}),
)
# Else the first of these that is there at all.
_ANY = (
    ("canceling", "canceling"), ("running", "running"), ("pending", "running"),
    ("waiting_for_resource", "waiting_for_resource"), ("manual", "manual"), ("scheduled", "scheduled"),
    ("preparing", "preparing"), ("created", "running"),
)  # fmt: skip


def composite(statuses: Iterable[str]) -> str:
    """What statuses of jobs come to."""
    held = set(statuses)
    for word, only in _ONLY:
        if held <= set(only):
            return word
    for present, word in _ANY:
        if present in held:
            return word
    return "failed"


def pipelines_of(state: State, change: MergeRequest) -> list[Pipeline]:
    """Pipelines of a merge request, those that were started for it before those of its branch, each newest first.

    app/finders/ci/pipelines_for_merge_request_finder.rb: of its branch those count whose commit is one of the change's.
    """
    commits = set(change.project.objects.between(change.base_sha, change.sha)) | {change.sha}
    found = []
    for project in state.projects.values():
        for pipeline in project.pipelines.values():
            own = pipeline.merge_request is change
            branch = project is change.source and not pipeline.merge_request and not pipeline.tag
            if own or (branch and pipeline.ref == change.source_branch and pipeline.sha in commits):
                found.append(pipeline)
    return sorted(found, key=lambda each: (each.merge_request is None, -each.id))


def head_pipeline(state: State, change: MergeRequest) -> Pipeline | None:
    """The pipeline that decides: the first whose commit, or whose source commit, is the head.

    app/models/merge_request.rb, find_diff_head_pipeline.
    """
    return next((each for each in pipelines_of(state, change) if change.sha in (each.sha, each.source_sha)), None)


def unresolved(project: Project, change: MergeRequest) -> list[Note]:
    """Notes of threads that are open."""
    return [
        note
        for note in project.notes.values()
        if note.merge_request == change.iid and note.resolvable and note.resolved_by is None
    ]


def discussions_allow(change: MergeRequest) -> bool:
    """Whether open threads hold nothing up: there are none, or the project does not mind."""
    minds = change.project.settings["only_allow_merge_if_all_discussions_are_resolved"]
    return not minds or not unresolved(change.project, change)


def has_conflicts(change: MergeRequest) -> bool:
    """Whether the branches cannot be merged."""
    target = change.project.tip(change.target_branch)
    return target is None or not change.project.objects.mergeable(target, change.sha)


def detailed_status(state: State, change: MergeRequest) -> str:
    """Why a merge request cannot be merged, or "mergeable".

    The order is that of mergeable_state_checks in app/models/merge_request.rb, with the pipeline last, as in
    app/services/merge_requests/mergeability/detailed_merge_status_service.rb.
    """
    if change.state != "opened":
        return "not_open"
    if change.is_draft:
        return "draft_status"
    if not change.project.objects.between(change.base_sha, change.sha):
        return "commits_status"
    if not discussions_allow(change):
        return "discussions_not_resolved"
    if has_conflicts(change):
        return "conflict"
    return _pipeline_status(state, change)


def _pipeline_status(state: State, change: MergeRequest) -> str:
    """app/services/merge_requests/mergeability/check_ci_status_service.rb."""
    settings = change.project.settings
    if not settings["only_allow_merge_if_pipeline_succeeds"]:
        return "mergeable"
    head = head_pipeline(state, change)
    status = status_of(head) if head else None
    if status == "success" or (status == "skipped" and settings["allow_merge_on_skipped_pipeline"]):
        return "mergeable"
    return "ci_still_running" if status is not None and status not in COMPLETE else "ci_must_pass"
