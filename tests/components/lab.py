"""A user's project on the loopback GitLab whose pipelines a real runner runs, each job with its own number and token.

    def test_a_worse_model_is_not_merged(lab):
        lab.gitlab.add_project(files={...}); lab.gitlab.commit({...}, "feature")
        change = lab.gitlab.open_merge_request("feature")
        ran = lab.run(change=change)
        ran.status, ran.job("mlci-gate").exit, lab.gitlab.notes(change.iid)

What GitLab does and the runner does not is done here: a pipeline and its jobs are there while it runs, what a job left
is there when it has ended, and the token of a job dies with it.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local import HOST, Job, Local

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Job as LabJob
    from gitlab_server.state import MergeRequest, Pipeline, Project
    from repositories import Checkout

# Runs the interpreter of the tests with what GitLab tells this one job, when it knows of all jobs that ended before.
_SHIM = """\
#!{python}
import json, os, sys, time
name = os.environ.get("CI_JOB_NAME", "")
until = time.monotonic() + 60
while name not in (told := json.load(open({file!r}))):
    if time.monotonic() > until:
        sys.exit(f"GitLab has not heard that {{name}} began")
    time.sleep(0.01)
os.environ.update(told[name])
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


_WORDS = {"success": "success", "failed": "failed", "warning": "failed", "skipped": "skipped"}


@dataclass(frozen=True)
class Ran:
    """A pipeline that ran.

    Attributes:
        pipeline: as GitLab has it.
        status: what GitLab makes of it.
        jobs: as the runner saw them.
        text: all that the runner said.
        checkout: what it ran on.
    """

    pipeline: Pipeline
    status: str
    jobs: Mapping[str, Job]
    text: str
    checkout: Checkout

    def job(self, name: str) -> Job:
        """The job of that name."""
        if name not in self.jobs:
            raise LookupError(f"there is no job {name}: {sorted(self.jobs)}\n{self.text}")
        return self.jobs[name]

    @property
    def results(self) -> dict[str, str]:
        """How each job ended."""
        return {name: job.result for name, job in self.jobs.items()}


@dataclass
class Lab:
    """Runs pipelines of the loopback's projects; see the module's docstring.

    Attributes:
        token: what the project has as MLCI_TOKEN, for the environment mlci alone; empty for none.
        releasing: the same for the environment mlci-release, protected; empty for none.
    """

    gitlab: GitLab
    local: Local
    folder: Path
    token: str = ""
    releasing: str = ""
    _count: int = 0
    ran: list[Ran] = field(default_factory=list)

    def run(
        self,
        *,
        change: MergeRequest | None = None,
        source: str = "push",
        branch: str | None = None,
        before: str | None = None,
        event: str = "detached",
        in_parent: bool = False,
        again: Ran | None = None,
        variables: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        relative: bool = False,
        secure: bool = False,
        python: bool = True,
    ) -> Ran:
        """Run the pipeline of a merge request, or of a branch.

        Args:
            change: the merge request.
            source: push, schedule, web, api or trigger; with a merge request its own.
            event: detached, merged_result or merge_train.
            in_parent: run a fork's change in the project, as a member who presses the button does.
            again: run the jobs of this pipeline again.
            variables: of the project, besides MLCI_TOKEN.
            environ: what GitLab says otherwise.
            relative, secure: an installation below a folder, or over TLS with an authority of its own.
            python: whether jobs run mlci by the interpreter of the tests.
        """
        gitlab = self.gitlab
        pipeline = (
            again.pipeline
            if again is not None
            else gitlab.add_pipeline(
                source, branch, merge_request=change, event=event, in_parent=in_parent, before=before
            )
        )
        there = pipeline.project
        checkout = self.local.clone(there.objects.folder, pipeline.sha, branch or "checked-out")
        first = gitlab.add_job(pipeline, "(asked once for what all jobs are told)")
        told = _for_all(gitlab.environ(first, relative=relative, secure=secure)) | dict(environ or {})
        pipeline.jobs.remove(first)
        jobs: dict[str, LabJob] = {}
        # The rules of a preview are those of the pipeline.
        wanted = self.local.names(checkout, told, unset=_unset(told))
        for name, when in wanted.items():
            by_hand = when == "manual"
            jobs[name] = gitlab.add_job(
                pipeline, name, status="manual" if by_hand else "running", manual=by_hand, allow_failure=by_hand
            )
        facts = {name: gitlab.environ(job, relative=relative, secure=secure) for name, job in jobs.items()}
        known: dict[str, Mapping[str, str]] = {}
        file, shim = self._interpreter()

        def begun(name: str) -> None:
            known[name] = _of_job(facts[name])
            write_whole(file, json.dumps(known))

        def ended(job: Job) -> None:
            if job.name not in jobs:  # the runner says of itself, too, when it has finished
                return
            jobs[job.name].allow_failure = job.result == "warning"
            gitlab.finish(jobs[job.name], _WORDS[job.result], _packed(job))

        found = self.local.run(
            checkout, told, unset=_unset(told), project=self._scoped(pipeline, variables),
            python=str(shim) if python else None, begun=begun, ended=ended,
        )  # fmt: skip
        for name, job in jobs.items():
            if job.status == "running":
                gitlab.finish(job, "skipped" if found.jobs[name].exit is None else "failed")
        seen = {name: found.jobs[name] for name in wanted}
        result = Ran(pipeline, gitlab.status_of(pipeline), seen, found.text, checkout)
        self.ran.append(result)
        return result

    def play(
        self, ran: Ran, name: str, by: str, given: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Job:  # fmt: skip
        """Let somebody start a manual job of a pipeline that ran; a second time is a retry.

        Args:
            by: who presses the button.
            given: the variables that they give the job.
            variables: of the project, besides MLCI_TOKEN.
        """
        gitlab, pipeline = self.gitlab, ran.pipeline
        job = next(each for each in reversed(pipeline.jobs) if each.name == name)
        if job.status != "manual":
            job = gitlab.add_job(pipeline, name, status="manual", manual=True, allow_failure=True)
        gitlab.play(job, by)
        facts = gitlab.environ(job)
        file, shim = self._interpreter()
        write_whole(file, json.dumps({name: _of_job(facts)}))
        told = _for_all(facts) | dict(given or {})
        found = self.local.run(
            ran.checkout, told, unset=_unset(told), project=self._scoped(pipeline, variables), python=str(shim),
            jobs=[name],
        )  # fmt: skip
        done = found.job(name)
        gitlab.finish(job, _WORDS[done.result], _packed(done))
        return done

    def _interpreter(self) -> tuple[Path, Path]:
        """The file that tells each job what is its own, and what runs as their interpreter."""
        self._count += 1
        file, shim = self.folder / f"jobs-{self._count}.json", self.folder / f"python-{self._count}"
        write_whole(file, "{}")
        shim.write_text(_SHIM.format(python=sys.executable, file=str(file)))
        shim.chmod(0o755)
        return file, shim

    def _scoped(self, pipeline: Pipeline, variables: Mapping[str, str] | None) -> dict[str, str | Mapping[str, str]]:
        """The variables of the project, each token for its environment."""
        scoped: dict[str, str | Mapping[str, str]] = dict(variables or {})
        if self.token and pipeline.project is self.gitlab.project():
            scoped["MLCI_TOKEN"] = {"mlci": self.token}
            if self.releasing and pipeline.merge_request is None and pipeline.ref == pipeline.project.default_branch:
                scoped["MLCI_TOKEN"] = {"mlci": self.token, "mlci-release": self.releasing}
        return scoped

    def project(self) -> Project:
        """The project."""
        return self.gitlab.project()


def _for_all(told: Mapping[str, str]) -> dict[str, str]:
    """What all jobs of a pipeline are told."""
    own = {"CI_PROJECT_DIR", "CI_REPOSITORY_URL", "CI_NODE_TOTAL"}
    kept = {name: value for name, value in told.items() if not name.startswith("CI_JOB_") and name not in own}
    return kept | {"CI_SERVER_FQDN": HOST, "CI_SERVER_HOST": HOST}


def _unset(told: Mapping[str, str]) -> list[str]:
    return [name for name in ("CI_COMMIT_BRANCH", "CI_COMMIT_TAG") if name not in told]


def write_whole(file: Path, text: str) -> None:
    """So that nobody reads half of it."""
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").replace(file)


def _of_job(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("CI_JOB_ID", "CI_JOB_TOKEN", "CI_JOB_URL")
    return {name: environ[name] for name in names}


def _packed(job: Job) -> bytes | None:
    """What a job left, as GitLab packs it: with its paths from the top of the project."""
    if not job.files:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(job.files):
            archive.write(job.artifacts / name, name)
    return packed.getvalue()
