"""A metric's value together with every example's influence on it, and the standard error that follows.

For an estimate T the influence of example i is psi_i, with mean zero, such that T - truth is about the mean of psi.
The variance of T, of the difference of two T on the same examples, and of sums within clusters, all come from psi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.bounds import Undefined as Undefined

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One model's value of one metric.

    Attributes:
        value: the point estimate.
        influence: psi, shape (n,), weights included, mean zero.
        positives: for two-sample metrics (ROC AUC), which examples are of the positive class; the small-sample
            correction is then made within each class, as DeLong does.
        uneven: few examples may carry the error, as with labels and rankings: its degrees of freedom are then counted.
        pieces: independent pieces of information, where the metric itself says how many; else the design does.
    """

    value: float
    influence: Array
    positives: NDArray[np.bool_] | None = None
    uneven: bool = False
    pieces: float | None = None


def weighted_mean(values: Array, weights: Array | None) -> float:
    """Mean under weights of mean 1."""
    return float(values.mean() if weights is None else (weights * values).mean())


def mean_score(values: Array, weights: Array | None = None) -> Score:
    """The mean of a per-example quantity: log loss, Brier score, absolute error, a judge's score."""
    value = weighted_mean(values, weights)
    centred = values - value
    return Score(value, centred if weights is None else weights * centred)


def rmse_score(errors: Array, weights: Array | None = None) -> Score:
    """Root mean squared error, by the delta method on the mean squared error."""
    squared = mean_score(errors * errors, weights)
    value = math.sqrt(squared.value)
    slope = 0.5 / value if value > 0 else 0.0
    return Score(value, slope * squared.influence)


def r2_score(truth: Array, errors: Array, weights: Array | None = None) -> Score:
    """Coefficient of determination, 1 - mean squared error / variance of the truth.

    Raises:
        Undefined: the truth does not vary.
    """
    centred = truth - weighted_mean(truth, weights)
    spread = mean_score(centred * centred, weights)
    squared = mean_score(errors * errors, weights)
    varies(truth, spread.value)
    ratio = squared.value / spread.value
    return Score(1.0 - ratio, (ratio * spread.influence - squared.influence) / spread.value)


def varies(truth: Array, variance: float) -> None:
    """Refuse a truth that does not vary; a constant column of floats has a variance of rounding dust, not of zero.

    Raises:
        Undefined: it does not.
    """
    if math.sqrt(variance) <= 1e-12 * float(np.abs(truth).max()):
        raise Undefined("the truth is the same for every example")


def mape_rows(truth: Array, errors: Array) -> Array:
    """Absolute percentage error of each example, as a fraction.

    Raises:
        Undefined: a truth of zero.
    """
    zeros = int((truth == 0).sum())
    if zeros:
        raise Undefined(f"{zeros} examples have a truth of 0; smape and wape are defined there")
    return np.abs(errors / truth)


def smape_rows(truth: Array, errors: Array) -> Array:
    """Symmetric absolute percentage error of each example, 0 to 2; 0 where truth and prediction are both 0."""
    size = (np.abs(truth) + np.abs(truth + errors)) / 2
    return np.divide(np.abs(errors), size, out=np.zeros_like(errors), where=size > 0)


def wape_score(truth: Array, errors: Array, weights: Array | None = None) -> Score:
    """Weighted absolute percentage error: sum of absolute errors over sum of absolute truths.

    Raises:
        Undefined: every truth is zero.
    """
    if not truth.any():
        raise Undefined("every truth is 0")
    return ratio_score(np.abs(errors), np.abs(truth), weights)


def ratio_score(above: Array, below: Array, weights: Array | None = None) -> Score:
    """One sum over another: a word error rate, a score of a whole corpus. By the delta method (Cochran 1977, ch. 6).

    Raises:
        Undefined: the sum below the line is zero.
    """
    error, size = mean_score(above, weights), mean_score(below, weights)
    if size.value == 0:
        raise Undefined("the sum below the line is 0")
    ratio = error.value / size.value
    return Score(ratio, (error.influence - ratio * size.influence) / size.value)


def standard_error(
    influence: Array, *, positives: NDArray[np.bool_] | None = None, clusters: NDArray[Any] | None = None
) -> float:
    """Standard error of an estimate from its influence values.

    Args:
        influence: psi, shape (n,).
        positives: makes the small-sample correction within two strata (DeLong's divisors) instead of over all.
        clusters: group codes 0 … G-1, shape (n,); examples of one group count as one observation.
    """
    n = len(influence)
    if clusters is not None:
        sums = np.bincount(clusters, weights=influence)
        groups = len(sums)
        return float(math.sqrt((sums * sums).sum() * groups / (groups - 1)) / n) if groups > 1 else math.nan
    if n < 2:
        return math.nan
    if positives is None:
        return float(math.sqrt((influence * influence).sum() * n / (n - 1)) / n)
    squares = influence * influence
    m = int(positives.sum())
    if m < 2 or n - m < 2:
        return math.nan
    above = float(squares[positives].sum())
    below = float(squares.sum()) - above
    return math.sqrt(above * m / (m - 1) + below * (n - m) / (n - m - 1)) / n


def degrees_of_freedom(
    influence: Array,
    *,
    positives: NDArray[np.bool_] | None = None,
    clusters: NDArray[Any] | None = None,
    most: float,
) -> float:
    """Degrees of freedom of a standard error, by how evenly the examples carry it; at least 1, at most ``most``.

    The variance of a sample variance is (kurtosis - 1) / n of its square; the chi-square distribution that is as
    uncertain has 2 (sum d²)² / (sum d⁴ - (sum d²)² / n) degrees of freedom (Satterthwaite 1946, Biometrics Bulletin
    2:110). Normal d give n. Two models that differ on k of n examples give 2k, however large n is, and a metric that
    leans on ten positives has few as well: without this, such a metric passes two to three times too often.

    Args:
        influence: d, shape (n,), mean zero.
        positives: makes the small-sample correction within two strata, as ``standard_error`` does.
        clusters: group codes 0 … G-1, shape (n,); the parts are then the groups' sums.
        most: what the design allows, such as n - 1.
    """
    parts = _corrected(influence, positives) if clusters is None else np.bincount(clusters, weights=influence)
    largest = float(np.abs(parts).max()) if len(parts) else 0.0
    if not 0 < largest < math.inf:
        return max(1.0, most)
    squares = (parts / largest) ** 2
    return freedom_of(float(squares.sum()), float((squares * squares).sum()), len(parts), most)


def freedom_of(squares: float, fourths: float, n: int, most: float) -> float:
    """The same from sums: of squares and of fourth powers of the parts, and how many parts there are."""
    whole = squares * squares
    spread = fourths - whole / n
    # What is left where all parts are alike is rounding.
    return max(1.0, min(most, 2 * whole / spread if spread > 1e-9 * fourths else math.inf))


def freedom_of_few(differing: int, n: int, most: float) -> float:
    """The most degrees of freedom that a plain mean's error can have where two models differ on few examples.

    By Cauchy and Schwarz the fourth powers of k numbers add up to a k-th of their squares' square at least, which
    bounds what ``freedom_of`` gives: by 2k where k is a small part of n, and not at all where all n differ.
    """
    return max(1.0, min(most, 2 * n * differing / (n - differing) if 0 < differing < n else math.inf))


def _corrected(influence: Array, positives: NDArray[np.bool_] | None) -> Array:
    if positives is None:
        return influence
    m, n = int(positives.sum()), len(influence)
    if m < 2 or n - m < 2:  # there is no error that could be sure or unsure
        return np.zeros(n)
    return np.asarray(influence * np.where(positives, math.sqrt(m / (m - 1)), math.sqrt((n - m) / (n - m - 1))))


def effective_groups(influence: Array, clusters: NDArray[Any]) -> float:
    """How many equal groups carry as much information: (sum a)² / sum a², a being each group's absolute influence.

    A few large groups, or a metric whose positives sit in few groups, leave few degrees of freedom, however many there
    are in name (Carter, Schnepel and Steigerwald 2017, Rev. Econ. Stat. 99:698, on effective numbers of clusters).
    """
    sizes = np.bincount(clusters, weights=np.abs(influence))
    squares = float((sizes * sizes).sum())
    return float(sizes.sum()) ** 2 / squares if squares > 0 else float(len(sizes))


def effective_n(weights: Array | None, n: int) -> float:
    """Kish's effective number of examples, (sum w)² / sum w²."""
    if weights is None:
        return float(n)
    return float(weights.sum() ** 2 / (weights * weights).sum())
