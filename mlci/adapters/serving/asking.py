"""One request at a time to what serves a model, which may be slow, broken or hostile: bounded, and nothing followed."""

from __future__ import annotations

import queue
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mlci import __version__
from mlci.errors import OutOfRange, Place

# One answer has so long in all, in seconds, and is read so far: fifty predictions are some kilobytes.
LONGEST = 20.0
LARGEST = 1 << 20
_CONNECT = 5.0


@dataclass(frozen=True)
class Said:
    """An answer.

    Attributes:
        status: of it.
        version: its header X-Mlci-Version; None where it has none.
        content: of its body.
    """

    status: int
    version: str | None
    content: bytes

    @property
    def document(self) -> Any:
        """Its body as JSON; None where it is none."""
        import msgspec

        try:
            return msgspec.json.decode(self.content)
        except (ValueError, RecursionError):
            return None


class Unanswered(Exception):
    """There was no answer that can be used; the text says why."""


class Asking:
    """Asks one server. No token is sent, no redirect followed, no cookie kept, no .netrc read."""

    def __init__(self, url: str, place: str) -> None:
        """Nothing is sent yet.

        Args:
            url: base address.
            place: the key of the configuration it is from.

        Raises:
            OutOfRange: it is no plain http or https address.
        """
        try:
            parts = urlsplit(url) if re.fullmatch(r"https?://[!-~]+", url) else None
            usable = parts is not None and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            parts, usable = None, False
        if parts is None or not usable or "@" in parts.netloc or parts.query or parts.fragment:
            raise OutOfRange(
                "the address of what serves is no plain http or https address",
                place=Place(place),
                help="write it as http://host:port, without credentials, ? and #",
            )
        self._url = url.rstrip("/")

    def ask(self, path: str, body: Any = None, longest: float = LONGEST) -> Said:
        """Get what is at a path, or post a body to it.

        Args:
            path: below the address.
            body: as JSON; None to get.
            longest: seconds that the whole exchange may take.

        Raises:
            Unanswered: nothing came, not in time, or too much.
        """
        answers: queue.SimpleQueue[Said | Unanswered] = queue.SimpleQueue()

        def exchange() -> None:
            try:
                answers.put(self._exchange(path, body, longest))
            except Unanswered as why:
                answers.put(why)
            except BaseException:  # noqa: BLE001 - whatever it is, whoever waits is told
                answers.put(Unanswered("the request could not be made"))

        # A server that sends a letter of a header now and then would hold the library for ever, and holds this thread.
        threading.Thread(target=exchange, daemon=True).start()
        try:
            answer = answers.get(timeout=longest + 1.0)
        except queue.Empty:
            raise Unanswered(f"the answer was not over after {longest:g} seconds") from None
        if isinstance(answer, Unanswered):
            raise answer
        return answer

    def _exchange(self, path: str, body: Any, longest: float) -> Said:
        import requests
        import urllib3

        with requests.Session() as session:
            # Requests would otherwise look for credentials of this host in .netrc.
            session.auth = _nothing
            session.headers.update({"User-Agent": f"mlci/{__version__}", "Accept-Encoding": "identity"})
            try:
                with session.request(
                    "GET" if body is None else "POST",
                    f"{self._url}{path}",
                    json=body,
                    timeout=(_CONNECT, longest),
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    content = response.raw.read(LARGEST + 1, decode_content=False) or b""
                    if len(content) > LARGEST:
                        raise Unanswered(f"the answer is larger than {LARGEST:,} bytes")
                    return Said(response.status_code, response.headers.get("X-Mlci-Version"), content)
            except requests.exceptions.SSLError:
                raise Unanswered("its certificate is not trusted") from None
            except requests.Timeout:
                raise Unanswered("it did not answer in time") from None
            except requests.ConnectionError:
                raise Unanswered("nothing answers there") from None
            except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError):
                raise Unanswered("the answer broke off") from None


def _nothing(request: Any) -> Any:
    return request
