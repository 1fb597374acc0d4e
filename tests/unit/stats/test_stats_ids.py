"""Ids are sorted as bytes sort, whatever they have in common and however often one repeats."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlci.stats.alignment import ordered
from mlci.stats.ids import order_of_bytes

LONG = st.lists(st.binary(min_size=1, max_size=24).filter(lambda value: b"\0" not in value), min_size=2, max_size=40)
NUMBERED = st.lists(st.integers(0, 10**12), min_size=2, max_size=40)


@settings(max_examples=300, deadline=None)
@given(LONG)
@example([b"b" * 24, b"b" * 23 + b"a", b"b" * 24])
@example([b"same", b"same"])
def test_bytes_of_any_kind(values: list[bytes]) -> None:
    ids = np.array([*values, *values[:3]], dtype=np.bytes_)
    assert order_of_bytes(ids).tolist() == np.argsort(ids, kind="stable").tolist()


@settings(max_examples=100, deadline=None)
@given(NUMBERED)
def test_numbers_as_numbers_and_as_words(numbers: list[int]) -> None:
    words = np.array([f"customer-{number:015}" for number in numbers], dtype=np.bytes_)
    expected = np.argsort(np.array(numbers), kind="stable").tolist()
    assert order_of_bytes(words).tolist() == expected
    for far in (0, -(2**62), 2**62):
        order = ordered(np.array(numbers, dtype=np.int64) + far)
        assert (list(range(len(numbers))) if order.rows is None else order.rows.tolist()) == expected
    assert ordered(np.array([2**63 - 1, -(2**63), 0])).ids.tolist() == [-(2**63), 0, 2**63 - 1]


def test_ids_that_only_their_ends_tell_apart() -> None:
    random = np.random.default_rng(1)
    # One id makes every byte count, so that all the others tie for as long as one number reaches.
    words = [f"{a:03}-{'0' * 40}-{b:03}" for a, b in random.integers(0, 100, (5000, 2))] + ["z" * 48]
    ids = np.array(words, dtype=np.bytes_)
    assert order_of_bytes(ids).tolist() == np.argsort(ids, kind="stable").tolist()
