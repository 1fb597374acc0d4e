"""The gate's decisions: from estimates and a policy to findings, and from findings to one verdict.

An overall metric must be shown non-inferior; a slice is tested for harm only; only a shown regression fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

from mlci.domain import border, sentence, superiority
from mlci.domain.estimate import FEW_CLUSTERS, FEW_PER_CLASS, TOO_FEW_CLUSTERS, Estimate
from mlci.domain.estimate import IDENTICAL as IDENTICAL
from mlci.domain.finding import Finding, Reason
from mlci.domain.metric import Metric
from mlci.domain.policy import GatePolicy, MetricRule, OnInconclusive, Tolerance
from mlci.domain.verdict import Verdict, worst

# One point, and one per cent where points have no meaning.
USUAL_TOLERANCE = 0.01
# With slices, all-example comparisons keep this share of the error rate; slices get the rest and what stays unspent.
OVERALL_SHARE = 0.8
# Findings that "cannot tell" because of noise; policy may soften these and nothing else.
_SOFTENED: frozenset[Reason | None] = frozenset({"interval", "boundary", "unverified"})


def tolerance_for(metric: Metric, rule: MetricRule, policy: GatePolicy, *, sliced: bool = False) -> Tolerance:
    """The accepted loss of a metric: the slices' own on a slice, else the rule's, else the policy's, else the usual."""
    if sliced and policy.slices.tolerance is not None:
        return policy.slices.tolerance
    if rule.tolerance is not None:
        return rule.tolerance
    if policy.tolerance is not None:
        return policy.tolerance
    return Tolerance(USUAL_TOLERANCE, relative=not metric.in_points)


def finding_id(kind: str, metric: str, slice: str | None = None) -> str:
    """The stable name of a finding, such as ``compare:f1[region=north]``."""
    return f"{kind}:{metric}" + (f"[{slice}]" if slice is not None else "")


@dataclass(frozen=True)
class ErrorShares:
    """How the one error rate is divided: comparisons on all examples, those on slices, fairness; parts of 1."""

    overall: float
    slices: float
    fairness: float = 0.0


def error_shares(
    overall: Sequence[Estimate], policy: GatePolicy, *, sliced: bool, fairness: bool = False, kept: float = 1.0
) -> ErrorShares:
    """Divide the error rate so that a harmless change is blocked at most at the rate alpha, whatever is looked at.

    A comparison can only fail beyond its margin, so under no change it spends at most P(estimate < -margin), which is
    small once the examples are many for the margin. What all-example comparisons cannot spend is given to slices and
    fairness, half to each where both are asked. See ``docs/decisions/0003-one-error-rate.md``.

    Args:
        overall: comparisons on all examples.
        policy: says alpha.
        sliced: whether there are comparisons on slices.
        fairness: whether there are some of groups.
        kept: the part of the error rate that is left for all of these; the rest is spent elsewhere.
    """
    if not sliced and not fairness:
        return ErrorShares(kept, 0.0)
    alpha = 1 - policy.confidence
    reachable = sum(_chance_beyond_margin(estimate) for estimate in overall if estimate.undefined is None)
    overall_share = OVERALL_SHARE * kept
    rest = (kept - min(overall_share, reachable / alpha)) / (sliced + fairness)
    return ErrorShares(overall_share, rest if sliced else 0.0, rest if fairness else 0.0)


def _chance_beyond_margin(estimate: Estimate) -> float:
    if not estimate.standard_error:
        return 0.0
    # Where a gain is asked for, the harmless change is the one that gains just that.
    return NormalDist().cdf(-(estimate.margin or 0.0) / estimate.standard_error)


def compare_overall(estimate: Estimate, policy: GatePolicy) -> Finding:
    """Judge one metric on all examples: non-inferiority must be shown, or the gain that is asked for."""
    if estimate.undefined is not None:
        return _undefined(estimate, advisory=False)
    decide = _decide if estimate.improvement is None else superiority.decide
    verdict, reason = decide(estimate, 1 - policy.confidence)
    verdict, reason = _with_caveats(estimate, verdict, reason)
    return _finding(estimate, policy, verdict, reason)


def compare_slice(estimate: Estimate, policy: GatePolicy, looks: float) -> Finding:
    """Judge one metric on one slice: fail only on shown harm, unless policy asks for the full proof.

    Args:
        estimate: with the p-value already corrected for all ``looks``.
        policy: the gate's policy.
        looks: what the smallest p-value is multiplied by: the number of metric and slice pairs looked at, divided by
            the slices' share of the error rate.
    """
    shown = policy.slices.require == "shown"
    if estimate.undefined is not None:
        return _undefined(estimate, advisory=not shown)
    alpha = 1 - policy.confidence
    verdict, reason = _decide(estimate, alpha)
    if shown:
        return _finding(estimate, policy, *_with_caveats(estimate, verdict, reason))
    untrusted = _too_few_to_trust(estimate)
    if not untrusted and (verdict in (Verdict.PASS, Verdict.FAIL) or reason == "boundary"):
        return _finding(estimate, policy, verdict, reason)
    if untrusted or _too_few_to_show_harm(estimate, alpha, looks):
        return _finding(estimate, policy, Verdict.INCONCLUSIVE, "insufficient", advisory=True)
    return _finding(estimate, policy, Verdict.PASS, None)


def _decide(estimate: Estimate, alpha: float) -> tuple[Verdict, Reason | None]:
    """Pass, fail or cannot tell, from the bound on the side of harm, the estimate and the corrected p-value."""
    margin = estimate.margin or 0.0
    bound, p_value, size = estimate.worst_gain, estimate.p_adjusted, estimate.magnitude
    if estimate.discordant == 0 and estimate.gain == 0:
        return _decide_without_differences(estimate, margin, alpha)
    stands = (
        None
        if bound is None
        else border.side(bound, -margin, size, exact=not estimate.standard_error, off=estimate.off)
    )
    if stands == 0:
        return Verdict.INCONCLUSIVE, "boundary"
    if stands == 1:
        return Verdict.PASS, "better" if (bound or 0.0) > 0 else None
    lost = border.side(estimate.gain, -margin, size, exact=False, off=estimate.off)
    if lost <= 0 and p_value is not None:
        if border.is_alpha(p_value, alpha) or (p_value < alpha and lost == 0):
            return Verdict.INCONCLUSIVE, "boundary"
        if p_value < alpha:
            return Verdict.FAIL, "regression"
    if bound is None:
        return Verdict.INCONCLUSIVE, "insufficient"
    if margin == 0:
        # No finite sample proves a loss of exactly nothing: the question answered is "is a regression demonstrated?"
        return Verdict.WARN, "interval"
    return Verdict.INCONCLUSIVE, "interval"


def _decide_without_differences(estimate: Estimate, margin: float, alpha: float) -> tuple[Verdict, Reason | None]:
    """No example differs: the rule of three bounds the share that could differ unseen."""
    if estimate.method == IDENTICAL:
        return Verdict.PASS, "identical"
    # A share of examples moves the metric by as much only where the metric is itself a share, or leans on one class.
    if estimate.metric.in_points and not estimate.relative and margin >= estimate.unseen(alpha) > 0:
        return Verdict.PASS, "no-difference"
    return (Verdict.WARN if margin == 0 else Verdict.INCONCLUSIVE), "interval"


def _with_caveats(estimate: Estimate, verdict: Verdict, reason: Reason | None) -> tuple[Verdict, Reason | None]:
    """Methods that lean on large samples say so when the sample is small; a pass is then at best a warning."""
    apart = estimate.size if estimate.clusters is None else estimate.n
    if apart < TOO_FEW_CLUSTERS and verdict is not Verdict.FAIL:
        return Verdict.INCONCLUSIVE, "insufficient"
    if estimate.method == IDENTICAL:
        return verdict, reason
    if estimate.fewer_groups_than(TOO_FEW_CLUSTERS):
        return Verdict.INCONCLUSIVE, "clusters"
    if verdict is Verdict.FAIL and _too_few_to_trust(estimate):
        return Verdict.INCONCLUSIVE, "few-positives"
    if verdict is not Verdict.PASS:
        return verdict, reason
    if estimate.fewer_groups_than(FEW_CLUSTERS):
        return Verdict.WARN, "clusters"
    if estimate.smallest_class is not None and estimate.smallest_class < estimate.class_floor:
        return Verdict.WARN, "few-positives"
    return verdict, reason


def _too_few_to_trust(estimate: Estimate) -> bool:
    """Whether a slice has too few groups, or too few of one class for a ranking metric, to be judged either way."""
    if estimate.fewer_groups_than(TOO_FEW_CLUSTERS):
        return True
    few = estimate.smallest_class is not None and estimate.smallest_class < FEW_PER_CLASS
    return few and estimate.metric.needs == "score"


def _too_few_to_show_harm(estimate: Estimate, alpha: float, looks: float) -> bool:
    """Whether even unanimous disagreement could not reach significance after correction for every look.

    An exact sign test on d discordant examples has a p-value of at least 2**-d.
    """
    if estimate.smallest_class is not None and estimate.smallest_class < FEW_PER_CLASS:
        return True
    if estimate.fewer_groups_than(FEW_CLUSTERS):
        return True
    discordant = estimate.discordant if estimate.discordant is not None else estimate.n
    return bool(2.0**-discordant * looks >= alpha)


def _finding(
    estimate: Estimate, policy: GatePolicy, verdict: Verdict, reason: Reason | None, *, advisory: bool = False
) -> Finding:
    return Finding(
        id=finding_id("compare", estimate.metric.name, estimate.slice),
        rule="compare",
        verdict=verdict,
        reason=reason,
        leaning=_leaning(estimate, verdict, reason),
        advisory=advisory,
        message=sentence.arithmetic(estimate, policy.confidence, verdict),
        **estimate.figures,
        candidate_interval=estimate.candidate_interval,
        improvement=estimate.improvement,
        clusters=estimate.clusters,
        effective_n=estimate.effective_n,
        p_worse=estimate.p_worse,
        p_adjusted=estimate.p_adjusted,
        detectable=estimate.detectable,
        rows_needed=estimate.rows_needed,
        labels_needed=estimate.labels_needed,
        explanation=sentence.explanation(estimate, verdict, reason),
    )


def _leaning(estimate: Estimate, verdict: Verdict, reason: Reason | None) -> Literal["ok", "worse"] | None:
    """Which way a comparison that is left open would go by its point estimate; a warning may be one, too."""
    if verdict is not Verdict.INCONCLUSIVE and (verdict, reason) != (Verdict.WARN, "interval"):
        return None
    return estimate.leaning


def _undefined(estimate: Estimate, *, advisory: bool) -> Finding:
    return Finding(
        id=finding_id("compare", estimate.metric.name, estimate.slice),
        rule="compare",
        verdict=Verdict.INCONCLUSIVE,
        reason="undefined",
        advisory=advisory,
        message=f"{estimate.title} has no value: {estimate.undefined}",
        explanation=(
            f"{estimate.metric.title} cannot be computed here: {estimate.undefined}. "
            "Give the missing part, or judge a metric that these examples define."
        ),
        metric=estimate.metric.name,
        slice=estimate.slice,
        better=estimate.metric.better,
        n=estimate.n,
    )


def threshold(estimate: Estimate, policy: GatePolicy, limit: float, *, lower: bool) -> Finding:
    """Judge an absolute limit on the candidate alone.

    Args:
        estimate: the candidate's value with its own interval; nothing of production's is needed.
        policy: says whether the point estimate decides or the interval must prove it.
        limit: the threshold, met when reached exactly.
        lower: whether the limit is a minimum (True) or a maximum.
    """
    kind: Any = "minimum" if lower else "maximum"
    common: dict[str, Any] = {
        "id": finding_id(kind, estimate.metric.name), "rule": kind, "metric": estimate.metric.name,
        "better": estimate.metric.better, "limit": limit, "n": estimate.n,
    }  # fmt: skip
    if estimate.undefined is not None or estimate.candidate is None:
        return replace(_undefined(estimate, advisory=False), **common)
    sign = 1 if lower else -1
    verdict, reason = _against_limit(estimate, policy, limit, sign)
    return Finding(
        **common,
        verdict=verdict,
        reason=reason,
        leaning=None if verdict is not Verdict.INCONCLUSIVE else "ok" if _is_met(estimate, limit, sign) else "worse",
        message=f"{sentence.limit_arithmetic(estimate, policy.confidence, limit, lower=lower)}: {verdict.value}",
        explanation=sentence.limit_explanation(estimate, limit, verdict, reason, lower=lower),
        candidate=estimate.candidate,
        candidate_interval=estimate.candidate_interval,
        method=estimate.method,
    )


def _against_limit(estimate: Estimate, policy: GatePolicy, limit: float, sign: int) -> tuple[Verdict, Reason | None]:
    value = estimate.candidate or 0.0
    harm = hope = value
    if policy.thresholds == "interval":
        if estimate.candidate_interval is None:
            return Verdict.INCONCLUSIVE, "undefined"
        low, high = estimate.candidate_interval
        harm, hope = (low, high) if sign > 0 else (high, low)
    size = max(1.0 if estimate.metric.in_points else 0.0, abs(value), abs(limit))
    reached, reachable = (border.side(sign * bound, sign * limit, size, exact=True) for bound in (harm, hope))
    if reached > 0:
        return Verdict.PASS, None
    if reachable < 0:
        return Verdict.FAIL, "threshold"
    return Verdict.INCONCLUSIVE, "boundary" if 0 in (reached, reachable) else "interval"


def _is_met(estimate: Estimate, limit: float, sign: int) -> bool:
    return sign * ((estimate.candidate or 0.0) - limit) >= -border.DUST * max(1.0, abs(limit))


def unverified(estimate: Estimate, policy: GatePolicy) -> Finding:
    """Compare two bare numbers: without examples nobody can tell a loss from noise, so never a pass, never a proof."""
    finding = _finding(estimate, policy, Verdict.WARN, "unverified")
    within = border.side(estimate.gain, estimate.least_gain, estimate.magnitude, exact=True) > 0
    verdict = Verdict.WARN if within else Verdict.INCONCLUSIVE
    if policy.require_predictions:
        verdict = Verdict.FAIL
    return replace(
        finding,
        verdict=verdict,
        leaning=_leaning(estimate, verdict, "unverified"),
        message=sentence.arithmetic(estimate, policy.confidence, verdict),
        explanation=(
            f"The difference {sentence.against_asked(estimate, within)}, "
            "but two numbers without examples cannot be told from noise. "
            "Give per-example predictions of both models to get a verdict that counts."
        ),
    )


def unverified_limit(finding: Finding, policy: GatePolicy) -> Finding:
    """A limit met by a bare number: nobody can check it against examples, so never a pass."""
    if finding.verdict is not Verdict.PASS:
        return finding
    verdict = Verdict.FAIL if policy.require_predictions else Verdict.WARN
    return replace(
        finding,
        verdict=verdict,
        reason="unverified",
        message=f"{finding.message.removesuffix(': pass')}, by a bare number: {verdict.value}",
        explanation=(
            "The limit is met by a number that came without examples, so nobody can check it. "
            "Give the candidate's per-example predictions to get a verdict that counts."
        ),
    )


def softened(finding: Finding, on_inconclusive: OnInconclusive) -> Verdict:
    """A finding's verdict after policy: only "noise hides the answer" may be softened, never missing evidence."""
    if finding.verdict is not Verdict.INCONCLUSIVE or finding.reason not in _SOFTENED:
        return finding.verdict
    outcome = {"pass": Verdict.PASS, "warn": Verdict.WARN}.get(on_inconclusive, Verdict.INCONCLUSIVE)
    return worst((outcome, Verdict.WARN)) if finding.reason == "unverified" else outcome


def compose(findings: Sequence[Finding], on_inconclusive: OnInconclusive) -> tuple[Verdict, str]:
    """The one verdict of all findings, and its one reason as a sentence."""
    counted = [(softened(finding, on_inconclusive), finding) for finding in findings if not finding.advisory]
    verdict = worst(outcome for outcome, _ in counted)
    deciding = [finding for outcome, finding in counted if outcome is verdict]
    if not deciding:
        return verdict, "nothing was judged"
    if verdict is Verdict.PASS:
        few = sum(finding.advisory and finding.slice is not None for finding in findings)
        return verdict, sentence.why_pass(deciding, few)
    first = min(deciding, key=lambda finding: (finding.slice is not None, -finding.verdict.rank))
    others = len(deciding) - 1
    more = f" (and {others} more)" if others else ""
    return verdict, f"{sentence.why(first)}{more}"
