"""A gain that is asked for: shown, shown to be missed, or neither.

The rule of the gate around a shifted margin. A candidate that truly gains what is asked fails at most at the rate
alpha, because it fails only where a gain of so much is rejected; one that gains less passes at most at that rate.
"""

from __future__ import annotations

from mlci.domain import border
from mlci.domain.estimate import IDENTICAL, Estimate
from mlci.domain.finding import Reason
from mlci.domain.verdict import Verdict


def decide(estimate: Estimate, alpha: float) -> tuple[Verdict, Reason | None]:
    """Pass, fail or cannot tell.

    Args:
        estimate: with ``improvement``, and p-values for gaining less than that.
        alpha: error rate of each one-sided statement.
    """
    asked = estimate.improvement or 0.0
    bound, p_value, size = estimate.worst_gain, estimate.p_adjusted, estimate.magnitude
    if estimate.discordant == 0 and estimate.gain == 0:
        return _without_differences(estimate, asked, alpha)
    stands = (
        None if bound is None else border.side(bound, asked, size, exact=not estimate.standard_error, off=estimate.off)
    )
    if stands == 0:
        return Verdict.INCONCLUSIVE, "boundary"
    if stands == 1 and estimate.gain > 0:
        return Verdict.PASS, "better"
    short = border.side(estimate.gain, asked, size, exact=False, off=estimate.off)
    if short <= 0 and p_value is not None:
        if border.is_alpha(p_value, alpha) or (p_value < alpha and short == 0):
            return Verdict.INCONCLUSIVE, "boundary"
        if p_value < alpha:
            return Verdict.FAIL, "shortfall"
    return Verdict.INCONCLUSIVE, "insufficient" if bound is None else "interval"


def _without_differences(estimate: Estimate, asked: float, alpha: float) -> tuple[Verdict, Reason | None]:
    """No example differs: no gain is seen, and the rule of three says how much of one may hide."""
    if estimate.metric.in_points and not estimate.relative and 0 < estimate.unseen(alpha) <= asked:
        return Verdict.FAIL, "shortfall"
    # Nothing was gained, so this is no noise that policy could let pass.
    return Verdict.INCONCLUSIVE, "identical" if estimate.method == IDENTICAL else "no-difference"
