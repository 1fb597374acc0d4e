"""Fairness from the rates of groups: limits on each measure, and whether any two groups have drifted apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from mlci.domain import coverage, disparity
from mlci.domain.disparity import Gap
from mlci.domain.estimate import FEW_CLUSTERS, TOO_FEW_CLUSTERS
from mlci.domain.evidence import Numbers
from mlci.domain.fairness import FEWEST, MEASURES, Disparities, GroupRate, Link, Measure, is_judged
from mlci.domain.fairness import SHARES as OF_EXAMPLES
from mlci.domain.finding import Finding
from mlci.domain.gate import USUAL_TOLERANCE
from mlci.domain.policy import FairnessRule, GatePolicy
from mlci.domain.verdict import Verdict
from mlci.stats.bounds import ratio_less_one
from mlci.stats.disparity import Change, Line, Rate, change, gap, log_gap
from mlci.stats.multiplicity import holm

_NOTHING = Link(column="", rate="selected", one="", other="", candidate=0.0)


@dataclass(frozen=True)
class _Pair:
    """Two groups on one rate, with what links them."""

    one: GroupRate
    other: GroupRate
    link: Link

    @property
    def name(self) -> str:
        return disparity.pair_of_groups(self.one.group, self.other.group)


@dataclass(frozen=True)
class _Question:
    """One measure on one sensitive column, for a limit or for a change."""

    measure: Measure
    column: str
    asked: float
    of_change: bool
    pairs: tuple[_Pair, ...]


def fairness(numbers: Numbers, policy: GatePolicy, share: float) -> Iterator[Finding]:
    """Judge every fairness rule on every sensitive column.

    Args:
        numbers: what was measured.
        policy: what is asked.
        share: fairness's part of the error rate.
    """
    rules = [rule for rule in policy.fairness if is_judged(rule)]
    if not rules:
        return
    if not policy.sensitive:
        yield _no_column()
        return
    found = numbers.fairness or Disparities()
    missing = [column for column in policy.sensitive if column not in found.columns]
    yield from (_absent(rule.measure, column) for column in missing for rule in rules)
    questions = [
        question
        for column in policy.sensitive
        if column not in missing
        for rule in rules
        for question in _questions(rule, column, found, numbers, policy)
    ]
    identical = numbers.coverage is not None and numbers.coverage.identical
    yield from _answers(questions, found, policy, share, identical=identical)
    yield from _listed(questions, found, policy)


def fairness_is_asked(numbers: Numbers, policy: GatePolicy) -> bool:
    """Whether some fairness rule can spend error rate."""
    return numbers.fairness is not None and any(is_judged(rule) for rule in policy.fairness)


def _no_column() -> Finding:
    return coverage.listed(
        "policy",
        "validation.fairness",
        "missing",
        Verdict.INCONCLUSIVE,
        "fairness is asked for and no column is named whose values are the groups",
        "Name the columns under evaluate.sensitive, such as sensitive: [gender].",
    )


def _absent(measure: str, column: str) -> Finding:
    return disparity.unjudged(
        measure,
        column,
        "missing",
        f"{measure} by {column} was not measured",
        "Production's file, which says what the holdout is, must have the sensitive column. Write the column beside "
        "production's predictions and run gate-compare again with the present policy.",
    )


def _questions(
    rule: FairnessRule, column: str, found: Disparities, numbers: Numbers, policy: GatePolicy
) -> Iterator[_Question]:
    measure = MEASURES[rule.measure]
    limit = rule.minimum if measure.ratio else rule.maximum
    if limit is not None:
        yield _Question(measure, column, limit, False, _pairs(measure, column, found, of_change=False))
    tolerance = rule.tolerance
    if tolerance is None and limit is None:
        general = policy.tolerance
        tolerance = general if general is not None and not general.relative else None
    if limit is None or tolerance is not None:
        margin = USUAL_TOLERANCE if tolerance is None else tolerance.value
        if numbers.compared and policy.compare:
            yield _Question(measure, column, margin, True, _pairs(measure, column, found, of_change=True))


def _pairs(measure: Measure, column: str, found: Disparities, *, of_change: bool) -> tuple[_Pair, ...]:
    links = {(link.rate, link.one, link.other): link for link in found.links if link.column == column}
    pairs = []
    for rate in measure.rates:
        groups = [
            each
            for each in found.rates
            if (each.column, each.rate) == (column, rate) and _enough(each, of_change=of_change, ratio=measure.ratio)
        ]
        pairs += [
            _Pair(one, other, links.get((rate, one.group, other.group), _NOTHING))
            for one, other in combinations(groups, 2)
        ]
    return tuple(pairs)


def _enough(of: GroupRate, *, of_change: bool, ratio: bool) -> bool:
    """Whether a group has enough examples for its rate, and for its logarithm where a ratio changes."""
    floor = TOO_FEW_CLUSTERS if of.clustered else FEWEST
    sides = [(of.candidate, of.candidate_error, of.candidate_size)]
    if of_change:
        sides.append((of.baseline, of.baseline_error, of.baseline_size))
    known = all(value is not None and error is not None and size >= floor for value, error, size in sides)
    return known and not (of_change and ratio and any(not value for value, _, _ in sides))


def _answers(
    questions: Sequence[_Question], found: Disparities, policy: GatePolicy, share: float, *, identical: bool
) -> Iterator[Finding]:
    """Every pair of every question counts: the limits' bounds hold at once, and the changes by Holm's correction."""
    alpha = 1 - policy.confidence
    looks = sum(len(each.pairs) for each in questions)
    changes = sum(len(each.pairs) for each in questions if each.of_change)
    worked_out = {
        place: [_changed(each.measure, pair, alpha) for pair in each.pairs]
        for place, each in enumerate(questions)
        if each.of_change
    }
    adjusted = iter(holm([one.p_wider for each in worked_out.values() for one in each]))
    for place, question in enumerate(questions):
        if not question.pairs:
            yield _without_pairs(question, found)
        elif question.of_change:
            own = [(one, min(1.0, next(adjusted) * looks / (changes * share))) for one in worked_out[place]]
            yield _of_change(question, own, policy, identical=identical)
        else:
            yield _of_level(question, alpha, alpha * share / (2 * looks), policy)


def _without_pairs(question: _Question, found: Disparities) -> Finding:
    name, column = question.measure.name, question.column
    rates = [each for each in found.rates if each.column == column and each.rate in question.measure.rates]
    if any(each.candidate is not None for each in rates):
        return disparity.unjudged(
            name,
            column,
            "insufficient",
            f"{name} by {column} cannot be judged: fewer than two groups have enough examples",
            f"A rate of fewer than {FEWEST} examples says nothing of a group. Add examples of the smaller groups.",
        )
    return disparity.unjudged(
        name,
        column,
        "undefined" if rates else "missing",
        f"{name} by {column} has no value" if rates else f"{name} by {column} was not measured",
        "It needs a target of two classes and, of both models, predicted labels; calibration needs probabilities.",
    )


def _of_level(question: _Question, tail: float, tail_at_once: float, policy: GatePolicy) -> Finding:
    """The largest of the pairs' gaps: its lower bound from bounds that hold at once, its upper one from any pair's."""
    measure = question.measure
    observed, lows, highs = [], [], []
    for pair in question.pairs:
        observed.append(abs(_gap_of(measure, pair.one.candidate, pair.other.candidate)))
        low, high = _gap_bounds(measure, pair, tail_at_once)
        lows.append(max(0.0, low, -high))
        low, high = _gap_bounds(measure, pair, tail)
        highs.append(max(high, -low))
    place = max(range(len(observed)), key=observed.__getitem__)
    value, low, high = observed[place], max(lows), max(highs)
    if measure.ratio:
        value, low, high = math.exp(-value), math.exp(-high), math.exp(-low)
    blank = _blank(question, question.pairs[place])
    return disparity.level(replace(blank, candidate=value, low=low, high=high), policy.confidence, question.asked)


def _blank(question: _Question, pair: _Pair) -> Gap:
    few = any(
        each.clustered and round(min(each.candidate_size, each.baseline_size or math.inf)) < FEW_CLUSTERS
        for one in question.pairs
        for each in (one.one, one.other)
    )
    return Gap(
        measure=question.measure, column=question.column, pair=pair.name, pairs=len(question.pairs),
        n=pair.one.n + pair.other.n, candidate=0.0, low=0.0, high=0.0, few_clusters=few,
    )  # fmt: skip


def _gap_of(measure: Measure, one: float | None, other: float | None) -> float:
    left, right = one or 0.0, other or 0.0
    if not measure.ratio:
        return left - right
    if left == right:
        return 0.0
    return math.log(left / right) if left and right else math.copysign(math.inf, left - right)


def _gap_bounds(measure: Measure, pair: _Pair, tail: float) -> tuple[float, float]:
    between = log_gap if measure.ratio else gap
    return between(_rate(pair.one), _rate(pair.other), tail, pair.link.candidate)


def _rate(of: GroupRate) -> Rate:
    return Rate(
        value=of.candidate or 0.0,
        error=of.candidate_error or 0.0,
        size=of.candidate_size,
        share=of.rate in OF_EXAMPLES,
        simple=not (of.clustered or of.weighted),
    )


def _of_change(
    question: _Question, own: Sequence[tuple[Change, float]], policy: GatePolicy, *, identical: bool
) -> Finding:
    """The measure's change by the pair that decides: one that fails, else the one that could have drifted furthest."""
    alpha, margin, ratio = 1 - policy.confidence, question.asked, question.measure.ratio
    wider = [_worse(question.measure, pair) for pair in question.pairs]
    failing = [place for place, (_, p_value) in enumerate(own) if wider[place] > margin and p_value < alpha] or range(
        len(own)
    )
    far = (lambda place: own[place][0].high) if len(failing) == len(own) else wider.__getitem__
    place = max(failing, key=far)
    pair, (found, p_adjusted) = question.pairs[place], own[place]
    values = [
        abs(_gap_of(question.measure, pair.one.candidate, pair.other.candidate)),
        abs(_gap_of(question.measure, pair.one.baseline, pair.other.baseline)),
    ]
    low, high = found.low, found.high
    if ratio:
        values = [math.exp(-each) for each in values]
        low, high = _ratio_bounds(found, values[1])
    blank = replace(
        _blank(question, pair), candidate=values[0], baseline=values[1], low=low, high=high,
        worsening=wider[place], error=found.error, p_worse=found.p_wider, p_adjusted=p_adjusted,
    )  # fmt: skip
    return disparity.worsening(blank, policy.confidence, margin, identical=identical)


def _ratio_bounds(found: Change, production: float) -> tuple[float, float]:
    """Bounds of the change of a ratio, of those of its logarithm: it lies between 0 and 1 before and after.

    A ratio of at most 1 moves by no more than its factor less 1, which bounds it on the side of no change. On the other
    side it is production's own ratio that moves by the factor.
    """
    low, high = ratio_less_one(-found.high), ratio_less_one(-found.low)
    low, high = (low * production if low > 0 else low), (high * production if high < 0 else high)
    return min(low, 1 - production), min(high, 1.0)


def _worse(measure: Measure, pair: _Pair) -> float:
    mine = abs(_gap_of(measure, pair.one.candidate, pair.other.candidate))
    theirs = abs(_gap_of(measure, pair.one.baseline, pair.other.baseline))
    return math.exp(-theirs) - math.exp(-mine) if measure.ratio else mine - theirs


def _changed(measure: Measure, pair: _Pair, alpha: float) -> Change:
    return change({(s, t): _line(measure, pair, s, t) for s in (1, -1) for t in (1, -1)}, alpha)


def _line(measure: Measure, pair: _Pair, sign: int, other: int) -> Line:
    """``sign`` times the candidate's gap plus ``other`` times production's, with its error."""
    relation = sign * other
    value = sign * _gap_of(measure, pair.one.candidate, pair.other.candidate)
    value += other * _gap_of(measure, pair.one.baseline, pair.other.baseline)
    scales = [_scale(measure, each) for each in (pair.one, pair.other)]
    parts = [_variance(each, scale, relation) for each, scale in zip((pair.one, pair.other), scales, strict=True)]
    shared = _shared(pair, scales, relation)
    error = math.sqrt(max(0.0, sum(parts) - 2 * shared))
    sizes = [min(each.candidate_size, each.baseline_size) for each in (pair.one, pair.other)]
    freedom = _freedom(parts, sizes)
    if relation > 0:
        return Line(value=value, error=error, freedom=freedom)
    # What two models differ by rests on the examples that they answer differently, however many others there are.
    differing = pair.one.differing + pair.other.differing
    if differing == 0 and value == 0:
        rows = min(pair.one.candidate_of / max(scales[0]), pair.other.candidate_of / max(scales[1]))
        return Line(value=0.0, error=0.0, freedom=freedom, unseen=rows / 2)
    return Line(value=value, error=error, freedom=min(freedom, differing - 1.0))


def _scale(measure: Measure, of: GroupRate) -> tuple[float, float]:
    """What turns errors of the two rates into those that gaps are made of."""
    if not measure.ratio:
        return 1.0, 1.0
    return 1 / (of.candidate or 1.0), 1 / (of.baseline or 1.0)


def _variance(of: GroupRate, scale: tuple[float, float], relation: int) -> float:
    mine, theirs = (of.candidate_error or 0.0) * scale[0], (of.baseline_error or 0.0) * scale[1]
    return max(0.0, mine * mine + theirs * theirs + 2 * relation * of.correlation * mine * theirs)


def _shared(pair: _Pair, scales: Sequence[tuple[float, float]], relation: int) -> float:
    """Covariance of the two groups' parts, where clusters have examples in both."""
    one, other = (
        ((each.candidate_error or 0.0) * scale[0], (each.baseline_error or 0.0) * scale[1])
        for each, scale in zip((pair.one, pair.other), scales, strict=True)
    )
    link = pair.link
    own = link.candidate * one[0] * other[0] + link.baseline * one[1] * other[1]
    across = link.candidate_baseline * one[0] * other[1] + link.baseline_candidate * one[1] * other[0]
    return own + relation * across


def _freedom(parts: Sequence[float], sizes: Sequence[float]) -> float:
    """Welch's and Satterthwaite's degrees of freedom of a sum of variances."""
    below = sum(part * part / max(1.0, size - 1) for part, size in zip(parts, sizes, strict=True))
    whole = sum(parts)
    return whole * whole / below if below > 0 else max(1.0, min(sizes) - 1)


def _listed(questions: Sequence[_Question], found: Disparities, policy: GatePolicy) -> Iterator[Finding]:
    """Groups that nobody judged: those too small for a rate, and those that their column has too many of."""
    wanted = {(each.column, rate): each for each in questions for rate in each.measure.rates}
    small: dict[tuple[str, str], list[GroupRate]] = {}
    for of in found.rates:
        question = wanted.get((of.column, of.rate))
        if question is not None and not _enough(of, of_change=question.of_change, ratio=False):
            small.setdefault((of.column, of.group), []).append(of)
    yield from (disparity.too_small(each[0], [one.rate for one in each]) for each in small.values())
    for folded in found.folded:
        if folded.column in policy.sensitive:
            compared = len({each.group for each in found.rates if each.column == folded.column})
            yield coverage.left_out(folded, compared, too_small=folded.largest < FEWEST, what="groups")
