"""The ledger on a branch of a repository on GitHub, through its API for git objects: nothing is checked out or pushed.

https://docs.github.com/rest/git: files, folders and the commit are made first and belong to nothing. Then the branch is
moved with ``force: false``, which GitHub refuses where it is no longer at the commit's parent.

GitHub makes itself the committer, and signs what the token of a job or of an app commits.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from mlci.adapters.evidence.ledger import LARGEST_ENTRY, digest_of
from mlci.adapters.github.api import at
from mlci.adapters.ledger import layout
from mlci.adapters.ledger.layout import BRANCH, EVIDENCE, FILE_MODE, REF, Folder, Item
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.answer import Unprocessable
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock, Patience
from mlci.errors import LedgerBroken, ServiceFailed
from mlci.ports.release import Head

_PATIENCE = Patience(attempts=40, budget=180.0, first=0.5, longest=8.0)
# How often a branch that has not moved may refuse to be moved: what was just read can be a little old.
_CERTAIN = 3
# So few are asked for one by one; for more, the whole branch is one archive.
_FEW = 20
_LARGEST_ARCHIVE, _LARGEST_UNPACKED = 1 << 30, 8 << 30


class _Target(msgspec.Struct):
    sha: str
    type: str = "commit"


class _Ref(msgspec.Struct):
    ref: str
    object: _Target


class _Commit(msgspec.Struct):
    tree: _Target


class _Listed(msgspec.Struct):
    path: str
    mode: str
    type: str
    sha: str
    size: int | None = None


class _Tree(msgspec.Struct):
    tree: list[_Listed]
    truncated: bool = False


class _Blob(msgspec.Struct):
    content: str
    encoding: str


class _Made(msgspec.Struct):
    sha: str


class GitHubLedger:
    """ports.Ledger over one repository.

    Permissions: contents: read, and contents: write to append.
    """

    def __init__(
        self, api: Api, repository: str, *, patience: Patience = _PATIENCE, clock: Clock | None = None
    ) -> None:
        """Nothing is asked yet.

        Args:
            api: GitHub's.
            repository: its owner and name.
            patience: for races.
            clock: waits, and draws how long.
        """
        self._api = api
        self._repository = repository
        self._patience = patience
        self._clock = clock or Clock()
        # What has a sha never changes.
        self._trees: dict[str, dict[str, Item]] = {}
        self._roots: dict[str, str] = {}
        self.place = f"the branch {BRANCH} of {one_line(repository, 200)}"

    def head(self, model: str) -> Head | None:
        """The newest entry of a model; None where it has none."""
        layout.checked(model)
        tip = self._tip()
        return self._head(tip, model) if tip is not None else None

    def entry(self, model: str, number: int) -> bytes | None:
        """The bytes of one entry; None where there is none."""
        layout.checked(model)
        tip = self._tip()
        return self._entry(tip, model, number) if tip is not None else None

    def entries(self, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry by its number; of a long ledger the whole branch is fetched as one archive."""
        layout.checked(model)
        tip = self._tip()
        items = self._folder(tip, model).entries if tip is not None else {}
        if tip is None or len(items) <= _FEW:
            yield from ((number, self._blob(item, LARGEST_ENTRY, model, number)) for number, item in items.items())
            return
        with tempfile.TemporaryDirectory(prefix="mlci-ledger-") as folder:
            archive = Path(folder, "archive")
            self._api.save(at(self._repository, "tarball", tip), str(archive), _LARGEST_ARCHIVE)
            kept = _unpacked(archive, Path(folder), model, items)
            for number, item in items.items():
                content = (Path(folder, layout.named(number)).read_bytes()) if number in kept else None
                # Settings in the branch can leave files out of an archive, or change them.
                if content is None or layout.git_id(content, like=item.id) != item.id:
                    content = self._blob(item, LARGEST_ENTRY, model, number)
                yield number, content

    def file(self, model: str, digest: str) -> bytes | None:
        """A piece of evidence; None where there is none."""
        layout.checked(model)
        tip = self._tip()
        folder = self._folder(tip, model).evidence if tip is not None else None
        where = f"{model}/{EVIDENCE}"
        item = layout.evidence_in(self._tree(folder.id, where), digest, model) if folder is not None else None
        if item is None:
            return None
        content = self._content(item, layout.LARGEST_FILE, f"{where}/{digest}.json")
        return layout.evidence_matches(content, digest, model)

    def several(self, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence that are there, a request each."""
        layout.checked(model)
        tip = self._tip()
        folder = self._folder(tip, model).evidence if tip is not None else None
        items = self._tree(folder.id, f"{model}/{EVIDENCE}") if folder is not None else {}
        for digest in digests:
            with contextlib.suppress(LedgerBroken):
                item = layout.evidence_in(items, digest, model)
                if item is not None:
                    where = f"{model}/{EVIDENCE}/{digest}.json"
                    content = self._content(item, layout.LARGEST_FILE, where)
                    yield digest, layout.evidence_matches(content, digest, model)

    def models(self) -> Sequence[str]:
        """The models that have entries, by name."""
        tip = self._tip()
        root = layout.models_in(self._root(tip)) if tip is not None else {}
        return sorted(name for name, item in root.items() if layout.folder_of(self._tree(item.id, name), name).entries)

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        """Add one entry and its files, all or nothing.

        Raises:
            LedgerMoved: the head is another by now.
            ServiceRefused: the token may not write to the branch.
            ServiceFailed: GitHub did not answer, or too many others wrote at the same time.
        """
        layout.checked(model)
        layout.checked_files(files, content)
        began, refused, before = self._clock.monotonic(), 0, ""
        for attempt in range(1, self._patience.attempts + 1):
            tip = self._tip()
            if self._holds(tip, model, number, content, after):
                return
            try:
                self._move(tip, self._grown(tip, model, number, content, files))
                return
            except Unprocessable as error:
                refused = refused + 1 if before == (tip or "none") else 1
                before = tip or "none"
                wait = self._patience.drawn(min(attempt, 5), self._clock.chance())
                if refused >= _CERTAIN:
                    raise
                if self._clock.monotonic() - began + wait > self._patience.budget:
                    raise ServiceFailed(error.cause, help="others wrote at the same time; run the job again") from error
            self._clock.sleep(wait)
        raise ServiceFailed(f"{BRANCH} moved {self._patience.attempts} times", help="run the job again")

    # Reading.

    def _tip(self) -> str | None:
        """The commit that the branch is at; None where there is no such branch."""
        # Asked for by its name, a branch is not found by whom it is hidden from either; a list is refused to them.
        path = at(self._repository, "git", "matching-refs", "heads", *BRANCH.split("/"))
        found = self._api.get(path, shape=list[_Ref])
        return next((each.object.sha for each in found if each.ref == REF), None)

    def _head(self, tip: str, model: str) -> Head | None:
        entries = self._folder(tip, model).entries
        if not entries:
            return None
        number = max(entries)
        content = self._blob(entries[number], LARGEST_ENTRY, model, number)
        return Head(number=number, content=content, digest=digest_of(content))

    def _entry(self, tip: str, model: str, number: int) -> bytes | None:
        item = self._folder(tip, model).entries.get(number)
        return self._blob(item, LARGEST_ENTRY, model, number) if item is not None else None

    def _holds(self, tip: str | None, model: str, number: int, content: bytes, after: str | None) -> bool:
        head = self._head(tip, model) if tip is not None else None
        if (head.digest if head is not None else None) == after:
            return False
        # An answer that says so can be lost, and then others may have gone on.
        if tip is not None and self._entry(tip, model, number) == content:
            return True
        raise layout.moved(model, head.number if head is not None else None)

    def _folder(self, tip: str, model: str) -> Folder:
        item = layout.models_in(self._root(tip)).get(model)
        return layout.folder_of(self._tree(item.id, model), model) if item is not None else Folder({}, None)

    def _root(self, tip: str) -> dict[str, Item]:
        return self._tree(self._root_id(tip), "")

    def _root_id(self, tip: str) -> str:
        if tip not in self._roots:
            self._roots[tip] = self._api.get(at(self._repository, "git", "commits", tip), shape=_Commit).tree.sha
        return self._roots[tip]

    def _tree(self, id: str, where: str) -> dict[str, Item]:
        if id not in self._trees:
            found = self._api.get(at(self._repository, "git", "trees", id), shape=_Tree)
            if found.truncated:
                raise ServiceFailed(
                    f"GitHub lists only a part of {one_line(where, 100) or 'the folder'} in the branch {BRANCH}",
                    help="git log and git show read a ledger of this size",
                )
            items = ((each.path, Item(each.mode, each.type, each.sha, each.size)) for each in found.tree)
            self._trees[id] = layout.listed(items, where)
        return self._trees[id]

    def _blob(self, item: Item, limit: int, model: str, number: int) -> bytes:
        return self._content(item, limit, f"{model}/{layout.named(number)}")

    def _content(self, item: Item, limit: int, where: str) -> bytes:
        layout.within(item.size or 0, limit, where)
        found = self._api.get(at(self._repository, "git", "blobs", item.id), shape=_Blob)
        try:
            content = base64.b64decode("".join(found.content.split()), validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if found.encoding != "base64" or layout.git_id(content, like=item.id) != item.id:
            raise ServiceFailed(f"GitHub's answer is not the content of {one_line(where, 200)}")
        return content

    # Writing. What is made twice is made once: git names it by what it is.

    def _grown(self, tip: str | None, model: str, number: int, content: bytes, files: Mapping[str, bytes]) -> str:
        """A commit with one more entry, and the files that it names, on top of another."""
        folder = self._folder(tip, model) if tip is not None else Folder({}, None)
        kept = self._tree(folder.evidence.id, EVIDENCE) if folder.evidence is not None else {}
        new = {f"{model}/{layout.named(number)}": content}
        for digest, each in files.items():
            if layout.evidence_in(kept, digest, model) is None:
                new[f"{model}/{EVIDENCE}/{digest}.json"] = each
        items = [
            {"path": path, "mode": FILE_MODE, "type": "blob", "sha": self._kept(each)} for path, each in new.items()
        ]
        base = {"base_tree": self._root_id(tip)} if tip is not None else {}
        tree = self._api.post(at(self._repository, "git", "trees"), {**base, "tree": items}, shape=_Made, again=True)
        said = layout.message(model, number, content)
        body = {"message": said, "tree": tree.sha, "parents": [tip] if tip is not None else []}
        made: str = self._api.post(at(self._repository, "git", "commits"), body, shape=_Made, again=True).sha
        return made

    def _kept(self, content: bytes) -> str:
        body = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        made: str = self._api.post(at(self._repository, "git", "blobs"), body, shape=_Made, again=True).sha
        if made != layout.git_id(content, like=made):
            raise ServiceFailed("GitHub says that it has kept another file than it was given")
        return made

    def _move(self, tip: str | None, commit: str) -> None:
        if tip is None:
            self._api.post(at(self._repository, "git", "refs"), {"ref": REF, "sha": commit}, again=True)
        else:
            path = at(self._repository, "git", "refs", "heads", *BRANCH.split("/"))
            self._api.patch(path, {"sha": commit, "force": False})


def _unpacked(archive: Path, folder: Path, model: str, items: Mapping[int, Item]) -> set[int]:
    """Write the wanted entries of an archive below a folder by their own names; their numbers.

    Raises:
        ServiceFailed: the archive is broken, or far larger than a ledger.
    """
    wanted = {f"{model}/{layout.named(number)}": number for number in items}
    found: set[int] = set()
    size = 0
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                size += member.size
                if size > _LARGEST_UNPACKED:
                    raise ServiceFailed(f"the archive of {BRANCH} is far larger than a ledger")
                # All lies in one folder, whose name is GitHub's to choose.
                number = wanted.get(member.name.partition("/")[2])
                stream = members.extractfile(member) if number is not None and member.isreg() else None
                if number is None or stream is None or member.size > LARGEST_ENTRY:
                    continue
                Path(folder, layout.named(number)).write_bytes(stream.read(member.size))
                found.add(number)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ServiceFailed(f"the archive of {BRANCH} is broken: {one_line(error, 100)}") from error
    return found
