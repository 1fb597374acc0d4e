"""Both models on the same independent examples of equal weight: each metric from aggregates, without influences.

What several metrics rest on is computed once: the counts of labels, the chance given to the truth, the errors. A metric
that has no value here, or that no aggregate covers, is left to ``mlci.stats.measure``, which says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats import cells, counts, histogram, influence, moments, placements
from mlci.stats.bounds import Undefined
from mlci.stats.comparing import Compared
from mlci.stats.influence import Array
from mlci.stats.measure import (
    Outputs,
    Truth,
    chance_of_truth,
    finite_scores,
    probability_loss,
)

_ERRORS: dict[str, Callable[[Array, Array], Array]] = {
    "rmse": lambda _, errors: errors * errors,
    "mse": lambda _, errors: errors * errors,
    "r2": lambda _, errors: errors * errors,
    "wape": lambda _, errors: np.abs(errors),
    "mae": lambda _, errors: np.abs(errors),
    "mape": influence.mape_rows,
    "smape": influence.smape_rows,
}
_OWN_SIZE = frozenset({"mse", "mae", "mape", "smape"})
# With more classes than this the shares of each are longer than most holdouts.
_MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Both:
    """Truth and both models' outputs, in the same order.

    Attributes:
        n: examples.
        truth: what the holdout says.
        candidate: the candidate's outputs.
        baseline: production's.
    """

    n: int
    truth: Truth
    candidate: Outputs
    baseline: Outputs

    @np.errstate(over="ignore", invalid="ignore")
    def compared(self, name: str, *, rising: bool, exact: bool = True) -> Compared | None:
        """One metric of both models; None where no aggregate gives it, or gives it no value.

        Args:
            name: a metric of ``mlci.domain.metric``, or the name of a column of both models.
            rising: whether a column's higher values are the better ones.
            exact: sort scores, instead of binning them where what that costs is known to be little.
        """
        try:
            binned = self._binned if name == "roc_auc" and not exact else None
            return binned or self._compared(name, rising=rising)
        except Undefined:
            return None

    def _compared(self, name: str, *, rising: bool) -> Compared | None:
        if name in self.candidate.columns:
            return self._of_column(name, rising=rising)
        if counts.is_label_metric(name):
            return None if self.cells is None else cells.compared(name, self.cells)
        if name == "roc_auc":
            return self._area
        if name in ("log_loss", "brier"):
            mine, theirs = (probability_loss(name, *each) for each in self._chances)
            return self._mean(name, mine, theirs)
        if name in _ERRORS and self.truth.values is not None:
            return self._of_errors(name, self.truth.values)
        return None

    @cached_property
    def cells(self) -> cells.Cells | None:
        """How many examples have each truth and each two predicted labels; None where a model gives no labels."""
        codes, mine, theirs = self.truth.codes, self.candidate.labels, self.baseline.labels
        if codes is None or mine is None or theirs is None or self.truth.classes > _MOST_CLASSES:
            return None
        return cells.counted(codes, mine, theirs, self.truth.classes, self.truth.positive)

    @cached_property
    def _area(self) -> Compared | None:
        scores = self._ranked
        return None if scores is None else placements.compared(placements.placed(*scores, self.truth.is_positive))

    @cached_property
    def _binned(self) -> Compared | None:
        scores = self._ranked
        return None if scores is None else histogram.binned(*scores, self.truth.is_positive)

    @property
    def _ranked(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        mine, theirs = finite_scores(self.candidate), finite_scores(self.baseline)
        return None if self.truth.positive is None or mine.ndim != 1 or theirs.ndim != 1 else (mine, theirs)

    @cached_property
    def _chances(self) -> tuple[tuple[NDArray[Any], Array], ...]:
        return tuple(chance_of_truth(self.truth, each) for each in (self.candidate, self.baseline))

    @cached_property
    def _errors(self) -> tuple[Array, Array] | None:
        values, mine, theirs = self.truth.values, self.candidate.values, self.baseline.values
        if values is None or mine is None or theirs is None:
            return None
        errors = mine - values, theirs - values
        return errors if bool(np.isfinite(errors[0]).all() and np.isfinite(errors[1]).all()) else None

    def _of_column(self, name: str, *, rising: bool) -> Compared | None:
        mine, theirs = self.candidate.columns[name], self.baseline.columns.get(name)
        if theirs is None or mine.ndim != 1:
            return None
        return self._mean(name, mine, theirs, (theirs, mine) if rising else None)

    def _of_errors(self, name: str, values: Array) -> Compared | None:
        if self._errors is None:
            return None
        scale = None
        if name == "r2":
            scale = moments.spread(values)
            influence.varies(values, float(scale.mean()))
        elif name == "wape":
            scale = np.abs(values)
            if not scale.any():
                return None
        mine, theirs = (_ERRORS[name](values, errors) for errors in self._errors)
        # Squares may tie, or overflow, where the errors themselves do not.
        nearer = (np.abs(self._errors[0]), np.abs(self._errors[1])) if name not in _OWN_SIZE else None
        found = moments.moments(mine, theirs, scale, nearer)
        return moments.compared(name, found)

    def _mean(self, name: str, mine: Array, theirs: Array, nearer: tuple[Array, Array] | None = None) -> Compared:
        if not (np.isfinite(mine).all() and np.isfinite(theirs).all()):
            raise Undefined("a value is missing")
        return moments.compared(name, moments.moments(mine, theirs, None, nearer))
