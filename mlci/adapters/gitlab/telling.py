"""Asking about people: what is refused makes it impossible to tell, and what GitLab calls a time becomes ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from mlci.adapters.gitlab.api import NEEDED, Access
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.errors import CannotTell, ServiceRefused

_SCOPE = (
    "the token in MLCI_TOKEN needs the scope read_api or api, and to be of this project with the role Reporter or more"
)


@contextmanager
def telling(access: Access, what: str, help: str | None = None) -> Iterator[Api]:
    """What reads.

    Args:
        access: what GitLab is asked with.
        what: is read, as the beginning of a sentence.
        help: what lets the token read it; None for the scope and role that nearly all takes.

    Raises:
        CannotTell: GitLab does not let this token read it.
    """
    try:
        yield access.read
    except ServiceRefused as error:
        wanted = (help or _SCOPE) if access.write is not None else f"the token of a job may not read this: {NEEDED}"
        raise CannotTell(f"{what} cannot be read: {one_line(error.cause, 200)}", help=wanted) from None


def moment(at: datetime) -> str:
    """A time in UTC to the second, as 2026-12-31T23:59:59Z."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_after(at: datetime) -> str:
    """The same, rounded up: what was said in the second before must not seem to have been said after it."""
    return moment(at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1))
