"""What a team asks of a candidate, as the gate needs it: already validated, already resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.figures import Better
from mlci.domain.metric import Task
from mlci.domain.waiver import Waiver

OnInconclusive = Literal["pass", "warn", "approve", "fail"]
Thresholds = Literal["point", "interval"]
Missing = Literal["error", "intersect"]
Duplicates = Literal["error", "cluster", "mean"]
Nan = Literal["error", "fail-example"]
# How often what was learnt of a holdout may go into the next candidate; ease.ml/ci calls it adaptivity.
Reuse = Literal["none", "first-change", "full"]


@dataclass(frozen=True)
class Tolerance:
    """The largest accepted loss, in the metric's own direction.

    Attributes:
        value: at least 0; in the metric's unit, or as a fraction of production's value.
        relative: whether it is a fraction of production's value.
    """

    value: float
    relative: bool = False


@dataclass(frozen=True, kw_only=True)
class MetricRule:
    """What is asked of one metric, of the mean of one column of the user's, or of a function of theirs.

    Attributes:
        tolerance: the largest accepted loss; None where the policy's holds.
        improvement: the gain that must be shown on all examples, instead of a tolerance; slices are not asked for it.
        call: the function, as <file>.py:<name>; None for any other metric.
        sum: the column that is summed above the line of a ratio; None for any other metric.
        over: the column that is summed below it.
    """

    metric: str
    better: Better | None = None
    compare: bool = True
    tolerance: Tolerance | None = None
    improvement: Tolerance | None = None
    minimum: float | None = None
    maximum: float | None = None
    call: str | None = None
    sum: str | None = None
    over: str | None = None


@dataclass(frozen=True, kw_only=True)
class SearchPolicy:
    """Where slices are searched for that nobody declared.

    Attributes:
        columns: columns of production's file; empty for all that may hold groups.
        support: share of the examples that a slice must hold; None for the usual one.
        depth: 1 for values of one column, 2 for pairs of them too.
    """

    columns: tuple[str, ...] = ()
    support: float | None = None
    depth: int = 2


@dataclass(frozen=True, kw_only=True)
class SlicePolicy:
    """Which groups of examples are looked at, and how much proof each needs."""

    columns: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    require: Literal["harm", "shown"] = "harm"
    discover: SearchPolicy | None = None


@dataclass(frozen=True, kw_only=True)
class HoldoutPolicy:
    """How many candidates one holdout may judge.

    Attributes:
        steps: the budget; each look spends an equal part of the error rate.
        reuse: what those who make candidates learn from a look, and so how it is reported and when the budget ends.
    """

    steps: int
    reuse: Reuse = "none"


@dataclass(frozen=True, kw_only=True)
class FairnessRule:
    """What is asked of one fairness measure, for every sensitive column.

    Attributes:
        measure: its name.
        maximum: what a difference may be at most.
        minimum: what a ratio must be at least.
        tolerance: the accepted worsening against production between any two groups; None: not compared.
    """

    measure: str
    maximum: float | None = None
    minimum: float | None = None
    tolerance: Tolerance | None = None


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where in a predictions file each part is found; None means: look for the usual names."""

    id: str | None = None
    target: str | None = None
    prediction: str | None = None
    score: str | None = None
    weight: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReadingPolicy:
    """How two predictions files are read and brought together."""

    columns: Columns = Columns()
    task: Task | None = None
    positive: str | None = None
    threshold: float = 0.5
    missing: Missing = "error"
    duplicates: Duplicates = "error"
    nan: Nan = "error"


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """Everything the gate decides by.

    Attributes:
        rules: one per metric; empty means the usual metrics of the task.
        compare: whether candidate and baseline are compared at all, or only absolute limits hold.
        tolerance: the default for every compared metric; None means one point, or one per cent without points.
        confidence: level of each one-sided bound.
        thresholds: whether an absolute limit is met by the point estimate or must be proved by the interval.
        slices: declared slices.
        sensitive: columns, or pairs of them, whose values are the groups of fairness.
        fairness: one per measure, judged for every sensitive column.
        on_inconclusive: what an interval that straddles the margin does to a merge.
        on_inconclusive_promote: the same for a promotion.
        require_predictions: whether a comparison without per-example predictions fails.
        holdout: budget of looks; None where none is set, and then no error rate is spent on them.
        anchor_tolerance: the accepted loss against the anchor; None for twice the tolerance of each metric.
        baseline_age: days from which a baseline is old enough for a warning.
        hardware: the machine that limits of latency and cost are meant for; None where none is declared.
        price_per_hour: of that machine, in any currency; None where nobody said.
        waivers: losses that are accepted for a time.
        seeds: models of one recipe that are asked for; with fewer the question about the recipe stays open.
        unsupported: rules of the configuration that this version cannot judge, so that none is silently passed.
    """

    rules: tuple[MetricRule, ...] = ()
    compare: bool = True
    tolerance: Tolerance | None = None
    confidence: float = 0.95
    thresholds: Thresholds = "point"
    slices: SlicePolicy = SlicePolicy()
    sensitive: tuple[str, ...] = ()
    fairness: tuple[FairnessRule, ...] = ()
    on_inconclusive: OnInconclusive = "warn"
    on_inconclusive_promote: OnInconclusive = "approve"
    require_predictions: bool = False
    holdout: HoldoutPolicy | None = None
    anchor_tolerance: Tolerance | None = None
    baseline_age: int = 180
    hardware: str | None = None
    price_per_hour: float | None = None
    waivers: tuple[Waiver, ...] = ()
    seeds: int = 1
    unsupported: tuple[str, ...] = ()
    reading: ReadingPolicy = field(default_factory=ReadingPolicy)
