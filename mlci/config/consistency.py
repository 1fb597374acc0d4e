"""Values that are each allowed and contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlci.config.key import NAME, NAMED
from mlci.config.model import Config
from mlci.config.quote import nearest, printable
from mlci.config.scalar import LARGE_HELP, LARGEST_LOSS, is_too_large
from mlci.config.settings import Setting, Settings, branch
from mlci.domain.metric import DESCRIBED, known_metric, normalise
from mlci.domain.operation import is_operational
from mlci.domain.policy import Tolerance
from mlci.errors import Contradiction, MlciError, OutOfRange, RequiredMissing


def contradictions(settings: Settings) -> Iterator[MlciError]:
    """Every contradiction in what was set; what is missing or wrong by itself is left to the reader."""
    validation = branch(settings, "validation")
    for block in ("metrics", "fairness"):
        for name in branch(validation, block):
            yield from _limits(branch(branch(validation, block), name), f"validation.{block}.{printable(name)}")
    yield from _directions(branch(validation, "metrics"))
    yield from _both_ways(branch(validation, "metrics"))
    yield from _paired(branch(validation, "metrics"))
    yield from _without_sides(branch(validation, "metrics"))
    yield from _described(branch(validation, "metrics"))
    yield from _calls(branch(validation, "metrics"))
    yield from _ratios(branch(validation, "metrics"))
    yield from _losses(settings)
    yield from _stages(branch(settings, "promote"))
    yield from _checks(branch(branch(settings, "code"), "checks"))
    for role in ("train", "holdout"):
        yield from _object(branch(branch(settings, "data"), role), f"data.{role}")


def _setting(settings: Settings, name: str) -> Setting | None:
    found = settings.get(name)
    return found if isinstance(found, Setting) else None


def _limits(entry: Settings, path: str) -> Iterator[MlciError]:
    low, high = _setting(entry, "min"), _setting(entry, "max")
    if low is not None and high is not None and low.value > high.value:
        cause = f"{path}: min {_shown(low)} is above max {_shown(high)}, set at {high.source}"
        yield Contradiction(cause, place=low.source.where)


def _shown(setting: Setting) -> str:
    return setting.shown or f"{setting.value:.10g}"


def _directions(metrics: Settings) -> Iterator[MlciError]:
    for name in metrics:
        better, metric = _setting(branch(metrics, name), "better"), known_metric(name)
        if better is not None and metric is not None and better.value != metric.better:
            cause = (
                f"validation.metrics.{name}.better is {better.value}, but {metric.better} is better for {metric.title}"
            )
            yield Contradiction(cause, place=better.source.where, help="remove the key")


def _both_ways(metrics: Settings) -> Iterator[MlciError]:
    for name in metrics:
        gain, loss = (_setting(branch(metrics, name), key) for key in ("min_improvement", "tolerance"))
        if gain is not None and loss is not None and gain.value is not None and loss.value is not None:
            cause = (
                f"validation.metrics.{printable(name)}: min_improvement asks for a gain, and tolerance, set at "
                f"{loss.source}, accepts a loss"
            )
            yield Contradiction(cause, place=gain.source.where, help="keep one of the two")
        if gain is not None and gain.value is not None and is_operational(name):
            cause = f"validation.metrics.{name}.min_improvement is for what a model says, and not for how it runs"
            yield Contradiction(cause, place=gain.source.where, help="set a tolerance, or a maximum")


def _paired(metrics: Settings) -> Iterator[MlciError]:
    """A metric that is itself a comparison with production has nothing to lose against it, only a limit to keep."""
    for name in metrics:
        metric, given = known_metric(name), branch(metrics, name)
        if metric is None or not metric.paired:
            continue
        path = f"validation.metrics.{name}"
        asked = _setting(given, "tolerance") or _setting(given, "min_improvement")
        if asked is not None and asked.value is not None:
            cause = f"{path} is itself a comparison with production and has no tolerance"
            yield Contradiction(cause, place=asked.source.where, help=f"{name}: {{max: 0.02}}")
        elif _setting(given, "min") is None and _setting(given, "max") is None:
            yield Contradiction(f"{path} is judged by a limit, and has none", help=f"{name}: {{max: 0.02}}")


def _without_sides(metrics: Settings) -> Iterator[MlciError]:
    """A metric that is best in the middle cannot be compared, so that a tolerance beside its limits means nothing."""
    for name in metrics:
        metric, given = known_metric(name), branch(metrics, name)
        asked = _setting(given, "tolerance") or _setting(given, "min_improvement")
        if metric is not None and not metric.sided and asked is not None and asked.value is not None:
            cause = f"validation.metrics.{name} has no better side, so no loss or gain of it is judged"
            yield Contradiction(cause, place=asked.source.where, help=f"{name}: {{min: 0.9, max: 1.1}}")


def _described(metrics: Settings) -> Iterator[MlciError]:
    for name in metrics:
        if normalise(name) in DESCRIBED:
            given = next((each for each in branch(metrics, name).values() if isinstance(each, Setting)), None)
            yield OutOfRange(
                f"validation.metrics.{name} cannot be judged: {DESCRIBED[normalise(name)]}",
                place=given.source.where if given is not None else None,
                help="judge brier or log_loss, which fall with calibration too and have honest intervals",
            )


def _ratios(metrics: Settings) -> Iterator[MlciError]:
    for name in metrics:
        above, below = (_setting(branch(metrics, name), key) for key in ("sum", "over"))
        given = above or below
        if given is None:
            continue
        path = f"validation.metrics.{printable(name)}"
        if above is None or below is None:
            cause = f"{path} has {'over' if above is None else 'sum'} and not {'sum' if above is None else 'over'}"
            yield Contradiction(cause, place=given.source.where, help="a ratio is {sum: errors, over: words}")
        elif known_metric(name) is not None or _setting(branch(metrics, name), "call") is not None:
            cause = f"{path} is a ratio of two columns, and something else as well"
            yield Contradiction(cause, place=given.source.where, help="give the ratio a name of its own")


def _calls(metrics: Settings) -> Iterator[MlciError]:
    """A function needs a name of its own, and only its author knows which way it is better."""
    for name in metrics:
        entry = branch(metrics, name)
        call, metric = _setting(entry, "call"), known_metric(normalise(name))
        if call is None:
            continue
        if metric is not None:
            cause = f"validation.metrics.{name}.call names a function, and {name} is a metric that mlci knows"
            yield Contradiction(cause, place=call.source.where, help="give the function's metric another name")
        elif _setting(entry, "better") is None:
            cause = f"validation.metrics.{printable(name)} calls a function and does not say which way it is better"
            yield RequiredMissing(cause, place=call.source.where, help="add better: higher or better: lower")


def _losses(settings: Settings) -> Iterator[MlciError]:
    """A tolerance for all metrics is judged by those it holds for: 5 is fine in euros and absurd in points."""
    validation = branch(settings, "validation")
    metrics = branch(validation, "metrics")
    for path in ("tolerance", "slices.tolerance", "anchor_tolerance"):
        *above, name = path.split(".")
        given = _setting(branch(validation, above[0]) if above else validation, name)
        points = _in_points(settings, metrics, own_counts=path == "tolerance")
        if given is not None and isinstance(given.value, Tolerance) and points and _too_large(given.value, points):
            cause = f"validation.{path} must be at most {LARGEST_LOSS:g} for {points}, got {_text(given)}"
            yield OutOfRange(cause, place=given.source.where, help=LARGE_HELP)


def _text(setting: Setting) -> str:
    return setting.shown or f"{setting.value.value:.10g}"


def _too_large(tolerance: Tolerance, metric: str) -> bool:
    found = known_metric(metric)
    return found is not None and is_too_large(tolerance, found)


def _in_points(settings: Settings, metrics: Settings, *, own_counts: bool) -> str | None:
    """One metric measured in points that a common tolerance holds for, if there is one."""
    task = _setting(branch(settings, "evaluate"), "task")
    # Without names the task's usual metrics are judged, and those of a regression are in the target's unit.
    names: Any = metrics or ([] if task is not None and task.value == "regression" else ["accuracy"])
    for name in names:
        own, metric = branch(metrics, name), known_metric(name)
        has_own = own_counts and any(_setting(own, key) is not None for key in ("tolerance", "min_improvement"))
        if metric is not None and metric.in_points and not has_own:
            return str(name)
    return None


def _stages(promote: Settings) -> Iterator[MlciError]:
    stages = _setting(promote, "stages")
    known: tuple[str, ...] = stages.value if stages is not None else Config().promote.stages
    for block in ("require", "relax", "verify"):
        for name, given in branch(promote, block).items():
            place = next(iter(_settings(given)), None)
            if name not in known and place is not None:
                cause = f"promote.{block} names the stage {printable(name)}, which promote.stages does not"
                yield Contradiction(cause, place=place.source.where, help=nearest(name, known))


def _settings(given: Setting | Settings) -> Iterator[Setting]:
    """A setting, or those of a block, to say where it stands."""
    if isinstance(given, Setting):
        yield given
        return
    for each in given.values():
        yield from _settings(each)


# What mlci itself runs beside the checks has these names in --only and in the report.
RESERVED = ("smoke", "scan-models", "scan-secrets", "scan-dependencies")


def _checks(checks: Settings) -> Iterator[MlciError]:
    """The name of a check is that of its log, and --only names it."""
    for name in checks:
        place = one.source.where if (one := _setting(checks, name)) is not None else None
        if not re.fullmatch(NAME, name):
            cause = f"code.checks: the name of a check must be {NAMED['pattern_help']}, got {printable(name)}"
            yield OutOfRange(cause, place=place)
        elif name in RESERVED:
            yield Contradiction(f"code.checks.{name} has a name of mlci's own", place=place, help="name it otherwise")


def _object(dataset: Settings, path: str) -> Iterator[MlciError]:
    """A version by an object store is that of an object."""
    found, version = _setting(dataset, "object"), _setting(dataset, "version")
    if version is not None and version.value == "object-store" and (found is None or found.value is None):
        yield Contradiction(
            f"{path}.version is object-store, and {path}.object names no object",
            place=version.source.where,
            help=f"name the object that the file is a copy of, as {path}.object: s3://bucket/key",
        )
