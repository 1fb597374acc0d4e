"""Runs of workflows: the artifacts they left, and the pull requests they were for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.domain.baseline import OF_ITS_BRANCH
from mlci.domain.run import Change, Triggering
from mlci.errors import ArtifactRefused, ServiceFailed
from mlci.ports import Artifact

_MOST_RUNS = 50
# How many artifacts of the branch are put in order before the first is handed on. GitHub lists the newest first, but a
# run that is repeated leaves a new artifact under its old number.
_IN_ORDER = 10
_DIGEST = re.compile(r"sha256:(?P<hex>[0-9a-f]{64})")
_SHA = re.compile(r"[0-9a-f]{40}")


class _OfRun(msgspec.Struct):
    id: int
    repository_id: int
    head_repository_id: int | None = None
    head_branch: str | None = None


class _Artifact(msgspec.Struct):
    id: int
    name: str
    size_in_bytes: int
    expired: bool
    created_at: str | None = None
    digest: str | None = None
    workflow_run: _OfRun | None = None

    @property
    def age(self) -> tuple[int, str, int]:
        """Orders artifacts: the higher, the newer."""
        return self.workflow_run.id if self.workflow_run else 0, self.created_at or "", self.id


class _Repository(msgspec.Struct):
    id: int
    full_name: str


class _Run(msgspec.Struct):
    id: int
    event: str
    head_sha: str
    repository: _Repository
    head_branch: str | None = None
    head_repository: _Repository | None = None


class _Comparison(msgspec.Struct):
    status: str


class _Side(msgspec.Struct):
    sha: str
    ref: str
    repo: _Repository | None = None


class _Pull(msgspec.Struct):
    number: int
    state: str
    head: _Side
    base: _Side


class GitHubRuns:
    """ports.Runs over one repository.

    Permissions: actions: read; contents: read to see whether a branch has the commit of a run; pull-requests: read to
    find the changes of a run.
    """

    def __init__(self, api: Api, repository: str) -> None:
        """Nothing is asked yet."""
        self._api = api
        self._repository = repository
        self._tips: dict[str, str] = {}

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        """Artifacts of this exact name, newest run first, expired ones included; see ports.Runs for whose.

        Looks at 50 runs at most. https://docs.github.com/rest/actions/artifacts
        """
        verdicts: dict[int, bool] = {}
        for found in self._newest_first(name, branch):
            run = found.workflow_run
            if run is None or (run.id not in verdicts and len(verdicts) >= _MOST_RUNS):
                return
            if run.id not in verdicts:
                verdicts[run.id] = self._is_of_branch(run.id, branch)
            if verdicts[run.id]:
                yield _artifact(found, run.id)

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:
        """Unexpired artifacts of this exact name that any run left, newest first; of each run its newest.

        The forge lists those of every branch and of forks' pull requests together.
        """
        path, runs = at(self._repository, "actions", "artifacts"), set()
        for page in self._api.pages(path, {"name": name}, items="artifacts", shape=_Artifact):
            for found in sorted((each for each in page if _counts(each, name)), key=lambda each: each.id, reverse=True):
                run = found.workflow_run.id if found.workflow_run is not None else None
                if run is not None and run not in runs:
                    runs.add(run)
                    yield _artifact(found, run)

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:
        """The unexpired artifact of this exact name of one run; the last one where it was uploaded again."""
        path = at(self._repository, "actions", "runs", run, "artifacts")
        named = self._api.paginate(path, {"name": name}, items="artifacts", shape=_Artifact)
        newest = max((each for each in named if _counts(each, name)), key=lambda each: each.age, default=None)
        return None if newest is None else _artifact(newest, run)

    def content(self, artifact: Artifact, limit: int) -> bytes:
        """The packed bytes.

        Raises:
            ArtifactRefused: it is larger than the limit, or its digest is another.
        """
        shown = f"artifact {one_line(artifact.name, 80)} of run {artifact.run}"
        if artifact.size > limit:
            raise ArtifactRefused(f"{shown} has {artifact.size:,} bytes packed, more than {limit:,}")
        path = at(self._repository, "actions", "artifacts", artifact.id, "zip")
        content = self._api.download(path, limit, too_large=ArtifactRefused)
        if artifact.digest is not None and hashlib.sha256(content).hexdigest() != artifact.digest:
            raise ArtifactRefused(f"{shown} does not have the digest that the forge names")
        return content

    def changes_of(self, run: Triggering) -> Sequence[Change]:
        """The open changes whose head is, by the forge's word, the very commit that run was for."""
        by_branch: list[Change] = []
        if run.head_repository is not None and run.head_branch:
            head = f"{run.head_repository.partition('/')[0]}:{run.head_branch}"
            by_branch = self._changes(at(self._repository, "pulls"), {"state": "open", "head": head}, run.head)
        if by_branch:
            return by_branch
        # By commit where the branch was renamed or its repository is gone.
        return self._changes(at(self._repository, "commits", run.head, "pulls"), {}, run.head)

    def _newest_first(self, name: str, branch: str) -> Iterator[_Artifact]:
        path = at(self._repository, "actions", "artifacts")
        waiting: list[_Artifact] = []
        for page in self._api.pages(path, {"name": name}, items="artifacts", shape=_Artifact):
            waiting += [each for each in page if each.name == name and _is_of(each, branch)]
            if len(waiting) >= _IN_ORDER:
                yield from sorted(waiting, key=lambda each: each.age, reverse=True)
                waiting = []
        yield from sorted(waiting, key=lambda each: each.age, reverse=True)

    def _is_of_branch(self, number: int, branch: str) -> bool:
        """Whether the run itself, not only its artifact, says that it was about this branch of this repository."""
        run = self._api.find(at(self._repository, "actions", "runs", number), shape=_Run)
        return (
            run is not None
            and run.event in OF_ITS_BRANCH
            and run.head_branch == branch
            and run.head_repository is not None
            and run.head_repository.id == run.repository.id
            and self._is_on(run.head_sha, branch)
        )

    def _is_on(self, commit: str, branch: str) -> bool:
        """Whether the branch has the commit: a tag may be called like a branch, and its runs then say the same name."""
        if not _SHA.fullmatch(commit):
            return False
        tip = self._tips.get(branch) or GitHubCommits(self._api, self._repository).tip(branch)
        self._tips[branch] = tip
        path = at(self._repository, "compare", f"{commit}...{tip}")
        comparison = self._api.find(path, {"per_page": 1, "page": 1}, absent=(404, 422), shape=_Comparison)
        return comparison is not None and comparison.status in ("ahead", "identical")

    def _changes(self, path: str, params: dict[str, str | int], head: str) -> list[Change]:
        pulls: list[_Pull] = list(self._api.paginate(path, params, shape=_Pull))
        ours = self._repository.casefold()
        found: dict[int, Change] = {}
        for pull in pulls:
            base = pull.base.repo
            if pull.state == "open" and pull.head.sha == head and base and base.full_name.casefold() == ours:
                found[pull.number] = _change(pull, base.id)
        return [found[number] for number in sorted(found)]


def _counts(found: _Artifact, name: str) -> bool:
    return found.name == name and not found.expired


def _is_of(found: _Artifact, branch: str) -> bool:
    """A fork may call its branch by the same name; the number of its repository is another."""
    run = found.workflow_run
    return run is not None and run.head_branch == branch and run.head_repository_id == run.repository_id


def _artifact(found: _Artifact, run: int) -> Artifact:
    digest = _DIGEST.fullmatch(found.digest or "")
    return Artifact(
        id=found.id,
        name=found.name,
        size=found.size_in_bytes,
        run=run,
        digest=digest["hex"] if digest else None,
        expired=found.expired,
    )


def _change(pull: _Pull, ours: int) -> Change:
    if not _SHA.fullmatch(pull.base.sha):
        raise ServiceFailed(f"pull request {pull.number}: its base is {one_line(pull.base.sha, 50)}, not a commit")
    return Change(
        number=pull.number,
        head=pull.head.sha,
        base=pull.base.sha,
        base_branch=pull.base.ref,
        fork=pull.head.repo is None or pull.head.repo.id != ours,
    )
