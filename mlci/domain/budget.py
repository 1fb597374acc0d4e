"""What a budget of looks at a holdout means: the level of a bound, when it is spent, and what a look may show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlci.domain import coverage
from mlci.domain.figures import as_written, count
from mlci.domain.finding import Finding
from mlci.domain.policy import HoldoutPolicy
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict
from mlci.domain.wear import Wear

# Characters of the bar.
_WIDTH = 32
_ROTATE = (
    "Bring a new holdout of examples that no model was chosen by, and keep this one for development "
    "(docs/baselines.md, A worn holdout)."
)
# Sections that say nothing of how good the candidate is.
HARMLESS = ("wear", "baseline")


def level(confidence: float, steps: int) -> float:
    """The level of one bound where the error rate is spent in equal parts on all looks (Bonferroni over looks).

    The part is rounded down to three digits, so that what is written is what was judged.

    >>> level(0.95, 32)
    0.99844
    """
    part = (1 - confidence) / steps
    digits = 2 - math.floor(math.log10(part))
    kept = math.floor(part * 10.0**digits + 1e-9) / 10.0**digits
    return round(1 - kept, digits)


def judged(wear: Wear | None, asked: HoldoutPolicy) -> Finding | None:
    """The finding that holds a candidate back because of the budget; None while there is some of it left."""
    if wear is None:
        return coverage.listed(
            "policy",
            "holdout",
            "missing",
            Verdict.INCONCLUSIVE,
            f"policy allows {count(asked.steps)} looks at a holdout, and nobody counts them here",
            "Looks are counted beside the baseline or in the registry, for predictions of single examples. Name where "
            "with --baseline-from or --against, or take validation.holdout out of the policy.",
        )
    if asked.reuse == "first-change" and wear.retired:
        return _spent("the holdout is retired: a candidate that passed on it has become production", "")
    if wear.look > asked.steps:
        this = f"{'at least ' if wear.at_least else ''}look {count(wear.look)}"
        what = f"the holdout is worn out: this is {this}, and policy allows {count(asked.steps)}"
        return _spent(what, "A model that is tried often enough passes by chance. ")
    return None


def _spent(message: str, why: str) -> Finding:
    return coverage.listed("policy", "holdout", "worn", Verdict.INCONCLUSIVE, message, why + _ROTATE)


def withheld(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without the figures that tell how good a candidate is, unless it is clearly the best so far.

    A figure is shown where the metric is better than production's by more than the standard error of the difference;
    what else is known of a candidate is pass or not. Several hundred answers of a few digits each fit a candidate to
    the holdout; as many bits that seldom change do not.
    """
    better = {one.metric for one in findings if one.rule == "compare" and one.slice is None and _is_better(one)}
    return [one if one.metric is None or one.metric in better else _without_figures(one) for one in findings]


def _is_better(finding: Finding) -> bool:
    if finding.difference is None or finding.standard_error is None:
        return False
    gain = -finding.difference if finding.better == "lower" else finding.difference
    return gain > finding.standard_error


def _without_figures(finding: Finding) -> Finding:
    # Only what is named here goes on, so that a figure that is added to findings one day is withheld too.
    where = f" [{finding.slice}]" if finding.slice is not None else ""
    where += " (anchor)" if finding.rule == "anchor" else ""
    return Finding(
        id=finding.id,
        rule=finding.rule,
        verdict=finding.verdict,
        reason=finding.reason,
        advisory=finding.advisory,
        message=f"{finding.metric}{where}: {finding.verdict.value}, figures withheld",
        explanation=(
            "Policy lets every verdict on this holdout go into the next candidate, so figures are shown only where the "
            "candidate is better than production by more than the standard error."
        ),
        metric=finding.metric,
        slice=finding.slice,
        better=finding.better,
        margin=finding.margin,
        limit=finding.limit,
        scale=finding.scale,
        n=finding.n,
    )


def section(wear: Wear, asked: HoldoutPolicy | None, confidence: float) -> Section:
    """How much of a holdout is used up, as a bar where there is a budget.

    Args:
        wear: what is known of it.
        asked: the budget; None where none is set.
        confidence: level of each bound, as the policy has it before anything is spent.
    """
    figures = {"looks": float(wear.looks), "look": float(wear.look)}
    if asked is None:
        return Section(
            id="wear",
            title="Holdout wear",
            sentences=(_count(wear), "No budget is set (validation.holdout), so no error rate is spent on looks."),
            figures=figures,
        )
    used = min(wear.looks, asked.steps)
    filled = used * _WIDTH // asked.steps
    least = "at least " if wear.at_least else ""
    bar = f"[{'#' * filled}{'-' * (_WIDTH - filled)}] {least}{count(wear.looks)} of {count(asked.steps)} looks"
    each = level(confidence, asked.steps)
    spends = (
        f"Each look spends {as_written((1 - confidence) / asked.steps)} of the error rate "
        f"{as_written(1 - confidence)}: to pass is to be shown at one-sided {as_written(each, relative=True)}; "
        "what blocks is shown as without a budget."
    )
    return Section(
        id="wear",
        title="Holdout wear",
        sentences=(bar, spends),
        figures={**figures, "steps": float(asked.steps), "confidence": each},
        folded=False,
    )


def _count(wear: Wear) -> str:
    looks = f"{count(wear.looks)} candidate{' has' if wear.looks == 1 else 's have'}"
    least = "At least " if wear.at_least else ""
    new = "" if wear.look == wear.looks else f" This one is look {count(wear.look)}, judged before."
    return f"{least}{looks} been judged on this holdout, this one included.{new}"
