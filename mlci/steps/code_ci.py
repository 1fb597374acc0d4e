"""code-ci: run the checks of the code side by side within a budget, and say what failed and what took longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlci.domain.checks import MOST_PROBLEMS, How, Problem, Ran
from mlci.domain.figures import count, seconds_in_words
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Report, Section
from mlci.domain.verdict import Verdict, worst
from mlci.steps import code_scans
from mlci.steps.code_scans import Scans

STEP = "code-ci"

_JUDGED: dict[How, tuple[Verdict, Reason | None]] = {
    "passed": (Verdict.PASS, None),
    "failed": (Verdict.FAIL, "failed"),
    "memory": (Verdict.FAIL, "failed"),
    "late": (Verdict.FAIL, "failed"),
    "stopped": (Verdict.INCONCLUSIVE, "cancelled"),
    "missing": (Verdict.INCONCLUSIVE, "unrun"),
    "absent": (Verdict.WARN, "unrun"),
    "empty": (Verdict.WARN, "empty"),
    "cut": (Verdict.INCONCLUSIVE, "over-budget"),
    "waiting": (Verdict.INCONCLUSIVE, "over-budget"),
}
# Checks that the reason of the verdict names before it counts the others.
_NAMED = 3
_BEGAN: tuple[How, ...] = ("passed", "failed", "memory", "late", "stopped", "empty", "cut")
HELP = (
    "Name the commands under code.checks, such as code: {checks: {lint: flake8 src/, unit: pytest tests/}}, or set "
    "ruff, flake8, mypy or pytest up, which are found by their own settings and by test files. code.scan turns on "
    "what is looked for in files."
)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What the checks were allowed and took.

    Attributes:
        budget: seconds for all of them.
        wall: seconds from the start of the first to the end of the last.
        jobs: how many ran at once, at most.
    """

    budget: float
    wall: float
    jobs: int


def run(
    ran: Sequence[Ran], scans: Scans, timing: Timing, *, model: str | None, notes: Sequence[Finding] = ()
) -> Report:
    """Judge how the checks ended and what the scans saw.

    Args:
        ran: every check, in the order in which they are to be read.
        scans: what files were looked through for.
        timing: what all of it took.
        model: the model's name.
        notes: findings of whoever called.
    """
    findings = [finding for one in ran for finding in _findings(one, timing)]
    scanned, sections = code_scans.judged(scans)
    findings += scanned
    if not any(one.how in _BEGAN for one in ran) and not scans.any:
        findings.insert(0, _nothing(ran))
    findings += notes
    ordered = sorted(findings, key=lambda one: (one.advisory, -one.verdict.rank))
    verdict = worst(one.verdict for one in ordered if not one.advisory)
    return Report(
        step=STEP,
        verdict=verdict,
        reason=_reason(ran, ordered, verdict, timing),
        findings=tuple(ordered),
        model=model,
        sections=(*_sections(ran, timing), *sections),
        assumptions=tuple(_assumed(ran)),
    )


def failed(ran: Sequence[Ran], report: Report) -> list[str]:
    """Names of what failed, checks first."""
    names = [one.check.name for one in ran if _JUDGED[one.how][0] is Verdict.FAIL]
    scans = [one.id for one in report.findings if one.rule == "scan" and one.verdict is Verdict.FAIL]
    return list(dict.fromkeys([*names, *(f"scan-{id.split(':')[1]}" for id in scans)]))


def slowest(ran: Sequence[Ran]) -> Ran | None:
    """The check that took longest; None where none began."""
    return max((one for one in ran if one.how in _BEGAN), key=lambda one: one.seconds, default=None)


def _nothing(ran: Sequence[Ran]) -> Finding:
    found = (
        f": of {_counted(ran)} none could run" if ran else ", and nothing was found that the repository is set up for"
    )
    return Finding(
        id="code:none",
        rule="code",
        verdict=Verdict.INCONCLUSIVE,
        reason="unrun",
        message=f"no check was run{found}",
        explanation=f"Nothing was looked at, and that is no pass. {HELP}",
    )


def _findings(ran: Ran, timing: Timing) -> Iterator[Finding]:
    verdict, reason = _JUDGED[ran.how]
    name = ran.check.name
    yield Finding(
        id=f"code:{name}",
        rule="code",
        verdict=verdict,
        reason=reason,
        message=_message(ran, timing),
        explanation=_explained(ran, timing),
        seconds=ran.seconds if ran.how in _BEGAN else None,
    )
    if verdict is not Verdict.PASS:
        yield from _problems(ran)


def _message(ran: Ran, timing: Timing) -> str:
    name, took = ran.check.name, seconds_in_words(ran.seconds)
    if ran.how == "absent":
        return f"{name} was not run: {ran.check.why}, and {ran.check.absent} is not installed"
    if ran.how == "waiting":
        return f"{name} {ran.said}: {seconds_in_words(timing.budget)}"
    if ran.how == "cut":
        return f"{name} {ran.said}: it had run for {took} of the {seconds_in_words(timing.budget)} that all may take"
    if ran.how == "missing":
        return f"{name} {ran.said}"
    told = f": {_first(ran)}" if ran.problems else _last(ran) if ran.how == "failed" else ""
    return (
        f"{name} {ran.said} after {took}{told}" if ran.how != "passed" else f"{name} {ran.said} in {took}{_counts(ran)}"
    )


def _counts(ran: Ran) -> str:
    if ran.tests is None:
        return ""
    skipped = f", {count(ran.tests.skipped)} of them skipped" if ran.tests.skipped else ""
    return f": {count(ran.tests.run)} tests{skipped}"


def _first(ran: Ran) -> str:
    said, total = _placed(ran.problems[0]), len(ran.problems) + ran.more
    if ran.tests is not None:
        return f"{count(ran.tests.failed)} of {count(ran.tests.run)} tests failed, the first {said}"
    return said if total == 1 else f"{count(total)} problems, the first {said}"


def _placed(one: Problem) -> str:
    """A problem with its place; the name of a test has its file already."""
    said = one.what if one.message == one.what else f"{one.what}: {one.message}"
    if one.file is None or one.what.startswith(f"{one.file}::"):
        return said
    return f"{one.file}:{one.line}: {said}" if one.line else f"{one.file}: {said}"


def _last(ran: Ran) -> str:
    return f": {ran.lines[-1].strip()}" if ran.lines else ""


_ADVICE: dict[How, str] = {
    "failed": "Mend what it says, and run mlci code-ci to see it pass.",
    "memory": "Give it less to do at once, set code.jobs lower, or use a machine with more memory.",
    "late": "Give the profile more time, or less data.",
    "stopped": "Run it again; somebody, or the system, ended it before it had said anything.",
    "missing": "Install the program where checks run, or correct the command under code.checks.",
    "empty": "Name the folder that has tests, or take the check away.",
}


def _explained(ran: Ran, timing: Timing) -> str | None:
    if ran.how == "passed":
        return None
    command = f"Its command is {ran.check.command}"
    if ran.how == "absent":
        return (
            f"A repository that is set up for {ran.check.absent} expects it to be run, and what was not run says "
            f"nothing. Install {ran.check.absent} for train.python, or list under code.checks what is to be run."
        )
    if ran.how in ("cut", "waiting"):
        return (
            "What was not run to its end says nothing of the code, neither good nor bad. Make the slowest faster, run "
            f"more at once by code.jobs, or raise code.budget above {seconds_in_words(timing.budget)}."
        )
    log = f", and all it printed is in {ran.log}" if ran.log else ""
    return f"{command}{log}. {_ADVICE[ran.how]}"


def _problems(ran: Ran) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for one in ran.problems[:MOST_PROBLEMS]:
        id = _problem_id(ran, one)
        seen[id] = seen.get(id, 0) + 1
        yield Finding(
            id=id if seen[id] == 1 else f"{id}#{seen[id]}",
            rule="code",
            # The check itself is what counts; its problems say where.
            verdict=_JUDGED[ran.how][0] if ran.how != "cut" else Verdict.INCONCLUSIVE,
            reason=_JUDGED[ran.how][1],
            message=_placed(one),
            file=one.file,
            line=one.line,
            seconds=one.seconds,
        )


def _problem_id(ran: Ran, one: Problem) -> str:
    place = one.what if one.seconds is not None or one.file is None else f"{one.file}:{one.line}:{one.what}"
    return f"code:{ran.check.name}:{place}"


def _counted(ran: Sequence[Ran]) -> str:
    return "1 check" if len(ran) == 1 else f"{count(len(ran))} checks"


def _reason(ran: Sequence[Ran], findings: Sequence[Finding], verdict: Verdict, timing: Timing) -> str:
    longest = slowest(ran)
    took = f"; {longest.check.name} took longest, {seconds_in_words(longest.seconds)}" if longest is not None else ""
    if verdict is Verdict.PASS:
        what = f"{_counted(ran)} passed" if ran else "the scans found nothing"
        return f"{what} in {seconds_in_words(timing.wall)}{took if len(ran) > 1 else ''}"
    worst_ones = [one for one in findings if one.verdict is verdict and not one.advisory]
    checks = [one for one in ran if _JUDGED[one.how][0] is verdict]
    if len(checks) <= 1 or any(one.rule == "scan" for one in worst_ones[:1]):
        return worst_ones[0].message + (took if checks and checks[0].how in ("cut", "waiting") else "")
    words = {Verdict.FAIL: "failed", Verdict.WARN: "were not run or found nothing to test"}
    names = ", ".join(one.check.name for one in checks[:_NAMED])
    more = f" and {len(checks) - _NAMED} more" if len(checks) > _NAMED else ""
    late = sum(one.how in ("cut", "waiting") for one in checks)
    said = words.get(verdict, f"did not run to their end, {late} of them for want of time" if late else "could not run")
    return f"{names}{more} of {_counted(ran)} {said}{took}"


def _sections(ran: Sequence[Ran], timing: Timing) -> Iterator[Section]:
    if not ran:
        return
    began = [one for one in ran if one.how in _BEGAN]
    total = sum(one.seconds for one in began)
    said = []
    if (longest := slowest(ran)) is not None:
        said.append(
            f"{longest.check.name} took longest: {seconds_in_words(longest.seconds)} of the "
            f"{seconds_in_words(timing.wall)} that all took, up to {timing.jobs} at once; one after another it would "
            f"have been {seconds_in_words(total)}. The budget is {seconds_in_words(timing.budget)}."
        )
    unfinished = [one for one in ran if one.how in ("cut", "waiting")]
    if unfinished:
        names = ", ".join(
            f"{one.check.name} ({'cut off' if one.how == 'cut' else 'never began'})" for one in unfinished
        )
        said.append(f"The budget was spent before these had ended: {names}.")
    yield Section(
        id="checks",
        title="What was run",
        sentences=tuple(said),
        columns=("Check", "Ended", "Time", "Command"),
        rows=tuple(_row(one) for one in sorted(ran, key=lambda one: -one.seconds)),
        figures={
            "seconds": timing.wall,
            "budget": timing.budget,
            **{f"{one.check.name}.seconds": one.seconds for one in began},
        },
        folded=len(ran) > 8,
    )
    slow = [(one.check.name, name, took) for one in ran if one.tests is not None for name, took in one.tests.slowest]
    if slow:
        yield Section(
            id="tests",
            title="The slowest tests",
            columns=("Test", "Check", "Time"),
            rows=tuple(
                (name, check, seconds_in_words(took))
                for check, name, took in sorted(slow, key=lambda one: -one[2])[:10]
            ),
        )


_ENDED: dict[How, str] = {
    "passed": "passed", "failed": "failed", "memory": "out of memory", "late": "too slow", "stopped": "stopped",
    "missing": "could not run", "absent": "not installed", "empty": "no tests", "cut": "cut off",
    "waiting": "never began",
}  # fmt: skip


def _row(one: Ran) -> tuple[str, str, str, str]:
    took = seconds_in_words(one.seconds) if one.how in _BEGAN else "–"
    return one.check.name, _ENDED[one.how], took, one.check.command


def _assumed(ran: Sequence[Ran]) -> Iterator[str]:
    found = [one.check for one in ran if one.check.found]
    if found:
        why = "; ".join(f"{one.name}, because {one.why}" for one in found)
        yield f"code.checks names no commands, so what the repository is set up for was run: {why}."
