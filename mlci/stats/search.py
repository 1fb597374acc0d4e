"""Where a loss hides: every value of some columns, and every two values that meet, by sums alone.

Only examples on which the two models differ are summed; all are counted. What is found on one half of the examples is
to be tested on the other (Cox 1975, Biometrika 62:441, on splitting data to look and to test), so the search itself
needs no error rate.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A fixed key: the same example falls into the same half in every run, and nobody can choose the half by a seed.
_KEY = 0x6D6C63695F736C63
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
# One-sided 95 %: a candidate is as good as the loss that its half shows at the least.
_REACH = 1.6448536269514722
# Sums that cancel leave rounding dust, not zero.
_DUST = 1e-12


@dataclass(frozen=True)
class Found:
    """One slice of the searched half.

    Attributes:
        cell: column and value of each of its one or two conditions, by place.
        n: examples of the searched half in it.
        loss: mean loss of the candidate against production on them, positive where it is worse.
        at_least: lower bound of that loss, by which slices are ranked.
    """

    cell: tuple[tuple[int, int], ...]
    n: int
    loss: float
    at_least: float

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns of its conditions, by place."""
        return tuple(column for column, _ in self.cell)


def halves(ids: NDArray[Any], clusters: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Which examples are searched, shape (n,): those whose id has the first bit in a keyed hash of it.

    Args:
        ids: int64, or bytes of fixed width, in ascending order.
        clusters: cluster codes; a cluster goes where its first example goes.
    """
    chosen = (_hashed(ids) >> np.uint64(63)).astype(bool)
    if clusters is None:
        return chosen
    _, first, place = np.unique(clusters, return_index=True, return_inverse=True)
    return np.asarray(chosen[first][place])


def _hashed(ids: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit hash (the finaliser of SplitMix64 over each word; Steele, Lea and Flood 2014, OOPSLA)."""
    hashed = np.full(len(ids), _KEY, dtype=np.uint64)
    for word in _words(ids):
        mixed = (hashed ^ word) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in zip((30, 27), _MIX, strict=True):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        # The width of a column says nothing of an id: what is empty behind it is left out.
        hashed = np.where(word != 0, mixed ^ (mixed >> np.uint64(31)), hashed)
    return hashed


def _words(ids: NDArray[Any]) -> Iterator[NDArray[np.uint64]]:
    if ids.dtype.kind != "S":
        # So that the id 0 has a word too.
        yield ids.astype(np.int64).view(np.uint64) ^ np.uint64(1 << 63)
        return
    width = -(-ids.dtype.itemsize // 8) * 8
    table = np.ascontiguousarray(ids.astype(f"S{width}")).view("<u8").reshape(len(ids), -1)
    yield from (table[:, place].astype(np.uint64) for place in range(table.shape[1]))


@dataclass(frozen=True)
class _Table:
    """Sums over the examples in each slice of one or two columns, shape (slices,).

    Attributes:
        chosen: the columns, by place.
        wide: number of values of the second column.
        sums: number of examples; weights; their squares; weights times gain; their squares times gain, and times its
            square.
    """

    chosen: tuple[int, ...]
    wide: int
    sums: tuple[NDArray[np.float64], ...]

    def cell(self, place: int) -> tuple[tuple[int, int], ...]:
        values = (place,) if len(self.chosen) == 1 else divmod(place, self.wide)
        return tuple(zip(self.chosen, values, strict=True))


class _Half:
    """The searched half, whose examples are taken out once a slice explains them."""

    def __init__(
        self, columns: Sequence[NDArray[Any]], sizes: Sequence[int], gain: NDArray[Any], weights: NDArray[Any] | None
    ) -> None:
        self._columns, self._sizes, self._gain, self._weights = columns, sizes, gain, weights
        self._left = np.ones(len(gain), dtype=bool)

    def tables(self, depth: int) -> list[_Table]:
        choices = (each for size in range(1, depth + 1) for each in combinations(range(len(self._columns)), size))
        return [self._table(chosen, slice(None)) for chosen in choices]

    def without(self, tables: Sequence[_Table], found: Found) -> list[_Table]:
        """The same tables without the examples of a slice, which alone are read again."""
        rows = np.flatnonzero(self._left & inside(found, self._columns))
        self._left[rows] = False
        gone = (self._table(each.chosen, rows) for each in tables)
        return [
            _Table(one.chosen, one.wide, tuple(a - b for a, b in zip(one.sums, other.sums, strict=True)))
            for one, other in zip(tables, gone, strict=True)
        ]

    def _table(self, chosen: tuple[int, ...], rows: NDArray[np.intp] | slice) -> _Table:
        columns, wide = [self._columns[place][rows] for place in chosen], self._sizes[chosen[-1]]
        codes = columns[0] if len(columns) == 1 else columns[0] * np.int32(wide) + columns[1]
        whole = math.prod(self._sizes[place] for place in chosen)
        gain = self._gain[rows]
        differing = np.flatnonzero(gain)
        gain = gain[differing].astype(np.float64)
        counts = _sums(codes, None, whole)
        mass = squares = counts
        weight: Any = 1.0
        if self._weights is not None:
            weights = self._weights[rows]
            mass, squares = _sums(codes, weights, whole), _sums(codes, weights * weights, whole)
            weight = weights[differing]
        few = codes[differing]
        parts = (weight * gain, weight * weight * gain, weight * weight * gain * gain)
        return _Table(chosen, wide, (counts, mass, squares, *(_sums(few, one, whole) for one in parts)))


def _sums(codes: NDArray[Any], values: NDArray[Any] | None, whole: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(codes, weights=values, minlength=whole), dtype=np.float64)


def surest(
    columns: Sequence[NDArray[Any]], sizes: Sequence[int], gain: NDArray[Any], weights: NDArray[Any] | None,
    *, fewest: int, depth: int, most: int, declared: Collection[tuple[int, ...]] = (),
) -> tuple[list[Found], int, int]:  # fmt: skip
    """The slice with the surest loss, then that with the surest loss among the examples outside it, and so on.

    A slice that merely overlaps a harmed one has a share of its loss; without the examples already explained it has
    none (sequential covering; Clark and Niblett 1989, Machine Learning 3:261).

    Args:
        columns: value codes 0 … size - 1 of each column, shape (n,).
        sizes: number of values of each column.
        gain: how much better the candidate is on each example, shape (n,).
        weights: shape (n,), or None.
        fewest: examples that a slice must have.
        depth: 1 for values of one column, 2 for pairs of them too.
        most: how many slices are wanted.
        declared: columns and pairs of them, by place in ascending order, whose slices are judged anyway: they
            explain a loss as any other, and are none of the wanted ones nor of those looked at.

    Returns:
        The slices found; how many were looked at first; and how many were too small.
    """
    half = _Half([each.astype(np.int32, copy=False) for each in columns], sizes, gain, weights)
    tables = half.tables(depth)
    looked = sum(int((each.sums[0] >= fewest).sum()) for each in tables if each.chosen not in declared)
    small = sum(int((each.sums[0] > 0).sum()) for each in tables if each.chosen not in declared) - looked
    kept: list[Found] = []
    while sum(each.columns not in declared for each in kept) < most:
        best = _best([found for table in tables for found in _losses(table, fewest)])
        if best is None:
            break
        kept.append(best)
        tables = half.without(tables, best)
    return kept, looked, small


def _losses(table: _Table, fewest: int) -> Iterator[Found]:
    """Mean loss of each slice that is large enough, and what it is at the least; only those that are surely one."""
    large = np.flatnonzero(table.sums[0] >= fewest)
    counts, mass, squares, first, second, square = (each[large] for each in table.sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / mass
        error = np.sqrt(np.maximum(0.0, square - 2 * mean * second + mean * mean * squares)) / mass
        at_least = -mean - _REACH * error
    for place in np.flatnonzero((mass > 0) & (at_least > _DUST)).tolist():
        yield Found(
            table.cell(int(large[place])), int(counts[place]), float(-mean[place]), float(at_least[place])
        )  # fmt: skip


def _best(found: Sequence[Found]) -> Found | None:
    """The surest loss; of two values that meet, one alone where these are not surely worse than it."""
    if not found:
        return None
    first = min(found, key=_order)
    simpler = [each for each in found if set(each.cell) < set(first.cell) and each.loss >= first.at_least]
    return min(simpler, key=_order, default=first)


def _order(found: Found) -> tuple[float, tuple[tuple[int, int], ...]]:
    return -found.at_least, found.cell


def inside(found: Found, columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """Which examples are in a slice, shape (n,)."""
    chosen = np.ones(len(columns[0]), dtype=bool)
    for column, value in found.cell:
        chosen &= columns[column] == value
    return chosen
