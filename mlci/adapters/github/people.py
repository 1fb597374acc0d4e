"""The people of a repository: who made a pull request, what was said on it, and who may say it.

Nothing is guessed. A person is the number of the account; what the token may not read raises CannotTell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal
from urllib.parse import quote

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.domain.release.command import commands_in
from mlci.domain.release.people import Person, Proposal, Said, Word
from mlci.errors import CannotTell, ServiceRefused, UsageError

# https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request: no more than these, on all pages together.
_MOST_COMMITS = 250
# Whose account it was, where it is gone: https://github.com/ghost
_GHOST = Person(id=10137, login="ghost", human=False)
_TEAM = re.compile(r"@(?P<organisation>[A-Za-z0-9-]{1,100})/(?P<team>[A-Za-z0-9._-]{1,100})")
_NUMBERED = re.compile(r"(?P<login>[^#]{1,100})#(?P<id>[1-9]\d{0,17})")
_MAY_WRITE = frozenset({"admin", "maintain", "write"})
_PUSHES = frozenset({"push", "force_push", "branch_creation"})
_REVIEWS = {"APPROVED": True, "CHANGES_REQUESTED": False, "DISMISSED": None}


class _User(msgspec.Struct):
    id: int
    login: str
    type: str


class _Maybe(msgspec.Struct):
    """An account, or the empty object that stands for an address of no account."""

    id: int | None = None
    login: str = ""
    type: str = ""


class _Commit(msgspec.Struct):
    sha: str
    author: _Maybe | None = None
    committer: _Maybe | None = None


class _Repository(msgspec.Struct):
    id: int
    full_name: str


class _Side(msgspec.Struct):
    sha: str
    ref: str
    repo: _Repository | None = None


class _Listed(msgspec.Struct):
    number: int
    base: _Side
    merged_at: str | None = None


class _Pull(msgspec.Struct):
    number: int
    html_url: str
    created_at: str
    head: _Side
    base: _Side
    merged: bool = False
    user: _User | None = None


class _Activity(msgspec.Struct):
    after: str
    timestamp: str
    activity_type: str
    actor: _User | None = None


class _Review(msgspec.Struct):
    state: str
    html_url: str
    user: _User | None = None
    commit_id: str | None = None
    submitted_at: str | None = None


class _App(msgspec.Struct):
    id: int


class _Comment(msgspec.Struct):
    html_url: str
    created_at: str
    updated_at: str
    body: str | None = ""
    user: _User | None = None
    performed_via_github_app: _App | None = None


class _Environment(msgspec.Struct):
    name: str = ""


class _RunApproval(msgspec.Struct):
    environments: list[_Environment]
    state: Literal["approved", "rejected", "pending"]
    user: _User


class _Status(msgspec.Struct):
    context: str
    created_at: str
    description: str | None = None


class _Permission(msgspec.Struct):
    permission: str
    role_name: str = ""
    user: _User | None = None


class _Membership(msgspec.Struct):
    state: str


class GitHubPeople:
    """ports.People over one repository.

    Permissions: pull-requests: read, contents: read for who pushed, actions: read for environments, statuses: read; and
    of an App members: read where policy names a team.
    """

    def __init__(self, api: Api, repository: str) -> None:
        """Nothing is asked yet."""
        self._api = api
        self._repository = repository
        self._told: dict[tuple[int, str | None], bool] = {}

    # What was proposed, and by whom.

    def proposal(self, number: int) -> Proposal:
        """A pull request by its number. https://docs.github.com/rest/pulls/pulls#get-a-pull-request

        Raises:
            UsageError: there is none.
            CannotTell: the token may not read it.
        """
        with _reading(f"pull request {number}", "pull-requests: read"):
            found = self._api.find(at(self._repository, "pulls", number), shape=_Pull)
        if found is None:
            raise UsageError(f"there is no pull request {number}, or the token may not read it")
        pushers, why = self._pushers(found)
        ours = found.base.repo
        return Proposal(
            number=found.number,
            head=found.head.sha,
            base_branch=found.base.ref,
            author=_person(found.user),
            pushers=pushers,
            fork=found.head.repo is None or ours is None or found.head.repo.id != ours.id,
            merged=found.merged,
            page=found.html_url,
            why=why,
        )

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        """The merged pull requests that this commit is from."""
        with _reading("the pull requests of a commit", "pull-requests: read"):
            path = at(self._repository, "commits", commit, "pulls")
            listed: list[_Listed] = list(self._api.paginate(path, shape=_Listed))
        ours = self._repository.casefold()
        numbers = {
            each.number
            for each in listed
            if each.merged_at is not None and each.base.repo and each.base.repo.full_name.casefold() == ours
        }
        return tuple(self.proposal(number) for number in sorted(numbers))

    def open_for(self, branch: str) -> Sequence[int]:
        """Numbers of the open pull requests to a branch."""
        with _reading("the open pull requests", "pull-requests: read"):
            path, asked = at(self._repository, "pulls"), {"state": "open", "base": branch}
            listed: list[_Listed] = list(self._api.paginate(path, asked, shape=_Listed))
        return tuple(sorted(each.number for each in listed if each.base.ref == branch))

    def _pushers(self, pull: _Pull) -> tuple[tuple[Person, ...] | None, str | None]:
        """Who wrote or pushed the commits; None, and why, where GitHub does not say who pushed the newest one."""
        with _reading(f"the commits of pull request {pull.number}", "pull-requests: read"):
            path = at(self._repository, "pulls", pull.number, "commits")
            commits: list[_Commit] = list(self._api.paginate(path, shape=_Commit))
        if len(commits) >= _MOST_COMMITS:
            return None, f"GitHub lists {_MOST_COMMITS} commits of a pull request at most: split it up"
        if pull.head.repo is None:
            return None, "the repository that it comes from is gone: propose the commit from another one"
        found = [each for commit in commits for each in (commit.author, commit.committer)]
        people = {each.id: Person(id=each.id, login=each.login) for each in found if each is not None and each.id}
        shas = {commit.sha for commit in commits} | {pull.head.sha}
        try:
            pushed = [
                each
                for each in self._activity(pull.head.repo.full_name, pull.head.ref)
                if each.after in shas or each.timestamp >= pull.created_at
            ]
        except ServiceRefused as error:
            return None, error.help or error.cause
        newest = [each for each in pushed if each.after == pull.head.sha]
        if not newest or any(each.actor is None for each in newest):
            return None, "GitHub does not say who pushed the newest commit: push once more"
        people |= {each.actor.id: _person(each.actor) for each in pushed if each.actor is not None}
        return tuple(people[id] for id in sorted(people)), None

    def _activity(self, repository: str, branch: str) -> Iterator[_Activity]:
        """Pushes to a branch. https://docs.github.com/rest/repos/repos#list-repository-activities"""
        listed = self._api.paginate(at(repository, "activity"), {"ref": f"refs/heads/{branch}"}, shape=_Activity)
        return (each for each in listed if each.activity_type in _PUSHES)

    # What was said.

    def words(self, proposal: Proposal) -> Sequence[Word]:
        """Reviews, and comments with a command, oldest first, all pages."""
        with _reading(f"what was said on #{proposal.number}", "pull-requests: read"):
            found = [*self._reviews(proposal.number), *self._comments(proposal.number)]
        return tuple(sorted(found, key=lambda word: word.at or ""))

    def _reviews(self, number: int) -> Iterator[Word]:
        """https://docs.github.com/rest/pulls/reviews; the state of a review that was dismissed is that it was."""
        reviews: Iterator[_Review] = self._api.paginate(
            at(self._repository, "pulls", number, "reviews"), shape=_Review
        )  # fmt: skip
        for each in reviews:
            if each.state in _REVIEWS and each.user is not None:
                yield Word(
                    person=_person(each.user), agrees=_REVIEWS[each.state], where="review", at=each.submitted_at,
                    commit=each.commit_id, page=each.html_url,
                )  # fmt: skip

    def _comments(self, number: int) -> Iterator[Word]:
        """Each command of each comment. Whoever may write to the repository may edit a comment of anybody's."""
        comments: Iterator[_Comment] = self._api.paginate(
            at(self._repository, "issues", number, "comments"), shape=_Comment
        )  # fmt: skip
        for each in comments:
            if each.user is None:
                continue
            person = _person(each.user, by_app=each.performed_via_github_app is not None)
            for command in commands_in(each.body or ""):
                yield Word(
                    person=person, agrees=command.agrees, where="comment", at=each.created_at, digest=command.digest,
                    edited=each.created_at != each.updated_at, page=each.html_url,
                )  # fmt: skip

    def words_of_run(self, run: int) -> Sequence[Word]:
        """Who let jobs of a run into environments. GitHub says neither when, nor that an administrator passed by it."""
        with _reading(f"the approvals of run {run}", "actions: read"):
            found = self._api.get(at(self._repository, "actions", "runs", run, "approvals"), shape=list[_RunApproval])
        return tuple(
            Word(
                person=_person(each.user), agrees=each.state == "approved", where="environment", run=run,
                environment=environment.name,
            )
            for each in found
            if each.state != "pending"
            for environment in each.environments
        )  # fmt: skip

    def said(self, commit: str, context: str) -> Sequence[Said]:
        """What the status of this name said, oldest first, all pages."""
        with _reading("the statuses of a commit", "statuses: read"):
            path = at(self._repository, "commits", commit, "statuses")
            listed: list[_Status] = list(self._api.paginate(path, shape=_Status))
        # Newest first, and of one second in the order in which they were set.
        return tuple(
            Said(at=each.created_at, description=each.description or "")
            for each in reversed(listed)
            if each.context.casefold() == context.casefold()
        )

    # Who may say it.

    def person(self, login: str) -> Person | None:
        """The account of that name now. https://docs.github.com/rest/users/users"""
        found = self._api.find(f"/users/{quote(login, safe='')}", shape=_User)
        return None if found is None else _person(found)

    def may_approve(self, person: Person, who: str | None) -> bool:
        """Whether somebody is one of those whom policy names."""
        known = (person.id, who)
        if known not in self._told:
            self._told[known] = self._asked(person, who)
        return self._told[known]

    def _asked(self, person: Person, who: str | None) -> bool:
        if who is None:
            return self._may_write(person)
        team, numbered = _TEAM.fullmatch(who), _NUMBERED.fullmatch(who)
        if team is not None:
            return self._is_member(person, team["organisation"], team["team"])
        if numbered is not None:
            return int(numbered["id"]) == person.id
        login = who.removeprefix("@")
        if login.casefold() != person.login.casefold():
            return False
        # The name that a word was read with may have another owner by now; and whoever takes a name that became free,
        # on a forge where anybody may comment, has no right to write.
        found = self.person(login)
        return found is not None and found.id == person.id and self._may_write(found)

    def _may_write(self, person: Person) -> bool:
        """https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user"""
        path = at(self._repository, "collaborators", person.login, "permission")
        with _reading("what a person may do with the repository", "metadata: read"):
            found = self._api.find(path, shape=_Permission)
        if found is None or found.user is None or found.user.id != person.id:
            return False
        return found.permission in _MAY_WRITE or found.role_name in _MAY_WRITE

    def _is_member(self, person: Person, organisation: str, team: str) -> bool:
        """A member of the team or of one below it. That there is no membership is also said of a team that is hidden.

        https://docs.github.com/rest/teams/members#get-team-membership-for-a-user
        """
        path = f"/orgs/{organisation}/teams/{team}"
        found = self._api.find(
            f"{path}/memberships/{quote(person.login, safe='')}", absent=(403, 404), shape=_Membership
        )
        if found is not None:
            return found.state == "active"
        if self._api.find(path, absent=(403, 404)) is None:
            raise CannotTell(
                f"whether {one_line(person.login, 60)} is in @{organisation}/{team} cannot be read",
                help="give the step the token of a GitHub App with members: read of the organisation (MLCI_TOKEN); the "
                "token of a job has no such permission",
            )
        return False


def _person(found: _User | None, *, by_app: bool = False) -> Person:
    if found is None:
        return _GHOST
    return Person(id=found.id, login=found.login, human=found.type == "User" and not by_app)


@contextmanager
def _reading(what: str, scope: str) -> Iterator[None]:
    """What the token may not read is no answer."""
    try:
        yield
    except ServiceRefused as error:
        raise CannotTell(f"{what} cannot be read: {error.cause}", help=f"the token needs {scope}") from error
