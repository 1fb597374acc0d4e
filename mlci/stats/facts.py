"""What is known of a metric by its name alone: which exact methods apply, and which examples must not be few."""

from __future__ import annotations

import re
from typing import Literal

# A kind of example that an error estimate leans on: those of a class, or those that a model puts there.
Kind = Literal["positive", "negative", "called positive", "called negative"]

_SHARE = re.compile(r"accuracy|error_rate|top_[0-9]+_accuracy|(?:f1|precision|recall)_micro")
_F_BETA = re.compile(r"f[0-9.]+")
_BOTH: tuple[Kind, ...] = ("positive", "negative")
_LEANS: dict[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("roc_auc", "pr_auc", "mcc", "kappa", "balanced_accuracy"), _BOTH),
    "recall": ("positive",),
    "precision": ("called positive",),
    "jaccard": ("positive", "called positive"),
    "specificity": ("negative",),
    "npv": ("called negative",),
}


def is_share(name: str) -> bool:
    """Whether a metric is a share of examples that are right or wrong, so that methods for proportions apply."""
    return _SHARE.fullmatch(name) is not None


def is_own_share(name: str) -> bool:
    """Whether a metric's own value is a share of examples, for which Wilson's interval is exact enough at any size."""
    return is_share(name) or name in ("negative_flip_rate", "prediction_churn")


def leans_on(name: str) -> tuple[Kind, ...]:
    """The kinds of examples of two classes that a metric's error estimate leans on; none where it leans on all."""
    return ("positive", "called positive") if _F_BETA.fullmatch(name) else _LEANS.get(name, ())
