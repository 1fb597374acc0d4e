"""Views of a holdout: all of its examples, and each slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.policy import GatePolicy
from mlci.domain.slices import MOST_SLICES, NAMED, Folded, missing_name, slice_name
from mlci.stats.measure import Outputs, Truth
from mlci.stats.paired import Design
from mlci.steps.holdout import Holdout


@dataclass(frozen=True)
class View:
    """Some of a holdout's examples: all of them, or one slice.

    Attributes:
        column: the slice column; None for all examples.
        name: the slice as column=value; None for all examples.
    """

    column: str | None
    name: str | None
    truth: Truth
    candidate: Outputs
    baseline: Outputs | None
    design: Design


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
        order = np.argsort(words.codes, kind="stable")
        edges = np.searchsorted(words.codes[order], np.arange(-1, len(words.values) + 1))
        named = sorted((value, code) for code, value in enumerate(words.values))
        values = [(value, code) for value, code in (*named, (missing_name(words.values), -1))]
        sizes = {code: int(edges[code + 2] - edges[code + 1]) for _, code in values}
        present = [(value, code) for value, code in values if sizes[code]]
        largest = sorted(present, key=lambda each: -sizes[each[1]])
        kept = {code for _, code in largest[:MOST_SLICES]}
        for value, code in present:
            if code in kept:
                name = _unlike(taken, value if column in holdout.pairs else slice_name(column, value))
                yield _part(whole, column, name, order[edges[code + 1] : edges[code + 2]])
        if left := largest[MOST_SLICES:]:
            yield Folded(
                column=column,
                slices=len(left),
                n=sum(sizes[code] for _, code in left),
                largest=sizes[left[0][1]],
                names=tuple(v if column in holdout.pairs else slice_name(column, v) for v, _ in left[:NAMED]),
            )


def _unlike(taken: set[str], name: str) -> str:
    """A value may be spelled like a pair; two slices must not share a name."""
    while name in taken:
        name = f"({name})"
    taken.add(name)
    return name


def _part(whole: View, column: str, name: str, rows: NDArray[np.intp]) -> View:
    weights, clusters = whole.design.weights, whole.design.clusters
    if weights is not None:
        weights = weights[rows]
        # Weights that are equal, or all zero, within a slice are no weights there.
        equal = bool((weights == weights[0]).all())
        weights = None if equal else weights * (len(rows) / weights.sum())
    if clusters is not None:
        clusters = np.unique(clusters[rows], return_inverse=True)[1]
    return View(
        column,
        name,
        whole.truth.take(rows),
        whole.candidate.take(rows),
        None if whole.baseline is None else whole.baseline.take(rows),
        _design(len(rows), whole.design.confidence, weights, clusters),
    )
