"""A few values of each column of a large file, as a table: read by the rules that the whole file would be read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.tables.words import texts_of_numbers, word
from mlci.errors import BadValue, Place
from mlci.ports import Source, Texts


class Values:
    """Columns of equally many values, each a number, a text or None."""

    def __init__(self, source: Source, columns: Mapping[str, Sequence[Any]], numbers: frozenset[str]) -> None:
        self.name = source.file
        self.columns = tuple(source.kinds)
        self.rows = max((len(values) for values in columns.values()), default=0)
        self._source, self._values, self._numbers = source, columns, numbers

    def is_number(self, column: str) -> bool:
        """Whether the column of the file holds nothing but numbers, truth values and missing ones."""
        return column in self._numbers

    def numbers(self, column: str) -> NDArray[np.floating[Any]]:
        """The values as numbers, NaN where missing."""
        if not self.is_number(column):
            raise BadValue(f"column {column} is not stored as numbers", place=Place(self.name))
        kind: Any = np.float32 if self._source.kinds[column] == "single" else np.float64
        return np.array([np.nan if value is None else value for value in self._values[column]], dtype=kind)

    def texts(self, column: str) -> Texts:
        """The values as words; numbers in their shortest form."""
        if self.is_number(column):
            return texts_of_numbers(self.numbers(column))
        index: dict[str, int] = {}
        codes = np.empty(self.rows, dtype=np.int32)
        for row, value in enumerate(self._values[column]):
            text = word(value) if self._source.plain else value
            codes[row] = -1 if text is None else index.setdefault(text, len(index))
        return Texts(tuple(index), codes)

    def ids(self, column: str) -> NDArray[Any]:  # noqa: ARG002 - as every table has it
        """A number for each row: which examples there are, the engine knows."""
        return np.arange(self.rows)
