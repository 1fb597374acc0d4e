"""Posting: what is posted never changes a verdict, and what cannot be posted is said and passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, ServiceRefused
from mlci.ports import Check, Commits, State, Status
from mlci.publish import sticky, threads
from mlci.publish.audience import Audience, Line, Said

_DESCRIPTION = 140


def post(report: Report, audience: Audience) -> Said:
    """Post the comment, the thread, the status and the check run, each whether or not the one before went well."""
    if audience.silent is not None:
        return Said(lines=(audience.silent,))
    lines: list[Line] = []
    address = ""
    for what, summary, act in _acts(report, audience, lines.append):
        if audience.dry_run:
            lines.append(("notice", f"dry run: would {summary}"))
            continue
        try:
            done = act()
        except MlciError as error:
            lines.append(_unposted(what, error, audience))
        else:
            address = done if isinstance(done, str) else address
    return Said(address, tuple(lines))


def _acts(
    report: Report, audience: Audience, say: Callable[[Line], None]
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Everything that is wanted: its name, what it would do, and doing it."""
    conversation, commits, number = audience.conversation, audience.commits, audience.number
    if conversation is not None and number is not None:
        body = sticky.body_of(report, audience)
        yield "the comment", f"comment on #{number}", partial(sticky.stick, conversation, number, body, audience, say)
    if audience.threads is not None and number is not None:
        held = "open" if threads.holds_back(report) or audience.untrusted else "resolve"
        act = partial(threads.settle, audience.threads, number, report, audience, say)
        yield "the thread", f"{held} the thread on #{number}", act
    if commits is not None and audience.status:
        status = _status(report, audience)
        what = f"set {status.context} to {status.state}"
        yield "the status", what, partial(_set, commits, status, audience, say)
    if commits is not None and audience.check:
        check = _check(report, audience)
        what = f"add the check run {check.name}: {check.conclusion}"
        yield "the check run", what, partial(commits.set_check, audience.commit, check)


def _unposted(what: str, error: MlciError, audience: Audience) -> Line:
    run = audience.run
    if not audience.advisory and run.change is not None and run.change.fork and isinstance(error, ServiceRefused):
        why = (
            "the token of a change from a fork may only read. The report is on the page of this job; a workflow that "
            "runs the report step can post it"
        )
        return "notice", f"{what} was not posted: {why}"
    return "warning", f"{what} was not posted: {error.cause}" + (f" ({error.help})" if error.help else "")


# What the description of a status begins with where nobody who is trusted has measured.
_ADVISORY = "advisory "
_STATES: dict[Verdict, State] = {
    Verdict.PASS: "success", Verdict.WARN: "success", Verdict.INCONCLUSIVE: "failure", Verdict.FAIL: "failure",
}  # fmt: skip


def _status(report: Report, audience: Audience) -> Status:
    # What waits for a person is held back by another status, and this one must not stay red once they agree.
    state = "success" if audience.waits else _STATES[report.verdict]
    said = f"{report.verdict.value}: {report.reason}"
    if audience.untrusted:
        state = "pending" if state == "success" else state
        said = f"{_ADVISORY}{said}"
    return Status(
        context=audience.context, state=state, description=_bound(said, report, audience), url=audience.run.url
    )


# How much of the digest of the gate's evidence a status names: a review counts when it was given while these stood.
_SHORT_DIGEST = 12


def _bound(said: str, report: Report, audience: Audience) -> str:
    """The description, which ends with the verdict that a person can approve; nobody approves an advisory one."""
    gate = report.evidence.get("gate")
    end = f" [gate {gate[:_SHORT_DIGEST]}]" if gate is not None and not audience.untrusted else ""
    return _short(said, _DESCRIPTION - len(end)) + end


def _set(commits: Commits, status: Status, audience: Audience, say: Callable[[Line], None]) -> None:
    """Set the status, unless a newer run has, or this one is advisory and a trusted run has."""
    before = commits.status(audience.commit, status.context)
    if before is None and audience.quiet:
        return
    if before is not None and _number(before.url) > _number(status.url):
        say(("notice", f"the status was left alone: a newer run has set it ({before.url})"))
    elif before is not None and audience.untrusted and not before.description.startswith(_ADVISORY):
        say(("notice", "the status was left alone: a run that is not advisory has set it"))
    else:
        commits.set_status(audience.commit, status)


def _number(url: str) -> int:
    """The number of a run, with which its page's address ends; a later run has a higher one."""
    last = url.rstrip("/").rpartition("/")[2]
    return int(last) if re.fullmatch(r"\d{1,19}", last) else 0


def _short(text: str, limit: int = _DESCRIPTION) -> str:
    from mlci.render import escape

    return escape.cleaned(text, limit)


_CONCLUSIONS: dict[Verdict, Literal["success", "neutral", "failure", "action_required"]] = {
    Verdict.PASS: "success", Verdict.WARN: "neutral", Verdict.INCONCLUSIVE: "action_required", Verdict.FAIL: "failure",
}  # fmt: skip


def _check(report: Report, audience: Audience) -> Check:
    from mlci.render.markdown import markdown

    conclusion = "neutral" if audience.waits else _CONCLUSIONS[report.verdict]
    return Check(
        # Not the status's name: GitHub would require both where one is required.
        name=f"mlci report{' ' + audience.key if audience.key else ''}",
        external_id=f"mlci:{audience.run.id}:{audience.key}",
        conclusion="action_required" if audience.untrusted and conclusion in ("success", "neutral") else conclusion,
        title=_short(f"{report.verdict.value}: {report.reason}"),
        summary=markdown(report, limit=sticky.LONGEST, whole=audience.run.url),
        url=audience.run.url,
    )
