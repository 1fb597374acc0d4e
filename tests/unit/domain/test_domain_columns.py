"""Which column plays which part: every usual spelling, every guess that must not be made, and who is left over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.columns import USUAL, Ambiguous, NotThere, roles, spelled
from mlci.domain.policy import Columns

NAMES = st.lists(
    st.sampled_from(
        ["id", "y", "pred", "weight", "group", "score_a", "score_b", "prob_a", "slice_x", "age", "Score-c"]
    ),
    unique=True,
)


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in USUAL.items() for name in names])
def test_every_usual_name_is_found_in_capitals_and_with_any_separator(part: str, name: str) -> None:
    for written in (name, name.upper(), name.replace("_", "-"), name.replace("_", " ").title(), f" {name} "):
        found = roles(("other", written), Columns())
        assert found.named == {part: written}
        assert found.others == ("other",)


@pytest.mark.parametrize("part", USUAL)
def test_a_named_column_goes_before_a_usual_one_which_is_then_left_over(part: str) -> None:
    usual = USUAL[part][0]
    named: dict[str, Any] = {part: "mine"}
    found = roles((usual, "mine"), Columns(**named))
    assert found.named == {part: "mine"}
    assert found.others == (usual,)


@pytest.mark.parametrize("part", [part for part in USUAL if part != "target"])
def test_a_named_column_that_is_absent_is_never_replaced_by_a_guess(part: str) -> None:
    named: dict[str, Any] = {part: "mine"}
    with pytest.raises(NotThere) as caught:
        roles(USUAL[part][:1], Columns(**named))
    assert (caught.value.part, caught.value.name) == (part, "mine")
    assert str(caught.value) == f"there is no column 'mine' for the {part}"


def test_only_a_target_may_have_been_renamed_to_a_usual_name() -> None:
    assert roles(("y_true", "id"), Columns(target="churned")).target == "y_true"
    with pytest.raises(NotThere):
        roles(("id", "prediction"), Columns(target="churned"))
    with pytest.raises(Ambiguous):
        roles(("y_true", "label"), Columns(target="churned"))


def test_a_named_column_is_found_by_its_exact_name_only() -> None:
    with pytest.raises(NotThere):
        roles(("Weight_2",), Columns(weight="weight_2"))


@pytest.mark.parametrize("part", USUAL)
def test_two_columns_for_one_part_are_asked_about_in_the_order_of_the_file(part: str) -> None:
    first, second = USUAL[part][1], USUAL[part][0].upper()
    with pytest.raises(Ambiguous) as caught:
        roles((first, second), Columns())
    assert (caught.value.part, caught.value.names) == (part, (first, second))
    assert str(caught.value) == f"{first} and {second} could each be the {part}"


def test_a_lone_column_with_a_class_in_its_name_is_no_set_of_class_scores() -> None:
    found = roles(("id", "score_a"), Columns())
    assert found.class_scores == {}
    assert found.others == ("score_a",)


def test_class_names_keep_their_spelling_and_the_most_specific_prefix_goes_first() -> None:
    found = roles(("Prob_Cat", "PROB_dog", "y_score_Cat", "y-score-Dog"), Columns())
    assert found.class_scores == {"Cat": "y_score_Cat", "Dog": "y-score-Dog"}
    assert found.others == ("Prob_Cat", "PROB_dog")


def test_a_column_that_was_named_for_another_part_is_no_class_score() -> None:
    found = roles(("score_a", "score_b", "score_w"), Columns(weight="score_w"))
    assert found.class_scores == {"a": "score_a", "b": "score_b"}


def test_a_slice_column_that_plays_a_part_is_no_slice() -> None:
    found = roles(("slice_age", "Slice-Region", "slice_w"), Columns(group="slice_w"))
    assert (found.slices, found.group, found.others) == (("slice_age", "Slice-Region"), "slice_w", ())


def test_a_file_without_columns_has_no_parts() -> None:
    found = roles((), Columns())
    assert (found.named, found.class_scores, found.slices, found.others) == ({}, {}, (), ())


@settings(deadline=None)
@given(NAMES)
def test_every_column_plays_exactly_one_part_or_is_left_over_in_order(names: list[str]) -> None:
    found = roles(names, Columns())
    played = [*found.named.values(), *found.class_scores.values(), *found.slices, *found.others]
    assert sorted(played) == sorted(names)
    assert list(found.others) == [name for name in names if name in found.others]


@settings(deadline=None)
@given(st.text())
def test_comparing_spellings_twice_is_comparing_once(name: str) -> None:
    assert spelled(spelled(name)) == spelled(name)
