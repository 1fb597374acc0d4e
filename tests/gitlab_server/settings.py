"""Who is asking, what a project is set to, and what its pipeline's file means."""

from __future__ import annotations

from typing import Any

import yaml
from forge.exchange import Answer

from gitlab_server import objects
from gitlab_server.exchange import Request, bad_request, gone, not_found, shown
from gitlab_server.routing import PAGES, TEXT, YES, Access, serves
from gitlab_server.shapes import APPROVALS, LINT, PROTECTED, TOKEN, USER, every, having
from gitlab_server.shapes import NUMBER as ID
from gitlab_server.state import ROLES, Project


@serves("GET", "//user", "lib/api/users.rb", Access("", signed_in=True, scopes=("read_user",)), shape=USER)
def who_am_i(request: Request) -> Answer:
    """The user behind a token; a project's token is a bot."""
    found = request.author
    more = {"bot": found.bot, "created_at": "2026-01-01T00:00:00.000Z", "external": found.bot, "is_admin": False}
    return shown(objects.user(request, found) | more)


@serves(
    "GET", "//personal_access_tokens/self", "lib/api/personal_access_tokens/self_information.rb",
    Access("", signed_in=True, scopes=None), shape=TOKEN,
)  # fmt: skip
def own_token(request: Request) -> Answer:
    """The token that is sent, whatever its scopes."""
    token = request.token
    if token is None or token.kind == "job":
        raise bad_request("This endpoint requires token type to be a personal access token")
    shape = {
        "id": token.id,
        "name": f"{token.kind} token",
        "description": None,
        "revoked": token.revoked,
        "created_at": token.created_at,
        "scopes": list(token.scopes),
        "user_id": token.user.id,
        "last_used_at": token.created_at,
        "active": not (token.revoked or token.expired),
        "expires_at": "2027-01-31",
    }
    return shown(shape)


@serves(
    "GET", "", "lib/api/projects.rb and lib/api/entities/project.rb", Access("read_project"),
    query={"license": YES, "statistics": YES, "with_custom_attributes": YES},
    shape=having(id=ID, path_with_namespace=TEXT, default_branch=TEXT, visibility=TEXT, web_url=TEXT),
)  # fmt: skip
def show_project(request: Request) -> Answer:
    """The project, with the settings that those see who can push, as far as they are known here."""
    return shown(project(request, request.project))


# lib/api/entities/project.rb: these only for those who can at least report.
MEMBERS_ONLY = frozenset(
    {"merge_pipelines_enabled", "merge_trains_enabled", "ci_allow_fork_pipelines_to_run_in_parent_project"}
)


def project(request: Request, found: Project) -> dict[str, Any]:
    """lib/api/entities/project.rb, with those of its settings that matter here."""
    seen = request.level >= ROLES["reporter"]
    access = {"access_level": request.level, "notification_level": 3} if request.level else None
    shape = {
        "id": found.id,
        "name": found.name,
        "path": found.name,
        "path_with_namespace": found.path,
        "name_with_namespace": found.path.replace("/", " / "),
        "description": None,
        "default_branch": found.default_branch,
        "visibility": found.visibility,
        "web_url": request.pages(found),
        "http_url_to_repo": request.pages(found, ".git"),
        "ssh_url_to_repo": f"git@gitlab.example.com:{found.path}.git",
        "namespace": {
            "id": found.id + 500_000, "name": found.namespace, "path": found.namespace.rsplit("/", 1)[-1],
            "kind": "group", "full_path": found.namespace,
        },
        "archived": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "permissions": {"project_access": access, "group_access": None},
    }  # fmt: skip
    if found.forked_from is not None:
        source = found.forked_from
        shape["forked_from_project"] = {
            "id": source.id,
            "path_with_namespace": source.path,
            "web_url": request.pages(source),
        }
    return shape | {name: value for name, value in found.settings.items() if seen or name not in MEMBERS_ONLY}


@serves(
    "GET", "/approvals", "ee/lib/api/project_approvals.rb", Access("read_approvers", signed_in=True), shape=APPROVALS
)
def show_approvals(request: Request) -> Answer:
    """What approvals the project asks for; maintainers are told."""
    return shown({"approvers": [], "approver_groups": [], **request.project.approvals})


@serves(
    "GET", "/job_token_scope", "lib/api/project_job_token_scope.rb", Access("admin_project", signed_in=True),
    shape=having(inbound_enabled=YES, outbound_enabled=YES),
)  # fmt: skip
def show_job_token_scope(request: Request) -> Answer:
    """Whose jobs may use their token here; maintainers are told."""
    scope = {"inbound_enabled": True, "outbound_enabled": False}
    return shown(scope | request.project.extras.get("job_token_scope", {}))


@serves("GET", "/protected_branches/{name}", "lib/api/protected_branches.rb", Access("read_code"), shape=PROTECTED)
def show_protected_branch(request: Request) -> Answer:
    """A protected branch, or a name with a * in it that protects several, as it was written down."""
    found = request.project.protected.get(request.values["name"])
    if found is None:
        raise gone()

    def roles(level: int) -> list[dict[str, Any]]:
        shown_level = {
            "id": found.id + level,
            "access_level": level,
            "access_level_description": objects.role_name(level),
        }
        return [{**shown_level, "user_id": None, "group_id": None, "deploy_key_id": None}]

    shape = {
        "id": found.id,
        "name": found.name,
        "push_access_levels": roles(found.push),
        "merge_access_levels": roles(found.merge),
        "allow_force_push": found.allow_force_push,
        "unprotect_access_levels": [],
        "code_owner_approval_required": found.code_owners,
    }
    return shown(shape)


@serves(
    "GET", "/protected_environments", "ee/lib/api/protected_environments.rb", Access("admin_project", signed_in=True),
    query=PAGES, shape=every(having(name=TEXT)),
)  # fmt: skip
def list_protected_environments(request: Request) -> Answer:
    """Protected environments, which are Premium; maintainers are told."""
    if not request.project.premium:
        raise gone()
    found = request.project.extras.get("protected_environments", {})
    return request.listing([{"name": name, **protection} for name, protection in found.items()])


@serves(
    "GET", "/ci/lint", "lib/api/lint.rb", Access("read_code"), shape=LINT,
    query={"content_ref": TEXT, "sha": TEXT, "dry_run": YES, "dry_run_ref": TEXT, "ref": TEXT, "include_jobs": YES},
)  # fmt: skip
def lint(request: Request) -> Answer:
    """What the pipeline's file comes to; includes of other files of the project are followed, components are not."""
    found = request.project
    named = request.params.get("content_ref") or request.params.get("sha") or found.default_branch
    sha = found.objects.resolve(named)
    if sha is None:
        raise not_found("Commit")
    answer = found.lint if found.lint is not None else linted(found, sha)
    kept = answer if request.params.get("include_jobs") else {k: v for k, v in answer.items() if k != "jobs"}
    return shown({"valid": True, "errors": [], "warnings": [], "merged_yaml": "", "includes": [], **kept})


# Keys of a pipeline's file that are no jobs.
GLOBAL = frozenset({"default", "include", "image", "services", "stages", "variables", "workflow", "cache", "pages",
                    "before_script", "after_script", "spec"})  # fmt: skip


def linted(found: Project, sha: str) -> dict[str, Any]:
    """What the file says at a commit."""
    path = found.settings["ci_config_path"] or ".gitlab-ci.yml"
    try:
        merged = _read(found, sha, path)
    except (LookupError, yaml.YAMLError, ValueError) as wrong:
        return {"valid": False, "errors": [str(wrong).split("\n", 1)[0]], "merged_yaml": None, "jobs": []}
    jobs = [
        {"name": name, "stage": job.get("stage", "test"), "script": _lines(job.get("script")), "before_script": [],
         "after_script": [], "tag_list": job.get("tags", []), "only": job.get("only"), "except": job.get("except"),
         "environment": _environment(job), "when": job.get("when", "on_success"),
         "allow_failure": job.get("allow_failure", False), "needs": job.get("needs")}
        for name, job in merged.items()
        if isinstance(job, dict) and name not in GLOBAL and not str(name).startswith(".")
    ]  # fmt: skip
    return {"merged_yaml": "---\n" + yaml.safe_dump(merged, sort_keys=False), "jobs": jobs}


def _lines(script: Any) -> list[str]:
    return [script] if isinstance(script, str) else list(script or [])


def _environment(job: dict[str, Any]) -> Any:
    named = job.get("environment")
    return named.get("name") if isinstance(named, dict) else named


def _read(found: Project, sha: str, path: str) -> dict[str, Any]:
    entry = found.objects.entry(sha, path.lstrip("/"))
    if entry is None:
        missing = (
            "Please provide content of .gitlab-ci.yml"
            if path == ".gitlab-ci.yml"
            else f"Local file `{path}` does not exist!"
        )
        raise LookupError(missing)
    written = yaml.safe_load(found.objects.blob(entry.sha)) or {}
    if not isinstance(written, dict):
        raise ValueError("Invalid configuration format")
    included = written.pop("include", [])
    merged: dict[str, Any] = {}
    for each in included if isinstance(included, list) else [included]:
        local = each if isinstance(each, str) else each.get("local")
        if local is not None:
            merged.update(_read(found, sha, local))
    return {**merged, **written}
