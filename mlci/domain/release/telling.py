"""What is read in a ledger, as sections for a reader and as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlci.domain.figures import as_written, figure, percent
from mlci.domain.release.history import SCHEMA, Decided, Figure, Grounds
from mlci.domain.release.ledger import Decision
from mlci.domain.release.people import Approver
from mlci.domain.report import Section, plain

_COLUMNS = ("when (UTC)", "version", "was at", "what", "why", "decided by", "approved by", "came of it", "entry")
_WORDS = {"promote": "promotion", "rollback": "rollback", "adopt": "moved by hand"}
_SHORT = 12
_LONGEST = 60


def table(
    stage: str, decided: Sequence[Decided], grounds: Mapping[int, Grounds], sentences: tuple[str, ...]
) -> Section:
    """The decisions about one stage, oldest first, with who approved them and on what evidence."""
    return Section(
        id=f"history-{stage}",
        title=f"What {stage} was at",
        sentences=sentences,
        columns=_COLUMNS,
        rows=tuple(_row(each, grounds.get(each.number, Grounds())) for each in decided),
    )


def _row(of: Decided, grounds: Grounds) -> tuple[str, ...]:
    decision = of.decision
    return (
        of.at,
        decision.target.version,
        decision.before.version if decision.before is not None else "–",
        _word(decision),
        _cut(decision.reason),
        decision.actor.login,
        approved_by(grounds),
        came_of(of),
        f"{of.number} {of.entry[:_SHORT]}",
    )


def _word(decision: Decision) -> str:
    """What was done; where the ledger begins with what an alias pointed at, nobody is said to have moved it."""
    return "found there" if decision.action == "adopt" and decision.before is None else _WORDS[decision.action]


def _cut(reason: str) -> str:
    """As much of a reason as a cell holds; ``--on`` and JSON have all of it."""
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 1].rstrip()}…"


def approved_by(grounds: Grounds) -> str:
    """Who agreed, in a few words."""
    if grounds.approvers:
        return ", ".join(_named(each) for each in grounds.approvers)
    if "approval" in grounds.missing:
        return "its evidence is gone"
    return "nobody had to" if grounds.asked else "–"


def _named(approver: Approver) -> str:
    number = f"#{approver.id}" if approver.id is not None else ""
    return f"{approver.login}{number} ({approver.where}, {approver.at or approver.seen})"


def came_of(of: Decided) -> str:
    """What came of a decision, in a few words."""
    if of.receipt is None:
        return "open"
    return "served" if of.is_done else "not serving"


def asked(stage: str, when: str, held: Sequence[Decided], grounds: Mapping[int, Grounds]) -> tuple[str, ...]:
    """What a stage was at at that time, who approved it and on what evidence, a sentence for each version.

    Args:
        stage: which one.
        when: the day or the time, as it was asked for.
        held: what held then, oldest first.
        grounds: what these stand on, by number.
    """
    if not held:
        return (f"Nothing had been decided about {stage} by {when}.",)
    return tuple(_sentence(each, when, grounds.get(each.number, Grounds())) for each in held)


def _sentence(of: Decided, when: str, grounds: Grounds) -> str:
    decision = of.decision
    since = f"Since {of.at}" if of.at[: len(when)] < when else f"From {of.at} on"
    evidence = ", ".join(f"{kind} {digest[:_SHORT]}" for kind, digest in sorted(decision.evidence.items()))
    agreed = approved_by(grounds)
    return (
        f"{since}: version {decision.target.version} ({_word(decision)} by {decision.actor.login}: "
        f"{decision.reason}). Approved by: {agreed}. Evidence: {evidence or '–'}. Entry {of.number}: {came_of(of)}."
    )


def of_figures(stage: str, found: Sequence[Figure]) -> Section:
    """Figures of delivery with how they are counted; what cannot be known is not there."""
    return Section(
        id=f"figures-{stage}",
        title=f"Delivery to {stage}",
        sentences=(
            "Whatever the record does not say is left out, not taken for zero.",
            *(f"{each.title}: {each.means}" for each in found),
        ),
        columns=("figure", "value", "n"),
        rows=tuple((each.title, shown(each), str(each.n)) for each in found),
    )


def shown(of: Figure) -> str:
    """A figure's value in words."""
    if of.unit == "seconds":
        return span_in_words(of.value)
    if of.unit == "share":
        return percent(of.value)
    return f"{as_written(of.value)} per week" if of.unit == "per week" else figure(of.value)


def span_in_words(seconds: float) -> str:
    """A span of time in its two largest units.

    >>> span_in_words(42), span_in_words(3720), span_in_words(200000)
    ('42 s', '1 h 2 min', '2 d 7 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, name, smaller, least in ((86_400, "d", "h", 3600), (3600, "h", "min", 60), (60, "min", "s", 1)):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // least} {smaller}"
    raise AssertionError(whole)


def as_json(
    model: str, ledger: str, head: str | None, decided: Sequence[Decided], grounds: Mapping[int, Grounds],
    figures: Mapping[str, Sequence[Figure]] | None,
) -> dict[str, Any]:  # fmt: skip
    """The answer for a program; figures, by stage, only where they were asked for."""
    told = {
        "schema": SCHEMA,
        "model": model,
        "ledger": ledger,
        "head": head,
        "decisions": [dict(_facts(each, grounds.get(each.number, Grounds()))) for each in decided],
        "figures": None if figures is None else {stage: plain(tuple(found)) for stage, found in figures.items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def _facts(of: Decided, grounds: Grounds) -> Iterator[tuple[str, Any]]:
    yield from (("number", of.number), ("at", of.at), ("entry", of.entry))
    yield from plain(of.decision).items()
    if of.receipt is not None:
        yield "receipt", {**plain(of.receipt), "at": of.seen}
    if grounds.asked:
        yield "approvers", plain(grounds.approvers)
    if grounds.missing:
        yield "gone", list(grounds.missing)
