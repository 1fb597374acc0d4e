"""Versions by git: the commit that is checked out holds the very bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from mlci.adapters.disk.content import Content
from mlci.adapters.identity.known import Found, Where
from mlci.domain.dataset.evidence import DatasetVersion

_MISSING = {
    "dvc": "no pointer of DVC, nor a dvc.lock, names the data",
    "git-lfs": "the commit has no pointer of Git LFS for the data",
    "lakefs": "no .lakefs_ref.yaml lies beside the data or above them",
    "git": "the commit that is checked out does not hold the data",
}


def missing(system: str) -> str:
    """That a system knows nothing of the data, as a sentence."""
    return _MISSING[system]


def find(where: Where, content: Content) -> Found | None:
    """The commit's own ids of the files; None where it does not hold them all as they are.

    Data that differ from the commit are new, and no lie about an old version.
    """
    ids = []
    for file in content.files:
        held = where.id_of(file.path)
        if held is None or held != _id_of(str(Path(where.place, file.path)) if file.path else where.place, len(held)):
            return None
        ids.append((file.path, held))
    if not ids:
        return None
    if not content.folder:
        return Found(version=DatasetVersion(system="git", id=ids[0][1]))
    listed = "".join(f"{path}\0{id}\n" for path, id in ids).encode(errors="surrogateescape")
    return Found(version=DatasetVersion(system="git", id=hashlib.sha256(listed).hexdigest()))


def blob_id(content: bytes, length: int) -> str:
    """The id that git gives a file, by how long ids are in the repository."""
    digest = _new(length)
    digest.update(b"blob %d\0" % len(content) + content)
    return str(digest.hexdigest())


def _id_of(place: str, length: int) -> str:
    digest = _new(length)
    with Path(os.path.realpath(place)).open("rb") as stream:
        digest.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
        while block := stream.read(1 << 20):
            digest.update(block)
    return str(digest.hexdigest())


def _new(length: int) -> Any:
    return hashlib.new("sha1" if length == 40 else "sha256", usedforsecurity=False)
