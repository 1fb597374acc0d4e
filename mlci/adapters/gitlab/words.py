"""What people say on a merge request: approvals, requested changes, and commands in notes.

GitLab keeps who approves at the moment, and newer versions say since when. An approval is given to what the merge
request shows then, so the time makes it one of a commit: that of the newest version of the diff by that time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from mlci.adapters.gitlab.accounts import Account, Accounts
from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.telling import moment, telling
from mlci.adapters.oneline import one_line
from mlci.domain.release.command import commands_in
from mlci.domain.release.people import Proposal, Where, Word
from mlci.errors import CannotTell, ServiceRefused

# Notes that GitLab itself writes when somebody presses a button; nobody else can write one that says system.
# app/services/system_notes/merge_requests_service.rb
_APPROVED, _ASKED = "approved this merge request", "requested changes"


class _Note(msgspec.Struct):
    id: int
    body: str
    created_at: datetime
    updated_at: datetime
    author: Account | None = None
    system: bool = False


class _Approval(msgspec.Struct):
    user: Account
    approved_at: datetime | None = None


class _Approvals(msgspec.Struct):
    approved_by: list[_Approval] = []


class _Reviewer(msgspec.Struct):
    user: Account
    state: str


class _Version(msgspec.Struct):
    head_commit_sha: str | None
    created_at: datetime


class _Settings(msgspec.Struct):
    reset_approvals_on_push: bool


class Words:
    """What was said on the merge requests of a project."""

    def __init__(self, access: Access, accounts: Accounts, number: int) -> None:
        """Nothing is asked yet; ``number`` is that of the project."""
        self._access, self._accounts, self._project = access, accounts, number

    def of(self, proposal: Proposal) -> Sequence[Word]:
        """Everything that may be an approval, oldest first; of what GitLab tells no time of, last."""
        below = project(self._project, "merge_requests", proposal.number)
        name = f"!{proposal.number}"
        with telling(self._access, f"the notes on {name}") as api:
            order = {"sort": "asc", "order_by": "created_at"}
            notes: list[_Note] = list(api.paginate(f"{below}/notes", order, shape=_Note))
        words = [*self._commands(notes, proposal), *self._reviews(below, notes, proposal)]
        return sorted(words, key=lambda word: word.at or "~")

    def _commands(self, notes: Sequence[_Note], proposal: Proposal) -> Iterator[Word]:
        for note in notes:
            if note.system or note.author is None:
                continue
            for command in commands_in(note.body):
                yield Word(
                    person=self._accounts.person(note.author),
                    agrees=command.agrees,
                    where="comment",
                    at=moment(note.created_at),
                    digest=command.digest,
                    edited=note.updated_at != note.created_at,
                    page=f"{proposal.page}#note_{note.id}",
                )

    def _reviews(self, below: str, notes: Sequence[_Note], proposal: Proposal) -> Iterator[Word]:
        """Approvals that stand, and changes that are asked for and have not been approved since."""
        name = f"!{proposal.number}"
        with telling(self._access, f"the approvals of {name}") as api:
            approvals = api.get(f"{below}/approvals", shape=_Approvals).approved_by
            # Not every version of GitLab lets reviewers ask for changes.
            reviewers = api.find(f"{below}/reviewers", shape=list[_Reviewer]) or []
            versions: list[_Version] = list(api.paginate(f"{below}/versions", shape=_Version)) if approvals else []
        for one in approvals:
            # The note alone could be of an approval before the one that stands; never of a later one.
            at = one.approved_at or _last(notes, one.user, lambda body: body == _APPROVED)
            if at is None:
                yield self._timeless(one.user, proposal)
                continue
            commit = _shown(versions, at)
            yield self._word(one.user, True, "review", at, commit, proposal)
        for reviewer in reviewers:
            if reviewer.state == "requested_changes":
                at = _last(notes, reviewer.user, lambda body: body.startswith(_ASKED))
                yield self._word(reviewer.user, False, "review", at, proposal.head, proposal)

    def _timeless(self, user: Account, proposal: Proposal) -> Word:
        """An approval of which GitLab does not say when it was given: of the head, where a push takes approvals away.

        Raises:
            CannotTell: it may have been given to an earlier commit.
        """
        way = (
            "in Settings > Merge requests, let approvals be removed when a commit is added, or let people approve by "
            "a comment that carries the digest"
        )
        try:
            settings = self._access.read.get(project(self._project, "approvals"), shape=_Settings)
        except ServiceRefused as refused:
            why = f"and whether a push takes approvals away cannot be read: {one_line(refused.cause, 160)}"
            help = "give MLCI_TOKEN the role Maintainer, or let people approve by a comment that carries the digest"
            raise CannotTell(_untold(user, proposal, why), help=help) from None
        if not settings.reset_approvals_on_push:
            raise CannotTell(_untold(user, proposal, "and approvals outlive a push here"), help=way)
        return self._word(user, True, "review", None, proposal.head, proposal)

    def _word(
        self, user: Account, agrees: bool, where: Where, at: datetime | None, commit: str | None, proposal: Proposal
    ) -> Word:
        return Word(
            person=self._accounts.person(user),
            agrees=agrees,
            where=where,
            at=moment(at) if at is not None else None,
            commit=commit,
            page=proposal.page,
        )


def _untold(user: Account, proposal: Proposal, why: str) -> str:
    return f"GitLab does not say when @{one_line(user.username, 60)} approved !{proposal.number}, {why}"


def _last(notes: Sequence[_Note], user: Account, is_it: Callable[[str], bool]) -> datetime | None:
    """When GitLab last noted something that somebody did."""
    times = [
        note.created_at
        for note in notes
        if note.system and note.author is not None and note.author.id == user.id and is_it(note.body)
    ]
    return max(times, default=None)


def _shown(versions: Sequence[_Version], at: datetime) -> str | None:
    """The commit that the merge request was at; None before its first version."""
    earlier = [each for each in versions if each.created_at <= at]
    return max(earlier, key=lambda each: each.created_at).head_commit_sha if earlier else None
