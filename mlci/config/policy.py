"""The part of the configuration that the gate decides by, as the gate needs it."""

from __future__ import annotations

from mlci.config.model import Config
from mlci.config.validation import Evaluate, FairnessPolicy, MetricPolicy, Validation
from mlci.domain.fairness import is_judged
from mlci.domain.figures import Better
from mlci.domain.metric import known_metric
from mlci.domain.policy import (
    Columns,
    FairnessRule,
    GatePolicy,
    HoldoutPolicy,
    MetricRule,
    ReadingPolicy,
    SearchPolicy,
    SlicePolicy,
)
from mlci.domain.waiver import Waiver

# A budget without a number: the one that ease.ml/ci works its examples out for.
USUAL_STEPS = 32


def gate_policy(config: Config, *, baseline_given: bool = False) -> GatePolicy:
    """What a configuration asks of a candidate.

    Args:
        config: the configuration that holds.
        baseline_given: whether the command line names a baseline; then there is a comparison whatever the file says.
    """
    validation = config.validation
    return GatePolicy(
        rules=tuple(_rule(name, asked) for name, asked in validation.metrics.items()),
        compare=baseline_given or _asks_for_comparison(config),
        tolerance=validation.tolerance,
        confidence=validation.confidence,
        thresholds=validation.thresholds,
        slices=SlicePolicy(
            columns=config.evaluate.slices,
            tolerance=validation.slices.tolerance,
            require=validation.slices.require,
            discover=search_of(validation),
        ),
        sensitive=config.evaluate.sensitive if validation.fairness else (),
        fairness=tuple(_fairness(name, asked) for name, asked in validation.fairness.items() if _is_fair(name, asked)),
        on_inconclusive=validation.on_inconclusive.merge,
        on_inconclusive_promote=validation.on_inconclusive.promote,
        require_predictions=validation.require_predictions,
        holdout=_budget(validation),
        anchor_tolerance=validation.anchor_tolerance,
        seeds=config.train.seeds,
        baseline_age=int(validation.baseline_age.seconds // 86400),
        hardware=validation.hardware,
        price_per_hour=validation.price_per_hour,
        waivers=tuple(
            Waiver(scope=each.scope, reason=each.reason, owner=each.owner, expires=each.expires.isoformat())
            for each in config.waivers
        ),
        unsupported=_unsupported(validation),
        reading=_reading(config.evaluate),
    )


def _rule(name: str, asked: MetricPolicy) -> MetricRule:
    metric, limited = known_metric(name), asked.min is not None or asked.max is not None
    return MetricRule(
        metric=name,
        better=_better(name, asked),
        compare=metric is None or not (metric.paired or (limited and not metric.sided)),
        tolerance=asked.tolerance,
        improvement=asked.min_improvement,
        minimum=asked.min,
        maximum=asked.max,
        call=asked.call,
        sum=asked.sum,
        over=asked.over,
    )


def _better(name: str, asked: MetricPolicy) -> Better | None:
    """Which way is better: as known, as said, or as a single limit implies; a column that says nothing stays open."""
    metric = known_metric(name)
    if metric is not None:
        return metric.better
    if asked.better is not None or (asked.min is None) == (asked.max is None):
        return asked.better
    return "higher" if asked.max is None else "lower"


def search_of(validation: Validation) -> SearchPolicy | None:
    """The search for slices that a configuration asks for; None where it asks for none."""
    asked = validation.slices.discover
    is_on = asked.search if asked.search is not None else bool(asked.columns) or asked.support is not None
    return SearchPolicy(columns=asked.columns, support=asked.support, depth=asked.depth) if is_on else None


def _fairness(name: str, asked: FairnessPolicy) -> FairnessRule:
    return FairnessRule(measure=name, maximum=asked.max, minimum=asked.min, tolerance=asked.tolerance)


def _is_fair(name: str, asked: FairnessPolicy) -> bool:
    return is_judged(_fairness(name, asked))


def _asks_for_comparison(config: Config) -> bool:
    """Only limits, and nothing that speaks of a loss, can be judged without production."""
    validation = config.validation
    metrics = validation.metrics.values()
    only_limits = bool(metrics) and all(
        asked.tolerance is None and asked.min_improvement is None and (asked.min is not None or asked.max is not None)
        for asked in metrics
    )
    drift = next((asked.tolerance for asked in validation.fairness.values() if asked.tolerance is not None), None)
    speaks_of_loss = (
        validation.compare_to, validation.tolerance, validation.slices.tolerance, drift, search_of(validation),
        validation.anchor_tolerance,
    )  # fmt: skip
    return not only_limits or any(said is not None for said in speaks_of_loss) or bool(config.evaluate.slices)


def _budget(validation: Validation) -> HoldoutPolicy | None:
    steps, reuse = validation.holdout.steps, validation.holdout.reuse
    return None if (steps, reuse) == (None, None) else HoldoutPolicy(steps=steps or USUAL_STEPS, reuse=reuse or "none")


def _unsupported(validation: Validation) -> tuple[str, ...]:
    rules = [f"validation.fairness.{name}" for name, asked in validation.fairness.items() if not _is_fair(name, asked)]
    if validation.compare_to not in (None, "production"):
        rules.append(f"validation.compare_to: {validation.compare_to}")
    return tuple(rules)


def _reading(evaluate: Evaluate) -> ReadingPolicy:
    return ReadingPolicy(
        columns=Columns(
            id=evaluate.id, target=evaluate.target, prediction=evaluate.prediction,
            score=evaluate.score, weight=evaluate.weight, group=evaluate.group,
        ),
        task=evaluate.task,
        positive=evaluate.positive,
        threshold=evaluate.threshold,
        missing=evaluate.missing,
        duplicates=evaluate.duplicates,
        nan=evaluate.nan,
    )  # fmt: skip
