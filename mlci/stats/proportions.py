"""Score intervals for proportions: one (Wilson 1927) and the difference of two paired ones (Tango 1998)."""

from __future__ import annotations

import math
from collections.abc import Callable


def wilson(successes: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's score interval for one proportion.

    Args:
        successes: how many of ``n``.
        n: number of trials, above 0.
        z: normal quantile of each bound.
    """
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def tango_statistic(gained: int, lost: int, n: int, difference: float) -> float:
    """Tango's score statistic for the paired difference ``(gained - lost) / n`` against a hypothesised difference.

    The discordance is re-estimated under the hypothesis (the restricted maximum likelihood root, in closed form), which
    keeps the test honest where a Wald test has no variance at all. Tango 1998, Statistics in Medicine 17:891.

    Args:
        gained: pairs only the candidate got right.
        lost: pairs only the baseline got right.
        n: all pairs.
        difference: hypothesised candidate minus baseline, strictly between -1 and 1.
    """
    a = 2.0 * n
    b = -gained - lost + (2.0 * n - gained + lost) * difference
    c = -lost * difference * (1.0 - difference)
    share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n * (2 * share + difference * (1.0 - difference))
    distance = gained - lost - n * difference
    if variance <= 0.0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def tango(gained: int, lost: int, n: int, z: float) -> tuple[float, float]:
    """Tango's score interval for the paired difference of two proportions, each bound one-sided at ``z``."""
    estimate = (gained - lost) / n

    def low_side(x: float) -> float:
        return tango_statistic(gained, lost, n, x) - z

    def high_side(x: float) -> float:
        return tango_statistic(gained, lost, n, x) + z

    low = _root(low_side, -1.0, estimate) if estimate > -1.0 else -1.0
    high = _root(high_side, estimate, 1.0) if estimate < 1.0 else 1.0
    return low, high


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a falling function between two points, by bisection down to neighbouring floats."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
