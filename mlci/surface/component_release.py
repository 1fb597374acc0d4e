"""The component that is a whole release: who agrees, staging, production and the way back, for one include."""

from __future__ import annotations

from typing import Any

from mlci.surface import component_inputs as own
from mlci.surface.command import Command
from mlci.surface.component_inputs import ComponentInput
from mlci.surface.component_yaml import Quoted, Row, component_text, filled, whole
from mlci.surface.components import FOLDER, JOBS, assembled, parameter, raw
from mlci.surface.release import APPROVE, PROMOTE, ROLLBACK

NAME = "release"
SOURCE = "mlci/surface/component_release.py"
ABOUT = "From a judged model to production: who agrees, staging, production and the way back, in five jobs."

# A person starts it, and a pipeline is not held up by it.
_BY_HAND = {"when": "manual", "allow_failure": True}
_ABOUT = {"key": parameter("key"), "gate-job": raw(Quoted(f"{filled('job-prefix')}-gate"))}
_COUNTING = "the jobs that count who agreed"
_MOVING = "the jobs that promote and roll back"


def release_files() -> dict[str, str]:
    """The component, by its path from the root of the repository."""
    header = {"inputs": {one.name: one.header for one in inputs()}}
    return {f"{FOLDER}/{NAME}.yml": component_text(SOURCE, ABOUT, header, jobs())}


def inputs() -> tuple[ComponentInput, ...]:
    """What the whole release takes: what most people set of its steps, and what makes its jobs."""
    return (
        own.given(PROMOTE.by_name["config"]),
        own.given(PROMOTE.by_name["key"]),
        ComponentInput(
            name="production", default="production", regex=r"^.+$",
            description="Stage of the model that a person promotes to, after the one that validation.promote_on_pass "
            "names, and the one that is rolled back.",
        ),
        own.extras(),
        ComponentInput(
            name="job-prefix", default="mlci", regex=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
            description="What the names of the jobs begin with, as in the component model: mlci-approval, "
            "mlci-approve, mlci-staging, mlci-production and mlci-rollback.",
        ),
        own.stage("test", _COUNTING, "approve-stage"),
        own.stage("deploy", _MOVING),
        own.image(of="the jobs"),
        own.tags(of="the jobs"),
        own.rules(own.APPROVE_RULES, "approve-rules", "the job that counts who agreed by itself"),
        own.rules(own.RELEASE_RULES, of="each of the jobs that promote and roll back"),
        own.timeout("30 minutes", of="each of the jobs"),
        own.environment(),
        own.release_environment("release-environment", f"Environment of {_MOVING},"),
        own.release_environment("production-environment", "Environment of the job that promotes to production,"),
        own.environment_action(),
        own.expire_in(),
    )  # fmt: skip


def jobs() -> dict[str, Any]:
    """The five jobs."""
    return {
        # The name of the one that a person plays is what an approval goes by.
        _named("approval"): _counting(),
        _named("approve"): _counting(**_BY_HAND, rules=[dict(rule) for rule in own.CHANGE_RULES.rules]),
        _named("staging"): _moving(PROMOTE, _ABOUT, needs=[_after("gate", optional=True)]),
        _named("production"): _moving(
            PROMOTE, {**_ABOUT, "to": parameter("production")}, needs=[_after("staging")], **_BY_HAND,
            environment=Row(name=filled("production-environment"), action=filled("environment-action")),
        ),
        _named("rollback"): _moving(ROLLBACK, {"stage": parameter("production")}, needs=[]),
    }  # fmt: skip


def _named(name: str) -> Quoted:
    return Quoted(f"{filled('job-prefix')}-{name}")


def _after(name: str, *, optional: bool = False) -> Row:
    return Row(job=_named(name), artifacts=False, **({"optional": True} if optional else {}))


def _counting(**keywords: Any) -> dict[str, Any]:
    always = {
        "stage": filled("approve-stage"),
        "rules": whole("approve-rules"),
        "needs": [_after("gate", optional=True)],
    }
    return _job(APPROVE, _ABOUT, **{**always, **keywords})


def _moving(step: Command, given: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    always = {
        "resource_group": Quoted(f"{filled('job-prefix')}-release"),
        "environment": Row(name=filled("release-environment"), action="access"),
    }
    return _job(step, given, **{**always, **keywords})


def _job(step: Command, given: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    """A job of the step with these parameters."""
    given = {"config": parameter("config"), **given}
    variables = {step.variable(step.by_name[name]): value for name, value in given.items()}
    return assembled(JOBS[step.name], variables, **keywords)
