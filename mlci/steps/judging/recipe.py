"""Comparisons that answer for the recipe: the mean over seeds, with the seed as a random effect."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Numbers
from mlci.domain.figures import figure
from mlci.domain.policy import GatePolicy
from mlci.domain.recipe import OverSeeds, Question, components, deviation, mean
from mlci.domain.report import Section
from mlci.stats.bounds import Contrast, Discordance, ratio_less_one
from mlci.stats.mixed import TwoSources

# Nobody has more examples than this.
_MOST_ROWS = 1e12
_ARTEFACT = "is this very model worse than production?"
_RECIPE = "is what this way of training gives worse, on average over seeds, than the very model in production?"

_NOT_OF_EVERY_SEED = "the model of another seed gives it no value"


def question(numbers: Numbers) -> Question | None:
    """Which question the comparisons on all examples answer; None where there are none."""
    if not numbers.compared:
        return None
    return "recipe" if numbers.recipe is not None else "artefact"


def for_recipe(estimate: Estimate, numbers: Numbers, policy: GatePolicy) -> Estimate:
    """The estimate on all examples, of the mean over seeds where these are known; as it is where there are none.

    Functions of the user's remain the first seed's. What another seed's model gives no value has none for the recipe.
    """
    if numbers.recipe is None or estimate.undefined is not None:
        return estimate
    over = numbers.recipe.of(estimate.metric.name)
    if over is None:
        is_called = any(each.metric == estimate.metric.name for each in numbers.functions)
        return estimate if is_called else replace(estimate, undefined=_NOT_OF_EVERY_SEED, p_worse=None)
    result = contrast(estimate, over, policy)
    if result is None:
        return estimate
    return replace(
        estimate,
        candidate=result.candidate,
        candidate_interval=None,
        # On how many examples one of the models differs says nothing of their mean.
        discordant=None,
        difference=result.difference,
        standard_error=result.standard_error,
        interval=(result.low, result.high),
        p_worse=result.p_worse,
        method=result.method,
        detectable=result.detectable(policy.confidence),
        rows_needed=_rows_needed(result, estimate, over, policy),
        labels_needed=None,
    )


def contrast(estimate: Estimate, over: OverSeeds, policy: GatePolicy) -> Contrast | None:
    """Bounds of the mean over seeds minus production; None where the numbers have no error on the scale asked for."""
    error, freedom = (over.log_error, over.log_freedom) if estimate.relative else (over.plain_error, over.freedom)
    if error is None or freedom is None:
        return None
    values = [math.log(value) for value in over.values] if estimate.relative else list(over.values)
    baseline = math.log(over.baseline) if estimate.relative else over.baseline
    away = mean(values) - baseline
    seeds, examples = components(values, error)
    sources = TwoSources(seeds, len(values) - 1.0, examples, freedom)
    spread = sources.error
    if len(values) < 2 or spread <= 0 or not math.isfinite(spread):
        return None
    reach = sources.quantile(policy.confidence) * spread
    # How surprising a loss is, on the scale that it is bounded on.
    asked = estimate.improvement or 0.0
    if estimate.relative:
        asked = estimate.sign * math.log1p(estimate.sign * asked)
    p_worse = sources.tail((asked - estimate.sign * away) / spread)
    low, high = away - reach, away + reach
    if estimate.relative:
        away, low, high = (ratio_less_one(bound) for bound in (away, low, high))
        spread *= 1 + away
    if not all(map(math.isfinite, (away, low, high, spread))):
        return None
    return Contrast(
        candidate=mean(over.values), baseline=over.baseline, difference=away, standard_error=spread, low=low, high=high,
        p_worse=p_worse,
        method=f"mean of {len(values)} seeds, the seed as a random effect; Cochran's t",
        discordance=Discordance(0, 0), n=estimate.n, size=float(len(values)),
    )  # fmt: skip


def _rows_needed(result: Contrast, estimate: Estimate, over: OverSeeds, policy: GatePolicy) -> int | None:
    """Examples that would decide with as many seeds; None where no number of them would, only more seeds."""
    error = over.log_error if estimate.relative else over.plain_error
    if not estimate.margin or error is None or result.standard_error <= 0:
        return None
    wanted = estimate.margin / (result.detectable(policy.confidence) / result.standard_error)
    left = wanted * wanted - (result.standard_error * result.standard_error - error * error)
    rows = estimate.n * error * error / left if left > 0 else math.inf
    return math.ceil(rows) if rows < _MOST_ROWS else None


def which_question(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """Which question the report answers, and how much the seed alone moves each metric."""
    asked = question(numbers) if policy.compare else None
    if asked is None:
        return
    if numbers.recipe is None:
        sentence = f"What was compared is one model: {_ARTEFACT} Training it again with another seed gives another one."
        yield Section(id="question", title="Which question is answered", sentences=(sentence,), folded=True)
        return
    metrics = numbers.recipe.metrics
    deviations = {each.metric: deviation(each.values) for each in metrics}
    same = [name for name, spread in deviations.items() if spread == 0.0]
    sentences = [
        f"What was compared is the recipe, by models of {numbers.recipe.seeds} seeds: {_RECIPE} "
        "Slices, limits and what is registered are about the first of them, which nobody chose for how good it is.",
    ]
    if metrics and len(same) == len(metrics):
        sentences.append("Every seed gave the same values: training may not read MLCI_TRAIN_SEED.")
    yield Section(
        id="question",
        title="Which question is answered",
        sentences=tuple(sentences),
        columns=("metric", "seeds", "mean", "lowest", "highest", "deviation between seeds"),
        rows=tuple(
            (
                each.metric, str(len(each.values)), figure(mean(each.values)), figure(min(each.values)),
                figure(max(each.values)), figure(deviations[each.metric]),
            )
            for each in metrics
        ),
        figures={f"seed_deviation.{name}": spread for name, spread in deviations.items()},
        folded=False,
    )  # fmt: skip
