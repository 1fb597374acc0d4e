"""What ruff, flake8, mypy, pylint, pyright and pytest say is wrong, with the file and the line where they say it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlci.adapters.oneline import one_line
from mlci.domain.checks import MOST_PROBLEMS, Problem

# A line that is longer is no diagnostic; and so many are looked at, however many a tool prints.
_LONGEST, _MOST_LINES = 2000, 200_000
_WIDTH = 300

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_PLACED = re.compile(r"(?P<file>[^\s:][^:\x00]{0,500}):(?P<line>\d{1,7})(?::\d{1,5})?(?P<sep>:| -) (?P<said>\S.*)")
_RULE = re.compile(r"(?P<rule>[A-Z]{1,6}\d{1,5}|invalid-syntax|SyntaxError):? (?:\[\*\] )?(?P<said>.*)")
_TYPED = re.compile(r"(?P<level>error|warning): (?P<said>.*?)(?:  \[(?P<rule>[a-z-]+)\]| \((?P<report>report\w+)\))?")
_RAISED = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Failed|Exit|Warning)\b.{0,200}")
# ruff's own form: the rule on a line, and where on the next.
_ARROW = re.compile(r"\s*-->\s(?P<file>[^:\x00]{1,500}):(?P<line>\d{1,7}):\d{1,5}")


@dataclass
class Places:
    """Turns the names that tools print into files of the repository.

    Attributes:
        folder: where the tool ran.
        top: of the repository; no file outside of it is named.
    """

    folder: str
    top: str
    _known: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.top = os.path.realpath(self.top)

    def named(self, written: str) -> str | None:
        """The path from the top of the repository, with / between folders; None where no such file is there."""
        if written not in self._known:
            self._known[written] = self._found(written)
        return self._known[written]

    def _found(self, written: str) -> str | None:
        try:
            real = Path(os.path.realpath(Path(self.folder, written)))
            if not real.is_file() or not real.is_relative_to(self.top):
                return None
            inside = real.relative_to(self.top).as_posix()
        except (OSError, ValueError):
            return None
        return inside if inside.isprintable() else None


def read(lines: Iterable[bytes], places: Places) -> tuple[tuple[Problem, ...], int]:
    """The problems that a tool printed, each once, and how many there were beyond ``MOST_PROBLEMS``."""
    found: list[Problem] = []
    seen: set[tuple[str, int, str]] = set()
    for problem in _said(_clean(lines), places):
        key = (problem.file or "", problem.line or 0, problem.what)
        if key not in seen:
            seen.add(key)
            if len(found) < MOST_PROBLEMS:
                found.append(problem)
    return tuple(found), len(seen) - len(found)


def _clean(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number >= _MOST_LINES:
            return
        if len(line) <= _LONGEST:
            yield _ANSI.sub("", line.decode("utf-8", "replace")).rstrip()


def _said(lines: Iterator[str], places: Places) -> Iterator[Problem]:
    rule: re.Match[str] | None = None
    for line in lines:
        if rule is not None and (arrow := _ARROW.fullmatch(line)):
            yield from _problem(arrow["file"], arrow["line"], rule["rule"], rule["said"], places)
        rule = _RULE.fullmatch(line)
        if placed := _PLACED.fullmatch(line):
            yield from _placed(placed, places)


def _placed(placed: re.Match[str], places: Places) -> Iterator[Problem]:
    file, line, said = placed["file"], placed["line"], placed["said"]
    if ruled := _RULE.fullmatch(said):
        yield from _problem(file, line, ruled["rule"], ruled["said"], places)
    elif typed := _TYPED.fullmatch(said):
        if typed["level"] == "error":
            yield from _problem(file, line, typed["rule"] or typed["report"] or "error", typed["said"], places)
    elif placed["sep"] == ":" and _RAISED.fullmatch(said):
        # pytest's line where a test stopped: a name of an exception, and no more.
        yield from _problem(file, line, said.partition(":")[0][:60], said, places)


def _problem(file: str, line: str, what: str, said: str, places: Places) -> Iterator[Problem]:
    named = places.named(file)
    if named is not None:
        yield Problem(file=named, line=max(1, int(line)), what=what, message=one_line(said, _WIDTH))
