"""Two columns as one: a word for each pair of their values that occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.slices import missing_name, pair_name
from mlci.ports import Texts

# A table of counts larger than this many times the rows costs more than sorting them.
_SPARSE = 4


def crossed(columns: tuple[str, ...], words: tuple[Texts, ...]) -> Texts:
    """The pair as a column of its own, whose values are the names of its slices; nothing in it is missing."""
    (first, second), (left, right) = columns, words
    wide = len(right.values) + 1
    cells = (left.codes.astype(np.int64) + 1) * wide + (right.codes + 1)
    present, codes = _ranked(cells, (len(left.values) + 1) * wide)
    one, other = ((missing_name(each.values), *each.values) for each in words)
    names = tuple(pair_name((first, second), (one[cell // wide], other[cell % wide])) for cell in present.tolist())
    return Texts(names, codes)


def _ranked(cells: NDArray[np.int64], possible: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The cells that occur, ascending, and for each row which of them."""
    if possible > _SPARSE * len(cells) + 65_536:
        present, codes = np.unique(cells, return_inverse=True)
        return present, codes.astype(np.int32)
    there = np.bincount(cells, minlength=possible) > 0
    rank: NDArray[Any] = np.cumsum(there, dtype=np.int32) - 1
    return np.flatnonzero(there), rank[cells].astype(np.int32, copy=False)
