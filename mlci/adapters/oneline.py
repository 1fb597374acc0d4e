"""Words from outside as one short line, for messages and for fields that take one line."""

from __future__ import annotations


def one_line(text: object, limit: int) -> str:
    """Text without control, invisible or unpaired characters, on one line, cut to ``limit`` characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(text)[: 8 * limit]).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
