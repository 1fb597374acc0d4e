"""What was checked of a record: each proof by itself, and all of them in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.figures import count
from mlci.domain.finding import Finding, Reason
from mlci.domain.release.history import Decided
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict, worst

What = Literal["chain", "head", "evidence", "links", "verdict", "predictions", "registry", "alias", "signature"]
# held; broken; gone, which is no lie; unasked, because somebody or something kept it from being asked; open, because
# the alias has yet to follow; older, where another version of mlci judged by rules of its own; unsigned.
State = Literal["held", "broken", "gone", "unasked", "open", "older", "unsigned"]

MOST_FINDINGS = 200
MOST_ROWS = 50

_TITLES: dict[What, str] = {
    "chain": "the chain of entries", "head": "the head that is remembered", "evidence": "evidence", "links": "links",
    "verdict": "verdicts replayed", "predictions": "predictions measured again", "registry": "the registry",
    "alias": "aliases", "signature": "signatures",
}  # fmt: skip
_COLUMNS: tuple[What, ...] = ("evidence", "links", "verdict", "predictions", "registry", "signature")
_VERDICTS: dict[State, tuple[Verdict, Reason]] = {
    "broken": (Verdict.FAIL, "altered"),
    "older": (Verdict.INCONCLUSIVE, "other-version"),
    "gone": (Verdict.WARN, "gone"),
    "unsigned": (Verdict.WARN, "unsigned"),
    "open": (Verdict.WARN, "open"),
    "unasked": (Verdict.WARN, "unasked"),
}
_HELP: dict[State, str] = {
    "broken": "The history of the branch mlci/ledger and the registry's own log say who changed what. Nothing that "
    "rests on this can be promoted until what was there is put back.",
    "older": "Another version of mlci judged, and the rules may have changed since. Verify with that version to tell.",
    "gone": "What is gone proves nothing, neither way. Keep it for as long as somebody may ask.",
    "unsigned": "It was promoted before signatures were asked for, or without any. What the stages are at now must be "
    "signed.",
    "open": "Whoever promotes next finishes it, or mlci promote does for the same version.",
    "unasked": "Ask it from where it answers, with a token that may read.",
}
# Predictions are kept for as long as somebody wants to pay for; the numbers in the evidence are what counts.
_UNSAID = frozenset({("predictions", "gone"), ("predictions", "unasked")})


@dataclass(frozen=True, kw_only=True)
class Check:
    """One proof about one decision, or about the whole record.

    Attributes:
        what: which proof.
        state: how it came out.
        number: of the entry; None for the whole record.
        said: what was found, as a clause; empty where it held.
    """

    what: What
    state: State
    number: int | None = None
    said: str = ""


@dataclass
class Tally:
    """Everything that was checked, counted as it comes; only what did not hold is kept.

    Attributes:
        entries: how many entries were read.
        remembered: number of the head that somebody remembers; None where none was named or found.
        counts: how many proofs came out how.
        amiss: what did not hold, the worst of it where there is more than a report has room for.
        left: how many of these are left out.
        rows: the newest decisions with the state of each proof, and those that something is amiss with.
        decisions: how many there are.
    """

    entries: int = 0
    remembered: int | None = None
    counts: Counter[tuple[What, State]] = field(default_factory=Counter)
    amiss: list[Check] = field(default_factory=list)
    left: int = 0
    rows: list[tuple[Decided, dict[What, State]]] = field(default_factory=list)
    decisions: int = 0

    def add(self, check: Check) -> None:
        """Count one proof."""
        self.counts[check.what, check.state] += 1
        if check.state == "held" or (check.what, check.state) in _UNSAID:
            return
        if len(self.amiss) < MOST_FINDINGS:
            self.amiss.append(check)
            return
        self.left += 1
        mildest = min(range(len(self.amiss)), key=lambda at: _rank(self.amiss[at]))
        if _rank(check) > _rank(self.amiss[mildest]):
            self.amiss[mildest] = check

    def row(self, decided: Decided, checks: Iterable[Check]) -> None:
        """Count the proofs of a decision, and keep its row where it is worth one."""
        states: dict[What, State] = {}
        for check in checks:
            self.add(check)
            states[check.what] = _worse(states.get(check.what), check.state)
        self.decisions += 1
        self.rows.append((decided, states))
        if len(self.rows) > MOST_ROWS:
            # A row that says nothing new goes first, the oldest of them before the others.
            fine = next((at for at, (_, each) in enumerate(self.rows[:-1]) if not _is_amiss(each)), 0)
            del self.rows[fine]


def _rank(check: Check) -> int:
    return _VERDICTS[check.state][0].rank


def _worse(one: State | None, other: State) -> State:
    order: tuple[State, ...] = ("held", "gone", "unasked", "open", "unsigned", "older", "broken")
    return other if one is None or order.index(other) > order.index(one) else one


def _is_amiss(states: dict[What, State]) -> bool:
    return any(state in ("broken", "older", "unsigned") for state in states.values())


def findings(tally: Tally) -> Iterator[Finding]:
    """What did not hold, the worst first; then each proof as a whole."""
    worst_first = sorted(tally.amiss, key=lambda each: -_rank(each))
    yield from (_finding(each) for each in worst_first)
    if tally.left:
        said = f"{count(tally.left)} more findings of this kind are left out"
        yield Finding(id="verify:more", rule="record", verdict=Verdict.PASS, message=said, advisory=True)
    for what in _TITLES:
        states = _states(tally, what)
        if states and set(states) == {"held"}:
            message = f"{_TITLES[what]}: {_held(tally, what)}"
            yield Finding(id=f"verify:{what}", rule="record", verdict=Verdict.PASS, message=message)


def _finding(of: Check) -> Finding:
    verdict, reason = _VERDICTS[of.state] if (of.what, of.state) != ("alias", "broken") else (Verdict.FAIL, "moved")
    where = f":{of.number}" if of.number is not None else ""
    entry = f"entry {of.number}: " if of.number is not None else ""
    return Finding(
        id=f"verify:{of.what}{where}", rule="record", verdict=verdict, reason=reason, message=f"{entry}{of.said}",
        explanation=_HELP[of.state],
    )  # fmt: skip


def _states(tally: Tally, what: What) -> dict[State, int]:
    return {state: number for (each, state), number in tally.counts.items() if each == what}


def in_one_line(tally: Tally) -> str:
    """Which proofs held and which did not, as one sentence."""
    said = [_in_words(tally, what) for what in _TITLES]
    return "; ".join([*(one for one in said if one), "deployments: not asked"])


def _in_words(tally: Tally, what: What) -> str:
    states = _states(tally, what)
    if not states:
        return "" if what == "head" else f"{_TITLES[what]}: none"
    words = {
        "held": _held(tally, what), "broken": "do not hold", "gone": "gone", "unasked": "not asked", "open": "open",
        "older": "of another version of mlci", "unsigned": "missing",
    }  # fmt: skip
    if set(states) == {"held"}:
        return f"{_TITLES[what]}: {words['held']}"
    if what in ("chain", "head"):
        return f"{_TITLES[what]}: does not hold"
    parts = [f"{count(states[each])} {words[each] if each != 'held' else 'held'}" for each in words if each in states]
    return f"{_TITLES[what]}: {', '.join(parts)}" if states.keys() - {"unasked"} else f"{_TITLES[what]}: not asked"


def _held(tally: Tally, what: What) -> str:
    if what == "chain":
        return f"held, {count(tally.entries)} {'entry' if tally.entries == 1 else 'entries'}"
    if what == "head":
        return f"in it, as entry {tally.remembered}"
    return f"{count(tally.counts[what, 'held'])} held"


def table(tally: Tally) -> Section:
    """Each decision with each proof."""
    newest_first = tally.rows[::-1]
    left = tally.decisions - len(newest_first)
    more = f" {count(left)} older ones without a fault are left out." if left else ""
    return Section(
        id="decisions",
        title=f"{count(tally.decisions)} decision{'s' if tally.decisions != 1 else ''}",
        sentences=(f"The newest first.{more}",) if tally.decisions > 1 else (),
        columns=("entry", "when (UTC)", "stage", "version", "what", *_COLUMNS),
        rows=tuple(_row(decided, states) for decided, states in newest_first),
        folded=False,
    )


def _row(decided: Decided, states: dict[What, State]) -> tuple[str, ...]:
    decision = decided.decision
    of = (f"{decided.number}", decided.at, decision.stage, decision.target.version, decision.action)
    return (*of, *(states.get(what, "–") for what in _COLUMNS))


def verdict(tally: Tally) -> Verdict:
    """The worst of everything that was checked; a record without a decision proves nothing."""
    if not tally.entries:
        return Verdict.INCONCLUSIVE
    said = [state for (what, state), number in tally.counts.items() if number and (what, state) not in _UNSAID]
    return worst([Verdict.PASS, *(_VERDICTS[state][0] for state in said if state != "held")])
