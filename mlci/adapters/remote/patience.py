"""How long to wait for a service that did not answer, and when to stop: arithmetic only, nothing is sent here."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

# For limits without a time, GitHub says to wait at least a minute:
# https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
_UNTIMED_LIMIT = 60.0


@dataclass(frozen=True)
class Clock:
    """Time and chance; a test gives its own.

    Attributes:
        now: seconds since 1970.
        monotonic: seconds of a clock that nobody sets.
        sleep: waits that many seconds.
        chance: uniform in [0, 1).
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.SystemRandom().random


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How much failure one command bears.

    Attributes:
        attempts: how often one request is sent at most.
        budget: seconds that failed attempts and waits may take, over all requests of the command together.
        first: the wait before the second attempt is drawn from [0, first]; it doubles each time.
        longest: where that doubling ends, in seconds.
    """

    attempts: int = 5
    budget: float = 120.0
    first: float = 1.0
    longest: float = 30.0

    def drawn(self, attempt: int, chance: float) -> float:
        """Exponential backoff with full jitter: the wait after the given attempt, counted from 1."""
        return min(self.longest, self.first * 2.0 ** (attempt - 1)) * chance


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether an answer says "not now" rather than "not you"; such a request was not processed."""
    if status == 429:
        return True
    spent = _rate(headers, "remaining") == "0"
    return status == 403 and (spent or "retry-after" in headers or "rate limit" in message.lower())


def asked(headers: Mapping[str, str], now: float, *, limited: bool) -> float | None:
    """Seconds that an answer asks to wait; None where it leaves that to us.

    Args:
        headers: of the answer, found in any case of letters.
        now: seconds since 1970 on this machine, used where the answer has no Date of its own.
        limited: whether the answer is about a limit of requests.
    """
    now = _moment(headers.get("date", "")) or now
    after = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", after):
        return float(after)
    moment = _moment(after)
    if moment is not None:
        return max(0.0, moment - now)
    reset = _rate(headers, "reset")
    if not limited:
        return None
    if _rate(headers, "remaining") == "0" and re.fullmatch(r"[0-9]{1,12}", reset):
        # The window ends within that second, not at its start.
        return max(0.0, float(reset) - now) + 1.0
    return _UNTIMED_LIMIT


def spelled(seconds: float) -> str:
    """A wait in words: 45 seconds, 12 minutes, 3 hours."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{-int(-seconds // size)} {name}s"
    return f"{-int(-seconds // 1)} seconds"


def _rate(headers: Mapping[str, str], name: str) -> str:
    """What an answer says of the limit of requests: GitHub with X- in front of the name, GitLab without."""
    return (headers.get(f"x-ratelimit-{name}") or headers.get(f"ratelimit-{name}") or "").strip()


def _moment(date: str) -> float | None:
    """An HTTP date as seconds since 1970."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
