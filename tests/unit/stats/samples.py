"""Examples of every kind of task, and the names of every metric that is defined for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlci.stats.measure import Outputs, Truth

WHOLE = ("accuracy", "error_rate", "balanced_accuracy", "mcc", "kappa")
AVERAGED = (
    *(f"{base}_{average}" for base in ("precision", "recall", "f1") for average in ("macro", "micro", "weighted")),
    *(f"{base}_{average}" for base in ("jaccard", "f0.5", "f2") for average in ("macro", "weighted")),
)
BINARY = ("precision", "recall", "f1", "specificity", "npv", "jaccard", "f0.5", "f2")
LABEL = (*WHOLE, *BINARY, *AVERAGED)
SCORE = ("roc_auc", "pr_auc", "log_loss", "brier")
VALUE = (
    "rmse",
    "mse",
    "mae",
    "r2",
    "explained_variance",
    "pearson",
    "calibration_slope",
    "mape",
    "smape",
    "wape",
    "pinball_0.9",
)
# Quantiles have no derivative in the weights of a sample: their influence is an estimate.
QUANTILE = ("median_absolute_error", "p90_absolute_error")


@dataclass(frozen=True)
class Sample:
    """The truth and two models' outputs on the same examples, with weights of mean 1 or none."""

    truth: Truth
    candidate: Outputs
    baseline: Outputs
    weights: Any


def _weights(random: np.random.Generator, n: int, weighted: bool) -> Any:
    if not weighted:
        return None
    weights = random.uniform(0.2, 3.0, n)
    return weights * (n / weights.sum())


def labelled(
    n: int, classes: int, *, weighted: bool = False, unanswered: int = 0, seed: int = 1, rare: bool = False
) -> Sample:
    """Two classifiers that are right about two times in three; the first examples may have no prediction."""
    random = np.random.default_rng(seed)
    shares = np.linspace(1, 0.1 if rare else 1, classes)
    codes = random.choice(classes, n, p=shares / shares.sum())

    def model() -> Outputs:
        labels = np.where(random.random(n) < 0.6, codes, random.integers(0, classes, n))
        labels[:unanswered] = classes
        return Outputs(labels=labels)

    truth = Truth(codes=codes, classes=classes, positive=1 if classes == 2 else None)
    return Sample(truth, model(), model(), _weights(random, n, weighted))


def scored(n: int, *, weighted: bool = False, decimals: int | None = None, share: float = 0.4, seed: int = 2) -> Sample:
    """Two models' probabilities of the positive class; few decimals make ties."""
    random = np.random.default_rng(seed)
    codes = (random.random(n) < share).astype(np.intp)
    codes[:2] = (0, 1)

    def model() -> Outputs:
        scores = np.clip(0.25 * codes + 0.75 * random.random(n), 0.02, 0.98)
        return Outputs(scores=scores if decimals is None else np.round(scores, decimals))

    return Sample(Truth(codes=codes, classes=2, positive=1), model(), model(), _weights(random, n, weighted))


def distributed(n: int, classes: int, *, weighted: bool = False, seed: int = 3) -> Sample:
    """Two models' probabilities of each of several classes."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, classes, n)

    def model() -> Outputs:
        raw = random.random((n, classes)) + 0.5 * np.eye(classes)[codes]
        return Outputs(scores=raw / raw.sum(axis=1, keepdims=True))

    return Sample(Truth(codes=codes, classes=classes), model(), model(), _weights(random, n, weighted))


def valued(n: int, *, weighted: bool = False, seed: int = 4) -> Sample:
    """Two regressions; truths of both signs, none of them 0."""
    random = np.random.default_rng(seed)
    values = random.normal(2.0, 3.0, n)

    def model() -> Outputs:
        return Outputs(values=values + random.normal(0.1, 1.0, n))

    return Sample(Truth(values=values), model(), model(), _weights(random, n, weighted))


def defined_for(classes: int) -> tuple[str, ...]:
    """The label metrics of a task with so many classes."""
    return LABEL if classes == 2 else (*WHOLE, *AVERAGED)
