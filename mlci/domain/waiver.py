"""Losses that somebody accepts for a time, with a name and a date: shown in every report, never turned into a pass.

What may be waived is a judgement of the candidate: a shown loss, a missed limit, or a doubt that noise leaves. What
says that the judgement itself cannot be trusted may not: input that is missing or of another holdout, numbers that
nobody verified, a policy that is not merged, a fork, a model trained on what it is judged on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mlci.domain.finding import Finding, Reason, Waived
from mlci.domain.verdict import Verdict

# The kinds of findings that judge the candidate, which a scope begins with.
KINDS = ("compare", "minimum", "maximum")
_REASONS: frozenset[Reason | None] = frozenset(
    {"boundary", "clusters", "few-positives", "interval", "regression", "shortfall", "threshold"}
)
# A waiver is for a time that a team can look back on; what is to hold longer is a tolerance or a limit.
MOST_DAYS = 180


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """What is accepted, why, by whom and until when."""

    scope: str = field(metadata={"help": "Id of a finding, in which * stands for anything."})
    reason: str = field(metadata={"help": "Why it is accepted."})
    owner: str = field(metadata={"help": "Who answers for it."})
    expires: str = field(metadata={"help": "The last day it holds, as 2026-12-31, in UTC."})


def held(findings: Sequence[Finding], waivers: Sequence[Waiver], today: str | None) -> tuple[Finding, ...]:
    """The findings, those that are waived as warnings, and what is to be said of the waivers themselves.

    Args:
        findings: as judged; what is not counted is left as it is.
        waivers: of the policy that holds.
        today: the day in UTC, as 2026-12-31; may be None where there are no waivers.

    Raises:
        ValueError: there are waivers and no day to hold them against.
    """
    if not waivers:
        return tuple(findings)
    if today is None:
        raise ValueError("waivers need a day to be held against")
    holding = [each for each in waivers if 0 <= _days(today, each.expires) <= MOST_DAYS]
    kept = tuple(_under(finding, holding) for finding in findings)
    return (*kept, *_about(findings, waivers, today))


def _days(today: str, expires: str) -> int:
    return (date.fromisoformat(expires) - date.fromisoformat(today)).days


def _under(finding: Finding, holding: Sequence[Waiver]) -> Finding:
    if not _may_be_waived(finding):
        return finding
    for waiver in holding:
        if covers(waiver.scope, finding.id):
            return _waived(finding, waiver)
    return finding


def _may_be_waived(finding: Finding) -> bool:
    counted = not finding.advisory and finding.verdict.rank > Verdict.WARN.rank
    return counted and finding.rule in KINDS and finding.reason in _REASONS


def _waived(finding: Finding, waiver: Waiver) -> Finding:
    terms = Waived(
        verdict=finding.verdict,
        scope=waiver.scope,
        reason=waiver.reason,
        owner=waiver.owner,
        expires=waiver.expires,
    )
    said = f"Waived by {waiver.owner} until {waiver.expires}: {waiver.reason.rstrip('.')}."
    return replace(
        finding,
        verdict=Verdict.WARN,
        waived=terms,
        message=f"{finding.message}, waived until {waiver.expires}: warn",
        explanation=f"{said} {finding.explanation or ''}".rstrip(),
    )


def _about(findings: Sequence[Finding], waivers: Sequence[Waiver], today: str) -> Iterator[Finding]:
    for waiver in waivers:
        left = _days(today, waiver.expires)
        needed = [finding for finding in findings if _may_be_waived(finding) and covers(waiver.scope, finding.id)]
        if left < 0:
            yield _told(
                waiver,
                "expired",
                f"expired on {waiver.expires}" + (f" and {needed[0].id} needs it" if needed else ""),
                "An expired waiver waives nothing. Remove it, or have its owner decide again and merge a later date.",
            )
        elif left > MOST_DAYS:
            yield _told(
                waiver,
                "expires-late",
                f"expires on {waiver.expires}, more than {MOST_DAYS} days from now",
                f"A waiver holds for at most {MOST_DAYS} days and until then waives nothing. Give it an earlier date; "
                "what is meant to stay is a tolerance or a limit.",
            )
        elif not needed:
            yield replace(
                _told(
                    waiver,
                    "unused",
                    "has nothing to waive",
                    "Nothing that it names and that may be waived is worse than a warning. "
                    "Remove it once the loss it was for is gone.",
                ),
                advisory=True,
            )


def _told(waiver: Waiver, reason: Reason, what: str, explanation: str) -> Finding:
    return Finding(
        id=f"waiver:{waiver.scope}",
        rule="policy",
        verdict=Verdict.WARN,
        reason=reason,
        message=f"the waiver of {waiver.scope} by {waiver.owner} {what}",
        explanation=explanation,
    )


def covers(scope: str, id: str) -> bool:
    """Whether a finding's id is what the scope says; only ``*`` is special, because ids hold brackets.

    In one pass, whatever the two hold: the name of a slice is the work of whoever wrote the examples.

    >>> covers("compare:f1[region=north]", "compare:f1[region=north]"), covers("compare:*[region=*", "compare:f1")
    (True, False)
    """
    first, *rest = scope.split("*")
    if not rest:
        return id == scope
    *middle, last = rest
    if not id.startswith(first):
        return False
    place = len(first)
    for part in middle:
        found = id.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return id.endswith(last) and len(id) - len(last) >= place
