"""Which data these are: the digest of their content, and the name under which somebody else keeps these very bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mlci.adapters.disk.content import Content, content_of
from mlci.adapters.git.repository import Repository
from mlci.adapters.identity.known import Found, Where
from mlci.domain.dataset.evidence import DatasetVersion, Identity

__all__ = ["Identified", "identify", "identity_of_query"]


@dataclass(frozen=True, kw_only=True)
class Identified:
    """A dataset, and what is to be said of its version.

    Attributes:
        identity: which data these are.
        broken: why a version that was asked for, or that lies beside the data, is not theirs, as a sentence; None where
            there is nothing against it.
        notes: what had to be assumed, a sentence each.
    """

    identity: Identity
    broken: str | None = None
    notes: tuple[str, ...] = ()


def identify(
    place: str, name: str, *, asked: str | None, repository: Repository | None, cache: str | None = None,
    object: str | None = None,
) -> Identified:  # fmt: skip
    """Digest the data at a path and find its version.

    Args:
        place: of the file or folder on this machine.
        name: as the configuration names it.
        asked: ``data.train.version``: the one system that may give the version; None to find out.
        repository: that it lies in; None outside git.
        cache: of :func:`mlci.adapters.disk.content.content_of`.
        object: ``data.train.object``: the address of what the file is a copy of; None where there is none.

    Raises:
        FileMissing: the data are not there, or change while they are read.
        ExtraMissing, ServiceFailed, ServiceRefused: the store that has the object cannot be asked, or does not answer.
    """
    where = Where(place=place, repository=repository, cache=cache)
    content = content_of(place, cache)
    found = _version(where, content, asked, object)
    version = found.version if found is not None and found.broken is None else None
    return Identified(
        identity=Identity(
            name=name,
            digest=content.digest,
            size=content.size,
            files=len(content.files),
            version=version or DatasetVersion(system="content", id=content.digest),
        ),
        broken=found.broken if found is not None else None,
        notes=found.notes if found is not None else (),
    )


def identity_of_query(name: str, query: str, fingerprint: str, rows: int | None) -> Identity:
    """The identity of rows that a database gave: the exact bytes of the query with what came of it.

    Args:
        name: of the database, without credentials.
        query: its exact text.
        fingerprint: of the content, as the engine gives it.
        rows: how many rows it gave; None where it gave none.
    """
    asked = hashlib.sha256(query.encode()).hexdigest()
    digest = hashlib.sha256(f"{asked}\n{fingerprint}\n".encode()).hexdigest()
    return Identity(
        name=name, digest=digest, rows=rows, query=asked, version=DatasetVersion(system="query", id=asked, where=name)
    )


def _version(where: Where, content: Content, asked: str | None, object: str | None) -> Found | None:
    from mlci.adapters.identity import dvc, git, lakefs, lfs

    if asked == "content":
        return None
    systems = {"dvc": dvc.find, "git-lfs": lfs.find, "lakefs": lakefs.find, "git": git.find}
    if asked is not None:
        if asked == "object-store":
            return _of_object(where, content, object)
        return systems[asked](where, content) or Found(broken=git.missing(asked))
    if object is not None:
        return _of_object(where, content, object)
    return next((found for find in systems.values() if (found := find(where, content)) is not None), None)


def _of_object(where: Where, content: Content, object: str | None) -> Found:
    if object is None:
        return Found(broken="nothing says which object the data are a copy of")
    from mlci.adapters.identity import objects

    return objects.find(object, where, content)
