"""Search one half of the examples for slices on which the candidate is worse; measure them on the other half."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.discovery import FEWEST_ROWS, MOST_FOUND, USUAL_SUPPORT, Discovery, Found
from mlci.domain.evidence import NoValue, Statistic
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.slices import columns_of, missing_name, pair_name, slice_name
from mlci.ports import Texts
from mlci.stats import search
from mlci.stats.influence import Undefined
from mlci.stats.measure import measure
from mlci.steps.holdout import Holdout
from mlci.steps.measuring.pairs import compared, comparison, gain_of, outcome, statistic
from mlci.steps.measuring.views import View, some_rows
from mlci.steps.searching import Searched

# Metrics that are means over examples, so that a slice has its share of them.
_MEANS = ("accuracy", "log_loss", "brier", "mae", "mape", "smape")
# What is searched by where no rule names such a metric.
_INSTEAD = ("accuracy", "brier", "mae")


def discovery(
    holdout: Holdout, rules: Sequence[MetricRule], whole: View, policy: GatePolicy
) -> tuple[Discovery | None, tuple[Statistic, ...]]:
    """What the searched half shows, and the same slices on the other half; None where no search is asked for."""
    where, asked = holdout.search, policy.slices.discover
    if where is None or asked is None or whole.baseline is None:
        return None, ()
    by = _searched_by(rules, whole)
    blank = Discovery(columns=tuple(where.columns), left=where.left, searched=int(where.first.sum()))
    if by is None or not where.columns:
        return blank, ()
    rule, gain = by
    support = USUAL_SUPPORT if asked.support is None else asked.support
    fewest = max(FEWEST_ROWS, math.ceil(support * blank.searched))
    codes = {name: words.codes + 1 for name, words in where.columns.items()}
    declared = _declared(holdout, list(where.columns))
    found, looked, small = search.surest(
        [each[where.first] for each in codes.values()],
        [len(words.values) + 1 for words in where.columns.values()],
        gain[where.first],
        None if holdout.weights is None else holdout.weights[where.first],
        fewest=fewest,
        depth=asked.depth,
        most=MOST_FOUND,
        declared=declared,
    )
    confirmations: list[Statistic] = []
    named: list[Found] = []
    others = ~where.first
    for each in found:
        column, name = _named(each, where)
        rows = np.flatnonzero(others & search.inside(each, list(codes.values())))
        others[rows] = False
        if each.columns in declared:
            continue
        named.append(Found(column=column, slice=name, n=each.n, loss=each.loss))
        if len(rows):
            confirmations += _measured(rule, some_rows(whole, column, name, rows), policy)
    return (
        Discovery(
            metric=metric_named(rule.metric).name, columns=blank.columns, left=blank.left, searched=blank.searched,
            slices=looked, small=small, found=tuple(named),
        ),
        tuple(confirmations),
    )  # fmt: skip


def _declared(holdout: Holdout, columns: Sequence[str]) -> set[tuple[int, ...]]:
    """The columns and pairs that are slices already, and judged as such: a search would only say it twice."""
    asked = (columns_of(name, columns) for name in holdout.slices)
    return {tuple(sorted(map(columns.index, each))) for each in asked if set(each) <= set(columns)}


def _searched_by(rules: Sequence[MetricRule], whole: View) -> tuple[MetricRule, NDArray[Any]] | None:
    """The first compared metric that is a mean over examples, else the usual one, with each example's gain."""
    named = [rule for rule in rules if rule.compare]
    means = [rule for rule in named if rule.metric in _MEANS or rule.metric in whole.candidate.columns]
    for rule in (*means, *(MetricRule(metric=name) for name in _INSTEAD)):
        metric = metric_named(rule.metric, rule.better)
        try:
            mine, theirs = (
                measure(metric.name, whole.truth, side, whole.design.weights)
                for side in (whole.candidate, whole.baseline)
                if side is not None
            )
        except Undefined:
            continue
        return rule, gain_of(metric, mine, theirs)
    return None


def _named(found: search.Found, where: Searched) -> tuple[str, str]:
    names = list(where.columns)
    values = [(names[column], _value(where.columns[names[column]], value)) for column, value in found.cell]
    if len(values) == 1:
        return values[0][0], slice_name(*values[0])
    (one, left), (other, right) = values
    return f"{one}*{other}", pair_name((one, other), (left, right))


def _value(words: Texts, place: int) -> str:
    return words.values[place - 1] if place else missing_name(words.values)


def _measured(rule: MetricRule, view: View, policy: GatePolicy) -> tuple[Statistic, ...]:
    both = compared(rule, view, policy)
    measured: Statistic | NoValue = (
        comparison(rule, view, outcome(rule, view, view.candidate), policy)
        if both is None
        else statistic(rule, view, both, policy)
    )
    return (measured,) if isinstance(measured, Statistic) else ()
