"""What was asked of a REST API, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from urllib.parse import urljoin, urlsplit

import msgspec
import requests

from mlci.adapters.oneline import one_line
from mlci.errors import MlciError, ServiceFailed, ServiceRefused

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

# A page of a hundred comments of 65,536 characters fits.
_LARGEST_ANSWER = 64 << 20
# Seconds from the first byte of an answer to the last: a server that drips must not hold a job for ever.
_LONGEST_ANSWER = 60.0
# What X-Accepted-GitHub-Permissions holds: alternatives with "; " between them, each of scopes with "," between them.
_SCOPE = re.compile(r"(?P<scope>[a-z_]{2,40})=(?P<level>read|write|admin)")


@dataclass(frozen=True)
class Call:
    """A request as it was meant, before any redirect or repetition.

    Attributes:
        method: of HTTP.
        url: with its query.
        body: sent as JSON.
        limit: bytes of the answer.
        seconds: from the first byte of the answer to the last.
        silence: seconds without a byte of the answer.
        too_large: raised where the answer is over its limit.
        lookup: finds what the request adds, where it was added already.
        again: whether sending it twice does the same as sending it once, where the method does not say so.
        source: file whose bytes are the body.
        target: file that takes the body of an answer that says yes.
    """

    method: Method
    url: str
    body: Any = None
    limit: int = _LARGEST_ANSWER
    seconds: float = _LONGEST_ANSWER
    silence: float = 30.0
    too_large: type[MlciError] = ServiceFailed
    lookup: Callable[[], object | None] | None = None
    again: bool = False
    source: str | None = None
    target: str | None = None

    @property
    def name(self) -> str:
        """What to call it in a message: never with its query, which can hold signatures."""
        return f"{self.method} {one_line(urlsplit(self.url).path, 200)}"

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does the same as sending it once."""
        return self.again or self.method != "POST"


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end.

    Attributes:
        status: of HTTP.
        headers: found in any case of letters.
        content: the body.
        found: what was there already, where the request did not have to be sent again.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    found: object | None = None


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where a URL is not an HTTP address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]


def accepted(call: Call, answer: Answer) -> bytes:
    """The body of an answer that says yes.

    Raises:
        ServiceFailed, ServiceRefused: it says something else.
    """
    if not 200 <= answer.status < 300:
        refuse(call, answer)
    return answer.content


def read(call: Call, answer: Answer, shape: Any) -> Any:
    """The JSON of an answer that says yes; None where it has no body by design."""
    content = accepted(call, answer)
    return None if answer.status == 204 else _decoded(call, content, shape)


def entries(call: Call, answer: Answer, items: str | None, shape: Any) -> list[Any]:
    """One page of a list, which stands under the name ``items`` where there is one."""
    content = accepted(call, answer)
    if items is not None:
        fields: dict[str, msgspec.Raw] = _decoded(call, content, dict[str, msgspec.Raw])
        content = bytes(fields.get(items, b"null"))
    found: list[Any] = _decoded(call, content, list[shape])
    return found


def next_page(call: Call, answer: Answer) -> str | None:
    """Address of the page after this one; None after the last.

    Raises:
        ServiceFailed: it is on another host, which must not be sent the token.
    """
    for link in requests.utils.parse_header_links(answer.headers.get("link", "")):
        if link.get("rel") == "next":
            url = urljoin(call.url, link.get("url", ""))
            if origin(url) != origin(call.url):
                raise ServiceFailed(f"{call.name}: its next page is on another host")
            return url
    return None


class Unprocessable(ServiceRefused):
    """Refused with 409 or 422: what was asked does not go together with what is there, perhaps only by now."""


def _decoded(call: Call, content: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        what = f"is not what its description says: {one_line(error, 120)}"
        raise ServiceFailed(f"{call.name}: the answer {what}") from None


def message(answer: Answer) -> str:
    """What an error says of itself, on one line; empty where it says nothing."""
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    # GitHub and MLflow write a message; GitLab also an error, with a description where that is a code.
    told = next((said[name] for name in ("message", "error_description", "error") if said.get(name)), "")
    return one_line(told if isinstance(told, str) else str(told), 200)


def refuse(call: Call, answer: Answer) -> NoReturn:
    """Raise what an answer outside 2xx means; what may be tried again was tried before."""
    said = message(answer)
    cause = f"{call.name}: answered {answer.status}" + (f", {said}" if said else "")
    if not 400 <= answer.status < 500:
        raise ServiceFailed(cause)
    if answer.status == 401:
        raise ServiceRefused(cause, help="the token is not valid, or no longer: the token of a job ends with the job")
    if answer.status in (409, 422):
        raise Unprocessable(cause)
    if answer.status not in (403, 404):
        raise ServiceRefused(cause)
    needed = _permissions(answer.headers.get("x-accepted-github-permissions", ""))
    unseen = "there is no such thing, or the token may not see it" if answer.status == 404 else None
    help = f"the token needs {needed}: add it to permissions: of the job" if needed else unseen
    raise ServiceRefused(cause, help=help)


def _permissions(header: str) -> str:
    """The permissions that an answer says would have done, as a workflow writes them."""
    ways = []
    for way in header.split(";"):
        scopes = [_SCOPE.fullmatch(scope.strip()) for scope in way.split(",")]
        if all(scopes):
            ways.append(" and ".join(f"{one['scope'].replace('_', '-')}: {one['level']}" for one in scopes if one))
    return ", or ".join(ways)
