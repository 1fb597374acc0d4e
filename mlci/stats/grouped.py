"""Rates of many groups at once, with the influence of every example on them, from sums over groups alone.

Independent examples are first brought to the few kinds there are (group, truth, both answers), so that a million cost
what their counting costs; examples in clusters stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# A table of cells larger than this many times the examples costs more than sorting them.
_SPARSE = 4


class Cells:
    """The meetings of groups and clusters: sums within each, and sums of those by group.

    Args:
        group: group code of each example, shape (n,), ``groups`` itself for those left out.
        groups: number of groups.
        clusters: cluster code of each example, shape (n,).
    """

    def __init__(self, group: NDArray[np.intp], groups: int, clusters: NDArray[Any]) -> None:
        self._groups, self._width = groups, int(clusters.max()) + 1
        keys = group * self._width + clusters
        whole = (groups + 1) * self._width
        if whole > _SPARSE * len(keys) + 65_536:
            self._keys, self._codes = np.unique(keys, return_inverse=True)
        else:
            self._keys, self._codes = np.arange(whole), keys
        self.group = self._keys // self._width

    def sums(self, values: NDArray[Any]) -> Floats:
        """Sums in each cell, shape (cells,)."""
        return _sums(self._codes, values, len(self._keys))

    def by_group(self, sums: NDArray[Any]) -> Floats:
        """Sums over the cells of each group, shape (groups,)."""
        return _sums(self.group, sums, self._groups + 1)[:-1]

    def crossing(self, sums: Floats, there: Floats | None = None) -> Floats:
        """Sums as a table of shape (groups, clusters), of those clusters alone that are in several groups.

        Args:
            sums: shape (cells,).
            there: not 0 in the cells that count for that, shape (cells,); None for the sums themselves.
        """
        cluster, named = self._keys % self._width, self.group < self._groups
        several = _sums(cluster[named], (sums if there is None else there)[named] != 0, self._width) > 1
        chosen = named & several[cluster]
        table = np.zeros((self._groups, int(several.sum())))
        table[self.group[chosen], (np.cumsum(several) - 1)[cluster[chosen]]] = sums[chosen]
        return table


def _sums(codes: NDArray[Any], values: NDArray[Any], whole: int) -> Floats:
    return np.asarray(np.bincount(codes, weights=values, minlength=whole), dtype=np.float64)


@dataclass(frozen=True)
class Rows:
    """Examples, or kinds of examples that are alike in all that a rate sees; each array has shape (rows,).

    Attributes:
        group: group code, ``groups`` itself for those left out.
        groups: number of groups.
        positive: whether the truth is the positive class.
        chosen: whether each model says so; None where it says nothing.
        weight: sum of the weights.
        square: sum of their squares.
        examples: how many examples with a weight above 0.
        cells: meetings of groups and clusters, where examples come in clusters.
    """

    group: NDArray[np.intp]
    groups: int
    positive: Flags
    chosen: tuple[Flags | None, Flags | None]
    weight: Floats
    square: Floats
    examples: Floats
    cells: Cells | None = None

    def sums(self, values: NDArray[Any]) -> Floats:
        """Sum of the values in each group, shape (groups,)."""
        return _sums(self.group, values, self.groups + 1)[:-1]

    def count(self, flags: Flags) -> Floats:
        """How many examples, or clusters with such examples, each group has, shape (groups,)."""
        if self.cells is None:
            return self.sums(self.examples * flags)
        return self.cells.by_group(self.cells.sums(flags) > 0)


def as_they_are(
    group: NDArray[np.intp], groups: int, positive: Flags, chosen: tuple[Flags | None, Flags | None],
    weights: Floats | None, clusters: NDArray[Any] | None,
) -> Rows:  # fmt: skip
    """One row for every example; the arguments are those of ``Rows``, weights None where they are equal."""
    weight = np.ones(len(group)) if weights is None else weights
    cells = None if clusters is None else Cells(group, groups, clusters)
    return Rows(group, groups, positive, chosen, weight, weight * weight, (weight > 0).astype(np.float64), cells)


def by_kind(
    group: NDArray[np.intp], groups: int, positive: Flags, chosen: tuple[Flags | None, Flags | None],
    weights: Floats | None,
) -> Rows:  # fmt: skip
    """One row for every kind of independent examples: group, truth and both answers."""
    kinds = group * 2 + positive
    for said in chosen:
        kinds *= 2
        if said is not None:
            kinds += said
    every = np.arange(8 * (groups + 1))
    count = np.bincount(kinds, minlength=len(every)).astype(np.float64)
    weight = square = examples = count
    if weights is not None:
        weight, square = (_sums(kinds, each, len(every)) for each in (weights, weights * weights))
        examples = _sums(kinds, weights > 0, len(every))
    mine, theirs = (None if said is None else (every & bit) > 0 for said, bit in zip(chosen, (2, 1), strict=True))
    return Rows(every // 8, groups, (every & 4) > 0, (mine, theirs), weight, square, examples)


@dataclass(frozen=True)
class Rates:
    """One rate of one model in every group, each array of shape (groups,).

    Attributes:
        value: the rate; 0 where it is of nothing.
        error: its standard error; NaN where it is of too little for one.
        of: how many examples it is counted over.
        size: independent pieces of information behind it.
        influence: what each row, or each cell, does to it.
    """

    value: Floats
    error: Floats
    of: Floats
    size: Floats
    influence: Floats


def rates(rows: Rows, counted: NDArray[Any], among: Flags) -> Rates:
    """The weighted mean of a quantity among some of the examples, in every group.

    Args:
        rows: the examples.
        counted: the quantity, shape (rows,).
        among: which examples it is averaged over, shape (rows,).
    """
    inside = rows.weight * among
    whole = rows.sums(inside)
    value = _divided(rows.sums(inside * counted), whole)
    centred = among * (counted - np.append(value, 0.0)[rows.group])
    below = np.append(_divided(np.ones_like(whole), whole), 0.0)
    of = rows.sums(rows.examples * among)
    if rows.cells is None:
        influence = centred * below[rows.group]
        squares, count = rows.sums(rows.square * influence * influence), of
        size, place = _divided(whole * whole, rows.sums(rows.square * among)), rows.group
    else:
        influence = rows.cells.sums(rows.weight * centred * below[rows.group])
        held = rows.cells.sums(inside)
        squares, count = rows.cells.by_group(influence * influence), rows.cells.by_group(held > 0)
        # Clusters count by how much of the examples each carries.
        size, place = _divided(rows.cells.by_group(held) ** 2, rows.cells.by_group(held * held)), rows.cells.group
    # Corrected for the value taken from the same examples, so that two equal models have no error between them.
    correction = np.sqrt(_divided(count, count - 1))
    error = np.where(count > 1, np.sqrt(squares) * correction, np.nan)
    return Rates(value, error, of, size, influence * np.append(correction, 0.0)[place])


def covariance(rows: Rows, one: Rates, other: Rates) -> Floats:
    """Of two rates in every group, shape (groups,)."""
    product = one.influence * other.influence
    return rows.sums(rows.square * product) if rows.cells is None else rows.cells.by_group(product)


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)
