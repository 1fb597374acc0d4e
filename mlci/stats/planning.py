"""How many examples an answer takes, before there are any: what a test with power needs, and what bounds guarantee.

A gate decides between "within the margin" and "not", and may be wrong at the rate alpha. ease.ml/ci (Renggli et al.,
MLSys 2019, arXiv 1903.00278) asks for more: an estimate within ± margin with probability 1 - delta, by inequalities
that hold for every distribution. Both are here, and the normal form of the second beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mlci.stats.student import upper_quantile

# What whoever trains learns of each look: nothing, the first pass (and then the set is given up), or every answer.
Adaptivity = Literal["none", "first-change", "full"]
# Two to the power of more looks is beyond what a double can hold.
MOST_STEPS = 1000


@dataclass(frozen=True)
class Looks:
    """How often one holdout is looked at, and what whoever trains learns of it each time.

    Attributes:
        steps: number of looks, 1 … ``MOST_STEPS``.
        adaptivity: *none* and *first-change* need a union over the looks, *full* one over every history of answers.
    """

    steps: int = 1
    adaptivity: Adaptivity = "none"

    @property
    def logarithm(self) -> float:
        """Natural logarithm of how many events the error rate is divided between: ln H, or H ln 2."""
        return self.steps * math.log(2) if self.adaptivity == "full" else math.log(self.steps)

    def share(self, rate: float) -> float:
        """The part of an error rate that each look may spend."""
        return math.exp(math.log(rate) - self.logarithm)


def reach(alpha: float, power: float) -> float:
    """Standard errors between no difference and the margin for a one-sided test at ``alpha`` with this power."""
    return upper_quantile(alpha) + upper_quantile(1 - power)


def rows_for(spread: float, margin: float, reach: float) -> float:
    """Examples that show an unchanged model to lose no more than the margin, not rounded.

    Args:
        spread: standard deviation of the per-example difference; of shares the root of the discordance.
        margin: largest accepted loss, above 0.
        reach: of :func:`reach`.
    """
    return (reach * spread / margin) ** 2


def rows_for_mean(spread: float, margin: float, alpha: float, power: float) -> float:
    """The same for a mean whose spread is estimated, too: Guenther's correction, z²/2 more (1981, Am. Stat. 35:243)."""
    return rows_for(spread, margin, reach(alpha, power)) + upper_quantile(alpha) ** 2 / 2


def detectable(spread: float, rows: float, reach: float) -> float:
    """The smallest loss that so many examples can show."""
    return reach * spread / math.sqrt(rows)


def auc_error(auc: float, positives: float, negatives: float, correlation: float) -> float:
    """Standard error of the difference of two AUCs of the same size on the same examples.

    Hanley and McNeil 1982 (Radiology 143:29) for each, and 1983 (Radiology 148:839) for the correlation between them.

    Args:
        auc: of both, strictly between 0 and 1.
        positives: examples of the positive class; need not be whole.
        negatives: examples of the other class.
        correlation: between the two estimates, 0 … 1.
    """
    first, second = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (first - auc * auc) + (negatives - 1) * (second - auc * auc)
    return math.sqrt(max(0.0, spread) / (positives * negatives) * 2 * (1 - correlation))


def rows_for_auc(auc: float, share: float, correlation: float, margin: float, reach: float) -> float:
    """Examples that show an AUC to lose no more than the margin, not rounded; classes keep their shares.

    Args:
        auc: of both models.
        share: of the examples that are positive, strictly between 0 and 1.
        correlation: between the two estimates, below 1.
        margin: largest accepted loss, above 0.
        reach: of :func:`reach`.
    """

    def is_enough(rows: float) -> bool:
        return reach * auc_error(auc, share * rows, (1 - share) * rows, correlation) <= margin

    low = high = 1 / min(share, 1 - share)
    while not is_enough(high):
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def hoeffding(margin: float, delta: float, looks: Looks, *, variables: int = 1) -> float:
    """Examples that put a sum of so many shares within ± margin at every look with probability 1 - delta, not rounded.

    n = ln(1/delta) / (2 margin²) for one share; each of two gets half the margin and half of delta.

    Args:
        margin: half the width of the estimate.
        delta: probability that any look is farther off.
        looks: how often, and with what told.
        variables: shares in the sum: 1, or 2 for the difference of candidate and production, each estimated alone.
    """
    nats = looks.logarithm + math.log(variables / delta)
    return nats / (2 * (margin / variables) ** 2)


def bennett(margin: float, delta: float, looks: Looks, discordance: float) -> float:
    """The same for the paired difference of two shares whose models disagree on at most this share, not rounded.

    n = (ln H + ln(4/delta)) / (p h(margin/p)) with h(u) = (1+u) ln(1+u) - u. A quarter of delta, because the
    discordance is tested as well and both are two-sided.
    """
    return (looks.logarithm + math.log(4 / delta)) / _bennett_rate(margin, discordance)


def bennett_labels(margin: float, delta: float, discordance: float) -> float:
    """Labels for one look where only disagreements are labelled (active labelling), not rounded."""
    return discordance * bennett(margin, delta, Looks(), discordance)


def _bennett_rate(margin: float, discordance: float) -> float:
    ratio = margin / discordance
    return discordance * ((1 + ratio) * math.log1p(ratio) - ratio)


def normal_share(margin: float, delta: float, looks: Looks) -> float:
    """What :func:`hoeffding` of one share bounds, by the normal distribution at the largest variance, 1/4."""
    return (upper_quantile(looks.share(delta)) / (2 * margin)) ** 2


def normal_difference(margin: float, delta: float, looks: Looks, discordance: float) -> float:
    """What :func:`bennett` bounds, by the normal distribution."""
    return discordance * (upper_quantile(looks.share(delta) / 4) / margin) ** 2


def whole(rows: float) -> int:
    """Rows rounded up; dust of the arithmetic does not make one more.

    >>> whole(619.0000000001), whole(618.26)
    (619, 619)
    """
    return math.ceil(rows * (1 - 1e-12))
