"""Whether the job that concludes can be believed: it always runs, after the jobs that it speaks for."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import IN_CHANGES, Setup, hanging, named, names
from mlci.domain.setup.gitlab.pipeline import Job, Pipeline
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict


def conclusion(setup: Setup) -> Iterator[Finding]:
    """The job that looks at the others: it is always there, runs last, and its failure counts."""
    if setup.pipeline is None or not setup.calling("gate-compare"):
        return
    found = setup.calling("conclude")
    if not found:
        yield finding(
            "conclude",
            Verdict.WARN,
            "no job runs conclude, so a job that was skipped, or that may fail, is not missed",
            "Add the component conclude. GitLab counts a pipeline green although a job in it was never started.",
            reason="missing",
        )
    for job in found:
        problems = list(_conclude(setup, setup.pipeline, job))
        yield from problems
        if not problems:
            message = f"{named(job)} always runs, and after the jobs that it concludes about"
            yield finding("conclude", Verdict.PASS, message, about=shown(job.name))
    lists = [names(job.given("conclude", "expect")) for job in found]
    missed = [
        gate.name for gate in setup.calling("gate-compare") if all(names and gate.name not in names for names in lists)
    ]
    if found and missed:
        yield finding(
            "conclude",
            Verdict.WARN,
            f"no job that runs conclude expects {listed(missed)}, so none misses it",
            "Name every job of mlci in expect of a conclude.",
            about="expect",
        )


def _conclude(setup: Setup, pipeline: Pipeline, job: Job) -> Iterator[Finding]:
    about = shown(job.name)
    became = {outcome for _, outcome in setup.becomes(job)}
    left = [outcome for outcome in became if outcome.when is None]
    if left:
        by = f" by {hanging(left[0].doubts)}" if left[0].doubts else ""
        message = f"{named(job)} may be left out of the pipeline of a merge request{by}"
        yield finding("conclude", Verdict.WARN, message, f"Write at the job: {IN_CHANGES}.", about=f"{about}: rules")
    if any(outcome.when not in (None, "always") for outcome in became):
        yield finding(
            "conclude",
            Verdict.WARN,
            f"{named(job)} does not always run: it is skipped where an earlier job has failed",
            "Write when: always, at the job or at each of its rules.",
            about=f"{about}: when",
        )
    if any(outcome.when is not None and outcome.allowed is not False for outcome in became):
        yield finding(
            "conclude",
            Verdict.FAIL,
            f"{named(job)} may fail, so what it finds holds nothing back",
            "Take allow_failure away.",
            about=f"{about}: allow_failure",
        )
    before = pipeline.waits_for(job)
    behind = [name for name in _watched(setup, pipeline, job) if name not in before]
    if behind:
        yield finding(
            "conclude",
            Verdict.WARN,
            f"{named(job)} may run before {listed(behind)}",
            "Put it into the last stage, and leave needs: out or name every job of ours there.",
            about=f"{about}: order",
        )


def _watched(setup: Setup, pipeline: Pipeline, job: Job) -> list[str]:
    """The jobs of a merge request that a job concludes about: those it expects, or all of ours."""
    expected = names(job.given("conclude", "expect"))
    jobs = [pipeline.jobs[name] for name in expected if name in pipeline.jobs] if expected else pipeline.jobs.values()
    return [
        one.name
        for one in jobs
        if one.calls and "conclude" not in one.calls and any(out.when is not None for _, out in setup.becomes(one))
    ]
