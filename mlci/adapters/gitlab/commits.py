"""Commits: files as a commit has them, what changed between two, and what is said of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from mlci.adapters.git.fetching import Remote, changed_between
from mlci.adapters.gitlab.api import Access, User, project
from mlci.adapters.gitlab.run import Here
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.domain.run import ChangedFiles, Run
from mlci.errors import MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Check, State, Status

_LARGEST_FILE = 1 << 20
_DESCRIPTION = 140
Newest = Callable[[str], "tuple[str, int] | None"]
_OPEN = frozenset({"pending", "running"})
_VERDICT = re.compile(r"\[gate [0-9a-f]{12}\]\Z")
_WRITTEN: dict[State, str] = {"success": "success", "failure": "failed", "error": "failed", "pending": "pending"}
_READ: dict[str, State] = {"success": "success", "failed": "failure", "pending": "pending", "running": "pending"}


class _Named(msgspec.Struct):
    id: str


class _Branch(msgspec.Struct):
    name: str
    commit: _Named


class _Status(msgspec.Struct):
    id: int
    name: str
    status: str
    description: str | None = None
    target_url: str | None = None
    pipeline_id: int | None = None
    author: User | None = None


def _names(description: str | None) -> str | None:
    """The verdict that a description ends with; None where it names none."""
    found = _VERDICT.search(description or "")
    return found[0] if found is not None else None


class _Merging(msgspec.Struct):
    only_allow_merge_if_pipeline_succeeds: bool | None = None


@dataclass(frozen=True)
class _Place:
    """The commit that a pipeline was made for, and its number; None where any pipeline of the commit will do."""

    sha: str
    pipeline: int | None


class Reads:
    """What every commit of a project can be asked, with no more than the token of a job."""

    def __init__(self, access: Access, number: int) -> None:
        """Nothing is asked yet; ``number`` is that of the project."""
        self._access, self._project = access, number

    def tip(self, branch: str) -> str:
        """The commit a branch is at. https://docs.gitlab.com/api/branches/#list-repository-branches

        Raises:
            ServiceRefused: there is no such branch, or the token may not see it.
        """
        path, asked = project(self._project, "repository", "branches"), {"search": f"^{branch}"}
        # The token of a job may list branches, and not ask for one by its name. What the list finds may be more: it
        # does not look at the case, and older versions take a $ at the end for part of the name.
        with self._access.reading() as api:
            found: list[_Branch] = list(api.paginate(path, asked, shape=_Branch))
        commit = next((each.commit.id for each in found if each.name == branch), None)
        if commit is None:
            raise ServiceRefused(f"project {self._project} has no branch {one_line(branch, 100)}")
        return commit

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as that commit has it; None where the commit has no such file, be it that a folder has the name.

        https://docs.gitlab.com/api/repository_files/#retrieve-a-raw-file-from-a-repository

        Raises:
            ServiceFailed: the commit is unknown, the path is none, or the file is larger than 1 MiB.
        """
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise ServiceFailed(f"{one_line(path, 200)} is no path inside a repository")
        where = project(self._project, "repository", "files", path, "raw")
        with self._access.reading() as api:
            content = api.find_bytes(where, {"ref": commit}, _LARGEST_FILE)
            # 404 is also the answer where the commit is unknown, and that must not pass for a commit without the file.
            there = project(self._project, "repository", "commits", commit)
            if content is None and api.find(there, shape=_Named) is None:
                raise ServiceFailed(
                    f"{one_line(path, 200)} at {one_line(commit, 12)}: the project has no such commit, or the token "
                    "may not read it",
                    help="the token needs the scope read_api, and to be of this project",
                )
        return content


class GitLabCommits(Reads):
    """ports.Commits over the project that changes are proposed to."""

    def __init__(
        self, access: Access, here: Here, run: Run, environ: Mapping[str, str], newest: Newest | None = None
    ) -> None:
        """Nothing is asked yet.

        Args:
            access: what GitLab is asked with.
            here, run, environ: the job, and what it knows of itself.
            newest: finds commit and number of the newest pipeline of the merge request that has a commit as its head.
        """
        super().__init__(access, here.project)
        self._newest_for = newest
        self._here, self._run, self._environ = here, run, environ
        self._places: dict[str, _Place] = {run.commit: _Place(here.sha, run.id)}

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        """What head changes since it left base, as git says it: GitLab itself lists only some of a large change.

        Where it left base git says, too. CI_MERGE_REQUEST_DIFF_BASE_SHA is where it left the branch that it was first
        proposed to, which somebody may have chosen and changed since.
        """
        here, environ, run = self._here, self._environ, self._run
        remote = Remote(
            here.remote, "gitlab-ci-token", environ.get("CI_JOB_TOKEN"), environ.get("CI_SERVER_TLS_CA_FILE") or None
        )
        parting = (base, head) != (run.before, run.commit)
        return changed_between(here.checkout, base, head, remote, environ, parting=parting)

    def status(self, commit: str, context: str) -> Status | None:
        """The newest status of that name in this pipeline; None where there is none."""
        found = self._newest(self._access.writer("read statuses"), commit, context)
        if found is None:
            return None
        state = _READ.get(found.status, "error")
        return Status(
            context=found.name, state=state, description=found.description or "", url=found.target_url or ""
        )  # fmt: skip

    def set_status(self, commit: str, status: Status) -> None:
        """Set a status in this pipeline, or in the newest one of the merge request whose head another commit is.

        GitLab finds the pipeline by the very commit it was made for, which for merged results is not the head of the
        change. What is set there counts in the result of the pipeline, and so on the merge request.
        https://docs.gitlab.com/api/commits/#commit-status
        """
        api = self._access.writer("set statuses")
        place = self._place(commit)
        body = {
            "state": _WRITTEN[status.state],
            "name": status.context,
            "description": one_line(status.description, _DESCRIPTION),
            "target_url": status.url,
            **({"pipeline_id": place.pipeline} if place.pipeline is not None else {}),
        }

        def there() -> _Status | None:
            found = self._newest(api, commit, status.context)
            told = found and (found.status, found.description, found.target_url)
            return found if told == (body["state"], body["description"], body["target_url"]) else None

        # GitLab refuses to make what is pending pending again.
        if status.state == "pending" and there() is not None:
            return
        self._close(api, commit, body)
        api.post_once(project(self._here.own, "statuses", place.sha), body, there, shape=_Status)

    def _close(self, api: Api, commit: str, body: Mapping[str, object]) -> None:
        """End an open status, so that the next one follows it and does not take its place.

        That is one that names another verdict, and one that waits where the next one waits, too: GitLab moves an open
        status on and forgets what it said, and an approval counts by what stood there when it was given.
        https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
        """
        found = self._newest(api, commit, str(body["name"]))
        if found is None or found.status not in _OPEN:
            return
        if body["state"] != "pending" and _names(found.description) == _names(str(body["description"])):
            return
        if found.author is None or found.author.id != self._access.me:
            # Of somebody else: GitLab lets nobody else move it on, and makes a new one by itself.
            return
        ended = {**body, "state": "canceled", "description": found.description or ""}
        ended["target_url"] = found.target_url or body["target_url"]

        def closed() -> _Status | None:
            newest = self._newest(api, commit, str(body["name"]))
            return newest if newest is not None and newest.status not in _OPEN else None

        api.post_once(project(self._here.own, "statuses", self._place(commit).sha), ended, closed, shape=_Status)

    def unheld(self, branch: str, context: str) -> str | None:  # noqa: ARG002 - every branch's merge requests alike
        """Why a pending status holds no merge request back: it counts in the pipeline, which need not succeed."""
        try:
            with self._access.reading() as api:
                found = api.get(project(self._here.project), shape=_Merging)
        except MlciError as error:
            return f"whether pipelines must succeed cannot be read: {error.cause}"
        if found.only_allow_merge_if_pipeline_succeeds is True:
            return None
        return f"the setting Pipelines must succeed is not on, so that {context} holds nothing back"

    def set_check(self, commit: str, check: Check) -> NoReturn:  # noqa: ARG002 - the port's shape
        """Refuse: check runs are GitHub's."""
        raise ServiceRefused("GitLab has no check runs", help="leave --check out")

    def _newest(self, api: Api, commit: str, context: str) -> _Status | None:
        place = self._place(commit)
        path = project(self._here.own, "repository", "commits", place.sha, "statuses")
        found: list[_Status] = list(api.paginate(path, {"name": context}, shape=_Status))
        # Other pipelines of the same commit have statuses of their own.
        known = (None, place.pipeline) if place.pipeline is not None else {each.pipeline_id for each in found}
        ours = [each for each in found if each.name == context and each.pipeline_id in known]
        return max(ours, key=lambda each: each.id, default=None)

    def _place(self, commit: str) -> _Place:
        """Where the statuses of a commit are, asked for once."""
        if commit not in self._places:
            made = self._newest_for(commit) if self._newest_for is not None else None
            self._places[commit] = _Place(*made) if made is not None else _Place(commit, None)
        return self._places[commit]
