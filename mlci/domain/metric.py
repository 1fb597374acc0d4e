"""The metrics mlci knows: what each is called, which way it is better, what it needs, and on what scale it lives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mlci.domain.figures import Better

Task = Literal["binary", "multiclass", "regression"]
Needs = Literal["label", "score", "value", "column", "operation"]


@dataclass(frozen=True)
class Metric:
    """A metric and the facts a policy needs about it.

    Attributes:
        name: the spelling in configuration and reports.
        title: how a person reads it.
        better: which way is better.
        needs: what it is computed from: predicted labels, scores, predicted values, a column as it is, or how the
            model runs.
        tasks: the tasks it is defined for.
        low: smallest possible value.
        high: largest possible value.
        paired: whether its value is itself a comparison with production, so that it has a limit and no tolerance.
    """

    name: str
    title: str
    better: Better
    needs: Needs
    tasks: tuple[Task, ...]
    low: float = -math.inf
    high: float = math.inf
    paired: bool = False

    @property
    def in_points(self) -> bool:
        """Whether one point (0.01) means something: shares and correlations, not errors in the target's unit."""
        return self.high == 1.0

    @property
    def is_operational(self) -> bool:
        """Whether it is of how a model runs, and not of what it says."""
        return self.needs == "operation"

    @property
    def is_timed(self) -> bool:
        """Whether it follows from how long calls take, which only means something beside production's."""
        return self.is_operational and self.name not in ("model_size_mb", "memory_mb")


_BINARY: tuple[Task, ...] = ("binary",)
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_VALUES: tuple[Task, ...] = ("regression",)
_ALL: tuple[Task, ...] = (*_CLASSES, *_VALUES)


def _averages(name: str, title: str) -> tuple[Metric, ...]:
    plain = Metric(name, title, "higher", "label", _BINARY, 0.0, 1.0)
    return plain, *(
        Metric(f"{name}_{average}", f"{title} ({average})", "higher", "label", _CLASSES, 0.0, 1.0)
        for average in ("macro", "micro", "weighted")
    )


# Megabytes are of 10**6 bytes.
_OPERATIONAL = (
    Metric("latency_p50_ms", "Median latency (ms)", "lower", "operation", _ALL, 0.0),
    Metric("latency_p95_ms", "95th percentile of latency (ms)", "lower", "operation", _ALL, 0.0),
    Metric("latency_p99_ms", "99th percentile of latency (ms)", "lower", "operation", _ALL, 0.0),
    Metric("model_size_mb", "Size of the model (MB)", "lower", "operation", _ALL, 0.0),
    Metric("memory_mb", "Peak memory (MB)", "lower", "operation", _ALL, 0.0),
    Metric("cost_per_1000", "Cost of a thousand predictions", "lower", "operation", _ALL, 0.0),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy", "higher", "label", _CLASSES, 0.0, 1.0),
        Metric("balanced_accuracy", "Balanced accuracy", "higher", "label", _CLASSES, 0.0, 1.0),
        *_averages("f1", "F1"),
        *_averages("precision", "Precision"),
        *_averages("recall", "Recall"),
        Metric("mcc", "Matthews correlation", "higher", "label", _CLASSES, -1.0, 1.0),
        Metric("roc_auc", "ROC AUC", "higher", "score", _BINARY, 0.0, 1.0),
        Metric("pr_auc", "PR AUC (average precision)", "higher", "score", _BINARY, 0.0, 1.0),
        Metric("log_loss", "Log loss", "lower", "score", _CLASSES, 0.0),
        Metric("brier", "Brier score", "lower", "score", _CLASSES, 0.0, 1.0),
        Metric("rmse", "RMSE", "lower", "value", _VALUES, 0.0),
        Metric("mae", "MAE", "lower", "value", _VALUES, 0.0),
        Metric("r2", "R²", "higher", "value", _VALUES, -math.inf, 1.0),
        Metric("mape", "MAPE", "lower", "value", _VALUES, 0.0),
        Metric("smape", "sMAPE", "lower", "value", _VALUES, 0.0),
        Metric("wape", "WAPE", "lower", "value", _VALUES, 0.0),
        *_OPERATIONAL,
        Metric("negative_flip_rate", "Negative-flip rate", "lower", "label", _CLASSES, 0.0, 1.0, paired=True),
        Metric("prediction_churn", "Prediction churn", "lower", "label", _CLASSES, 0.0, 1.0, paired=True),
    )
}

ALIASES = {
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "auprc": "pr_auc",
    "average_precision": "pr_auc",
    "brier_score": "brier",
    "f1_binary": "f1",
    "logloss": "log_loss",
}


def normalise(name: str) -> str:
    """The one spelling of a metric's name: lower case, underscores, known aliases resolved.

    >>> normalise("ROC-AUC"), normalise("auc")
    ('roc_auc', 'roc_auc')
    """
    spelled = name.strip().lower().replace("-", "_")
    return ALIASES.get(spelled, spelled)


def metric_named(name: str, better: Better | None = None) -> Metric:
    """The metric of that name, or the mean of the user's own column of that name.

    Args:
        name: as written in configuration.
        better: which way the user's column is better; ignored for a metric mlci knows. None reads as higher.
    """
    known = METRICS.get(normalise(name))
    if known is not None:
        return known
    return Metric(name, f"mean {name}", better or "higher", "column", ("binary", "multiclass", "regression"))


def usual(task: Task, *, has_scores: bool) -> tuple[str, ...]:
    """The metrics judged when nobody names any."""
    if task == "regression":
        return ("rmse", "mae")
    if task == "multiclass":
        return ("accuracy", "f1_macro")
    return ("accuracy", "f1", "roc_auc", "brier") if has_scores else ("accuracy", "f1")
