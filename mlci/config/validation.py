"""The keys of mlci.yml that say what predictions look like and what a candidate must satisfy."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mlci.config.duration import Duration
from mlci.config.key import NAMED, key
from mlci.domain.figures import Better
from mlci.domain.metric import Task
from mlci.domain.operation import BLOCKS, FEWEST_BLOCKS, FEWEST_PAIRS, FEWEST_PAIRS_OF_TAIL, MOST_PAIRS
from mlci.domain.policy import Duplicates, Missing, Nan, OnInconclusive, Reuse, Thresholds, Tolerance
from mlci.domain.training import Outputs


@dataclass(frozen=True)
class Evaluate:
    """What the predictions look like, and which groups of examples matter."""

    main: ClassVar[tuple[str, ...]] = ("command",)

    command: str | None = key(default=None, help="Command of your own that writes predictions.")
    timeout: Duration = key(default=Duration(1800), help="Longest time scoring one model may take.", example="30m")
    features: tuple[str, ...] = key(
        default=(),
        help="Columns of the holdout that the model is given; left out, those it names itself, else all that play no "
        "other part.",
    )
    outputs: Outputs = key(
        default="auto", help="What the numbers are that the model gives; left out, it is worked out and said."
    )
    target: str | None = key(
        default=None, help="Column of the true label or value; left out, the usual names are tried."
    )
    id: str | None = key(default=None, help="Column that names each example; left out, the usual names are tried.")
    prediction: str | None = key(
        default=None, help="Column of the predicted label or value; left out, the usual names are tried."
    )
    score: str | None = key(
        default=None, help="Column of the predicted probability; left out, the usual names are tried."
    )
    weight: str | None = key(default=None, help="Column of example weights; left out, every example counts the same.")
    group: str | None = key(
        default=None, help="Column of what examples are drawn by, such as a customer; its examples are not independent."
    )
    slices: tuple[str, ...] = key(
        default=(),
        help="Columns whose values are the groups of examples that must not get worse, and pairs of columns, such as "
        "region*plan.",
        example='[region, "region*plan"]',
    )
    sensitive: tuple[str, ...] = key(
        default=(),
        help="Columns whose values are the groups that fairness is judged between, and pairs of columns, such as "
        "gender*age; naming one here is not yet a rule.",
        example="[gender]",
    )
    task: Task | None = key(default=None, help="What the model predicts; left out, it is worked out from the files.")
    positive: str | None = key(default=None, help="The label that counts as positive in a binary task.", example='"1"')
    threshold: float = key(
        default=0.5,
        minimum=0,
        maximum=1,
        help="Score from which a binary prediction is positive, where only scores are given.",
    )
    missing: Missing = key(
        default="error", help="What to do when the two files hold different examples: stop, or judge the common ones."
    )
    duplicates: Duplicates = key(
        default="error",
        help="What to do when an id stands twice: stop, treat its rows as one group, or as samples of one example "
        "whose values are averaged first.",
    )
    nan: Nan = key(
        default="error", help="What to do with a prediction that is not a number: stop, or count it as wrong."
    )


@dataclass(frozen=True)
class MetricPolicy:
    """What is asked of one metric, or of the mean of one column of the predictions."""

    main: ClassVar[tuple[str, ...]] = ("tolerance",)

    tolerance: Tolerance | None = key(
        default=None, of_metric=True, help="Largest accepted loss of this metric; left out, validation.tolerance holds."
    )
    min_improvement: Tolerance | None = key(
        default=None,
        of_metric=True,
        gain=True,
        help="What the candidate must be shown to gain on production, in the metric's unit or in per cent of "
        "production's value; instead of a tolerance.",
        example="0.01",
    )
    min: float | None = key(default=None, of_metric=True, help="The candidate's value must be at least this.")
    max: float | None = key(default=None, of_metric=True, help="The candidate's value must be at most this.")
    better: Better | None = key(
        default=None, help="Which way a column of your own is better; a metric that mlci knows has its own."
    )
    sum: str | None = key(
        default=None,
        help="Column that is summed over all examples above the line of a ratio, such as the errors of a word error "
        "rate; with over.",
        example="errors",
    )
    over: str | None = key(default=None, help="Column that is summed below the line of that ratio.", example="words")
    call: str | None = key(
        default=None,
        pattern=r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.py:[A-Za-z_][A-Za-z0-9_]*",
        pattern_help="the path of a Python file below the folder of mlci.yml, a colon, and the name of a function",
        help="A function of your own that the metric is the value of: called with labels, predictions, scores and "
        "weights in the interpreter of train.python.",
        example="metrics.py:profit",
    )


@dataclass(frozen=True)
class Discover:
    """Slices that nobody declared, searched for on one half of the examples and confirmed on the other."""

    main: ClassVar[tuple[str, ...]] = ("search",)

    search: bool | None = key(
        default=None, help="Whether there is a search; left out, there is one where columns or support are named."
    )
    columns: tuple[str, ...] = key(
        default=(),
        help="Columns of the holdout to search; left out, those of production's predictions that play no other part.",
        example="[region, age]",
    )
    support: float | None = key(
        default=None, minimum=0.001, maximum=0.5,
        help="Share of the examples that a slice must hold to be looked at; left out, 0.05. It must have 50 examples "
        "of the searched half, too.",
    )  # fmt: skip
    depth: int = key(
        default=2, minimum=1, maximum=2, help="1: values of one column; 2: values of two columns that meet, too."
    )


@dataclass(frozen=True)
class Slices:
    """How much proof each declared slice needs."""

    main: ClassVar[tuple[str, ...]] = ("tolerance",)

    tolerance: Tolerance | None = key(
        default=None,
        help="Largest accepted loss on a slice; left out, the metric's own tolerance holds.",
        example="-0.02",
    )
    require: Literal["harm", "shown"] = key(
        default="harm",
        help="harm: a slice fails when it is shown to be worse; shown: it must be shown not to be worse.",
    )
    discover: Discover = key(
        factory=Discover,
        help="A search for slices on which the candidate is worse, which warns at most; true searches all columns that "
        "stand beside production's predictions.",
    )


@dataclass(frozen=True)
class HoldoutBudget:
    """How many candidates one holdout may judge before it is worn out; unless set, no error rate is spent on looks."""

    steps: int | None = key(
        default=None, minimum=1, maximum=100000,
        help="Looks at one holdout: candidates that it may judge. Each look gets an equal part of the error rate, and "
        "when all are spent the gate is inconclusive until there is a new holdout. Where only reuse is set, 32.",
        example="32",
    )  # fmt: skip
    reuse: Reuse | None = key(
        default=None,
        help="none: no candidate is made from what an earlier one's verdict said; first-change: the holdout is retired "
        "when the first candidate that passed on it has become production; full: every verdict may go into the next "
        "candidate, so figures are only shown where the candidate is better by more than a standard error. Where only "
        "steps is set, none.",
    )


@dataclass(frozen=True)
class FairnessPolicy:
    """What is asked of one fairness measure."""

    max: float | None = key(
        default=None, help="A difference must be at most this; what is judged are its bounds, not the observed value."
    )
    min: float | None = key(
        default=None, help="A ratio must be at least this; what is judged are its bounds, not the observed value."
    )
    tolerance: Tolerance | None = key(
        default=None,
        help="How much further than under production any two groups may stand apart; left out, it is not asked where a "
        "limit is given, and else is the general tolerance.",
    )


@dataclass(frozen=True)
class Inconclusive:
    """What happens when the examples are too few to tell."""

    main: ClassVar[tuple[str, ...]] = ("merge", "promote")

    merge: OnInconclusive = key(default="warn", help="What an inconclusive comparison does to a merge.")
    promote: OnInconclusive = key(default="approve", help="What an inconclusive comparison does to a promotion.")


@dataclass(frozen=True)
class Notification:
    """Somebody to tell."""

    slack: str | None = key(default=None, help="Slack channel.", example='"#alerts"')


@dataclass(frozen=True)
class Timing:
    """How calls of the two models are timed, in turns."""

    pairs: int = key(
        default=FEWEST_PAIRS_OF_TAIL,
        minimum=1,
        maximum=MOST_PAIRS,
        help=f"Calls of each model. A median needs {FEWEST_PAIRS}, a 95th or 99th percentile {FEWEST_PAIRS_OF_TAIL}.",
    )
    starts: int = key(
        default=BLOCKS,
        minimum=1,
        maximum=100,
        help="Times that each model is started anew; the calls are divided among the starts. It needs "
        f"{FEWEST_BLOCKS}: two processes of one model differ for as long as they live.",
    )
    batch: int = key(default=1, minimum=1, maximum=4096, help="Examples in one call.")
    budget: Duration = key(
        default=Duration(120),
        help="Longest time the calls may take; what was timed until then is judged.",
        example="5m",
    )


@dataclass(frozen=True)
class Validation:
    """What a candidate must satisfy.

    The keys ``min_<metric>`` and ``max_<metric>`` are short for ``metrics: {<metric>: {min: …}}`` and ``{max: …}``.
    """

    limits: ClassVar[str] = "metrics"

    compare_to: str | None = key(
        default=None,
        help="What the candidate must not be worse than, such as production. Left out, it is compared when a baseline "
        "is given, and must be when a tolerance, a slice or a metric without limits is named; with limits alone and no "
        "baseline, the limits are all that is judged.",
        example="production",
    )
    tolerance: Tolerance | None = key(
        default=None,
        help="Largest accepted loss of every compared metric, in its unit or in per cent of production's value. "
        "-0.005 and 0.005 mean the same. Left out, one point, or one per cent where points mean nothing.",
        example="-0.005",
    )
    metrics: dict[str, MetricPolicy] = key(
        factory=dict,
        names="metric",
        names_alone=True,
        help="The metrics that are judged, or columns whose mean is; left out, the usual ones of the task.",
        example="{roc_auc: {tolerance: -0.003}}",
    )
    slices: Slices = key(factory=Slices, help="How the slices that evaluate.slices declares are judged.")
    fairness: dict[str, FairnessPolicy] = key(
        factory=dict,
        names="measure",
        help="Fairness measures and their limits, by name: demographic_parity_difference, demographic_parity_ratio, "
        "equal_opportunity_difference, equalized_odds_difference, predictive_parity_difference, "
        "calibration_within_groups.",
        example="{equal_opportunity_difference: {max: 0.1}}",
    )
    confidence: float = key(
        default=0.95, minimum=0.5, maximum=0.9999, exclusive=True, help="Level of each one-sided confidence bound."
    )
    thresholds: Thresholds = key(
        default="point",
        help="point: the measured value must meet min and max; interval: its confidence bound must.",
    )
    on_inconclusive: Inconclusive = key(
        factory=Inconclusive, help="What happens when an interval straddles the tolerance; one word sets both."
    )
    require_predictions: bool = key(
        default=False, help="Whether a comparison of bare metric values, without predictions, fails."
    )
    promote_on_pass: str | None = key(
        default=None, help="Stage to promote to after a pass; acts on the default branch only.", **NAMED
    )
    notify_on_fail: tuple[Notification, ...] = key(
        default=(), help="Who is told about a failure.", example='[{slack: "#alerts"}]'
    )
    anchor_tolerance: Tolerance | None = key(
        default=None,
        help="Largest accepted loss against the anchor, the best version accepted so far; left out, twice the "
        "tolerance of each metric.",
    )
    holdout: HoldoutBudget = key(
        factory=HoldoutBudget, help="Budget of looks at one holdout, and what may be learnt from each."
    )
    baseline_age: Duration = key(
        default=Duration(180 * 86400),
        help="Age from which a baseline is worth a warning, counted from the day it was accepted.", example="90d",
    )  # fmt: skip
    hardware: str | None = key(
        default=None,
        help="The machine that absolute limits of latency and cost are meant for, as model-ci names it: what stands "
        "between commas must all be said of the machine that measures. On any other such a limit only warns.",
        example='"AMD EPYC 7763 64-Core Processor, 4 cores"',
    )
    price_per_hour: float | None = key(
        default=None, minimum=0, help="Price of an hour of that machine, in any currency, for cost_per_1000.",
        example="0.526",
    )  # fmt: skip
    timing: Timing = key(
        factory=Timing, help="How model-ci times calls, where a metric of latency or cost is asked for."
    )
