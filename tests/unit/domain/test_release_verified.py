"""However long a ledger is, a report of it stays short, and what is worst is in it."""

from __future__ import annotations

from mlci.domain.release.history import Decided
from mlci.domain.release.ledger import Actor, Decision, Pointed
from mlci.domain.release.verified import MOST_FINDINGS, MOST_ROWS, Check, State, Tally, findings, table, verdict

DECISION = Decision(
    action="promote", stage="production", target=Pointed(version="1", artifact="1" * 64), reason="r",
    actor=Actor(where="local", login="alice"),
)  # fmt: skip


def told(states: list[State]) -> Tally:
    tally = Tally(entries=2 * len(states))
    for number, state in enumerate(states, 1):
        decided = Decided(number=number, at="2026-12-01T10:00:00Z", entry="e" * 64, decision=DECISION)
        tally.row(decided, [Check(what="evidence", state=state, number=number, said="x")])
    return tally


def test_a_failure_that_comes_after_many_warnings_is_told() -> None:
    tally = told([*["gone"] * 1000, "broken"])
    every = list(findings(tally))
    assert every[0].id == "verify:evidence:1001"
    assert verdict(tally).value == every[0].verdict.value == "fail"
    assert len(every) == MOST_FINDINGS + 1
    assert every[-1].message == "801 more findings of this kind are left out"


def test_a_long_table_keeps_what_is_amiss_and_the_newest() -> None:
    section = table(told([*["held"] * 400, "broken", *["held"] * 400]))
    numbers = [int(row[0]) for row in section.rows]
    assert len(numbers) == MOST_ROWS
    assert numbers == [*range(801, 801 - MOST_ROWS + 1, -1), 401]
    assert section.sentences == ("The newest first. 751 older ones without a fault are left out.",)


def test_rows_that_are_all_amiss_are_bounded_too() -> None:
    assert len(table(told(["broken"] * 1000)).rows) == MOST_ROWS


def test_gone_predictions_are_counted_and_no_finding() -> None:
    tally = told(["held"])
    tally.add(Check(what="predictions", state="gone", number=1))
    assert verdict(tally).value == "pass"
    assert [each.id for each in findings(tally)] == ["verify:evidence"]


def test_nothing_at_all_is_no_pass() -> None:
    assert verdict(Tally()).value == "inconclusive"
