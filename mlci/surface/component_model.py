"""The component that is a whole pipeline: it plans, checks, trains, judges and concludes, for one include."""

from __future__ import annotations

from typing import Any

from mlci.surface import component_inputs as own
from mlci.surface.checking import CODE_CI, DATA_CHECK
from mlci.surface.command import Command
from mlci.surface.component_inputs import ComponentInput
from mlci.surface.component_yaml import Quoted, Row, component_text, filled
from mlci.surface.components import DATA_EVIDENCE, FOLDER, JOBS, assembled, parameter, raw
from mlci.surface.pipeline import CONCLUDE, GATE_COMPARE, MODEL_CI, PLAN

NAME = "model"
SOURCE = "mlci/surface/component_model.py"
ABOUT = "From a commit to a judged model: plans, checks code and data, trains, judges and concludes, in six jobs."

# What plan hands on. Where there is no such variable the text is empty, and the change counts as touching the model.
TOUCHED = Quoted("$MLCI_OUTPUT_PLAN_MODEL")
# The registry's token for pipelines that may not write. MLFLOW_TRACKING_TOKEN as a variable of the project holds before
# a job's, and protected it is handed to protected branches alone, so that no merge request is given it.
READING = Quoted("$MLCI_REGISTRY_READ_TOKEN")

# A job that this one extended would say it more simply, until somebody's own `extends` takes its place unseen.
_BY_REGISTER = {
    # What production predicted is asked of those who keep it, never of the job that ran the change's code.
    "MLCI_REGISTER_false_BASELINE_FROM": Quoted("artifacts"),
    "MLCI_REGISTER_true_AGAINST": Quoted("production"),
    "MLCI_REGISTER_true_VERSION": Quoted("candidate"),
}
_JUDGING = "the jobs that plan, judge and conclude"
_TRAINING = "the job that trains and scores"
# Code of the change runs in the first of them, so that no runner that judges is theirs unless somebody says so.
_CHECKING = "the jobs that check code and data"


def model_files() -> dict[str, str]:
    """The component, by its path from the root of the repository."""
    header = {"inputs": {one.name: one.header for one in inputs()}}
    return {f"{FOLDER}/{NAME}.yml": component_text(SOURCE, ABOUT, header, jobs())}


def inputs() -> tuple[ComponentInput, ...]:
    """What the whole pipeline takes: what most people set of its steps, and what makes its jobs."""
    return (
        own.given(MODEL_CI.by_name["config"]),
        own.given(MODEL_CI.by_name["key"]),
        own.setup(),
        own.fetch(),
        own.given(MODEL_CI.by_name["python"]),
        _switch("check-code", "code-ci runs before anything is trained"),
        _switch(
            "check-data",
            "data-check runs before anything is trained, and model-ci trains on nothing else than what it passed",
        ),
        ComponentInput(
            name="register", default="false", options=("false", "true"),
            description="Whether a model of the default branch becomes a version of the registry that mlci.yml names, "
            "which must be a server. Otherwise the last accepted pipeline of that branch is production. The variable "
            "MLFLOW_TRACKING_TOKEN, masked and protected, is the registry's token; MLCI_REGISTRY_READ_TOKEN, masked, "
            'is one for merge requests, which must only be able to read. Takes "true" or "false", in quotes.',
        ),
        ComponentInput(
            name="exit-on-warn", default="true", options=("true", "false"),
            description='Whether the job that judges is orange where the verdict is warn. Takes "true" or "false", in '
            "quotes.",
        ),
        own.given(GATE_COMPARE.by_name["thread"]),
        own.extras(),
        ComponentInput(
            name="job-prefix", default="mlci", regex=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
            description="What the names of the jobs begin with: mlci-plan, mlci-code, mlci-data, mlci-model, mlci-gate "
            "and mlci-conclude. A second model needs a prefix of its own.",
        ),
        own.stage("test", "the jobs"),
        own.image(of=_JUDGING),
        own.image("train-image", f"{_TRAINING}, and of the one that checks code"),
        own.tags(of=_JUDGING),
        own.tags("check-tags", _CHECKING),
        own.tags("train-tags", _TRAINING),
        own.rules(own.MODEL_RULES),
        own.timeout("30 minutes", of="each of the jobs that plan, check, judge and conclude"),
        own.timeout("3 hours", "train-timeout", _TRAINING),
        ComponentInput(
            name="depth", default="20", regex=r"^[0-9]+$",
            description="How many commits the job that trains is given; 0 for all. Where models are registered and are "
            "scored by a command of the repository, production's own commit must be among them.",
        ),
        own.environment(),
        own.expire_in(keeps_production=True),
    )  # fmt: skip


def jobs() -> dict[str, Any]:
    """The six jobs."""
    return {
        _named("plan"): _job(PLAN, {"config": parameter("config")}),
        _named("code"): _code(),
        _named("data"): _data(),
        _named("model"): _model(),
        _named("gate"): _gate(),
        _named("conclude"): _conclude(),
    }


def _named(name: str) -> Quoted:
    return Quoted(f"{filled('job-prefix')}-{name}")


def _job(step: Command, given: dict[str, Any], more: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    """A job of the step with these parameters, all other variables after them."""
    variables = {step.variable(step.by_name[name]): value for name, value in given.items()}
    # Their rules ask for this one; a variable of the pipeline's of that name must switch nothing off.
    return assembled(JOBS[step.name], {"MLCI_CHECKED": Quoted("true"), **variables, **(more or {})}, **keywords)


def _switch(name: str, what: str) -> ComponentInput:
    return ComponentInput(
        name=name, default="true", options=("true", "false"),
        description=f'Whether {what}. Takes "true" or "false", in quotes.',
    )  # fmt: skip


def _code() -> dict[str, Any]:
    # Tests are nothing of the model, so this does not wait for what plan says.
    more = {"MLCI_SETUP": parameter("setup"), "MLCI_CHECKED": filled("check-code")}
    return _job(
        CODE_CI, {"config": parameter("config")}, more, image="train-image", tags="check-tags", needs=[]
    )  # fmt: skip


def _data() -> dict[str, Any]:
    given = {"config": parameter("config"), "touched": TOUCHED}
    more = {
        "MLCI_FETCH": parameter("fetch"), "MLCI_CHECKED": filled("check-data"), "MLFLOW_TRACKING_TOKEN": READING,
    }  # fmt: skip
    return _job(DATA_CHECK, given, more, tags="check-tags", needs=[_needed("plan")])


def _model() -> dict[str, Any]:
    given = {
        "config": parameter("config"),
        "key": parameter("key"),
        "python": parameter("python"),
        "reuse-from": Quoted("artifacts"),
        "register": parameter("register"),
        # Never a file that merely lies in the checkout.
        "data-evidence": _checked("DATA_EVIDENCE", "check-data"),
        "touched": TOUCHED,
    }
    more = {
        "MLCI_SETUP": parameter("setup"), "MLCI_FETCH": parameter("fetch"), "MLFLOW_TRACKING_TOKEN": READING,
        "GIT_DEPTH": parameter("depth"), "MLCI_DATA_EVIDENCE_true": Quoted(DATA_EVIDENCE),
    }  # fmt: skip
    return _job(
        MODEL_CI, given, more, image="train-image", tags="train-tags", timeout="train-timeout",
        needs=[
            _needed("plan"), _needed("code", artifacts=False, optional=True), _needed("data", optional=True),
        ],
    )  # fmt: skip


def _gate() -> dict[str, Any]:
    given = {
        "candidate": Quoted("mlci-model"),
        "baseline-from": _by_register("BASELINE_FROM"),
        "against": _by_register("AGAINST"),
        "version": _by_register("VERSION"),
        "config": parameter("config"),
        "key": parameter("key"),
        "exit-on-warn": parameter("exit-on-warn"),
        "thread": parameter("thread"),
        "touched": TOUCHED,
    }
    # Where training failed too: what an earlier commit was said to be must not stand as if it were about this one.
    return _job(
        GATE_COMPARE, given, {"MLFLOW_TRACKING_TOKEN": READING, **_BY_REGISTER}, when="always",
        needs=[_needed("plan"), _needed("model")],
    )  # fmt: skip


def _conclude() -> dict[str, Any]:
    checks = {"code": "check-code", "data": "check-data"}
    before = ("plan", *checks, "model", "gate")
    expect = [_checked(f"EXPECT_{one.upper()}", checks[one]) if one in checks else _named(one) for one in before]
    given = {"expect": Quoted(",".join(expect)), "may-warn": raw(_named("gate"))}
    more = {f"MLCI_EXPECT_{one.upper()}_true": _named(one) for one in checks}
    needs = [_needed(name, artifacts=False, optional=name in checks) for name in before]
    return _job(CONCLUDE, given, more, needs=needs)


def _checked(name: str, switch: str) -> Quoted:
    """A variable of the job that holds something where a check is on; empty where it is switched off."""
    return Quoted(f"${{MLCI_{name}_{filled(switch)}}}")


def _by_register(name: str) -> Quoted:
    """One of the variables below, by the input register; empty where there is none of that name."""
    return Quoted(f"${{MLCI_REGISTER_{filled('register')}_{name}}}")


def _needed(name: str, *, artifacts: bool = True, optional: bool = False) -> Row:
    return Row(job=_named(name), artifacts=artifacts, **({"optional": True} if optional else {}))
