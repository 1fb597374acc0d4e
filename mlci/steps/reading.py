"""One predictions file as the gate needs it: the part each column plays, still in the file's own row order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.columns import Ambiguous, NotThere, Roles, roles, spelled
from mlci.domain.figures import count
from mlci.domain.policy import ReadingPolicy
from mlci.domain.slices import columns_of
from mlci.errors import BadValue, ColumnAmbiguous, ColumnMissing, DuplicateIds, Place
from mlci.ports import Table, Texts
from mlci.stats.alignment import Order, ordered
from mlci.steps.crossing import crossed

# How many offending ids an error names.
NAMED = 5
# What to do about an id that stands more than once.
TWICE = (
    "give each example one row, or say duplicates: mean when its rows are samples of one example, or duplicates: "
    "cluster when they are a group"
)
# A whole-number target with more distinct values than this is a quantity, not a class.
MOST_CLASSES = 20


@dataclass(frozen=True)
class Side:
    """What one file says, by part; everything in the file's row order, shape (rows,).

    Attributes:
        place: which id each row has, counted from the smallest, where the rows of one id are samples of one example;
            ``order`` then has one row of each id.
    """

    table: Table
    roles: Roles
    order: Order
    truth: Texts | None
    truth_values: NDArray[Any] | None
    labels: Texts | None
    values: NDArray[Any] | None
    scores: NDArray[Any] | None
    class_scores: dict[str, NDArray[Any]]
    weights: NDArray[Any] | None
    group: Texts | None
    slices: dict[str, Texts]
    sensitive: dict[str, Texts]
    columns: dict[str, NDArray[Any]]
    place: NDArray[np.intp] | None = None

    @property
    def pairs(self) -> frozenset[str]:
        """Which slices and groups are made of two columns."""
        named = (*self.slices, *self.sensitive)
        return frozenset(name for name in named if len(columns_of(name, self.table.columns)) == 2)


def read_side(
    table: Table,
    reading: ReadingPolicy,
    slices: Sequence[str],
    columns: Sequence[str],
    sensitive: Sequence[str] = (),
) -> Side:
    """Read what the gate needs of one file.

    Args:
        table: the open file.
        reading: names of columns and how to treat repeated ids.
        slices: slice columns that were asked for; those named ``slice_…`` come along by themselves.
        columns: per-example columns that a rule judges.
        sensitive: columns of the groups that fairness is judged by.

    Raises:
        ColumnMissing, ColumnAmbiguous, DuplicateIds, BadValue: what is wrong, with its place.
    """
    part = roles_of(table.columns, table.name, reading)
    if part.id is None:
        raise ColumnMissing(
            "there is no id column, and examples are never paired by position",
            place=Place(table.name),
            help=f"name it with --id; the columns are: {_some(table.columns)}",
        )
    labels, values = _prediction(table, part)
    return Side(
        table=table,
        roles=part,
        order=_order(table, part.id, reading),
        truth=table.texts(part.target) if part.target is not None else None,
        truth_values=_numbers_if_number(table, part.target),
        labels=labels,
        values=values,
        scores=table.numbers(part.score) if part.score is not None else None,
        class_scores={name: table.numbers(column) for name, column in part.class_scores.items()},
        weights=table.numbers(part.weight) if part.weight is not None else None,
        group=table.texts(part.group) if part.group is not None else None,
        slices=_words(table, (*slices, *part.slices)),
        sensitive=_words(table, sensitive),
        columns=_own_columns(table, columns),
    )


def roles_of(columns: tuple[str, ...], file: str, reading: ReadingPolicy) -> Roles:
    """The column that plays each part.

    Raises:
        ColumnAmbiguous, ColumnMissing: which, with the file.
    """
    try:
        return roles(columns, reading.columns)
    except Ambiguous as error:
        help = f"name one with --{error.part}"
        raise ColumnAmbiguous(str(error), place=Place(file), help=help) from error
    except NotThere as error:
        help = f"the columns are: {_some(columns)}"
        raise ColumnMissing(str(error), place=Place(file), help=help) from error


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _order(table: Table, column: str, reading: ReadingPolicy) -> Order:
    order = ordered(table.ids(column))
    repeated = order.repeated
    if reading.duplicates == "error" and repeated.any():
        twice = np.unique(order.ids[repeated])
        raise DuplicateIds(
            f"{count(len(twice))} {'id stands' if len(twice) == 1 else 'ids stand'} more than once, among them "
            f"{named(twice)}",
            place=Place(table.name),
            help=TWICE,
        )
    return order


def named(ids: NDArray[Any]) -> str:
    """A few ids for a message, as text that shows what is in them."""
    shown = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in ids[:NAMED]]
    return ", ".join(repr(value) for value in shown)


def _numbers_if_number(table: Table, column: str | None) -> NDArray[Any] | None:
    return None if column is None or not table.is_number(column) else table.numbers(column)


def _prediction(table: Table, part: Roles) -> tuple[Texts | None, NDArray[Any] | None]:
    """The prediction as words and, where it is stored as numbers, as numbers."""
    if part.prediction is None:
        return None, None
    values = _numbers_if_number(table, part.prediction)
    if values is not None and part.target is not None and not _few_whole(values):
        return None, values
    return table.texts(part.prediction), values


def _few_whole(values: NDArray[Any]) -> bool:
    """Whether numbers could be class labels: whole, and few of them."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0 or bool((finite != np.floor(finite)).any()):
        return len(finite) == 0
    return bool(finite.max() - finite.min() < 10_000)


def _words(table: Table, asked: Sequence[str]) -> dict[str, Texts]:
    """Columns of words and pairs of them, by the name they were asked for; those that are not there are left out."""
    found = {}
    for name in dict.fromkeys(asked):
        columns = columns_of(name, table.columns)
        if not all(column in table.columns for column in columns):
            continue
        words = tuple(table.texts(column) for column in columns)
        found[name] = crossed(columns, words) if len(columns) == 2 else words[0]
    return found


def _own_columns(table: Table, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    found = {}
    for name in wanted:
        column = next((own for own in table.columns if own == name or spelled(own) == spelled(name)), None)
        if column is None:
            continue
        if not table.is_number(column):
            raise BadValue(f"column {column} is to be judged by its mean and is not numeric", place=Place(table.name))
        found[name] = table.numbers(column).astype(np.float64, copy=False)
    return found


def could_be_classes(side: Side) -> bool:
    """Whether a numeric target looks like class labels: few whole numbers, and predictions of the same kind."""
    if side.truth_values is None:
        return True
    if not _few_whole(side.truth_values) or side.truth is None or len(side.truth.values) > MOST_CLASSES:
        return False
    return side.scores is not None or bool(side.class_scores) or side.values is None or _probabilities_or_classes(side)


def _probabilities_or_classes(side: Side) -> bool:
    if side.values is None or _few_whole(side.values):
        return True
    return holds_probabilities(side)


def holds_probabilities(side: Side) -> bool:
    """Whether the prediction column of a two-class target holds probabilities instead of labels."""
    if side.values is None or side.truth is None or set(side.truth.values) - {"0", "1"} or side.scores is not None:
        return False
    finite = side.values[np.isfinite(side.values)]
    return len(finite) > 0 and not _few_whole(side.values) and bool(finite.min() >= 0 and finite.max() <= 1)
