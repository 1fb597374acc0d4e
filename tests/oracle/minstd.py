"""A data set of 200 examples that any language can make: the minimal standard generator of Park and Miller."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mlci.stats.measure import Outputs, Truth


@lru_cache(maxsize=1)
def uniforms() -> Any:
    """600 numbers between 0 and 1: s = 16807 s mod 2³¹-1 from 12345."""
    state, numbers = 12345, []
    for _ in range(600):
        state = (16807 * state) % 2147483647
        numbers.append(state / 2147483647)
    return np.array(numbers)


@lru_cache(maxsize=1)
def examples() -> tuple[Any, Any, Any]:
    """Truth, production's scores, and the candidate's."""
    u = uniforms()
    y = u[:200] < 0.4
    production = np.round(0.5 * y + u[200:400], 2)
    candidate = np.round(0.45 * y + 0.6 * u[200:400] + 0.4 * u[400:600], 2)
    return y.astype(int), production, candidate


def truth() -> Truth:
    return Truth(codes=examples()[0], classes=2, positive=1)


def outputs(scores: Any) -> Outputs:
    """Scores above 0.75 are called positive; as a probability a score is clip(score / 1.5, 0.01, 0.99)."""
    return Outputs(labels=(scores > 0.75).astype(int), scores=scores)


def probabilities(scores: Any) -> Outputs:
    return Outputs(scores=np.clip(scores / 1.5, 0.01, 0.99))
