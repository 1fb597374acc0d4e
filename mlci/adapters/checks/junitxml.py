"""What pytest writes with ``--junitxml``, read as a hostile file: a change may have written anything there.

A document type is refused outright, so that there are no entities to expand or to fetch; size, depth, number of
cases and length of every text are bounded. expat is used as it is, because nothing else of a tree is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from mlci.adapters.checks.diagnostics import Places
from mlci.adapters.oneline import one_line
from mlci.domain.checks import MOST_PROBLEMS, Problem, Tests

LARGEST = 32 << 20
_DEEPEST, _MOST_CASES, _MOST_TEXT = 20, 200_000, 200_000
_WIDTH, _NAME, _SLOWEST = 300, 200, 10
_RED = ("failure", "error")
# The line where a test stopped, as pytest ends its account of it.
_STOPPED = re.compile(r"^([^\s:][^:\n]{0,500}):(\d{1,7}): \w", re.MULTILINE)


class Refused(Exception):
    """The file is not what pytest writes."""


@dataclass
class _Case:
    name: str
    file: str | None
    line: int | None
    seconds: float
    outcome: str = "passed"
    message: str = ""
    text: str = ""


@dataclass
class _Reader:
    """Takes the events of the parser; holds one case at a time, and the red ones."""

    cases: int = 0
    skipped: int = 0
    red: list[_Case] = field(default_factory=list)
    more: int = 0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    depth: int = 0
    case: _Case | None = None
    inside: str = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Refused("is nested too deep")
        if tag == "testcase":
            self.cases += 1
            if self.cases > _MOST_CASES:
                raise Refused("has too many cases")
            self.case = _case(attributes)
        elif self.case is not None and tag in (*_RED, "skipped"):
            self.inside = tag
            if self.case.outcome == "passed" or tag in _RED:
                self.case.outcome = tag
                self.case.message = attributes.get("message", "")[: 4 * _WIDTH]

    def text(self, text: str) -> None:
        if self.case is not None and self.inside in _RED and len(self.case.text) < _MOST_TEXT:
            self.case.text += text[:_MOST_TEXT]

    def end(self, tag: str) -> None:
        self.depth -= 1
        if tag == self.inside:
            self.inside = ""
        if tag == "testcase" and self.case is not None:
            self._take(self.case)
            self.case = None

    def _take(self, case: _Case) -> None:
        self.slowest = sorted([*self.slowest, (-case.seconds, case.name)])[:_SLOWEST]
        self.skipped += case.outcome == "skipped"
        if case.outcome in _RED:
            if len(self.red) < MOST_PROBLEMS:
                self.red.append(case)
            else:
                self.more += 1


def read(path: str, places: Places) -> tuple[Tests, tuple[Problem, ...], int] | None:
    """The tests, those that failed, and how many failed besides; None where there is no such file.

    Raises:
        Refused: it is larger than 32 MiB, malformed, or has a document type.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError:
        return None
    if len(content) > LARGEST:
        raise Refused("is too large")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.buffer_text = True
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Refused(f"is no XML: {error}") from None
    tests = Tests(
        run=reader.cases,
        failed=len(reader.red) + reader.more,
        skipped=reader.skipped,
        slowest=tuple((name, -seconds) for seconds, name in reader.slowest),
    )
    return tests, tuple(_problem(case, places) for case in reader.red), reader.more


def _no_doctype(*_: object) -> None:
    raise Refused("has a document type")


def _case(attributes: dict[str, str]) -> _Case:
    group, name, file = (attributes.get(key, "") for key in ("classname", "name", "file"))
    # As pytest writes it on its command line, where the file is known.
    inner = group.rpartition(".")[2] if file and group.rpartition(".")[2][:1].isupper() else ""
    called = "::".join(part for part in ((file, inner, name) if file else (group, name)) if part)
    line = attributes.get("line", "")
    return _Case(
        name=one_line(called, _NAME),
        file=file or None,
        line=int(line) + 1 if line.isascii() and line.isdigit() and len(line) < 8 else None,
        seconds=_seconds(attributes.get("time", "")),
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e7 else 0.0


def _problem(case: _Case, places: Places) -> Problem:
    file = places.named(case.file) if case.file else None
    line = case.line
    # The line where it stopped says more than where the test begins, where it is one of the repository's.
    for stopped in reversed(list(_STOPPED.finditer(case.text[-4000:]))):
        if named := places.named(stopped[1]):
            file, line = named, max(1, int(stopped[2]))
            break
    said = case.message or case.text.strip().partition("\n")[0] or case.outcome
    return Problem(
        file=file,
        line=line if file is not None else None,
        what=case.name,
        message=one_line(said, _WIDTH),
        seconds=case.seconds,
    )
