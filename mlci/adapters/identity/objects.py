"""Versions by an object store: the file is a copy of an object, and the store keeps these very bytes under an id.

What the store says of the object is held against the file: its size, and its content by the first of three that
proves it. An e_tag that is the md5 of the file; one that is made of the md5 of the parts it was uploaded in; and else
the object itself, which is read once. An e_tag that differs disproves nothing: of encrypted objects it is no digest.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mlci.adapters.disk.content import Content, content_of
from mlci.adapters.identity.known import Found, Where
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.store import Stated, Store
from mlci.domain.dataset.evidence import DatasetVersion, System
from mlci.domain.figures import count

_SYSTEMS: dict[str, System] = {"s3": "s3", "gs": "gcs", "az": "azure"}
_MD5 = re.compile(r"[0-9a-f]{32}")
_OF_PARTS = re.compile(r"([0-9a-f]{32})-([0-9]{1,5})")
# Sizes of a part, in MiB, that programs upload in by themselves: the AWS CLI and SDKs, obstore, rclone and others.
_PARTS = (8, 5, 16, 10, 15, 32, 64, 20, 25, 50, 100, 128, 256, 512)


def find(address: str, where: Where, content: Content) -> Found:
    """The version that a store gives the object which a file is a copy of.

    Args:
        address: s3://bucket/key, gs://bucket/key or az://container/key.
        where: the file lies.
        content: of it.

    Raises:
        ExtraMissing: obstore is not installed.
        ServiceFailed, ServiceRefused: the store does not answer.
        UsageError: the address names no object.
    """
    if content.folder:
        return Found(broken="a folder lies here, and an object is one file: data.version: dvc or git knows folders")
    parts = urlsplit(address)
    store = Store(f"{parts.scheme}://{parts.netloc}", what="a version")
    key, shown = address.split("/", 3)[3], one_line(address, 300)
    stated = store.stated(key)
    if stated is None:
        return Found(broken=f"there is no {shown}, or it was deleted")
    if stated.size != content.size:
        return Found(broken=f"{shown} has {count(stated.size)} bytes, and {count(content.size)} lie here")
    if stated.version is None:
        return Found(
            broken=f"{shown} has no version id: its bucket keeps no versions, so that what lies there can be replaced"
        )
    how = _proof(stated, where) or _read(store, key, stated.version, content)
    if how is None:
        return Found(broken=f"{shown} has other bytes at version {one_line(stated.version, 100)} than lie here")
    notes = [f"the bytes are those of {shown} at version {one_line(stated.version, 100)}: {how}"]
    if parts.scheme == "gs":
        notes.append(
            f"Cloud Storage numbers every object; whether {parts.netloc} keeps what is replaced, it does not say"
        )
    version = DatasetVersion(system=_SYSTEMS[parts.scheme], id=stated.version, where=shown)
    return Found(version=version, notes=tuple(notes))


def _proof(stated: Stated, where: Where) -> str | None:
    """How the e_tag proves the content; None where it does not."""
    e_tag = stated.e_tag or ""
    if _MD5.fullmatch(e_tag):
        cache = None if where.cache is None else f"{where.cache}.md5"
        return "its e_tag is their md5" if content_of(where.place, cache, "md5").digest == e_tag else None
    found = _OF_PARTS.fullmatch(e_tag)
    sizes = _sizes(stated.size, int(found[2])) if found is not None else ()
    if any(_e_tag_of_parts(where.place, size) == e_tag for size in sizes):
        return "its e_tag is made of the md5 of their parts"
    return None


def _sizes(size: int, parts: int) -> Iterator[int]:
    """Sizes of a part, in bytes, at which a file has so many of them."""
    likely = (each << 20 for each in _PARTS)
    yield from dict.fromkeys(min(each, size) for each in likely if size and -(-size // each) == parts)


def _e_tag_of_parts(place: str, size: int) -> str:
    digests = []
    with Path(place).open("rb") as stream:
        while True:
            digest, left = hashlib.md5(usedforsecurity=False), size
            while left and (block := stream.read(min(left, 1 << 20))):
                digest.update(block)
                left -= len(block)
            if left == size:
                break
            digests.append(digest.digest())
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def _read(store: Store, key: str, version: str, content: Content) -> str | None:
    """That the object itself, read once, is what lies here; None where it is not."""
    digest = hashlib.sha256()
    for chunk in store.chunks(key, version):
        digest.update(chunk)
    return "it was read and has their sha256" if digest.hexdigest() == content.digest else None
