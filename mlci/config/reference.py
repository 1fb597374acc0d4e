"""``${NAME}`` in a value: replaced from an environment that is handed in, so that secrets stay out of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Either an escaped opening brace, or an opening brace with what should be a name and a closing one.
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


class Unresolved(Exception):
    """A reference that cannot be replaced; the message says why."""


def expand(text: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    """Replace every reference in a text.

    Returns:
        The text, and whether any part of it came from the environment.

    Raises:
        Unresolved: a name is not set or empty, or what follows ``${`` is not a name and ``}``.
    """
    replaced = False

    def value(match: re.Match[str]) -> str:
        nonlocal replaced
        if match.group() == "$${":
            return "${"
        name = match["name"]
        if name is None:
            raise Unresolved("holds a ${ that is not followed by a name and }")
        # An unset variable often arrives as an empty one, and a limit that vanishes that way would be a silent pass.
        if not environ.get(name):
            raise Unresolved(f"refers to ${{{name}}}, which is not set or empty")
        replaced = True
        return environ[name]

    return _REFERENCE.sub(value, text), replaced
