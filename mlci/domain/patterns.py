"""Patterns of files, read as ``.gitignore`` reads them: ``src/**``, ``*.py``, ``/conf/``.

Our own, as it is ``fnmatch`` for each name and one rule for ``**``: ``pathspec`` is under the MPL, ``wcmatch`` reads a
richer language than ``.gitignore`` and walks folders, and the core would carry either for one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

_ANY_DEPTH = "**"


@dataclass(frozen=True)
class Pattern:
    """A pattern of files, from the top of the repository.

    Attributes:
        parts: one pattern for each folder and the last name; ``**`` stands for any number of folders.
        inside: whether only what lies inside a match counts, not a file of that name.
    """

    parts: tuple[str, ...]
    inside: bool

    def matches(self, path: str) -> bool:
        """Whether the path, written from the top of the repository with ``/``, or a folder it lies in, matches."""
        names = path.split("/")
        reached = self._reached(names)
        return reached is not None and (reached < len(names) or not self.inside)

    def touched_by(self, path: str) -> bool:
        """Whether a changed entry may be, hold or lead to something that matches.

        More than what :meth:`matches` says: a submodule or a symbolic link is listed by its bare name and never as what
        lies inside, so ``data`` counts for ``data/**``, and ``src`` for ``src/model/*.py``.
        """
        names = path.split("/")
        return self._reached(names) is not None or names == list(self.parts[: len(names)])

    def _reached(self, names: list[str]) -> int | None:
        """How many of the names, at least, the parts use up; None where they do not match."""
        reached = {0}
        for part in self.parts:
            if part == _ANY_DEPTH:
                reached = set(range(min(reached), len(names) + 1))
            else:
                reached = {at + 1 for at in reached if at < len(names) and fnmatchcase(names[at], part)}
            if not reached:
                return None
        return min(reached)


def pattern(text: str, folder: str = "") -> Pattern:
    """Read a pattern.

    Args:
        text: as it is written. With a ``/`` at its start or inside, it begins at the folder; else it matches at any
            depth below. A ``/`` or ``/**`` at its end means what lies inside a folder.
        folder: where it is written, from the top of the repository; empty for the top.

    Raises:
        ValueError: the text is empty, begins with ``!``, escapes with a backslash, or leaves the repository.
    """
    if text.startswith("!"):
        raise ValueError("begins with !, but a pattern can only name files, not leave them out")
    if "\\" in text or "[:" in text:
        raise ValueError("holds a backslash or a [: that has no meaning here; a * itself is written [*]")
    if not text.strip():
        raise ValueError("is empty")
    parts = [part.replace("[^", "[!") for part in text.split("/") if part not in ("", ".")]
    above = [part for part in folder.split("/") if part not in ("", ".")]
    if "/" not in text.rstrip("/") and parts and parts != [".."]:
        parts.insert(0, _ANY_DEPTH)
    while parts and parts[0] == "..":
        if not above:
            raise ValueError("leaves the repository")
        above.pop()
        parts.pop(0)
    if ".." in parts:
        raise ValueError("has .. after a name")
    inside = text.endswith("/") or parts[-1:] == [_ANY_DEPTH]
    while parts[-1:] == [_ANY_DEPTH]:
        parts.pop()
    # The folder's own names are no patterns, whatever they look like.
    return Pattern((*(_literal(name) for name in above), *parts), inside)


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
