"""Where files of MLflow's runs lie: behind the server, in an object store, or on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from mlci.adapters.mlflow.backend import Item, Place
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.answer import origin
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.store import Store
from mlci.errors import RegistryBroken, ServiceRefused

# https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_IN_STORES = ("s3", "gs", "az")


def place_of(uri: str, *, api: Api | None, server: str, local: bool) -> Place:
    """The place that an artifact URI of MLflow names.

    Args:
        uri: as a run or a version has it.
        api: the server, where there is one.
        server: its address.
        local: whether paths of the registry are paths of this machine.

    Raises:
        ServiceRefused: mlci cannot reach files there.
    """
    parts = urlsplit(uri)
    if api is not None and parts.scheme == "mlflow-artifacts":
        if parts.netloc and parts.netloc != urlsplit(server).netloc:
            raise _unreachable(uri)
        return Proxied(api, unquote(parts.path).strip("/"))
    if api is not None and parts.scheme in ("http", "https"):
        _, found, path = parts.path.partition(f"{_PROXY}/")
        if not found or origin(uri) != origin(server):
            raise _unreachable(uri)
        return Proxied(api, unquote(path).strip("/"))
    if parts.scheme in _IN_STORES:
        return InStore(Store(uri, what="a registry whose files lie"))
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost") and local:
        return OnDisk(path_of(uri))
    raise _unreachable(uri)


def path_of(uri: str) -> Path:
    """The path of this machine that a file URI, or a bare path, names."""
    return Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)


def _unreachable(uri: str) -> ServiceRefused:
    return ServiceRefused(
        f"the files of this registry lie in {one_line(uri.split('?')[0], 120)}, where they cannot be reached from here",
        help="let the MLflow server hand them on (--serve-artifacts, the default), or keep them in s3://, gs:// or az://",
    )


class OnDisk(Place):
    """A folder of this machine; what is read from it is copied, never changed or linked to."""

    def __init__(self, root: Path) -> None:
        """Nothing is made yet."""
        self._root = root

    def put(self, path: str, source: str) -> None:
        """Copy a file there."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def items(self, folder: str) -> Sequence[Item]:
        """What is in a folder."""
        try:
            with os.scandir(self._root / folder) as found:
                return [self._item(entry) for entry in found]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def get(self, path: str, target: str, limit: int) -> None:
        """Copy a file from there."""
        source = self._root / path
        if source.stat().st_size > limit:
            raise RegistryBroken(f"{path} of the registry has more than {limit:,} bytes")
        shutil.copyfile(source, target)

    def _item(self, entry: os.DirEntry[str]) -> Item:
        is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder and not entry.is_file(follow_symlinks=False):
            raise RegistryBroken(f"{one_line(entry.path, 200)} is a link or no plain file, which no version has")
        return Item(entry.name, is_folder, None if is_folder else entry.stat(follow_symlinks=False).st_size)


class InStore(Place):
    """A prefix of an object store, read with the credentials of this job's environment."""

    def __init__(self, store: Store) -> None:
        """Nothing is asked of the store yet."""
        self._store = store

    def put(self, path: str, source: str) -> None:
        """Upload a file."""
        self._store.upload(path, source)

    def items(self, folder: str) -> Sequence[Item]:
        """What is in a folder."""
        folders, objects = self._store.level(folder)
        names = [Item(path.rpartition("/")[2], True) for path in folders]
        return [*names, *(Item(path.rpartition("/")[2], False, size) for path, size in objects.items())]

    def get(self, path: str, target: str, limit: int) -> None:
        """Download a file."""
        self._store.download(path, target, limit, too_large=RegistryBroken)


class _File(msgspec.Struct):
    path: str
    is_dir: bool = False
    file_size: int | str | None = None


class _Listing(msgspec.Struct):
    files: list[_File] = []


class Proxied(Place):
    """Files that the server hands on, with its own credentials for wherever they lie."""

    def __init__(self, api: Api, root: str) -> None:
        """Nothing is asked of the server yet."""
        self._api = api
        self._root = root

    def put(self, path: str, source: str) -> None:
        """Upload a file."""
        self._api.put_file(self._at(path), source)

    def items(self, folder: str) -> Sequence[Item]:
        """What is in a folder."""
        path = "/".join(part for part in (self._root, folder) if part)
        listing = self._api.get(_PROXY, {"path": path}, shape=_Listing)
        return [self._item(file) for file in listing.files]

    def get(self, path: str, target: str, limit: int) -> None:
        """Download a file."""
        self._api.save(self._at(path), target, limit, too_large=RegistryBroken)

    def _at(self, path: str) -> str:
        return f"{_PROXY}/{quote('/'.join(part for part in (self._root, path) if part))}"

    def _item(self, file: _File) -> Item:
        size: Any = file.file_size
        known = str(size).isascii() and str(size).isdigit() and not file.is_dir
        return Item(file.path, file.is_dir, int(size) if known else None)
