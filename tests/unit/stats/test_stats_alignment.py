"""Two files are brought together by id: which examples belong together, in which order, and which stand alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats.alignment import joined, numbered, ordered

IDS = st.lists(st.integers(0, 6), max_size=12)
WORDS = st.lists(st.sampled_from([b"a", b"ab", b"b", b"ba", b"\xc3\xa9", b"10", b"9"]), max_size=12)


def _matched(
    left: list[Any], right: list[Any], dtype: Any = None
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs of rows of the two files, and the rows of each that stand alone."""
    one, other = ordered(np.array(left, dtype=dtype)), ordered(np.array(right, dtype=dtype))
    match = joined(one, other)
    rows = one.take(np.arange(len(left))), other.take(np.arange(len(right)))
    places = (
        range(len(left)) if match.left is None else match.left,
        range(len(right)) if match.right is None else match.right,
    )
    pairs = [(int(rows[0][i]), int(rows[1][j])) for i, j in zip(*places, strict=True)]
    return pairs, [int(rows[0][i]) for i in match.only_left], [int(rows[1][j]) for j in match.only_right]


def test_a_file_in_order_is_left_as_it_is_and_not_copied() -> None:
    ids, values = np.array([1, 2, 2, 3]), np.array([4.0, 5.0, 6.0, 7.0])
    order = ordered(ids)
    assert order.rows is None
    assert order.ids is ids
    assert order.take(values) is values


def test_a_file_out_of_order_is_sorted_and_its_values_follow() -> None:
    order = ordered(np.array([b"c", b"a", b"b"]))
    assert order.ids.tolist() == [b"a", b"b", b"c"]
    assert order.take(np.array([3, 1, 2])).tolist() == [1, 2, 3]


def test_one_pair_out_of_order_at_the_very_end_is_noticed() -> None:
    assert ordered(np.array([1, 2, 4, 3])).ids.tolist() == [1, 2, 3, 4]


def test_repetitions_are_marked_from_the_second_on_and_stay_in_file_order() -> None:
    order = ordered(np.array([2, 1, 2, 1, 2]))
    assert order.repeated.tolist() == [False, True, False, True, True]
    assert order.take(np.arange(5)).tolist() == [1, 3, 0, 2, 4]


@pytest.mark.parametrize("ids", [[], [7]])
def test_no_example_and_one_example_are_in_order(ids: list[int]) -> None:
    order = ordered(np.array(ids, dtype=np.int64))
    assert order.rows is None
    assert order.repeated.tolist()[: len(ids)] == [False] * len(ids)


def test_two_files_with_the_same_ids_match_whole_whatever_the_order_of_rows() -> None:
    match = joined(ordered(np.array([3, 1, 2])), ordered(np.array([2, 3, 1])))
    assert match.left is None
    assert match.right is None
    assert len(match.only_left) == len(match.only_right) == 0


def test_examples_of_one_file_only_are_told_apart_from_the_common_ones() -> None:
    assert _matched([5, 1, 3], [3, 4, 5, 9]) == ([(2, 0), (0, 2)], [1], [1, 3])


def test_files_of_one_length_need_not_hold_the_same_examples() -> None:
    assert _matched([1, 2, 3], [1, 2, 4]) == ([(0, 0), (1, 1)], [2], [2])


def test_an_id_that_is_the_beginning_of_another_is_another_id() -> None:
    assert _matched([b"ab", b"a"], [b"a", b"abc"]) == ([(1, 0)], [0], [1])


def test_an_id_past_the_last_of_the_other_file_stands_alone() -> None:
    assert _matched([1, 9], [1]) == ([(0, 0)], [1], [])


@pytest.mark.parametrize(("left", "right"), [([], [1, 2]), ([1, 2], []), ([], [])])
def test_nothing_matches_an_empty_file(left: list[int], right: list[int]) -> None:
    pairs, only_left, only_right = _matched(left, right, np.int64)
    assert pairs == []
    assert only_left == list(range(len(left)))
    assert only_right == list(range(len(right)))


def test_the_first_of_an_id_meets_the_first_and_the_second_the_second() -> None:
    assert _matched([7, 7, 7], [7, 8, 7]) == ([(0, 0), (1, 2)], [2], [1])


@settings(deadline=None)
@given(IDS, IDS)
def test_numbers_match_as_often_as_both_files_hold_them(left: list[int], right: list[int]) -> None:
    _check(left, right, np.int64)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_words_match_as_often_as_both_files_hold_them(left: list[bytes], right: list[bytes]) -> None:
    _check(left, right, "S2")


def _check(left: list[Any], right: list[Any], dtype: Any) -> None:
    pairs, only_left, only_right = _matched(left, right, dtype)
    assert all(left[i] == right[j] for i, j in pairs)
    assert Counter(left[i] for i, _ in pairs) == Counter(left) & Counter(right)
    assert sorted([i for i, _ in pairs] + only_left) == list(range(len(left)))
    assert sorted([j for _, j in pairs] + only_right) == list(range(len(right)))
    # Repetitions meet in file order, the first with the first.
    assert all(left[: i + 1].count(left[i]) == right[: j + 1].count(right[j]) for i, j in pairs)


@settings(deadline=None)
@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.randoms())
def test_the_order_of_rows_never_decides_who_is_compared_with_whom(one: set[int], other: set[int], random: Any) -> None:
    left, right = sorted(one), sorted(other)
    mixed_left, mixed_right = random.sample(left, len(left)), random.sample(right, len(right))
    before, after = _matched(left, right, np.int64), _matched(mixed_left, mixed_right, np.int64)
    assert [left[i] for i, _ in before[0]] == [mixed_left[i] for i, _ in after[0]] == sorted(one & other)
    assert [left[i] for i in before[1]] == [mixed_left[i] for i in after[1]] == sorted(one - other)
    assert [right[j] for j in before[2]] == [mixed_right[j] for j in after[2]] == sorted(other - one)


def test_codes_are_numbered_as_they_come_whatever_they_were() -> None:
    assert numbered(np.array([7, 2, 7, 5, 2])).tolist() == [0, 1, 0, 2, 1]
    assert numbered(np.array([1, 9, 1, 0, 9])).tolist() == [0, 1, 0, 2, 1]
