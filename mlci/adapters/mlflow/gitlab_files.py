"""Files of a version in GitLab, which has no folders, and takes few characters in the name of a file.

A file of the folder ``model/`` whose name GitLab takes lies under that name, where MLflow's own client finds it. Every
other one lies under a name made of its digest, and lists of files, ``mlci-files-….json``, say what is what. A list is
only ever added, so that two who add files at once lose nothing.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from mlci.adapters.disk.files import sha256
from mlci.adapters.mlflow.backend import Item, Place
from mlci.adapters.remote.answer import Answer
from mlci.adapters.remote.http import Api
from mlci.errors import RegistryBroken, ServiceFailed, ServiceRefused

# Nothing else is the same before and after each of the ways in which GitLab writes a name into an address:
# app/services/packages/ml_model/create_package_file_service.rb, lib/api/ml/mlflow_artifacts/artifacts.rb.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_LIST = re.compile(r"mlci-files-[0-9TZ.-]{1,40}-[0-9a-f]{8}\.json")
_OURS = "mlci-"
_LARGEST_LIST = 32 << 20
TOO_OLD = "GitLab keeps files with a run from 17.10 on: update it, or name an MLflow server as registry.uri"


class _File(msgspec.Struct):
    path: str
    file_size: int | str | None = None


class _Listing(msgspec.Struct):
    files: list[_File] = []


class _Kept(msgspec.Struct, frozen=True):
    """A file as a list has it: its name in GitLab, "" where it is empty, bytes, and sha256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class _List(msgspec.Struct):
    files: dict[str, _Kept] = {}


class Files(Place):
    """The files of one version, or of a run that is none yet."""

    def __init__(self, api: Api, project: str, owner: str) -> None:
        """Nothing is asked of GitLab yet.

        Args:
            api: speaks to ``…/api/v4``.
            project: path of the project below that, ``/projects/42``.
            owner: the version's id, or ``candidate:`` and a run's number.
        """
        self._api = api
        self._listing = f"{project}/ml/mlflow/api/2.0/mlflow-artifacts/artifacts"
        self._files = f"{project}/packages/ml_models/{owner}/files"
        self._owner = owner
        self._added: dict[str, _Kept] = {}
        self._known: Mapping[str, _Kept] | None = None

    def put(self, path: str, source: str) -> None:
        """Upload a file; it is one of the version's once ``seal`` has listed it."""
        digest, size = sha256(source), Path(source).stat().st_size
        # GitLab keeps no file without content.
        name = _name(path, digest) if size else ""
        if name:
            self._api.put_file(self._at(name), source)
        self._added[path] = _Kept(name, size, digest)

    def seal(self, stamp: str) -> None:
        """Upload the list of what was put; of two lists that name a file, the one with the later stamp holds.

        Raises:
            ServiceFailed, ServiceRefused: not everything arrived.
        """
        name = f"{_OURS}files-{stamp.replace(':', '')}-{uuid.uuid4().hex[:8]}.json"
        with tempfile.NamedTemporaryFile(prefix=".mlci-files.") as new:
            new.write(msgspec.json.encode(_List(dict(self._added))))
            new.flush()
            size = new.tell()
            self._api.put_file(self._at(name), new.name)
        there = self._sizes()
        if not there:
            raise ServiceRefused("the registry shows none of the files that it just took", help=TOO_OLD)
        wanted = [(kept.name, kept.size) for kept in self._added.values() if kept.name]
        for each, bytes_ in (*wanted, (name, size)):
            if bytes_ not in there.get(each, ()):
                raise ServiceFailed(f"the registry does not show the {bytes_:,} bytes of {each} that it just took")
        self._added.clear()
        self._known = None

    def items(self, folder: str) -> Sequence[Item]:
        """What is in a folder."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, Item] = {}
        for path, kept in self._all().items():
            if path.startswith(prefix):
                name, _, below = path[len(prefix) :].partition("/")
                found[name] = Item(name, True) if below else Item(name, False, kept.size if kept.sha256 else None)
        return list(found.values())

    def get(self, path: str, target: str, limit: int) -> None:
        """Download a file, and see that it is the one that was put there."""
        kept = self._all()[path]
        if not kept.name:
            Path(target).write_bytes(b"")
            return
        self._api.save(self._at(kept.name), target, limit, too_large=RegistryBroken)
        if kept.sha256 and sha256(target) != kept.sha256:
            raise RegistryBroken(f"{path} of the registry is not the file that was registered")

    def _at(self, name: str) -> str:
        return f"{self._files}/{quote(unquote(name))}"

    def _all(self) -> Mapping[str, _Kept]:
        if self._known is None:
            names = self._sizes()
            lists = sorted(name for name in names if _LIST.fullmatch(name))
            if lists:
                self._known = {path: kept for name in lists for path, kept in self._listed(name)}
            else:
                # Another program's: what it calls a folder stands in the name.
                self._known = {f"model/{unquote(name)}": _Kept(name, 0, "") for name in names}
        return self._known

    def _listed(self, name: str) -> Iterator[tuple[str, _Kept]]:
        content = self._api.download(self._at(name), _LARGEST_LIST, too_large=RegistryBroken)
        try:
            found = msgspec.json.decode(content, type=_List).files
        except (msgspec.MsgspecError, ValueError):
            raise RegistryBroken(f"{name} of the registry is no list of files") from None
        for path, kept in found.items():
            if not re.fullmatch("[0-9a-f]{64}", kept.sha256) or not (_PLAIN.fullmatch(kept.name) or kept.name == ""):
                raise RegistryBroken(f"{name} of the registry names a file that nobody can have put there")
            yield path, kept

    def _sizes(self) -> dict[str, set[int]]:
        """Bytes of each file by its name; one that was uploaded twice is listed twice."""
        found: dict[str, set[int]] = {}
        listing = self._api.find(self._listing, {"path": self._owner}, absent=_is_absent, shape=_Listing)
        for file in listing.files if listing is not None else ():
            known = str(file.file_size).isascii() and str(file.file_size).isdigit()
            found.setdefault(file.path, set()).add(int(str(file.file_size)) if known else -1)
        return found


def _name(path: str, digest: str) -> str:
    """What a file is called in GitLab: by its own name in ``model/``, else by its digest and what is left of it."""
    folder, _, name = path.rpartition("/")
    if folder == "model" and _PLAIN.fullmatch(name) and not name.startswith(_OURS):
        return name
    return f"{_OURS}{digest[:32]}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[-100:]}"


def _is_absent(answer: Answer) -> bool:
    """Whether a version or a run has no files at all."""
    return answer.status == 404 and b"RESOURCE_DOES_NOT_EXIST" in answer.content
