"""Runs of workflows: the artifacts they left, and the pull requests they were for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.domain.baseline import OF_ITS_BRANCH
from mlci.domain.run import Change, Run, Triggering
from mlci.errors import ArtifactRefused, ServiceFailed
from mlci.ports import Artifact

_MOST_RUNS = 50
# How many artifacts of the branch are put in order before the first is handed on. GitHub lists the newest first, but a
# run that is repeated leaves a new artifact under its old number.
_IN_ORDER = 10
# What runs the commit itself, or a change whose head it is. No person who starts such a run gives it anything: one that
# is started by hand has inputs, and one that another run's end or a comment starts runs other code.
_OF_COMMIT = frozenset({"push", "pull_request", "merge_group"})
_MOST_OF_COMMIT = 200
# How many commits of one push are asked about, and how many changes of one group in a merge queue.
_MOST_PUSHED, _MOST_QUEUED = 30, 30
_IN_QUEUE = re.compile(r"(?P<number>[1-9][0-9]{0,9})-(?P<onto>[0-9a-f]{40})")
# By which a pull request came to be for another branch than it was opened for.
_RETARGETED = frozenset({"base_ref_changed", "automatic_base_change_succeeded"})
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


class _Commit(msgspec.Struct):
    sha: str


class _Comparison(msgspec.Struct):
    status: str
    commits: list[_Commit] = []


class _Side(msgspec.Struct):
    sha: str
    ref: str
    repo: _Repository | None = None


class _Pull(msgspec.Struct):
    number: int
    state: str
    head: _Side
    base: _Side
    merged_at: str | None = None


class _Object(msgspec.Struct):
    sha: str


class _Ref(msgspec.Struct):
    ref: str
    object: _Object


class _Happened(msgspec.Struct):
    event: str


class GitHubRuns:
    """ports.Runs over one repository.

    Permissions: actions: read; contents: read to see whether a branch has the commit of a run; pull-requests: read to
    find the changes of a run, and what branches they were for.
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

    def artifact_of_commit(self, name: str, head: str, *, base: str | None = None) -> Artifact | None:
        """The newest unexpired artifact of this exact name that was left for exactly this commit; see ports.Runs.

        A run for a pull request runs the merge of its head with the branch it is for, and the forge does not say which
        branch that was. With a base it counts only where its branch was never proposed to any other.

        Raises:
            ArtifactRefused: there is one, and by the base it does not count.
        """
        refused: str | None = None
        for run in self._of_commit(head):
            found = self.artifact_of_run(name, run.id)
            if found is None:
                continue
            why = self._elsewhere(run, base) if base is not None and run.event == "pull_request" else None
            if why is None:
                return found
            refused = refused or f"artifact {one_line(name, 80)} of run {run.id}: {why}"
        if refused is not None:
            raise ArtifactRefused(refused)
        return None

    def _of_commit(self, head: str) -> list[_Run]:
        """The runs of this repository for exactly this commit, newest first."""
        path = at(self._repository, "actions", "runs")
        listed = self._api.paginate(path, {"head_sha": head}, items="workflow_runs", shape=_Run)
        found = [each for each in islice(listed, _MOST_OF_COMMIT) if _is_ours(each) and each.head_sha == head]
        return sorted((each for each in found if each.event in _OF_COMMIT), key=lambda each: each.id, reverse=True)

    def _elsewhere(self, run: _Run, base: str) -> str | None:
        """Why a run for a pull request may have run code of another branch than the base; None where it cannot."""
        head = f"{self._repository.partition('/')[0]}:{run.head_branch}"
        pulls: list[_Pull] = list(
            self._api.paginate(at(self._repository, "pulls"), {"state": "all", "head": head}, shape=_Pull)
        )
        shown = one_line(run.head_branch or "", 80)
        if not pulls or any(pull.base.ref != base for pull in pulls):
            return f"{shown} was proposed to another branch too, whose code may have run in it"
        for pull in pulls:
            path = at(self._repository, "issues", pull.number, "events")
            happened = self._api.paginate(path, shape=_Happened)
            if any(each.event in _RETARGETED for each in happened):
                return f"pull request {pull.number} was for another branch first, whose code may have run in it"
        return None

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

    def changes_in(self, run: Run) -> Sequence[Change]:
        """The changes that a run's commit is from; see ports.Runs.

        https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit
        """
        if run.change is None:
            return self._merged(run) if run.on_default_branch else []
        return self._queued(run.change) if run.change.number is None else []

    def _merged(self, run: Run) -> list[Change]:
        """Of each commit of a push the pull request that it was merged with, the newest first."""
        found: dict[int, Change] = {}
        for commit in (run.commit, *self._pushed_before(run)):
            for pull in self._api.paginate(at(self._repository, "commits", commit, "pulls"), shape=_Pull):
                if pull.merged_at is not None and pull.base.ref == run.default_branch and self._is_here(pull):
                    found.setdefault(pull.number, _change(pull))
        return list(found.values())

    def _pushed_before(self, run: Run) -> list[str]:
        """The other commits of a push, the newest first; a queue may merge several changes at once."""
        if run.event != "push" or run.before is None:
            return []
        path = at(self._repository, "compare", f"{run.before}...{run.commit}")
        compared = self._api.find(path, {"per_page": _MOST_PUSHED, "page": 1}, absent=(404, 422), shape=_Comparison)
        commits = [each.sha for each in compared.commits] if compared is not None else []
        return [sha for sha in reversed(commits) if sha != run.commit and _SHA.fullmatch(sha)]

    def _queued(self, group: Change) -> list[Change]:
        """The pull requests of a group, the newest first, by the branches that the queue makes.

        Each is called by the pull request it adds and the commit it adds it to. A second branch at the same commit is
        not the queue's, and then nobody knows which is.
        """
        stem = f"heads/gh-readonly-queue/{group.base_branch}/pr-"
        refs = self._api.get(at(self._repository, "git", "matching-refs", stem), shape=list[_Ref])
        found: list[Change] = []
        commit = group.head
        while len(found) < _MOST_QUEUED:
            named = [
                _IN_QUEUE.fullmatch(each.ref.removeprefix(f"refs/{stem}")) for each in refs if each.object.sha == commit
            ]
            if len(named) != 1 or named[0] is None:
                break
            number, commit = int(named[0]["number"]), named[0]["onto"]
            pull: _Pull = self._api.get(at(self._repository, "pulls", number), shape=_Pull)
            if pull.base.ref == group.base_branch and self._is_here(pull):
                found.append(_change(pull))
        return found

    def _is_here(self, pull: _Pull) -> bool:
        return pull.base.repo is not None and pull.base.repo.full_name.casefold() == self._repository.casefold()

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
            and _is_ours(run)
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
        ours = [each for each in pulls if each.state == "open" and each.head.sha == head and self._is_here(each)]
        found = {pull.number: _change(pull) for pull in ours}
        return [found[number] for number in sorted(found)]


def _is_ours(run: _Run) -> bool:
    return run.head_repository is not None and run.head_repository.id == run.repository.id


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


def _change(pull: _Pull) -> Change:
    if not _SHA.fullmatch(pull.base.sha):
        raise ServiceFailed(f"pull request {pull.number}: its base is {one_line(pull.base.sha, 50)}, not a commit")
    return Change(
        number=pull.number,
        head=pull.head.sha,
        base=pull.base.sha,
        base_branch=pull.base.ref,
        fork=pull.head.repo is None or pull.base.repo is None or pull.head.repo.id != pull.base.repo.id,
    )
