"""What the numbers say of the candidate by itself."""

from __future__ import annotations

import math

from mlci.domain.evidence import Measurement, Statistic
from mlci.domain.metric import Metric
from mlci.domain.policy import GatePolicy
from mlci.stats.bounds import interval_of
from mlci.stats.facts import is_own_share


def is_simple(found: Statistic | Measurement) -> bool:
    """Independent examples of equal weight."""
    return found.groups is None and found.effective_n is None


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def interval(metric: Metric, own: Measurement, policy: GatePolicy) -> tuple[float, float] | None:
    return interval_of(
        own.value or 0.0,
        or_nan(own.standard_error),
        own.n if own.size is None else own.size,
        own.n,
        policy.confidence,
        exact=is_own_share(metric.name) and is_simple(own),
        freedom=own.freedom,
        support=own.smallest_class,
        low=metric.low,
        high=metric.high,
    )


def freedom(known: float | None, size: float) -> float:
    """Degrees of freedom as the numbers say; evidence of an earlier version does not, and had one less than pieces."""
    return max(1.0, size - 1) if known is None else known
