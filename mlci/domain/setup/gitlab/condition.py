"""What an ``if`` of GitLab CI comes to, where only some variables are known.

The grammar is that of https://docs.gitlab.com/ci/jobs/job_rules/#cicd-variable-expressions. What hangs on a variable
that is not known stays in doubt, and the doubt names the variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:(?P<variable>\$\{?\w+\}?)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<pattern>/(?:[^/\\\n]|\\.)+/[a-z]*)"""
    r"""|(?P<null>null\b)|(?P<sign>==|!=|=~|!~|&&|\|\||\(|\)))"""
)
_LONGEST, _DEEPEST = 4096, 20
# Patterns whose time is in proportion to the text: no group that repeats, and two repetitions at most.
_REPEATED = re.compile(r"(?<!\\)[*+?{]")
_MOST_REPEATED = 2
_BACKWARDS = re.compile(r"\\[1-9kg]|\(\?|\)[*+?{]")


@dataclass(frozen=True)
class Doubt:
    """Neither true nor false: it hangs on these."""

    names: frozenset[str]


@dataclass(frozen=True)
class Some:
    """A value that is there and not known."""

    name: str


Truth = bool | Doubt
# None is a variable that does not exist.
Value = str | None | Some | Doubt
Values = Callable[[str], Value]


@dataclass(frozen=True)
class _Pattern:
    text: str


class _Odd(Exception):
    """No expression that GitLab would accept, or one that is longer than what is read."""


def truth(condition: str, values: Values) -> Truth:
    """What a condition comes to.

    Args:
        values: the value of a variable by its name.
    """
    try:
        parser = _Parser(_tokens(condition), values)
        found = parser.either(0)
        parser.end()
    except _Odd:
        return Doubt(frozenset({condition[:100]}))
    return found


def both(one: Truth, other: Truth) -> Truth:
    """Whether both hold."""
    if one is False or other is False:
        return False
    return _joined(one, other) or True


def either(one: Truth, other: Truth) -> Truth:
    """Whether one of two holds."""
    if one is True or other is True:
        return True
    return _joined(one, other) or False


def _joined(one: Truth, other: Truth) -> Doubt | None:
    names = [each.names for each in (one, other) if isinstance(each, Doubt)]
    return Doubt(frozenset().union(*names)) if names else None


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > _LONGEST:
        raise _Odd
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _Odd
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], values: Values) -> None:
        self._tokens, self._values, self._at = tokens, values, 0

    def either(self, depth: int) -> Truth:
        found = self._both(depth)
        while self._takes("||"):
            found = either(found, self._both(depth))
        return found

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise _Odd

    def _both(self, depth: int) -> Truth:
        found = self._compared(depth)
        while self._takes("&&"):
            found = both(found, self._compared(depth))
        return found

    def _compared(self, depth: int) -> Truth:
        if self._takes("("):
            if depth >= _DEEPEST:
                raise _Odd
            found = self.either(depth + 1)
            if not self._takes(")"):
                raise _Odd
            return found
        left = self._value()
        for sign in ("==", "!=", "=~", "!~"):
            if self._takes(sign):
                same = _equal(left, self._value()) if sign[-1] == "=" else _matches(left, self._value())
                return same if sign[0] == "=" else _not(same)
        return _there(left)

    def _takes(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _value(self) -> Value | _Pattern:
        if self._at >= len(self._tokens):
            raise _Odd
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "variable":
            return self._values(text.strip("${}"))
        if kind == "pattern":
            return _Pattern(text)
        if kind == "sign":
            raise _Odd
        return None if kind == "null" else text


def _not(found: Truth) -> Truth:
    return found if isinstance(found, Doubt) else not found


def _there(value: Value | _Pattern) -> Truth:
    """Whether a variable stands for anything: it exists and is not empty."""
    if isinstance(value, Doubt):
        return value
    return True if isinstance(value, (Some, _Pattern)) else bool(value)


def _equal(left: Value | _Pattern, right: Value | _Pattern) -> Truth:
    unknown = [each for each in (left, right) if isinstance(each, (Some, Doubt))]
    # What is there is not null, whatever it is.
    if any(isinstance(each, Some) for each in unknown) and None in (left, right):
        return False
    if unknown:
        return _doubt(*unknown)
    return left == right


def _matches(left: Value | _Pattern, right: Value | _Pattern) -> Truth:
    unknown = [each for each in (left, right) if isinstance(each, (Some, Doubt))]
    if unknown:
        return _doubt(*unknown)
    if left is None or right is None:
        return False
    if not isinstance(left, str):
        raise _Odd
    found = _search(right.text if isinstance(right, _Pattern) else str(right), left)
    return Doubt(frozenset({str(getattr(right, "text", right))[:100]})) if found is None else found


def _doubt(*unknown: Some | Doubt) -> Doubt:
    names = [frozenset({each.name}) if isinstance(each, Some) else each.names for each in unknown]
    return Doubt(frozenset().union(*names))


def _search(pattern: str, text: str) -> bool | None:
    """Whether a pattern is found in a text; None where it is beyond this check."""
    match = re.fullmatch(r"/(?P<body>.+)/(?P<flags>[ismU]*)", pattern, re.DOTALL)
    if match is None or _BACKWARDS.search(match["body"]) or "U" in match["flags"]:
        return None
    if len(_REPEATED.findall(match["body"])) > _MOST_REPEATED:
        return None
    flags = re.IGNORECASE if "i" in match["flags"] else re.RegexFlag(0)
    try:
        return re.search(match["body"], text, flags) is not None
    except re.error:
        return None
