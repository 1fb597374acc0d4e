"""Pipelines and jobs, as a test makes them."""

from __future__ import annotations

from collections.abc import Mapping

from forge.pipelines import zipped

from gitlab_server import merge_requests, mergeability
from gitlab_server.acting import Acting
from gitlab_server.state import ROLES, Job, MergeRequest, Pipeline


class Running(Acting):
    """What there is in a GitLab, with its pipelines."""

    def add_pipeline(
        self,
        source: str = "push",
        ref: str | None = None,
        sha: str | None = None,
        *,
        project: str | None = None,
        merge_request: MergeRequest | None = None,
        event: str = "detached",
        in_parent: bool = False,
        user: str | None = None,
        before: str | None = None,
        status: str | None = None,
        tag: bool = False,
    ) -> Pipeline:
        """A pipeline of a branch, or of a merge request where one is given.

        Args:
            source: push, schedule, web, api, external …; with a merge request merge_event_request unless told.
            event: detached, merged_result or merge_train: the last two run on a temporary merge commit, which is made.
            in_parent: a merge request's pipeline runs in the project, not in the fork that the change comes from.
            user: who started it; the author of the change, else a developer.
            before: what the branch was at before the push.
            status: which it stays at; None for what its jobs and statuses come to.
        """
        target = source_sha = None
        if merge_request is not None:
            there = merge_request.project if in_parent else merge_request.source
            if (
                in_parent
                and merge_request.is_fork
                and not there.settings["ci_allow_fork_pipelines_to_run_in_parent_project"]
            ):
                raise ValueError("the project lets no change of a fork run in it")
            if event != "detached" and there is not merge_request.project:
                raise ValueError("a pipeline in the fork runs on no merge commit")
            ref, sha, source_sha, target = merge_requests.temporary(merge_request, event)
            source = "merge_request_event" if source == "push" else source
            acting = user or ("maintainer" if in_parent else merge_request.author.username)
        else:
            there, acting = self.project(project), user or "developer"
            ref = ref or there.default_branch
            sha = sha or there.tip(ref)
        if sha is None:
            raise LookupError(f"no branch {ref}")
        who, now = self.state.user(acting), self.state.now()
        there.members.setdefault(who.id, ROLES["maintainer" if in_parent else "developer"])
        parents = there.objects.parents(sha) if source == "push" and not tag else []
        made = Pipeline(
            self.state.next_id(), len(there.pipelines) + 1, there, ref or "", sha, source, who, now, now,
            source_sha=source_sha, target_sha=target, before_sha=before or (parents[0] if parents else "0" * 40),
            merge_request=merge_request, event=event if merge_request else None, tag=tag, fixed=status,
        )  # fmt: skip
        there.pipelines[made.id] = made
        return made

    def add_job(
        self,
        pipeline: Pipeline,
        name: str = "model-ci",
        *,
        stage: str = "test",
        status: str = "running",
        artifacts: Mapping[str, bytes] | bytes | None = None,
        expired: bool = False,
        allow_failure: bool = False,
        parallel: int = 1,
        manual: bool = False,
        delayed: bool = False,
    ) -> Job:
        """A job; one more of a name in its pipeline is a retry, and the ones before count no longer.

        Args:
            artifacts: what it left: members to be packed, or the packed bytes as they are.
            expired: the archive is gone.
            manual: somebody has to play it; see ``play``.
            delayed: it begins by itself after a time.
        """
        now = self.state.now()
        for other in pipeline.jobs:
            other.retried = other.retried or other.name == name
        made = Job(
            self.state.next_id(), pipeline, name, stage, status, pipeline.user, now, allow_failure,
            started_at=None if status == "manual" else now,
            parallel=parallel, manual=manual, delayed=delayed,
        )  # fmt: skip
        pipeline.jobs.append(made)
        if artifacts is not None or status in mergeability.COMPLETE:
            self.finish(made, status, artifacts, expired=expired)
        return made

    def finish(
        self,
        job: Job,
        status: str = "success",
        artifacts: Mapping[str, bytes] | bytes | None = None,
        *,
        expired: bool = False,
    ) -> None:
        """End a job, with what it leaves; its token is dead from now on."""
        job.status, job.log = status, 1_000
        job.finished_at = self.state.now() if status in mergeability.COMPLETE else None
        if artifacts is not None:
            job.artifacts = artifacts if isinstance(artifacts, bytes) else zipped(artifacts)
            job.expired, job.expire_at = expired, "2026-03-01T00:00:00.000Z"

    def status_of(self, pipeline: Pipeline) -> str:
        """What a pipeline has come to."""
        return mergeability.status_of(pipeline)

    def statuses(self, sha: str, project: str | None = None) -> dict[str, Job]:
        """The latest commit status of each name on a commit, of whichever pipeline."""
        jobs = self.project(project).jobs()
        return {job.name: job for job in jobs if job.external and job.pipeline.sha == sha and not job.retried}
