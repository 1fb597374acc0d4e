"""One name, one mechanical spelling per place: kebab for users, snake in Python, upper snake in the environment."""

from __future__ import annotations

import re
from typing import Literal

Style = Literal["kebab", "snake", "upper"]

_WORDS = re.compile(r"[a-z0-9]+(?:[- _][a-z0-9]+)*")


def spell(name: str, style: Style) -> str:
    """The name of a command, a parameter or an output in one of the three spellings.

    >>> spell("gate-compare", "upper"), spell("config explain", "kebab"), spell("ON_INCONCLUSIVE", "kebab")
    ('GATE_COMPARE', 'config-explain', 'on-inconclusive')

    Raises:
        ValueError: the name holds anything but letters, digits and single separators.
    """
    lower = name.lower()
    if not _WORDS.fullmatch(lower) or not name.isascii():
        raise ValueError(f"{name!r} cannot be spelled")
    words = re.split(r"[- _]", lower)
    if style == "kebab":
        return "-".join(words)
    return "_".join(words) if style == "snake" else "_".join(words).upper()
