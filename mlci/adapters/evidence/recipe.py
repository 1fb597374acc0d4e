"""Whether what somebody's evidence says of several seeds can be true."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.evidence import GatePredicate
from mlci.domain.metric import metric_named
from mlci.domain.recipe import MOST_SEEDS, OverSeeds

_CLOSE = 1e-9


def of_recipe(predicate: GatePredicate) -> Iterator[str]:
    """Every way in which it contradicts itself or the other numbers, one clause each, without any text of its own."""
    recipe = predicate.recipe
    if (predicate.question == "recipe") != (recipe is not None):
        yield "the question that was answered is another than the numbers are of"
    if recipe is None:
        return
    if not 2 <= recipe.seeds <= MOST_SEEDS:
        yield "the number of seeds is none that can be"
    names = [each.metric for each in recipe.metrics]
    if len(set(names)) < len(names):
        yield "a metric is there twice over the seeds"
    known = {each.metric: each for each in predicate.statistics if each.slice is None}
    for each in recipe.metrics:
        yield from _of_metric(each, recipe.seeds)
        statistic = known.get(each.metric)
        if statistic is None or (each.values[:1], each.baseline) != ((statistic.candidate,), statistic.baseline):
            yield "the first seed is another model than the candidate"


def _of_metric(each: OverSeeds, seeds: int) -> Iterator[str]:
    metric = metric_named(each.metric)
    if len(each.values) != seeds:
        yield "there are more or fewer values than seeds"
    if not all(metric.low - _CLOSE <= value <= metric.high + _CLOSE for value in (*each.values, each.baseline)):
        yield "a value is outside what its metric can be"
    for error, freedom in ((each.plain_error, each.freedom), (each.log_error, each.log_freedom)):
        if (error is None) != (freedom is None) or (error or 0.0) < 0 or (freedom is not None and freedom < 1):
            yield "an error over seeds, or its degrees of freedom, is none that can be"
    if each.log_error is not None and min(*each.values, each.baseline) <= 0:
        yield "there is an error of a ratio that has no logarithm"
