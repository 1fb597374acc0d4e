"""Commits: files as a commit has them, what changed between two, and what is said of one."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.domain.run import ChangedFiles
from mlci.errors import MlciError, ServiceFailed
from mlci.ports import Check, State, Status

_LARGEST_FILE = 1 << 20
# https://docs.github.com/rest/commits/commits#compare-two-commits: at most 300 files, all of them on the first page.
_MOST_FILES = 300
_DESCRIPTION, _TITLE = 140, 255
# In bytes, although the limit is documented in characters: nothing is lost by being on the safe side of it.
_SUMMARY = 65_535


class _Content(msgspec.Struct):
    type: str
    size: int = 0
    encoding: str = ""
    content: str = ""


class _File(msgspec.Struct):
    filename: str
    previous_filename: str | None = None


class _Comparison(msgspec.Struct):
    files: list[_File] | None = None


class _Status(msgspec.Struct):
    context: str
    state: State
    description: str | None = None
    target_url: str | None = None


class _Tip(msgspec.Struct):
    sha: str


class _Branch(msgspec.Struct):
    commit: _Tip


class _CheckRun(msgspec.Struct):
    id: int
    name: str
    external_id: str | None = None


class GitHubCommits:
    """ports.Commits over one repository.

    Permissions: contents: read for files and comparisons, statuses: write, checks: write.
    """

    def __init__(self, api: Api, repository: str) -> None:
        """Nothing is asked yet."""
        self._api = api
        self._repository = repository

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as that commit has it; None where the commit has no such file.

        A link to another file is followed by GitHub itself, as a checkout would.

        Raises:
            ServiceFailed: the commit is unknown, or the path is a folder, a submodule, a link that leads nowhere, or
                larger than 1 MiB.
        """
        segments = path.split("/")
        if any(part in ("", ".", "..") for part in segments):
            # The HTTP library would resolve these, and the request would be about something else.
            raise ServiceFailed(f"{one_line(path, 200)} is no path inside a repository")
        place = f"{one_line(path, 200)} at {one_line(commit, 12)}"
        where = at(self._repository, "contents", *segments)
        found = self._api.find(where, {"ref": commit})
        if found is None:
            # 404 is also the answer where the commit is unknown, and that must not pass for a commit without the file.
            there = at(self._repository, "commits", commit)
            if self._api.find(there, {"per_page": 1}, absent=(404, 422)) is None:
                raise ServiceFailed(
                    f"{place}: the repository has no such commit, or the token may not read it",
                    help="the token needs contents: read",
                )
            return None
        return _content(found, place)

    def tip(self, branch: str) -> str:
        """The commit a branch is at. https://docs.github.com/rest/branches/branches

        Raises:
            ServiceRefused: there is no such branch for this token.
        """
        return self._api.get(at(self._repository, "branches", branch), shape=_Branch).commit.sha

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        """What head changes since it left base; an unknown list where the two cannot be compared."""
        # One commit a page: every page of commits repeats all files, which are what is asked for.
        path = at(self._repository, "compare", f"{base}...{head}")
        comparison = self._api.find(path, {"per_page": 1, "page": 1}, absent=(404, 422), shape=_Comparison)
        if comparison is None or comparison.files is None:
            return ChangedFiles(paths=(), complete=False, why="GitHub cannot compare the two commits")
        names = [name for file in comparison.files for name in (file.previous_filename, file.filename) if name]
        return ChangedFiles(paths=tuple(dict.fromkeys(names)), complete=len(comparison.files) < _MOST_FILES)

    def set_status(self, commit: str, status: Status) -> None:
        """Set a commit's status. https://docs.github.com/rest/commits/statuses"""
        body = {
            "state": status.state,
            "context": status.context,
            "description": one_line(status.description, _DESCRIPTION),
            "target_url": status.url,
        }

        def there() -> _Status | None:
            # Only the newest of this name counts, an equal one before it does not.
            found = self._newest(commit, status.context)
            same = found is not None and all(getattr(found, name) == value for name, value in body.items())
            return found if same else None

        self._api.post_once(at(self._repository, "statuses", commit), body, there, shape=_Status)

    def status(self, commit: str, context: str) -> Status | None:
        """The newest status of that name; None where there is none."""
        found = self._newest(commit, context)
        if found is None:
            return None
        return Status(
            context=found.context, state=found.state, description=found.description or "", url=found.target_url or ""
        )

    def _newest(self, commit: str, context: str) -> _Status | None:
        """Statuses are listed newest first, and names compared without regard to case."""
        listed = self._api.paginate(at(self._repository, "commits", commit, "statuses"), shape=_Status)
        return next((each for each in listed if each.context.casefold() == context.casefold()), None)

    def unheld(self, branch: str, context: str) -> str | None:
        """Why a pending status of this name holds no merge to the branch back: no ruleset and no protection asks it."""
        from mlci.adapters.github.protection import required_checks

        try:
            names = required_checks(self._api, self._repository, branch)
        except MlciError as error:
            return f"whether {one_line(branch, 80)} requires the status {context} cannot be read: {error.cause}"
        # GitHub does not tell them by their case.
        if context.casefold() in {name.casefold() for name in names}:
            return None
        return f"{one_line(branch, 80)} does not require the status {context}"

    def set_check(self, commit: str, check: Check) -> None:
        """Create a check run on a commit, or update the one with the same name and external id.

        https://docs.github.com/rest/checks/runs
        """
        output = {"title": one_line(check.title, _TITLE), "summary": _cut(check.summary, _SUMMARY)}
        body: dict[str, Any] = {
            "name": check.name,
            "external_id": check.external_id,
            "details_url": check.url,
            "status": "completed",
            "conclusion": check.conclusion,
            "output": output,
        }

        def there() -> _CheckRun | None:
            path = at(self._repository, "commits", commit, "check-runs")
            named = {"check_name": check.name, "filter": "all"}
            for found in self._api.paginate(path, named, items="check_runs", shape=_CheckRun):
                if (found.name, found.external_id) == (check.name, check.external_id):
                    return _CheckRun(found.id, found.name, found.external_id)
            return None

        runs = at(self._repository, "check-runs")
        before = there()
        if before is None:
            self._api.post_once(runs, {**body, "head_sha": commit}, there, shape=_CheckRun)
        else:
            self._api.patch(f"{runs}/{before.id}", body, shape=_CheckRun)


def _content(found: Any, place: str) -> bytes:
    """The bytes in an answer about a path.

    Its digest and size are not held against them: of a link that GitHub followed, they are the link's own.
    """
    if isinstance(found, list):
        raise ServiceFailed(f"{place} is a folder, not a file")
    try:
        answer = msgspec.convert(found, _Content)
    except msgspec.ValidationError as error:
        raise ServiceFailed(f"{place}: the answer is not a file: {one_line(error, 120)}") from None
    if answer.type != "file":
        raise ServiceFailed(f"{place} is a {one_line(answer.type, 20)}, not a file")
    try:
        content = base64.b64decode("".join(answer.content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ServiceFailed(f"{place}: the answer is not the content of a file") from None
    if max(len(content), answer.size) > _LARGEST_FILE:
        raise ServiceFailed(f"{place} is larger than {_LARGEST_FILE:,} bytes")
    if answer.encoding != "base64" or (answer.size and not content):
        raise ServiceFailed(f"{place}: the answer is without the content of the file")
    return content


def _cut(text: str, limit: int) -> str:
    """Text of at most ``limit`` bytes, cut after its last whole line where it has any."""
    content = text.encode("utf-8", "replace")
    if len(content) <= limit:
        return content.decode()
    kept = content[: limit - 40].decode("utf-8", "ignore")
    return kept[: kept.rfind("\n") + 1 or None] + "\n… cut here, it was too long"
