"""The error of a value that nobody knows the formula of: leave out one block of examples after the other.

Delete-a-group jackknife: Shao & Wu, "A General Theory for Jackknife Variance Estimation", Ann. Stat. 17 (1989); Kott,
"The Delete-a-Group Jackknife", J. Off. Stat. 17 (2001). With G blocks of equal size the variance of a smooth function
of means is (G - 1)/G times the sum of squared deviations of the G values from their mean, on G - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The error itself has a relative noise of about 1/sqrt(2 (G - 1)): a fourteenth here, a sixth with twenty blocks.
BLOCKS = 100
# Fewer leave no error that a bound could be made of.
FEWEST = 2

# SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): a bijection, so that no two places tie.
_STEP, _KEY = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x6D6C63692D6A6B31)
_ROUNDS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST = np.uint64(31)


def blocks_of(n: int, clusters: NDArray[Any] | None = None, most: int = BLOCKS) -> tuple[NDArray[np.int64], int]:
    """Which block each example is in, and how many blocks there are.

    The blocks follow from the places of the examples in the order of their ids, by a keyed hash: no order of rows and
    no seed has a part in them, and neighbours are spread. They differ by one example at most; a group, whose examples
    are not independent, stays whole, and blocks then differ by one group.

    Args:
        n: number of examples, in ascending order of id.
        clusters: group codes 0 … G - 1, shape (n,); None for independent examples.
        most: number of blocks where there are as many examples or groups.

    Returns:
        block codes 0 … blocks - 1, shape (n,), and the number of blocks.
    """
    units = n if clusters is None else int(clusters.max()) + 1
    count = min(most, units)
    ranks = np.empty(units, dtype=np.int64)
    ranks[np.argsort(_hashed(units), kind="stable")] = np.arange(units)
    codes = ranks % count
    return (codes if clusters is None else codes[clusters]), count


@np.errstate(over="ignore")
def _hashed(count: int) -> NDArray[np.uint64]:
    mixed = (np.arange(count, dtype=np.uint64) + _KEY) * _STEP
    for shift, factor in _ROUNDS:
        mixed = (mixed ^ (mixed >> shift)) * factor
    return np.asarray(mixed ^ (mixed >> _LAST))


@np.errstate(over="ignore", invalid="ignore")
def error_of(replicates: NDArray[np.float64]) -> float:
    """Standard error from the values without each block, shape (blocks,); NaN with fewer than two."""
    count = len(replicates)
    if count < FEWEST:
        return math.nan
    away = replicates - replicates.mean()
    return float(math.sqrt((count - 1) / count * float((away * away).sum())))
