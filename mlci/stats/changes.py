"""Two models on the same examples beyond averages: flips, what became of errors, and the two sets of scores.

Scores are counted in fine cells between the smallest and the largest, so that everything said of their distributions
costs one pass; a distance is then true to the width of a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Cells that scores are counted in, and bins that a reader sees.
CELLS = 1 << 16
BINS = 10


def label_cells(truth: Array, candidate: Array, production: Array) -> tuple[int, int, int, int, int]:
    """Right both, newly wrong, newly right, wrong alike, wrong otherwise: how many examples of each.

    Args:
        truth: class codes, shape (n,).
        candidate: predicted codes of the same examples.
        production: the same of production.
    """
    mine, theirs = candidate == truth, production == truth
    newly_wrong = int(np.count_nonzero(theirs & ~mine))
    newly_right = int(np.count_nonzero(mine & ~theirs))
    right_both = int(np.count_nonzero(mine)) - newly_right
    changed = int(np.count_nonzero(candidate != production))
    wrong_otherwise = changed - newly_wrong - newly_right
    wrong_alike = len(truth) - right_both - changed
    return right_both, newly_wrong, newly_right, wrong_alike, wrong_otherwise


def newly_wrong(truth: Array, candidate: Array, production: Array) -> NDArray[np.bool_]:
    """Which examples are negative flips: right before, wrong now (Yan et al. 2021, CVPR, arXiv 2011.09161)."""
    return np.asarray((production == truth) & (candidate != truth))


def error_cells(truth: Array, candidate: Array, production: Array) -> tuple[int, int, int]:
    """On how many examples the error of a predicted value grew, shrank and stayed.

    Args:
        truth: true values, shape (n,), finite like the others.
        candidate: predicted values.
        production: the same of production.
    """
    with np.errstate(over="ignore"):
        mine, theirs = np.abs(candidate - truth), np.abs(production - truth)
    grew, shrank = int(np.count_nonzero(mine > theirs)), int(np.count_nonzero(mine < theirs))
    return grew, shrank, len(truth) - grew - shrank


def calibration_slope(truth: Array, predicted: Array) -> float | None:
    """Slope of the true values on the predicted ones by least squares; None where the predictions do not vary."""
    with np.errstate(over="ignore", invalid="ignore"):
        centred = predicted - predicted.mean()
        # Sums, and no dot product, whose last digit depends on how many threads took part.
        spread = float((centred * centred).sum())
        slope = float((centred * (truth - truth.mean())).sum()) / spread if spread > 0 else np.nan
    return float(slope) if np.isfinite(slope) else None


@dataclass(frozen=True)
class Grid:
    """Cells of equal width between two scores; the last one holds the upper end."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Of one cell, in the unit of the scores."""
        return (self.high - self.low) / CELLS

    def cells(self, scores: Array) -> NDArray[np.intp]:
        """In which cell each score lies."""
        if self.high <= self.low:
            return np.zeros(len(scores), dtype=np.intp)
        is_unit = (self.low, self.high) == (0.0, 1.0)
        place = scores * CELLS if is_unit else (scores - self.low) / (self.high - self.low) * CELLS
        cells = place.astype(np.intp)
        return np.minimum(cells, CELLS - 1, out=cells)


def edges(counts: Array, bins: int = BINS) -> NDArray[np.intp]:
    """Where bins of about as many examples each begin, as cells in rising order; no cell is parted."""
    reached = np.cumsum(counts)
    wanted = reached[-1] * np.arange(1, bins) / bins
    starts = np.searchsorted(reached, wanted) + 1
    occupied = np.flatnonzero(counts)
    # A bin must hold something: it begins at an occupied cell, and none begins twice.
    place = np.searchsorted(occupied, starts)
    return np.unique(np.concatenate(([0], occupied[place[place < len(occupied)]])))


def binned(values: Array, starts: NDArray[np.intp]) -> Array:
    """Sums of the cells of each bin."""
    return np.add.reduceat(values, starts)


@dataclass(frozen=True)
class Shift:
    """How far apart two distributions of scores are."""

    candidate_counts: tuple[int, ...]
    production_counts: tuple[int, ...]
    kolmogorov_smirnov: float
    wasserstein: float


def shift(candidate: Array, production: Array, grid: Grid) -> Shift:
    """Compare two sets of scores.

    Args:
        candidate: how many of the candidate's scores lie in each cell of the grid.
        production: the same of production's; as many in all.
        grid: the cells.
    """
    starts = edges(production)
    gap = np.abs(np.cumsum(candidate - production)) / candidate.sum()
    return Shift(
        tuple(int(number) for number in binned(candidate, starts)),
        tuple(int(number) for number in binned(production, starts)),
        float(gap.max()),
        float(gap[:-1].sum() * grid.width),
    )


@dataclass(frozen=True)
class Curve:
    """One model's probabilities and what happened, by bin: examples, how many happened, mean score; and the Brier."""

    n: tuple[int, ...]
    happened: tuple[int, ...]
    score: tuple[float, ...]
    brier: float


def curve(scores: Array, happened: NDArray[np.bool_], cells: NDArray[np.intp], counts: Array) -> Curve:
    """Bins of equal mass of one model's probabilities.

    Args:
        scores: between 0 and 1, shape (n,).
        happened: whether each example is of the class that was scored.
        cells: of each score.
        counts: how many scores lie in each cell.
    """
    starts = edges(counts)
    n = binned(counts, starts)
    right = binned(np.bincount(cells[happened], minlength=CELLS), starts)
    sums = binned(np.bincount(cells, weights=scores, minlength=CELLS), starts)
    squared = scores - happened
    squared *= squared
    return Curve(
        tuple(int(number) for number in n),
        tuple(int(number) for number in right),
        tuple(float(number) for number in np.clip(sums / n, 0.0, 1.0)),
        float(squared.mean()),
    )
