"""Where a file of a checkout really lies: every name it goes by, through symbolic links."""

from __future__ import annotations

import os

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
    root = os.path.realpath(top).strip("/").split("/")
    found: list[tuple[str, ...]] = []
    done = list(root)
    todo = path.split("/")[::-1]
    while todo:
        part = todo.pop()
        if part == "..":
            done = done[:-1]
        if part in ("", ".", ".."):
            continue
        done.append(part)
        place = "/" + "/".join(done)
        if os.path.islink(place):  # noqa: PTH114 - a name that no file can have is simply none
            # From here on the file goes by where the link leads, so the link itself is a name of its own.
            found.append(tuple(done))
            target = os.readlink(place)  # noqa: PTH115
            done = [] if target.startswith("/") else done[:-1]
            todo += target.split("/")[::-1]
            if len(found) > _MOST:
                break
    found.append(tuple(done))
    # A way may lead out of the folder and back in.
    inside = ("/".join(one[len(root) :]) for one in found if one[: len(root)] == tuple(root))
    return tuple(name for name in dict.fromkeys(inside) if name not in ("", path))
