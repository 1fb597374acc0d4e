"""Requests to a REST API that may be slow, limited, broken or hostile; the token goes to its own host alone."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, TypeVar, overload
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from mlci import __version__
from mlci.adapters.remote.answer import Answer, Call, Method, accepted, entries, message, next_page, origin, read
from mlci.adapters.remote.lost import Failure, asked_of, is_distrust, lost
from mlci.adapters.remote.patience import Clock, Patience, asked, is_limit, spelled
from mlci.errors import EventUnreadable, MlciError, ServiceFailed

T = TypeVar("T")
Params = Mapping[str, "str | int"]
Absent = Collection[int] | Callable[[Answer], bool]

# Seconds to connect.
_CONNECT = 10.0
_LONGEST_DOWNLOAD = 600.0
# A model of tens of gigabytes; a server may first hand on all that it was sent before it answers.
_LONGEST_TRANSFER, _LONGEST_SILENCE = 4 * 3600.0, 600.0
# A refusal is read this far, for its message; the limit of an answer is one for what was asked for.
_LARGEST_REFUSAL = 64 << 10
_REDIRECTS = 3
_PAGES = 100
_MOVED = frozenset({301, 302, 303, 307, 308})
_BROKEN = frozenset({500, 502, 503, 504})


@dataclass
class _Credential(requests.auth.AuthBase):
    """Puts the token on a request. Without one it still has to be there: requests then leaves .netrc alone."""

    token: str | None = field(repr=False)
    user: str | None = None
    header: str | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token is None:
            return request
        if self.header is not None:
            request.headers[self.header] = self.token
            return request
        basic = None if self.user is None else base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        request.headers["Authorization"] = f"Bearer {self.token}" if basic is None else f"Basic {basic}"
        return request


class Api:
    """A REST API at one address, spoken to with one token.

    GET, PATCH and DELETE are repeated when the service is down, lost or limited; POST only where it surely was
    not processed, or after looking whether it was (``post_once``). All waiting of one object shares one budget.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        user: str | None = None,
        header: str | None = None,
        headers: Mapping[str, str] | None = None,
        authority: str | None = None,
        named: str = "the address of the API",
        help: str | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: base address, http or https; a path in it stays (``https://host/api/v3``).
            token: sent as a bearer token to that host only; None or empty for none.
            user: who the token is the password of; it is then sent the basic way.
            header: that carries the token in place of Authorization, for a service that asks for one of its own.
            headers: for requests to that host.
            authority: file of the authority that vouches for that host; None for those that the system trusts.
            named, help: what the address is called where it is none, and what to do then.

        Raises:
            EventUnreadable: the address is none, or the token has characters that no token has.
        """
        parts = urlsplit(url) if re.fullmatch(r"https?://[!-~]+", url) else None
        if parts is None or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise EventUnreadable(f"{named} is not a plain http or https address", help=help)
        if token and user is None and not re.fullmatch(r"[!-~]+", token):
            # Checked here because the HTTP library would quote the header, token and all, in its complaint.
            raise EventUnreadable("the token has spaces or other characters that no token has")
        self._url: Final = url.rstrip("/")
        self._credential: Final = _Credential(token or None, user, header)
        self._authority: Final = authority
        self._headers: Final = dict(headers or {})
        self._patience: Final = patience or Patience()
        self._clock: Final = clock or Clock()
        self._lost_seconds = 0.0
        self._session: Final = requests.Session()
        self._session.headers = CaseInsensitiveDict({"User-Agent": f"mlci/{__version__}", "Accept": "*/*"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    # What an adapter asks.

    @overload
    def get(self, path: str, params: Params | None = None) -> Any: ...
    @overload
    def get(self, path: str, params: Params | None = None, *, shape: type[T]) -> T: ...
    def get(self, path: str, params: Params | None = None, *, shape: Any = Any) -> Any:
        """The JSON at a path, checked against a shape (a msgspec struct, a list of them, …).

        Raises:
            ServiceFailed: no usable answer after bounded retries.
            ServiceRefused: the service said no, or that there is no such thing for this token.
        """
        call = self._call("GET", path, params)
        return read(call, self._send(call), shape)

    @overload
    def find(self, path: str, params: Params | None = None, *, absent: Absent = (404,)) -> Any | None: ...
    @overload
    def find(self, path: str, params: Params | None = None, *, absent: Absent = (404,), shape: type[T]) -> T | None: ...
    def find(self, path: str, params: Params | None = None, *, absent: Absent = (404,), shape: Any = Any) -> Any | None:
        """As ``get``, but None where the service answers that there is no such thing.

        Args:
            absent: the statuses that say so, or what tells from the answer.
        """
        call = self._call("GET", path, params)
        answer = self._send(call)
        gone = absent(answer) if callable(absent) else answer.status in absent
        return None if gone else read(call, answer, shape)

    def pages(
        self,
        path: str,
        params: Params | None = None,
        *,
        items: str | None = None,
        shape: Any = Any,
        limit: int = _PAGES,
    ) -> Iterator[list[Any]]:
        """The pages of a list, a hundred entries each, read as they are asked for.

        Args:
            items: name of the list in each page, where the page is an object.
            shape: of one entry.
            limit: pages; more is an error, so that a list is never cut in silence.
        """
        url: str | None = self._call("GET", path, {"per_page": 100, **(params or {})}).url
        for _ in range(limit):
            if url is None:
                return
            call = Call("GET", url)
            answer = self._send(call)
            yield entries(call, answer, items, shape)
            url = next_page(call, answer)
        if url is not None:
            raise ServiceFailed(f"{self._call('GET', path).name} has more than {limit} pages, too many to read")

    def paginate(
        self,
        path: str,
        params: Params | None = None,
        *,
        items: str | None = None,
        shape: Any = Any,
        limit: int = _PAGES,
    ) -> Iterator[Any]:
        """The entries of a list, all pages; see ``pages``."""
        for page in self.pages(path, params, items=items, shape=shape, limit=limit):
            yield from page

    def download(self, path: str, limit: int, *, too_large: type[MlciError] = ServiceFailed) -> bytes:
        """The bytes at a path, which may lie on another host; that host gets no token.

        Raises:
            too_large: there are more than ``limit`` bytes.
        """
        call = self._downloading(path, None, limit, too_large)
        return accepted(call, self._send(call))

    def find_bytes(self, path: str, params: Params | None, limit: int) -> bytes | None:
        """As ``download``, but None where the service answers 404."""
        call = self._downloading(path, params, limit, ServiceFailed)
        answer = self._send(call)
        return None if answer.status == 404 else accepted(call, answer)

    def _downloading(self, path: str, params: Params | None, limit: int, too_large: type[MlciError]) -> Call:
        url = self._call("GET", path, params).url
        return Call("GET", url, limit=limit, seconds=_LONGEST_DOWNLOAD, too_large=too_large)

    def save(self, path: str, target: str, limit: int, *, too_large: type[MlciError] = ServiceFailed) -> None:
        """Stream the bytes at a path into a file; where it fails, half a file can be left.

        Raises:
            too_large: there are more than ``limit`` bytes.
        """
        url = self._call("GET", path).url
        call = Call("GET", url, limit=limit, seconds=_LONGEST_TRANSFER, too_large=too_large, target=target)
        accepted(call, self._send(call))

    def put_file(self, path: str, source: str) -> None:
        """Put the bytes of a file at a path, streamed."""
        call = Call("PUT", self._call("PUT", path).url, source=source, silence=_LONGEST_SILENCE)
        accepted(call, self._send(call))

    def patch(self, path: str, body: Any, *, shape: Any = Any) -> Any:
        """Change what is at a path; the answer's JSON."""
        call = self._call("PATCH", path, body=body)
        return read(call, self._send(call), shape)

    def put(self, path: str, body: Any = None, params: Params | None = None, *, shape: Any = Any) -> Any:
        """Replace what is at a path; the answer's JSON."""
        call = self._call("PUT", path, params, body=body)
        return read(call, self._send(call), shape)

    def delete(self, path: str, body: Any = None) -> None:
        """Remove what is at a path, or what the body names; what is gone already is no error."""
        call = self._call("DELETE", path, body=body)
        answer = self._send(call)
        if answer.status not in (404, 410):
            accepted(call, answer)

    def post(self, path: str, body: Any, *, shape: Any = Any, again: bool = False) -> Any:
        """Add something; repeated only where the request surely was not processed, or may be sent ``again``."""
        call = self._call("POST", path, body=body, again=again)
        return read(call, self._send(call), shape)

    def post_once(self, path: str, body: Any, lookup: Callable[[], T | None], *, shape: type[T]) -> T:
        """Add something exactly once.

        Args:
            lookup: finds what was added; asked before each repetition of a request whose answer was lost.
            shape: of the answer, the same as of what ``lookup`` finds.
        """
        call = self._call("POST", path, body=body, lookup=lookup)
        answer = self._send(call)
        return read(call, answer, shape) if answer.found is None else answer.found  # type: ignore[return-value]

    # Sending, and sending again.

    def _call(self, method: Method, path: str, params: Params | None = None, **rest: Any) -> Call:
        url = requests.Request(method, f"{self._url}{path}", params=dict(params or {})).prepare().url
        return Call(method, url or "", **rest)

    def _send(self, call: Call) -> Answer:
        """Send until there is an answer that means something, good or bad."""
        attempt = 0
        while True:
            attempt += 1
            started = self._clock.monotonic()
            result = self._attempt(call)
            if isinstance(result, Answer):
                return result
            self._lost_seconds += self._clock.monotonic() - started
            self._pause(call, result, attempt)
            if result.processed and call.lookup is not None and (found := call.lookup()) is not None:
                return Answer(200, {}, b"", found)

    def _pause(self, call: Call, failure: Failure, attempt: int) -> None:
        """Wait before the next attempt, or give up."""
        times = "" if attempt == 1 else f", {attempt} times"
        cause = f"{call.name}: {failure.cause}{times}"
        if failure.processed and not call.repeatable and call.lookup is None:
            raise ServiceFailed(cause, help="it may have been done all the same; it was not sent twice")
        drawn = self._patience.drawn(attempt, self._clock.chance())
        wait = drawn if failure.wait is None else failure.wait + drawn
        if failure.wait is not None and self._lost_seconds + wait > self._patience.budget:
            raise ServiceFailed(cause, help=f"it could work again in {spelled(failure.wait)}; run the job again then")
        if attempt >= self._patience.attempts or self._lost_seconds + wait > self._patience.budget:
            raise ServiceFailed(cause, help="run the job again when the service is up")
        self._clock.sleep(wait)
        self._lost_seconds += wait

    def _attempt(self, call: Call) -> Answer | Failure:
        try:
            answer = self._follow(call)
        except requests.exceptions.SSLError as error:
            if not is_distrust(error):
                return lost(call, error)
            raise ServiceFailed(
                f"{call.name}: the certificate of {asked_of(call, error)} is not trusted",
                help="name the file of its authority in REQUESTS_CA_BUNDLE",
            ) from None
        except (requests.ConnectionError, requests.Timeout) as error:
            return lost(call, error)
        except urllib3.exceptions.HTTPError:
            return Failure("the answer broke off", processed=True)
        except _Dripping:
            return Failure(f"the answer was not over after {call.seconds:g} seconds", processed=True)
        except (requests.RequestException, ValueError):
            raise ServiceFailed(f"{call.name}: the request could not be made") from None
        limited = is_limit(answer.status, answer.headers, message(answer))
        if not limited and answer.status not in _BROKEN:
            return answer
        cause = "limit of requests reached" if limited else f"answered {answer.status}"
        return Failure(cause, not limited, asked(answer.headers, self._clock.now(), limited=limited))

    def _follow(self, call: Call) -> Answer:
        """Send once and follow redirects; the token stays with its host."""
        url = call.url
        for _ in range(_REDIRECTS + 1):
            at_home = origin(url) == origin(self._url)
            with contextlib.ExitStack() as opened:
                response = self._session.request(
                    call.method,
                    url,
                    json=call.body,
                    data=None if call.source is None else opened.enter_context(Path(call.source).open("rb")),
                    headers=self._headers if at_home else None,
                    auth=self._credential if at_home else _Credential(None),
                    timeout=(_CONNECT, call.silence),
                    # None leaves it to the system, and to REQUESTS_CA_BUNDLE.
                    verify=self._authority if at_home else None,
                    stream=True,
                    allow_redirects=False,
                )
                opened.enter_context(response)
                if response.status_code not in _MOVED:
                    return self._read(call, response)
                url = self._moved(call, url, response)
        raise ServiceFailed(f"{call.name}: more than {_REDIRECTS} redirects")

    def _moved(self, call: Call, url: str, response: requests.Response) -> str:
        """Where a redirect leads, if it may be followed."""
        target = urljoin(url, response.headers.get("Location", ""))
        there = origin(target)
        refused = f"{call.name}: redirected in a way that is not followed"
        if there is None or (there[0] == "http" and url.startswith("https:")):
            raise ServiceFailed(refused)
        # A body goes on only to the same host, and only where the method stays what it was.
        if call.method != "GET" and (response.status_code not in (307, 308) or there != origin(self._url)):
            raise ServiceFailed(refused)
        return target

    def _read(self, call: Call, response: requests.Response) -> Answer:
        if call.target is not None and 200 <= response.status_code < 300:
            with Path(call.target).open("wb") as stream:
                stream.writelines(self._pieces(call, response))
            return Answer(response.status_code, response.headers, b"")
        return Answer(response.status_code, response.headers, b"".join(self._pieces(call, response)))

    def _pieces(self, call: Call, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes, up to the limit of an answer, or as far as a refusal is read."""
        refusal = response.status_code >= 400
        size, end = 0, self._clock.monotonic() + call.seconds
        while piece := response.raw.read1(1 << 18, decode_content=True):
            size += len(piece)
            if not refusal and size > call.limit:
                raise call.too_large(f"{call.name}: the answer is larger than {call.limit:,} bytes")
            yield piece
            if refusal and size > _LARGEST_REFUSAL:
                break
            if self._clock.monotonic() > end:
                raise _Dripping


class _Dripping(Exception):
    """An answer that does not end."""
