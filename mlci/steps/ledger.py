"""The ledger of one model as steps read it: entries decoded and checked, and new ones added on top of a head."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import rfc8785

from mlci.domain.release.ledger import Decision, Entry, Receipt, Standing, breaks, next_entry
from mlci.domain.report import plain
from mlci.errors import LedgerBroken
from mlci.ports.release import Ledger

# Decodes the bytes of an entry strictly; the second is where they are from, for a message.
Reading = Callable[[bytes, str], Entry]


def _random_id() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Known:
    """An entry, with its bytes and their sha256."""

    entry: Entry
    content: bytes
    digest: str


@dataclass(frozen=True)
class Book:
    """The ledger of one model.

    Attributes:
        ledger: where it is kept.
        model: whose it is.
        read: decodes an entry.
        new_id: draws the id of a new one.
    """

    ledger: Ledger
    model: str
    read: Reading
    new_id: Callable[[], str] = _random_id

    def head(self) -> Known | None:
        """The newest entry; None where nothing was decided yet.

        Raises:
            LedgerBroken: it is malformed, or not what its name says.
        """
        head = self.ledger.head(self.model)
        return self._known(head.number, head.content) if head is not None else None

    def entry(self, number: int) -> Known:
        """One entry.

        Raises:
            LedgerBroken: there is none, or it is malformed, or not what its name says.
        """
        content = self.ledger.entry(self.model, number)
        if content is None:
            raise LedgerBroken(f"entry {number} of {self.model} is missing from the ledger", help=_HELP)
        return self._known(number, content)

    def before(self, number: int) -> Entry | None:
        """The entry before this one, which says where stages stood then; None before the first."""
        return self.entry(number - 1).entry if number > 1 else None

    def decision(self, standing: Standing) -> Known:
        """The entry that says where a stage stands.

        Raises:
            LedgerBroken: it decides something else.
        """
        known = self.entry(standing.decided)
        found = known.entry.decision
        if found is None or found.stage != standing.stage or found.target != standing.at:
            raise LedgerBroken(
                f"entry {standing.decided} of {self.model} does not decide where {standing.stage} is", help=_HELP
            )
        return known

    def append(
        self, head: Known | None, content: Decision | Receipt, files: Mapping[str, bytes], *, now: str
    ) -> Known:  # fmt: skip
        """Add a decision or a receipt on top of the head that it was made on.

        Args:
            head: the newest entry as it was read; None for the first.
            content: what is said.
            files: evidence by its sha256.
            now: the time in UTC, as 2026-12-31T23:59:59Z.

        Raises:
            LedgerMoved: the head is another by now; nothing was written.
        """
        before = head.digest if head is not None else None
        last = head.entry if head is not None else None
        entry = next_entry(last, before, content, model=self.model, id=self.new_id(), now=now)
        written = rfc8785.dumps(plain(entry, exact=True))
        self.ledger.append(self.model, entry.number, written, files, before)
        return Known(entry, written, hashlib.sha256(written).hexdigest())

    def entries(self) -> Iterator[Known]:
        """Every entry, oldest first, each decoded; whether the chain holds is for ``breaks``."""
        return (self._known(number, content) for number, content in self.ledger.entries(self.model))

    def breaks(self, entries: list[Known]) -> list[str]:
        """Where the chain of these entries does not hold, a sentence each."""
        return list(breaks(((each.entry, each.digest) for each in entries), self.model))

    def _known(self, number: int, content: bytes) -> Known:
        entry = self.read(content, f"{self.model}/{number:06d}.json")
        if (entry.number, entry.model) != (number, self.model):
            raise LedgerBroken(
                f"the file of entry {number} of {self.model} holds entry {entry.number} of {entry.model}", help=_HELP
            )
        return Known(entry, content, hashlib.sha256(content).hexdigest())


_HELP = "see what changed the ledger in the history of the branch mlci/ledger, and put back what was there"
