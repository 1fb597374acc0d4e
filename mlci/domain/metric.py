"""The metrics mlci knows: what each is called, which way it is better, what it needs, and on what scale it lives."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
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
        sided: whether there is a better side at all; without one it can be limited and not compared.
    """

    name: str
    title: str
    better: Better
    needs: Needs
    tasks: tuple[Task, ...]
    low: float = -math.inf
    high: float = math.inf
    paired: bool = False
    sided: bool = True

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
_SEVERAL: tuple[Task, ...] = ("multiclass",)
_VALUES: tuple[Task, ...] = ("regression",)
_ALL: tuple[Task, ...] = (*_CLASSES, *_VALUES)


def _of_labels(name: str, title: str, tasks: tuple[Task, ...] = _CLASSES, *, low: float = 0.0) -> Metric:
    return Metric(name, title, "higher", "label", tasks, low, 1.0)


def _averages(name: str, title: str, *averages: str) -> tuple[Metric, ...]:
    return _of_labels(name, title, _BINARY), *(
        _of_labels(f"{name}_{average}", f"{title} ({average})") for average in averages
    )


def _ranking(name: str, title: str, tasks: tuple[Task, ...]) -> Metric:
    return Metric(name, title, "higher", "score", tasks, 0.0, 1.0)


def _error(name: str, title: str) -> Metric:
    return Metric(name, title, "lower", "value", _VALUES, 0.0)


def _operational(name: str, title: str) -> Metric:
    return Metric(name, title, "lower", "operation", _ALL, 0.0)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _of_labels("accuracy", "Accuracy"),
        Metric("error_rate", "Error rate", "lower", "label", _CLASSES, 0.0, 1.0),
        _of_labels("balanced_accuracy", "Balanced accuracy"),
        *_averages("f1", "F1", "macro", "micro", "weighted"),
        *_averages("precision", "Precision", "macro", "micro", "weighted"),
        *_averages("recall", "Recall", "macro", "micro", "weighted"),
        *_averages("jaccard", "Jaccard index", "macro", "weighted"),
        _of_labels("specificity", "Specificity", _BINARY),
        _of_labels("npv", "Negative predictive value", _BINARY),
        _of_labels("mcc", "Matthews correlation", low=-1.0),
        _of_labels("kappa", "Cohen's kappa", low=-1.0),
        Metric("roc_auc", "ROC AUC", "higher", "score", _BINARY, 0.0, 1.0),
        Metric("pr_auc", "PR AUC (average precision)", "higher", "score", _BINARY, 0.0, 1.0),
        _ranking("roc_auc_ovr", "ROC AUC (one against the rest)", _SEVERAL),
        _ranking("roc_auc_ovr_weighted", "ROC AUC (one against the rest, weighted)", _SEVERAL),
        _ranking("roc_auc_ovo", "ROC AUC (one against one)", _SEVERAL),
        _ranking("roc_auc_ovo_weighted", "ROC AUC (one against one, weighted)", _SEVERAL),
        _ranking("pr_auc_macro", "PR AUC (macro)", _SEVERAL),
        _ranking("pr_auc_weighted", "PR AUC (weighted)", _SEVERAL),
        _ranking("ndcg", "NDCG", _ALL),
        _ranking("mrr", "Mean reciprocal rank", _ALL),
        _ranking("map", "Mean average precision", _ALL),
        Metric("log_loss", "Log loss", "lower", "score", _CLASSES, 0.0),
        Metric("brier", "Brier score", "lower", "score", _CLASSES, 0.0, 1.0),
        _error("rmse", "RMSE"),
        _error("mse", "MSE"),
        _error("mae", "MAE"),
        _error("median_absolute_error", "Median absolute error"),
        Metric("r2", "R²", "higher", "value", _VALUES, -math.inf, 1.0),
        Metric("explained_variance", "Explained variance", "higher", "value", _VALUES, -math.inf, 1.0),
        Metric("pearson", "Pearson correlation", "higher", "value", _VALUES, -1.0, 1.0),
        Metric("calibration_slope", "Calibration slope", "higher", "value", _VALUES, sided=False),
        _error("mape", "MAPE"),
        _error("smape", "sMAPE"),
        _error("wape", "WAPE"),
        _operational("latency_p50_ms", "Median latency (ms)"),
        _operational("latency_p95_ms", "95th percentile of latency (ms)"),
        _operational("latency_p99_ms", "99th percentile of latency (ms)"),
        # Megabytes are of 10**6 bytes.
        _operational("model_size_mb", "Size of the model (MB)"),
        _operational("memory_mb", "Peak memory (MB)"),
        _operational("cost_per_1000", "Cost of a thousand predictions"),
        Metric("negative_flip_rate", "Negative-flip rate", "lower", "label", _CLASSES, 0.0, 1.0, paired=True),
        Metric("prediction_churn", "Prediction churn", "lower", "label", _CLASSES, 0.0, 1.0, paired=True),
    )
}


@dataclass(frozen=True)
class Family:
    """Metrics that carry a number in their name, which has one spelling only.

    Attributes:
        spelling: the name around the number, as text with one pair of braces.
        number: which numbers there are, as a regular expression.
        of: the metric of one number.
    """

    spelling: str
    number: str
    of: Callable[[str, str], Metric]

    def named(self, name: str) -> Metric | None:
        """The metric of that name, if it is one of these."""
        before, after = self.spelling.split("{}")
        found = re.fullmatch(f"{re.escape(before)}({self.number}){re.escape(after)}", name)
        return None if found is None else self.of(name, found[1])


_COUNT, _PER_CENT, _FRACTION = r"[1-9][0-9]{0,3}", r"[1-9][0-9]?", r"0\.[0-9]{0,2}[1-9]"


def _f_beta(average: str) -> Callable[[str, str], Metric]:
    def of(name: str, beta: str) -> Metric:
        title = f"F{beta}" + (f" ({average})" if average else "")
        return _of_labels(name, title, _CLASSES if average else _BINARY)

    return of


def _at(title: str) -> Callable[[str, str], Metric]:
    return lambda name, k: _ranking(name, f"{title}@{k}", _ALL)


FAMILIES: tuple[Family, ...] = (
    *(
        Family("f{}" + (f"_{average}" if average else ""), f"(?:[2-9]|{_FRACTION})", _f_beta(average))
        for average in ("", "macro", "weighted")
    ),
    Family("top_{}_accuracy", _COUNT, lambda name, k: _ranking(name, f"Top-{k} accuracy", _SEVERAL)),
    *(
        Family(f"{base}_at_{{}}", _COUNT, _at(title))
        for base, title in (
            ("ndcg", "NDCG"),
            ("mrr", "Mean reciprocal rank"),
            ("hit", "Hit"),
            ("precision", "Precision"),
            ("recall", "Recall"),
        )
    ),
    Family("p{}_absolute_error", _PER_CENT, lambda name, part: _error(name, f"P{part} absolute error")),
    Family("pinball_{}", _FRACTION, lambda name, part: _error(name, f"Pinball loss at {part}")),
)

ALIASES = {
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "auprc": "pr_auc",
    "average_precision": "pr_auc",
    "brier_score": "brier",
    "cohen_kappa": "kappa",
    "cohens_kappa": "kappa",
    "f1_binary": "f1",
    "logloss": "log_loss",
    "negative_predictive_value": "npv",
    "pearson_correlation": "pearson",
    "true_negative_rate": "specificity",
    "zero_one_loss": "error_rate",
}


# What is described beside the findings and never judged, and why.
DESCRIBED = dict.fromkeys(
    ("ece", "expected_calibration_error"),
    "it is above 0 even for a perfect model, the more so the fewer the examples, so a loss cannot be told from noise",
)


def normalise(name: str) -> str:
    """The one spelling of a metric's name: lower case, underscores, known aliases resolved.

    >>> normalise("ROC-AUC"), normalise("auc"), normalise("NDCG@10")
    ('roc_auc', 'roc_auc', 'ndcg_at_10')
    """
    spelled = name.strip().lower().replace("-", "_").replace("@", "_at_")
    return ALIASES.get(spelled, spelled)


@lru_cache(maxsize=1024)
def known_metric(name: str) -> Metric | None:
    """The metric of that name, in the one spelling, if mlci knows it: one of METRICS, or of a family."""
    if name in METRICS:
        return METRICS[name]
    return next((metric for family in FAMILIES if (metric := family.named(name)) is not None), None)


def metric_named(name: str, better: Better | None = None) -> Metric:
    """The metric of that name, or the mean of the user's own column of that name.

    Args:
        name: as written in configuration.
        better: which way the user's column is better; ignored for a metric mlci knows. None reads as higher.
    """
    found = known_metric(normalise(name))
    if found is not None:
        return found
    return Metric(name, f"mean {name}", better or "higher", "column", (*_CLASSES, *_VALUES))


def usual(task: Task, *, has_scores: bool) -> tuple[str, ...]:
    """The metrics judged when nobody names any."""
    if task == "regression":
        return ("rmse", "mae")
    if task == "multiclass":
        return ("accuracy", "f1_macro")
    return ("accuracy", "f1", "roc_auc", "brier") if has_scores else ("accuracy", "f1")
