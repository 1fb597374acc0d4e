"""Text from outside made safe for where it is shown: whatever it says, it stays text, on one line, and short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

CELL = 200
PROSE = 1200
MESSAGE = 4096

_ELLIPSIS = "…"
_JOINER = "\u2060"
_MARKS_IN_A_ROW = 3

# CSI, OSC and friends (both the two-character and the C1 form), then any other escape with its one letter.
_TERMINAL_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
_JOINERS_OF_SCRIPTS = "\u200c\u200d"


def cleaned(text: str, limit: int = CELL) -> str:
    """Keep what a reader can see: no control, no direction override, no invisible letters, no line breaks."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(_seen(_TERMINAL_CONTROL.sub("", text[: 8 * limit])))
    text = " ".join(text.split())
    return shortened(text, limit)


def _seen(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if letter.isspace() or category in ("Zl", "Zp"):
            kept.append(" ")
        elif category == "Cs":
            kept.append("\ufffd")
        elif letter in _JOINERS_OF_SCRIPTS or (category[0] != "C" and marks <= _MARKS_IN_A_ROW) or category == "Co":
            kept.append(letter)
    return kept


def shortened(text: str, limit: int) -> str:
    """Cut to ``limit`` characters, the last of which then says that something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + _ELLIPSIS


def terminal(text: str, limit: int = CELL) -> str:
    """For a terminal or a log, before lines are broken."""
    return cleaned(text, limit).replace("##[", "# #[")


def log_line(line: str) -> str:
    """Keep a line of output from being read as a command by the runner that collects the log.

    GitHub's runner takes ``::name::`` at the start of a line and ``##[name]`` anywhere in it as a command.
    """
    line = line.replace("##[", "# #[")
    lead = len(line) - len(line.lstrip())
    return line[:lead] + ": :" + line[lead + 2 :] if line.startswith("::", lead) else line


# Characters that mean something to a Markdown parser wherever they stand.
_SYNTAX = re.compile(r"[\\`*\[\]<>|~&$^{}#]|(?<![^\W_])_|_(?![^\W_])")
# What forges turn into links, pings or pictures after parsing; entities do not stop them, an invisible joiner does.
_REFERENCE = re.compile(
    r"(?P<mention>@)"
    r"|(?P<sigil>[#!%~$&^{\[](?=[\w\"+@-]))"
    r"|(?P<colon>:(?=//|[\w+-]+:))"
    r"|(?P<web>\bwww(?=\.))"
    r"|(?P<issue>\bGH(?=-\d))",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:[-+=]|(?P<number>\d{1,9})(?P<dot>[.)]))")


def markdown(text: str, limit: int = PROSE) -> str:
    """For running text in GitHub's and GitLab's Markdown: no markup, link, mention or reference survives."""
    return _LEADING.sub(_leading, cell(text, limit))


def cell(text: str, limit: int = CELL) -> str:
    """As ``markdown``, for where no line begins: a list's mark or a heading's means nothing inside a table's cell."""
    joined = _REFERENCE.sub(lambda found: found[0] + _JOINER, cleaned(text, limit))
    escaped = _SYNTAX.sub(lambda found: f"&#{ord(found[0])};", joined)
    return escaped.replace(_JOINER, "&#8288;")


def _leading(found: re.Match[str]) -> str:
    if found["number"]:
        return f"{found['number']}&#{ord(found['dot'])};"
    return f"&#{ord(found[0])};"


def within(write: Callable[[str, int], str], text: str, limit: int, room: int) -> str:
    """Write text so that it takes at most ``room`` characters once escaped, however much of it needs escaping."""
    while len(written := write(text, limit)) > room and limit > 1:
        limit = limit * 3 // 4
    return written


_PLAIN_CODE = re.compile(r"[^`|<>&@#]+")


def code(text: str, limit: int = CELL) -> str:
    """For a name in Markdown: a code span, which forges leave alone; also safe inside a table's cell."""
    name = cleaned(text, limit)
    if not name:
        return "`(empty)`"
    # A code span cannot hold entities, so a name that needs them gets the element itself.
    return f"`{name}`" if _PLAIN_CODE.fullmatch(name) else f"<code>{markdown(name, limit)}</code>"


def xml(text: str, limit: int = MESSAGE) -> str:
    """For XML 1.0, before the serialiser escapes markup: characters that XML cannot carry are gone."""
    return cleaned(text, limit)


def command_data(text: str, limit: int = MESSAGE) -> str:
    """For the message of a GitHub workflow command, at most ``limit`` characters once escaped."""
    escaped = ""
    for letter in log_line(cleaned(text, limit)):
        piece = {"%": "%25", "\r": "%0D", "\n": "%0A"}.get(letter, letter)
        if len(escaped) + len(piece) > limit:
            break
        escaped += piece
    return escaped


def command_property(text: str, limit: int = CELL) -> str:
    """For a property of a GitHub workflow command, such as its title."""
    return command_data(text, limit).replace(":", "%3A").replace(",", "%2C")
