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

from mlci.adapters.told import ADDRESS, NO_COMMIT, branch_named, commit_named, counted, matching, number_of
from mlci.domain.baseline import OF_ITS_BRANCH
from mlci.domain.run import Change, Run, Triggering
from mlci.errors import EventUnreadable, Place

# GitHub caps a webhook's payload at 25 MB: https://docs.github.com/webhooks/webhook-events-and-payloads
_LARGEST_PAYLOAD = 25_000_000
_LARGEST_MATRIX = 16_384
# owner/name; a name of dots alone would lead elsewhere in an address.
REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,100}")
_EVENT = re.compile(r"[a-z_]{1,64}")
_ABOUT_ITS_BRANCH = OF_ITS_BRANCH | {"workflow_run"}


def read_run(environ: Mapping[str, str]) -> Run | None:
    """The run this process belongs to; None outside GitHub Actions.

    Raises:
        EventUnreadable: a variable or a field of the payload that is used is missing or malformed.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    event = matching(_EVENT, environ.get("GITHUB_EVENT_NAME"), "GITHUB_EVENT_NAME", "the name of an event")
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    repository = _repository(environ.get("GITHUB_REPOSITORY"), "GITHUB_REPOSITORY")
    home = matching(ADDRESS, environ.get("GITHUB_SERVER_URL"), "GITHUB_SERVER_URL", "an address").rstrip("/")
    home = f"{home}/{repository}/actions/runs"
    number, attempt = counted(environ, "GITHUB_RUN_ID"), counted(environ, "GITHUB_RUN_ATTEMPT", default="1")
    change = _change(event, payload)
    branch = _branch_of(environ.get("GITHUB_REF", ""), event)
    return Run(
        repository=repository,
        id=number,
        attempt=attempt,
        # Not the attempt's own page: a comment that says the same as before is left as it is.
        url=f"{home}/{number}",
        event=event,
        commit=change.head if change is not None else commit_named(environ.get("GITHUB_SHA"), "GITHUB_SHA"),
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
            head=commit_named(payload("merge_group.head_sha"), "merge_group.head_sha", payload.place),
            base=commit_named(payload("merge_group.base_sha"), "merge_group.base_sha", payload.place),
            base_branch=branch_named(payload("merge_group.base_ref"), "merge_group.base_ref", payload.place),
            fork=False,
        )
    if not event.startswith("pull_request"):
        return None
    return Change(
        number=number_of(payload("pull_request.number"), "pull_request.number", payload.place),
        head=commit_named(payload("pull_request.head.sha"), "pull_request.head.sha", payload.place),
        base=commit_named(payload("pull_request.base.sha"), "pull_request.base.sha", payload.place),
        base_branch=branch_named(payload("pull_request.base.ref"), "pull_request.base.ref", payload.place),
        fork=_from_fork(payload),
    )


def _from_fork(payload: _Fields) -> bool:
    ours = number_of(payload("pull_request.base.repo.id"), "pull_request.base.repo.id", payload.place)
    theirs = payload("pull_request.head.repo")
    # A fork that was deleted is null, and its change is a fork's all the same.
    if theirs is None:
        return True
    return number_of(payload("pull_request.head.repo.id"), "pull_request.head.repo.id", payload.place) != ours


def _triggering(payload: _Fields, home: str) -> Triggering:
    number = number_of(payload("workflow_run.id"), "workflow_run.id", payload.place)
    branch = payload("workflow_run.head_branch")
    repository = payload("workflow_run.head_repository.full_name")
    place = payload.place
    return Triggering(
        id=number,
        attempt=number_of(payload("workflow_run.run_attempt"), "workflow_run.run_attempt", place),
        event=matching(_EVENT, payload("workflow_run.event"), "workflow_run.event", "the name of an event", place),
        head=commit_named(payload("workflow_run.head_sha"), "workflow_run.head_sha", place),
        # GitHub's description allows null here; a run without a branch has no change that is found by branch.
        head_branch="" if branch is None else branch_named(branch, "workflow_run.head_branch", place),
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
    return branch_named(named, "repository.default_branch", payload.place)


def _before(payload: _Fields) -> str | None:
    before = payload("before")
    if before is None or before == NO_COMMIT:
        return None
    return commit_named(before, "before", payload.place)


def _branch_of(ref: str, event: str) -> str | None:
    if event not in _ABOUT_ITS_BRANCH or not ref.startswith("refs/heads/"):
        return None
    return branch_named(ref, "GITHUB_REF")


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


def _repository(value: object, name: str, place: Place | None = None) -> str:
    return matching(REPOSITORY, value, name, "owner/name", place)


# Which pull request an event is about, where it names one without saying what it is.
_GROUP = re.compile(r"refs/heads/gh-readonly-queue/.{1,200}/pr-(?P<number>[1-9]\d{0,17})-[0-9a-f]{40}")


def number_named(environ: Mapping[str, str]) -> int | None:
    """Number of the pull request that a comment was written on, or that a group of the merge queue was made for.

    None where the event names none. GitHub makes a group for each pull request that waits; those ahead of it have their
    own.

    Raises:
        EventUnreadable: what the payload says of it is malformed.
    """
    event = environ.get("GITHUB_EVENT_NAME", "")
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    if event == "merge_group":
        ref = payload("merge_group.head_ref")
        found = _GROUP.fullmatch(ref) if isinstance(ref, str) else None
        return int(found["number"]) if found else None
    # A comment on an issue is of the same event.
    if event == "issue_comment" and payload("issue.pull_request") is not None:
        return number_of(payload("issue.number"), "issue.number", payload.place)
    return None
