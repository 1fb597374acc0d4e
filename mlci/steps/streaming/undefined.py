"""Why one model has no value of a metric on a set of examples, in the words that files in memory are told it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mlci.domain.metric import Metric
from mlci.stats.bounds import Undefined
from mlci.stats.cells import scored
from mlci.stats.counts import is_label_metric
from mlci.steps.streaming.aggregates import About, Facts

Ending = Literal["c", "b"]


def why_not(metric: Metric, of: Facts, ending: Ending, own: str | None, positive: int | None) -> str | None:
    """What is missing of one model; None where it has a value.

    Args:
        metric: that is asked for.
        of: the examples.
        ending: of the model's columns: c of the candidate, b of production.
        own: its column, of a metric that is the mean of one.
        positive: code of the positive class.
    """
    return next(_reasons(metric, of, ending, own, positive), None)


def _reasons(metric: Metric, of: Facts, ending: Ending, own: str | None, positive: int | None) -> Iterator[str]:
    if metric.needs == "column":
        if own is None or own not in of.about or of.about[own].missing:
            yield "the column has missing values"
        return
    if is_label_metric(metric.name):
        yield from _of_labels(metric, of, ending)
        return
    outputs = of.about.get(f"p{ending}")
    yield from (_of_values if metric.needs == "value" else _of_scores)(metric, of, outputs, positive)


def _of_values(metric: Metric, of: Facts, outputs: About | None, _: int | None) -> Iterator[str]:
    if outputs is None:
        yield "there are no predicted values"
        return
    if outputs.missing:
        yield "a prediction is missing or not finite"
    truth = of.about["y"]
    if metric.name == "mape" and truth.zeros:
        yield f"{truth.zeros} examples have a truth of 0; smape and wape are defined there"
    if metric.name == "wape" and truth.low == truth.high == 0:
        yield "every truth is 0"
    if metric.name == "r2" and _is_constant(of):
        yield "the truth is the same for every example"


def _of_scores(metric: Metric, of: Facts, outputs: About | None, positive: int | None) -> Iterator[str]:
    if outputs is None:
        yield "there are no scores"
        return
    if outputs.missing:
        yield "a score is missing or not finite"
    if metric.name == "roc_auc":
        if positive is None:
            yield "roc_auc needs two classes"
        if of.placed is None:
            yield "only one class among these examples"
    elif outputs.low < 0 or outputs.high > 1:
        yield "the scores are not probabilities between 0 and 1"


def _of_labels(metric: Metric, of: Facts, ending: Ending) -> Iterator[str]:
    if of.cells is None:
        yield "there are no predicted labels"
        return
    try:
        scored(metric.name, of.cells, of.cells.candidate if ending == "c" else of.cells.baseline)
    except Undefined as error:
        yield str(error)


def _is_constant(of: Facts) -> bool:
    truth, moments = of.about["y"], of.moments.get("r2")
    return moments is None or moments.s**0.5 <= 1e-12 * max(abs(truth.low), abs(truth.high))
