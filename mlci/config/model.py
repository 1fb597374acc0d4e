"""Every key of mlci.yml: type, default, limits and meaning. Everything else about keys is derived from here."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mlci.config.duration import Duration
from mlci.config.key import NAME, key
from mlci.domain.figures import Better
from mlci.domain.metric import Task
from mlci.domain.policy import Duplicates, Missing, Nan, OnInconclusive, Thresholds, Tolerance
from mlci.domain.training import Outputs, When

DEFAULT_FILE = "mlci.yml"

Level = Literal["low", "medium", "high"]

_NAMED: dict[str, Any] = {
    "pattern": NAME,
    "pattern_help": "letters, digits, '.', '_' and '-', starting with a letter or a digit",
}


@dataclass(frozen=True)
class Registry:
    """Where model versions are kept."""

    main: ClassVar[tuple[str, ...]] = ("uri",)

    uri: str = key(
        default="sqlite:///.mlci/mlflow.db",
        help="Address of the model registry; the default is a file on this machine, https://… is a server.",
    )


@dataclass(frozen=True)
class Code:
    """Checks of the code, run before anything is trained."""

    budget: Duration = key(default=Duration(300), help="Time that all checks together may take.", example="5m")
    checks: dict[str, str] = key(
        factory=dict, help="Commands to run, by name.", names="check", example="{lint: flake8 src/}"
    )


@dataclass(frozen=True)
class Dataset:
    """One set of data."""

    main: ClassVar[tuple[str, ...]] = ("path",)

    path: str | None = key(default=None, help="File or folder, relative to mlci.yml.")
    contract: str | None = key(default=None, owner="base", help="File that says what the data must look like.")
    version: str | None = key(default=None, help="What gives the data its version, such as dvc; left out, the content.")


@dataclass(frozen=True)
class Drift:
    """How far the data may move from the reference before the data check fails."""

    psi: float = key(default=0.02, minimum=0, help="Largest accepted population stability index of a column.")
    max_missing_increase: float = key(
        default=0.02, minimum=0, maximum=1, help="Largest accepted increase of a column's share of missing values."
    )


@dataclass(frozen=True)
class Leakage:
    """How training and holdout data are kept apart."""

    main: ClassVar[tuple[str, ...]] = ("key",)

    key: str | None = key(default=None, help="Column whose values may not stand in both training and holdout data.")


@dataclass(frozen=True)
class Data:
    """The data that the model is trained and judged on."""

    train: Dataset = key(factory=Dataset, owner="head", help="What the model is trained on.")
    holdout: Dataset = key(factory=Dataset, help="What candidate and production are judged on.")
    reference: str = key(
        default="production", help="What new data is compared with: production, or the path of a stored profile."
    )
    drift: Drift = key(factory=Drift, help="Practical limits of drift; noise is accounted for on top.")
    leakage: Leakage = key(factory=Leakage, help="How leaks from training into holdout data are found.")


@dataclass(frozen=True)
class Profile:
    """A smaller or shorter training run."""

    sample: float = key(
        default=1.0, minimum=0, maximum=1, help="Share of the training data that is used.", example="0.02"
    )
    timeout: Duration | None = key(default=None, help="Longest time the run may take.", example="3m")


@dataclass(frozen=True)
class Train:
    """How the model is trained."""

    main: ClassVar[tuple[str, ...]] = ("command",)

    command: str | None = key(default=None, help="Command that trains the model.", example="python train.py")
    python: str = key(
        default="python", help="Python interpreter of the training environment; its folder comes first on the path."
    )
    params: str | None = key(default=None, help="File of hyper-parameters.")
    seed: int = key(default=0, minimum=0, maximum=4294967295, help="Seed handed to training.")
    device: Literal["auto", "cpu", "gpu"] = key(default="auto", help="What training runs on.")
    timeout: Duration = key(default=Duration(7200), help="Longest time training may take.", example="2h")
    profiles: dict[str, Profile] = key(
        factory=dict, help="Smaller training runs, by name.", names="profile", example="{smoke: {sample: 0.02}}"
    )
    paths: tuple[str, ...] = key(
        default=(), help="Files that training may read, as patterns; left out, the whole tree without docs and tests."
    )
    when: tuple[When, ...] = key(
        default=("code", "params", "data"),
        help="What makes a new model: a change of code, params or data, or a run that a schedule or a person started.",
        example="[code, params, data, schedule]",
    )
    model: str | None = key(
        default=None,
        help="File or folder of the model in the output folder; left out, the one thing there that is a model.",
        example="model.joblib",
    )
    lock: str | None = key(
        default=None,
        help="File that pins the training environment; left out, the usual names are tried.",
        example="requirements.lock",
    )
    env: tuple[str, ...] = key(
        default=(), help="Variables that training gets although their names speak of a secret.", example="[DB_PASSWORD]"
    )


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
        default=(), help="Columns whose values are the groups of examples that must not get worse.", example="[region]"
    )
    sensitive: tuple[str, ...] = key(
        default=(), help="Columns that fairness is judged by; naming one here is not yet a rule.", example="[gender]"
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
        default="error", help="What to do when an id stands twice: stop, or treat its rows as one group."
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
    min: float | None = key(default=None, of_metric=True, help="The candidate's value must be at least this.")
    max: float | None = key(default=None, of_metric=True, help="The candidate's value must be at most this.")
    better: Better | None = key(
        default=None, help="Which way a column of your own is better; a metric that mlci knows has its own."
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


@dataclass(frozen=True)
class FairnessPolicy:
    """What is asked of one fairness measure."""

    max: float | None = key(default=None, help="The candidate's value must be at most this.")
    min: float | None = key(default=None, help="The candidate's value must be at least this.")
    tolerance: Tolerance | None = key(default=None, help="Largest accepted loss against production.")


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
        factory=dict, names="measure", help="Fairness measures and their limits, by name.",
        example="{equal_opportunity_difference: {max: 0.1}}",
    )  # fmt: skip
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
        default=None, help="Stage to promote to after a pass; acts on the default branch only.", **_NAMED
    )
    notify_on_fail: tuple[Notification, ...] = key(
        default=(), help="Who is told about a failure.", example='[{slack: "#alerts"}]'
    )
    anchor_tolerance: Tolerance | None = key(
        default=None,
        help="Largest accepted loss against the best version promoted so far; left out, twice the tolerance.",
    )
    hardware: str | None = key(
        default=None, help="The hardware that latency was measured on, so that absolute limits of it mean something."
    )


@dataclass(frozen=True)
class Tier:
    """One level of risk: what belongs to it, and who must agree."""

    changed: tuple[str, ...] = key(default=(), help="Patterns of files whose change belongs to this level.")
    params: tuple[str, ...] = key(default=(), help="Hyper-parameters whose change belongs to this level.")
    approvals: int = key(default=1, minimum=0, maximum=20, help="How many people must approve.")
    from_: tuple[str, ...] = key(default=(), help="Who may approve: logins, or teams as @organisation/team.")


@dataclass(frozen=True)
class Approval:
    """Who must agree to which change."""

    low: Tier = key(factory=lambda: Tier(approvals=0), help="Changes of low risk.")
    medium: Tier = key(factory=Tier, help="Changes of medium risk.")
    high: Tier = key(factory=lambda: Tier(approvals=2), help="Changes of high risk.")
    otherwise: Level = key(default="high", help="The level of a change that no level names.")


@dataclass(frozen=True)
class Promote:
    """The stages a model passes through."""

    stages: tuple[str, ...] = key(
        default=("dev", "staging", "production"), help="Stages, in the order a model passes them.", **_NAMED
    )
    require: dict[str, tuple[str, ...]] = key(
        factory=dict, names="stage", help="Kinds of evidence that a stage asks for, by stage.",
        example="{production: [gate, approval]}",
    )  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One way of watching a model."""

    main: ClassVar[tuple[str, ...]] = ("threshold",)

    threshold: float | None = key(default=None, minimum=0, help="Value from which the method triggers.", example="0.10")


@dataclass(frozen=True)
class Trigger:
    """What happens when a method triggers."""

    main: ClassVar[tuple[str, ...]] = ("action",)

    action: Literal["retrain"] | None = key(default=None, help="What to do.")
    pipeline: str | None = key(default=None, help="Pipeline that does it.", example="revenue-forecast-training-dag")


@dataclass(frozen=True)
class Monitor:
    """How a model in production is watched."""

    model: str | None = key(default=None, help="Name of the watched model; left out, model.", **_NAMED)
    methods: dict[str, Method] = key(
        factory=dict, names="method", help="How drift is measured, by name.", example="{psi: {threshold: 0.10}}"
    )
    on_trigger: Trigger = key(factory=Trigger, help="What happens when a method triggers.")


@dataclass(frozen=True)
class Config:
    """A whole mlci.yml."""

    model: str | None = key(
        default=None,
        help="Name of the model; comments, statuses and aliases carry it.",
        example="churn",
        owner="base",
        **_NAMED,
    )
    registry: Registry = key(factory=Registry, owner="base", help="Where model versions are kept.")
    code: Code = key(factory=Code, owner="head", help="Checks of the code.")
    data: Data = key(factory=Data, owner="base", help="The data that the model is trained and judged on.")
    train: Train = key(factory=Train, owner="head", help="How the model is trained.")
    evaluate: Evaluate = key(factory=Evaluate, owner="base", help="What the predictions look like.")
    validation: Validation = key(factory=Validation, owner="base", help="What a candidate must satisfy.")
    approval: Approval = key(factory=Approval, owner="base", help="Who must agree to which change.")
    promote: Promote = key(factory=Promote, owner="base", help="The stages a model passes through.")
    monitor: Monitor = key(factory=Monitor, owner="base", help="How a model in production is watched.")
