"""What a runner or the payload of an event tells of a run, each value checked by what it must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlci.adapters.oneline import one_line
from mlci.errors import EventUnreadable, Place

SET_BY_THE_RUNNER = (
    "the runner sets it by itself: take away what sets another in the pipeline, in the settings or on this machine"
)
LARGEST_NUMBER = 2**63 - 1
ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._/-]*)?|https?://\[[0-9a-f:]+\](?::\d{1,5})?")
# What stands for no commit: where the branch was before it was made, for one.
NO_COMMIT = "0" * 40
_SHA = re.compile(r"[0-9a-f]{40}")
# What git forbids in the name of a branch: https://git-scm.com/docs/git-check-ref-format
_BRANCH = re.compile(r"(?!/)[^\x00-\x20\x7f~^:?*\[\\]{1,255}")


def matching(pattern: re.Pattern[str], value: object, name: str, what: str, place: Place | None = None) -> str:
    """A text of a certain form.

    Args:
        pattern: that the whole text matches.
        value: what was told.
        name: of the variable or field it was told in.
        what: the form, in words.
        place: the file it stands in.

    Raises:
        EventUnreadable: it is missing or something else.
    """
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    found = "is missing" if value is None or value == "" else f"is {one_line(repr(value), 60)}, not {what}"
    raise EventUnreadable(f"{name} {found}", place=place, help=_help(place))


def commit_named(value: object, name: str, place: Place | None = None) -> str:
    """The full name of a commit."""
    return matching(_SHA, value, name, "a commit of 40 hexadecimal digits", place)


def branch_named(value: object, name: str, place: Place | None = None) -> str:
    """The name of a branch, without ``refs/heads/``."""
    bare = value.removeprefix("refs/heads/") if isinstance(value, str) else value
    return matching(_BRANCH, bare, name, "the name of a branch", place)


def number_of(value: object, name: str, place: Place | None = None) -> int:
    """A positive number that is a number in JSON."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_NUMBER:
        return value
    found = "is missing" if value is None else f"is {one_line(repr(value), 60)}, not a number"
    raise EventUnreadable(f"{name} {found}", place=place, help=_help(place))


def _help(place: Place | None) -> str | None:
    # What stands in a file the forge itself has written, and nobody can have overridden.
    return SET_BY_THE_RUNNER if place is None else None


def counted(environ: Mapping[str, str], name: str, default: str = "") -> int:
    """A positive number in a variable of the environment."""
    text = environ.get(name) or default
    return number_of(int(text) if re.fullmatch(r"[0-9]{1,19}", text) else (text or None), name)


def matching_commit(value: str) -> bool:
    """Whether a text is the full name of a commit."""
    return _SHA.fullmatch(value) is not None
