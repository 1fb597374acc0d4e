"""What a project on GitLab demands before a merge and lets people do, as far as the API tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

# What cannot be read is named by one of these words, with the reason.
Topic = Literal["settings", "branch", "approvals", "job-token", "token", "owners", "pipeline"]

# https://docs.gitlab.com/api/access_requests/#valid-access-levels
ROLES = {10: "Guest", 15: "Planner", 20: "Reporter", 30: "Developer", 40: "Maintainer", 50: "Owner"}
DEVELOPER, MAINTAINER = 30, 40
DEFAULT_PIPELINE = ".gitlab-ci.yml"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project. None is what the token was not told; some settings GitLab tells Maintainers alone.

    Attributes:
        id: its number, which no renaming changes.
        name: its path, with all groups before it.
        default_branch: the branch that changes are merged to unless they say otherwise.
        visibility: who may read it.
        forking: who may fork it: enabled, private (members) or disabled.
        pipelines_must_succeed: whether a merge waits for a green pipeline.
        skipped_succeed: whether a pipeline that was skipped counts as green.
        threads_must_resolve: whether a merge waits until all threads are resolved.
        merge_trains: whether changes are merged one after the other by a train.
        trains_skippable: whether somebody may merge without waiting for the train.
        merged_results: whether pipelines run on what the merge would be.
        pipeline_path: where the pipeline stands; empty for .gitlab-ci.yml.
        forks_run_here: whether a member may run the pipeline of a fork's merge request in this project.
        variables_role: the role from which on people may set variables when they start a pipeline.
        job_token_pushes: whether the token of a job may push to the repository.
        role: access level of the token in this project.
    """

    id: int
    name: str
    default_branch: str
    visibility: str | None = None
    forking: str | None = None
    pipelines_must_succeed: bool | None = None
    skipped_succeed: bool | None = None
    threads_must_resolve: bool | None = None
    merge_trains: bool | None = None
    trains_skippable: bool | None = None
    merged_results: bool | None = None
    pipeline_path: str | None = None
    forks_run_here: bool | None = None
    variables_role: str | None = None
    job_token_pushes: bool | None = None
    role: int | None = None

    @property
    def pipeline_file(self) -> str | None:
        """The file of this repository that the pipeline stands in; None where it stands elsewhere."""
        path = self.pipeline_path or DEFAULT_PIPELINE
        return None if is_elsewhere(path) else path

    @property
    def strangers(self) -> bool:
        """Whether people who are no members can fork it, as far as that is known."""
        return self.visibility in ("public", "internal") and self.forking in (None, "enabled")


def is_elsewhere(path: str) -> bool:
    """Whether a pipeline is taken from another project or from an address.

    As https://docs.gitlab.com/ci/pipelines/settings/#specify-a-custom-cicd-configuration-file has it.
    """
    return re.match(r"https?://", path, re.IGNORECASE) is not None or "@" in path


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What protects a branch.

    Attributes:
        protected: whether any rule does.
        pushers: who may push to it directly, as words; None where that is unknown.
        force: whether they may also rewrite it.
        owner_approval: whether files with code owners need the approval of one.
    """

    protected: bool
    pushers: tuple[str, ...] | None = None
    force: bool | None = None
    owner_approval: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """When an approval of a merge request counts.

    Attributes:
        reset_on_push: whether new commits take all approvals away.
        reset_of_owners: whether they take those of the code owners away whose files they touch.
        by_author: whether the author may approve.
        by_committers: whether those may who added commits.
    """

    reset_on_push: bool
    reset_of_owners: bool
    by_author: bool
    by_committers: bool


@dataclass(frozen=True, kw_only=True)
class Token:
    """The token that GitLab was asked with.

    Attributes:
        name: as its owner called it.
        scopes: what it is good for.
        active: whether it is neither revoked nor past its date.
        expires: the day from which on it is not valid; None for never.
        bot: whether it belongs to a project or a group and not to a person; None where that is unknown.
    """

    name: str
    scopes: tuple[str, ...]
    active: bool
    expires: date | None
    bot: bool | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the API tells besides the pipeline.

    Attributes:
        project: the project itself.
        guard: what protects the branch; None where that is unknown.
        approvals: None where they are unknown; a project on Free has none.
        token: None where GitLab was asked without one, or with that of a job.
        open_to_job_tokens: whether the job tokens of all other projects may reach this one; None where unknown.
        owners: path and text of CODEOWNERS on the branch; None where there is none or it is unknown.
        config_on_branch: whether the branch has the configuration file; None where the token may not read it.
        unknown: why, for each topic that the token may not read.
    """

    project: Project
    guard: Guard | None = None
    approvals: Approvals | None = None
    token: Token | None = None
    open_to_job_tokens: bool | None = None
    owners: tuple[str, str] | None = None
    config_on_branch: bool | None = None
    unknown: Mapping[Topic, str] = field(default_factory=dict)
