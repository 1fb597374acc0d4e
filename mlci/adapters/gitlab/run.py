"""Which pipeline this is, from the predefined variables of its job.

https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlci.adapters.told import ADDRESS, NO_COMMIT, branch_named, commit_named, counted, matching
from mlci.domain.run import Change, Run

# A project below one group or more; a part of dots alone would lead elsewhere in an address.
PROJECT = re.compile(r"(?:(?!\.{1,2}/)[\w.-]{1,255}/){1,20}(?!\.{1,2}\Z)[\w.-]{1,255}", re.ASCII)
_SOURCE = re.compile(r"[a-z_]{1,64}")
_JOB = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
# A job of parallel:matrix is called "name: [one, two]", one of parallel: 3 "name 2/3".
_LEG = re.compile(r"(?P<job>.+?)(?:: \[(?P<values>.*)\]| (?P<leg>\d{1,3}/\d{1,3}))")


@dataclass(frozen=True, kw_only=True)
class Here:
    """What a job knows of where it runs, besides the run.

    Attributes:
        project: number of the project that changes are proposed to; of a fork's pipeline, not the fork's.
        own: number of the project that the pipeline runs in.
        sha: commit that the pipeline was made for: of merged results the temporary merge, not the head of the change.
        job: name of the job.
        page: address of the project that changes are proposed to.
        checkout: folder of the checkout; empty where there is none.
        remote: address to fetch commits of that project from, without a credential.
    """

    project: int
    own: int
    sha: str
    job: str
    page: str
    checkout: str
    remote: str


def here(environ: Mapping[str, str]) -> Here:
    """Where this job runs.

    Raises:
        EventUnreadable: a variable that is used is missing or malformed.
    """
    own, is_change = counted(environ, "CI_PROJECT_ID"), _is_change(environ)
    home = "CI_MERGE_REQUEST_PROJECT_URL" if is_change else "CI_PROJECT_URL"
    page = matching(ADDRESS, environ.get(home), home, "an address")
    return Here(
        project=counted(environ, "CI_MERGE_REQUEST_PROJECT_ID") if is_change else own,
        own=own,
        sha=commit_named(environ.get("CI_COMMIT_SHA"), "CI_COMMIT_SHA"),
        job=matching(_JOB, environ.get("CI_JOB_NAME"), "CI_JOB_NAME", "the name of a job"),
        page=page,
        checkout=environ.get("CI_PROJECT_DIR", ""),
        remote=_remote(environ, page, _repository(environ, is_change)),
    )


def _remote(environ: Mapping[str, str], page: str, project: str) -> str:
    """Where commits are fetched, which a runner may be told to do at another address than that of the pages.

    A fork need not have what the branch is at that its change is proposed to; the project itself has the commits of
    both.
    """
    own = matching(PROJECT, environ.get("CI_PROJECT_PATH"), "CI_PROJECT_PATH", "the path of a project")
    url = re.sub(r"(?<=://)[^/@]*@", "", environ.get("CI_REPOSITORY_URL", ""))
    top = url.removesuffix(f"/{own}.git")
    # Some are fetched by SSH, which has no use for the token of a job.
    return f"{top}/{project}.git" if top != url and ADDRESS.fullmatch(top) else f"{page}.git"


def read_run(environ: Mapping[str, str], tip: Callable[[str], str]) -> Run | None:
    """The run this process belongs to; None outside GitLab CI.

    Its number is that of the pipeline, and its attempt that of the job, because GitLab counts no attempts: the job of a
    later one has a higher number.

    Args:
        environ: of the process.
        tip: asks for the commit that a branch is at, which GitLab tells the job only for merged results.

    Raises:
        EventUnreadable: a variable that is used is missing or malformed.
        ServiceFailed, ServiceRefused: the branch could not be asked about.
    """
    if environ.get("GITLAB_CI") != "true":
        return None
    change = _change(environ, tip) if _is_change(environ) else None
    before = environ.get("CI_COMMIT_BEFORE_SHA", NO_COMMIT)
    branch = environ.get("CI_COMMIT_BRANCH") if change is None else None
    return Run(
        repository=_repository(environ, change is not None),
        id=counted(environ, "CI_PIPELINE_ID"),
        attempt=counted(environ, "CI_JOB_ID"),
        url=matching(ADDRESS, environ.get("CI_PIPELINE_URL"), "CI_PIPELINE_URL", "an address"),
        event=matching(_SOURCE, environ.get("CI_PIPELINE_SOURCE"), "CI_PIPELINE_SOURCE", "the source of a pipeline"),
        commit=change.head if change is not None else commit_named(environ.get("CI_COMMIT_SHA"), "CI_COMMIT_SHA"),
        branch=branch_named(branch, "CI_COMMIT_BRANCH") if branch else None,
        default_branch=branch_named(environ.get("CI_DEFAULT_BRANCH"), "CI_DEFAULT_BRANCH"),
        change=change,
        before=commit_named(before, "CI_COMMIT_BEFORE_SHA") if change is None and before != NO_COMMIT else None,
        matrix=_matrix(environ),
    )


def is_forks(environ: Mapping[str, str]) -> bool:
    """Whether a pipeline of a merge request runs in a fork of the project that it is proposed to.

    Raises:
        EventUnreadable: a number is missing or malformed.
    """
    return _is_change(environ) and counted(environ, "CI_PROJECT_ID") != counted(environ, "CI_MERGE_REQUEST_PROJECT_ID")


def legs(name: str, jobs: Sequence[str]) -> list[str]:
    """The jobs that a name in ``.gitlab-ci.yml`` stands for: itself, else the legs that GitLab makes of it."""
    if name in jobs:
        return [name]
    return [job for job in jobs if (found := _LEG.fullmatch(job)) is not None and found["job"] == name] or [name]


def _repository(environ: Mapping[str, str], is_change: bool) -> str:
    name = "CI_MERGE_REQUEST_PROJECT_PATH" if is_change else "CI_PROJECT_PATH"
    return matching(PROJECT, environ.get(name), name, "the path of a project")


def _is_change(environ: Mapping[str, str]) -> bool:
    # Not by the source of the pipeline: a child pipeline of one for a merge request has another.
    return bool(environ.get("CI_MERGE_REQUEST_IID"))


def _change(environ: Mapping[str, str], tip: Callable[[str], str]) -> Change:
    target = "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
    base_branch = branch_named(environ.get(target), target)
    # Both stand there for merged results only. Otherwise the pipeline was made for the head itself.
    base, head = (environ.get(f"CI_MERGE_REQUEST_{side}_BRANCH_SHA") for side in ("TARGET", "SOURCE"))
    number = counted(environ, "CI_MERGE_REQUEST_IID")
    return Change(
        # In a merge train nobody is told of a pipeline whose result may be thrown away with the next car.
        number=None if environ.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" else number,
        head=commit_named(head or environ.get("CI_COMMIT_SHA"), "the head of the merge request"),
        base=commit_named(base, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA") if base else tip(base_branch),
        base_branch=base_branch,
        # A member who runs the change of a fork in the project it is proposed to has taken it for the project's own.
        fork=is_forks(environ),
    )


def _matrix(environ: Mapping[str, str]) -> str | None:
    """The values of this leg of a parallel job, as GitLab writes them in its name; None for a job that is one."""
    if environ.get("CI_NODE_TOTAL", "1") == "1":
        return None
    found = _LEG.fullmatch(environ.get("CI_JOB_NAME", ""))
    return (found["values"] or found["leg"]) if found is not None else None
