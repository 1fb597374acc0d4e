"""The gate's decisions: from estimates and a policy to findings, and from findings to one verdict.

An overall metric must be shown non-inferior; a slice is tested for harm only; only a shown regression fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlci.domain.figures import count, figure, on_scale, percent
from mlci.domain.finding import Finding, Reason
from mlci.domain.metric import Metric
from mlci.domain.policy import GatePolicy, MetricRule, OnInconclusive, Tolerance
from mlci.domain.verdict import Verdict, worst

# Two numbers this close are equal as far as binary arithmetic can tell.
_DUST = 1e-12
# One point, and one per cent where points have no meaning.
USUAL_TOLERANCE = 0.01
FEW_POSITIVES = 20
FEW_PER_CLASS = 10
FEW_CLUSTERS = 20
TOO_FEW_CLUSTERS = 5
# More than this share of examples without a partner, and the rest no longer stands for the holdout.
MOST_DROPPED = 0.01
# Findings that "cannot tell" because of noise; policy may soften these and nothing else.
_SOFTENED: frozenset[Reason | None] = frozenset({"interval", "boundary", "insufficient", "unverified"})


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the statistics say about one metric on one set of examples, candidate against production.

    ``difference``, ``standard_error``, ``interval`` and ``margin`` share one scale. ``undefined`` says why there is no
    value; the other fields may then be None.
    """

    metric: Metric
    n: int
    margin: float | None = None
    relative: bool = False
    slice: str | None = None
    undefined: str | None = None
    candidate: float | None = None
    candidate_interval: tuple[float, float] | None = None
    baseline: float | None = None
    difference: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    p_worse: float | None = None
    p_adjusted: float | None = None
    method: str | None = None
    discordant: int | None = None
    smallest_class: int | None = None
    clusters: int | None = None
    effective_n: float | None = None
    detectable: float | None = None
    rows_needed: int | None = None

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: turns a difference into a gain."""
        return 1 if self.metric.better == "higher" else -1

    @property
    def gain(self) -> float:
        """The difference, positive where the candidate is better."""
        return self.sign * (self.difference or 0.0)

    @property
    def worst_gain(self) -> float | None:
        """The bound of the gain on the side of harm; None without an interval."""
        if self.interval is None:
            return None
        return self.interval[0] if self.sign > 0 else -self.interval[1]


def tolerance_for(metric: Metric, rule: MetricRule, policy: GatePolicy) -> Tolerance:
    """The accepted loss of a metric: its own, else the policy's, else one point or one per cent."""
    if rule.tolerance is not None:
        return rule.tolerance
    if policy.tolerance is not None:
        return policy.tolerance
    return Tolerance(USUAL_TOLERANCE, relative=not metric.in_points)


def finding_id(kind: str, metric: str, slice: str | None = None) -> str:
    """The stable name of a finding, such as ``compare:f1[region=north]``."""
    return f"{kind}:{metric}" + (f"[{slice}]" if slice is not None else "")


def compare_overall(estimate: Estimate, policy: GatePolicy) -> Finding:
    """Judge one metric on all examples: non-inferiority must be shown."""
    if estimate.undefined is not None:
        return _undefined(estimate, advisory=False)
    verdict, reason = _decide(estimate, 1 - policy.confidence)
    verdict, reason = _with_caveats(estimate, verdict, reason)
    return _finding(estimate, policy, verdict, reason)


def compare_slice(estimate: Estimate, policy: GatePolicy, looks: int) -> Finding:
    """Judge one metric on one slice: fail only on shown harm, unless policy asks for the full proof.

    Args:
        estimate: with the p-value already corrected for all ``looks``.
        policy: the gate's policy.
        looks: how many metric and slice pairs are looked at.
    """
    shown = policy.slices.require == "shown"
    if estimate.undefined is not None:
        return _undefined(estimate, advisory=not shown)
    alpha = 1 - policy.confidence
    verdict, reason = _decide(estimate, alpha)
    if verdict is not Verdict.INCONCLUSIVE or shown:
        return _finding(estimate, policy, verdict, reason)
    if reason == "boundary":
        return _finding(estimate, policy, verdict, reason)
    if _too_few_to_show_harm(estimate, alpha, looks):
        return _finding(estimate, policy, Verdict.INCONCLUSIVE, "insufficient", advisory=True)
    return _finding(estimate, policy, Verdict.PASS, None)


def _decide(estimate: Estimate, alpha: float) -> tuple[Verdict, Reason | None]:
    """Pass, fail or cannot tell, from the bound on the side of harm, the estimate and the corrected p-value."""
    margin = estimate.margin or 0.0
    dust = _DUST * max(1.0, margin)
    bound, p_value = estimate.worst_gain, estimate.p_adjusted
    if estimate.discordant == 0:
        return _decide_without_differences(estimate, margin)
    if bound is not None and estimate.standard_error and abs(bound + margin) <= dust:
        return Verdict.INCONCLUSIVE, "boundary"
    if bound is not None and bound >= -margin:
        return Verdict.PASS, "better" if bound > 0 else None
    if estimate.gain < -margin - dust and p_value is not None:
        if abs(p_value - alpha) <= _DUST:
            return Verdict.INCONCLUSIVE, "boundary"
        if p_value < alpha:
            return Verdict.FAIL, "regression"
    if bound is None:
        return Verdict.INCONCLUSIVE, "insufficient"
    if margin == 0:
        # No finite sample proves a loss of exactly nothing: the question answered is "is a regression demonstrated?"
        return Verdict.WARN, "interval"
    return Verdict.INCONCLUSIVE, "interval"


def _decide_without_differences(estimate: Estimate, margin: float) -> tuple[Verdict, Reason | None]:
    """No example differs: by the rule of three, the share that could differ unseen is at most 3/n (95 %)."""
    if estimate.slice is None and estimate.method == IDENTICAL:
        return Verdict.PASS, "identical"
    if margin > 0 and estimate.n * margin >= 3:
        return Verdict.PASS, "identical"
    return Verdict.INCONCLUSIVE, "insufficient"


# The method of an estimate whose two models said the same of every example in every respect.
IDENTICAL = "identical predictions"


def _with_caveats(estimate: Estimate, verdict: Verdict, reason: Reason | None) -> tuple[Verdict, Reason | None]:
    """Methods that lean on large samples say so when the sample is small; a pass is then at best a warning."""
    if estimate.clusters is not None and estimate.clusters < TOO_FEW_CLUSTERS:
        return Verdict.INCONCLUSIVE, "clusters"
    if verdict is not Verdict.PASS or reason == "identical":
        return verdict, reason
    if estimate.clusters is not None and estimate.clusters < FEW_CLUSTERS:
        return Verdict.WARN, "clusters"
    if estimate.smallest_class is not None and estimate.smallest_class < _class_floor(estimate.metric):
        return Verdict.WARN, "few-positives"
    return verdict, reason


def _class_floor(metric: Metric) -> int:
    return FEW_PER_CLASS if metric.needs == "score" else FEW_POSITIVES


def _too_few_to_show_harm(estimate: Estimate, alpha: float, looks: int) -> bool:
    """Whether even unanimous disagreement could not reach significance after correction for every look.

    An exact sign test on d discordant examples has a p-value of at least 2**-d.
    """
    if estimate.smallest_class is not None and estimate.smallest_class < FEW_PER_CLASS:
        return True
    discordant = estimate.discordant if estimate.discordant is not None else estimate.n
    return bool(2.0**-discordant * looks >= alpha)


def _finding(
    estimate: Estimate, policy: GatePolicy, verdict: Verdict, reason: Reason | None, *, advisory: bool = False
) -> Finding:
    finding = Finding(
        id=finding_id("compare", estimate.metric.name, estimate.slice),
        rule="compare",
        verdict=verdict,
        reason=reason,
        advisory=advisory,
        message=_arithmetic(estimate, policy, verdict),
        metric=estimate.metric.name,
        slice=estimate.slice,
        better=estimate.metric.better,
        candidate=estimate.candidate,
        candidate_interval=estimate.candidate_interval,
        baseline=estimate.baseline,
        difference=estimate.difference,
        standard_error=estimate.standard_error,
        interval=estimate.interval,
        margin=estimate.margin,
        scale="relative" if estimate.relative else "absolute",
        method=estimate.method,
        n=estimate.n,
        clusters=estimate.clusters,
        effective_n=estimate.effective_n,
        p_worse=estimate.p_worse,
        p_adjusted=estimate.p_adjusted,
        detectable=estimate.detectable,
        rows_needed=estimate.rows_needed,
    )
    return replace(finding, explanation=_explanation(estimate, policy, finding))


def _named(estimate: Estimate) -> str:
    return estimate.metric.name + (f" [{estimate.slice}]" if estimate.slice is not None else "")


def _arithmetic(estimate: Estimate, policy: GatePolicy, verdict: Verdict) -> str:
    better, relative = estimate.metric.better, estimate.relative
    text = f"{_named(estimate)} {figure(estimate.candidate or 0.0, better)}"
    text += f" vs production {figure(estimate.baseline or 0.0)}"
    text += f": difference {on_scale(estimate.difference or 0.0, relative=relative, against=better, signed=True)}"
    if estimate.interval is not None:
        low, high = (on_scale(bound, relative=relative, against=better, signed=True) for bound in estimate.interval)
        text += f", bounds [{low}, {high}] (one-sided {percent(policy.confidence).replace('.00', '')})"
    return f"{text}, margin {on_scale(estimate.margin or 0.0, relative=relative)}: {verdict.value}"


def _explanation(estimate: Estimate, policy: GatePolicy, finding: Finding) -> str | None:
    """Two plain sentences for everything but a pass; for a slice that passes without proof, what it cannot rule out."""
    better, relative = estimate.metric.better, estimate.relative
    margin = on_scale(estimate.margin or 0.0, relative=relative)
    loss = on_scale(max(0.0, -estimate.gain), relative=relative)
    of = estimate.slice or "the holdout"
    if finding.verdict is Verdict.PASS:
        if finding.reason == "identical":
            return f"No example differs; at most {percent(min(1.0, 3 / estimate.n))} of examples could (95 %)."
        unshown = estimate.worst_gain is not None and estimate.worst_gain < -(estimate.margin or 0.0)
        if estimate.slice is not None and unshown and estimate.worst_gain is not None:
            ruled = on_scale(-estimate.worst_gain, relative=relative)
            return (
                f"No significant harm; a loss of up to {ruled} cannot be ruled out with {count(estimate.n)} examples."
            )
        return None
    if finding.reason == "regression":
        return (
            f"On {of} the candidate loses {loss}, more than the accepted {margin}, and so large a loss is not noise "
            f"(p = {_p(estimate.p_adjusted)}). Improve the candidate, or widen the tolerance if this loss is acceptable."
        )
    if finding.reason == "clusters":
        return (
            f"The examples come in only {estimate.clusters} groups, so the error estimate itself is uncertain. "
            f"Score examples from at least {FEW_CLUSTERS} groups."
        )
    if finding.reason == "few-positives":
        return (
            f"The rarest class has only {estimate.smallest_class} examples, too few to trust the interval fully. "
            f"Add examples of that class, at least {_class_floor(estimate.metric)} in all."
        )
    if finding.reason == "boundary":
        return (
            "The bound falls on the margin to the last digit, so rounding would decide. Any further example settles it."
        )
    if estimate.margin == 0:
        return (
            "No regression is demonstrated, but a tolerance of 0 can only be proved by a candidate that is better. "
            "Accept a small loss, such as tolerance: 0.005, to get a proof."
        )
    return _cannot_tell(estimate, finding, margin, better == "higher")


def _cannot_tell(estimate: Estimate, finding: Finding, margin: str, higher: bool) -> str:
    del higher
    leaning = "looks acceptable" if estimate.gain >= -(estimate.margin or 0.0) else "looks worse"
    first = f"{count(estimate.n)} examples cannot tell a loss of {margin} from noise; the candidate {leaning}."
    if finding.reason == "insufficient":
        first = f"Too few of the {count(estimate.n)} examples differ between the two models to show a loss of {margin}."
    if estimate.rows_needed is not None and estimate.rows_needed > estimate.n:
        return f"{first} About {count(estimate.rows_needed)} examples would decide, or a tolerance these examples can show."
    return f"{first} More examples, or a wider tolerance, would decide."


def _p(value: float | None) -> str:
    if value is None:
        return "unknown"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _undefined(estimate: Estimate, *, advisory: bool) -> Finding:
    return Finding(
        id=finding_id("compare", estimate.metric.name, estimate.slice),
        rule="compare",
        verdict=Verdict.INCONCLUSIVE,
        reason="undefined",
        advisory=advisory,
        message=f"{_named(estimate)} has no value: {estimate.undefined}",
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
    words = ("at least", "below") if lower else ("at most", "above")
    value = figure(estimate.candidate, "higher" if lower else "lower")
    message = f"{estimate.metric.name} {value}, {words[0]} {figure(limit)} asked"
    if estimate.candidate_interval is not None:
        low, high = (figure(bound) for bound in estimate.candidate_interval)
        message += f", bounds [{low}, {high}] (one-sided {percent(policy.confidence).replace('.00', '')})"
    explanation = None
    if verdict is Verdict.FAIL:
        explanation = (
            f"The candidate's {estimate.metric.title} is {value}, {words[1]} the limit of {figure(limit)}. "
            "Improve the candidate, or move the limit if it no longer says what you need."
        )
    elif verdict is Verdict.INCONCLUSIVE:
        explanation = (
            f"Policy asks for proof, and the interval of {estimate.metric.title} reaches past {figure(limit)}. "
            "More examples would decide, or thresholds: point to judge the estimate alone."
        )
    return Finding(
        **common,
        verdict=verdict,
        reason=reason,
        message=f"{message}: {verdict.value}",
        explanation=explanation,
        candidate=estimate.candidate,
        candidate_interval=estimate.candidate_interval,
        method=estimate.method,
    )


def _against_limit(estimate: Estimate, policy: GatePolicy, limit: float, sign: int) -> tuple[Verdict, Reason | None]:
    dust = _DUST * max(1.0, abs(limit))
    met = sign * ((estimate.candidate or 0.0) - limit) >= -dust
    if policy.thresholds == "point":
        return (Verdict.PASS, None) if met else (Verdict.FAIL, "threshold")
    if estimate.candidate_interval is None:
        return Verdict.INCONCLUSIVE, "undefined"
    low, high = estimate.candidate_interval
    harm, hope = (low, high) if sign > 0 else (high, low)
    if sign * (harm - limit) >= -dust:
        return Verdict.PASS, None
    if sign * (hope - limit) < -dust:
        return Verdict.FAIL, "threshold"
    return Verdict.INCONCLUSIVE, "interval"


def unverified(estimate: Estimate, policy: GatePolicy) -> Finding:
    """Compare two bare numbers: without examples nobody can tell a loss from noise, so never a pass, never a proof."""
    finding = _finding(estimate, policy, Verdict.WARN, "unverified")
    within = estimate.gain >= -(estimate.margin or 0.0) - _DUST
    verdict = Verdict.WARN if within else Verdict.INCONCLUSIVE
    if policy.require_predictions:
        verdict = Verdict.FAIL
    loss = "is within" if within else "exceeds"
    return replace(
        finding,
        verdict=verdict,
        message=_arithmetic(estimate, policy, verdict),
        explanation=(
            f"The difference {loss} the tolerance, but two numbers without examples cannot be told from noise. "
            "Give per-example predictions of both models to get a verdict that counts."
        ),
    )


def lost_predictions(candidate: int, baseline: int, n: int) -> Finding | None:
    """Judge missing or non-finite predictions: a candidate that answers less often than production is less robust."""
    if candidate == 0 and baseline == 0:
        return None
    worse = candidate > baseline
    counts = f"{count(candidate)} of {count(n)} predictions missing or not finite, production {count(baseline)}"
    return Finding(
        id="robustness:missing-predictions",
        rule="robustness",
        verdict=Verdict.FAIL if worse else Verdict.WARN,
        reason="lost-predictions",
        message=f"{counts}: {'fail' if worse else 'warn'}",
        explanation=(
            f"The candidate gives no usable prediction for {count(candidate)} examples, production for "
            f"{count(baseline)}. Make the model answer every example, or say evaluate.nan: fail-example to count each "
            "as the worst possible answer."
        ),
        candidate=float(candidate),
        baseline=float(baseline),
        better="lower",
        n=n,
    )


def dropped(only_candidate: int, only_baseline: int, common: int, note: str) -> Finding | None:
    """Judge examples that only one of the two models was scored on."""
    alone = only_candidate + only_baseline
    if alone == 0:
        return None
    many = alone > MOST_DROPPED * (alone + common)
    return Finding(
        id="input:dropped-examples",
        rule="input",
        verdict=Verdict.INCONCLUSIVE if many else Verdict.WARN,
        reason="dropped",
        message=(
            f"{count(only_candidate)} examples only in the candidate's file, {count(only_baseline)} only in "
            f"production's, {count(common)} compared{note}"
        ),
        explanation=(
            "A comparison speaks only for examples both models were scored on, and those that are missing are seldom "
            "a random sample. Score both models on the whole holdout."
        ),
        n=common,
    )


def listed(kind: str, subject: str, reason: Reason, verdict: Verdict, message: str, explanation: str) -> Finding:
    """A finding about what could not be judged at all: a missing slice, an unsupported rule, no baseline."""
    rule: Any = "input" if kind == "input" else "policy"
    return Finding(
        id=f"{kind}:{subject}", rule=rule, verdict=verdict, reason=reason, message=message, explanation=explanation
    )


def softened(finding: Finding, on_inconclusive: OnInconclusive) -> Verdict:
    """A finding's verdict after policy: only "noise hides the answer" may be softened, never missing evidence."""
    if finding.verdict is not Verdict.INCONCLUSIVE or finding.reason not in _SOFTENED:
        return finding.verdict
    return {"pass": Verdict.PASS, "warn": Verdict.WARN}.get(on_inconclusive, Verdict.INCONCLUSIVE)


def compose(findings: Sequence[Finding], on_inconclusive: OnInconclusive) -> tuple[Verdict, str]:
    """The one verdict of all findings, and its one reason as a sentence."""
    counted = [(softened(finding, on_inconclusive), finding) for finding in findings if not finding.advisory]
    verdict = worst(outcome for outcome, _ in counted)
    deciding = [finding for outcome, finding in counted if outcome is verdict]
    if not deciding:
        return verdict, "nothing was judged"
    if verdict is Verdict.PASS:
        return verdict, _why_pass(deciding)
    first = min(deciding, key=lambda finding: (finding.slice is not None, -finding.verdict.rank))
    others = len(deciding) - 1
    more = f" (and {others} more)" if others else ""
    return verdict, f"{_why(first)}{more}"


def _why_pass(deciding: Sequence[Finding]) -> str:
    compared = [finding for finding in deciding if finding.rule == "compare" and finding.slice is None]
    slices = sum(finding.slice is not None for finding in deciding)
    limits = sum(finding.rule in ("minimum", "maximum") for finding in deciding)
    parts = []
    if compared and all(finding.reason == "identical" for finding in compared):
        parts.append("the two models predict the same")
    elif compared:
        names = ", ".join(finding.metric or "" for finding in compared)
        parts.append(f"no worse than production on {names}")
    if slices:
        parts.append(f"no harm shown in {slices} slice comparisons")
    if limits:
        parts.append(f"{limits} absolute {'limit' if limits == 1 else 'limits'} met")
    return "; ".join(parts) or "everything asked was met"


def _why(finding: Finding) -> str:
    """One finding as the verdict's reason: its subject, what happened, and the figures that matter."""
    where = f" on {finding.slice}" if finding.slice is not None else ""
    relative = finding.scale == "relative"
    if finding.reason == "regression" and finding.difference is not None:
        change = on_scale(finding.difference, relative=relative, against=finding.better, signed=True)
        return f"{finding.metric} is worse than production{where}: {change}, margin {_margin(finding)}"
    if finding.reason == "interval" and finding.rule == "compare" and finding.margin == 0:
        return f"no regression of {finding.metric} is demonstrated, but tolerance 0 cannot be proved"
    if finding.reason in ("interval", "insufficient") and finding.rule == "compare":
        return f"{count(finding.n or 0)} examples cannot show that {finding.metric}{where} loses less than {_margin(finding)}"
    return finding.message


def _margin(finding: Finding) -> str:
    return on_scale(finding.margin or 0.0, relative=finding.scale == "relative")
