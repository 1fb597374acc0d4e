"""The four verdicts, their one order and their one fold."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(str, Enum):
    """How a finding or a report ends, from best to worst."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """Position in the order ``pass < warn < inconclusive < fail``."""
        return _ORDER.index(self)


_ORDER = (Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Combine verdicts into one; nothing to combine is *inconclusive*, because no evidence is not a pass.

    >>> worst([Verdict.PASS, Verdict.WARN]).value
    'warn'
    >>> worst([]).value
    'inconclusive'
    """
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.INCONCLUSIVE)
