"""Bring two sets of examples together by id, in one canonical order, so that row order can never move a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.ids import order_of_bytes
from mlci.stats.sorting import whole_order

Ids = NDArray[Any]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Order:
    """Ids in ascending order.

    Attributes:
        ids: the ids sorted, shape (n,).
        rows: where each stands in the file, shape (n,); None when the file was sorted already.
    """

    ids: Ids
    rows: Rows | None

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the file's rows in the order of the ids."""
        return values if self.rows is None else values[self.rows]

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """Which ids equal the one before them, shape (n,)."""
        return np.concatenate(([False], self.ids[1:] == self.ids[:-1]))


def ordered(ids: Ids) -> Order:
    """Sort ids; a file that is sorted already costs one comparison."""
    if len(ids) < 2 or bool((ids[1:] >= ids[:-1]).all()):
        return Order(ids, None)
    rows = _sorted_rows(ids)
    return Order(ids[rows], rows)


def _sorted_rows(ids: Ids) -> Rows:
    if ids.dtype.kind == "S":
        return order_of_bytes(ids)
    low, high = int(ids.min()), int(ids.max())
    if ids.dtype.kind not in "iu" or high - low >= 1 << 63:
        return np.argsort(ids, kind="stable")
    return whole_order(ids - low)


@dataclass(frozen=True)
class Joined:
    """Which examples of two ordered files belong together.

    Attributes:
        left: positions in the left order of the common examples, None for all of them.
        right: the same for the right order.
        only_left: positions in the left order that the right has not.
        only_right: positions in the right order that the left has not.
    """

    left: Rows | None
    right: Rows | None
    only_left: Rows
    only_right: Rows


_NONE: Rows = np.empty(0, dtype=np.intp)


def joined(left: Order, right: Order) -> Joined:
    """Match two ordered files id by id; an id that repeats is matched with its repetitions in file order."""
    if len(left.ids) == len(right.ids) and bool((left.ids == right.ids).all()):
        return Joined(None, None, _NONE, _NONE)
    place = np.searchsorted(right.ids, left.ids) + _occurrence(left)
    inside = place < len(right.ids)
    found = np.zeros(len(left.ids), dtype=bool)
    found[inside] = right.ids[place[inside]] == left.ids[inside]
    matched = place[found]
    unmatched = np.ones(len(right.ids), dtype=bool)
    unmatched[matched] = False
    return Joined(np.flatnonzero(found), matched, np.flatnonzero(~found), np.flatnonzero(unmatched))


def _occurrence(order: Order) -> Rows:
    """How many equal ids stand before each: 0 for the first of its kind."""
    position = np.arange(len(order.ids))
    first = np.where(order.repeated, 0, position)
    return position - np.maximum.accumulate(first) if len(position) else position


def numbered(codes: NDArray[Any]) -> Rows:
    """Codes 0 … k - 1 in the order in which they first occur, so that the numbers say nothing of any file's order."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.intp)
    place[np.argsort(first)] = np.arange(len(first))
    return place[inverse]
