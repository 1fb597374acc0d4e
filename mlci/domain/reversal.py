"""Simpson's reversal: a metric that says one thing of all examples and the opposite of every slice of a column.

It cannot happen to a mean over examples, whose slices average to the whole, and can to what is no mean: F1, precision,
ROC AUC, ratios. There the mix of examples that a model answers in some way differs between the two models.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlci.domain.figures import Better, count, figure
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """Both figures of one metric and one column of slices.

    Attributes:
        metric: its name.
        better: which way it is better.
        column: what makes the slices.
        slices: how many there are.
        overall: candidate minus production on all examples.
        within: the slices' differences, averaged by their examples.
        n: examples.
        p_value: how surprising it is that both point apart, corrected for all that was looked at.
    """

    metric: str
    better: Better
    column: str
    slices: int
    overall: float
    within: float
    n: int
    p_value: float


def reversal(found: Reversal) -> Finding:
    """Name a reversal: better overall and worse everywhere is a warning, the other way round is worth knowing."""
    gain = found.overall if found.better == "higher" else -found.overall
    overall, within = (figure(each, found.better, signed=True) for each in (found.overall, found.within))
    ways = ("better", "worse") if gain > 0 else ("worse", "better")
    return Finding(
        id=f"compare:reversal of {found.metric} by {found.column}",
        rule="compare",
        verdict=Verdict.WARN,
        reason="reversal",
        advisory=gain <= 0,
        message=(
            f"{found.metric} is {ways[0]} than production on all examples ({overall}) and {ways[1]} on each of "
            f"{count(found.slices)} slices by {found.column} ({within} on average): Simpson's reversal"
        ),
        explanation=(
            f"Neither is noise. The two models differ in what they answer where by {found.column}, and that mix, not "
            "better answers, moves the value on all examples. Judge by the slices, or by a metric that is a mean over "
            "examples."
        ),
        metric=found.metric,
        better=found.better,
        n=found.n,
        p_adjusted=found.p_value,
    )
