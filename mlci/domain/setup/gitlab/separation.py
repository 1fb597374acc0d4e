"""Whether code of a change stays away from the token, and from the variables of the jobs that judge."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import Setup, named
from mlci.domain.setup.gitlab.pipeline import ENVIRONMENT, Job, Pipeline
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_TOKEN = "MLCI_TOKEN"


def separation(setup: Setup) -> Iterator[Finding]:
    """The environment of the token, the token in the file, and variables that jobs hand on."""
    pipeline = setup.pipeline
    if pipeline is None or not any(job.calls for job in pipeline.jobs.values()):
        return
    found = [*_environments(setup, pipeline), *_foreign(pipeline), *_written(pipeline), *_handed(pipeline)]
    yield from found
    if not found:
        message = "no job that runs code of the change meets the token or hands variables on"
        yield finding("separation", Verdict.PASS, message)


def _judging(pipeline: Pipeline) -> list[Job]:
    """The jobs that are meant to have the token."""
    return [job for job in pipeline.jobs.values() if {"gate-compare", "report"} & set(job.calls) and job.judges]


def _of_token(pipeline: Pipeline) -> set[str]:
    """The environments that the token is for."""
    return {job.environment for job in _judging(pipeline) if job.environment is not None} or {ENVIRONMENT}


def _environments(setup: Setup, pipeline: Pipeline) -> Iterator[Finding]:
    for job in pipeline.jobs.values():
        if job.environment is None or job.environment not in _of_token(pipeline) or job.judges:
            continue
        of_changes = any(outcome.when is not None for _, outcome in setup.becomes(job))
        yield finding(
            "separation",
            Verdict.FAIL if job.trains or of_changes else Verdict.WARN,
            f"{named(job)} runs in the environment {shown(job.environment, 40)}, where the token is",
            ("Code of a change runs there and can read it. " if of_changes else "")
            + f"Take environment: away, or name another: {_TOKEN} is for the jobs of mlci that judge and report.",
            about=f"{shown(job.name)}: environment",
        )
    bare = [job.name for job in _judging(pipeline) if job.environment is None]
    others = [job.name for job in pipeline.jobs.values() if not job.judges and not job.child]
    if bare and others:
        yield finding(
            "separation",
            Verdict.WARN,
            f"{listed(bare)} has no environment, so where {_TOKEN} reaches it, it reaches {listed(others)} too",
            f"Write environment: {{name: {ENVIRONMENT}, action: access}} at the job, and set the environment scope of "
            f"the variable {_TOKEN} to {ENVIRONMENT}.",
            about="no environment",
        )


def _foreign(pipeline: Pipeline) -> Iterator[Finding]:
    """Files of the checkout that are run beside our commands, where the token is or variables are handed on."""
    for job in pipeline.jobs.values():
        if job.judges and job.foreign is not None and (job.environment in _of_token(pipeline) or job.dotenv):
            yield finding(
                "separation",
                Verdict.WARN,
                f"{named(job)} also runs what a change may bring along: {shown(job.foreign)}",
                "It meets the token, or says what later jobs are told. Leave to this job what mlci does, and install "
                "mlci by its name and version; default: before_script is left out by inherit: {default: false}.",
                about=f"{shown(job.name)}: script",
            )


def _written(pipeline: Pipeline) -> Iterator[Finding]:
    """A token that stands in the pipeline itself, for everybody or for the job that trains."""
    holders = [named(job) for job in pipeline.jobs.values() if _TOKEN in job.variables and not job.judges]
    if _TOKEN in pipeline.variables:
        holders.append("every job")
    if holders:
        yield finding(
            "separation",
            Verdict.FAIL,
            f"variables: of the pipeline give {_TOKEN} to {listed(holders)}",
            f"Take it out of the file. Set it in Settings, CI/CD, Variables: masked, with the environment scope "
            f"{ENVIRONMENT}. If its value stood in the file, revoke it.",
            about="variables",
        )


def _handed(pipeline: Pipeline) -> Iterator[Finding]:
    """Variables that a job hands on replace those that a later job declares, the policy's among them."""
    judging = [job for job in pipeline.jobs.values() if job.judges]
    for job in pipeline.jobs.values():
        if not job.dotenv or job.judges:
            continue
        takers = [other.name for other in judging if pipeline.hands(job, other)]
        if not takers and not job.trains:
            continue
        yield finding(
            "separation",
            Verdict.FAIL,
            f"{named(job)} hands variables on (reports: dotenv)"
            + (f" to {listed(takers)}" if takers else ", and code of a change runs in it"),
            "They replace variables of the jobs that take them, so code of a change could say how it is judged. "
            + ("Take reports: dotenv away." if job.trains else _apart(job)),
            about=f"{shown(job.name)}: dotenv",
        )


def _apart(job: Job) -> str:
    return f"Write dependencies: or needs: at the jobs of mlci, without {shown(job.name, 60)} in it."
