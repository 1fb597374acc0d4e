"""One request and one answer, as the operations see them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from forge.state import Repository, State, Token

T = TypeVar("T")

JSON = "application/json; charset=utf-8"
DOCUMENTATION = "https://docs.github.com/rest"


@dataclass
class Answer:
    """What is sent back. ``body`` is JSON unless it is bytes; None sends nothing."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media: str = JSON

    def data(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refused(Exception):
    """An operation ends with this answer."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(message)
        body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status), **more}
        self.answer = Answer(status, body, dict(headers or {}))


def invalid(resource: str, field_name: str, message: str) -> Refused:
    """A refusal with 422, as GitHub words it."""
    error = {"resource": resource, "code": "custom", "field": field_name, "message": message}
    return Refused(422, "Validation Failed", errors=[error])


@dataclass
class Request:
    """A request that has been let through.

    Attributes:
        base: address of the API as the client called it, without a slash at the end.
        target: path and query as sent, without the prefix of an enterprise server.
        values: placeholders of the template, unquoted.
    """

    state: State
    method: str
    base: str
    server: str
    blobs: str
    target: str
    template: str
    values: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    token: Token | None

    @property
    def repository(self) -> Repository:
        """The repository it is about."""
        return self.state.repositories[self.name]

    @property
    def name(self) -> str:
        """owner/name of the repository it is about."""
        return f"{self.values['owner']}/{self.values['repo']}"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON sent."""
        found: dict[str, Any] = json.loads(self.raw) if self.raw else {}
        return found

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def author(self) -> Token:
        """The token, where the operation cannot do without."""
        if self.token is None:
            raise Refused(401, "Requires authentication")
        return self.token

    def one_of(self, held: Mapping[int, T], placeholder: str) -> T:
        """The one whose number stands in the path."""
        found = held.get(int(self.values[placeholder]))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def url(self, rest: str = "") -> str:
        """An address under this repository's in the API."""
        return f"{self.base}/repos/{self.name}{rest}"

    def page(self, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for, 30 items unless told, at most 100, and the Link header."""
        size = min(max(_number(self.query.get("per_page"), 30), 1), 100)
        number = max(_number(self.query.get("page"), 1), 1)
        last = max(1, -(-len(items) // size))
        links = []
        for name, target in (("prev", number - 1), ("next", number + 1), ("last", last), ("first", 1)):
            wanted = (number > 1) if name in ("prev", "first") else (number < last)
            if wanted:
                links.append(f'<{self._paged(target)}>; rel="{name}"')
        return list(items[(number - 1) * size : number * size]), ({"Link": ", ".join(links)} if links else {})

    def listing(self, items: Sequence[Any], key: str | None = None) -> Answer:
        """A page of items, bare or under a key beside the total count."""
        shown, headers = self.page(items)
        return Answer(200, {"total_count": len(items), key: shown} if key else shown, headers)

    def _paged(self, number: int) -> str:
        query = {**self.query, "page": str(number)}
        return f"{self.base}{urlsplit(self.target).path}?{urlencode(query)}"


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text or otherwise)
    except ValueError:
        return otherwise


def unquoted(values: Mapping[str, str]) -> dict[str, str]:
    """Placeholders as they are meant."""
    return {name: unquote(value) for name, value in values.items()}
