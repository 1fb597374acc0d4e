"""Names and texts in SQL, so that nothing which stands in data or in a configuration is ever read as SQL."""

from __future__ import annotations


def name(text: str) -> str:
    """A column or relation."""
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as a literal; a NUL, which no engine takes, is left out."""
    return "'" + value.replace("\0", "").replace("'", "''") + "'"
