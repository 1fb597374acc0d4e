"""The models of several seeds on one holdout: each one's metrics, and the examples' noise in their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.recipe import OverSeeds, Recipe
from mlci.stats.influence import Array, Score, Undefined, standard_error
from mlci.stats.measure import Outputs, measure
from mlci.stats.paired import Design
from mlci.steps.holdout import Holdout
from mlci.steps.measuring.views import all_examples


def recipe(
    holdout: Holdout, others: Sequence[Outputs], rules: Sequence[MetricRule], policy: GatePolicy
) -> Recipe | None:
    """What the seeds say of the recipe; None where there is nothing to compare it with.

    Args:
        holdout: with the candidate's and production's outputs.
        others: outputs of the further seeds' models, on the same examples in the same order.
        rules: what is asked; a function of the user's is called for the candidate alone.
        policy: what is asked.
    """
    if holdout.baseline is None or not policy.compare or not others:
        return None
    whole = all_examples(holdout, policy)
    asked = [rule for rule in rules if rule.compare and rule.call is None]
    found = []
    for rule in asked:
        name = metric_named(rule.metric, rule.better).name
        try:
            scores = [
                measure(name, whole.truth, outputs, whole.design.weights, whole.design.clusters).score
                for outputs in (holdout.candidate, *others, holdout.baseline)
            ]
        except Undefined:
            continue
        found.append(_over_seeds(name, scores[:-1], scores[-1], whole.design))
    return Recipe(seeds=1 + len(others), metrics=tuple(found))


@np.errstate(over="ignore", invalid="ignore")
def _over_seeds(name: str, seeds: Sequence[Score], baseline: Score, design: Design) -> OverSeeds:
    size = design.size_for(sum((np.abs(score.influence) for score in seeds), np.abs(baseline.influence)))
    plain = _mean([score.influence for score in seeds]) - baseline.influence
    plain_error, freedom = _error(plain, size, seeds[0], design)
    log_error = log_freedom = None
    if min(baseline.value, *(score.value for score in seeds)) > 0:
        ratio = _mean([score.influence / score.value for score in seeds]) - baseline.influence / baseline.value
        log_error, log_freedom = _error(ratio, size, seeds[0], design)
    return OverSeeds(
        metric=name,
        values=tuple(score.value for score in seeds),
        baseline=baseline.value,
        plain_error=plain_error,
        freedom=freedom,
        log_error=log_error,
        log_freedom=log_freedom,
    )


def _mean(parts: Sequence[Array]) -> Array:
    return np.asarray(sum(parts) / len(parts))


def _error(influence: Array, size: float, of: Score, design: Design) -> tuple[float | None, float | None]:
    error = standard_error(influence, positives=of.positives, clusters=design.clusters)
    if not math.isfinite(error):
        return None, None
    return error, design.freedom(influence, size, of)
