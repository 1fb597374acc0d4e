"""Looking back: what held when, and what the decisions come to, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlci.domain.release.history import (
    Decided,
    Figure,
    Grounds,
    between,
    decisions,
    figures,
    stages,
    standing_between,
)
from mlci.domain.release.ledger import Action, Actor, Decision, Entry, Outcome, Pointed, Receipt, next_entry
from mlci.domain.release.people import Approver

ACTOR = Actor(where="local", login="alice")


def decided(
    number: int, at: str, version: str, action: Action = "promote", *, before: str | None = None,
    outcome: Outcome | None = "done", seen: str | None = None, stage: str = "production",
) -> Decided:  # fmt: skip
    def pointed(of: str) -> Pointed:
        return Pointed(version=of, artifact=of * 64)

    return Decided(
        number=number, at=at, entry="e" * 64,
        decision=Decision(
            action=action, stage=stage, target=pointed(version), reason="r", actor=ACTOR,
            before=pointed(before) if before else None,
        ),
        receipt=Receipt(of=number, outcome=outcome, said="s") if outcome else None,
        seen=seen or at if outcome else None,
    )  # fmt: skip


STORY = (
    decided(1, "2026-12-01T10:00:00Z", "1", seen="2026-12-01T10:01:00Z"),
    decided(3, "2026-12-08T10:00:00Z", "2", before="1", seen="2026-12-08T10:01:00Z"),
    decided(5, "2026-12-08T12:00:00Z", "1", "rollback", before="2", seen="2026-12-08T12:02:00Z"),
    decided(7, "2026-12-15T09:00:00Z", "3", before="1", outcome="not-serving"),
    decided(9, "2026-12-15T09:05:00Z", "1", "rollback", before="3", seen="2026-12-15T09:06:00Z"),
    decided(11, "2026-12-15T18:00:00Z", "4", before="1", outcome=None),
)


def of(found: Sequence[Figure]) -> dict[str, tuple[float, int]]:
    return {each.name: (each.value, each.n) for each in found}


def numbers(found: Sequence[Decided]) -> list[int]:
    return [each.number for each in found]


def test_a_receipt_belongs_to_its_decision() -> None:
    first = next_entry(None, None, STORY[0].decision, model="m", id="0" * 32, now="2026-12-01T10:00:00Z")
    second = next_entry(first, "f" * 64, Receipt(of=1, outcome="done", said="s"), model="m", id="1" * 32, now="2026")
    found = decisions([(first, "f" * 64), (second, "a" * 64)])
    assert [(each.number, each.entry, each.is_done) for each in found] == [(1, "f" * 64, True)]
    # The clock of the second writer went back; its receipt is not seen before the decision.
    assert found[0].seen == "2026-12-01T10:00:00Z"


def test_on_a_day_holds_what_was_decided_before_it_and_all_of_it() -> None:
    assert numbers(standing_between(STORY, "production", "2026-12-08T00:00:00Z", "2026-12-08T23:59:59Z")) == [1, 3, 5]
    assert numbers(standing_between(STORY, "production", "2026-12-10T00:00:00Z", "2026-12-10T23:59:59Z")) == [5]
    assert numbers(standing_between(STORY, "production", "2026-11-30T00:00:00Z", "2026-11-30T23:59:59Z")) == []


@pytest.mark.parametrize(
    ("at", "held"),
    [("2026-12-08T09:59:59Z", [1]), ("2026-12-08T10:00:00Z", [3]), ("2026-12-08T12:00:00Z", [5])],
)
def test_at_a_time_holds_exactly_one(at: str, held: list[int]) -> None:
    assert numbers(standing_between(STORY, "production", at, at)) == held


def test_another_stage_is_another_story() -> None:
    there = (*STORY, decided(13, "2026-12-15T19:00:00Z", "9", stage="staging"))
    assert stages(there) == ["production", "staging"]
    assert numbers(standing_between(there, "staging", "2026-12-16T00:00:00Z", "2026-12-16T00:00:00Z")) == [13]


def test_figures_are_those_worked_out_by_hand() -> None:
    bob = Approver(id=2, login="bob", where="review", at="2026-12-08T09:01:00Z", seen="2026-12-08T09:30:00Z")
    grounds = {
        1: Grounds(committed="2026-12-01T09:01:00Z", seconds=3600.0, price=2.0),
        3: Grounds(committed="2026-12-08T07:01:00Z", approvers=(bob,), asked=True, seconds=1800.0, price=None),
    }
    found = of(figures(STORY, grounds, "2026-12-22T10:00:00Z"))
    assert found == {
        # Two promotions were served in three weeks; the third never was, the fourth is open.
        "deployment-frequency": (pytest.approx(2 / 3), 2),
        "lead-time": (2 * 3600, 2),
        "lead-time-from-approval": (3600, 1),
        # Of three with a receipt: one was rolled back, one was never served and then rolled back.
        "share-rolled-back": (pytest.approx(2 / 3), 3),
        "time-to-restore": (90, 2),
        "time-exposed": ((7320 + 360) / 2, 2),
        "training-time": (2700, 2),
        "cost-per-model": (2.0, 1),
    }


def test_what_cannot_be_known_is_not_there() -> None:
    found = of(figures(STORY[:1], {}, "2026-12-02T10:00:00Z"))
    assert found == {"share-rolled-back": (0.0, 1)}
    assert figures([], {}, "2026-12-02T10:00:00Z") == []


def test_a_model_promoted_twice_was_trained_once() -> None:
    again = (*STORY[:3], decided(13, "2026-12-16T10:00:00Z", "2", before="1"))
    paid = {number: Grounds(seconds=60.0) for number in (3, 13)}
    assert of(figures(again, paid, "2026-12-16T10:00:00Z"))["training-time"] == (60, 1)


def test_a_clock_that_disagrees_makes_no_negative_lead() -> None:
    ahead = {1: Grounds(committed="2026-12-01T11:00:00Z")}
    assert of(figures(STORY[:1], ahead, "2026-12-02T10:00:00Z"))["lead-time"] == (0, 1)


def test_a_year_and_a_leap_day_are_counted() -> None:
    assert between("2027-12-31T23:59:59Z", "2028-03-01T00:00:00Z") == 60 * 86400 + 1


def test_entries_are_read_in_any_number() -> None:
    assert decisions([]) == []
    only = Entry(id="0" * 32, model="m", number=1, at="2026-12-01T10:00:00Z", standings=())
    assert decisions([(only, "f" * 64)]) == []
