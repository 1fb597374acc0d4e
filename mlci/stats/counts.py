"""Metrics of predicted labels, as smooth functions of class shares, each with its gradient.

With P the share of each class in the truth, Q its share among the predictions and C its share predicted rightly, every
such metric is a function T(P, Q, C). Its influence function is the gradient applied to each example's own indicators
(delta method; Hampel 1974, JASA 69:383), so a new metric needs a value and three gradients, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.influence import Score, Undefined

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Class shares of one model on one set of examples; each array has one entry per class."""

    truth: Array
    predicted: Array
    right: Array

    def __post_init__(self) -> None:
        present = self.truth > 0
        if present.sum() == 0:
            raise Undefined("no example has a class")


@dataclass(frozen=True)
class Smooth:
    """A metric's value and its gradient with respect to each share."""

    value: float
    by_truth: Array
    by_predicted: Array
    by_right: Array


def _divided(above: Array, below: Array) -> Array:
    """Quotient with 0/0 read as 0, the convention of scikit-learn's ``zero_division=0``."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _per_class(name: str, shares: Shares) -> tuple[Array, Array, Array, Array]:
    """Value of precision, recall, F-beta or Jaccard for each class, with gradients by truth, predicted and right."""
    zero = np.zeros_like(shares.right)
    if name == "precision":
        value = _divided(shares.right, shares.predicted)
        slope = _divided(np.ones_like(zero), shares.predicted)
        return value, zero, -value * slope, slope
    if name == "recall":
        value = _divided(shares.right, shares.truth)
        slope = _divided(np.ones_like(zero), shares.truth)
        return value, -value * slope, zero, slope
    if name == "jaccard":
        either = shares.truth + shares.predicted - shares.right
        value = _divided(shares.right, either)
        slope = _divided(np.ones_like(zero), either)
        return value, -value * slope, -value * slope, (1 + value) * slope
    # van Rijsbergen 1979: the truth counts beta² times as much as the predictions; F1 is Dice's coefficient.
    squared = float(name[1:]) ** 2
    both = squared * shares.truth + shares.predicted
    value = _divided((1 + squared) * shares.right, both)
    slope = _divided(np.ones_like(zero), both)
    return value, -squared * value * slope, -value * slope, (1 + squared) * slope


def _averaged(name: str, average: str, shares: Shares, positive: int | None) -> Smooth:
    if average == "micro":
        return _accuracy(shares)
    value, by_truth, by_predicted, by_right = _per_class(name, shares)
    if average == "binary":
        if positive is None:
            others = [each for each in ("macro", "micro", "weighted") if each != "micro" or name in _WITH_MICRO]
            named = [f"{name}_{each}" for each in others]
            raise Undefined(f"{name} needs two classes; name {', '.join(named[:-1])} or {named[-1]}")
        if shares.truth[positive] == 0:
            raise Undefined("no example of the positive class")
        weight = np.zeros_like(value)
        weight[positive] = 1.0
        return Smooth(float(value[positive]), weight * by_truth, weight * by_predicted, weight * by_right)
    _needs_two_classes(shares)
    if average == "weighted":
        weight = shares.truth
        return Smooth(
            float((weight * value).sum()), weight * by_truth + value, weight * by_predicted, weight * by_right
        )
    present = (shares.truth + shares.predicted) > 0
    weight = present / present.sum()
    return Smooth(float((weight * value).sum()), weight * by_truth, weight * by_predicted, weight * by_right)


def _needs_two_classes(shares: Shares) -> None:
    if (shares.truth > 0).sum() < 2:
        raise Undefined("only one class among these examples")


def _accuracy(shares: Shares) -> Smooth:
    zero = np.zeros_like(shares.right)
    return Smooth(float(shares.right.sum()), zero, zero, np.ones_like(zero))


def _error_rate(shares: Shares) -> Smooth:
    zero = np.zeros_like(shares.right)
    return Smooth(float(1.0 - shares.right.sum()), zero, zero, zero - 1.0)


def _kappa(shares: Shares) -> Smooth:
    """Cohen's kappa, agreement beyond chance: Cohen 1960, Educ. Psychol. Meas. 20:37."""
    _needs_two_classes(shares)
    chance = float((shares.truth * shares.predicted).sum())
    value = (float(shares.right.sum()) - chance) / (1.0 - chance)
    by_chance = (value - 1.0) / (1.0 - chance)
    return Smooth(
        value, by_chance * shares.predicted, by_chance * shares.truth, np.full_like(shares.right, 1.0 / (1.0 - chance))
    )


def _balanced_accuracy(shares: Shares) -> Smooth:
    _needs_two_classes(shares)
    value, by_truth, by_predicted, by_right = _per_class("recall", shares)
    weight = (shares.truth > 0) / (shares.truth > 0).sum()
    return Smooth(float((weight * value).sum()), weight * by_truth, weight * by_predicted, weight * by_right)


def _mcc(shares: Shares) -> Smooth:
    """Matthews correlation for any number of classes: Gorodkin 2004, Comput. Biol. Chem. 28:367."""
    _needs_two_classes(shares)
    covariance = shares.right.sum() - (shares.truth * shares.predicted).sum()
    of_truth = 1.0 - (shares.truth**2).sum()
    # Examples without a prediction are a class of their own, which is never right.
    without = 1.0 - shares.predicted.sum()
    of_predicted = 1.0 - (shares.predicted**2).sum() - without**2
    zero = np.zeros_like(shares.right)
    if of_predicted <= 1e-15:  # every prediction is the same class: 0 by the same convention as 0/0 above
        return Smooth(0.0, zero, zero, zero)
    root = np.sqrt(of_truth * of_predicted)
    return Smooth(
        float(covariance / root),
        -shares.predicted / root + covariance * shares.truth / (of_truth * root),
        -shares.truth / root + covariance * (shares.predicted - without) / (of_predicted * root),
        zero + 1.0 / root,
    )


_WHOLE: dict[str, Callable[[Shares], Smooth]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "error_rate": _error_rate,
    "kappa": _kappa,
    "mcc": _mcc,
}
# The same question asked of the other of two classes.
_OF_THE_NEGATIVE = {"specificity": "recall", "npv": "precision"}
_WITH_MICRO = ("f1", "precision", "recall")
_PER_CLASS = re.compile(r"(?:precision|recall|jaccard|f[0-9]+(?:\.[0-9]+)?)(?:_(?:macro|micro|weighted))?")


def is_label_metric(name: str) -> bool:
    """Whether ``label_score`` knows the name."""
    return name in _WHOLE or name in _OF_THE_NEGATIVE or _PER_CLASS.fullmatch(name) is not None


def smooth(name: str, shares: Shares, positive: int | None) -> Smooth:
    """Value and gradients of a metric of predicted labels, named as for ``label_score``.

    Raises:
        Undefined: these shares give the metric no value.
    """
    if name in _WHOLE:
        return _WHOLE[name](shares)
    if name not in _OF_THE_NEGATIVE:
        base, _, average = name.partition("_")
        return _averaged(base, average or "binary", shares, positive)
    if positive is None or len(shares.truth) != 2:
        raise Undefined(f"{name} needs two classes")
    if shares.truth[1 - positive] == 0:
        raise Undefined("no example of the negative class")
    return _averaged(_OF_THE_NEGATIVE[name], "binary", shares, 1 - positive)


def label_score(
    name: str,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    classes: int,
    *,
    positive: int | None = None,
    weights: Array | None = None,
) -> Score:
    """Value and influence of a metric of predicted labels.

    Args:
        name: ``accuracy``, ``error_rate``, ``balanced_accuracy``, ``kappa``, ``mcc``, ``specificity``, ``npv``, or
            ``precision``, ``recall``, ``jaccard``, ``f<beta>`` alone (the positive class) or followed by ``_macro``,
            ``_weighted``, and ``_micro`` where that is the accuracy.
        truth: class codes, shape (n,), each in 0 … classes - 1.
        predicted: class codes, shape (n,); ``classes`` itself stands for "no prediction", which is never right.
        classes: number of classes.
        positive: code of the positive class, where there are two.
        weights: shape (n,), mean 1; None for equal weights.

    Raises:
        Undefined: these examples give the metric no value.
    """
    # Few classes: one count and one look-up over (truth, prediction). Many: such a table would not fit in memory.
    tabled = classes * (classes + 1) <= _LARGEST_TABLE
    cells = np.multiply(truth, classes + 1, dtype=np.intp) + predicted if tabled else None
    shares = _shares(truth, predicted, classes, weights, cells)
    found = smooth(name, shares, positive)
    influence = _influence(found, shares, truth, predicted, cells)
    return Score(found.value, influence if weights is None else influence * weights, uneven=True)


_LARGEST_TABLE = 1 << 16


def _shares(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    classes: int,
    weights: Array | None,
    cells: NDArray[np.intp] | None,
) -> Shares:
    n = len(truth)
    if cells is not None:
        joint = np.bincount(cells, weights=weights, minlength=classes * (classes + 1)).reshape(classes, -1) / n
        return Shares(joint.sum(axis=1), joint.sum(axis=0)[:classes], joint.diagonal())
    right = truth == predicted
    return Shares(
        np.bincount(truth, weights=weights, minlength=classes) / n,
        np.bincount(predicted, weights=weights, minlength=classes + 1)[:classes] / n,
        np.bincount(truth[right], weights=None if weights is None else weights[right], minlength=classes) / n,
    )


def _influence(
    smooth: Smooth,
    shares: Shares,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    cells: NDArray[np.intp] | None,
) -> Array:
    """The gradient applied to each example's own indicators, centred."""
    by_predicted = np.append(smooth.by_predicted, 0.0)
    centre = (
        (smooth.by_truth * shares.truth).sum()
        + (smooth.by_predicted * shares.predicted).sum()
        + (smooth.by_right * shares.right).sum()
    )
    if cells is None:
        right = np.where(truth == predicted, smooth.by_right[truth], 0.0)
        return np.asarray(smooth.by_truth[truth] + by_predicted[predicted] + right - centre)
    table = smooth.by_truth[:, None] + by_predicted[None, :] - centre
    every = np.arange(len(smooth.by_truth))
    table[every, every] += smooth.by_right
    return np.asarray(table.ravel()[cells])
