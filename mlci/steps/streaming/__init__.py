"""Predictions larger than memory: an engine joins and counts, and what is judged are the same numbers as ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlci.domain.evidence import Alone, Coverage, Measurement, NoValue, Numbers, Slice, Statistic
from mlci.domain.metric import Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.slices import Folded
from mlci.errors import Place, UsageError
from mlci.ports import Engine
from mlci.stats import cells, moments, placements
from mlci.stats.comparing import Compared
from mlci.stats.counts import is_label_metric
from mlci.stats.measure import CLIP, Truth
from mlci.stats.paired import Design
from mlci.steps.coding import Coding
from mlci.steps.judging import rules_for
from mlci.steps.measuring import clipped_note, given_by
from mlci.steps.measuring.pairs import measurement, no_value, statistic, unknown
from mlci.steps.measuring.views import View, named_slices
from mlci.steps.noting import column_notes, unused
from mlci.steps.streaming.aggregates import Facts, Loss, facts, losses
from mlci.steps.streaming.coded import Coded, Words, coded, coding_of
from mlci.steps.streaming.digesting import digest_of
from mlci.steps.streaming.joining import BOTH, join
from mlci.steps.streaming.undefined import why_not


@dataclass(frozen=True)
class Streamed:
    """What was measured, as of files that are read into memory."""

    numbers: Numbers
    digest: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class _Joined:
    """Two files in an engine."""

    engine: Engine
    sides: tuple[Coded, ...]
    coding: Coding
    words: Words
    n: int
    columns: tuple[str, ...]
    policy: GatePolicy

    @property
    def positive(self) -> int | None:
        return next((truth.positive for truth in self.coding.truths if truth is not None), None)

    @property
    def own(self) -> tuple[str, ...]:
        """The user's own columns, in the order the relation has them."""
        return tuple(self.sides[-1].side.columns)


def streamed(
    engine: Engine, candidate: str, baseline: str, policy: GatePolicy, columns: Sequence[str] = ()
) -> Streamed:
    """Measure two files by an engine.

    Args:
        engine: that joins and counts.
        candidate: path of the candidate's predictions.
        baseline: of production's.
        policy: what is asked.
        columns: per-example columns judged by their mean.

    Raises:
        MlciError: the input cannot be judged, or the engine cannot do what is asked.
    """
    for what, is_asked in (("fairness", policy.sensitive), ("a search for slices", policy.slices.discover)):
        if is_asked:
            raise UsageError(
                f"{what} needs every example at once: the engine {engine.name} cannot do it",
                help="leave --engine out, so that the examples are read into memory",
            )
    sources = (engine.open("candidate_file", candidate), engine.open("production_file", baseline))
    sides = tuple(coded(engine, each, policy.reading, policy.slices.columns, columns) for each in sources)
    coding = coding_of(engine, sides, policy.reading)
    words = Words(sides)
    n, found = join(engine, sides, coding, policy.reading, words)
    both = _Joined(engine, sides, coding, words, n, tuple(found), policy)
    rules, notes = rules_for(coding.task, given_by(coding.outputs[-1]), policy, ())
    _check_rules(both, rules)
    own_sides = [one.side for one in sides]
    assumptions = (
        *column_notes(own_sides, policy.reading, policy.slices.columns, columns),
        *coding.assumptions,
        *unused(own_sides, policy.slices.columns),
        *notes,
        *_clipped(both, rules),
    )
    numbers = _numbers(both, rules)
    whole_ids = all(one.whole_ids for one in sides)
    return Streamed(numbers, digest_of(engine, coding, words, n, whole_ids=whole_ids), assumptions)


def _check_rules(both: _Joined, rules: Sequence[MetricRule]) -> None:
    """Refuse a metric that needs every example at once, by its name."""
    for rule in rules:
        metric = metric_named(rule.metric, rule.better)
        known = metric.needs == "column" or is_label_metric(metric.name) or metric.name == "roc_auc"
        if not known and losses(metric.name, 0) is None:
            raise UsageError(
                f"{metric.name} needs every example at once: the engine {both.engine.name} cannot compute it",
                place=Place(both.sides[0].source.file),
                help="leave --engine out, or leave the metric out",
            )


def _numbers(both: _Joined, rules: Sequence[MetricRule]) -> Numbers:
    policy = both.policy
    comparisons: list[Statistic | NoValue] = []
    measurements: list[Measurement] = []
    whole = _facts(both, rules, None)[0]
    for rule in rules:
        alone, compared = _of_rule(both, rule, whole, _view(both, whole.n))
        measurements.append(alone)
        comparisons += compared if rule.compare and policy.compare else ()
    slices: list[Slice] = []
    folded: list[Folded] = []
    taken: set[str] = set()
    for place, column in enumerate(both.words.slices if policy.compare else ()):
        of = _facts(both, rules, f"s{place}")
        words = both.words.values[column]
        sizes = [of[number].n if number in of else 0 for number in range(len(words) + 1)]
        kept, left = named_slices(column, words, sizes, taken, pair=False)
        folded += [left] if left is not None else []
        for name, number in kept:
            slices.append(Slice(column=column, name=name, n=of[number].n))
            for rule in rules:
                view = replace(_view(both, of[number].n), column=column, name=name)
                comparisons += _of_rule(both, rule, of[number], view)[1] if rule.compare else ()
    return Numbers(
        compared=True,
        examples=both.n,
        statistics=tuple(found for found in comparisons if isinstance(found, Statistic)),
        undefined=tuple(found for found in comparisons if isinstance(found, NoValue)),
        measurements=tuple(measurements),
        coverage=_coverage(both, slices, folded),
    )


def _view(both: _Joined, n: int) -> View:
    """All examples, by how many there are alone."""
    return View(None, None, Truth(), both.coding.outputs[0], None, Design(n, both.policy.confidence))


def _facts(both: _Joined, rules: Sequence[MetricRule], by: str | None) -> dict[int, Facts]:
    names = [metric_named(rule.metric, rule.better) for rule in rules]
    columns = list(both.columns)
    wanted: dict[str, Loss] = {}
    for metric in names:
        found = _own_loss(both, metric) if metric.needs == "column" else losses(metric.name, both.positive)
        needed = {"pc", "pb"} if metric.needs in ("score", "value") else set()
        if found is not None and needed <= set(columns):
            wanted[metric.name] = found
    for ending, one in zip("cb", both.sides, strict=True):
        columns += [f"c{number}{ending}" for number in range(len(one.side.columns))]
    columns += ["y"] if both.coding.task == "regression" else []
    ranked = any(metric.name == "roc_auc" for metric in names) and {"pc", "pb"} <= set(columns)
    return facts(
        both.engine,
        by,
        columns,
        wanted,
        ranked=ranked and both.positive is not None,
        classes=len(both.coding.classes),
        positive=both.positive,
    )


def _own_loss(both: _Joined, metric: Metric) -> Loss | None:
    if metric.name not in both.own or metric.name not in both.sides[0].side.columns:
        return None
    mine = list(both.sides[0].side.columns).index(metric.name)
    theirs = both.own.index(metric.name)
    return Loss(f"c{mine}c", f"c{theirs}b", rising=metric.better == "higher")


def _of_rule(
    both: _Joined, rule: MetricRule, of: Facts, view: View
) -> tuple[Measurement, tuple[Statistic | NoValue, ...]]:
    """The candidate's metric on some examples, and its comparison with production's."""
    metric = metric_named(rule.metric, rule.better)
    stranger = unknown(metric, view)
    loss = _own_loss(both, metric) if metric.needs == "column" else None
    mine = stranger or why_not(metric, of, "c", loss.mine if loss else None, both.positive)
    if mine is not None:
        whose = "" if view.name is not None or stranger else "the candidate: "
        alone = measurement(rule, mine, view)
        return alone, (no_value(metric, view, f"{whose}{mine}", unknown=stranger is not None),)
    theirs = why_not(metric, of, "b", loss.theirs if loss else None, both.positive)
    if theirs is not None:
        alone = measurement(rule, _compared(metric, _doubled(metric, of)), view)
        return alone, (no_value(metric, view, theirs if view.name is not None else f"production: {theirs}"),)
    found = _compared(metric, of)
    return measurement(rule, found, view), (statistic(rule, view, found, both.policy),)


def _doubled(metric: Metric, of: Facts) -> Facts:
    """The candidate in production's place too, where production has no value and the candidate's own is asked for."""
    found = of.moments.get(metric.name)
    if found is not None:
        alike = replace(found, b=found.a, bb=found.aa, dd=0.0, db=0.0, sb=found.sa, sd=0.0)
        return replace(of, moments={metric.name: alike})
    if of.placed is not None and metric.name == "roc_auc":
        placed = of.placed
        return replace(of, placed=replace(placed, baseline=placed.candidate, bb=placed.aa, dd=0.0, db=0.0))
    return of if of.cells is None else replace(of, cells=replace(of.cells, baseline=of.cells.candidate))


def _compared(metric: Metric, of: Facts) -> Compared:
    if is_label_metric(metric.name) and of.cells is not None:
        return cells.compared(metric.name, of.cells)
    if metric.name == "roc_auc" and of.placed is not None:
        return placements.compared(of.placed)
    return moments.compared(metric.name, of.moments[metric.name])


def _coverage(both: _Joined, slices: Sequence[Slice], folded: Sequence[Folded]) -> Coverage:
    [missing] = both.engine.rows(f"SELECT sum(uc), sum(ub) FROM {BOTH}")
    return Coverage(
        task=both.coding.task,
        gives=given_by(both.coding.outputs[-1]),
        identical=_identical(both),
        missing=(int(missing[0]), int(missing[1])),
        alone=(Alone(rows=0), Alone(rows=0)),
        slice_columns=both.words.slices,
        slices=tuple(slices),
        folded=tuple(folded),
    )


def _identical(both: _Joined) -> bool:
    """Whether both models said the same of every example in every respect."""
    mine, theirs = ({name[:-1] for name in both.columns if name.endswith(ending)} for ending in "cb")
    own = [one.side.columns.keys() for one in both.sides]
    if mine != theirs or own[0] != own[1]:
        return False
    pairs = [(f"{name}c", f"{name}b") for name in sorted(mine - {"u"})]
    pairs += [(f"c{list(own[0]).index(name)}c", f"c{list(own[1]).index(name)}b") for name in own[0]]
    if not pairs:
        return True
    differs = " OR ".join(f"{one} IS DISTINCT FROM {other}" for one, other in pairs)
    [[number]] = both.engine.rows(f"SELECT count(*) FROM {BOTH} WHERE {differs}")
    return not number


def _clipped(both: _Joined, rules: Sequence[MetricRule]) -> Iterator[str]:
    """Say how many probabilities of exactly 0 the log loss clipped."""
    if both.positive is None or not any(rule.metric == "log_loss" for rule in rules):
        return
    for whose, score in (("the candidate", "pc"), ("production", "pb")):
        if score not in both.columns:
            continue
        chance = f"CASE WHEN t = {both.positive} THEN {score} ELSE 1 - {score} END"
        [[number]] = both.engine.rows(f"SELECT count(*) FROM {BOTH} WHERE {chance} < CAST('{CLIP!r}' AS DOUBLE)")
        if number:
            yield clipped_note(whose, int(number))


__all__ = ["Streamed", "streamed"]
