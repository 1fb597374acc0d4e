"""Tables of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Texts:
    """A column of words: its distinct values, and for each row which one.

    Attributes:
        values: distinct values, in no particular order.
        codes: index into ``values``, shape (rows,); -1 where the value is missing.
    """

    values: tuple[str, ...]
    codes: NDArray[np.int32]


class Table(Protocol):
    """A predictions file: columns by name, read when asked for. CSV, JSON Lines and Parquet have one each."""

    name: str
    columns: tuple[str, ...]
    rows: int

    def is_number(self, column: str) -> bool:
        """Whether every value of the column is a number, a truth value or missing."""
        ...

    def numbers(self, column: str) -> NDArray[np.floating[Any]]:
        """The column as float64 (float32 where the file says so), shape (rows,); NaN where missing."""
        ...

    def texts(self, column: str) -> Texts:
        """The column as words; a number is written as its shortest decimal form."""
        ...

    def ids(self, column: str) -> NDArray[Any]:
        """The column as example ids, shape (rows,): int64, or UTF-8 bytes of fixed width.

        Raises:
            BadValue: an id is missing, empty, fractional, too long, or has a NUL byte.
        """
        ...
