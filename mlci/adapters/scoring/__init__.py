"""A model's predictions on the holdout: computed in the user's interpreter, joined and judged for form in ours."""

from mlci.adapters.scoring.asked import Asked, HoldoutFile, Interpreter, evaluator_digest
from mlci.adapters.scoring.faults import ModelUnloadable, missing
from mlci.adapters.scoring.scoring import describe, score

__all__ = [
    "Asked",
    "HoldoutFile",
    "Interpreter",
    "ModelUnloadable",
    "describe",
    "evaluator_digest",
    "missing",
    "score",
]
