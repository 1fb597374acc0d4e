"""Metrics of predicted values: means of an error per example, smooth functions of means, and quantiles of errors.

Every one comes with the influence of each example, so that pairing, weights and groups are treated alike.
"""

from __future__ import annotations

import re

import numpy as np

from mlci.stats import influence
from mlci.stats.influence import Array, Score, Undefined, mean_score, weighted_mean
from mlci.stats.quantiles import quantile_score

_QUANTILE = re.compile(r"p([1-9][0-9]?)_absolute_error")
_PINBALL = re.compile(r"pinball_(0\.[0-9]+)")


def error_rows(name: str, truth: Array, errors: Array) -> Array | None:
    """What each example costs, where the metric is the mean of that, shape (n,); None for every other metric.

    Raises:
        Undefined: an example has no cost.
    """
    if name == "mae":
        return np.abs(errors)
    if name == "mse":
        return errors * errors
    if name == "mape":
        return influence.mape_rows(truth, errors)
    if name == "smape":
        return influence.smape_rows(truth, errors)
    pinball = _PINBALL.fullmatch(name)
    return None if pinball is None else pinball_rows(errors, float(pinball[1]))


def pinball_rows(errors: Array, part: float) -> Array:
    """Loss of a predicted quantile, the one that the true quantile makes smallest (Koenker and Bassett 1978).

    Args:
        errors: prediction minus truth, shape (n,).
        part: which quantile was predicted, in (0, 1).
    """
    return np.where(errors > 0, (1.0 - part) * errors, -part * errors)


def value_score(name: str, truth: Array, errors: Array, weights: Array | None, pieces: float) -> Score:
    """Value and influence of a metric that is no plain mean.

    Args:
        name: a metric of predicted values.
        truth: target values, shape (n,).
        errors: prediction minus truth, shape (n,).
        weights: shape (n,), mean 1; None for equal weights.
        pieces: independent pieces of information among the examples.

    Raises:
        Undefined: these values give the metric none, or there is no such metric.
    """
    if name == "rmse":
        return influence.rmse_score(errors, weights)
    if name == "r2":
        return influence.r2_score(truth, errors, weights)
    if name == "wape":
        return influence.wape_score(truth, errors, weights)
    if name == "explained_variance":
        return _explained_variance(truth, errors, weights)
    if name == "pearson":
        return _pearson(truth, truth + errors, weights)
    if name == "calibration_slope":
        return _calibration_slope(truth, truth + errors, weights)
    found = _QUANTILE.fullmatch(name)
    if name == "median_absolute_error" or found is not None:
        part = 0.5 if found is None else int(found[1]) / 100
        return quantile_score(np.abs(errors), part, weights, pieces)
    raise Undefined(f"{name} is neither a metric nor a column of both files")


def _spread(values: Array, weights: Array | None, whose: str) -> tuple[Array, Score]:
    """Values less their mean, and their variance with its influence.

    Raises:
        Undefined: the values do not vary.
    """
    centred = values - weighted_mean(values, weights)
    spread = mean_score(centred * centred, weights)
    # A constant column of floats has a variance of rounding dust, not of zero.
    if np.sqrt(spread.value) <= 1e-12 * float(np.abs(values).max()):
        raise Undefined(f"{whose} is the same for every example")
    return centred, spread


def _explained_variance(truth: Array, errors: Array, weights: Array | None) -> Score:
    """1 - variance of the errors / variance of the truth: R² that forgives a constant bias."""
    _, spread = _spread(truth, weights, "the truth")
    around = errors - weighted_mean(errors, weights)
    left = mean_score(around * around, weights)
    ratio = left.value / spread.value
    return Score(1.0 - ratio, (ratio * spread.influence - left.influence) / spread.value)


def _pearson(truth: Array, predicted: Array, weights: Array | None) -> Score:
    """Correlation; its influence is z_t z_p - r (z_t² + z_p²) / 2 in standard units (Devlin et al. 1975)."""
    of_truth, spread = _spread(truth, weights, "the truth")
    of_predicted, reach = _spread(predicted, weights, "the prediction")
    of_truth, of_predicted = of_truth / np.sqrt(spread.value), of_predicted / np.sqrt(reach.value)
    product = of_truth * of_predicted
    value = weighted_mean(product, weights)
    psi = product - 0.5 * value * (of_truth * of_truth + of_predicted * of_predicted)
    return Score(min(1.0, max(-1.0, value)), psi if weights is None else weights * psi)


def _calibration_slope(truth: Array, predicted: Array, weights: Array | None) -> Score:
    """Slope of the truth on the prediction: 1 where predictions are as spread out as what they predict (Cox 1958)."""
    of_predicted, reach = _spread(predicted, weights, "the prediction")
    of_truth = truth - weighted_mean(truth, weights)
    slope = weighted_mean(of_truth * of_predicted, weights) / reach.value
    psi = (of_truth - slope * of_predicted) * of_predicted / reach.value
    return Score(slope, psi if weights is None else weights * psi)
