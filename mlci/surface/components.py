"""Every step as a GitLab CI/CD component: its inputs, and one job whose script is the same text everywhere.

A component is YAML and nothing else, so it cannot bring the package: the job installs the version that is named here,
the one the component was generated with, where its image does not have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlci import __version__
from mlci.errors import Exit
from mlci.surface import component_inputs as own
from mlci.surface.checking import CODE_CI, DATA_CHECK
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


# Jobs before which the training environment is installed or the data are brought.
PREPARED = (CODE_CI, DATA_CHECK, MODEL_CI)
# Those that run code of the change, and so never ask for a token.
RUNNING = (CODE_CI, MODEL_CI)
# Where data-check leaves its evidence for a later job: each job clears .mlci/evidence before it begins.
DATA_EVIDENCE = "mlci-data/data.json"

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
        when: always, where it also runs after a job that failed; manual, where a person starts it; else empty.
        rules: in which pipelines it runs.
        releases: whether it adds to the ledger, so that one alone runs, and no pipeline of a change has its token.
        orange: exits that leave a pipeline as it is.
        several: whether it has a report on each of several changes.
    """

    step: Command
    stage: str = "test"
    timeout: str
    leaves: tuple[str, ...] = ()
    shows: tuple[str, ...]
    secret: bool = False
    checkout: bool = True
    when: Literal["", "always", "manual"] = ""
    rules: own.Rules = own.RULES
    releases: bool = False
    orange: tuple[Exit, ...] = ()
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
        Job(step=CODE_CI, timeout="15 minutes", leaves=(".mlci/report/code-ci/",), shows=("junit", "annotations")),
        Job(step=DATA_CHECK, timeout="30 minutes", leaves=("mlci-data/",), shows=("junit", "annotations")),
        Job(
            step=MODEL_CI, timeout="3 hours", leaves=("mlci-model/", ".mlci/evidence/model.json"),
            shows=("junit", "annotations"),
        ),
        Job(
            step=GATE_COMPARE, timeout="30 minutes", leaves=("mlci-keep/", ".mlci/evidence/gate.json"), secret=True,
            shows=("junit", "codequality", "metrics", "annotations", "dotenv"), orange=(Exit.WARNED,),
        ),
        Job(
            step=REPORT, timeout="30 minutes", shows=("junit", "annotations"), secret=True, checkout=False,
            several=True, rules=own.FORK_RULES,
        ),
        Job(
            # That somebody has yet to agree is what the status mlci/approval says; the job has done its work.
            step=APPROVE, timeout="10 minutes", leaves=(".mlci/evidence/approval.json",), secret=True,
            shows=("junit", "annotations"), rules=own.APPROVE_RULES, orange=(Exit.APPROVAL,), several=True,
        ),
        Job(
            step=PROMOTE, stage="deploy", timeout="30 minutes", leaves=(".mlci/evidence/promotion.json",), secret=True,
            shows=("junit", "annotations", "dotenv"), rules=own.RELEASE_RULES, releases=True,
        ),
        Job(
            step=ROLLBACK, stage="deploy", timeout="30 minutes", leaves=(".mlci/evidence/rollback.json",), secret=True,
            shows=("junit", "annotations", "dotenv"), rules=own.RELEASE_RULES, releases=True, when="manual",
        ),
        Job(
            step=CONCLUDE, stage=".post", timeout="10 minutes", shows=("junit",), secret=True, checkout=False,
            when="always",
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
        *([own.setup()] if job.step in RUNNING else []),
        *([own.fetch()] if job.step in (DATA_CHECK, MODEL_CI) else []),
        own.job_name(f"mlci-{job.step.name}"),
        own.stage(job.stage),
        own.image(),
        own.tags(),
        own.rules(job.rules),
        own.timeout(job.timeout),
        *_secret_inputs(job),
        own.expire_in(keeps_production=job.step is GATE_COMPARE),
        *([own.extras()] if job.step.extras else []),
    )


def _secret_inputs(job: Job) -> list[ComponentInput]:
    """The inputs that say how the job is given its token, and beside which other jobs it never runs."""
    if job.releases:
        return [own.release_environment(), own.environment_action(), own.resource_group()]
    return [own.environment()] if job.secret else []


def step_job(job: Job) -> dict[str, Any]:
    """The job of a step's component."""
    variables = {job.step.variable(param): parameter(own.name_of(param)) for param in own.offered(job.step)}
    if job.step in RUNNING:
        variables["MLCI_SETUP"] = parameter("setup")
    if job.step in (DATA_CHECK, MODEL_CI):
        variables["MLCI_FETCH"] = parameter("fetch")
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
        more: further keywords, which hold before those of the step.
    """
    found = {
        "stage": filled("stage"),
        "image": filled(image),
        "tags": whole(tags),
        "rules": whole("rules"),
        **({} if job.step in RUNNING else {"inherit": {"default": INHERITED}}),
        **({"when": job.when} if job.when else {}),
        **more,
        "timeout": filled(timeout),
        **({"resource_group": filled("resource-group")} if job.releases else {}),
        **({"environment": Row(name=filled("environment"), action=_action(job))} if job.secret else {}),
        "variables": {**_started(job), **variables},
        "script": [*([SETUP] if job.step in PREPARED else []), START],
        **_allowed(job),
        "artifacts": _artifacts(job),
    }
    return {**found, **more}


def _action(job: Job) -> str:
    return filled("environment-action") if job.releases else "access"


def _allowed(job: Job) -> dict[str, Any]:
    # A job that waits for a person would hold the whole pipeline up.
    if job.when == "manual":
        return {"allow_failure": True}
    return {"allow_failure": {"exit_codes": [int(one) for one in job.orange]}} if job.orange else {}


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
        **({job.step.variable(job.step.by_name["evidence"]): DATA_EVIDENCE} if job.step is DATA_CHECK else {}),
    }


def _artifacts(job: Job) -> dict[str, Any]:
    return {
        "when": "always",
        "expire_in": filled("expire-in"),
        "paths": [*job.leaves, job.files],
        "reports": {kind: job.shown(kind) for kind in job.shows},
    }
