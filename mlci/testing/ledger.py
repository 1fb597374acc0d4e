"""A ledger in memory, as ports describe it."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlci.errors import LedgerBroken, LedgerMoved, MlciError, UsageError
from mlci.ports.release import Head


@dataclass
class MemoryLedger:
    """ports.Ledger.

    Attributes:
        place: as a real one would be called.
        error: raised by every method while it is set.
        kept: bytes of the entries of each model by number, for a test to look at or to spoil.
        evidence: files of each model by digest.
    """

    place: str = "memory"
    error: MlciError | None = None
    kept: dict[str, dict[int, bytes]] = field(default_factory=dict)
    evidence: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _alone: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def head(self, model: str) -> Head | None:
        """The newest entry of a model."""
        with self._alone:
            self._check()
            entries = self.kept.get(model)
            if not entries:
                return None
            number = max(entries)
            return Head(number=number, content=entries[number], digest=_sha256(entries[number]))

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        """Add one entry and its files."""
        with self._alone:
            self._check()
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", model):
                raise UsageError(f"the ledger cannot keep a model of the name {model!r}")
            if any(_sha256(each) != digest for digest, each in files.items()):
                raise ValueError("evidence is not what it is called")
            head = self.head(model)
            if (head.digest if head is not None else None) != after:
                if self.kept.get(model, {}).get(number) == content:
                    return
                raise LedgerMoved(f"somebody else decided about {model} meanwhile")
            self.kept.setdefault(model, {})[number] = content
            self.evidence[model] = {**files, **self.evidence.get(model, {})}

    def entry(self, model: str, number: int) -> bytes | None:
        """The bytes of one entry."""
        self._check()
        return self.kept.get(model, {}).get(number)

    def entries(self, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry by its number."""
        self._check()
        return iter(sorted(self.kept.get(model, {}).items()))

    def file(self, model: str, digest: str) -> bytes | None:
        """A piece of evidence."""
        self._check()
        content = self.evidence.get(model, {}).get(digest)
        if content is not None and _sha256(content) != digest:
            raise LedgerBroken("a file of the ledger cannot be used: its bytes are not those of its name")
        return content

    def several(self, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence that are there."""
        self._check()
        there = self.evidence.get(model, {})
        return iter([(each, there[each]) for each in digests if each in there and _sha256(there[each]) == each])

    def models(self) -> Sequence[str]:
        """The models that have entries, by name."""
        self._check()
        return sorted(model for model, entries in self.kept.items() if entries)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
