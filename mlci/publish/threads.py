"""The thread that holds a merge back where a forge demands that all threads be resolved.

A verdict that is no reason to merge opens it, one that is resolves it. Whoever may merge, and the author of the change,
can resolve it by hand, so it is a request and no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError
from mlci.ports import Thread, Threads
from mlci.publish import sticky
from mlci.publish.audience import Audience, Line
from mlci.publish.mark import Mark, marked, read_mark

_UNTIL = {
    "blocking": "A later run that finds nothing to hold the change back resolves this thread.",
    "settled": "Nothing holds the change back any more.",
    "advisory": (
        "The numbers are those of a fork, whose own code measured them. Let a pipeline of this project measure the "
        "change, or resolve this thread to accept them as they are."
    ),
    "unmeasured": (
        "Let a pipeline of this project measure the change, or resolve this thread to accept it without a measurement."
    ),
}


@dataclass(frozen=True)
class _Ours:
    """A thread of ours that carries our marker."""

    thread: Thread
    mark: Mark


def holds_back(report: Report) -> bool:
    """Whether a report is a reason not to merge."""
    return report.verdict.rank > Verdict.WARN.rank


def settle(threads: Threads, number: int, report: Report, audience: Audience, say: Callable[[Line], None]) -> None:
    """Open, open again or resolve the one thread of this report, unless a newer run has had its say."""
    ours = _ours(threads.threads(number))
    _resolve(threads, number, [each for each in ours if each.mark.is_left_behind(audience)])
    found = [each for each in ours if each.mark.key == audience.key]
    # What a fork measured of itself resolves nothing.
    resolved = (audience.waits or not holds_back(report)) and not audience.untrusted
    body = _body(report, audience, resolved=resolved)
    if not found:
        if not resolved and not audience.quiet:
            _open(threads, number, body, audience, say)
        return
    standing = [each.mark for each in found if each.mark.outlasts(audience)]
    if standing:
        say(_left_alone(max(standing, key=lambda mark: mark.age), audience))
        return
    elder, *younger = found
    # One that is resolved and stays so is left as it is: nothing is said to those who have closed the matter.
    if not (resolved and elder.thread.resolved) and not elder.mark.repeats(audience):
        closed = resolved or _closed_by_hand(elder, audience)
        threads.edit_thread(number, elder.thread.id, body, resolved=closed)
    _resolve(threads, number, younger)


def _open(threads: Threads, number: int, body: str, audience: Audience, say: Callable[[Line], None]) -> None:
    """Open a thread, unless the comment tells that a newer run has been here, which may have had no need of one."""
    before = _standing(number, audience)
    if before is not None:
        say(_left_alone(before, audience))
        return
    made = threads.open_thread(number, body)
    # That run may have looked for a thread just before there was this one.
    if _standing(number, audience) is not None:
        threads.edit_thread(number, made.id, body, resolved=True)


def _standing(number: int, audience: Audience) -> Mark | None:
    if audience.conversation is None:
        return None
    try:
        return sticky.standing(audience.conversation, number, audience)
    except MlciError:
        # A thread too many can be resolved; one too few lets the change be merged.
        return None


def _closed_by_hand(found: _Ours, audience: Audience) -> bool:
    """Whether somebody has resolved the thread of this very run; what they have accepted is not asked of them again."""
    by_us = _UNTIL["settled"] in found.thread.body
    return found.thread.resolved and not by_us and found.mark.age == audience.run.age


def _left_alone(mark: Mark, audience: Audience) -> Line:
    return "notice", f"the thread was left alone: {mark.why(audience)}"


def _ours(threads: Sequence[Thread]) -> list[_Ours]:
    """Threads of ours, the eldest first; one that only quotes the mark is not ours."""
    marks = [(each, read_mark("thread", each.body) if each.mine else None) for each in threads]
    return [_Ours(thread, mark) for thread, mark in marks if mark is not None]


def _resolve(threads: Threads, number: int, found: Sequence[_Ours]) -> None:
    for each in found:
        if not each.thread.resolved:
            threads.edit_thread(number, each.thread.id, each.thread.body, resolved=True)


def _body(report: Report, audience: Audience, *, resolved: bool) -> str:
    from mlci.render import escape
    from mlci.render.markdown import headline

    run = audience.run
    until = "unmeasured" if audience.unmeasured else "blocking" if holds_back(report) else "advisory"
    why = "settled" if resolved else until
    model = f" of {escape.within(escape.code, audience.key, 60, 200)}" if audience.key else ""
    said = f"**mlci**{model}: {headline(report)}\n\n{_UNTIL[why]} [Run {run.id}](<{run.url}>)"
    return f"{marked('thread', audience)}\n{said}\n"
