"""What people let a pipeline do: deployments that they approve, and the manual job that they play.

https://docs.gitlab.com/ci/environments/deployment_approvals/, https://docs.gitlab.com/ci/jobs/job_control/
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

import msgspec

from mlci.adapters.gitlab import graph
from mlci.adapters.gitlab.accounts import Account, Accounts
from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.telling import moment, telling
from mlci.adapters.oneline import one_line
from mlci.domain.release.people import Word
from mlci.errors import CannotTell

# How the job of the component is called unless told otherwise.
JOB = "mlci-approve"
# How many pipelines of one merge request are looked at, the newest first.
_MOST_PIPELINES = 50

_MANUAL = """
query manual($project: ID!, $job: JobID!) {
  project(fullPath: $project) { job(id: $job) { manualJob scheduledAt } }
}
"""


class _Pipeline(msgspec.Struct):
    id: int
    sha: str
    created_at: datetime
    user: Account | None = None


class _Tried(msgspec.Struct):
    id: int
    sha: str
    project_id: int | None = None


class _Commit(msgspec.Struct):
    parent_ids: list[str] = []


class _OfPipeline(msgspec.Struct):
    id: int


class _Deployable(msgspec.Struct):
    id: int
    pipeline: _OfPipeline | None = None


class _Environment(msgspec.Struct):
    name: str


class _Listed(msgspec.Struct):
    id: int
    created_at: datetime
    deployable: _Deployable | None = None


class _Approval(msgspec.Struct):
    status: str
    created_at: datetime
    user: Account | None = None


class _Deployment(msgspec.Struct):
    sha: str
    environment: _Environment
    approvals: list[_Approval] = []


class _Job(msgspec.Struct):
    id: int
    name: str
    status: str
    user: Account | None = None
    started_at: datetime | None = None


class _ManualJob(msgspec.Struct, rename="camel"):
    manual_job: bool | None = None
    scheduled_at: str | None = None


class _OfProject(msgspec.Struct):
    job: _ManualJob | None = None


class _Manual(msgspec.Struct):
    project: _OfProject | None = None


class Letting:
    """What people let the pipelines of a project do."""

    def __init__(
        self, access: Access, accounts: Accounts, number: int, path: str, page: str, jobs: Collection[str]
    ) -> None:
        """Nothing is asked yet.

        Args:
            access: what GitLab is asked with.
            accounts: of those who let pipelines go on.
            number, path, page: of the project.
            jobs: names of the jobs that somebody plays to approve.
        """
        self._access, self._accounts, self._jobs = access, accounts, frozenset(jobs)
        self._project, self._path, self._page = number, path, page

    def of(self, run: int) -> list[Word]:
        """What was said of one pipeline, oldest first."""
        with telling(self._access, f"pipeline {run}") as api:
            pipeline = api.get(project(self._project, "pipelines", run), shape=_Pipeline)
        found = [*self._deployments(pipeline), *self._played(pipeline.id, pipeline.sha, pipeline.id)]
        return sorted(found, key=lambda word: word.at or "~")

    def of_change(self, number: int, head: str) -> Iterator[Word]:
        """Who played the manual job in a pipeline of a merge request for this head, as words about that commit.

        What was said in a pipeline of the change holds after the merge, where no other run knows of it.
        """
        for pipeline in self._tried(number, head):
            yield from self._played(pipeline.id, head, None)

    def merges(self, number: int, head: str) -> list[str]:
        """The merge commits that pipelines of merged results and of merge trains were made for, with this head."""
        found = [each.sha for each in self._tried(number, head) if each.sha != head]
        return list(dict.fromkeys(found))

    def _tried(self, number: int, head: str) -> list[_Tried]:
        """Pipelines in the project itself, for the head or for a merge of it; those of a fork are the fork's."""
        path = f"{project(self._project, 'merge_requests', number)}/pipelines"
        is_for: dict[str, bool] = {head: True}
        with telling(self._access, f"the pipelines of !{number}") as api:
            listed: list[_Tried] = list(api.paginate(path, shape=_Tried))
            ours = [each for each in listed if each.project_id in (None, self._project)][:_MOST_PIPELINES]
            for each in ours:
                if each.sha not in is_for:
                    made = api.find(project(self._project, "repository", "commits", each.sha), shape=_Commit)
                    is_for[each.sha] = made is not None and head in made.parent_ids
        return [each for each in ours if is_for[each.sha]]

    def _deployments(self, pipeline: _Pipeline) -> Iterator[Word]:
        """Approvals of its deployments.

        Whatever a job asks for with its token is done as whoever started the pipeline, who may therefore not have
        approved at all; GitLab itself does not let them unless it is told to.
        """
        for deployment, page in self._of_pipeline(pipeline):
            for approval in deployment.approvals:
                if approval.user is None or (pipeline.user is not None and approval.user.id == pipeline.user.id):
                    continue
                yield Word(
                    person=self._accounts.person(approval.user),
                    agrees={"approved": True, "rejected": False}.get(approval.status),
                    where="deployment",
                    at=moment(approval.created_at),
                    commit=deployment.sha,
                    run=pipeline.id,
                    environment=deployment.environment.name,
                    page=page,
                )

    def _of_pipeline(self, pipeline: _Pipeline) -> Iterator[tuple[_Deployment, str]]:
        path, newest = project(self._project, "deployments"), {"order_by": "id", "sort": "desc"}
        with telling(self._access, f"the deployments of pipeline {pipeline.id}") as api:
            numbers = []
            for page in api.pages(path, newest, shape=_Listed):
                for each in page:
                    job = each.deployable
                    if job is not None and job.pipeline is not None and job.pipeline.id == pipeline.id:
                        numbers.append((each.id, job.id))
                if any(each.created_at < pipeline.created_at for each in page):
                    break
            found = [(api.get(f"{path}/{number}", shape=_Deployment), job) for number, job in numbers]
        for deployment, job in found:
            yield deployment, f"{self._page}/-/jobs/{job}"

    def _played(self, pipeline: int, commit: str, run: int | None) -> Iterator[Word]:
        """Who played the manual job that stands for an approval.

        The first run of a job alone: GitLab runs a failed one again when somebody retries the whole pipeline.
        """
        path = f"{project(self._project, 'pipelines', pipeline)}/jobs"
        with telling(self._access, f"the jobs of pipeline {pipeline}") as api:
            jobs: list[_Job] = list(api.paginate(path, {"include_retried": "true"}, shape=_Job))
        first: dict[str, _Job] = {}
        for job in sorted(jobs, key=lambda each: each.id):
            if job.name in self._jobs:
                first.setdefault(job.name, job)
        for job in first.values():
            if job.user is None or job.started_at is None or not self._is_manual(job):
                continue
            yield Word(
                person=self._accounts.person(job.user),
                agrees=True,
                where="job",
                at=moment(job.started_at),
                commit=commit,
                run=run,
                page=f"{self._page}/-/jobs/{job.id}",
            )

    def _is_manual(self, job: _Job) -> bool:
        """Whether somebody has to play a job; one that starts by itself after a time is begun by nobody."""
        variables: dict[str, str | None] = {"project": self._path, "job": f"gid://gitlab/Ci::Build/{job.id}"}
        with telling(self._access, f"whether the job {one_line(job.name, 60)} is a manual one"):
            told = graph.ask(self._access, _MANUAL, variables, _Manual)
        found = told.project.job if told.project is not None else None
        if found is None or found.manual_job is None:
            raise CannotTell(
                f"GitLab does not say whether the job {one_line(job.name, 60)} is a manual one",
                help="let people approve the merge request, or approve by a comment that carries the digest",
            )
        return found.manual_job and found.scheduled_at is None
