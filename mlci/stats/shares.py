"""By how much a share rose between two independent samples, with a bound that holds for shares near 0 and 1 too."""

from __future__ import annotations

import math

from mlci.stats.cumulative import Distance
from mlci.stats.proportions import wilson
from mlci.stats.student import upper_quantile


def increase(before: int, of_before: int, now: int, of_now: int) -> Distance:
    """The second share less the first; Newcombe 1998, Statistics in Medicine 17:873, method 10.

    Args:
        before: how many of the first sample.
        of_before: its size, above 0.
        now: how many of the second.
        of_now: its size, above 0.
    """
    first, second = before / of_before, now / of_now

    def bound(tail: float) -> float:
        z = upper_quantile(tail)
        least = wilson(now, of_now, z)[0]
        most = wilson(before, of_before, z)[1]
        return second - first - math.hypot(second - least, most - first)

    return Distance(second - first, 0.0, bound)
