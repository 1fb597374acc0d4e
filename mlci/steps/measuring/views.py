"""Views of a holdout: all of its examples, and each slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.policy import GatePolicy
from mlci.domain.slices import MOST_SLICES, NAMED, Folded, missing_name, slice_name
from mlci.ports import Texts
from mlci.stats.aggregated import Both
from mlci.stats.measure import Outputs, Truth
from mlci.stats.paired import Design
from mlci.steps.holdout import Holdout


@dataclass(frozen=True)
class View:
    """Some of a holdout's examples: all of them, or one slice.

    Attributes:
        column: the slice column; None for all examples.
        name: the slice as column=value; None for all examples.
        whole: group of each example of the whole holdout, shape (all examples,), and of each example here, by the same
            codes; None for all examples, and where there are no groups.
        both: both models on independent examples of equal weight, for which aggregates say all; else None.
    """

    column: str | None
    name: str | None
    truth: Truth
    candidate: Outputs
    baseline: Outputs | None
    design: Design
    whole: tuple[NDArray[Any], NDArray[Any]] | None = None

    @cached_property
    def cuts_groups(self) -> bool:
        """Whether a group is here in part: what is judged by the group cannot be judged on a part of it."""
        if self.whole is None:
            return False
        every, here = (np.bincount(codes, minlength=int(self.whole[0].max()) + 1) for codes in self.whole)
        return bool(((here > 0) & (here < every)).any())

    @cached_property
    def both(self) -> Both | None:
        if self.baseline is None or not self.design.simple:
            return None
        return Both(self.design.n, self.truth, self.candidate, self.baseline)


def all_examples(holdout: Holdout, policy: GatePolicy) -> View:
    design = _design(holdout.n, policy.confidence, holdout.weights, holdout.clusters)
    return View(None, None, holdout.truth, holdout.candidate, holdout.baseline, design)


def _design(n: int, confidence: float, weights: NDArray[Any] | None, clusters: NDArray[Any] | None) -> Design:
    groups = None if clusters is None else int(clusters.max()) + 1
    return Design(n, confidence, weights, clusters, groups)


def every_slice(holdout: Holdout, whole: View) -> Iterator[View | Folded]:
    """Every value of every slice column, a missing value being one of its own, and of every pair of columns.

    Of a column with too many values the largest are views, in order of name, and the rest is counted.
    """
    taken: set[str] = set()
    for column, words in holdout.slices.items():
        order, edges = _by_value(words)
        # Every slice is then a stretch of these rows, and no other row is touched to read it.
        grouped = _rows_of(whole, order)
        kept, left = named_slices(column, words.values, np.diff(edges).tolist(), taken, pair=column in holdout.pairs)
        for name, place in kept:
            yield _part(grouped, column, name, slice(int(edges[place]), int(edges[place + 1])))
        if left is not None:
            yield left


def named_slices(
    column: str, words: Sequence[str], sizes: Sequence[int], taken: set[str], *, pair: bool
) -> tuple[list[tuple[str, int]], Folded | None]:
    """Which values of a column are slices of their own, in order of name, and what is left of the rest.

    Args:
        column: the slice column.
        words: its values.
        sizes: examples without a value, then of each value.
        taken: names of earlier slices; those of this column are added.
        pair: whether the values are of a pair of columns, and so names already.

    Returns:
        Name and place in ``sizes`` of each slice; and the others together, where there are too many.
    """
    named = [*sorted((value, place) for place, value in enumerate(words, start=1)), (missing_name(words), 0)]
    present = [(value, place) for value, place in named if sizes[place]]
    largest = sorted(present, key=lambda each: -sizes[each[1]])
    kept = {place for _, place in largest[:MOST_SLICES]}

    def name(value: str) -> str:
        return value if pair else slice_name(column, value)

    chosen = [(_unlike(taken, name(value)), place) for value, place in present if place in kept]
    left = largest[MOST_SLICES:]
    if not left:
        return chosen, None
    return chosen, Folded(
        column=column,
        slices=len(left),
        n=sum(sizes[place] for _, place in left),
        largest=sizes[left[0][1]],
        names=tuple(name(value) for value, _ in left[:NAMED]),
    )


def _unlike(taken: set[str], name: str) -> str:
    """A value may be spelled like a pair; two slices must not share a name."""
    while name in taken:
        name = f"({name})"
    taken.add(name)
    return name


def _by_value(words: Texts) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows by value, in their own order within each; and where each value begins, the missing one first."""
    number = len(words.values) + 1
    codes = words.codes + 1
    # Numbers of 16 bits are sorted by a radix sort, which is linear.
    order = np.argsort(codes.astype(np.uint16) if number <= 1 << 16 else codes, kind="stable")
    return order, np.concatenate(([0], np.cumsum(np.bincount(codes, minlength=number))))


def _rows_of(whole: View, rows: NDArray[np.intp]) -> View:
    weights, clusters = whole.design.weights, whole.design.clusters
    return replace(
        whole,
        truth=whole.truth.take(rows),
        candidate=whole.candidate.take(rows),
        baseline=None if whole.baseline is None else whole.baseline.take(rows),
        design=replace(
            whole.design,
            weights=None if weights is None else weights[rows],
            clusters=None if clusters is None else clusters[rows],
        ),
    )


def some_rows(whole: View, column: str, name: str, rows: NDArray[np.intp]) -> View:
    """A slice of these rows."""
    return _part(_rows_of(whole, rows), column, name, slice(0, len(rows)))


def _part(whole: View, column: str, name: str, rows: slice) -> View:
    weights, clusters = whole.design.weights, whole.design.clusters
    if weights is not None:
        weights = weights[rows]
        # Weights that are equal, or all zero, within a slice are no weights there.
        equal = bool((weights == weights[0]).all())
        weights = None if equal else weights * (len(weights) / weights.sum())
    groups = None
    if clusters is not None:
        groups = clusters, clusters[rows]
        clusters = np.unique(clusters[rows], return_inverse=True)[1]
    return View(
        column,
        name,
        whole.truth.take(rows),
        whole.candidate.take(rows),
        None if whole.baseline is None else whole.baseline.take(rows),
        _design(rows.stop - rows.start, whole.design.confidence, weights, clusters),
        groups,
    )
