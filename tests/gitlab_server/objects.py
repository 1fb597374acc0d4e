"""Users, commits, pipelines, jobs and merge requests as the API shows them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from forge.repository import Objects, git

from gitlab_server import access, mergeability
from gitlab_server.exchange import Request
from gitlab_server.state import ROLES, Job, MergeRequest, Note, Pipeline, Project, User


def user(request: Request, found: User) -> dict[str, Any]:
    """lib/api/entities/user_basic.rb."""
    called = request.state.names.get(found.id, found.username)
    return {
        "id": found.id,
        "username": called,
        "public_email": None,
        "name": called.replace("-", " ").title(),
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{request.server}/{called}",
    }


def note(request: Request, found: Note) -> dict[str, Any]:
    """lib/api/entities/note.rb."""
    change = request.project.merge_requests[found.merge_request]
    shown: dict[str, Any] = {
        "id": found.id,
        "type": found.type,
        "body": found.body,
        "author": user(request, found.author),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "system": found.system,
        "noteable_id": change.id,
        "noteable_type": "MergeRequest",
        "project_id": request.project.id,
        "resolvable": found.resolvable,
        "confidential": False,
        "internal": False,
        "imported": False,
        "imported_from": "none",
        "noteable_iid": change.iid,
        "commands_changes": {},
    }
    if found.resolvable:
        shown["resolved"] = found.resolved_by is not None
        shown["resolved_by"] = user(request, found.resolved_by) if found.resolved_by else None
        shown["resolved_at"] = found.resolved_at
    return shown


@lru_cache(maxsize=512)
def _parts(folder: str, sha: str) -> tuple[str, ...]:
    written = git_log(folder, sha, "%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B")
    return tuple(written.rstrip("\n").split("\0"))


def git_log(folder: str, sha: str, form: str) -> str:
    """What git's log says of one commit."""
    from pathlib import Path

    return git(Path(folder), "log", "-1", f"--format={form}", sha).decode()


def commit(request: Request, project: Project, sha: str) -> dict[str, Any]:
    """lib/api/entities/commit.rb."""
    parents, name, email, authored, committer, mail, committed, message = _parts(str(project.objects.folder), sha)
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": committed,
        "parent_ids": parents.split(),
        "title": message.split("\n", 1)[0],
        "message": message + "\n",
        "author_name": name,
        "author_email": email,
        "authored_date": authored,
        "committer_name": committer,
        "committer_email": mail,
        "committed_date": committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": request.pages(project, f"/-/commit/{sha}"),
    }


def changed_lines(objects: Objects, sha: str) -> dict[str, int]:
    """Lines that a commit adds and removes; lib/api/entities/commit_stats.rb."""
    added = removed = 0
    listed = git(objects.folder, "diff-tree", "--root", "-r", "--numstat", "--no-commit-id", sha).decode()
    for line in listed.splitlines():
        more, fewer = line.split("\t")[:2]
        added += int(more) if more.isdigit() else 0
        removed += int(fewer) if fewer.isdigit() else 0
    return {"additions": added, "deletions": removed, "total": added + removed}


def pipeline(request: Request, found: Pipeline) -> dict[str, Any]:
    """lib/api/entities/ci/pipeline_basic.rb."""
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": found.project.id,
        "sha": found.sha,
        "ref": found.ref,
        "status": mergeability.status_of(found),
        "source": found.source,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "web_url": request.pages(found.project, f"/-/pipelines/{found.id}"),
    }


def whole_pipeline(request: Request, found: Pipeline) -> dict[str, Any]:
    """lib/api/entities/ci/pipeline.rb."""
    started = [job.started_at for job in found.jobs if job.started_at]
    ended = [job.finished_at for job in found.jobs if job.finished_at]
    complete = mergeability.status_of(found) in mergeability.COMPLETE
    return pipeline(request, found) | {
        "before_sha": found.before_sha,
        "tag": found.tag,
        "yaml_errors": None,
        "user": user(request, found.user),
        "started_at": min(started, default=None),
        "finished_at": max(ended, default=None) if complete else None,
        "committed_at": None,
        "duration": None,
        "queued_duration": None,
        "coverage": None,
    }


def job(request: Request, found: Job) -> dict[str, Any]:
    """lib/api/entities/ci/job.rb; without artifacts_file where it has no archive, as an expired one has none."""
    made = found.pipeline
    artifacts = []
    if found.artifacts is not None and not found.expired:
        size = len(found.artifacts)
        artifacts.append({"file_type": "archive", "size": size, "filename": "artifacts.zip", "file_format": "zip"})
    if found.log is not None:
        artifacts.append({"file_type": "trace", "size": found.log, "filename": "job.log", "file_format": None})
    shown = {
        "id": found.id,
        "status": found.status,
        "stage": found.stage,
        "name": found.name,
        "ref": made.ref,
        "tag": made.tag,
        "coverage": found.coverage,
        "allow_failure": found.allow_failure,
        "created_at": found.created_at,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "erased_at": None,
        "duration": 1.0 if found.finished_at else None,
        "queued_duration": 0.1,
        "user": user(request, found.user),
        "commit": commit(request, made.project, made.sha),
        "pipeline": pipeline(request, made),
        "web_url": request.pages(made.project, f"/-/jobs/{found.id}"),
        "project": {"ci_job_token_scope_enabled": False},
        "artifacts": artifacts,
        "runner": None,
        "runner_manager": None,
        "artifacts_expire_at": found.expire_at,
        "archived": False,
        "tag_list": [],
    }
    if found.status == "failed":
        shown["failure_reason"] = "script_failure"
    if found.artifacts is not None and not found.expired:
        shown["artifacts_file"] = {"filename": "artifacts.zip", "size": len(found.artifacts)}
    return shown


def status(request: Request, found: Job) -> dict[str, Any]:
    """lib/api/entities/commit_status.rb."""
    return {
        "id": found.id,
        "sha": found.pipeline.sha,
        "ref": found.pipeline.ref,
        "status": found.status,
        "name": found.name,
        "target_url": found.target_url,
        "description": found.description,
        "created_at": found.created_at,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "allow_failure": found.allow_failure,
        "coverage": found.coverage,
        "pipeline_id": found.pipeline.id,
        "author": user(request, found.user),
    }


def merge_request(request: Request, found: MergeRequest) -> dict[str, Any]:
    """lib/api/entities/merge_request_basic.rb."""
    detailed = mergeability.detailed_status(request.state, found)
    conflicts = found.state == "opened" and mergeability.has_conflicts(found)
    merger = user(request, found.merged_by) if found.merged_by else None
    reference = f"!{found.iid}"
    shown = {
        "id": found.id,
        "iid": found.iid,
        "project_id": found.project.id,
        "title": found.title,
        "description": found.description,
        "state": found.state,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "merged_by": merger,
        "merge_user": merger,
        "merged_at": found.merged_at,
        "closed_by": None,
        "closed_at": None,
        "target_branch": found.target_branch,
        "source_branch": found.source_branch,
        "user_notes_count": sum(1 for each in found.project.notes.values() if each.merge_request == found.iid),
        "upvotes": 0,
        "downvotes": 0,
        "author": user(request, found.author),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": found.source.id,
        "target_project_id": found.project.id,
        "labels": [],
        "draft": found.is_draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": found.is_draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "cannot_be_merged" if conflicts else "can_be_merged",
        "detailed_merge_status": detailed,
        "merge_after": None,
        "sha": found.sha,
        "merge_commit_sha": found.merge_sha,
        "squash_commit_sha": found.squash_sha,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "prepared_at": found.created_at,
        "reference": reference,
        "references": {"short": reference, "relative": reference, "full": found.project.path + reference},
        "web_url": request.pages(found.project, f"/-/merge_requests/{found.iid}"),
        "time_stats": {
            "time_estimate": 0, "total_time_spent": 0, "human_time_estimate": None, "human_total_time_spent": None,
        },
        "squash": False,
        "squash_on_merge": False,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": conflicts,
        "blocking_discussions_resolved": mergeability.discussions_allow(found),
    }  # fmt: skip
    if found.is_fork:
        shown |= {"allow_collaboration": False, "allow_maintainer_to_push": False}
    return shown


def whole_merge_request(request: Request, found: MergeRequest) -> dict[str, Any]:
    """lib/api/entities/merge_request.rb."""
    head = mergeability.head_pipeline(request.state, found)
    changed = found.project.objects.differences(found.base_sha, found.sha)
    may_merge = access.may_update(found.project, request.level, found.target_branch)
    return merge_request(request, found) | {
        "subscribed": False,
        "changes_count": str(len(changed)),
        "latest_build_started_at": None,
        "latest_build_finished_at": None,
        "first_deployed_to_production_at": None,
        "pipeline": pipeline(request, head) if head else None,
        "head_pipeline": whole_pipeline(request, head) if head else None,
        "diff_refs": {"base_sha": found.base_sha, "head_sha": found.sha, "start_sha": found.start_sha},
        "merge_error": None,
        "first_contribution": False,
        "user": {"can_merge": may_merge},
    }


def role_name(level: int) -> str:
    """A role as protected branches show it; app/models/concerns/protected_ref_access.rb."""
    if level == 0:
        return "No one"
    names = {ROLES["developer"]: "Developers + Maintainers", ROLES["maintainer"]: "Maintainers"}
    return names.get(level, "Owners")
