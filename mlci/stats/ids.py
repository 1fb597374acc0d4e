"""Sort ids of fixed width as bytes sort, by numbers made of the few bytes in which they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.sorting import whole_order

Rows = NDArray[np.intp]

_LARGEST = 1 << 63
# So many rows are looked at together, so that no second table of all bytes is made.
_BLOCK = 1 << 16


def order_of_bytes(ids: NDArray[np.bytes_]) -> Rows:
    """Rows in ascending order of their bytes, equal ids in the order they stand in.

    Ids such as ``customer-00000017`` differ in few bytes, and each of these takes few values: often all of them fit one
    number. Where they do not, rows whose first number ties are compared by the next.

    Args:
        ids: shape (n,), padded with zero bytes.
    """
    table = np.ascontiguousarray(ids).view(np.uint8).reshape(len(ids), -1)
    low, high = _ranges(table)
    words = list(_words(low, high))
    if not words:
        return np.arange(len(ids))
    order = whole_order(_number(table, words[0], low, high))
    return order if len(words) == 1 else _settled(order, table, words, low, high)


def _ranges(table: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Smallest and largest value of each byte, shape (width,)."""
    blocks = [table[start : start + _BLOCK] for start in range(0, len(table), _BLOCK)]
    low = np.min([block.min(axis=0) for block in blocks], axis=0)
    high = np.max([block.max(axis=0) for block in blocks], axis=0)
    return low.astype(np.int64), high.astype(np.int64)


def _words(low: NDArray[np.int64], high: NDArray[np.int64]) -> Any:
    """The bytes that vary, from the first, as many together as one number holds."""
    word: list[int] = []
    size = 1
    for place in np.flatnonzero(high > low).tolist():
        values = int(high[place] - low[place]) + 1
        if size * values >= _LARGEST:
            yield word
            word, size = [], 1
        word.append(place)
        size *= values
    if word:
        yield word


def _number(
    table: NDArray[np.uint8], word: list[int], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    number = np.zeros(len(table), dtype=np.int64)
    for place in word:
        number *= high[place] - low[place] + 1
        number += table[:, place]
        number -= low[place]
    return number


def _settled(
    order: Rows, table: NDArray[np.uint8], words: list[list[int]], low: NDArray[np.int64], high: NDArray[np.int64]
) -> Rows:
    """Compare by the further numbers what the first could not tell apart."""
    first = _number(table, words[0], low, high)[order]
    tied = np.zeros(len(order), dtype=bool)
    same = first[1:] == first[:-1]
    tied[1:] |= same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    if len(places):
        rows = order[places]
        keys = [_number(table[rows], word, low, high) for word in reversed(words[1:])]
        # The rows ascend by their first number already, so that sorting all ties at once leaves each run in its place.
        order[places] = rows[np.lexsort((*keys, first[places]))]
    return order
