"""Functions of the user's on every view: values without each block of examples, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.evidence import Measurement, NoValue, Statistic
from mlci.domain.functions import Called
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.ports import Functions, Sample
from mlci.stats.bounds import Discordance, Paired
from mlci.stats.comparing import Compared
from mlci.stats.jackknife import blocks_of, error_of
from mlci.stats.measure import Outputs, Truth
from mlci.steps.measuring.pairs import no_value, number, statistic
from mlci.steps.measuring.views import View


@dataclass(frozen=True)
class Replicates:
    """One function on one view: each model's value, then its values without each block, shape (1 + blocks,)."""

    candidate: NDArray[np.float64]
    baseline: NDArray[np.float64] | None

    @property
    def blocks(self) -> int:
        """How many blocks were left out in turn."""
        return len(self.candidate) - 1

    @property
    def freedom(self) -> float:
        """Degrees of freedom of every error."""
        return max(1.0, self.blocks - 1.0)


@dataclass(frozen=True)
class ByFunctions:
    """What functions of the user's gave: the candidate alone, both models on every view, and which were called."""

    measurements: tuple[Measurement, ...]
    comparisons: tuple[Statistic | NoValue, ...]
    called: tuple[Called, ...]


def by_functions(
    rules: Sequence[MetricRule],
    views: Sequence[View],
    classes: Sequence[str],
    functions: Functions,
    policy: GatePolicy,
) -> ByFunctions:
    """Measure what rules with a function ask.

    Args:
        rules: each with a function.
        views: all examples first, then every slice.
        classes: names of the classes, by code.
        functions: calls them.
        policy: in whose scale comparisons are written, and whether there are any.

    Raises:
        CommandFailed, CommandTimedOut, CommandOutOfMemory: a function did not end well.
    """
    whole, digests = views[0], functions.digests()
    found = replicates(rules, views, classes, functions)
    return ByFunctions(
        measurements=tuple(alone(rule, whole, found[rule.metric, None]) for rule in rules),
        comparisons=tuple(
            compared(rule, view, found[rule.metric, view.name], policy)
            for view in views
            for rule in rules
            if rule.compare and policy.compare and view.baseline is not None
        ),
        called=tuple(
            Called(metric=rule.metric, call=rule.call, digest=digests[rule.call])
            for rule in rules
            if rule.call is not None
        ),
    )


def replicates(
    rules: Sequence[MetricRule], views: Sequence[View], classes: Sequence[str], functions: Functions
) -> dict[tuple[str, str | None], Replicates]:
    """Call every function on every view, both models on the same blocks, by metric and name of the view.

    On a slice the blocks are of its own examples, so that a small slice has the error of a small slice.

    Raises:
        CommandFailed, CommandTimedOut, CommandOutOfMemory: a function did not end well.
    """
    calls = {rule.metric: rule.call for rule in rules if rule.call is not None}
    samples = [sample for view in views for sample in _samples(view, _named(classes))]
    found = iter(functions.values(calls, samples))
    values: dict[tuple[str, str | None], Replicates] = {}
    for view in views:
        candidate = next(found)
        baseline = next(found) if view.baseline is not None else None
        for metric in calls:
            values[metric, view.name] = Replicates(candidate[metric], baseline[metric] if baseline else None)
    return values


def _named(classes: Sequence[str]) -> NDArray[Any]:
    """Class names as the user wrote them: whole numbers, numbers, or text; the last is what is missing."""
    for kind, missing in ((np.int64, None), (np.float64, math.nan)):
        try:
            numbers = np.array(classes, dtype=str).astype(kind)
        except ValueError:
            continue
        return numbers if missing is None else np.append(numbers, missing)
    return np.array([*classes, ""], dtype=str)


def _samples(view: View, names: NDArray[Any]) -> Iterator[Sample]:
    codes, count = blocks_of(view.design.n, view.design.clusters)
    weight = view.design.weights
    for outputs in (view.candidate, view.baseline):
        if outputs is not None:
            yield Sample(
                truth=_truth(view.truth, names),
                prediction=_prediction(outputs, names),
                score=outputs.scores,
                weight=np.ones(view.design.n) if weight is None else np.asarray(weight, dtype=np.float64),
                blocks=codes,
                count=count,
            )


def _truth(truth: Truth, names: NDArray[Any]) -> NDArray[Any] | None:
    return _words(truth.codes, names) if truth.codes is not None else truth.values


def _prediction(outputs: Outputs, names: NDArray[Any]) -> NDArray[Any] | None:
    return _words(outputs.labels, names) if outputs.labels is not None else outputs.values


def _words(codes: NDArray[Any], names: NDArray[Any]) -> NDArray[Any]:
    if len(codes) and int(codes.max()) >= len(names):  # a missing label among whole numbers
        names = np.append(names.astype(np.float64), math.nan)
    return np.asarray(names[codes])


def compared(rule: MetricRule, view: View, values: Replicates, policy: GatePolicy) -> Statistic | NoValue:
    """Both models by one function on one view, with the error of a delete-block jackknife."""
    metric = metric_named(rule.metric, rule.better)
    baseline = values.baseline
    why = _fault("the candidate", values.candidate)
    if why is None and baseline is not None:
        why = _fault("production", baseline)
    if why is not None or baseline is None or view.baseline is None:
        return no_value(metric, view, why or "there is no production")
    log_error = _log_error(values.candidate, baseline)
    pair = Paired(
        candidate=float(values.candidate[0]),
        baseline=float(baseline[0]),
        plain_error=_finite(error_of(values.candidate[1:] - baseline[1:])),
        log_error=log_error,
        freedom=values.freedom,
        log_freedom=math.nan if math.isnan(log_error) else values.freedom,
        size=float(values.blocks),
        discordance=Discordance(0, 0),
        n=view.design.n,
        simple=False,
        clustered=view.design.clusters is not None,
        blocks=values.blocks,
    )
    found = Compared(
        pair=pair,
        own_error=_finite(error_of(values.candidate[1:])),
        own_freedom=values.freedom,
        own_size=pair.size,
        differing=_differing(view),
    )
    return statistic(rule, view, found, policy)


def _log_error(candidate: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    if min(candidate.min(), baseline.min()) <= 0:
        return math.nan
    return _finite(error_of(np.log(candidate[1:]) - np.log(baseline[1:])))


def _fault(whose: str, values: NDArray[np.float64]) -> str | None:
    if math.isnan(values[0]):
        return f"{whose}: the function gives no finite number"
    if np.isnan(values[1:]).any():
        return f"{whose}: the function gives no finite number without one part in {len(values) - 1} of the examples"
    return None


def _differing(view: View) -> int:
    """On how many examples the two models said anything different, which is as near as the gate can look."""
    mine, others = view.candidate, view.baseline
    if others is None:
        return 0
    differs = np.zeros(view.design.n, dtype=bool)
    for one, other in ((mine.labels, others.labels), (mine.scores, others.scores), (mine.values, others.values)):
        if one is not None and other is not None:
            away = one != other
            differs |= away if away.ndim == 1 else away.any(axis=1)
    return int(differs.sum())


def alone(rule: MetricRule, view: View, values: Replicates) -> Measurement:
    """The candidate by one function on all examples."""
    metric, design = metric_named(rule.metric, rule.better), view.design
    why = _fault("the candidate", values.candidate)
    if why is not None:
        return Measurement(metric=metric.name, n=design.n, undefined=why)
    return Measurement(
        metric=metric.name,
        value=float(values.candidate[0]),
        standard_error=number(_finite(error_of(values.candidate[1:]))),
        size=float(values.blocks),
        freedom=values.freedom,
        n=design.n,
        groups=design.groups,
        effective_n=design.effective_n,
    )


def _finite(error: float) -> float:
    """An error that overflowed is none."""
    return error if math.isfinite(error) else math.nan
