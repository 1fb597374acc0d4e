"""How a cell reads: as a word, as missing or as an id; numbers as words the same by every way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.adapters.tables.words import texts_of_numbers, word
from mlci.ports import Texts

WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)


def _read(texts: Texts) -> list[str | None]:
    return [None if code < 0 else texts.values[code] for code in texts.codes]


@pytest.mark.parametrize("written", ["", " ", "NA", "n/a", "NaN", "null", "NULL", "None", " na\t"])
def test_what_reads_as_missing_is_missing_but_may_well_be_an_id(written: str) -> None:
    assert word(written) is None
    assert word(written, id=True) == written.strip()


@pytest.mark.parametrize("written", ["nano", "nil", "-", "0", "false", "missing", "n / a"])
def test_words_that_only_resemble_a_missing_one_are_words(written: str) -> None:
    assert word(written) == written


@pytest.mark.parametrize("value", [None, float("nan")])
def test_nothing_is_no_word_and_no_id(value: Any) -> None:
    assert word(value) is None
    assert word(value, id=True) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"), (False, "false"), (1, "1"), (1.0, "1"), (-0.0, "0"), (0.5, "0.5"), (1e300, "1e+300"),
        (float(2**53 - 1), "9007199254740991"), (float(2**53), "9007199254740992.0"), (10**20, "1" + "0" * 20),
        (" spaced out ", "spaced out"), (Decimal("1.50"), "1.50"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_a_value_has_one_spelling(value: Any, expected: str) -> None:
    assert word(value) == expected
    assert word(value, id=True) == expected


@settings(deadline=None)
@given(WHOLE)
def test_a_whole_number_is_the_same_word_as_a_float_and_as_text(number: int) -> None:
    assert word(number) == word(float(number)) == word(str(number)) == str(number)


@settings(deadline=None)
@given(st.text())
def test_a_word_read_again_is_the_same_word(text: str) -> None:
    read = word(text)
    assert read is None or word(read) == read


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(-5, 5).map(float), st.just(float("nan")), st.floats()), max_size=12))
def test_a_column_of_numbers_reads_as_its_cells_do_and_what_is_not_finite_as_missing(numbers: list[float]) -> None:
    expected = [word(number) if np.isfinite(number) else None for number in numbers]
    texts = texts_of_numbers(np.array(numbers, dtype=np.float64))
    assert _read(texts) == expected
    assert len(set(texts.values)) == len(texts.values)
    assert set(texts.codes.tolist()) - {-1} == set(range(len(texts.values)))


@pytest.mark.parametrize("spread", [0, 9_999, 10_000, 10_001])
@pytest.mark.parametrize("low", [0, -3, 2**40])
def test_counting_small_whole_numbers_and_sorting_large_ones_end_in_the_same_words(low: int, spread: int) -> None:
    numbers = np.array([low + spread, low, np.nan, low + spread, low], dtype=np.float64)
    high_word, low_word = str(low + spread), str(low)
    assert _read(texts_of_numbers(numbers)) == [high_word, low_word, None, high_word, low_word]


@pytest.mark.parametrize("low", [float(2**53), -float(2**53), 1e200])
def test_numbers_beyond_what_a_float_counts_one_by_one_keep_apart(low: float) -> None:
    texts = texts_of_numbers(np.array([low, low, np.nextafter(low, np.inf)]))
    assert texts.codes[0] == texts.codes[1] != texts.codes[2]
    assert len(texts.values) == 2


def test_a_column_with_nothing_in_it_has_no_words() -> None:
    for column in ([], [np.nan, np.inf, -np.inf]):
        texts = texts_of_numbers(np.array(column, dtype=np.float64))
        assert texts.values == ()
        assert texts.codes.tolist() == [-1] * len(column)


def test_narrow_floats_are_words_too() -> None:
    assert _read(texts_of_numbers(np.array([1, 0, 1], dtype=np.float32))) == ["1", "0", "1"]
