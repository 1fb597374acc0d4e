"""The ledger as objects of a repository of git: read, and put one on top of the other, without index or work tree."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlci.adapters.evidence.ledger import LARGEST_ENTRY, digest_of
from mlci.adapters.git.call import Git
from mlci.adapters.ledger import layout
from mlci.adapters.ledger.layout import EVIDENCE, FILE_MODE, FOLDER_MODE, Folder, Item
from mlci.ports.release import Head

_LONG = 600.0
_PARTS = {"NAME": layout.AUTHOR, "EMAIL": layout.ADDRESS}
# How many bytes of entries are held at once.
_PORTION = 8 << 20


def _nothing(ids: Sequence[str]) -> None:
    """All objects are here."""


@dataclass(frozen=True)
class Objects:
    """Objects of one repository.

    Attributes:
        git: the program, in that repository.
        fetch: brings blobs that are not here; the local repository has them all.
    """

    git: Git
    fetch: Callable[[Sequence[str]], None] = _nothing

    # Reading.

    def root(self, commit: str) -> dict[str, Item]:
        """The folders of models at a commit."""
        return layout.models_in(self._tree(f"{commit}^{{tree}}", ""))

    def folder(self, commit: str, model: str) -> Folder:
        """The folder of a model at a commit; an empty one where there is none."""
        item = self.root(commit).get(model)
        return layout.folder_of(self._tree(item.id, model), model) if item is not None else Folder({}, None)

    def head(self, commit: str, model: str) -> Head | None:
        """The newest entry of a model at a commit."""
        folder = self.folder(commit, model)
        if not folder.entries:
            return None
        number = max(folder.entries)
        content = self._entry(folder, model, number)
        return Head(number=number, content=content, digest=digest_of(content))

    def entry(self, commit: str, model: str, number: int) -> bytes | None:
        """The bytes of one entry at a commit; None where there is none."""
        folder = self.folder(commit, model)
        return self._entry(folder, model, number) if number in folder.entries else None

    def entries(self, commit: str, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry of a model at a commit, a few megabytes of them at a time."""
        items = self.folder(commit, model).entries
        self.fetch([item.id for item in items.values()])
        sizes = self._sizes([item.id for item in items.values()])
        waiting: list[int] = []
        held = 0
        for number, item in items.items():
            held += layout.within(_size(sizes, item, model, number), LARGEST_ENTRY, f"{model}/{layout.named(number)}")
            waiting.append(number)
            if held > _PORTION:
                yield from zip(waiting, self._blobs([items[each].id for each in waiting]), strict=True)
                waiting, held = [], 0
        yield from zip(waiting, self._blobs([items[each].id for each in waiting]), strict=True)

    def evidence(self, commit: str, model: str, digest: str) -> bytes | None:
        """A piece of evidence at a commit; None where there is none."""
        folder = self.folder(commit, model).evidence
        item = layout.evidence_in(self._tree(folder.id, f"{model}/{EVIDENCE}"), digest, model) if folder else None
        if item is None:
            return None
        content = self._blob(item, layout.LARGEST_FILE, f"{model}/{EVIDENCE}/{digest}.json")
        return layout.evidence_matches(content, digest, model)

    def several(self, commit: str, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence at a commit that are there and can be used, a few megabytes of them at a time."""
        folder = self.folder(commit, model).evidence
        items = self._tree(folder.id, f"{model}/{EVIDENCE}") if folder is not None else {}
        wanted = [(digest, items[f"{digest}.json"]) for digest in digests if layout.is_evidence(items, digest)]
        self.fetch([item.id for _, item in wanted])
        sizes = self._sizes([item.id for _, item in wanted])
        waiting: list[tuple[str, str]] = []
        held = 0
        for digest, item in wanted:
            size = sizes.get(item.id, layout.LARGEST_FILE + 1)
            if size <= layout.LARGEST_FILE:
                waiting.append((digest, item.id))
                held += size
            if held > _PORTION:
                yield from self._matching(waiting)
                waiting, held = [], 0
        yield from self._matching(waiting)

    def _matching(self, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
        contents = self._blobs([id for _, id in wanted])
        return (
            (digest, content)
            for (digest, _), content in zip(wanted, contents, strict=True)
            if digest_of(content) == digest
        )

    def models(self, commit: str) -> list[str]:
        """Models that have an entry at a commit, by name."""
        found = self.root(commit)
        return sorted(name for name, item in found.items() if layout.folder_of(self._tree(item.id, name), name).entries)

    def _entry(self, folder: Folder, model: str, number: int) -> bytes:
        return self._blob(folder.entries[number], LARGEST_ENTRY, f"{model}/{layout.named(number)}")

    def _blob(self, item: Item, limit: int, where: str) -> bytes:
        self.fetch([item.id])
        size = self._sizes([item.id]).get(item.id)
        if size is None:
            raise layout.broken("the repository lacks its bytes", where)
        layout.within(size, limit, where)
        return self._asked("cat-file", "blob", item.id)

    def _blobs(self, ids: Sequence[str]) -> Iterator[bytes]:
        if not ids:
            return
        output = self._asked("cat-file", "--batch", given="".join(f"{each}\n" for each in ids).encode())
        place = 0
        for _ in ids:
            end = output.index(b"\n", place)
            size = int(output[place:end].split()[2])
            yield output[end + 1 : end + 1 + size]
            place = end + size + 2

    def _sizes(self, ids: Sequence[str]) -> dict[str, int]:
        output = self._asked("cat-file", "--batch-check", given="".join(f"{each}\n" for each in ids).encode())
        facts = [line.split() for line in output.decode().splitlines()]
        return {fact[0]: int(fact[2]) for fact in facts if len(fact) == 3}

    def _tree(self, id: str, where: str) -> dict[str, Item]:
        output = self._asked("ls-tree", "-z", "--full-tree", id)
        lines = [line.partition(b"\t") for line in output.split(b"\0") if line]
        return layout.listed(((os.fsdecode(name), _item(facts)) for facts, _, name in lines), where)

    # Writing: nothing of it can be seen before a branch points at the last.

    def holds(self, commit: str | None, model: str, number: int, content: bytes, after: str | None) -> bool:
        """Whether an entry is there already: an answer that says so can be lost, and then others may have gone on.

        Raises:
            LedgerMoved: it is not, and cannot be added after the head that it names.
        """
        head = self.head(commit, model) if commit is not None else None
        if (head.digest if head is not None else None) == after:
            return False
        if commit is not None and self.entry(commit, model, number) == content:
            return True
        raise layout.moved(model, head.number if head is not None else None)

    def grown(self, commit: str | None, model: str, number: int, content: bytes, files: Mapping[str, bytes]) -> str:
        """A commit with one more entry, and the files that it names, on top of another."""
        layout.checked_files(files, content)
        root = self._tree(f"{commit}^{{tree}}", "") if commit is not None else {}
        layout.models_in(root)
        own = self._tree(root[model].id, model) if model in root else {}
        kept = self._tree(own[EVIDENCE].id, EVIDENCE) if EVIDENCE in own else {}
        new = {f"{digest}.json": files[digest] for digest in files if not layout.evidence_in(kept, digest, model)}
        if new:
            kept |= {name: Item(FILE_MODE, "blob", self._written(each)) for name, each in new.items()}
            own[EVIDENCE] = Item(FOLDER_MODE, "tree", self._made(kept))
        own[layout.named(number)] = Item(FILE_MODE, "blob", self._written(content))
        root[model] = Item(FOLDER_MODE, "tree", self._made(own))
        parents = ("-p", commit) if commit is not None else ()
        said = layout.message(model, number, content).encode("utf-8", "replace")
        return self._asked("commit-tree", self._made(root), *parents, given=said).decode().strip()

    def _written(self, content: bytes) -> str:
        return self._asked("hash-object", "-w", "--no-filters", "--stdin", given=content).decode().strip()

    def _made(self, items: Mapping[str, Item]) -> str:
        # What is there already may not be here: of a ledger that is pushed only the newest lists are fetched.
        lines = (
            f"{item.mode} {item.kind} {item.id}\t".encode() + os.fsencode(name) + b"\0" for name, item in items.items()
        )
        return self._asked("mktree", "-z", "--missing", given=b"".join(lines)).decode().strip()

    def _asked(self, *words: str, given: bytes = b"") -> bytes:
        answer = self.git.ask(*words, given=given, timeout=_LONG)
        if answer.code:
            raise self.git.failed(answer)
        return answer.output


def _item(facts: bytes) -> Item:
    mode, kind, id = facts.decode().split()
    return Item(mode, kind, id)


def _size(sizes: Mapping[str, int], item: Item, model: str, number: int) -> int:
    size = sizes.get(item.id)
    if size is None:
        raise layout.broken("the repository lacks its bytes", f"{model}/{layout.named(number)}")
    return size


def writing(git: Git) -> Git:
    """git as it writes the ledger: with an author of its own, and on the disk before anything points there."""
    names = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _PARTS.items()}
    wanted = ("core.fsync=all", "core.fsyncMethod=fsync", "i18n.commitEncoding=UTF-8", "core.filesRefLockTimeout=1000")
    return Git(git.program, git.folder, {**git.environ, **names, "TZ": "UTC0"}, (*git.overrides, *wanted))
