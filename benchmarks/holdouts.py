"""Holdouts that a benchmark draws, in the form in which the gate measures them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.ports import Texts
from mlci.stats.measure import Outputs, Truth
from mlci.steps.holdout import Holdout


def held(
    n: int,
    task: Any,
    truth: Truth,
    candidate: Outputs,
    baseline: Outputs,
    *,
    clusters: NDArray[Any] | None = None,
    slices: dict[str, Texts] | None = None,
) -> Holdout:
    """Two models on the same examples, of which none is missing and none weighs more than another."""
    return Holdout(
        n=n, task=task, truth=truth, candidate=candidate, baseline=baseline, weights=None, clusters=clusters,
        slices=slices or {}, sensitive={}, pairs=frozenset(), missing=(0, 0), dropped=(), thinned=(), digest="",
        assumptions=(), ids=np.arange(n), search=None,
    )  # fmt: skip
