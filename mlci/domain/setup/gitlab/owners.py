"""Who owns a file by GitLab's CODEOWNERS."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

# Where GitLab looks for it; the first that is there counts.
PATHS = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")

_SECTION = re.compile(r"(?P<optional>\^)?\[(?P<name>[^\]]+)\](?:\[[0-9]+\])?(?P<owners>.*)")
_OWNER = re.compile(r"@{1,2}[\w./-]+|[^\s@]+@[^\s@]+")
_ANY_DEPTH = "**"
_LONGEST = 65_536


def owned(text: str, path: str) -> bool:
    """Whether a merge has to wait for an owner of a path.

    As https://docs.gitlab.com/user/project/codeowners/reference/ has it: each section speaks for itself, the last line
    of a section that matches decides there, a line without owners takes those of its section, and an optional section
    demands nothing unless it stands a second time without being optional.
    """
    sections: dict[str, bool] = {}
    optional: dict[str, bool] = {}
    excluded: set[str] = set()
    name, default = "", False
    for line in text[:_LONGEST].splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        heading = _SECTION.fullmatch(bare)
        if heading is not None:
            name = heading["name"].strip().lower()
            default = _OWNER.search(heading["owners"]) is not None
            optional[name] = optional.get(name, True) and heading["optional"] is not None
            continue
        pattern, *rest = re.split(r"(?<!\\)[ \t]+", bare)
        if name in excluded or not _matches(pattern.removeprefix("!"), path):
            continue
        if pattern.startswith("!"):
            excluded.add(name)
            sections[name] = False
        else:
            sections[name] = default if not rest else any(_OWNER.fullmatch(word) for word in rest)
    return any(has and not optional.get(section, False) for section, has in sections.items())


def _matches(pattern: str, path: str) -> bool:
    text = pattern.replace("\\ ", " ").replace("\\#", "#")
    if text == "*":
        return True
    parts = [part for part in text.split("/") if part]
    if not text.startswith("/"):
        parts.insert(0, _ANY_DEPTH)
    if text.endswith("/"):
        parts += [_ANY_DEPTH, "*"]
    return _fits(parts, path.split("/"))


def _fits(parts: list[str], names: list[str]) -> bool:
    """Whether the parts of a pattern use up exactly the names of a path; ``**`` stands for any number of folders."""
    reached = {0}
    for part in parts:
        if part == _ANY_DEPTH:
            reached = set(range(min(reached), len(names) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(names) and fnmatchcase(names[at], part)}
        if not reached:
            return False
    return len(names) in reached
