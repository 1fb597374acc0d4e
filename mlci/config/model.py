"""Every key of mlci.yml: type, default, limits and meaning. Everything else about keys is derived from here.

The blocks ``code`` and ``data``, and ``evaluate`` and ``validation``, are long and stand in modules of their own.
"""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from mlci.config.data import Code, Data
from mlci.config.duration import Duration
from mlci.config.key import NAMED, key
from mlci.config.validation import Evaluate, Validation
from mlci.domain.recipe import MOST_SEEDS
from mlci.domain.training import When
from mlci.domain.waiver import KINDS, MOST_DAYS

DEFAULT_FILE = "mlci.yml"

Level = Literal["low", "medium", "high"]
Source = Literal["environment", "review", "comment", "deployment", "job", "local"]
# What the last stage asks for besides the kinds of evidence, unless a policy lets it go by name.
Asked = Literal["clean-tree", "data-version", "locked-environment", "reproducible", "predictions"]


@dataclass(frozen=True)
class Registry:
    """Where model versions are kept."""

    main: ClassVar[tuple[str, ...]] = ("uri",)

    uri: str = key(
        default="sqlite:///.mlci/mlflow.db",
        help="Address of the model registry; the default is a file on this machine, https://… is a server.",
    )


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
    seeds: int = key(
        default=1,
        minimum=1,
        maximum=MOST_SEEDS,
        owner="base",
        help="How many models are trained, with the seed and those that follow it, so that the way of training is "
        "compared with production and not one lucky model.",
    )
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
class Tier:
    """One level of risk: what belongs to it, and who must agree."""

    changed: tuple[str, ...] = key(default=(), help="Patterns of files whose change belongs to this level.")
    params: tuple[str, ...] = key(default=(), help="Hyper-parameters whose change belongs to this level.")
    approvals: int = key(default=1, minimum=0, maximum=20, help="How many people must approve.")
    from_: tuple[str, ...] = key(
        default=(),
        help="Who may approve: logins of people who may write to the repository, logins with the number of the account "
        "(alice#1234), or teams as @organisation/team; left out, everybody who may write. A number stays with its "
        "account, a login that became free can be taken by somebody else.",
    )
    by: tuple[Source, ...] = key(
        default=(),
        help="Which ways to approve count: a review, a comment that names the digest, the approval of an environment "
        "or deployment, a job started by hand, or the word of git on a machine without a forge; left out, all.",
        example="[environment, comment]",
    )


@dataclass(frozen=True)
class Approval:
    """Who must agree to which change."""

    low: Tier = key(factory=lambda: Tier(approvals=0), help="Changes of low risk.")
    medium: Tier = key(factory=Tier, help="Changes of medium risk.")
    high: Tier = key(factory=lambda: Tier(approvals=2), help="Changes of high risk.")
    otherwise: Level = key(default="high", help="The level of a change that no level names.")
    regulated: bool = key(
        default=False, help="Whether the model is for a regulated use, so that every change is of high risk."
    )


@dataclass(frozen=True)
class Probe:
    """How it is seen that what serves has followed."""

    main: ClassVar[tuple[str, ...]] = ("url",)

    url: str | None = key(
        default=None, help="Address of what serves the stage, as mlci serve and MLflow's server answer.",
        example="http://127.0.0.1:8080",
    )  # fmt: skip
    command: str | None = key(
        default=None,
        help="Command that ends with 0 when the version in MLCI_VERSION, whose digest is in MLCI_ARTIFACT, serves.",
    )
    timeout: Duration = key(default=Duration(300), help="Longest time to wait for it.", example="5m")


@dataclass(frozen=True)
class Promote:
    """The stages a model passes through."""

    stages: tuple[str, ...] = key(
        default=("dev", "staging", "production"), help="Stages, in the order a model passes them.", **NAMED
    )
    require: dict[str, tuple[str, ...]] = key(
        factory=dict, names="stage", help="Kinds of evidence that a stage asks for, by stage: gate, approval, data.",
        example="{production: [data, gate, approval]}",
    )  # fmt: skip
    relax: dict[str, tuple[Asked, ...]] = key(
        factory=dict, names="stage",
        help="What a stage does not ask for, by stage. The last stage asks for a clean-tree, a data-version, a "
        "locked-environment, that the model is reproducible, and that the verdict was measured again from predictions; "
        "others ask for none of it.",
        example="{production: [locked-environment]}",
    )  # fmt: skip
    verify: dict[str, Probe] = key(
        factory=dict, names="stage", help="How it is seen that what serves a stage has followed, by stage.",
        example="{production: 'http://127.0.0.1:8080'}",
    )  # fmt: skip
    signers: tuple[str, ...] = key(
        default=(),
        help="Files of public keys (PEM: Ed25519, or ECDSA on P-256) whose signatures of evidence count; with any, the "
        "evidence of model and gate must be signed.",
    )


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

    model: str | None = key(default=None, help="Name of the watched model; left out, model.", **NAMED)
    methods: dict[str, Method] = key(
        factory=dict, names="method", help="How drift is measured, by name.", example="{psi: {threshold: 0.10}}"
    )
    on_trigger: Trigger = key(factory=Trigger, help="What happens when a method triggers.")


@dataclass(frozen=True)
class Waiver:
    """A loss that somebody accepts for a time."""

    scope: str = key(
        default="",
        required=True,
        pattern=rf"(?:{'|'.join(KINDS)}):.*\S",
        pattern_help=f"the id of a finding that judges the candidate, which begins with {', '.join(KINDS)} and a colon",
        help="Id of the finding that is accepted, as reports name it; * stands for anything.",
        example="'compare:f1[region=north]'",
    )
    reason: str = key(default="", required=True, pattern=r".*\S.*", pattern_help="a sentence", help="Why.")
    owner: str = key(default="", required=True, pattern=r".*\S.*", pattern_help="a name", help="Who answers for it.")
    expires: date = key(
        default=date.max,
        required=True,
        help=f"The last day it holds, in UTC; at most {MOST_DAYS} days ahead.",
        example="2026-12-31",
    )


@dataclass(frozen=True)
class Config:
    """A whole mlci.yml."""

    model: str | None = key(
        default=None,
        help="Name of the model; comments, statuses and aliases carry it.",
        example="churn",
        owner="base",
        **NAMED,
    )
    registry: Registry = key(factory=Registry, owner="base", help="Where model versions are kept.")
    code: Code = key(factory=Code, owner="head", help="Checks of the code.")
    data: Data = key(factory=Data, owner="base", help="The data that the model is trained and judged on.")
    train: Train = key(factory=Train, owner="head", help="How the model is trained.")
    evaluate: Evaluate = key(factory=Evaluate, owner="base", help="What the predictions look like.")
    validation: Validation = key(factory=Validation, owner="base", help="What a candidate must satisfy.")
    waivers: tuple[Waiver, ...] = key(
        default=(),
        owner="base",
        help="Losses that are accepted for a time; each stays in every report as a warning.",
    )
    approval: Approval = key(factory=Approval, owner="base", help="Who must agree to which change.")
    promote: Promote = key(factory=Promote, owner="base", help="The stages a model passes through.")
    monitor: Monitor = key(factory=Monitor, owner="base", help="How a model in production is watched.")
