"""Where a file of a checkout really lies: every name it goes by, through symbolic links."""

from __future__ import annotations

import os
from pathlib import Path

# What Linux itself follows before it gives up.
_MOST = 40


def names_of(top: str, path: str) -> tuple[str, ...]:
    """Every further name of a file within a folder: one for each symbolic link on the way, the place itself last.

    Args:
        top: the folder, such as the top of a checkout.
        path: of the file in it, with / between names; it does not have to exist.

    Returns:
        paths from ``top``, without ``path`` itself; none that leads out of ``top``.
    """
    root = os.path.realpath(top)
    found: list[str] = []
    done: list[str] = []
    todo = path.split("/")[::-1]
    followed = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return _further(found, path)
            done.pop()
            continue
        done.append(part)
        place = str(Path(root, *done))
        if not os.path.islink(place):  # noqa: PTH114 - a name that no file can have is simply none
            continue
        followed += 1
        target = _within(root, os.readlink(place))  # noqa: PTH115
        if target is None or followed > _MOST:
            return _further(found, path)
        # From here on the file goes by where the link leads, so the link itself is a name of its own.
        found.append("/".join(done))
        done = done[:-1] if not target[1] else []
        todo += target[0].split("/")[::-1]
    return _further([*found, "/".join(done)], path) if found else ()


def _further(found: list[str], path: str) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(found) if name not in ("", path))


def _within(root: str, target: str) -> tuple[str, bool] | None:
    """What a link says, from the root where it is absolute; None where that is elsewhere."""
    if not target.startswith("/"):
        return target, False
    inside = os.path.relpath(target, root)
    return None if inside == ".." or inside.startswith("../") else (inside, True)
