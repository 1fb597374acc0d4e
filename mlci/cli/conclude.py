"""``mlci conclude``: judge how the jobs ended that this one speaks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlci.cli.delivery import EXITS, delivery_of
from mlci.config.resolve import names_in
from mlci.steps import conclude

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import JobResult
    from mlci.errors import Exit

    Names = Mapping[str, list[str]]


def run(invocation: Invocation) -> Exit:
    """Judge, deliver and return the exit code of the verdict."""
    own = invocation.own
    delivery = delivery_of(invocation)
    lists: Names = {
        name: names_in(own[name] or "") for name in ("expect", "model_jobs", "may_skip", "may_fail", "may_warn")
    }  # fmt: skip
    plan: str | None = own["plan"]
    if own["needs"] is not None:
        jobs = conclude.read_needs(own["needs"])
    else:
        # GitLab does not say what a job handed on, and leaves none out for it.
        jobs, lists, plan = *_of_pipeline(invocation, lists), None
    report = conclude.run(jobs, plan=plan, **lists)
    delivery.deliver(report, {})
    return EXITS[report.verdict]


def _of_pipeline(invocation: Invocation, lists: Names) -> tuple[tuple[JobResult, ...], Names]:
    """The jobs of this pipeline of GitLab's, which hands no job what became of the others: those expected, or all.

    With them the lists, in which a name stands for all legs of its job.
    """
    from mlci.adapters.gitlab.api import connect
    from mlci.adapters.gitlab.pipelines import GitLabRuns
    from mlci.adapters.gitlab.run import legs
    from mlci.adapters.told import counted

    environ = invocation.environ
    runs = GitLabRuns(connect(environ), counted(environ, "CI_PROJECT_ID"))
    found = runs.results(counted(environ, "CI_PIPELINE_ID"), counted(environ, "CI_JOB_ID"))
    names = [job.name for job in found]
    expect = [leg for name in lists["expect"] for leg in legs(name, names)]
    jobs = tuple(job for job in found if not expect or job.name in expect)
    judged = [job.name for job in jobs]
    permitted = {flag: [leg for name in listed for leg in legs(name, judged)] for flag, listed in lists.items()}
    return jobs, {**permitted, "expect": expect}
