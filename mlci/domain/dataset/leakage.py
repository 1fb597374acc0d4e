"""How many rows of a holdout may stand in the training data by chance, and how much one column says of the target.

Coarse data repeat: two people of the same age, plan and region are no leak. What chance repeats is estimated from the
training data themselves, by Good and Turing: a fresh row coincides with one of them as often as one of them coincides
with another, 1 - f1/n, f1 being contents that occur once among n rows (Good 1953, Biometrika 40). Its error is
Esty's (1983, Annals of Statistics 11): ``(f1 (1 - f1/n) + 2 f2) / n²``, f2 being contents that occur twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

# Each check of a clean holdout may cry wolf once in a hundred times, whatever it looks at.
ALPHA = 0.01

# With fewer repeats than this in all, the normal law does not hold and they are counted exactly.
_FEW = 200

# A class with fewer examples is no ground for saying that a column tells it from the others.
LEAST_OF_A_CLASS = 10


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How the contents of rows repeat.

    Attributes:
        holdout: rows of the holdout.
        inside: those whose content also stands in the training data.
        train: rows of the training data.
        once: contents that occur once there.
        twice: contents that occur twice there.
        holdout_pairs: pairs of equal rows within the holdout.
    """

    holdout: int
    inside: int
    train: int
    once: int
    twice: int
    holdout_pairs: int = 0


@dataclass(frozen=True, kw_only=True)
class Excess:
    """What is left of an overlap when chance is taken off.

    Attributes:
        share: of the holdout that stands in the training data.
        chance: the share that would by chance.
        error: standard error of their difference, if chance alone were at work.
        p: probability of so many or more by chance.
        low: lower bound of the difference at the level of the check.
        detectable: the smallest difference that would have been shown; above 1 - chance none would.
    """

    share: float
    chance: float
    error: float
    p: float
    low: float
    detectable: float

    @property
    def blind(self) -> bool:
        """Whether chance repeats so much that not even a copy of every row would be noticed."""
        return self.detectable >= 1 - self.chance

    def shown(self, alpha: float, limit: float) -> bool:
        """Whether it is beyond chance, and beyond a limit."""
        return self.p < alpha and self.low > limit


def excess_of(repeats: Repeats, alpha: float) -> Excess:
    """Take what chance repeats off an overlap.

    Training data that were themselves multiplied repeat by design. What chance repeats is therefore no more than
    ``n`` times the probability that two rows are equal, of which the pairs within the holdout give an upper bound.
    """
    n, m = repeats.train, repeats.holdout
    share = repeats.inside / m
    chance = 1 - repeats.once / n
    variance = (repeats.once * (1 - repeats.once / n) + 2 * repeats.twice) / n**2
    bound = n * _at_most(repeats.holdout_pairs, alpha) / max(m * (m - 1) / 2, 1)
    multiplied = bound < chance
    if multiplied:
        chance, variance = bound, 0.0
    z = NormalDist().inv_cdf(1 - alpha)
    error = math.sqrt(chance * (1 - chance) / m + variance)
    low = share - chance - z * error
    within, across = _pairs(repeats)
    if not multiplied and repeats.inside + within < _FEW:
        p = _tail(repeats.inside, repeats.inside + within, across)
        # Of too few rows in training no number of copies would tell.
        least = next((k for k in range(m + 1 + _FEW) if _tail(k, k + within, across) < alpha), m)
        detectable = max(least / m - chance, 0.0)
    elif multiplied and chance * m < _FEW:
        p = _poisson_tail(repeats.inside, chance * m)
        least = next((k for k in range(m + 2 * _FEW) if _poisson_tail(k, chance * m) < alpha), m)
        detectable = max(least / m - chance, 0.0)
    else:
        p = 1 - NormalDist().cdf((share - chance) / error) if error else float(share <= chance)
        detectable = z * error
    return Excess(share=share, chance=chance, error=error, p=p, low=low, detectable=detectable)


def certain(repeats: Repeats) -> Excess:
    """An overlap of what is never equal by chance, such as pictures."""
    share = repeats.inside / repeats.holdout
    return Excess(share=share, chance=0.0, error=0.0, p=0.0, low=share, detectable=1 / repeats.holdout)


def _pairs(repeats: Repeats) -> tuple[int, float]:
    """Pairs of equal rows that lie on one side, and which share of all would lie across if chance made them.

    Pairs of the holdout count only where it is the smaller side; in a larger one a row finds its like too easily for
    them to be so many.
    """
    n, m = repeats.train, repeats.holdout
    within = (n - repeats.once) / 2
    if m > n:
        return round(within), m / (m + n / 2)
    return round(within + repeats.holdout_pairs), 2 * n * m / (n + m) ** 2


def _tail(least: int, of: int, probability: float) -> float:
    """Probability of at least so many successes."""
    return math.fsum(
        math.comb(of, k) * probability**k * (1 - probability) ** (of - k) for k in range(max(least, 0), of + 1)
    )


def _poisson_tail(least: int, mean: float) -> float:
    """Probability of at least so many events."""
    if least <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    return max(0.0, 1 - math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(least)))


def _at_most(events: int, alpha: float) -> float:
    """Upper bound of the mean of a Poisson law that gave so many events (exact for none, Wilson and Hilferty else)."""
    if events == 0:
        return -math.log(alpha)
    z = NormalDist().inv_cdf(1 - alpha)
    k = events + 1
    return float(k * (1 - 1 / (9 * k) + z / (3 * math.sqrt(k))) ** 3)


def auc_of(cells: Sequence[tuple[int, int, int]]) -> float | None:
    """How well the values of a column tell one class from the rest: the area under the curve.

    A row is scored by the share of the class among the *other* rows with its value, so that a value which only one row
    has says nothing, however many such values there are. Where a value has some of both, the row itself is left in: it
    weighs little, and without it the two classes of one value would be told apart by what was left out.

    Args:
        cells: for each kind of value, rows of the class, rows in all, and how many values are of that kind.

    Returns:
        A share in [0, 1]; None where either side has no row.
    """
    inside = sum(a * times for a, _, times in cells)
    rows = sum(total * times for _, total, times in cells)
    outside = rows - inside
    if not inside or not outside:
        return None
    prior = inside / rows
    scored: dict[float, list[int]] = {}
    for a, total, times in cells:
        own, others = _scores(a, total, prior)
        scored.setdefault(own, [0, 0])[0] += a * times
        scored.setdefault(others, [0, 0])[1] += (total - a) * times
    wins, below = 0.0, 0
    for _, (positive, negative) in sorted(scored.items()):
        wins += positive * (below + negative / 2)
        below += negative
    return wins / inside / outside


def _scores(a: int, total: int, prior: float) -> tuple[float, float]:
    """Scores of the rows of the class and of the others that have one value."""
    if min(a, total - a) >= 5:
        return a / total, a / total
    if total == 1:
        return prior, prior
    return max(a - 1, 0) / (total - 1), min(a, total - 1) / (total - 1)


def told(areas: Sequence[tuple[float, int]]) -> float:
    """What a column says of all classes together: the mean over them, weighted by their rows."""
    return math.fsum(area * rows for area, rows in areas) / sum(rows for _, rows in areas)


def share_of_ranks(rows: int, squares: float, left: float) -> float:
    """What a column says of a target that is a number: half and half of what it explains of the target's ranks.

    Args:
        rows: that were looked at.
        squares: of the ranks around their mean.
        left: squares around the mean of the *other* rows with the same value of the column.

    Returns:
        0.5 where it says nothing, 1 where it says everything.
    """
    if rows < 2 * LEAST_OF_A_CLASS or squares <= 0:
        return 0.5
    return 0.5 + 0.5 * max(0.0, 1 - left / squares)
