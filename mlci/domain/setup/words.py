"""How a finding about a set-up is made, and how names of unknown origin are put into it."""

from __future__ import annotations

from collections.abc import Sequence

from mlci.domain.finding import Finding, Reason
from mlci.domain.verdict import Verdict

_MOST_LISTED = 6


def finding(
    topic: str,
    verdict: Verdict,
    message: str,
    explanation: str | None = None,
    *,
    about: str | None = None,
    reason: Reason | None = None,
    advisory: bool = False,
) -> Finding:
    """A finding about the set-up.

    Args:
        topic: what it is about, the same in every repository.
        about: the file, job or check it is about, where there may be several.
    """
    id = f"setup:{topic}" + (f"[{about}]" if about is not None else "")
    return Finding(
        id=id,
        rule="setup",
        verdict=verdict,
        message=message,
        explanation=explanation,
        reason=reason,
        advisory=advisory,
    )


def shown(text: str, limit: int = 80) -> str:
    """A name from a file or the forge: on one line, nothing in it that does not print, and not too long.

    >>> shown("gate\\x1b[31m")
    'gate\\\\x1b[31m'
    """
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[: 2 * limit])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def listed(names: Sequence[str], most: int = _MOST_LISTED) -> str:
    """Names as one list, a long one cut.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    text = ", ".join(shown(name) for name in names[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text
