"""Pipelines: what their jobs left, how those ended, and the pipelines of merge requests from forks.

An artifact goes by the name of the job that left it: GitLab knows no other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import islice

import msgspec

from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.commits import Reads
from mlci.adapters.oneline import one_line
from mlci.domain.run import Change, JobResult, Run, Triggering
from mlci.errors import ArtifactRefused, ServiceRefused
from mlci.ports import Artifact

# How far back the default branch is looked at, for each way to begin a pipeline of its own (domain.baseline). A
# pipeline is one request more. A clock may begin many between two pushes, without such a job, so each way has its own.
_MOST_PIPELINES = {"push": 100, "web": 50, "schedule": 50}
_OF_A_CHANGE = "merge_request_event"
_MOST_OF_CHANGES = 50
_ENDED = {"success": "success", "failed": "failure", "canceled": "cancelled", "skipped": "skipped", "manual": "skipped"}


class _File(msgspec.Struct):
    filename: str | None = None
    size: int | None = None


class _OfJob(msgspec.Struct):
    id: int


class _Job(msgspec.Struct):
    id: int
    name: str
    status: str
    tag: bool = False
    allow_failure: bool = False
    artifacts_file: _File | None = None
    artifacts_expire_at: datetime | None = None

    @property
    def size(self) -> int | None:
        """Bytes of what it left, packed; None where it left nothing, or nothing any more."""
        return self.artifacts_file.size if self.artifacts_file is not None else None


class _Pipeline(msgspec.Struct):
    id: int
    sha: str
    status: str
    web_url: str
    source: str = ""
    ref: str | None = None
    project_id: int | None = None


class _Commit(msgspec.Struct):
    id: str
    parent_ids: list[str] = []


class _Ref(msgspec.Struct):
    type: str
    name: str


class Proposed(msgspec.Struct):
    """A merge request, as a list of them shows it."""

    iid: int
    sha: str | None
    target_branch: str
    source_project_id: int | None
    target_project_id: int
    state: str
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of the head of a merge request from a fork.

    Attributes:
        run: the fork's run that measured it, as it would see itself; where none has, the one that asks, as if for it.
        runs: where what that run left is found; None where none has measured.
        named: whether any pipeline for the head has a job of the name that was looked for.
        here: whether, although none of the fork's has, a pipeline of the project itself has measured it.
    """

    run: Run
    runs: GitLabRuns | None
    named: bool
    here: bool = False


class GitLabRuns:
    """ports.Runs over the pipelines of one project.

    Before GitLab 19 a job's own token may see none of them. It takes a token with the scope read_api or api, or a
    public project whose pipelines anybody may see.
    """

    def __init__(self, access: Access, number: int) -> None:
        """Nothing is asked yet; ``number`` is that of the project."""
        self._access, self._project = access, number

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        """What the job of this name left, newest pipeline first, expired ones included; see ports.Runs for whose.

        Looks at 100 pipelines of pushes at most, and at 50 each that a person or a schedule started.
        """
        begun = (islice(self._pipelines_begun_by(source, branch), most) for source, most in _MOST_PIPELINES.items())
        for each in heapq.merge(*begun, key=lambda pipeline: pipeline.id, reverse=True):
            job = self._job(each.id, name)
            # A tag may be called like a branch, and its pipelines then name the same ref.
            if job is not None and not job.tag and (job.size is not None or _has_expired(job)):
                yield _artifact(job, each.id)

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:
        """What the job of this name left in pipelines of merge requests of this project, newest first.

        Looks at 50 pipelines at most. Those of forks belong to the forks.
        """
        for each in islice(self._pipelines_begun_by(_OF_A_CHANGE, None), _MOST_OF_CHANGES):
            job = self._job(each.id, name)
            if job is not None and job.size is not None:
                yield _artifact(job, each.id)

    def _pipelines_begun_by(self, source: str, branch: str | None) -> Iterator[_Pipeline]:
        """Those of a branch, or of any, that began in one way, newest first. https://docs.gitlab.com/api/pipelines/"""
        asked: dict[str, str | int] = {"source": source, "order_by": "id", "sort": "desc"}
        if branch is not None:
            asked["ref"] = branch
        with self._access.reading() as api:
            for each in api.paginate(project(self._project, "pipelines"), asked, shape=_Pipeline):
                if each.source == source and branch in (None, each.ref):
                    yield each

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:
        """What the job of this name left in one pipeline, where it is still there."""
        job = self._job(run, name)
        return _artifact(job, run) if job is not None and job.size is not None else None

    def artifact_of_commit(self, name: str, head: str, *, base: str | None = None) -> Artifact | None:
        """What the job of this name left for exactly this commit, where it is still there; see ports.Runs.

        Only of pipelines of merge requests: one of a branch takes variables from whoever pushes, and can run anything
        by them. https://docs.gitlab.com/topics/git/commit/#push-options-for-gitlab-cicd

        Raises:
            ArtifactRefused: there is one, and by the base it does not count.
        """
        refused: str | None = None
        pipelines = [each for proposed in self._proposing(head) for each in self._pipelines_of_change(proposed, head)]
        for pipeline in sorted(pipelines, key=lambda each: each.id, reverse=True):
            job = self._job(pipeline.id, name)
            if job is None or job.size is None:
                continue
            if base is None or pipeline.sha == head or self._is_on(self._parents(pipeline.sha)[0], base):
                return _artifact(job, pipeline.id)
            refused = f"what job {one_line(name, 80)} of pipeline {pipeline.id} left: code of another branch ran in it"
        if refused is not None:
            raise ArtifactRefused(refused)
        return None

    def newest_for(self, head: str) -> tuple[str, int] | None:
        """Commit and number of the newest pipeline of a merge request of this project with this head, where any is.

        What is set in it is what the merge request goes by.
        """
        every = [each for one in self._proposing(head) for each in self._pipelines_of_change(one, head)]
        newest = max(every, key=lambda each: each.id, default=None)
        return (newest.sha, newest.id) if newest is not None else None

    def _proposing(self, head: str) -> list[Proposed]:
        """The merge requests from this project, open or not, whose head is this very commit."""
        path = project(self._project, "repository", "commits", head, "merge_requests")
        with self._access.reading() as api:
            found: list[Proposed] = list(api.paginate(path, shape=Proposed))
        ours = (self._project, self._project)
        return [each for each in found if each.sha == head and (each.source_project_id, each.target_project_id) == ours]

    def _pipelines_of_change(self, proposed: Proposed, head: str) -> list[_Pipeline]:
        """Those of a merge request that ran its head, alone or merged with the branch it is for."""
        path, stem = project(self._project, "merge_requests", proposed.iid, "pipelines"), "refs/merge-requests"
        with self._access.reading() as api:
            listed: list[_Pipeline] = list(api.paginate(path, shape=_Pipeline))
        own = [each for each in listed if (each.project_id, each.source) == (self._project, _OF_A_CHANGE)]
        return [
            each
            for each in own
            if (each.ref == f"{stem}/{proposed.iid}/head" and each.sha == head)
            or (each.ref == f"{stem}/{proposed.iid}/merge" and self._parents(each.sha)[1:] == [head])
        ]

    def _parents(self, commit: str) -> list[str]:
        """The parents of a commit: of merged results the branch and the head; none where it is gone."""
        with self._access.reading() as api:
            found = api.find(project(self._project, "repository", "commits", commit), shape=_Commit)
        return found.parent_ids if found is not None else []

    def _is_on(self, commit: str, branch: str) -> bool:
        path = project(self._project, "repository", "commits", commit, "refs")
        with self._access.reading() as api:
            refs: list[_Ref] = list(api.paginate(path, {"type": "branch"}, shape=_Ref))
        return any(each.type == "branch" and each.name == branch for each in refs)

    def content(self, artifact: Artifact, limit: int) -> bytes:
        """The packed bytes, which may lie on another host.

        Raises:
            ArtifactRefused: there are more than the limit.
        """
        shown = f"what job {one_line(artifact.name, 80)} of pipeline {artifact.run} left"
        if artifact.size > limit:
            raise ArtifactRefused(f"{shown} has {artifact.size:,} bytes packed, more than {limit:,}")
        path = project(self._project, "jobs", artifact.id, "artifacts")
        try:
            with self._access.reading() as api:
                return api.download(path, limit, too_large=ArtifactRefused)
        except ServiceRefused:
            if self._access.write is not None:
                raise
        # On the Free tier GitLab refuses the token of a job here, also where anybody may read.
        return self._access.public.download(path, limit, too_large=ArtifactRefused)

    def changes_of(self, run: Triggering) -> Sequence[Change]:  # noqa: ARG002 - the port's shape
        """None: no pipeline is started by the end of another project's."""
        return []

    def changes_in(self, run: Run) -> Sequence[Change]:
        """The merge requests that a run's commit is from; a car of a merge train is about one, and names it itself.

        https://docs.gitlab.com/api/commits/#list-merge-requests-associated-with-a-commit
        """
        if run.change is not None:
            return [run.change] if run.change.number is None else []
        if not run.on_default_branch:
            return []
        path = project(self._project, "repository", "commits", run.commit, "merge_requests")
        with self._access.reading() as api:
            found: list[Proposed] = list(api.paginate(path, {"state": "merged"}, shape=Proposed))
        merged = [each for each in found if each.state == "merged" and each.target_branch == run.default_branch]
        return [
            Change(
                number=each.iid,
                head=each.sha,
                base=run.before or run.commit,
                base_branch=each.target_branch,
                fork=each.source_project_id != each.target_project_id,
            )
            for each in sorted(merged, key=lambda each: each.iid, reverse=True)
            if each.sha is not None and run.commit in (each.merge_commit_sha, each.squash_commit_sha, each.sha)
        ]

    def results(self, pipeline: int, apart_from: int) -> tuple[JobResult, ...]:
        """How the jobs of a pipeline ended, each job's newest attempt.

        A failure that ``allow_failure`` lets pass is a ``warning``.

        Args:
            pipeline: its number.
            apart_from: number of the job that asks.
        """
        jobs = [job for job in self._jobs(pipeline) if job.id != apart_from]
        return tuple(JobResult(name=job.name, result=_result(job), outputs={}) for job in jobs)

    def of_forks(self, number: int | None) -> list[Proposed]:
        """The open merge requests from forks, those included whose fork is gone.

        Args:
            number: of the one merge request to look at; None for all.

        Raises:
            ServiceRefused: there is no such merge request.
        """
        with self._access.reading() as api:
            if number is None:
                path = project(self._project, "merge_requests")
                found: list[Proposed] = list(api.paginate(path, {"state": "opened"}, shape=Proposed))
            else:
                found = [api.get(project(self._project, "merge_requests", number), shape=Proposed)]
                if found[0].state != "opened":
                    raise ServiceRefused(f"merge request {number} is {one_line(found[0].state, 20)}, not open")
        return [each for each in found if each.source_project_id != each.target_project_id and each.sha is not None]

    def measured(self, proposed: Proposed, job: str, run: Run) -> Measured:
        """The newest pipeline of a fork whose job of this name left something for the very head of a merge request.

        Args:
            proposed: the merge request.
            job: name of the job that runs the gate there.
            run: this one, which says what the default branch is.
        """
        asking, pipelines = self._asking(proposed, run), self._pipelines_of(proposed)
        # A fork that is gone has taken its pipelines with it, and no project has the number 0.
        source = proposed.source_project_id or 0
        theirs, named = GitLabRuns(self._access, source), False
        for pipeline in pipelines:
            found = theirs._seen(pipeline.id, job) if pipeline.project_id == source else None
            named = named or found is not None
            if found is not None and found.size is not None:
                own = replace(asking, id=pipeline.id, attempt=found.id, url=pipeline.web_url, event=_OF_A_CHANGE)
                return Measured(run=own, runs=theirs, named=True)
        ours = [self._job(each.id, job) for each in pipelines if each.project_id == self._project]
        return Measured(
            run=asking,
            runs=None,
            named=named or any(each is not None for each in ours),
            here=any(each is not None and each.size is not None for each in ours),
        )

    def _asking(self, proposed: Proposed, run: Run) -> Run:
        """The run that asks, as if it were for a merge request."""
        head = proposed.sha or ""
        base = Reads(self._access, self._project).tip(proposed.target_branch)
        change = Change(number=proposed.iid, head=head, base=base, base_branch=proposed.target_branch, fork=True)
        return replace(run, commit=head, branch=None, change=change)

    def _pipelines_of(self, proposed: Proposed) -> list[_Pipeline]:
        """Those for the very head, the newest first."""
        path = project(self._project, "merge_requests", proposed.iid, "pipelines")
        with self._access.reading() as api:
            found: list[_Pipeline] = list(api.paginate(path, shape=_Pipeline))
        return sorted((each for each in found if each.sha == proposed.sha), key=lambda each: each.id, reverse=True)

    def _seen(self, pipeline: int, name: str) -> _Job | None:
        """A job of a fork; None where the fork does not let it be seen, which must not spare it the question."""
        try:
            return self._job(pipeline, name)
        except ServiceRefused:
            return None

    def _job(self, pipeline: int, name: str) -> _Job | None:
        named = [job for job in self._jobs(pipeline) if job.name == name]
        return max(named, key=lambda job: job.id, default=None)

    def _jobs(self, pipeline: int) -> list[_Job]:
        """The jobs of a pipeline without the attempts that were retried. https://docs.gitlab.com/api/jobs/"""
        with self._access.reading() as api:
            return list(api.paginate(project(self._project, "pipelines", pipeline, "jobs"), shape=_Job))


def _result(job: _Job) -> str:
    if job.status == "failed" and job.allow_failure:
        return "warning"
    return _ENDED.get(job.status, job.status)


def _has_expired(job: _Job) -> bool:
    return job.artifacts_expire_at is not None and job.artifacts_expire_at < datetime.now(timezone.utc)


def _artifact(job: _Job, pipeline: int) -> Artifact:
    size = job.size
    return Artifact(
        id=job.id, name=job.name, size=size or 0, run=pipeline, digest=None, expired=size is None, nested=True
    )  # fmt: skip
