"""The thread that holds a merge back where a forge demands that all threads be resolved.

A verdict that is no reason to merge opens it, one that is resolves it. Whoever may merge, and the author of the change,
can resolve it by hand, so it is a request and no lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.ports import Thread, Threads
from mlci.publish.audience import Audience, Line

_MARKER = re.compile(
    r"<!-- mlci:thread key=(?P<key>[A-Za-z0-9._-]*) run=(?P<run>\d{1,19}) attempt=(?P<attempt>\d{1,19}) -->"
)
_UNTIL = {
    "blocking": "A later run that finds nothing to hold the change back resolves this thread.",
    "settled": "Nothing holds the change back any more.",
    "advisory": (
        "The numbers are those of a fork, whose own code measured them. Let a pipeline of this project measure the "
        "change, or resolve this thread to accept them as they are."
    ),
}


@dataclass(frozen=True)
class _Ours:
    """A thread of ours that carries our marker."""

    thread: Thread
    age: tuple[int, int]


def holds_back(report: Report) -> bool:
    """Whether a report is a reason not to merge."""
    return report.verdict.rank > Verdict.WARN.rank


def settle(threads: Threads, number: int, report: Report, audience: Audience, say: Callable[[Line], None]) -> None:
    """Open, open again or resolve the one thread of this report, unless a newer run has had its say."""
    found = _ours(threads.threads(number), audience.key)
    # What a fork measured of itself resolves nothing.
    resolved = not holds_back(report) and not audience.untrusted
    body = _body(report, audience, resolved=resolved)
    if not found:
        if not resolved and not audience.quiet:
            threads.open_thread(number, body)
        return
    newest = max(each.age for each in found)
    if newest > audience.run.age:
        say(("notice", f"the thread was left alone: run {newest[0]} is newer than this one"))
        return
    elder, *younger = found
    # One that is resolved and stays so is left as it is: nothing is said to those who have closed the matter.
    if not (resolved and elder.thread.resolved):
        threads.edit_thread(number, elder.thread.id, body, resolved=resolved)
    for each in younger:
        if not each.thread.resolved:
            threads.edit_thread(number, each.thread.id, each.thread.body, resolved=True)


def _ours(threads: Sequence[Thread], key: str) -> list[_Ours]:
    """Threads of ours with this key, the eldest first; one that only quotes the marker is not ours."""
    found = []
    for thread in threads:
        marker = _MARKER.fullmatch(thread.body.partition("\n")[0].rstrip("\r")) if thread.mine else None
        if marker is not None and marker["key"] == key:
            found.append(_Ours(thread, (int(marker["run"]), int(marker["attempt"]))))
    return found


def _body(report: Report, audience: Audience, *, resolved: bool) -> str:
    from mlci.render import escape
    from mlci.render.markdown import headline

    run = audience.run
    marker = f"<!-- mlci:thread key={audience.key} run={run.id} attempt={run.attempt} -->"
    why = "settled" if resolved else "blocking" if holds_back(report) else "advisory"
    model = f" of {escape.within(escape.code, audience.key, 60, 200)}" if audience.key else ""
    return f"{marker}\n**mlci**{model}: {headline(report)}\n\n{_UNTIL[why]} [Run {run.id}](<{run.url}>)\n"
