"""Connections that gave no answer: whose they were, and whether what was sent on them may have had its effect."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from mlci.adapters.oneline import one_line
from mlci.adapters.remote.answer import Call

_NOT_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


@dataclass(frozen=True)
class Failure:
    """No answer, or one that says to try again.

    Attributes:
        cause: what happened.
        processed: whether the request may have had its effect.
        wait: seconds that the service asks for.
    """

    cause: str
    processed: bool
    wait: float | None = None


def is_distrust(error: requests.RequestException) -> bool:
    """Whether a certificate is wrong, which trying again does not mend; a TLS connection can also just break."""
    reason = getattr(error.args[0] if error.args else None, "reason", error)
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in (reason, *reason.args))


def asked_of(call: Call, error: requests.RequestException) -> str:
    """The server that a request was sent to, which a redirect may have changed."""
    return _spoken_to((error.request.url if error.request is not None else None) or call.url)


def lost(call: Call, error: requests.RequestException) -> Failure:
    """What a connection that failed means for the request that was on it."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, _NOT_SENT):
        return Failure(f"{asked_of(call, error)} cannot be reached", processed=False)
    late, server = isinstance(error, requests.Timeout), asked_of(call, error)
    return Failure(f"no answer in time from {server}" if late else f"the connection to {server} broke", processed=True)


def _spoken_to(url: str) -> str:
    """Whom a request goes to, as a message names it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{one_line(parts.netloc.rpartition('@')[2], 200)}"
