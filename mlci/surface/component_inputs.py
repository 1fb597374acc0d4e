"""The inputs of components: one for each parameter that GitLab has a use for, and those that make the job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from mlci.surface.actions import explained
from mlci.surface.command import Command, Param

# Where results are written is said by the artifacts of the job, so it is not for an input to say otherwise.
WITHHELD = ("report", "evidence", "keep", "format")

IMAGE = "python:3.12"
ENVIRONMENT = "mlci"
# Its token may add to the ledger: only pipelines of protected branches are handed it, never one of a merge request.
RELEASE_ENVIRONMENT = "mlci-release"
RESOURCE_GROUP = "mlci-release"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """In which pipelines a job runs.

    Attributes:
        rules: as GitLab reads them.
        when: the same in words.
    """

    rules: tuple[dict[str, str], ...]
    when: str


# A schedule, or a person who starts a pipeline, gives it so that the report on forks is made, and nothing else.
_FORKS = '$MLCI_FORKS == "true"'
_NO_FORKS = {"if": _FORKS, "when": "never"}
_UNLESS_FORKS = "unless the variable MLCI_FORKS is true"
_CHANGES = {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
_DEFAULT_BRANCH = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
_MERGED = {"if": f"{_DEFAULT_BRANCH} && $CI_PIPELINE_SOURCE =~ /^(push|schedule|web)$/"}
_WITHOUT_PUSH = f"{_DEFAULT_BRANCH} && $CI_PIPELINE_SOURCE =~ /^(schedule|web)$/"
RULES = Rules(
    rules=(_CHANGES, _NO_FORKS, _MERGED),
    when="the pipelines of merge requests, and those of the default branch that a push, a schedule or a person "
    f"started, {_UNLESS_FORKS}",
)
# Of the whole pipeline, whose jobs that check can be switched off: by a variable that these alone have.
MODEL_RULES = Rules(
    rules=({"if": '$MLCI_CHECKED == "false"', "when": "never"}, *RULES.rules),
    when=f"{RULES.when}. Rules of your own leave the jobs that are switched off out where the variable MLCI_CHECKED is "
    "false",
)
FORK_RULES = Rules(
    rules=({"if": f"{_FORKS} && {_WITHOUT_PUSH}"},),
    when="pipelines of the default branch that a schedule or a person started with the variable MLCI_FORKS with the "
    "value true",
)
# Promote counts for what was merged; what is said between two pushes to a change, the schedule that looks at forks.
APPROVE_RULES = Rules(
    rules=(_CHANGES, *FORK_RULES.rules),
    when=f"the pipelines of merge requests, and {FORK_RULES.when}",
)
CHANGE_RULES = Rules(rules=(_CHANGES,), when="the pipelines of merge requests")
RELEASE_RULES = Rules(
    rules=(_NO_FORKS, _MERGED),
    when=f"those of the default branch that a push, a schedule or a person started, {_UNLESS_FORKS}",
)

# RE2, for refusing early; what is right in the end is said by the command, with a place and a help line.
_NUMBER = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
_DURATION = r"[0-9]+(\.[0-9]+)?\s?[smhd]"
_WORDS = r"[a-z]+([,\s]+[a-z]+)*"
# Also a variable that a job before hands on, such as that of plan.
TRUTH_OR_VARIABLE = r"^(true|false|\$[A-Za-z_][A-Za-z0-9_]*)?$"


@dataclass(frozen=True, kw_only=True)
class ComponentInput:
    """One input of a component.

    Attributes:
        name: what stands before the colon in ``inputs:``.
        description: what it means and takes, as sentences.
        type: array, or string: GitLab wants a default of the same type, and only a text can be empty.
        default: what holds where it is left out; an empty text is not given to the command.
        options: all that it takes.
        regex: what it has to match, for GitLab to refuse it before there is a pipeline.
        param: the parameter it gives; None for what makes the job.
    """

    name: str
    description: str
    type: Literal["string", "array"] = "string"
    default: Any = ""
    options: tuple[str, ...] = ()
    regex: str = ""
    param: Param | None = None

    @property
    def header(self) -> dict[str, Any]:
        """The input in the header of its component."""
        found: dict[str, Any] = {"description": self.description}
        if self.type != "string":
            found["type"] = self.type
        found["default"] = self.default
        if self.options:
            found["options"] = list(self.options)
        if self.regex:
            found["regex"] = self.regex
        return found


def offered(command: Command) -> tuple[Param, ...]:
    """The parameters of a command that its component takes."""
    return tuple(param for param in command.offered("gitlab") if param.name not in WITHHELD)


def name_of(param: Param) -> str:
    """The name of the input that gives a parameter."""
    return param.component or param.name


def given(param: Param) -> ComponentInput:
    """The input that gives a parameter."""
    options: tuple[str, ...] = ()
    if param.name != "touched" and param.kind in ("boolean", "choice"):
        options = ("", *(param.choices or ("true", "false")))
    return ComponentInput(
        name=name_of(param), description=_description(param), options=options, regex=_regex(param), param=param
    )


def _description(param: Param) -> str:
    # An input is a text, and YAML takes what has no quotes for something else.
    text = re.sub(r"Takes (true) or (false)\.", r'Takes "\1" or "\2", in quotes.', explained(param))
    text = re.sub(r"Takes a number( or a percentage)?\.", r"Takes a number\1, in quotes.", text)
    if param.name == "change":
        text = text.replace("Takes a number", "Takes a whole number")
    if param.name == "touched":
        text += " It may be a variable of that job, as in $MLCI_OUTPUT_PLAN_MODEL."
    return text


def _regex(param: Param) -> str:
    if param.name == "touched":
        return TRUTH_OR_VARIABLE
    if param.name == "change":
        return r"^([1-9][0-9]*)?$"
    if param.kind == "number":
        return f"^({_NUMBER})?$"
    if param.kind == "tolerance":
        return rf"^({_NUMBER}(\s?%)?)?$"
    if param.overrides and param.shape.kind == "duration":
        return f"^({_DURATION})?$"
    return ""


def job_name(default: str) -> ComponentInput:
    """The name of the one job of a component."""
    return ComponentInput(
        name="job-name", default=default, regex=r"^[^.\s].*$",
        description="Name of the job. Two jobs of one name become one, so give each its own.",
    )  # fmt: skip


def stage(default: str, of: str = "the job", name: str = "stage") -> ComponentInput:
    """The stage of the job, or of all."""
    return ComponentInput(name=name, default=default, regex=r"^.+$", description=f"Stage of {of}.")


def image(name: str = "image", of: str = "the job") -> ComponentInput:
    """The image of a job."""
    return ComponentInput(
        name=name, default=IMAGE, regex=r"^.+$",
        description=f"Image of {of}: it has git, and Python 3.10 or newer with its venv. Where it has mlci in the "
        "version of the component, nothing is downloaded.",
    )  # fmt: skip


def tags(name: str = "tags", of: str = "the job") -> ComponentInput:
    """The tags that choose a runner."""
    return ComponentInput(
        name=name, type="array", default=[],
        description=f"Tags of the runner of {of}. Those that default: of the pipeline gives do not count here.",
    )  # fmt: skip


def rules(default: Rules = RULES, name: str = "rules", of: str = "it") -> ComponentInput:
    """When there is the job at all."""
    return ComponentInput(
        name=name, type="array", default=[dict(rule) for rule in default.rules],
        description=f"In which pipelines {of} runs, as rules: of a job. Left out: {default.when}.",
    )  # fmt: skip


def timeout(default: str, name: str = "job-timeout", of: str = "the job") -> ComponentInput:
    """How long a job may take."""
    return ComponentInput(
        name=name, default=default, regex=r"^.+$", description=f"Longest time that {of} may take, such as 1h 30m."
    )


def fetch() -> ComponentInput:
    """What brings the data."""
    return ComponentInput(
        name="fetch",
        description="Lines of shell that bring the data, where they do not lie in the repository, such as dvc pull, in "
        "the shell of the job.",
    )


def environment() -> ComponentInput:
    """The environment whose variables reach the job."""
    return ComponentInput(
        name="environment", default=ENVIRONMENT, regex=r"^.+$",
        description="Environment of which variables are handed over, MLCI_TOKEN among them: a project access token "
        "with the role Developer and the scope api, as a masked variable of that environment's scope. Nothing is "
        "deployed to it.",
    )  # fmt: skip


def release_environment(name: str = "environment", of: str = "Environment") -> ComponentInput:
    """The environment whose variables reach a job that adds to the ledger."""
    return ComponentInput(
        name=name, default=RELEASE_ENVIRONMENT, regex=r"^.+$",
        description=f"{of} of which variables are handed over, MLCI_TOKEN among them: a project access token with the "
        "role Developer and the scope api that may push to the branch mlci/ledger, as a masked and protected variable "
        "of that environment's scope.",
    )  # fmt: skip


def environment_action() -> ComponentInput:
    """What the job is to its environment."""
    return ComponentInput(
        name="environment-action", default="access", options=("access", "start"),
        description="What the job is to the environment. access: it takes its variables. start: it is a deployment to "
        "it, so that a protected environment asks those who may deploy, and its approvers, before the job runs.",
    )  # fmt: skip


def resource_group() -> ComponentInput:
    """What only one job at a time may have."""
    return ComponentInput(
        name="resource-group", default=RESOURCE_GROUP, regex=r"^[A-Za-z0-9_/${}. -]+$",
        description="Jobs of one name here never run at once. Give each model a name of its own, the same for what "
        "promotes it and what rolls it back.",
    )  # fmt: skip


def expire_in(*, keeps_production: bool = False) -> ComponentInput:
    """How long artifacts are kept."""
    return ComponentInput(
        name="expire-in", default="90 days", regex=r"^.+$",
        description="How long the artifacts are kept."
        + (" Later pipelines find production there." if keeps_production else ""),
    )  # fmt: skip


def extras() -> ComponentInput:
    """Further parts of the package."""
    return ComponentInput(
        name="extras", regex=f"^({_WORDS})?$",
        description="Further parts of the package that are needed and that the names of files do not show: parquet, "
        "store; media, for folders of images; sign, for promote.signers.",
    )  # fmt: skip


def setup() -> ComponentInput:
    """What makes the training environment."""
    return ComponentInput(
        name="setup",
        description="Lines of shell that install the training environment, in the shell of the job. Left out, "
        "requirements.txt beside the configuration file or at the top of the repository is installed, where there is "
        "one.",
    )  # fmt: skip
