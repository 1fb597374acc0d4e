"""From how a command ended to what its check says: the problems it printed, and what pytest counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mlci.adapters.checks import diagnostics, junitxml
from mlci.adapters.checks.diagnostics import Places
from mlci.adapters.checks.side_by_side import Ended
from mlci.domain.checks import Check, How, Problem, Ran, Tests

_LOUD: tuple[How, ...] = ("failed", "memory", "late", "cut")


def read(check: Check, ended: Ended, places: Places, xml: str | None, redact: Callable[[str], str]) -> Ran:
    """What a check says.

    Args:
        check: that was run.
        ended: how its command ended.
        places: what files it may name.
        xml: where pytest was told to write its JUnit file; None where it was not asked for.
        redact: takes secrets out of what is quoted.
    """
    tests: Tests | None = None
    problems: tuple[Problem, ...] = ()
    more = 0
    said = ended.said
    if xml is not None:
        try:
            found = junitxml.read(xml, places)
        except junitxml.Refused as refused:
            found, said = None, f"{said} (its JUnit file {refused})"
        if found is not None:
            tests, problems, more = found
    if ended.how in _LOUD and not problems:
        problems, more = diagnostics.read(_lines(ended.job.log), places)
    return Ran(
        check=check,
        how=ended.how,
        said=redact(said),
        seconds=ended.seconds,
        lines=tuple(redact(line) for line in ended.lines),
        problems=tuple(_redacted(one, redact) for one in problems),
        more=more,
        tests=tests,
        log=ended.job.log if ended.how not in ("waiting", "absent") else None,
    )


def _redacted(one: Problem, redact: Callable[[str], str]) -> Problem:
    return Problem(
        file=one.file, line=one.line, what=redact(one.what), message=redact(one.message), seconds=one.seconds
    )  # fmt: skip


def _lines(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as stream:
            # A line of any length is read in pieces, so that one that never ends takes no memory.
            while line := stream.readline(1 << 16):
                yield line.rstrip(b"\n")
    except OSError:
        return
