"""One metric of two models on one set of independent examples of equal weight, from aggregates instead of examples."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from mlci.stats.bounds import Discordance, Paired


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Everything that is written of one comparison.

    Attributes:
        pair: both values and the errors of their difference.
        own_error: standard error of the candidate's value by itself; NaN where the examples are too few for one.
        own_freedom: degrees of freedom of ``own_error``.
        own_size: independent pieces of information behind the candidate's value by itself.
        differing: examples on which the two models differ as far as the metric can see.
        smallest_class: examples of the rarest kind that the comparison leans on; None where it leans on all.
        own_class: the same for the candidate's value by itself.
    """

    pair: Paired
    own_error: float
    own_freedom: float
    own_size: float
    differing: int
    smallest_class: int | None = None
    own_class: int | None = None


def paired_of(
    candidate: float,
    baseline: float,
    *,
    plain_error: float,
    log_error: float,
    discordance: Discordance,
    n: int,
    freedom: float | None = None,
    log_freedom: float | None = None,
) -> Paired:
    """The sufficient statistics of independent examples of equal weight, with n - 1 degrees of freedom if not said."""
    usual = max(1.0, n - 1.0)
    return Paired(
        candidate=candidate,
        baseline=baseline,
        plain_error=plain_error,
        log_error=log_error,
        freedom=usual if freedom is None else freedom,
        log_freedom=math.nan if math.isnan(log_error) else usual if log_freedom is None else log_freedom,
        size=float(n),
        discordance=discordance,
        n=n,
        simple=True,
        clustered=False,
    )


def finite(error: float) -> float:
    """An error that overflowed as the largest number there is, as ``mlci.stats.paired`` writes it."""
    return sys.float_info.max if math.isinf(error) else error
