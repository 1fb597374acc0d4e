"""Looks at a holdout are remembered once each, by whoever has seen them, and are never lost in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.domain import budget
from mlci.domain.policy import HoldoutPolicy
from mlci.domain.wear import MOST_CANDIDATES, MOST_READ, MOST_SETS, Look, Looked, Looks, Wear

HERE, THERE = "a" * 64, "b" * 64


def look(number: int, at: str = HERE) -> Look:
    return Look(evaluation_set=at, candidate=f"{number:064x}"[::-1])


def seen(*numbers: int, at: str = HERE) -> Looks:
    return Looks().seen([look(number, at) for number in numbers], at)


memories = st.lists(st.integers(0, 6), max_size=8).map(lambda numbers: seen(*numbers))


@given(memories, memories)
def test_two_memories_together_hold_every_look_of_either_once(one: Looks, other: Looks) -> None:
    both, reverse = one.joined(other).at(HERE), other.joined(one).at(HERE)
    expected = {*one.at(HERE).candidates, *other.at(HERE).candidates}
    assert set(both.candidates) == set(reverse.candidates) == expected
    assert both.looks == reverse.looks == len(expected)
    assert one.joined(other).joined(other) == one.joined(other)


def test_the_same_candidate_again_is_the_same_look() -> None:
    memory = seen(1, 2, 2, 1, 3)
    assert memory.wear(look(2), at_least=False) == Wear(look=2, looks=3)
    assert memory.wear(look(9), at_least=True) == Wear(look=4, looks=4, at_least=True)
    assert Looks().wear(look(1), at_least=False) == Wear(look=1, looks=1)


def test_a_change_that_names_holdouts_of_its_own_crowds_none_out() -> None:
    invented = [look(number, f"{number:064x}") for number in range(100, 200)]
    memory = seen(1).seen([*invented, look(2)], THERE)
    assert [each.evaluation_set for each in memory.sets] == [HERE]
    assert memory.at(HERE).looks == 2


def test_a_memory_is_bounded_and_still_counts_what_it_no_longer_names() -> None:
    memory = seen(*range(MOST_CANDIDATES + 5))
    assert (memory.at(HERE).looks, len(memory.at(HERE).candidates)) == (MOST_CANDIDATES + 5, MOST_CANDIDATES)
    many = Looks()
    for number in range(MOST_SETS + 2):
        many = many.seen([look(1, f"{number:064x}")], f"{number:064x}")
    assert len(many.sets) == MOST_SETS
    joined = Looks(read=tuple(range(900))).joined(Looks(read=tuple(range(800, 1700))))
    assert joined.read == tuple(range(1700 - MOST_READ, 1700))


def test_a_holdout_is_retired_for_what_comes_after_the_first_that_passed() -> None:
    memory = seen(1, 2, 3).accepted(look(2)).accepted(look(3))
    retired = {number: memory.wear(look(number), at_least=False).retired for number in (1, 2, 3, 4)}
    assert retired == {1: False, 2: False, 3: True, 4: True}
    assert seen(2).joined(memory).at(HERE).passed == look(2).candidate[:16]


@pytest.mark.parametrize(
    ("confidence", "steps", "expected"), [(0.95, 1, 0.95), (0.95, 32, 0.99844), (0.9, 3, 0.9667), (0.95, 7, 0.99286)]
)
def test_each_look_spends_an_equal_part_rounded_so_that_no_more_is_spent(
    confidence: float, steps: int, expected: float
) -> None:
    assert budget.level(confidence, steps) == expected
    assert (1 - expected) * steps <= (1 - confidence) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("wear", "reuse", "reason"),
    [
        (None, "none", "missing"),
        (Wear(look=32, looks=40), "none", None),
        (Wear(look=33, looks=33), "none", "worn"),
        (Wear(look=2, looks=2, retired=True), "first-change", "worn"),
        (Wear(look=2, looks=2, retired=True), "full", None),
    ],
)
def test_a_spent_budget_and_one_that_nobody_keeps_hold_a_candidate_back(
    wear: Wear | None, reuse: str, reason: str | None
) -> None:
    found = budget.judged(wear, HoldoutPolicy(steps=32, reuse=reuse))  # type: ignore[arg-type]
    assert (found.reason if found else None) == reason
    assert found is None or found.verdict.value == "inconclusive"


def test_the_bar_says_how_many_looks_are_used() -> None:
    section = budget.section(Wear(look=17, looks=17), HoldoutPolicy(steps=32), 0.95)
    assert section.sentences[0] == "[#################---------------] 17 of 32 looks"
    assert "one-sided 99.844 %" in section.sentences[1]
    assert budget.section(Wear(look=40, looks=40, at_least=True), HoldoutPolicy(steps=32), 0.95).sentences[0] == (
        f"[{'#' * 32}] at least 40 of 32 looks"
    )
    plain = budget.section(Wear(look=2, looks=5), None, 0.95).sentences[0]
    assert plain == (
        "5 candidates have been judged on this holdout, this one included. This one is look 2, judged before."
    )


def test_what_was_counted_and_is_no_longer_named_stays_counted_when_memories_meet() -> None:
    one = Looks(sets=(Looked(evaluation_set=HERE, candidates=("1" * 16,), earlier=5),))
    other = Looks(sets=(replace(one.sets[0], earlier=3, candidates=("2" * 16,)),))
    assert one.joined(other).at(HERE).looks == 7
