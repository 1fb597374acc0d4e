"""What a dataset is like, column by column, in counts: enough to compare a later one with, without its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.dataset.contract import Type

# number: binned at edges. category: counted by value. text: binned by length. other: nothing but missing values.
ColumnKind = Literal["number", "time", "category", "text", "other"]


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column.

    The bins of a column with edges e_1 < … < e_k are (-inf, e_1), [e_1, e_2), …, [e_(k-1), e_k], (e_k, inf): k + 1
    counts, of which the first and the last are of values outside the range that the edges were made from.
    """

    name: str = field(metadata={"help": "Its name."})
    type: Type | None = field(default=None, metadata={"help": "What it holds; absent where that has no name here."})
    kind: ColumnKind = field(metadata={"help": "How it is compared."})
    missing: int = field(metadata={"help": "Rows without a value; NaN counts as none."})
    edges: tuple[float, ...] = field(
        default=(),
        metadata={"help": "Edges of the bins, ascending: values, seconds since 1970 for times, lengths for texts."},
    )
    counts: tuple[int, ...] = field(default=(), metadata={"help": "Rows in each bin, one more than edges."})
    categories: dict[str, int] = field(
        default_factory=dict, metadata={"help": "Rows by value, the most frequent values, for a column of categories."}
    )
    others: int = field(default=0, metadata={"help": "Rows with a value that is not among the categories."})
    distinct: int | None = field(default=None, metadata={"help": "Different values, exactly or nearly."})
    minimum: float | None = field(default=None, metadata={"help": "Smallest value, in the unit of the edges."})
    maximum: float | None = field(default=None, metadata={"help": "Largest value, in the unit of the edges."})
    mean: float | None = field(default=None, metadata={"help": "Mean, in the unit of the edges."})
    deviation: float | None = field(default=None, metadata={"help": "Standard deviation (n - 1), same unit."})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A whole dataset."""

    rows: int = field(metadata={"help": "Rows."})
    columns: tuple[ColumnProfile, ...] = field(metadata={"help": "Every column, in order."})

    def column(self, name: str) -> ColumnProfile | None:
        """The column of a name."""
        return next((one for one in self.columns if one.name == name), None)


def comparable(one: str, other: str) -> bool:
    """Whether columns of these types can be compared: whole numbers with all others, days with points in time.

    >>> comparable("integer", "number"), comparable("string", "number")
    (True, False)
    """
    return _FAMILY.get(one, one) == _FAMILY.get(other, other) != "other"


_FAMILY = {"integer": "number", "date": "timestamp"}
