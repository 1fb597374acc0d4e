"""Merge requests as what somebody proposed, and who made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mlci.adapters.gitlab import graph
from mlci.adapters.gitlab.accounts import Account, Accounts
from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.gitlab.telling import telling
from mlci.adapters.oneline import one_line
from mlci.adapters.told import NO_COMMIT
from mlci.domain.release.people import Person, Proposal
from mlci.errors import CannotTell, ServiceRefused, UsageError

# How far back the pushes to a project are looked at, a hundred a page.
_PAGES = 10
_MOST_COMMIT_PAGES = 20

# GitLab finds accounts by the addresses in commits, which its REST API does not do.
_MAKERS = """
query makers($project: ID!, $change: String!, $after: String) {
  project(fullPath: $project) {
    mergeRequest(iid: $change) {
      committers(first: 100) { nodes { id username bot } pageInfo { hasNextPage endCursor } }
      commits(first: 100, after: $after) {
        nodes { sha author { id username bot } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


class Change(msgspec.Struct):
    """A merge request, alone or in a list."""

    iid: int
    state: str
    sha: str | None
    target_branch: str
    source_branch: str
    source_project_id: int | None
    target_project_id: int
    author: Account
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None


class _Pushed(msgspec.Struct):
    ref_type: str | None = None
    ref: str | None = None
    commit_from: str | None = None
    commit_to: str | None = None


class _Event(msgspec.Struct):
    author_id: int
    author: Account | None = None
    push_data: _Pushed | None = None


class _Named(msgspec.Struct):
    id: str
    username: str
    bot: bool = False


class _People(msgspec.Struct, rename="camel"):
    nodes: list[_Named | None]
    page_info: graph.Page


class _Commit(msgspec.Struct):
    sha: str
    author: _Named | None = None


class _Commits(msgspec.Struct, rename="camel"):
    nodes: list[_Commit | None]
    page_info: graph.Page


class _Made(msgspec.Struct):
    committers: _People | None
    commits: _Commits | None


class _OfProject(msgspec.Struct, rename="camel"):
    merge_request: _Made | None


class _Makers(msgspec.Struct):
    project: _OfProject | None


@dataclass(frozen=True)
class _Unknown(Exception):
    """Who made a change cannot be said, and why."""

    why: str


class Proposals:
    """The merge requests of a project. https://docs.gitlab.com/api/merge_requests/"""

    def __init__(self, access: Access, accounts: Accounts, number: int, path: str, page: str) -> None:
        """Nothing is asked yet.

        Args:
            access: what GitLab is asked with.
            accounts: of those who make changes.
            number, path, page: of the project that changes are proposed to.
        """
        self._access, self._accounts = access, accounts
        self._project, self._path, self._page = number, path, page

    def change(self, number: int) -> Change:
        """A merge request as it stands.

        Raises:
            UsageError: there is none.
            CannotTell: the token may not read it.
        """
        with telling(self._access, f"merge request !{number}") as api:
            found = api.find(project(self._project, "merge_requests", number), shape=Change)
        if found is None:
            raise UsageError(f"there is no merge request !{number}, or the token may not read it")
        return found

    def open_for(self, branch: str) -> Sequence[int]:
        """Numbers of the open merge requests to a branch."""
        with telling(self._access, "the open merge requests") as api:
            path, asked = project(self._project, "merge_requests"), {"state": "opened", "target_branch": branch}
            listed: list[Change] = list(api.paginate(path, asked, shape=Change))
        return tuple(sorted(each.iid for each in listed if each.target_branch == branch))

    def of_commit(self, commit: str) -> Sequence[Change]:
        """The merge requests that have a commit, open ones too."""
        path = project(self._project, "repository", "commits", commit, "merge_requests")
        with telling(self._access, f"the merge requests of {one_line(commit, 12)}") as api:
            return list(api.paginate(path, shape=Change))

    def merged_as(self, commit: str, branch: str) -> Sequence[Proposal]:
        """Those whose merge made this commit of a branch; one that only contains it is another's."""
        ours = [
            each
            for each in self.of_commit(commit)
            if each.state == "merged"
            and each.target_branch == branch
            and each.target_project_id == self._project
            and commit in (each.merge_commit_sha, each.squash_commit_sha, each.sha)
        ]
        return [self.proposal(each) for each in sorted(ours, key=lambda each: each.iid)]

    def proposal(self, change: Change) -> Proposal:
        """A merge request with who made it.

        Raises:
            CannotTell: the merge request has no commit.
        """
        if change.sha is None:
            raise CannotTell(f"merge request !{change.iid} has no commit that somebody could approve")
        why: str | None = None
        try:
            pushers: tuple[Person, ...] | None = self._makers(change, change.sha)
        except _Unknown as unknown:
            pushers, why = None, unknown.why
        return Proposal(
            number=change.iid,
            head=change.sha,
            base_branch=change.target_branch,
            author=self._accounts.person(change.author),
            pushers=pushers,
            fork=change.source_project_id != change.target_project_id,
            merged=change.state == "merged",
            page=f"{self._page}/-/merge_requests/{change.iid}",
            why=why,
        )

    def _makers(self, change: Change, head: str) -> tuple[Person, ...]:
        """Who pushed the branch as it is, the last push at least, and whose the commits are."""
        try:
            found = {each.id: each for each in (*self._pushed(change, head), *self._committed(change))}
        except ServiceRefused as refused:
            raise _Unknown(
                f"who wrote and pushed !{change.iid} cannot be read: {one_line(refused.cause, 200)}"
            ) from None
        return tuple(self._accounts.person(found[number]) for number in sorted(found))

    def _pushed(self, change: Change, head: str) -> list[Account]:
        """Who pushed to the source branch, from the push of its head back, as far as the pushes follow one another."""
        if change.source_project_id is None:
            raise _Unknown(f"the project that !{change.iid} comes from is gone, and with it who pushed there")
        path, asked = project(change.source_project_id, "events"), {"action": "pushed", "sort": "desc"}
        wanted: str | None = head
        found: list[Account] = []
        for page, events in enumerate(self._access.read.pages(path, asked, shape=_Event, limit=_PAGES + 1), start=1):
            for event in events:
                pushed = event.push_data
                if pushed is None or pushed.ref_type != "branch" or pushed.ref != change.source_branch:
                    continue
                if wanted is not None and pushed.commit_to == wanted:
                    found.append(event.author or Account(event.author_id, ""))
                    wanted = pushed.commit_from
            if wanted in (None, NO_COMMIT) or page == _PAGES:
                break
        if not found:
            raise _Unknown(
                f"GitLab lists no push of {head[:12]} to {one_line(change.source_branch, 60)}: it was pushed along "
                f"with other branches, or more than {100 * _PAGES} pushes ago"
            )
        return found

    def _committed(self, change: Change) -> list[Account]:
        """The accounts whose addresses are in the commits."""
        found: list[Account] = []
        after: str | None = None
        for _ in range(_MOST_COMMIT_PAGES):
            variables = {"project": self._path, "change": str(change.iid), "after": after}
            reply = graph.ask(self._access, _MAKERS, variables, _Makers)
            made = reply.project.merge_request if reply.project is not None else None
            if (
                made is None
                or made.commits is None
                or made.committers is None
                or made.committers.page_info.has_next_page
            ):
                raise _Unknown(f"GitLab does not say whose the commits of !{change.iid} are")
            found += _accounts(made.committers.nodes)
            found += _accounts([each.author for each in made.commits.nodes if each is not None])
            after = made.commits.page_info.end_cursor
            if not made.commits.page_info.has_next_page or after is None:
                return found
        most = 100 * _MOST_COMMIT_PAGES
        raise _Unknown(f"!{change.iid} has more than {most} commits, too many to ask whose they are")


def _accounts(named: Sequence[_Named | None]) -> list[Account]:
    found = [(graph.number_of(each.id, "User"), each.username) for each in named if each is not None]
    return [Account(number, username) for number, username in found if number is not None]
