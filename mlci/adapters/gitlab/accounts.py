"""Accounts: whose they are, and what they may do in a project or a group."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

import msgspec

from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.telling import telling
from mlci.adapters.oneline import one_line
from mlci.domain.release.people import Person
from mlci.errors import CannotTell

# Gitlab::Access in lib/gitlab/access.rb.
_GUEST, _DEVELOPER = 10, 30
# As GitLab calls the users that it makes for tokens of projects and groups, and for service accounts.
_BOT = re.compile(r"(?:project|group)_[0-9]+_bot.*|service_account_.*")
_TEAM = re.compile(r"@((?!\.{1,2}/)[\w.-]{1,255}(?:/(?!\.{1,2}(?:/|\Z))[\w.-]{1,255}){0,20})", re.ASCII)
_PINNED = re.compile(r"(.{1,255})#([1-9][0-9]{0,18})")
_GROUPS = (
    "the user of MLCI_TOKEN has to see the members of the group: invite it there as a Guest, take the token of a group "
    "above it, or name people by their logins"
)


class Account(msgspec.Struct):
    """An account, as GitLab shows it beside everything that somebody did."""

    id: int
    username: Annotated[str, msgspec.Meta(max_length=255)]


class _Whole(Account):
    bot: bool | None = None


class _Member(msgspec.Struct):
    id: int
    access_level: int
    membership_state: str = "active"


class _Group(msgspec.Struct):
    id: int


class Accounts:
    """The accounts that a token may see. https://docs.gitlab.com/api/users/, https://docs.gitlab.com/api/members/"""

    def __init__(self, access: Access, number: int) -> None:
        """Nothing is asked yet; ``number`` is that of the project."""
        self._access, self._project = access, number
        self._humans: dict[int, bool] = {}

    def person(self, account: Account) -> Person:
        """Whose an account is. One that is gone is nobody's, and one that GitLab calls a bot is no person's.

        Raises:
            CannotTell: the token may not ask for it.
        """
        if account.id not in self._humans:
            self._humans[account.id] = self._is_human(account)
        return Person(id=account.id, login=account.username, human=self._humans[account.id])

    def _is_human(self, account: Account) -> bool:
        if _BOT.fullmatch(account.username):
            return False
        help = "the token in MLCI_TOKEN needs the scope read_api or api"
        with telling(self._access, f"whether @{one_line(account.username, 60)} is a person", help) as api:
            found = api.find(f"/users/{account.id}", shape=_Whole)
        return found is not None and not found.bot

    def named(self, login: str) -> Person | None:
        """The account of that name now; None where there is none.

        Raises:
            CannotTell: the token may not ask for it.
        """
        with telling(self._access, f"the account @{one_line(login, 60)}") as api:
            found: list[Account] = list(api.paginate("/users", {"username": login}, shape=Account))
        same = [each for each in found if each.username.casefold() == login.casefold()]
        return self.person(same[0]) if len(same) == 1 else None

    def may_approve(self, person: Person, who: str | None) -> bool:
        """Whether somebody is whom policy names; see ports.People."""
        if who is None:
            return self._writes(person)
        if who.startswith("@"):
            return self._is_in(person, who)
        pinned = _PINNED.fullmatch(who)
        if pinned is not None:
            return int(pinned[2]) == person.id
        named = self.named(who)
        # Whoever takes a name that became free has no right to write.
        return named is not None and named.id == person.id and self._writes(person)

    def _writes(self, person: Person) -> bool:
        """Whether somebody may push to the project, be it through a group that it is in or was shared with."""
        path = project(self._project, "members", "all", person.id)
        with telling(self._access, f"the role of @{one_line(person.login, 60)} in the project") as api:
            found = api.find(path, shape=_Member)
        return _is_active(found, person, _DEVELOPER)

    def _is_in(self, person: Person, team: str) -> bool:
        """Whether somebody is a member of a group itself.

        Members of the groups above it have rights there and are not whom policy names, as in GitLab's own rules of
        approval: https://docs.gitlab.com/user/project/merge_requests/approvals/rules/
        """
        path = _TEAM.fullmatch(team)
        if path is None:
            cause = f"{one_line(team, 100)} cannot be a group"
            raise CannotTell(cause, help="name it by its whole path, as @group/sub")
        group = f"/groups/{quote(path[1], safe='')}"
        with telling(self._access, f"the group {one_line(team, 100)}", _GROUPS) as api:
            # Whoever is no member is not there, and neither is a group that the token may not see.
            number = api.get(group, shape=_Group).id
            found = api.find(f"/groups/{number}/members/{person.id}", shape=_Member)
        return _is_active(found, person, _GUEST)


def _is_active(found: _Member | None, person: Person, level: int) -> bool:
    return (
        found is not None
        and found.id == person.id
        and found.access_level >= level
        and found.membership_state == "active"
    )
