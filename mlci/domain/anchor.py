"""The anchor: what the candidate may not have drifted away from, however small each step was.

Every accepted candidate may lose what the tolerance allows, and the next is compared with it. The anchor stays at the
best there was, so that the sum of the steps is judged too.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlci.domain import coverage
from mlci.domain.estimate import Estimate
from mlci.domain.fairness import MEASURES
from mlci.domain.figures import as_written, figure, on_scale
from mlci.domain.finding import Finding, Reason
from mlci.domain.operation import is_operational
from mlci.domain.policy import GatePolicy, Tolerance
from mlci.domain.sentence import level
from mlci.domain.verdict import Verdict

# The part of the error rate that comparisons with the anchor spend;
# see docs/decisions/0015-the-anchor-and-the-looks.md.
SHARE = 0.1
# Without a tolerance of its own, the accepted loss against the anchor is this many times that against production.
TIMES = 2


def tolerance(of_metric: Tolerance, policy: GatePolicy) -> Tolerance:
    """The accepted loss against the anchor.

    Args:
        of_metric: the accepted loss of this metric against production.
        policy: whose ``anchor_tolerance`` holds for every metric where it is set.
    """
    return policy.anchor_tolerance or Tolerance(TIMES * of_metric.value, of_metric.relative)


def confidence(policy: GatePolicy, metrics: int) -> float:
    """Level of the bound of each comparison with the anchor: its part of the error rate, divided by the metrics."""
    return 1 - SHARE * (1 - policy.confidence) / max(1, metrics)


def compare(estimate: Estimate, confidence: float) -> Finding:
    """Judge one metric against the anchor: it fails when the loss is shown to be beyond the tolerance.

    Not when it is merely not shown to be within: that would hold every candidate back on a holdout that is small.

    Args:
        estimate: with bounds at this level of confidence.
        confidence: of each bound.
    """
    if estimate.undefined is None and estimate.interval is None and estimate.difference == 0:
        # Two models that no example tells apart have no bounds, and nothing was lost.
        return _finding(estimate, Verdict.PASS, "no-difference", f"{estimate.title} is what it was at the anchor", None)
    if estimate.undefined is not None or estimate.interval is None:
        why = estimate.undefined or "too few examples for a bound"
        return _finding(
            estimate,
            Verdict.INCONCLUSIVE,
            "undefined",
            f"{estimate.title} cannot be compared with the anchor: {why}",
            "The anchor's predictions were kept without what this metric needs. Set the anchor anew, or leave the "
            "metric out of the policy.",
        )
    margin, higher = estimate.margin or 0.0, estimate.metric.better == "higher"
    low, high = estimate.interval
    hope, harm = (high, low) if higher else (-low, -high)
    lost = hope < -margin
    text = (
        f"{estimate.title} {figure(estimate.candidate or 0.0, estimate.better)} vs anchor "
        f"{figure(estimate.baseline or 0.0, estimate.better)}: difference {_change(estimate, estimate.difference)}, "
        f"bounds [{_change(estimate, low)}, {_change(estimate, high)}] ({level(confidence)}), "
        f"anchor margin {as_written(margin, relative=estimate.relative)}: {'fail' if lost else 'pass'}"
    )
    if lost:
        return _finding(
            estimate,
            Verdict.FAIL,
            "drifted",
            text,
            f"Since the anchor {estimate.title} has lost more than "
            f"{as_written(margin, relative=estimate.relative)}, in steps that each were small enough. Improve the "
            "candidate; where the loss was agreed on, set the anchor anew (docs/baselines.md, The anchor).",
        )
    explanation = None
    if harm < -margin:
        loss = on_scale(-harm, relative=estimate.relative, against="lower", like=estimate.typical)
        explanation = f"A loss of up to {loss} since the anchor cannot be ruled out with {estimate.n} examples."
    return _finding(estimate, Verdict.PASS, None, text, explanation)


def _change(estimate: Estimate, value: float | None) -> str:
    return on_scale(
        value or 0.0, relative=estimate.relative, against=estimate.better, signed=True, like=estimate.typical
    )


def _finding(
    estimate: Estimate, verdict: Verdict, reason: Reason | None, message: str, explanation: str | None
) -> Finding:
    return Finding(
        id=f"anchor:{estimate.metric.name}",
        rule="anchor",
        verdict=verdict,
        reason=reason,
        message=message,
        explanation=explanation,
        **estimate.figures,
    )


def elsewhere() -> Finding:
    """Say that the anchor was not scored on this holdout, so that nobody knows what was lost since."""
    return coverage.listed(
        "input",
        "anchor",
        "other-holdout",
        Verdict.INCONCLUSIVE,
        "the anchor was not scored on the examples of this holdout, so what was lost since cannot be judged",
        "Its predictions were kept for other examples. Set the anchor anew, at production or at another version that "
        "was scored on this holdout (docs/baselines.md, The anchor).",
    )


def surpasses(findings: Sequence[Finding]) -> bool:
    """Whether a candidate is shown to be better than the anchor, so that it becomes the anchor.

    Better is shown, not measured: the best of many equal models is one that was lucky on this holdout, and whatever
    comes after it would be blamed for the luck. The first metric decides, and no other may be shown to be worse: else
    a gain in one metric would let another go down step by step.

    Args:
        findings: comparisons with the anchor on all examples, in the order of the policy; where production is the
            anchor, those with production.
    """
    bounds = [_gain(one) for one in findings]
    if not bounds or any(each is None for each in bounds):
        return False
    known = [each for each in bounds if each is not None]
    return known[0][0] > 0 and all(high >= 0 for _, high in known[1:])


def _gain(finding: Finding) -> tuple[float, float] | None:
    if finding.interval is None:
        return None
    low, high = finding.interval
    return (-high, -low) if finding.better == "lower" else (low, high)


def comparisons(findings: Sequence[Finding]) -> list[Finding]:
    """The comparisons that say whether the anchor is surpassed: those with it, or with production where that is it."""
    with_anchor = [one for one in findings if one.rule == "anchor"]
    return with_anchor or [one for one in findings if _is_of_answers(one)]


def _is_of_answers(finding: Finding) -> bool:
    """A comparison of what two models say on all examples: not of groups, not of how they run, no remark on slices."""
    if finding.rule != "compare" or finding.slice is not None or finding.reason == "reversal":
        return False
    return finding.metric not in MEASURES and not is_operational(finding.metric or "")
