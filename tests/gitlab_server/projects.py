"""Projects, people, commits and merge requests, as a test makes them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forge.repository import Content, Objects
from forge.wire import Loopback

from gitlab_server import merge_requests, mergeability
from gitlab_server.state import (
    NO_ONE,
    ROLES,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    ProtectedBranch,
    Push,
    State,
    Token,
    User,
)

PATH = "group/models/churn"
# lib/api/entities/project.rb, as a project of one's own begins with, but private and with its pipelines hidden.
SETTINGS: Mapping[str, Any] = {
    "only_allow_merge_if_pipeline_succeeds": False,
    "allow_merge_on_skipped_pipeline": None,
    "only_allow_merge_if_all_discussions_are_resolved": False,
    "merge_pipelines_enabled": False,
    "merge_trains_enabled": False,
    "merge_method": "merge",
    "ci_config_path": None,
    "ci_allow_fork_pipelines_to_run_in_parent_project": True,
    "public_jobs": True,
    "jobs_enabled": True,
    "builds_access_level": "enabled",
    "merge_requests_access_level": "enabled",
    "repository_access_level": "enabled",
}
APPROVALS: Mapping[str, Any] = {
    "approvals_before_merge": 0,
    "reset_approvals_on_push": True,
    "selective_code_owner_removals": False,
    "disable_overriding_approvers_per_merge_request": False,
    "merge_requests_author_approval": False,
    "merge_requests_disable_committers_approval": False,
    "require_password_to_approve": False,
    "require_reauthentication_to_approve": False,
}


class Projects(Loopback):
    """What there is in a GitLab, without its pipelines.

    Attributes:
        folder: where its repositories are.
        state: everything that it remembers.
    """

    folder: Path
    state: State

    def add_project(
        self,
        path: str = PATH,
        *,
        files: Mapping[str, Content] | None = None,
        visibility: str = "private",
        default_branch: str = "main",
        fork_of: str | None = None,
        **settings: Any,
    ) -> Project:
        """A project with one commit on a protected default branch, or a fork of one; settings as the API shows them."""
        unknown = settings.keys() - SETTINGS.keys()
        if unknown:
            raise KeyError(f"no such setting: {', '.join(sorted(unknown))}")
        folder = self.folder / f"{path.replace('/', '-')}.git"
        parent = self.project(fork_of) if fork_of else None
        if parent is not None:
            objects = parent.objects.copied(folder, default_branch)
        else:
            objects = Objects.empty(folder, default_branch)
            objects.commit(f"refs/heads/{default_branch}", files or {"README.md": "# A model\n"}, "first", None)
        made = Project(
            self.state.next_id(), path, visibility, default_branch, objects, parent, {**SETTINGS, **settings},
            approvals=dict(APPROVALS),
        )  # fmt: skip
        self.state.projects[made.id] = made
        if parent is None:
            self.protect(default_branch, project=path)
        return made

    def project(self, path: str | None = None) -> Project:
        """A project by path; the first one without."""
        if path is None:
            return next(iter(self.state.projects.values()), None) or self.add_project()
        found = self.state.project(path)
        if found is None:
            raise LookupError(f"no project {path}")
        return found

    def user(self, username: str, role: str | None = None, *, project: str | None = None) -> User:
        """A user, and what the role is in a project."""
        found = self.state.user(username)
        if role is not None:
            self.project(project).members[found.id] = ROLES[role]
        return found

    def token(
        self,
        scopes: Sequence[str] = ("api",),
        role: str | None = "developer",
        user: str | None = None,
        *,
        project: str | None = None,
        expired: bool = False,
        revoked: bool = False,
    ) -> str:
        """An access token: of the project, whose bot it acts as, or of a person where a user is named.

        Args:
            scopes: api, read_api, read_repository, read_user …
            role: in the project, which is the first one unless named; None for none.
        """
        kind = "personal" if user else "project"
        there = self.project(project)
        acting = self.state.user(user or f"project_{there.id}_bot_{secrets.token_hex(16)}", bot=user is None)
        if role is not None:
            there.members[acting.id] = ROLES[role]
        value = "glpat-" + secrets.token_urlsafe(15)
        self.state.tokens[value] = Token(
            value, self.state.next_id(), kind, acting, tuple(scopes), None, expired, revoked, self.state.now()
        )
        return value

    def job_token(self, job: Job) -> str:
        """CI_JOB_TOKEN of a job: it acts as who started the pipeline, and ends with the job."""
        for held in self.state.tokens.values():
            if held.job == job.id:
                return held.value
        value = "glcbt-64_" + secrets.token_urlsafe(15)
        self.state.tokens[value] = Token(value, self.state.next_id(), "job", job.user, (), job.id)
        return value

    def protect(
        self,
        branch: str = "main",
        *,
        push: str | None = "maintainer",
        merge: str | None = "maintainer",
        project: str | None = None,
        code_owners: bool = False,
    ) -> ProtectedBranch:
        """Protect a branch, or a name with a * in it; the roles that may push and merge, None for nobody."""
        there = self.project(project)
        held = ProtectedBranch(
            self.state.next_id(), branch, ROLES[push or NO_ONE], ROLES[merge or NO_ONE], code_owners=code_owners
        )
        there.protected[branch] = held
        return held

    # Commits and merge requests.

    def commit(
        self,
        files: Mapping[str, Content],
        branch: str = "main",
        *,
        parent: str | None = None,
        message: str = "change",
        project: str | None = None,
        by: str = "user",
        pushed_by: str = "contributor",
        along: bool = False,
    ) -> str:
        """Commit files (None removes one) to a branch, made from the default branch where it is new.

        Args:
            by: whose address is in the commit; see ``email``.
            pushed_by: who pushes it.
            along: it is pushed along with many other branches, of which GitLab notes no names.
        """
        there = self.project(project)
        before = there.tip(branch)
        onto = parent or before or there.tip(there.default_branch)
        made = there.objects.commit(f"refs/heads/{branch}", files, message, onto, by)
        ref = None if along else branch
        pusher = self.state.user(pushed_by)
        there.pushes.append(Push(self.state.next_id(), pusher, ref, before, made, self.state.now()))
        merge_requests.refresh(self.state)
        return made

    def open_merge_request(
        self,
        branch: str,
        target: str = "main",
        *,
        fork: str | None = None,
        title: str = "A change",
        description: str = "",
        author: str = "contributor",
        project: str | None = None,
    ) -> MergeRequest:
        """Propose a branch of the project, or of a fork of it."""
        there = self.project(project)
        source = self.project(fork) if fork else there
        tip, base = source.tip(branch), there.tip(target)
        if tip is None or base is None:
            raise LookupError(f"no branch {branch} or {target}")
        if fork is None and self.state.user(author).id not in there.members:
            self.user(author, "developer", project=there.path)
        now = self.state.now()
        made = MergeRequest(
            self.state.next_id(), len(there.merge_requests) + 1, title, description, self.state.user(author), there,
            source, branch, target, tip, base, base, now, now,
        )  # fmt: skip
        there.merge_requests[made.iid] = made
        merge_requests.moved(self.state, made, tip)
        return made

    def merge_request(self, iid: int, project: str | None = None) -> MergeRequest:
        """A merge request as it stands."""
        return self.project(project).merge_requests[iid]

    def notes(self, iid: int, project: str | None = None) -> list[Note]:
        """Notes on a merge request, those of threads too, oldest first."""
        return [each for each in self.project(project).notes.values() if each.merge_request == iid]

    def discussions(self, iid: int, project: str | None = None) -> list[list[Note]]:
        """Threads of a merge request, each with its notes, oldest first; without notes that stand alone."""
        found: dict[str, list[Note]] = {}
        for note in self.notes(iid, project):
            if note.resolvable:
                found.setdefault(note.discussion, []).append(note)
        return list(found.values())

    def say(
        self,
        iid: int,
        body: str,
        username: str = "contributor",
        *,
        thread: bool = False,
        system: bool = False,
        project: str | None = None,
    ) -> Note:
        """A note by somebody else, or the first of a thread."""
        there, now, kind = self.project(project), self.state.now(), "DiscussionNote" if thread else None
        made = Note(
            self.state.next_id(), iid, body, self.state.user(username), secrets.token_hex(20), kind, now, now, system
        )
        there.notes[made.id] = made
        return made

    def detailed_status(self, iid: int, project: str | None = None) -> str:
        """Why a merge request cannot be merged, or "mergeable"."""
        return mergeability.detailed_status(self.state, self.merge_request(iid, project))

    def head_pipeline(self, iid: int, project: str | None = None) -> Pipeline | None:
        """The pipeline that a merge request goes by."""
        return mergeability.head_pipeline(self.state, self.merge_request(iid, project))
