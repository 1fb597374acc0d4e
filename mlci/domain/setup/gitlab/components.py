"""Our own components, as far as a pipeline that takes one in is judged by it where GitLab does not put it together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlci.domain.setup.gitlab.pipeline import ENVIRONMENT, Job, Rule
from mlci.errors import Exit

_OURS = re.compile(r"(?:.+/)?mlci/(?P<name>[a-z][a-z-]*)")
_FILE = re.compile(r"/?templates/(?P<name>[a-z][a-z-]*)\.ya?ml")
_PROJECT = re.compile(r"(?:.+/)?mlci/?")

# Where a component runs unless it is told otherwise.
RULES = (
    Rule(condition='$CI_PIPELINE_SOURCE == "merge_request_event"'),
    Rule(condition='$MLCI_FORKS == "true"', when="never"),
    Rule(condition="$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_PIPELINE_SOURCE =~ /^(push|schedule|web)$/"),
)
_FOR_FORKS = (
    Rule(
        condition='$MLCI_FORKS == "true" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && '
        "$CI_PIPELINE_SOURCE =~ /^(schedule|web)$/"
    ),
)
# Who agrees is counted for each change, and by a clock for all that wait; what moves a stage is the default branch's.
_COUNTED = (RULES[0], *_FOR_FORKS)
_MOVED = RULES[1:]
_RELEASING = "mlci-release"
_NAMES = frozenset(
    {
        "approve", "conclude", "gate-compare", "model", "model-ci", "plan", "promote", "release", "report", "rollback",
    }
)  # fmt: skip


def component(address: str) -> str | None:
    """Which of our components an address names, its version left out; None for another's."""
    found = _OURS.fullmatch(address)
    return found["name"] if found is not None and found["name"] in _NAMES else None


def template(project: str, file: str) -> str | None:
    """The same for a file of a project."""
    found = _FILE.fullmatch(file)
    known = found is not None and found["name"] in _NAMES and _PROJECT.fullmatch(project) is not None
    return found["name"] if found is not None and known else None


def jobs(name: str, inputs: Mapping[str, str], rules: tuple[Rule, ...] | None) -> tuple[Job, ...]:
    """The jobs that a component adds to a pipeline. A test holds this against the components themselves.

    Args:
        inputs: those that are given as texts.
        rules: the input of that name; None where it is not given.
    """
    if name == "release":
        return tuple(_release(inputs, rules or _MOVED))
    if name != "model":
        return (_single(name, inputs, rules),)
    prefix = inputs.get("job-prefix") or "mlci"
    stage = inputs.get("stage") or "test"
    plan, model, gate = (f"{prefix}-{each}" for each in ("plan", "model", "gate"))
    expected = {"MLCI_CONCLUDE_EXPECT": f"{plan},{model},{gate}"}
    before = {gate: (plan, model), f"{prefix}-conclude": (plan, model, gate)}
    named = {plan: "plan", model: "model-ci", gate: "gate-compare", f"{prefix}-conclude": "conclude"}
    return tuple(
        _job(
            command,
            inputs,
            name=job,
            stage=stage,
            rules=rules or RULES,
            when="always" if command in ("gate-compare", "conclude") else None,
            needs=before.get(job, () if command == "plan" else (plan,)) or None,
            takes=() if command == "conclude" else None,
            variables=expected if command == "conclude" else {},
        )
        for job, command in named.items()
    )


_STAGES = {"plan": ".pre", "conclude": ".post", "promote": "deploy", "rollback": "deploy"}
_RULES = {"report": _FOR_FORKS, "approve": _COUNTED, "promote": _MOVED, "rollback": _MOVED}


def _single(name: str, inputs: Mapping[str, str], rules: tuple[Rule, ...] | None) -> Job:
    expect = inputs.get("expect")
    return _job(
        name,
        inputs,
        name=inputs.get("job-name") or f"mlci-{name}",
        stage=inputs.get("stage") or _STAGES.get(name, "test"),
        rules=rules or _RULES.get(name, RULES),
        when={"conclude": "always", "rollback": "manual"}.get(name),
        allowed=name == "rollback" or None,
        variables={"MLCI_CONCLUDE_EXPECT": expect} if name == "conclude" and expect else {},
    )


def _release(inputs: Mapping[str, str], moved: tuple[Rule, ...]) -> Iterator[Job]:
    """The five jobs of a release; those that a person starts hold no pipeline up."""
    prefix = inputs.get("job-prefix") or "mlci"
    counting, moving = inputs.get("approve-stage") or "test", inputs.get("stage") or "deploy"
    releasing = inputs.get("release-environment") or _RELEASING
    for job, command, stage, rules, after, by_hand, environment in (
        ("approval", "approve", counting, _COUNTED, "gate", False, inputs.get("environment")),
        ("approve", "approve", counting, RULES[:1], "gate", True, inputs.get("environment")),
        ("staging", "promote", moving, moved, "gate", False, releasing),
        ("production", "promote", moving, moved, "staging", True, inputs.get("production-environment") or _RELEASING),
        ("rollback", "rollback", moving, moved, None, True, releasing),
    ):
        yield _job(
            command,
            {"environment": environment or ENVIRONMENT},
            name=f"{prefix}-{job}",
            stage=stage,
            rules=rules,
            when="manual" if by_hand else None,
            needs=(f"{prefix}-{after}",) if after is not None else (),
            takes=(),
            variables={},
            allowed=by_hand or None,
        )


def _job(
    command: str,
    inputs: Mapping[str, str],
    *,
    name: str,
    stage: str,
    rules: tuple[Rule, ...],
    variables: Mapping[str, str],
    when: str | None = None,
    needs: tuple[str, ...] | None = None,
    takes: tuple[str, ...] | None = None,
    allowed: bool | None = None,
) -> Job:
    posts, moves = command in ("gate-compare", "report", "conclude", "approve"), command in ("promote", "rollback")
    orange = {"gate-compare": (Exit.WARNED.value,), "approve": (Exit.APPROVAL.value,)}
    return Job(
        name=name,
        stage=stage,
        script='mlci "$MLCI_COMMAND"',
        rules=rules,
        when=when,
        allowed=allowed or orange.get(command),
        needs=needs,
        takes=takes,
        environment=(inputs.get("environment") or (_RELEASING if moves else ENVIRONMENT)) if posts or moves else None,
        dotenv=command in ("plan", "gate-compare", "promote", "rollback"),
        variables={"MLCI_COMMAND": command, **variables},
    )
