"""Whether the data are checked before a model is trained on them, in the pipelines of merge requests."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import Setup, named
from mlci.domain.setup.gitlab.pipeline import Job, Pipeline
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_CHECKS = "data-check"
_TRAINS = "model-ci"


def checking(setup: Setup) -> Iterator[Finding]:
    """What is said of every job that trains."""
    if setup.pipeline is None:
        return
    checks = [
        job for job in setup.calling(_CHECKS) if any(outcome.when is not None for _, outcome in setup.becomes(job))
    ]
    for job in setup.calling(_TRAINS):
        yield from _trained(setup.pipeline, job, checks)


def _trained(pipeline: Pipeline, job: Job, checks: list[Job]) -> Iterator[Finding]:
    about = shown(job.name)
    if not checks:
        yield finding(
            "data",
            Verdict.WARN,
            f"nothing checks the data before {named(job)} trains on them",
            "Take the component data-check in before it, or leave check-data of the component model on: broken data "
            "then cost minutes and no training. mlci data-profile drafts what they are held to.",
            about=about,
            reason="missing",
            advisory=True,
        )
        return
    names = [one.name for one in checks]
    problems: list[Finding] = []
    if not any(one is job or one.name in pipeline.waits_for(job) for one in checks):
        problems.append(
            finding(
                "data",
                Verdict.WARN,
                f"{named(job)} does not wait for {listed(names)}, so training has begun before it is known whether the "
                "data are right",
                f"Add to its needs: {listed(names)}, or put it into a later stage.",
                about=f"{about}: needs",
            )
        )
    if _CHECKS not in job.calls and job.given(_TRAINS, "data-evidence") is None:
        problems.append(
            finding(
                "data",
                Verdict.WARN,
                f"{named(job)} is not handed the evidence of data-check, so nobody sees whether it reads the bytes "
                "that passed",
                "Give the input data-evidence: mlci-data/data.json is what the component data-check leaves.",
                about=f"{about}: evidence",
            )
        )
    yield from problems
    if not problems:
        yield finding("data", Verdict.PASS, f"{named(job)} trains on nothing else than what passed", about=about)
