"""Views of a holdout: all of its examples, and each slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.policy import GatePolicy
from mlci.stats.measure import Outputs, Truth
from mlci.stats.paired import Design
from mlci.steps.holdout import Holdout

MISSING_VALUE = "(missing)"


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


def every_slice(holdout: Holdout, whole: View) -> Iterator[View]:
    """Every value of every slice column, a missing value being one of its own."""
    for column, words in holdout.slices.items():
        order = np.argsort(words.codes, kind="stable")
        edges = np.searchsorted(words.codes[order], np.arange(-1, len(words.values) + 1))
        named = sorted((value, code) for code, value in enumerate(words.values))
        missing = MISSING_VALUE
        while missing in words.values:  # a value may be spelled so; two slices must not share a name
            missing = f"({missing})"
        for value, code in (*named, (missing, -1)):
            rows = order[edges[code + 1] : edges[code + 2]]
            if len(rows):
                yield _part(whole, column, f"{column}={value}", rows)


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
