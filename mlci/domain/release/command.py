"""The command by which a person agrees to a verdict, or refuses it, in a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Everything but the digest is fixed: no leading blanks, no second word, nothing behind it.
_COMMAND = re.compile(r"/mlci (approve|refuse) sha256:([0-9a-f]{12,64})[ \t]*")
# Markdown's ends of lines, and not those that str.splitlines also knows: a reader sees no new line there.
_END = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})(.*)")
_RAW = re.compile(r"<(pre|script|style|textarea)\b", re.IGNORECASE)
_QUOTE = re.compile(r" {0,3}>")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a line of a comment asks for.

    Attributes:
        agrees: True to approve, False to refuse.
        digest: sha256 of what it is about in hexadecimal, or its first 12 digits at least.
    """

    agrees: bool
    digest: str


def commands_in(text: str) -> tuple[Command, ...]:
    """The commands of a comment, in their order.

    Counts only a whole line that a reader sees as a plain line: not what is quoted, not code, not what is hidden.
    Where a line could be either, it is not a command.
    """
    found = (_COMMAND.fullmatch(line) for line in _plain(text))
    return tuple(Command(agrees=each[1] == "approve", digest=each[2]) for each in found if each)


def command_for(digest: str, *, agrees: bool = True) -> str:
    """The line that a person writes about a digest."""
    return f"/mlci {'approve' if agrees else 'refuse'} sha256:{digest}"


def _plain(text: str) -> Iterator[str]:
    """Lines outside of quotes, of fenced blocks, and of raw and hidden HTML."""
    until: re.Pattern[str] | None = None
    quoted = False
    for line in _END.split(text):
        if until is not None:
            until = None if until.search(line) else until
            continue
        until = _opened(line)
        # The line after a quoted one still belongs to its paragraph, unless there is an empty one between.
        quoted = bool(_QUOTE.match(line)) or (quoted and bool(line.strip()))
        if until is None and not quoted:
            yield line


def _opened(line: str) -> re.Pattern[str] | None:
    """What ends the block that a line begins; None where it begins none."""
    fence = _FENCE.match(line)
    if fence and not (fence[1][0] == "`" and "`" in fence[2]):
        return re.compile(rf"^[ \t]*{re.escape(fence[1])}{re.escape(fence[1][0])}*[ \t]*$")
    if line.strip() == ">>>":
        # GitLab's quote of several lines.
        return re.compile(r"^[ \t]*>>>[ \t]*$")
    if "<!--" in line and "-->" not in line[line.rindex("<!--") :]:
        return re.compile("-->")
    raw = _RAW.search(line)
    if raw and f"</{raw[1]}".casefold() not in line[raw.start() :].casefold():
        return re.compile(f"</{raw[1]}", re.IGNORECASE)
    return None
