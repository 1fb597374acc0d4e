"""Checks of the code: what was run, how it ended, and what that says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a check is for. A command of the user's is whatever its name says; "tests" and "data" are run by pytest.
Kind = Literal["lint", "types", "tests", "data", "smoke", "command"]

# How a check ended. Nothing but "passed" is a pass.
How = Literal[
    "passed",
    "failed",  # an exit status that is not 0, or a signal of its own making
    "memory",  # it ran out of memory
    "stopped",  # somebody outside ended it, or who watched over it
    "missing",  # its command, or a program in it, is not there
    "absent",  # the repository is set up for it and the tool is not installed
    "empty",  # pytest found no test
    "late",  # it took longer than it may by itself
    "cut",  # the budget was spent while it ran
    "waiting",  # the budget was spent before it began
]

# Places that one check names in a report, at most; the rest is counted.
MOST_PROBLEMS = 50
# What pytest exits with where it collected nothing: https://docs.pytest.org/en/stable/reference/exit-codes.html
NO_TESTS = 5


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to run.

    Attributes:
        name: of its own, as in ``code.checks``.
        kind: what it is for.
        command: a line for the shell.
        found: whether it was found and not configured.
        why: what it was found by, or why it cannot run; empty where it is configured.
        absent: the tool that is not installed; None where it can be run.
    """

    name: str
    kind: Kind
    command: str
    found: bool = False
    why: str = ""
    absent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that a check found wrong, where it said so.

    Attributes:
        file: from the top of the repository; None where it names none that is there.
        line: from 1.
        what: the rule or the test, in one word.
        message: one line.
        seconds: that a test took; None of anything else.
    """

    file: str | None
    line: int | None
    what: str
    message: str
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Tests:
    """What pytest counted.

    Attributes:
        run: test cases.
        failed: that failed or broke.
        skipped: that were not run.
        slowest: name and seconds, the slowest first; not many.
    """

    run: int
    failed: int
    skipped: int
    slowest: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A check and how it ended.

    Attributes:
        check: which.
        how: it ended.
        said: that in words, without its name, such as "ended with exit status 1".
        seconds: it took; 0 where it never began.
        lines: the last that it printed.
        problems: what it found, at most ``MOST_PROBLEMS``.
        more: how many it found besides.
        tests: what pytest counted; None of anything else.
        log: file that has all it printed; None where it never began.
    """

    check: Check
    how: How
    said: str
    seconds: float = 0.0
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    more: int = 0
    tests: Tests | None = None
    log: str | None = None
