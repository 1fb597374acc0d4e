"""JSON of another run decoded strictly: exact types, no name twice, bounded size, and no word of its own in errors."""

from __future__ import annotations

import json
import re
from typing import Any, Generic, TypeVar

import msgspec

from mlci.errors import ArtifactRefused, Place

DIGEST = re.compile(r"[0-9a-f]{64}")

P = TypeVar("P")
T = TypeVar("T")


class Named(msgspec.Struct):
    """What a statement is about: a name, and its digests by algorithm."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, Generic[P]):
    """An in-toto Statement (v1) with a predicate of one kind."""

    type: str = msgspec.field(name="_type")
    subject: tuple[Named, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: P


def decoded(content: bytes, kind: type[T], where: Place, *, what: str, limit: int, help: str | None) -> T:
    """JSON as one type, what the type does not know passed over.

    Args:
        content: bytes that anybody may have made.
        kind: a dataclass or struct.
        where: names the content in an error.
        what: names it in the sentence, such as "the evidence".
        limit: largest size in bytes.
        help: what to do about content that cannot be used.

    Raises:
        ArtifactRefused: it is too large, malformed, or of other types.
    """
    if len(content) > limit:
        raise ArtifactRefused(f"{what} has {len(content)} bytes, more than {limit}", place=where, help=help)
    try:
        value = msgspec.json.decode(content, type=kind, strict=True)
        # One of two equal names would win here and perhaps the other elsewhere, so neither is taken.
        json.loads(content, object_pairs_hook=_unrepeated, parse_int=_nothing, parse_float=_nothing)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        cause = "nested too deep" if isinstance(error, RecursionError) else _without_values(str(error))
        raise ArtifactRefused(f"{what} cannot be read: {cause}", place=where, help=help) from None
    return value


def _without_values(message: str) -> str:
    """The decoder's message with types and positions; a word that it quotes is the file's own and stays out."""
    if not message.startswith("Invalid enum value"):
        return message
    return f"Unknown word - at {message.rpartition(' - at ')[2]}"


def _unrepeated(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice in one object")


def _nothing(_: str) -> None:
    """Numbers were read by the strict decoder; digits without end are not worth reading twice."""
