"""The ledger of one model as whoever writes to it reads it: each entry held against the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mlci.domain.release.ledger import Decision, Receipt, breaks
from mlci.errors import LedgerBroken, Place
from mlci.steps.ledger import Book as Entries
from mlci.steps.ledger import Known

_HELP = "mlci verify says what of the ledger holds; the history of its branch says who changed it"


@dataclass(frozen=True, kw_only=True)
class Book:
    """The ledger of one model.

    Attributes:
        entries: of the model.
        clock: the time in UTC, as 2026-12-31T23:59:59Z.
    """

    entries: Entries
    clock: Callable[[], str]

    @property
    def model(self) -> str:
        """Whose it is."""
        return self.entries.model

    @property
    def place(self) -> str:
        """Where it is kept."""
        return self.entries.ledger.place

    def head(self) -> Known | None:
        """The newest entry, after it was held against the one before; None where nothing was decided yet.

        Raises:
            LedgerBroken: it does not follow that one.
        """
        head = self.entries.head()
        if head is None:
            return None
        number = head.entry.number
        chain = [self.entries.entry(number - 1)] if number > 1 else []
        # Of the entry before, only that this one follows it: its own links are asked where somebody walks back.
        own = self._wrong([*chain, head])[len(self._wrong(chain)) :]
        for cause in own:
            raise self._broken(cause)
        return head

    def back(self, page: Known) -> Iterator[Known]:
        """An entry and those before it, newest first, each held against the link of the one after it.

        Raises:
            LedgerBroken: one is missing or is another.
        """
        yield page
        while page.entry.number > 1:
            found = self.entries.entry(page.entry.number - 1)
            if page.entry.previous != found.digest:
                raise self._broken(f"entry {found.entry.number} is not the one that entry {page.entry.number} names")
            yield found
            page = found

    def of(self, page: Known, number: int) -> Known:
        """The entry of a number, at or before one that was read."""
        return next(found for found in self.back(page) if found.entry.number == number)

    def append(self, after: Known | None, content: Decision | Receipt, files: Mapping[str, bytes]) -> Known:
        """Add an entry, with the evidence that it names.

        Raises:
            LedgerMoved: somebody else added one meanwhile.
        """
        return self.entries.append(after, content, files, now=self.clock())

    def _wrong(self, entries: list[Known]) -> list[str]:
        return list(breaks(((each.entry, each.digest) for each in entries), self.model))

    def _broken(self, cause: str) -> LedgerBroken:
        return LedgerBroken(f"the ledger of {self.model}: {cause}", place=Place(self.place), help=_HELP)
