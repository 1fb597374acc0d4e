"""What is known of a file, or of a line, of a dataset that is no table: the columns of its table of facts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

# What a dataset that is no table is made of.
Medium = Literal["images", "texts", "chats"]

# What makes the content of a file or text, where a table of facts is compared with another.
CONTENT = ("content",)

# Columns that only name a file or its bytes.
NAMES = ("path", "line", "digest", "content")

Column = Literal["string", "integer", "number", "boolean"]

_COMMON: dict[str, Column] = {
    "path": "string", "label": "string", "bytes": "integer", "digest": "string", "content": "string",
    "readable": "boolean", "trouble": "string",
}  # fmt: skip

# Columns of a table of facts, in order.
COLUMNS: dict[Medium, dict[str, Column]] = {
    "images": {
        **_COMMON, "format": "string", "mode": "string", "width": "integer", "height": "integer",
    },
    "texts": {
        **_COMMON, "line": "integer", "chars": "integer", "words": "integer", "language": "string",
        "controls": "integer", "undecodable": "integer",
    },
    "chats": {
        **_COMMON, "line": "integer", "chars": "integer", "words": "integer", "language": "string",
        "controls": "integer", "undecodable": "integer", "keys": "string", "messages": "integer", "roles": "string",
        "longest": "integer", "hollow": "integer",
    },
}  # fmt: skip


def medium_of(columns: Collection[str]) -> Medium | None:
    """What a table is made of, by its columns; None for any other table."""
    if not set(_COMMON) <= set(columns):
        return None
    return (
        "images" if "width" in columns else "chats" if "roles" in columns else "texts" if "chars" in columns else None
    )
