"""One request as the operations see it, and the refusals that GitLab knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from forge.exchange import Answer

from gitlab_server.state import MergeRequest, Project, State, Token, User

T = TypeVar("T")

JSON = "application/json"


class Refused(Exception):
    """An operation ends with this answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.answer = Answer(status, body, dict(headers or {}), JSON)


# lib/api/helpers.rb: not_found!, forbidden!, unauthorized!, bad_request!, not_allowed!
def not_found(what: str | None = None) -> Refused:
    """404, with what was not found."""
    return Refused(404, {"message": f"404 {what} Not Found" if what else "404 Not Found"})


def gone() -> Refused:
    """404 for a record that is not there; lib/api/api.rb words it a little differently."""
    return Refused(404, {"message": "404 Not found"})


def forbidden(reason: str | None = None) -> Refused:
    """403 for a role that does not suffice."""
    return Refused(403, {"message": "403 Forbidden" + (f" - {reason}" if reason else "")})


def unauthorized() -> Refused:
    """401."""
    return Refused(401, {"message": "401 Unauthorized"})


def bad_request(reason: str) -> Refused:
    """400 by an operation."""
    return Refused(400, {"message": f"400 Bad request - {reason}"})


def invalid(problem: str) -> Refused:
    """400 by the check of parameters, which Grape words."""
    return Refused(400, {"error": problem})


@dataclass
class Request:
    """A request that has been let through.

    Attributes:
        base: address of the API as the client called it, without a slash at the end.
        server: address of the pages.
        blobs: address of the object store.
        target: path and query as sent, below the API's address.
        values: placeholders of the template, unquoted.
        params: parameters of query and body, of their types.
        sent: the body's bytes, for operations that take something else than JSON.
        user: who is asking; None for nobody.
        level: the role of that user in the project.
        violations: where an operation notes what it should not have been asked.
    """

    state: State
    method: str
    base: str
    server: str
    blobs: str
    target: str
    template: str
    values: Mapping[str, str]
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    sent: bytes
    token: Token | None
    user: User | None
    project_found: Project | None = None
    level: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        """The project it is about."""
        assert self.project_found is not None
        return self.project_found

    @property
    def author(self) -> User:
        """Who is asking, where the operation cannot do without."""
        if self.user is None:
            raise unauthorized()
        return self.user

    @property
    def merge_request(self) -> MergeRequest:
        """The merge request whose number stands in the path."""
        return self.one_of(self.project.merge_requests, "merge_request_iid")

    def one_of(self, held: Mapping[int, T], placeholder: str) -> T:
        """The one whose number stands in the path."""
        text = self.values[placeholder]
        if not text.isdigit():
            raise invalid(f"{placeholder} is invalid")
        found = held.get(int(text))
        if found is None:
            raise gone()
        return found

    def page(self, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for, 20 items unless told, at most 100, and what the headers say of it.

        lib/gitlab/pagination/offset_header_builder.rb: there is always a Link with first and last, and its addresses
        repeat the placeholders of the path among the parameters of the query.
        """
        size = min(max(self.params.get("per_page", 20), 1), 100)
        number = max(self.params.get("page", 1), 1)
        last = max(1, -(-len(items) // size))
        near = {"prev": number - 1 if number > 1 else None, "next": number + 1 if number < last else None}
        headers = {
            "X-Per-Page": str(size),
            "X-Page": str(number),
            "X-Next-Page": str(near["next"] or ""),
            "X-Prev-Page": str(near["prev"] or ""),
            "X-Total": str(len(items)),
            "X-Total-Pages": str(last),
        }
        links = {**near, "first": 1, "last": last}
        headers["Link"] = ", ".join(
            f'<{self._paged(target, size)}>; rel="{name}"' for name, target in links.items() if target is not None
        )
        return list(items[(number - 1) * size : number * size]), headers

    def listing(self, items: Sequence[Any]) -> Answer:
        """A page of items."""
        shown, headers = self.page(items)
        return Answer(200, shown, headers, JSON)

    def _paged(self, number: int, size: int) -> str:
        query = {name: _text(value) for name, value in {**self.values, **self.params}.items()}
        query |= {"page": str(number), "per_page": str(size)}
        return f"{self.base}{urlsplit(self.target).path}?{urlencode(sorted(query.items()))}"

    def pages(self, project: Project, rest: str = "") -> str:
        """An address among a project's pages."""
        return f"{self.server}/{quote(project.path)}{rest}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, body, dict(headers or {}), JSON)
