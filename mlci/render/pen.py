"""What every line on a terminal is written with: how wide, in which colours, in which letters."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass

from mlci.domain.verdict import Verdict

_UNICODE_MARKS = {"pass": "✔", "warn": "!", "inconclusive": "?", "fail": "✖"}
_ASCII_MARKS = {"pass": "+", "warn": "!", "inconclusive": "?", "fail": "x"}
_COLOURS = {"pass": "32", "warn": "33", "inconclusive": "35", "fail": "31"}


@dataclass(frozen=True)
class Pen:
    """The width of a terminal in columns, and whether it shows colours and more letters than ASCII."""

    width: int
    colour: bool
    unicode: bool

    def mark(self, verdict: Verdict) -> str:
        """The sign of a verdict."""
        return (_UNICODE_MARKS if self.unicode else _ASCII_MARKS)[verdict.value]

    def paint(self, words: str, verdict: Verdict) -> str:
        """Words in the colour of a verdict."""
        return f"\x1b[1;{_COLOURS[verdict.value]}m{words}\x1b[0m" if self.colour else words

    def wrap(self, words: str, first: str = "", later: str = "") -> list[str]:
        """Words broken into lines, with what stands before the first and before the others."""
        return textwrap.wrap(
            words, max(self.width, 20), initial_indent=first, subsequent_indent=later, break_on_hyphens=False
        ) or [first]

    def cell(self, words: str) -> str:
        """Words as they will stand there, so that their width is known before they are."""
        return words if self.unicode else as_ascii(words)


def columns_of(words: str) -> int:
    """How many columns of a terminal the words take."""
    wide = sum(1 for letter in words if unicodedata.east_asian_width(letter) in "WF")
    return len(words) + wide - sum(1 for letter in words if unicodedata.combining(letter))


def as_ascii(written: str) -> str:
    """The same in ASCII, with the nearest letter or letters for what we write ourselves."""
    for letter, plain in (
        ("\u00a0", " "),
        ("·", "-"),
        ("–", "-"),
        ("…", "..."),
        ("≥", ">="),
        ("≤", "<="),
        ("×", "x"),
        ("→", "->"),
    ):
        written = written.replace(letter, plain)
    return written.encode("ascii", "backslashreplace").decode("ascii")
