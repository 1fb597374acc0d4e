"""The policy that gate evidence carries, as the one that judged; strictly, because a verdict is replayed by it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from mlci.domain.policy import GatePolicy
from mlci.domain.report import plain
from mlci.errors import ArtifactRefused, Place


def read_policy(values: Mapping[str, Any], digest: str, place: str) -> GatePolicy:
    """The policy that values stand for; every key must be one that this version knows, with the very value.

    Keys that older versions did not have yet take the value that those versions went by, which is the default.

    Args:
        values: as the evidence has them.
        digest: sha256 of them in RFC 8785 form, as the evidence has it.
        place: names the evidence in an error.

    Raises:
        ArtifactRefused: they are not those of the digest, or of a policy that this version could judge by.
    """
    import rfc8785

    where = Place(place)
    try:
        written = hashlib.sha256(rfc8785.dumps(dict(values))).hexdigest()
        policy = msgspec.convert(dict(values), GatePolicy, strict=True)
    except (msgspec.ValidationError, rfc8785.CanonicalizationError, ValueError, RecursionError):
        raise ArtifactRefused("its policy is none that this version of mlci knows", place=where) from None
    if written != digest:
        raise ArtifactRefused("its policy is not the one whose digest it names", place=where)
    if not _is_within(values, plain(policy, exact=True)):
        raise ArtifactRefused("its policy asks for something that this version of mlci does not know", place=where)
    return policy


def _is_within(values: Any, known: Any) -> bool:
    """Whether everything of the one is in the other, with the same value."""
    if isinstance(values, Mapping):
        return isinstance(known, Mapping) and all(
            name in known and _is_within(value, known[name]) for name, value in values.items()
        )
    if isinstance(values, list):
        return (
            isinstance(known, list)
            and len(values) == len(known)
            and all(_is_within(one, other) for one, other in zip(values, known, strict=True))
        )
    return (type(values) is type(known) and bool(values == known)) or _is_same_number(values, known)


def _is_same_number(one: Any, other: Any) -> bool:
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (one, other))
    return numbers and bool(one == other)
