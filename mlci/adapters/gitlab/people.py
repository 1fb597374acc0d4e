"""The people of a GitLab project. Only reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import msgspec

from mlci.adapters.gitlab.accounts import Account, Accounts
from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.letting import JOB, Letting
from mlci.adapters.gitlab.proposals import Proposals
from mlci.adapters.gitlab.telling import moment_after, telling
from mlci.adapters.gitlab.words import Words
from mlci.adapters.oneline import one_line
from mlci.domain.release.people import Person, Proposal, Said, Word


class _Status(msgspec.Struct):
    id: int
    name: str
    status: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    description: str | None = None
    author: Account | None = None


class GitLabPeople:
    """ports.People over one project.

    Nearly all of it takes a project access token with the scope read_api (or api); the token of a job reads too little.
    """

    def __init__(
        self, access: Access, number: int, path: str, page: str, branch: str, jobs: Collection[str] = (JOB,)
    ) -> None:
        """Nothing is asked yet.

        Args:
            access: what GitLab is asked with.
            number, path, page: of the project that changes are proposed to.
            branch: its default branch.
            jobs: names of the manual jobs that somebody plays to approve.
        """
        self._access, self._project, self._branch = access, number, branch
        self._accounts = Accounts(access, number)
        self._proposals = Proposals(access, self._accounts, number, path, page)
        self._words = Words(access, self._accounts, number)
        self._letting = Letting(access, self._accounts, number, path, page, jobs)

    def proposal(self, number: int) -> Proposal:
        """A merge request by its number in the project."""
        return self._proposals.proposal(self._proposals.change(number))

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        """The merge requests whose merge made this commit of the default branch."""
        return self._proposals.merged_as(commit, self._branch)

    def open_for(self, branch: str) -> Sequence[int]:
        """Numbers of the open merge requests to a branch."""
        return self._proposals.open_for(branch)

    def words(self, proposal: Proposal) -> Sequence[Word]:
        """Approvals, requested changes, commands in notes, and who played the manual job for the newest commit."""
        found = [*self._words.of(proposal), *self._letting.of_change(proposal.number, proposal.head)]
        return sorted(found, key=lambda word: word.at or "~")

    def words_of_run(self, run: int) -> Sequence[Word]:
        """Approvals of the deployments of a pipeline, and who played its manual job."""
        return self._letting.of(run)

    def said(self, commit: str, context: str) -> Sequence[Said]:
        """What the status of this name said: of the commit, and of the merge commits that it was tried in.

        https://docs.gitlab.com/api/commits/#list-the-statuses-of-a-commit
        """
        found: dict[int, _Status] = {}
        for sha in (commit, *self._tried_in(commit)):
            path = project(self._project, "repository", "commits", sha, "statuses")
            with telling(self._access, f"the statuses of {one_line(sha, 12)}") as api:
                every: list[_Status] = list(api.paginate(path, {"name": context, "all": "true"}, shape=_Status))
            found |= {each.id: each for each in every if each.name == context}
        told = [(self._since(each), each) for each in found.values()]
        told.sort(key=lambda each: (each[0], each[1].id))
        return [Said(at=moment_after(at), description=each.description or "") for at, each in told]

    def _since(self, status: _Status) -> datetime:
        """Since when a status says what it says now.

        GitLab moves an open status on in place and forgets what it said. Only whoever set it can, and we let what names
        another verdict follow as a status of its own (``GitLabCommits.set_status``); of others it is not known.
        """
        if status.author is not None and status.author.id == self._access.me:
            return status.created_at
        return status.finished_at or status.started_at or status.created_at

    def _tried_in(self, commit: str) -> Iterator[str]:
        """The merge commits that this head was tried in."""
        for change in self._proposals.of_commit(commit):
            if change.sha == commit:
                yield from self._letting.merges(change.iid, commit)

    def person(self, login: str) -> Person | None:
        """The account of that name now; None where there is none."""
        return self._accounts.named(login)

    def may_approve(self, person: Person, who: str | None) -> bool:
        """Whether somebody is whom policy names: by login, by number, or as a member of the very group."""
        return self._accounts.may_approve(person, who)
