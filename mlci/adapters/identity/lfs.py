"""Versions by Git LFS: the commit holds a pointer, and the bytes it names must be those that lie here.

https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import re
from pathlib import Path

from mlci.adapters.disk.content import Content
from mlci.adapters.identity.git import blob_id
from mlci.adapters.identity.known import Found, Where
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.evidence import DatasetVersion
from mlci.errors import DataUnreadable, Place

LARGEST = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,18})\n"
)


def pointer_in(content: bytes) -> tuple[str, int] | None:
    """sha256 and size of what a pointer stands for; None where the content is no pointer."""
    found = _POINTER.fullmatch(content)
    return (found[1].decode(), int(found[2])) if found is not None else None


def refuse_pointer(place: str) -> None:
    """See that a pointer does not lie where the data should.

    Raises:
        DataUnreadable: it does.
    """
    path = Path(place)
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.is_file())[:1]
    for file in files if path.exists() else ():
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if pointer_in(content) is not None:
            shown = one_line(str(file), 200)
            raise DataUnreadable(
                f"{one_line(file.name, 200)} is a pointer of Git LFS, and not the data it stands for",
                place=Place(shown),
                help="run git lfs pull, or check out with LFS: actions/checkout takes lfs: true",
            )


def find(where: Where, content: Content) -> Found | None:
    """The version that the commit's pointers give; None where the commit holds none."""
    for file in content.files:
        held = where.id_of(file.path)
        # The pointer of these bytes is known without reading the one that the commit holds.
        if held is None or held != blob_id(_pointer(file.digest, file.size), len(held)):
            other = where.blob(held, LARGEST) if held is not None else None
            found = pointer_in(other) if other is not None else None
            if found is None:
                return None
            shown = one_line(file.path or Path(where.place).name, 200)
            return Found(broken=f"the commit points at sha256 {found[0]} for {shown}, and other bytes lie here")
    return Found(version=DatasetVersion(system="git-lfs", id=f"sha256:{content.digest}")) if content.files else None


def _pointer(digest: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()
