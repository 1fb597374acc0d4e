"""What GitLab demands before a merge and lets people do: the settings of a project. Only reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, TypeVar

import msgspec

from mlci.adapters.gitlab.api import Access
from mlci.adapters.gitlab.api import project as at
from mlci.adapters.gitlab.commits import Reads
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.adapters.unanswered import asked
from mlci.domain.setup.gitlab.owners import PATHS
from mlci.domain.setup.gitlab.project import Approvals, Guard, Project, Settings, Token, Topic
from mlci.errors import MlciError, ServiceFailed, ServiceRefused

T = TypeVar("T")

_Name = Annotated[str, msgspec.Meta(max_length=1000)]
# As GitLab calls the users that it makes for tokens of projects and groups.
_BOT = re.compile(r"(?:project|group)_[0-9]+_bot(?:_?[0-9a-f]+)?")
_NO_ONE = 0


class _Level(msgspec.Struct):
    access_level: int | None = None


class _Permissions(msgspec.Struct):
    project_access: _Level | None = None
    group_access: _Level | None = None


class _Project(msgspec.Struct):
    id: int
    path_with_namespace: _Name
    default_branch: _Name | None = None
    visibility: str | None = None
    forking_access_level: str | None = None
    only_allow_merge_if_pipeline_succeeds: bool | None = None
    allow_merge_on_skipped_pipeline: bool | None = None
    only_allow_merge_if_all_discussions_are_resolved: bool | None = None
    merge_trains_enabled: bool | None = None
    merge_trains_skip_train_allowed: bool | None = None
    merge_pipelines_enabled: bool | None = None
    ci_config_path: _Name | None = None
    ci_allow_fork_pipelines_to_run_in_parent_project: bool | None = None
    restrict_user_defined_variables: bool | None = None
    ci_pipeline_variables_minimum_override_role: str | None = None
    ci_push_repository_for_job_token_allowed: bool | None = None
    permissions: _Permissions | None = None


class _Pusher(msgspec.Struct):
    access_level: int | None = None
    access_level_description: str = ""
    user_id: int | None = None
    group_id: int | None = None
    deploy_key_id: int | None = None

    @property
    def nobody(self) -> bool:
        return self.access_level == _NO_ONE and not (self.user_id or self.group_id or self.deploy_key_id)


class _Protected(msgspec.Struct):
    push_access_levels: list[_Pusher] = []
    allow_force_push: bool = False
    code_owner_approval_required: bool | None = None


class _Branch(msgspec.Struct):
    name: str
    protected: bool
    developers_can_push: bool = False


class _Approvals(msgspec.Struct):
    reset_approvals_on_push: bool
    merge_requests_author_approval: bool
    merge_requests_disable_committers_approval: bool
    selective_code_owner_removals: bool = False


class _Token(msgspec.Struct):
    name: str
    scopes: list[str]
    active: bool = True
    revoked: bool = False
    expires_at: str | None = None


class _User(msgspec.Struct):
    username: str = ""
    bot: bool | None = None


class _JobTokens(msgspec.Struct):
    inbound_enabled: bool


def read_project(access: Access, name: str, environ: Mapping[str, str]) -> tuple[Project, str | None]:
    """The project: ``GET /projects/:id``; and why nothing but what the job itself says could be read, where that is so.

    https://docs.gitlab.com/api/projects/#retrieve-a-project

    Raises:
        ServiceFailed: GitLab does not answer.
        ServiceRefused: there is no such project, or the token may not see it.
    """
    try:
        found = access.read.get(at(name), shape=_Project)
    except ServiceRefused as refused:
        told = _of_job(environ) if access.write is None else None
        if told is None or told.name != name:
            raise
        return told, one_line(refused.cause, 200)
    return _project(found), None


def _project(found: _Project) -> Project:
    # Whoever asks without a token is told none of the settings.
    told = found.only_allow_merge_if_pipeline_succeeds is not None
    return Project(
        id=found.id,
        name=found.path_with_namespace,
        default_branch=found.default_branch or "main",
        visibility=found.visibility,
        forking=found.forking_access_level,
        pipelines_must_succeed=found.only_allow_merge_if_pipeline_succeeds,
        skipped_succeed=bool(found.allow_merge_on_skipped_pipeline) if told else None,
        threads_must_resolve=found.only_allow_merge_if_all_discussions_are_resolved,
        merge_trains=found.merge_trains_enabled,
        trains_skippable=found.merge_trains_skip_train_allowed,
        merged_results=found.merge_pipelines_enabled,
        pipeline_path=(found.ci_config_path or "") if told else None,
        forks_run_here=found.ci_allow_fork_pipelines_to_run_in_parent_project,
        variables_role=_variables_role(found),
        job_token_pushes=found.ci_push_repository_for_job_token_allowed,
        role=_role(found.permissions),
    )


def _variables_role(found: _Project) -> str | None:
    """From which role on people may set variables; without the restriction, from Developer."""
    if found.restrict_user_defined_variables is False:
        return "developer"
    named = found.ci_pipeline_variables_minimum_override_role
    # Before there were roles, the restriction left them to Maintainers.
    return named if found.restrict_user_defined_variables is None else named or "maintainer"


def _role(permissions: _Permissions | None) -> int | None:
    held = [permissions.project_access, permissions.group_access] if permissions is not None else []
    return max((one.access_level for one in held if one is not None and one.access_level), default=None)


def _of_job(environ: Mapping[str, str]) -> Project | None:
    """What the job says of the project that its change is proposed to."""
    name = environ.get("CI_MERGE_REQUEST_PROJECT_PATH") or environ.get("CI_PROJECT_PATH")
    number = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or environ.get("CI_PROJECT_ID") or ""
    branch = environ.get("CI_DEFAULT_BRANCH")
    if not name or not branch or not re.fullmatch(r"[0-9]{1,18}", number):
        return None
    own = name == environ.get("CI_PROJECT_PATH")
    return Project(
        id=int(number),
        name=name,
        default_branch=branch,
        visibility=environ.get("CI_PROJECT_VISIBILITY") or None if own else None,
        pipeline_path=environ.get("CI_CONFIG_PATH") if own else None,
    )


def read_settings(access: Access, project: Project, branch: str, config: str, refused: str | None) -> Settings:
    """Everything else that the API tells; what the token may not read is in ``unknown``.

    Args:
        branch: that changes are merged to.
        config: path of mlci.yml in the repository.
        refused: why the project itself could not be read; None where it could.

    Raises:
        ServiceFailed: GitLab does not answer.
    """
    unknown: dict[Topic, str] = {"settings": refused} if refused is not None else {}
    api, writer = access.read, access.write
    scope = asked(unknown, "job-token", lambda: api.get(at(project.id, "job_token_scope"), shape=_JobTokens))
    approvals = asked(unknown, "approvals", lambda: api.get(at(project.id, "approvals"), shape=_Approvals))
    reads = Reads(access, project.id)
    return Settings(
        project=project,
        guard=asked(unknown, "branch", lambda: _guard(api, project.id, branch)),
        approvals=_approvals(approvals),
        token=asked(unknown, "token", lambda: _token(writer)) if writer is not None else None,
        open_to_job_tokens=None if scope is None else not scope.inbound_enabled,
        owners=_owners(reads, branch, unknown),
        config_on_branch=_there(reads, config, branch),
        unknown=unknown,
    )


def _guard(api: Api, project: int, branch: str) -> Guard:
    """What protects the branch: its own rule, else whether any rule of a pattern or of a group does.

    https://docs.gitlab.com/api/protected_branches/, https://docs.gitlab.com/api/branches/
    """
    try:
        own = api.find(at(project, "protected_branches", branch), shape=_Protected)
    except ServiceRefused:
        # The token of a job may list branches, and may not read the rules that protect them.
        own = None
    if own is None:
        return _listed(api, project, branch)
    return Guard(
        protected=True,
        pushers=tuple(
            one_line(one.access_level_description or "somebody", 60) for one in own.push_access_levels if not one.nobody
        ),
        force=own.allow_force_push,
        owner_approval=bool(own.code_owner_approval_required),
    )


def _listed(api: Api, project: int, branch: str) -> Guard:
    asked = {"search": f"^{branch}$"}
    found: list[_Branch] = list(api.paginate(at(project, "repository", "branches"), asked, shape=_Branch))
    one = next((each for each in found if each.name == branch), None)
    if one is None:
        raise ServiceRefused(f"the project has no branch {one_line(branch, 100)}")
    if not one.protected:
        return Guard(protected=False, owner_approval=False)
    return Guard(protected=True, pushers=("Developers",) if one.developers_can_push else None)


def _approvals(found: _Approvals | None) -> Approvals | None:
    if found is None:
        return None
    return Approvals(
        reset_on_push=found.reset_approvals_on_push,
        reset_of_owners=found.selective_code_owner_removals,
        by_author=found.merge_requests_author_approval,
        by_committers=not found.merge_requests_disable_committers_approval,
    )


def _token(api: Api) -> Token:
    """The token itself, and whose it is. https://docs.gitlab.com/api/personal_access_tokens/#self-inform"""
    found = api.get("/personal_access_tokens/self", shape=_Token)
    try:
        user = api.get("/user", shape=_User)
        bot = user.bot if user.bot is not None else bool(_BOT.fullmatch(user.username))
    except ServiceRefused:
        bot = None
    return Token(
        name=one_line(found.name, 100),
        scopes=tuple(one_line(scope, 60) for scope in found.scopes[:50]),
        active=found.active and not found.revoked,
        expires=_day(found.expires_at),
        bot=bot,
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def _owners(reads: Reads, branch: str, unknown: dict[Topic, str]) -> tuple[str, str] | None:
    """The first file of code owners that the branch has."""
    try:
        for path in PATHS:
            found = reads.file(path, branch)
            if found is not None:
                return path, found.decode("utf-8", "replace")
    except (ServiceRefused, ServiceFailed) as problem:
        unknown["owners"] = one_line(problem.cause, 200)
    return None


def _there(reads: Reads, config: str, branch: str) -> bool | None:
    try:
        return reads.file(config, branch) is not None
    except MlciError:
        return None


def read_raw(access: Access, project: Project, branch: str) -> bytes | None:
    """The file of the pipeline as the branch has it; None where it has none, or that cannot be read."""
    if project.pipeline_file is None:
        return None
    try:
        return Reads(access, project.id).file(project.pipeline_file, branch)
    except MlciError:
        return None
