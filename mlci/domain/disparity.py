"""Fairness judged: a limit by the bounds of the measure, a tolerance by what any two groups have drifted apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain import border, sentence
from mlci.domain.estimate import FEW_CLUSTERS
from mlci.domain.fairness import FEWEST, IN_WORDS, GroupRate, Measure
from mlci.domain.figures import as_written, count, figure
from mlci.domain.finding import Finding, Reason
from mlci.domain.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A measure as it was worked out for one sensitive column, at its deciding pair of groups.

    ``low`` and ``high`` bound what is judged: the measure itself for a limit, its change for a tolerance.
    """

    measure: Measure
    column: str
    pair: str
    pairs: int
    n: int
    candidate: float
    low: float
    high: float
    baseline: float | None = None
    worsening: float = 0.0
    error: float | None = None
    p_worse: float | None = None
    p_adjusted: float | None = None
    few_clusters: bool = False


def pair_of_groups(one: str, other: str) -> str:
    """Two groups as the reader of a report sees them."""
    return f"{one} against {other}"


def level(gap: Gap, confidence: float, limit: float) -> Finding:
    """Judge a limit by the bounds of the measure: its observed value is the largest of many noisy differences.

    Args:
        gap: the measure on the candidate, between its bounds.
        confidence: level of each bound.
        limit: the most that a difference, or the least that a ratio, may be.
    """
    ratio = gap.measure.ratio
    harm, hope = (gap.low, gap.high) if ratio else (-gap.high, -gap.low)
    asked = limit if ratio else -limit
    verdict, reason = _against(harm, hope, asked, few_clusters=gap.few_clusters)
    side, kind = ("at least", "minimum") if ratio else ("at most", "maximum")
    low, high = (figure(bound, gap.measure.better) for bound in (gap.low, gap.high))
    return Finding(
        id=f"{kind}:{gap.measure.name}[{gap.column}]",
        rule="minimum" if ratio else "maximum",
        verdict=verdict,
        reason=reason,
        message=(
            f"{gap.measure.name} by {gap.column} {figure(gap.candidate, gap.measure.better)} as observed, which "
            f"exaggerates; bounds [{low}, {high}] ({sentence.level(confidence)}, {_pairs(gap.pairs)}), {side} "
            f"{as_written(limit)} asked: {verdict.value}"
        ),
        explanation=_why_level(gap, verdict, reason, limit, side),
        metric=gap.measure.name,
        slice=gap.pair,
        better=gap.measure.better,
        candidate=gap.candidate,
        candidate_interval=(gap.low, gap.high),
        limit=limit,
        n=gap.n,
        method="Newcombe's bounds of each pair, the lower ones at once",
    )


def _against(harm: float, hope: float, asked: float, *, few_clusters: bool) -> tuple[Verdict, Reason | None]:
    reached, reachable = (border.side(bound, asked, 1.0, exact=True) for bound in (harm, hope))
    if reachable < 0:
        return Verdict.FAIL, "threshold"
    if reached > 0:
        return (Verdict.WARN, "clusters") if few_clusters else (Verdict.PASS, None)
    return Verdict.INCONCLUSIVE, "boundary" if 0 in (reached, reachable) else "interval"


def _pairs(number: int) -> str:
    return f"over {count(number)} pair{'' if number == 1 else 's'} of groups"


def _why_level(gap: Gap, verdict: Verdict, reason: Reason | None, limit: float, side: str) -> str | None:
    if verdict is Verdict.FAIL:
        bound = gap.high if gap.measure.ratio else gap.low
        return (
            f"Noise allowed for, {gap.measure.name} by {gap.column} is still {figure(bound)} where {side} "
            f"{as_written(limit)} is asked; it is widest for {gap.pair}. "
            "Improve the model for the group that comes off worse."
        )
    if reason == "interval":
        return (
            f"The examples of the groups by {gap.column} are too few to tell whether {as_written(limit)} is met. "
            "More examples of the smaller groups would decide."
        )
    if reason == "boundary":
        return sentence.ON_THE_BORDER
    return _few_clusters() if reason == "clusters" else None


def _few_clusters() -> str:
    return (
        f"The examples of a group come in fewer than {FEW_CLUSTERS} clusters, so the error estimate itself is "
        "uncertain. Score examples from more of them."
    )


def worsening(gap: Gap, confidence: float, margin: float, *, identical: bool = False) -> Finding:
    """Judge how much further two groups stand apart than under production; fails only on a shown worsening.

    Args:
        gap: the change of the deciding pair, p-values corrected for every pair looked at.
        confidence: level of each bound.
        margin: the accepted worsening.
        identical: whether both models say the same of every example, so that nothing can have changed.
    """
    alpha, worst = 1 - confidence, -gap.low if gap.measure.ratio else gap.high
    verdict, reason = (Verdict.PASS, "identical") if identical else _of_change(gap, worst, margin, alpha)
    difference = -gap.worsening if gap.measure.ratio else gap.worsening
    written = [
        figure(each, gap.measure.better, signed=True, like=max(gap.candidate, gap.baseline or 0.0))
        for each in (difference, gap.low, gap.high)
    ]
    return Finding(
        id=f"compare:{gap.measure.name}[{gap.column}]",
        rule="compare",
        verdict=verdict,
        reason=reason,
        message=(
            f"{gap.measure.name} [{gap.pair}] {figure(gap.candidate, gap.measure.better)} vs production "
            f"{figure(gap.baseline or 0.0, gap.measure.better)}: difference {written[0]}, bounds [{written[1]}, "
            f"{written[2]}] ({sentence.level(confidence)}), the worst of {count(gap.pairs)}, margin "
            f"{as_written(margin)}: {verdict.value}"
        ),
        explanation=_why_change(gap, verdict, reason, margin),
        metric=gap.measure.name,
        slice=gap.pair,
        better=gap.measure.better,
        candidate=gap.candidate,
        baseline=gap.baseline,
        difference=difference,
        standard_error=gap.error,
        interval=(gap.low, gap.high),
        margin=margin,
        scale="absolute",
        method="influence function of four rates, t",
        n=gap.n,
        p_worse=gap.p_worse,
        p_adjusted=gap.p_adjusted,
    )


def _of_change(gap: Gap, worst: float, margin: float, alpha: float) -> tuple[Verdict, Reason | None]:
    grown = border.side(-gap.worsening, -margin, 1.0, exact=True)
    within = border.side(-worst, -margin, 1.0, exact=not gap.error)
    if grown <= 0 and gap.p_adjusted is not None and (border.is_alpha(gap.p_adjusted, alpha) or gap.p_adjusted < alpha):
        sure = grown < 0 and not border.is_alpha(gap.p_adjusted, alpha)
        return (Verdict.FAIL, "regression") if sure else (Verdict.INCONCLUSIVE, "boundary")
    if within == 0:
        return Verdict.INCONCLUSIVE, "boundary"
    if within > 0:
        return (Verdict.WARN, "clusters") if gap.few_clusters else (Verdict.PASS, None)
    return (Verdict.WARN if margin == 0 else Verdict.INCONCLUSIVE), "interval"


def _why_change(gap: Gap, verdict: Verdict, reason: Reason | None, margin: float) -> str | None:
    if verdict is Verdict.FAIL:
        return (
            f"By {gap.measure.name}, {gap.pair} stand further apart than under production, by more than the accepted "
            f"{as_written(margin)}, and that is not noise. Improve the candidate for the group that comes off worse."
        )
    if reason == "interval":
        return (
            f"The examples cannot tell whether {gap.pair} stand further apart by {as_written(margin)} than under "
            "production. More examples of the smaller group, or a wider tolerance, would decide."
        )
    if reason == "boundary":
        return sentence.ON_THE_BORDER
    return _few_clusters() if reason == "clusters" else None


def unjudged(measure: str, column: str, reason: Reason, message: str, help: str) -> Finding:
    """A measure that is asked for and that nobody can judge."""
    return Finding(
        id=f"compare:{measure}[{column}]", rule="compare", verdict=Verdict.INCONCLUSIVE, reason=reason,
        metric=measure, message=message, explanation=help,
    )  # fmt: skip


def too_small(rate: GroupRate, rates: Sequence[str]) -> Finding:
    """A group that is listed and not judged, because it has too few examples for some rate."""
    which = " and ".join(dict.fromkeys(IN_WORDS[each] for each in rates))
    return Finding(
        id=f"input:group {rate.group}",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="insufficient",
        advisory=True,
        message=f"{rate.group} has {count(rate.n)} examples, too few to judge fairness by ({which})",
        explanation=(
            f"A rate of fewer than {FEWEST} examples says nothing of a group. Add examples of it; until then it is "
            "listed, and the other groups are judged without it."
        ),
        n=rate.n,
    )
