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
_MODEL_RULES = (Rule(condition='$MLCI_CHECKED == "false"', when="never"), *RULES)
# Where the job that checks data leaves its evidence.
DATA_EVIDENCE = "mlci-data/data.json"
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
        "approve", "code-ci", "conclude", "data-check", "gate-compare", "model", "model-ci", "plan", "promote",
        "release", "report", "rollback",
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
    return tuple(_model(inputs, rules or _MODEL_RULES))


# What the jobs of the whole pipeline run, and which of them each waits for.
_PIPELINE = {
    "plan": ("plan", None),
    "code": ("code-ci", ()),
    "data": ("data-check", ("plan",)),
    "model": ("model-ci", ("plan", "code", "data")),
    "gate": ("gate-compare", ("plan", "model")),
    "conclude": ("conclude", ("plan", "code", "data", "model", "gate")),
}


def _model(inputs: Mapping[str, str], rules: tuple[Rule, ...]) -> Iterator[Job]:
    """The six jobs of the whole pipeline; one that is switched off is there, and its first rule leaves it out."""
    prefix = inputs.get("job-prefix") or "mlci"
    on = {one: inputs.get(f"check-{one}") != "false" for one in ("code", "data")}
    there = [one for one in _PIPELINE if on.get(one, True) and one != "conclude"]
    own: dict[str, dict[str, str]] = {
        **{one: {"MLCI_CHECKED": "false"} for one in on if not on[one]},
        "model": {"MLCI_MODEL_CI_DATA_EVIDENCE": DATA_EVIDENCE} if on["data"] else {},
        "conclude": {"MLCI_CONCLUDE_EXPECT": ",".join(f"{prefix}-{one}" for one in there)},
    }
    taken: dict[str, tuple[str, ...]] = {"code": (), "conclude": (), "model": (f"{prefix}-plan", f"{prefix}-data")}
    for one, (command, before) in _PIPELINE.items():
        yield _job(
            command,
            inputs,
            name=f"{prefix}-{one}",
            stage=inputs.get("stage") or "test",
            rules=rules,
            when="always" if command in ("gate-compare", "conclude") else None,
            needs=None if before is None else tuple(f"{prefix}-{each}" for each in before),
            takes=taken.get(one),
            variables={"MLCI_CHECKED": "true", **own.get(one, {})},
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
