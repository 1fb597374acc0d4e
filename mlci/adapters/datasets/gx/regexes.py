"""Patterns in the syntax of RE2, which DuckDB has, for the regular expressions of PostgreSQL, Java and Python.

What those would read otherwise is written out: ``.`` is anything but a line feed, the classes of words, digits and
blanks are ASCII, ``$`` is the very end. What they have no counterpart for is refused, so that nothing is counted by
another meaning.
"""

from __future__ import annotations

import re
from typing import Literal

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
# As RE2 has them: ASCII.
_POSIX = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9A-Fa-f",
    "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\x0B\f\r ", "word": "0-9A-Za-z_", "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F", "graph": "!-~", "print": " -~", "ascii": r"\x00-\x7F",
}  # fmt: skip
_BORDERS = {
    "postgres": {"b": r"\y", "B": r"\Y", "A": r"\A", "z": r"\Z"},
    "java": {"b": r"\b", "B": r"\B", "A": r"\A", "z": r"\z"},
    "python": {"b": r"(?a:\b)", "B": r"(?a:\B)", "A": r"\A", "z": r"\Z"},
}
_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_GROUP = re.compile(r"\(\?(?:P?<([A-Za-z_]\w*)>|([ims]*)(:|\)))")
_SPECIAL = ".^$*+?()[]{}|\\"
# PostgreSQL's bound; RE2 has 1000.
_MOST = {"postgres": 255, "java": 1000, "python": 1000}

Flavour = Literal["postgres", "java", "python"]


class Untranslatable(ValueError):
    """A pattern that another flavour has no counterpart for."""


def translated(pattern: str, flavour: Flavour) -> str:
    """A pattern of RE2 for another flavour.

    Raises:
        Untranslatable: it has no counterpart there.

    >>> translated(r"^a.\\d$", "postgres")
    '^a[^\\\\n][0-9]$'
    """
    return _Reader(pattern, flavour).run()


class _Reader:
    def __init__(self, pattern: str, flavour: Flavour) -> None:
        self.text, self.flavour, self.at = pattern, flavour, 0
        self.dotall = self.folding = False
        self.out: list[str] = []

    def run(self) -> str:
        while self.at < len(self.text):
            self.one()
        # Java folds only ASCII without u; PostgreSQL takes options nowhere but at the start.
        options = {"postgres": "(?i)", "java": "(?iu)", "python": "(?i)"}[self.flavour] if self.folding else ""
        return options + "".join(self.out)

    def one(self) -> None:
        sign = self.text[self.at]
        if sign == "\\":
            self.escape()
        elif sign == "[":
            self.bracket()
        elif sign == "(":
            self.group()
        elif sign == "{":
            self.repeat()
        else:
            self.at += 1
            self.out.append(self.plain(sign))

    def plain(self, sign: str) -> str:
        if sign == ".":
            every = "." if self.flavour == "postgres" else r"[\s\S]"
            return every if self.dotall else r"[^\n]"
        if sign == "$":
            return "$" if self.flavour == "postgres" else _BORDERS[self.flavour]["z"]
        return r"\A" if sign == "^" and self.flavour == "java" else sign

    def repeat(self) -> None:
        found = _REPEAT.match(self.text, self.at)
        if found is None:
            self.out.append(r"\{")
            self.at += 1
            return
        if max(int(found[1]), int(found[2] or 0)) > _MOST[self.flavour]:
            raise Untranslatable(f"it repeats more than {_MOST[self.flavour]} times")
        self.out.append(found[0])
        self.at = found.end()

    def group(self) -> None:
        if not self.text.startswith("(?", self.at):
            self.out.append("(")
            self.at += 1
            return
        found = _GROUP.match(self.text, self.at)
        if found is None:
            raise Untranslatable("it has a group that RE2 does not know")
        options, closed = found[2] or "", found[3]
        if options and (self.at != 0 or closed != ")" or "m" in options):
            raise Untranslatable("it sets options elsewhere than at its start, or the option m")
        self.folding, self.dotall = self.folding or "i" in options, self.dotall or "s" in options
        if not options:
            self.out.append("(" if found[1] else "(?:")
        self.at = found.end()

    def escape(self) -> None:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter == "Q":
            end = self.text.find(r"\E", self.at)
            end = len(self.text) if end < 0 else end
            self.out.append("".join(self.literal(sign) for sign in self.text[self.at + 2 : end]))
            self.at = end + 2
        elif letter.lower() in _CLASSES and letter:
            self.out.append(f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]")
            self.at += 2
        elif letter in ("b", "B", "A", "z"):
            self.out.append(_BORDERS[self.flavour][letter])
            self.at += 2
        else:
            self.out.append(self.literal(self.character()))

    def character(self) -> str:
        """The character that an escape stands for."""
        letter = self.text[self.at + 1 : self.at + 2]
        known = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
        if letter in known:
            self.at += 2
            return known[letter]
        found = re.compile(r"\\x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))").match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            return chr(int(found[1] or found[2], 16))
        if letter == "" or letter.isalnum():
            raise Untranslatable(f"it has the escape \\{letter}")
        self.at += 2
        return letter

    def literal(self, sign: str) -> str:
        return "\\" + sign if sign in _SPECIAL else sign

    def bracket(self) -> None:
        """A set of characters."""
        self.at += 1
        parts = ["["]
        if self.text.startswith("^", self.at):
            parts.append("^")
            self.at += 1
        first = True
        while first or not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                raise Untranslatable("it has a set that does not end")
            parts.append(self.member())
            first = False
        self.at += 1
        self.out.append("".join(parts) + "]")

    def member(self) -> str:
        posix = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.text, self.at)
        if posix is not None:
            if posix[1] or posix[2] not in _POSIX or (self.flavour == "postgres" and posix[2] in ("word", "ascii")):
                raise Untranslatable(f"it has the class {posix[0]}")
            self.at = posix.end()
            return posix[0] if self.flavour == "postgres" else _POSIX[posix[2]]
        sign = self.text[self.at]
        if sign == "\\":
            letter = self.text[self.at + 1 : self.at + 2]
            if letter in ("d", "w", "s"):
                self.at += 2
                return _CLASSES[letter]
            if letter in ("D", "W", "S"):
                raise Untranslatable(f"it has \\{letter} in a set")
            return self.inside(self.character())
        self.at += 1
        return sign if sign == "-" else self.inside(sign)

    def inside(self, sign: str) -> str:
        return "\\" + sign if sign in "[]^\\-&" else sign
