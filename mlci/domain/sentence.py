"""The gate's decisions in words: the arithmetic, why, and what would change it. Every sentence is made here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlci.domain.estimate import FEW_CLUSTERS, FEW_PER_CLASS, Estimate
from mlci.domain.fairness import MEASURES
from mlci.domain.figures import as_written, count, figure, on_scale, percent
from mlci.domain.finding import Finding, Reason
from mlci.domain.operation import is_operational
from mlci.domain.verdict import Verdict

ON_THE_BORDER = "It falls on its border to the ninth digit, so rounding would decide. Any further example settles it."


def level(confidence: float) -> str:
    """The level of one bound.

    >>> level(0.95)
    'one-sided 95 %'
    """
    return f"one-sided {as_written(confidence, relative=True)}"


def arithmetic(estimate: Estimate, confidence: float, verdict: Verdict) -> str:
    """A comparison with all its numbers, in one line."""
    better = estimate.better
    # Both values are rounded the same way, so that equal ones look equal.
    text = f"{estimate.title} {figure(estimate.candidate or 0.0, better)}"
    text += f" vs production {figure(estimate.baseline or 0.0, better)}"
    text += f": difference {_change(estimate, estimate.difference or 0.0)}"
    if estimate.interval is not None:
        low, high = (_change(estimate, bound) for bound in estimate.interval)
        text += f", bounds [{low}, {high}] ({level(confidence)})"
    asked = "a gain of {} asked" if estimate.improvement is not None else "margin {}"
    return f"{text}, {asked.format(_margin_of(estimate))}: {verdict.value}"


def _change(estimate: Estimate, value: float) -> str:
    """A difference or one of its bounds."""
    return on_scale(value, relative=estimate.relative, against=estimate.better, signed=True, like=estimate.typical)


def _loss(estimate: Estimate, value: float) -> str:
    """A loss as a positive number, rounded up."""
    return on_scale(value, relative=estimate.relative, against="lower", like=estimate.typical)


def limit_arithmetic(estimate: Estimate, confidence: float, limit: float, *, lower: bool) -> str:
    """An absolute threshold with all its numbers, without the verdict."""
    value = figure(estimate.candidate or 0.0, "higher" if lower else "lower")
    text = f"{estimate.metric.name} {value}, {'at least' if lower else 'at most'} {as_written(limit)} asked"
    if estimate.candidate_interval is not None:
        low, high = (figure(bound, estimate.better) for bound in estimate.candidate_interval)
        text += f", bounds [{low}, {high}] ({level(confidence)})"
    return text


def limit_explanation(
    estimate: Estimate, limit: float, verdict: Verdict, reason: Reason | None = None, *, lower: bool
) -> str | None:
    """Why an absolute threshold was not met, and what would change it."""
    value = figure(estimate.candidate or 0.0, "higher" if lower else "lower")
    if verdict is Verdict.FAIL:
        return (
            f"The candidate's {estimate.metric.title} is {value}, {'below' if lower else 'above'} the limit of "
            f"{as_written(limit)}. Improve the candidate, or move the limit if it no longer says what you need."
        )
    if reason == "boundary":
        return ON_THE_BORDER
    if verdict is Verdict.INCONCLUSIVE:
        return (
            f"Policy asks for proof, and the interval of {estimate.metric.title} reaches past {as_written(limit)}. "
            "More examples would decide, or thresholds: point to judge the estimate alone."
        )
    return None


def explanation(estimate: Estimate, verdict: Verdict, reason: Reason | None) -> str | None:
    """Two plain sentences for everything but a plain pass: why, and what would change it."""
    if verdict is Verdict.PASS:
        return _of_pass(estimate, reason)
    if reason == "regression":
        return _of_regression(estimate)
    if estimate.improvement is not None and reason in (
        "shortfall",
        "identical",
        "no-difference",
        "insufficient",
        "interval",
    ):
        return _of_gain(estimate, reason)
    if reason == "clusters":
        return (
            f"The examples come in {estimate.clusters} groups that count as {estimate.size:.0f} equal ones, "
            "so the error estimate itself is uncertain. "
            f"Score examples from at least {FEW_CLUSTERS} groups."
        )
    if reason == "few-positives":
        return (
            f"The rarer class has only {estimate.smallest_class} examples, too few to trust the interval fully. "
            f"Add examples of that class, at least {estimate.class_floor} in all."
        )
    if reason == "boundary":
        return ON_THE_BORDER
    if estimate.margin == 0 and estimate.improvement is None:
        return (
            "No regression is demonstrated, but a tolerance of 0 can only be proved by a candidate that is better. "
            "Accept a small loss, such as tolerance: 0.005, to get a proof."
        )
    return _of_noise(estimate, reason)


def _of_pass(estimate: Estimate, reason: Reason | None) -> str | None:
    if reason == "identical":
        could = percent(min(1.0, 3 / estimate.size), "lower")
        return f"The two models answer every example alike; at most {could} of all examples could differ (95 %)."
    if reason == "no-difference":
        return f"The metric sees no difference in any of {_examples(estimate.n)}, enough to rule out the margin."
    bound = estimate.worst_gain
    if estimate.slice is None or bound is None or bound >= -(estimate.margin or 0.0):
        return None
    loss = _loss(estimate, -bound)
    return f"No significant harm; a loss of up to {loss} cannot be ruled out with {count(estimate.n)} examples."


def _of_regression(estimate: Estimate) -> str:
    loss = _loss(estimate, -estimate.gain)
    return (
        f"On {estimate.slice or 'the holdout'} the candidate loses {loss}, more than the accepted "
        f"{_margin_of(estimate)}, and so large a loss is not noise ({_p_words(estimate)}). "
        "Improve the candidate; a tolerance is for losses that were agreed on beforehand."
    )


def _of_gain(estimate: Estimate, reason: Reason | None) -> str:
    """A gain that was asked for and is not shown."""
    asked, size = _margin_of(estimate), _examples(estimate.n)
    if estimate.discordant == 0 and estimate.gain == 0:
        return (
            f"The metric sees no difference between the two models in any of {size}, and a gain of {asked} is asked. "
            "Propose a candidate that does differ, or drop min_improvement if it need not be better."
        )
    if reason == "shortfall":
        return (
            f"A gain of {asked} is asked for, and {size} show that the candidate's is smaller: "
            f"{_change(estimate, estimate.difference or 0.0)} ({_p_words(estimate)}). "
            "Improve the candidate, or ask for less: min_improvement is what a change must be worth."
        )
    looks = "looks as if it did" if estimate.gain >= estimate.least_gain else "looks as if it did not"
    first = f"{size} cannot tell whether the candidate gains {asked}; it {looks}."
    if estimate.rows_needed is not None and estimate.rows_needed > estimate.n:
        return f"{first} About {_needed(estimate)} would decide, were the difference as measured."
    return f"{first} More examples would decide."


def against_asked(estimate: Estimate, met: bool) -> str:
    """How a difference stands to what was asked of it.

    Args:
        estimate: whose difference it is.
        met: whether the point estimate is good enough.
    """
    if estimate.improvement is not None:
        return f"{'reaches' if met else 'falls short of'} the gain that is asked for"
    return f"{'is within' if met else 'exceeds'} the tolerance"


def _p_words(estimate: Estimate) -> str:
    p_value = estimate.p_adjusted if estimate.p_adjusted is not None else 1.0
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.4f}"


def _of_noise(estimate: Estimate, reason: Reason | None) -> str:
    leaning = "looks acceptable" if estimate.gain >= -(estimate.margin or 0.0) else "looks worse"
    size, margin = count(estimate.n), _margin_of(estimate)
    first = f"{_examples(estimate.n)} cannot tell a loss of {margin} from noise; the candidate {leaning}."
    if reason == "insufficient":
        # More examples of the same few groups, or without one of the rarer class, would decide nothing.
        few = _few_of_a_kind(estimate, margin)
        if few is not None:
            return few
        first = f"Too few of the {size} examples differ between the two models to rule a loss of {margin} in or out."
    if estimate.discordant == 0 and estimate.margin:
        needed = count(math.ceil(3 / estimate.margin))
        return (
            f"No example differs between the two models, but {size} are too few to rule out a loss of {margin}. "
            f"About {needed} examples without a difference would."
        )
    if estimate.rows_needed is not None and estimate.rows_needed > estimate.n:
        wider = "" if estimate.detectable is None else f" of {_loss(estimate, estimate.detectable)}"
        return f"{first} About {_needed(estimate)} would decide, or a tolerance{wider} that these examples can show."
    return f"{first} More examples, or a wider tolerance, would decide."


def _few_of_a_kind(estimate: Estimate, margin: str) -> str | None:
    """Too few groups, or too few of the rarer class, whatever the number of examples; None where neither is so."""
    size = _examples(estimate.n)
    if estimate.fewer_groups_than(FEW_CLUSTERS):
        return (
            f"{size} in {count(estimate.clusters or 0)} groups are too few groups to rule a loss of {margin} in or "
            f"out. Score examples from at least {FEW_CLUSTERS} groups."
        )
    rarer = estimate.smallest_class
    if rarer is not None and rarer < FEW_PER_CLASS:
        return (
            f"{count(rarer)} of {size} are of the rarer class, too few to rule a loss of {margin} in or out. "
            f"Add examples of that class, at least {estimate.class_floor} in all."
        )
    return None


def _needed(estimate: Estimate) -> str:
    """How many examples would decide, and how many labels if only disagreements were labelled."""
    labels = estimate.labels_needed
    only = f" ({count(labels)} labels, if only those get one on which the models differ)" if labels is not None else ""
    return f"{count(estimate.rows_needed or 0)} examples{only}"


def _examples(number: int) -> str:
    return f"{count(number)} example{'' if number == 1 else 's'}"


def _margin_of(estimate: Estimate) -> str:
    return as_written(abs(estimate.least_gain), relative=estimate.relative)


def why_pass(deciding: Sequence[Finding], aside: int) -> str:
    """A pass as one reason: what was shown, and how much was looked at and could not be judged."""
    overall = [finding for finding in deciding if finding.rule == "compare" and finding.slice is None]
    passed = [finding for finding in overall if finding.verdict is Verdict.PASS]
    compared = [finding for finding in passed if finding.improvement is None]
    better = [finding for finding in passed if finding.improvement is not None]
    undecided = [finding.metric or "" for finding in overall if finding.verdict is not Verdict.PASS]
    fair = dict.fromkeys(finding.metric or "" for finding in deciding if finding.metric in MEASURES)
    others = [finding for finding in deciding if finding.metric not in MEASURES]
    slices = sum(finding.slice is not None for finding in others)
    limits = sum(finding.rule in ("minimum", "maximum") for finding in others)
    parts = []
    if compared and all(finding.reason == "identical" for finding in compared):
        parts.append("the two models predict the same")
    elif compared:
        parts.append(f"no worse than production on {', '.join(finding.metric or '' for finding in compared)}")
    if better:
        gains = (f"{finding.metric} by at least {_asked_of(finding)}" for finding in better)
        parts.append(f"better than production on {', '.join(gains)}")
    if undecided:
        parts.append(f"undecided on {', '.join(undecided)}, which policy accepts")
    if slices:
        parts.append(f"no harm shown in {count(slices)} slice comparisons")
    if aside:
        parts.append(f"{count(aside)} slice comparisons with too few examples to judge")
    if limits:
        parts.append(f"{limits} absolute {'limit' if limits == 1 else 'limits'} met")
    if fair:
        parts.append(f"fair by {', '.join(fair)}")
    return "; ".join(parts) or "everything asked was met"


def why(finding: Finding) -> str:
    """One finding as the verdict's reason: its subject, what happened, and the figures that matter."""
    said = _why(finding)
    if finding.waived is None or said == finding.message:
        return said
    return f"{said}; waived by {finding.waived.owner} until {finding.waived.expires}"


def _why(finding: Finding) -> str:
    if finding.rule in ("compare", "anchor") and finding.difference is None:
        return finding.message
    where = f" on {finding.slice}" if finding.slice is not None else ""
    relative, margin = finding.scale == "relative", _asked_of(finding)
    change = on_scale(
        finding.difference or 0.0, relative=relative, against=finding.better, signed=True, like=finding.typical
    )
    if finding.reason == "unverified":
        asked = "margin" if finding.improvement is None else "a gain asked of"
        return f"{finding.metric} changes by {change} ({asked} {margin}), and no examples show whether that is noise"
    if finding.improvement is not None and finding.reason in ("shortfall", "identical", "no-difference"):
        return f"{finding.metric} does not gain the {margin} that is asked for: {change}"
    if finding.improvement is not None and finding.reason in ("interval", "insufficient"):
        return f"{_examples(finding.n or 0)} cannot show that {finding.metric} gains {margin}"
    if finding.reason in ("interval", "insufficient") and is_operational(finding.metric or ""):
        return f"what was measured cannot show that {finding.metric} grows by no more than {margin}"
    if finding.reason == "drifted":
        return f"{finding.metric} is worse than the anchor: {change}, margin {margin}"
    if finding.reason == "regression":
        return f"{finding.metric} is worse than production{where}: {change}, margin {margin}"
    if finding.rule == "compare" and finding.reason == "interval" and finding.margin == 0:
        return f"no regression of {finding.metric} is demonstrated, but a tolerance of 0 cannot be proved"
    if finding.rule == "compare" and finding.reason in ("interval", "insufficient"):
        return f"{_examples(finding.n or 0)} cannot show that {finding.metric}{where} loses no more than {margin}"
    return finding.message


def _asked_of(finding: Finding) -> str:
    """The accepted loss, or the gain that is asked for, as somebody wrote it."""
    return as_written(abs(finding.least_gain or 0.0), relative=finding.scale == "relative")
