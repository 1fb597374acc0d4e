"""The variables that GitLab gives a job.

From https://docs.gitlab.com/ci/variables/predefined_variables/ and lib/gitlab/ci/variables/builder/pipeline.rb.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from gitlab_server import access
from gitlab_server.server import API
from gitlab_server.state import Job, MergeRequest, Pipeline, Project

ZERO = "0" * 40
VERSION = ("18", "5", "0")


def variables(server: str, job: Job, token: str, folder: str) -> dict[str, str]:
    """All of them for one job.

    Args:
        server: address of the pages.
        token: of the job.
        folder: where the project is checked out.
    """
    pipeline = job.pipeline
    found = {
        "CI": "true",
        "GITLAB_CI": "true",
        **_server(server),
        **_project(server, pipeline.project, token),
        "CI_PROJECT_DIR": folder,
        "CI_PIPELINE_ID": str(pipeline.id),
        "CI_PIPELINE_IID": str(pipeline.iid),
        "CI_PIPELINE_URL": f"{server}/{pipeline.project.path}/-/pipelines/{pipeline.id}",
        "CI_PIPELINE_SOURCE": pipeline.source,
        "CI_JOB_ID": str(job.id),
        "CI_JOB_NAME": job.name,
        "CI_JOB_STAGE": job.stage,
        "CI_JOB_URL": f"{server}/{pipeline.project.path}/-/jobs/{job.id}",
        "CI_JOB_TOKEN": token,
        "CI_JOB_STATUS": "running",
        "CI_NODE_TOTAL": str(job.parallel),
        "GITLAB_USER_ID": str(job.user.id),
        "GITLAB_USER_LOGIN": job.user.username,
        **_commit(pipeline),
    }
    if pipeline.merge_request is not None:
        found |= _merge_request(server, pipeline, pipeline.merge_request)
    else:
        changes = pipeline.project.merge_requests.values()
        opened = [each for each in changes if each.state == "opened" and each.source is pipeline.project]
        named = [f"{pipeline.project.path}!{each.iid}" for each in opened if each.source_branch == pipeline.ref]
        if named:
            found["CI_OPEN_MERGE_REQUESTS"] = ",".join(named[:4])
    return found


def _server(server: str) -> dict[str, str]:
    parts = urlsplit(server)
    major, minor, patch = VERSION
    return {
        "CI_SERVER": "yes",
        "CI_SERVER_NAME": "GitLab",
        "CI_SERVER_URL": server,
        "CI_SERVER_HOST": parts.hostname or "",
        "CI_SERVER_PORT": str(parts.port),
        "CI_SERVER_PROTOCOL": parts.scheme,
        "CI_SERVER_FQDN": parts.netloc,
        "CI_SERVER_VERSION": f"{major}.{minor}.{patch}",
        "CI_SERVER_VERSION_MAJOR": major,
        "CI_SERVER_VERSION_MINOR": minor,
        "CI_SERVER_VERSION_PATCH": patch,
        "CI_API_V4_URL": server + API,
    }


def _project(server: str, project: Project, token: str) -> dict[str, str]:
    parts = urlsplit(server)
    return {
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_NAME": project.name,
        "CI_PROJECT_NAMESPACE": project.namespace,
        "CI_PROJECT_PATH": project.path,
        "CI_PROJECT_URL": f"{server}/{project.path}",
        "CI_PROJECT_VISIBILITY": project.visibility,
        "CI_DEFAULT_BRANCH": project.default_branch,
        "CI_CONFIG_PATH": project.settings["ci_config_path"] or ".gitlab-ci.yml",
        "CI_REPOSITORY_URL": f"{parts.scheme}://gitlab-ci-token:{token}@{parts.netloc}{parts.path}/{project.path}.git",
    }


def _commit(pipeline: Pipeline) -> dict[str, str]:
    """Of the commit: CI_COMMIT_BRANCH only in pipelines of a branch, CI_COMMIT_TAG only in those of a tag."""
    change = pipeline.merge_request
    ref = change.source_branch if change else pipeline.ref
    message = pipeline.project.objects.message(pipeline.sha)
    held = access.protection(pipeline.project, pipeline.ref)
    found = {
        "CI_COMMIT_SHA": pipeline.sha,
        "CI_COMMIT_SHORT_SHA": pipeline.sha[:8],
        "CI_COMMIT_BEFORE_SHA": pipeline.before_sha,
        "CI_COMMIT_REF_NAME": ref,
        "CI_COMMIT_REF_PROTECTED": str(held is not None).lower(),
        "CI_COMMIT_MESSAGE": message,
        "CI_COMMIT_TITLE": message.split("\n", 1)[0],
    }
    if change is None:
        found["CI_COMMIT_TAG" if pipeline.tag else "CI_COMMIT_BRANCH"] = pipeline.ref
    return found


def _merge_request(server: str, pipeline: Pipeline, change: MergeRequest) -> dict[str, str]:
    """Of the merge request; the heads of both branches are empty where the pipeline runs on no merge commit."""
    found = {
        "ID": str(change.id),
        "IID": str(change.iid),
        "TITLE": change.title,
        "DESCRIPTION": change.description,
        "DRAFT": str(change.is_draft).lower(),
        "EVENT_TYPE": pipeline.event or "",
        "REF_PATH": f"refs/merge-requests/{change.iid}/head",
        "DIFF_ID": str(change.id + 100_000),
        "DIFF_BASE_SHA": change.base_sha,
        "SOURCE_BRANCH_SHA": pipeline.source_sha or "",
        "TARGET_BRANCH_SHA": pipeline.target_sha or "",
    }
    for prefix, project in {"": change.project, "SOURCE_": change.source}.items():
        found[f"{prefix}PROJECT_ID"] = str(project.id)
        found[f"{prefix}PROJECT_PATH"] = project.path
        found[f"{prefix}PROJECT_URL"] = f"{server}/{project.path}"
    branches = {"SOURCE": (change.source, change.source_branch), "TARGET": (change.project, change.target_branch)}
    for side, (project, branch) in branches.items():
        found[f"{side}_BRANCH_NAME"] = branch
        found[f"{side}_BRANCH_PROTECTED"] = str(access.protection(project, branch) is not None).lower()
    return {f"CI_MERGE_REQUEST_{name}": value for name, value in found.items()}
