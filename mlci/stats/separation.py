"""Whether two samples can be told apart row by row: the two-sample test of a classifier that learned on other rows.

A classifier learns on one half of the rows which sample a row is of, and is asked about the other half. If nothing
changed it is right no more often than chance, whatever it learned, so the area under its ROC curve is 0.5 but for an
error that DeLong's formula gives (Lopez-Paz and Oquab 2017, ICLR). Scores of cross-validation are not used: their rows
were learned from too, and they call a harmless sample changed three times as often as they should.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlci.stats.auc import ranked, roc_auc
from mlci.stats.student import normal_quantile, normal_tail

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Products of more features than these are too many for the rows that there are.
_PRODUCTS = 28
# Shrinks what is learned: without it the products of many features fit noise.
_RIDGE = 0.02
_STEPS = 12


@dataclass(frozen=True)
class Separation:
    """How well rows of two samples are told apart.

    Attributes:
        auc: area under the ROC curve on rows that nothing was learned from.
        error: its standard error.
        n: how many rows these are.
        telling: weight of each feature, alone and in products, shape (features,); the weights add up to 1.
    """

    auc: float
    error: float
    n: int
    telling: Array

    def lower(self, confidence: float) -> float:
        """One-sided lower bound of the area."""
        return self.auc - normal_quantile(confidence) * self.error

    def p_within(self, limit: float) -> float:
        """How surprising the area is if the true one is no more than the limit; one-sided."""
        return normal_tail((self.auc - limit) / self.error) if self.error > 0 else float(self.auc <= limit)


def separated(features: Array, now: Mask, learned: Mask) -> Separation | None:
    """Learn on some rows which sample they are of, and ask about the others.

    The classifier is a logistic regression on the features, their squares and their products, so that it sees a change
    of two columns together that neither of them shows alone.

    Args:
        features: one row for each row of either sample, about between -1 and 1, shape (n, features).
        now: which rows are of the second sample, shape (n,).
        learned: which rows to learn from, shape (n,).

    Returns:
        None where a half lacks one of the samples.
    """
    if any(len(np.unique(now[half])) < 2 for half in (learned, ~learned)):
        return None
    design, pairs = _products(features)
    centre, scale = design[learned].mean(axis=0), design[learned].std(axis=0)
    design = (design - centre) / np.where(scale > 1e-12, scale, np.inf)
    weights = _logistic(design[learned], now[learned].astype(np.float64))
    asked = ~learned
    score = roc_auc(ranked(_times(design[asked], weights)), now[asked])
    error = math.sqrt(float((score.influence**2).sum())) / int(asked.sum())
    telling = np.zeros(features.shape[1])
    for (one, other), weight in zip(pairs, np.abs(weights), strict=True):
        telling[one] += weight / 2
        telling[other] += weight / 2
    return Separation(score.value, error, int(asked.sum()), telling / max(float(telling.sum()), 1e-300))


def _products(features: Array) -> tuple[Array, list[tuple[int, int]]]:
    """Features, squares and products, and which features each is made of."""
    few = min(features.shape[1], _PRODUCTS)
    pairs = [(each, each) for each in range(features.shape[1])]
    columns = [features]
    for one in range(few):
        columns.append(features[:, one : one + 1] * features[:, one:few])
        pairs += [(one, other) for other in range(one, few)]
    return np.hstack(columns), pairs


def _times(matrix: Array, vector: Array) -> Array:
    """Their product, added in pairs: the last digit of a product by a library depends on the number of threads."""
    product: Array = (matrix * vector).sum(axis=1)
    return product


def _logistic(design: Array, target: Array) -> Array:
    """Weights of a logistic regression with a penalty on their squares, by Newton's steps; a constant ranks nothing."""
    n, k = design.shape
    weights, constant = np.zeros(k), math.log(target.mean() / (1 - target.mean()))
    penalty = _RIDGE * n
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(_times(design, weights) + constant, -30, 30)))
        slope = _times(design.T, target - chance) - penalty * weights
        weighted = design * (chance * (1 - chance))[:, None]
        bend = np.stack([_times(design.T, column) for column in weighted.T])
        step = np.linalg.solve(bend + penalty * np.eye(k), slope)
        weights = weights + step
        if float(np.abs(step).max(initial=0.0)) < 1e-8:
            break
    return weights
