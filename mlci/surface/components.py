"""Every step as a GitLab CI/CD component: its inputs, and one job whose script is the same text everywhere.

A component is YAML and nothing else, so it cannot bring the package: the job installs the version that is named here,
the one the component was generated with, where its image does not have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci import __version__
from mlci.errors import Exit
from mlci.surface import component_inputs as own
from mlci.surface.command import Command
from mlci.surface.component_inputs import ComponentInput
from mlci.surface.component_yaml import Quoted, Row, Script, component_text, filled, whole
from mlci.surface.pipeline import CONCLUDE, GATE_COMPARE, MODEL_CI, PLAN, REPORT, STEPS
from mlci.surface.release import APPROVE, PROMOTE, ROLLBACK

FOLDER = "templates"
SOURCE = "mlci/surface/pipeline.py"

_SCRIPTS = Path(__file__).with_name("scripts")
START = Script((_SCRIPTS / "start.sh").read_text(encoding="utf-8"))
SETUP = Script((_SCRIPTS / "setup.sh").read_text(encoding="utf-8"))

# Nothing else of the pipeline's default: reaches a job with a token: its before_script may run code of the change.
INHERITED = ["interruptible", "retry"]


_ENDS = {
    "junit": "junit.xml", "codequality": "codequality.json", "metrics": "metrics.txt",
    "annotations": "annotations.json", "dotenv": "env",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the job of a step is like on GitLab.

    Attributes:
        step: the command it runs.
        stage: where it stands if nobody says otherwise.
        timeout: the longest it may take if nobody says otherwise.
        leaves: what it hands on besides its report, from the top of the project.
        shows: what GitLab shows of it where people look: the kinds of reports, with the ends of their files' names.
        secret: whether it asks for MLCI_TOKEN; a job that runs code of a change never does.
        checkout: whether it reads files of the commit.
        always: whether it also runs after a job that failed.
        several: whether it has a report on each of several changes.
    """

    step: Command
    stage: str = "test"
    timeout: str
    leaves: tuple[str, ...] = ()
    shows: tuple[str, ...]
    secret: bool = False
    checkout: bool = True
    always: bool = False
    several: bool = False

    @property
    def files(self) -> str:
        """Its report, in all forms, as GitLab's patterns say it."""
        return f".mlci/report/{self.step.name}{'*' if self.several else '.*'}"

    def shown(self, kind: str) -> str:
        """The file, or the files, of a kind of report that GitLab shows."""
        # Several files are put together for junit alone.
        several = "*" if self.several and kind == "junit" else ""
        return f".mlci/report/{self.step.name}{several}.{_ENDS[kind]}"


# What a job hands on by dotenv holds before the variables of later jobs, so one that runs code of a change has none.
JOBS = {
    job.step.name: job
    for job in (
        Job(step=PLAN, stage=".pre", timeout="10 minutes", shows=("dotenv",)),
        Job(
            step=MODEL_CI, timeout="3 hours", leaves=("mlci-model/", ".mlci/evidence/model.json"),
            shows=("junit", "annotations"),
        ),
        Job(
            step=GATE_COMPARE, timeout="30 minutes", leaves=("mlci-keep/", ".mlci/evidence/gate.json"), secret=True,
            shows=("junit", "codequality", "metrics", "annotations", "dotenv"),
        ),
        Job(
            step=REPORT, timeout="30 minutes", shows=("junit", "annotations"), secret=True, checkout=False,
            several=True,
        ),
        Job(
            step=APPROVE, timeout="10 minutes", leaves=(".mlci/evidence/approval.json",), secret=True,
            shows=("junit", "annotations"),
        ),
        Job(
            step=PROMOTE, stage="deploy", timeout="30 minutes", leaves=(".mlci/evidence/promotion.json",), secret=True,
            shows=("junit", "annotations", "dotenv"),
        ),
        Job(
            step=ROLLBACK, stage="deploy", timeout="30 minutes", leaves=(".mlci/evidence/rollback.json",), secret=True,
            shows=("junit", "annotations", "dotenv"),
        ),
        Job(
            step=CONCLUDE, stage=".post", timeout="10 minutes", shows=("junit",), secret=True, checkout=False,
            always=True,
        ),
    )
}  # fmt: skip


def component_files() -> dict[str, str]:
    """The component of every step, by its path from the root of the repository."""
    return {f"{FOLDER}/{step.name}.yml": _component(JOBS[step.name]) for step in STEPS}


def _component(job: Job) -> str:
    header = {"inputs": {one.name: one.header for one in inputs(job)}}
    return component_text(SOURCE, job.step.summary, header, {filled("job-name"): step_job(job)})


def inputs(job: Job) -> tuple[ComponentInput, ...]:
    """The inputs of a step's component: those of the command, then those of the job."""
    return (
        *(own.given(param) for param in own.offered(job.step)),
        *([own.setup()] if job.step is MODEL_CI else []),
        own.job_name(f"mlci-{job.step.name}"),
        own.stage(job.stage),
        own.image(),
        own.tags(),
        own.rules(own.FORK_RULES if job.step is REPORT else own.RULES),
        own.timeout(job.timeout),
        *([own.environment()] if job.secret else []),
        own.expire_in(keeps_production=job.step is GATE_COMPARE),
        *([own.extras()] if job.step.extras else []),
    )


def step_job(job: Job) -> dict[str, Any]:
    """The job of a step's component."""
    variables = {job.step.variable(param): parameter(param.name) for param in own.offered(job.step)}
    if job.step is MODEL_CI:
        variables["MLCI_SETUP"] = parameter("setup")
    return assembled(job, variables)


def assembled(
    job: Job,
    variables: dict[str, Any],
    *,
    image: str = "image",
    tags: str = "tags",
    timeout: str = "job-timeout",
    **more: Any,
) -> dict[str, Any]:
    """A job.

    Args:
        job: of which step.
        variables: what the step is given.
        image: the input that names the image.
        tags: the input that names the runner's tags.
        timeout: the input that says how long it may take.
        more: further keywords.
    """
    return {
        "stage": filled("stage"),
        "image": filled(image),
        "tags": whole(tags),
        "rules": whole("rules"),
        **({} if job.step is MODEL_CI else {"inherit": {"default": INHERITED}}),
        **({"when": "always"} if job.always else {}),
        **more,
        "timeout": filled(timeout),
        **({"environment": Row(name=filled("environment"), action="access")} if job.secret else {}),
        "variables": {**_started(job), **variables},
        "script": [*([SETUP] if job.step is MODEL_CI else []), START],
        **({"allow_failure": {"exit_codes": [int(Exit.WARNED)]}} if job.step is GATE_COMPARE else {}),
        "artifacts": _artifacts(job),
    }


def parameter(name: str) -> Any:
    """What hands an input on, unaltered: in a variable, in which GitLab looks for no other variable.

    Whether the change touches the model is the exception: a variable of the job that ran plan says that.
    """
    return filled(name) if name == "touched" else raw(filled(name))


def raw(text: str) -> Row:
    """A variable of a job in which GitLab looks for no other variable."""
    return Row(value=text, expand=False)


def _started(job: Job) -> dict[str, Any]:
    """What the script asks for: the command, the version, and the parts of the package."""
    extras = ",".join(job.step.extras)
    return {
        "MLCI_COMMAND": job.step.name,
        "MLCI_VERSION": Quoted(__version__),
        "MLCI_EXTRAS": raw(Quoted(f"{extras},{filled('extras')}")) if extras else Quoted(""),
        **({} if job.checkout else {"GIT_STRATEGY": "none"}),
    }


def _artifacts(job: Job) -> dict[str, Any]:
    return {
        "when": "always",
        "expire_in": filled("expire-in"),
        "paths": [*job.leaves, job.files],
        "reports": {kind: job.shown(kind) for kind in job.shows},
    }
