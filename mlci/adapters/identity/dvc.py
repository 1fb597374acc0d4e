"""Versions by DVC: pointers beside the data, the lock of a pipeline, and folders whose listing DVC keeps in its cache.

Nothing of DVC is run, and nothing is written: its files are read, and the bytes that lie here are held against them.
https://dvc.org/doc/user-guide/project-structure/dvc-files
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci.adapters.disk.content import Content, content_of
from mlci.adapters.identity.known import Found, Where, mapping_of
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.evidence import DatasetVersion
from mlci.domain.training import PayloadFile

_ID = re.compile(r"[0-9a-f]{32}(\.dir)?")
# What DVC took for text when it still hashed text with its line ends made alike: the start of the file decides.
_LOOKED_AT = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_LARGEST_LISTING = 256 << 20


@dataclass(frozen=True, kw_only=True)
class _Out:
    """One output that DVC tracks.

    Attributes:
        path: of the file or folder on this machine.
        id: md5, with .dir behind it for a folder.
        size: bytes; None where DVC did not write it.
        legacy: whether text was hashed with its line ends made alike, as DVC did before 3.0.
        pointer: the file that says so.
    """

    path: Path
    id: str
    size: int | None
    legacy: bool
    pointer: Path


def find(where: Where, content: Content) -> Found | None:
    """The version that DVC records of a dataset, or of the folder that it lies in; None where it records none."""
    place = Path(os.path.normpath(Path(where.place).absolute()))
    outs = [out for folder in where.above() for out in _outs(folder) if _is_of(out, place)]
    if not outs:
        return None
    # The nearest one speaks of these very data, one further up of a folder with more in it.
    out = max(outs, key=lambda one: len(one.path.parts))
    named = one_line(os.path.relpath(out.pointer, where.top or out.pointer.parent), 200)
    if out.size is not None and out.path == place and out.size != content.size:
        return Found(broken=f"{named} records {out.size} bytes, and {content.size} lie here")
    wrong = _wrong(out, place, where, content)
    if wrong is not None:
        return Found(broken=f"{named} records {wrong}")
    return Found(version=DatasetVersion(system="dvc", id=out.id, where=named))


def _outs(folder: Path) -> Iterator[_Out]:
    try:
        pointers = sorted(path for path in folder.iterdir() if path.name.endswith(".dvc") and path.is_file())
    except OSError:
        pointers = []
    for pointer in pointers:
        said = mapping_of(pointer) or {}
        yield from _listed(said.get("outs"), folder / str(said.get("wdir") or "."), pointer)
    lock = folder / "dvc.lock"
    said = (mapping_of(lock) or {}) if lock.is_file() else {}
    stages = said.get("stages", said if "schema" not in said else {})
    for stage in stages.values() if isinstance(stages, dict) else ():
        yield from _listed(stage.get("outs") if isinstance(stage, dict) else None, folder, lock)


def _listed(outs: Any, folder: Path, pointer: Path) -> Iterator[_Out]:
    for out in outs if isinstance(outs, list) else ():
        path, id = (out.get("path"), out.get("md5")) if isinstance(out, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(id, str) or not _ID.fullmatch(id):
            continue
        size = out.get("size")
        yield _Out(
            path=Path(os.path.normpath(folder / path)),
            id=id,
            size=size if isinstance(size, int) else None,
            legacy=out.get("hash") is None,
            pointer=pointer,
        )


def _is_of(out: _Out, place: Path) -> bool:
    return place == out.path or (out.id.endswith(".dir") and place.is_relative_to(out.path))


def _wrong(out: _Out, place: Path, where: Where, content: Content) -> str | None:
    """What it records that these bytes are not; None where they are."""
    if not out.id.endswith(".dir"):
        (file,) = content.files if not content.folder else (None,)
        if file is None:
            return "a file, and a folder lies here"
        return _unless_same(out.id, out, where)
    if place != out.path and (listing := _listing(out, where)) is not None:
        return _wrong_inside(listing, place, out, where, content)
    if not out.path.is_dir():
        return "a folder, and a file lies here"
    found = content_of(str(out.path), _beside(where.cache), "md5").files
    if out.id in (_id_of(found, {}), _id_of(found, _alike(out, found) if out.legacy else {})):
        return None
    return f"the folder as {out.id}, and other files lie here"


def _unless_same(recorded: str, out: _Out, where: Where) -> str | None:
    same = recorded in _md5s(where.place, out.legacy, where.cache)
    return None if same else f"md5 {recorded}, and other bytes lie here"


def _wrong_inside(listing: dict[str, str], place: Path, out: _Out, where: Where, content: Content) -> str | None:
    """Whether a part of a tracked folder is as the listing of the folder has it."""
    prefix = place.relative_to(out.path).as_posix()
    if not content.folder:
        recorded = listing.get(prefix)
        if recorded is None:
            return f"the folder as {out.id}, and the data are not in it"
        return _unless_same(recorded, out, where)
    inside = {path.removeprefix(f"{prefix}/"): id for path, id in listing.items() if path.startswith(f"{prefix}/")}
    found = content_of(where.place, _beside(where.cache), "md5").files
    alike = _alike(out, found, place) if out.legacy else {}
    theirs = {file.path: {file.digest, alike.get(file.path, file.digest)} for file in found}
    same = inside.keys() == theirs.keys() and all(inside[path] in each for path, each in theirs.items())
    return None if same else f"the folder as {out.id}, and other files lie here"


def _listing(out: _Out, where: Where) -> dict[str, str] | None:
    """md5 by path of a folder's files, from DVC's cache, which is believed as far as its own digest holds."""
    name = f"{out.id[:2]}/{out.id[2:]}"
    for folder in where.above():
        for cached in (folder / ".dvc/cache/files/md5" / name, folder / ".dvc/cache" / name):
            try:
                if cached.stat().st_size > _LARGEST_LISTING:
                    continue
                content = cached.read_bytes()
                entries = json.loads(content)
                listed = {str(each["relpath"]): str(each["md5"]) for each in entries}
            except (OSError, ValueError, TypeError, KeyError, RecursionError):
                continue
            if f"{_md5(content)}.dir" == out.id:
                return listed
    return None


def _id_of(files: tuple[PayloadFile, ...], instead: dict[str, str]) -> str:
    """The id that DVC gives a folder: md5 of the listing of its files as JSON."""
    listed = sorted(({"md5": instead.get(each.path, each.digest), "relpath": each.path} for each in files),
                    key=lambda one: one["relpath"])  # fmt: skip
    return f"{_md5(json.dumps(listed, sort_keys=True).encode())}.dir"


def _alike(out: _Out, files: tuple[PayloadFile, ...], root: Path | None = None) -> dict[str, str]:
    """md5 with line ends made alike, of the files that are text."""
    return {
        each.path: alike for each in files if (alike := _md5_of_text(str((root or out.path) / each.path))) is not None
    }


def _md5s(place: str, legacy: bool, cache: str | None) -> set[str]:
    """What DVC may have written down for a file."""
    found = {content_of(place, _beside(cache), "md5").digest}
    alike = _md5_of_text(place) if legacy else None
    return found if alike is None else {*found, alike}


def _md5_of_text(place: str) -> str | None:
    digest = hashlib.md5(usedforsecurity=False)
    with Path(place).open("rb") as stream:
        start = stream.read(_LOOKED_AT)
        if b"\0" in start or len(start.translate(None, _TEXT)) > 0.3 * len(start):
            return None
        stream.seek(0)
        # A line end that two blocks share is kept back for the second.
        rest = b""
        while block := stream.read(1 << 20):
            block = rest + block
            rest = b"\r" if block.endswith(b"\r") else b""
            digest.update(block[: len(block) - len(rest)].replace(b"\r\n", b"\n"))
        digest.update(rest)
    return digest.hexdigest()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _beside(cache: str | None) -> str | None:
    """A cache holds digests of one algorithm."""
    return None if cache is None else f"{cache}.md5"
