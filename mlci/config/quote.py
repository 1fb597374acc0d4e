"""Text of unknown origin, made fit for a message: nothing in it can move a cursor, colour a line or fill a screen."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_LONGEST = 60
# Up to the last @ of the word: a password may itself hold @ or /, and leaving out too much is the safe mistake.
_CREDENTIALS = re.compile(r"//[^\s]*@")


def quote(text: str) -> str:
    """The text in quotes, shortened, with everything that does not print written as an escape."""
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def printable(text: str) -> str:
    """The text as it is where it prints, otherwise quoted."""
    return text if text.isprintable() and 0 < len(text) <= _LONGEST else quote(text)


def one_line(text: str) -> str:
    """The text as it is where it prints on one line, otherwise quoted; never shortened."""
    return text if text.isprintable() else repr(text)


def without_credentials(text: str) -> str:
    """The text with the user and password of any address in it left out.

    >>> without_credentials("https://someone:hunter2@registry.example/x")
    'https://***@registry.example/x'
    """
    return _CREDENTIALS.sub("//***@", text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A help line that names the known word nearest to a wrong one, if any is near."""
    close = difflib.get_close_matches(name[:_LONGEST], list(known), n=1)
    return f"did you mean {close[0]}?" if close else None
