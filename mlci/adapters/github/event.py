"""Which run this is, from the runner's GITHUB_ variables and the payload of the event that started it.

The branch of a run is taken from GITHUB_REF only where that is the branch whose code runs because of a push to it, a
schedule, a person, or the end of another run. A comment or a label also names the default branch, and says nothing
about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlci.adapters.oneline import one_line
from mlci.domain.baseline import OF_ITS_BRANCH
from mlci.domain.run import Change, Run, Triggering
from mlci.errors import EventUnreadable, Place

# GitHub caps a webhook's payload at 25 MB: https://docs.github.com/webhooks/webhook-events-and-payloads
_LARGEST_PAYLOAD = 25_000_000
_LARGEST_MATRIX = 16_384
_LARGEST_NUMBER = 2**63 - 1
_SHA = re.compile(r"[0-9a-f]{40}")
# owner/name; a name of dots alone would lead elsewhere in an address.
REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,100}")
_EVENT = re.compile(r"[a-z_]{1,64}")
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._/-]*)?|https?://\[[0-9a-f:]+\](?::\d{1,5})?")
# What git forbids in the name of a branch: https://git-scm.com/docs/git-check-ref-format
_BRANCH = re.compile(r"(?!/)[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
_NO_COMMIT = "0" * 40
_ABOUT_ITS_BRANCH = OF_ITS_BRANCH | {"workflow_run"}


def read_run(environ: Mapping[str, str]) -> Run | None:
    """The run this process belongs to; None outside GitHub Actions.

    Raises:
        EventUnreadable: a variable or a field of the payload that is used is missing or malformed.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    event = _matching(_EVENT, environ.get("GITHUB_EVENT_NAME"), "GITHUB_EVENT_NAME", "the name of an event")
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    repository = _repository(environ.get("GITHUB_REPOSITORY"), "GITHUB_REPOSITORY")
    home = _matching(_SERVER, environ.get("GITHUB_SERVER_URL"), "GITHUB_SERVER_URL", "an address").rstrip("/")
    home = f"{home}/{repository}/actions/runs"
    number, attempt = _counted(environ, "GITHUB_RUN_ID"), _counted(environ, "GITHUB_RUN_ATTEMPT", default="1")
    change = _change(event, payload)
    branch = _branch_of(environ.get("GITHUB_REF", ""), event)
    return Run(
        repository=repository,
        id=number,
        attempt=attempt,
        # Not the attempt's own page: a comment that says the same as before is left as it is.
        url=f"{home}/{number}",
        event=event,
        commit=change.head if change is not None else _sha(environ.get("GITHUB_SHA"), "GITHUB_SHA"),
        branch=branch,
        default_branch=_default_branch(event, payload, branch),
        change=change,
        before=_before(payload) if event == "push" else None,
        triggered_by=_triggering(payload, home) if event == "workflow_run" else None,
        matrix=_matrix(environ.get("MLCI_MATRIX", "")),
    )


# The payload, part by part.


class _Fields:
    """A JSON object of the payload, read by dotted path; what is wrong is named by that path."""

    def __init__(self, document: Mapping[str, Any], place: Place) -> None:
        self.document = document
        self.place = place

    def __call__(self, path: str) -> Any:
        """The value at a dotted path; None where any part of it is absent or null."""
        value: Any = self.document
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value


def _payload(path: str) -> _Fields:
    place = Place(path or "GITHUB_EVENT_PATH")
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST_PAYLOAD + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise EventUnreadable(f"the payload of the event cannot be read: {why}", place=place) from None
    if len(content) > _LARGEST_PAYLOAD:
        raise EventUnreadable("the payload of the event is larger than any that GitHub sends", place=place)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise EventUnreadable("the payload of the event is not JSON", place=place) from None
    if not isinstance(document, dict):
        raise EventUnreadable("the payload of the event is not a JSON object", place=place)
    return _Fields(document, place)


def _change(event: str, payload: _Fields) -> Change | None:
    if event == "merge_group":
        return Change(
            number=None,
            head=_sha(payload("merge_group.head_sha"), "merge_group.head_sha", payload.place),
            base=_sha(payload("merge_group.base_sha"), "merge_group.base_sha", payload.place),
            base_branch=_branch(payload("merge_group.base_ref"), "merge_group.base_ref", payload.place),
            fork=False,
        )
    if not event.startswith("pull_request"):
        return None
    return Change(
        number=_number(payload("pull_request.number"), "pull_request.number", payload.place),
        head=_sha(payload("pull_request.head.sha"), "pull_request.head.sha", payload.place),
        base=_sha(payload("pull_request.base.sha"), "pull_request.base.sha", payload.place),
        base_branch=_branch(payload("pull_request.base.ref"), "pull_request.base.ref", payload.place),
        fork=_from_fork(payload),
    )


def _from_fork(payload: _Fields) -> bool:
    ours = _number(payload("pull_request.base.repo.id"), "pull_request.base.repo.id", payload.place)
    theirs = payload("pull_request.head.repo")
    # A fork that was deleted is null, and its change is a fork's all the same.
    if theirs is None:
        return True
    return _number(payload("pull_request.head.repo.id"), "pull_request.head.repo.id", payload.place) != ours


def _triggering(payload: _Fields, home: str) -> Triggering:
    number = _number(payload("workflow_run.id"), "workflow_run.id", payload.place)
    branch = payload("workflow_run.head_branch")
    repository = payload("workflow_run.head_repository.full_name")
    place = payload.place
    return Triggering(
        id=number,
        attempt=_number(payload("workflow_run.run_attempt"), "workflow_run.run_attempt", place),
        event=_matching(_EVENT, payload("workflow_run.event"), "workflow_run.event", "the name of an event", place),
        head=_sha(payload("workflow_run.head_sha"), "workflow_run.head_sha", place),
        # GitHub's description allows null here; a run without a branch has no change that is found by branch.
        head_branch="" if branch is None else _branch(branch, "workflow_run.head_branch", place),
        head_repository=None
        if repository is None
        else _repository(repository, "workflow_run.head_repository.full_name", place),
        url=f"{home}/{number}",
    )


def _default_branch(event: str, payload: _Fields, branch: str | None) -> str:
    named = payload("repository.default_branch")
    # The payload of a schedule need not hold the repository, and a schedule runs on the default branch only.
    if named is None and event == "schedule" and branch is not None:
        return branch
    return _branch(named, "repository.default_branch", payload.place)


def _before(payload: _Fields) -> str | None:
    before = payload("before")
    if before is None or before == _NO_COMMIT:
        return None
    return _sha(before, "before", payload.place)


def _branch_of(ref: str, event: str) -> str | None:
    if event not in _ABOUT_ITS_BRANCH or not ref.startswith("refs/heads/"):
        return None
    return _branch(ref, "GITHUB_REF")


def _matrix(text: str) -> str | None:
    """The matrix on one line; None where the job has none."""
    if not text.strip():
        return None
    try:
        matrix = json.loads(text) if len(text) <= _LARGEST_MATRIX else ...
    except (ValueError, RecursionError):
        matrix = ...
    if matrix is None or matrix == {}:
        return None
    if not isinstance(matrix, dict):
        raise EventUnreadable("MLCI_MATRIX is not the matrix of a job", help="set it to ${{ toJSON(matrix) }}")
    return json.dumps(matrix, ensure_ascii=False)


# Values, each by what it must look like.


def _matching(pattern: re.Pattern[str], value: object, name: str, what: str, place: Place | None = None) -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    found = "is missing" if value is None or value == "" else f"is {one_line(repr(value), 60)}, not {what}"
    raise EventUnreadable(f"{name} {found}", place=place)


def _sha(value: object, name: str, place: Place | None = None) -> str:
    return _matching(_SHA, value, name, "a commit of 40 hexadecimal digits", place)


def _repository(value: object, name: str, place: Place | None = None) -> str:
    return _matching(REPOSITORY, value, name, "owner/name", place)


def _branch(value: object, name: str, place: Place | None = None) -> str:
    bare = value.removeprefix("refs/heads/") if isinstance(value, str) else value
    return _matching(_BRANCH, bare, name, "the name of a branch", place)


def _number(value: object, name: str, place: Place | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_NUMBER:
        return value
    found = "is missing" if value is None else f"is {one_line(repr(value), 60)}, not a number"
    raise EventUnreadable(f"{name} {found}", place=place)


def _counted(environ: Mapping[str, str], name: str, default: str = "") -> int:
    text = environ.get(name) or default
    return _number(int(text) if re.fullmatch(r"[0-9]{1,19}", text) else (text or None), name)
