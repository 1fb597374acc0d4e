"""What merge requests from forks meet: a pipeline of their own, a token that is not theirs, and no note."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import MAINTAINS, Setup
from mlci.domain.setup.gitlab.presence import of_branch
from mlci.domain.setup.words import finding, listed
from mlci.domain.verdict import Verdict


def forks(setup: Setup) -> Iterator[Finding]:
    """Whose pipeline counts, where strangers' code may run, and whether forks get a report."""
    project = setup.project
    if project.forking == "disabled":
        yield finding("forks", Verdict.PASS, "nobody can fork the project")
        return
    yield _own_pipeline(setup)
    yield _here(setup)
    if project.strangers:
        yield _report(setup)


def _own_pipeline(setup: Setup) -> Finding:
    who = "anybody" if setup.project.strangers else "a member"
    return finding(
        "forks",
        Verdict.WARN,
        f"a merge request from a fork is green by the fork's own pipeline, which {who} can make without a gate",
        "GitLab runs it in the fork, by the fork's file and settings, and counts it. Before such a change is merged, "
        "read it and have it run here: by 'Run pipeline' on the merge request, or in a branch with its commit. Forks "
        "are turned off in Settings, General, Visibility.",
        about="their pipeline",
        reason="fork",
    )


def _here(setup: Setup) -> Finding:
    allowed = setup.project.forks_run_here
    if allowed is None:
        return finding(
            "forks",
            Verdict.INCONCLUSIVE,
            "whether a fork's pipeline may be run in this project is unknown: GitLab tells it to Maintainers",
            f"Give doctor a token with {MAINTAINS}, and run it on your own machine.",
            about="run here",
            reason="unknown",
            advisory=True,
        )
    if allowed:
        return finding(
            "forks",
            Verdict.WARN,
            "a member may run a fork's pipeline in this project, where strangers' code meets all its variables",
            "The environment that keeps MLCI_TOKEN apart is written in the file of the fork, too: read the change, its "
            ".gitlab-ci.yml above all, before choosing 'Run pipeline'. The setting "
            "ci_allow_fork_pipelines_to_run_in_parent_project of the API turns it off.",
            about="run here",
            reason="fork",
        )
    return finding("forks", Verdict.PASS, "a fork's pipeline cannot be run in this project", about="run here")


def _report(setup: Setup) -> Finding:
    """Whether something posts for forks, whose own pipeline has no token for it."""
    if setup.pipeline is None:
        return finding(
            "report",
            Verdict.INCONCLUSIVE,
            "whether forks get a report is unknown, as the pipeline is",
            "The component report in a scheduled pipeline posts it.",
            reason="unknown",
            advisory=True,
        )
    schedule = of_branch(setup.project, setup.project.default_branch, "schedule", "a schedule")
    jobs = [
        job.name
        for job in setup.calling("report")
        if any(outcome.when is not None for _, outcome in setup.becomes(job, (schedule,)))
    ]
    if jobs:
        return finding("report", Verdict.PASS, f"{listed(jobs)} reports on merge requests from forks, on a schedule")
    return finding(
        "report",
        Verdict.WARN,
        "no scheduled job reports on merge requests from forks: they get no note",
        "Add the component report, and a schedule in Build, Pipeline schedules, with the variable MLCI_FORKS set to "
        "true. Where nobody may fork the project it is not needed.",
        reason="fork",
    )
