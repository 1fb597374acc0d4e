"""How a cell reads: as a word, as missing, as an id; the same for every kind of file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.ports import Texts

# An id longer than this is a mistake, and a million of them would not fit in memory.
LONGEST_ID = 1024
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_SMALL_RANGE = 10_000


def word(value: Any, *, id: bool = False) -> str | None:
    """A value as text; what reads as missing is None, except that an id may well be spelled "na"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    text = str(value).strip()
    return None if not id and text.lower() in _MISSING else text


def texts_of_numbers(numbers: NDArray[np.floating[Any]]) -> Texts:
    """Numbers as words: whole ones without a decimal point, missing ones as missing."""
    present = np.isfinite(numbers)
    codes = np.full(len(numbers), -1, dtype=np.int32)
    if not present.any():
        return Texts((), codes)
    finite = numbers if present.all() else numbers[present]
    low, high = float(finite.min()), float(finite.max())
    whole = finite.astype(np.int64) if high - low < _SMALL_RANGE and abs(low) < 2**53 else None
    if whole is not None and bool((whole == finite).all()):
        # Class labels are nearly always small whole numbers: count them instead of sorting a million floats.
        seen = np.flatnonzero(np.bincount(whole - int(low)))
        lookup = np.zeros(int(high - low) + 1, dtype=np.int32)
        lookup[seen] = np.arange(len(seen))
        codes[present] = lookup[whole - int(low)]
        return Texts(tuple(str(value + int(low)) for value in seen.tolist()), codes)
    distinct, inverse = np.unique(finite, return_inverse=True)
    codes[present] = inverse
    return Texts(tuple(word(float(value)) or "" for value in distinct), codes)
