"""The ledger of one model, decoded: what a head says, what is added to it, and what cannot be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import rfc8785

from mlci.adapters.evidence.ledger import encoded, read_entry
from mlci.domain.release.ledger import Actor, Decision, Pointed, Receipt
from mlci.errors import LedgerBroken, LedgerMoved
from mlci.steps.ledger import Book
from mlci.testing.ledger import MemoryLedger

NOW = "2026-03-01T12:00:00Z"
FIRST, SECOND = Pointed(version="1", artifact="a" * 64), Pointed(version="2", artifact="b" * 64)
ALICE = Actor(where="local", login="alice")


def decision(target: Pointed = FIRST, before: Pointed | None = None, stage: str = "production") -> Decision:
    return Decision(action="promote", stage=stage, target=target, before=before, reason="better", actor=ALICE)


@pytest.fixture(name="ledger")
def _ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture(name="book")
def _book(ledger: MemoryLedger) -> Book:
    ids = itertools.count(1)
    return Book(ledger, "churn", read_entry, lambda: f"{next(ids):032x}")


def test_what_was_appended_is_the_head(book: Book) -> None:
    assert book.head() is None

    decided = book.append(None, decision(), {}, now=NOW)
    received = book.append(decided, Receipt(of=1, outcome="done", said="it serves"), {}, now=NOW)

    head = book.head()
    assert head == received
    assert (head.entry.number, head.entry.previous) == (2, decided.digest)
    standing = head.entry.standing("production")
    assert standing is not None
    assert (standing.at, standing.is_open) == (FIRST, False)
    assert book.decision(standing) == decided
    assert book.breaks(list(book.entries())) == []


def test_the_standing_before_a_decision_is_in_the_entry_before_it(book: Book) -> None:
    first = book.append(None, decision(), {}, now=NOW)
    book.append(first, decision(SECOND, FIRST), {}, now=NOW)

    before = book.before(2)
    assert book.before(1) is None
    assert before is not None
    assert before.standings[0].at == FIRST


def test_each_entry_has_an_id_of_its_own(ledger: MemoryLedger) -> None:
    one, other = Book(ledger, "churn", read_entry), Book(ledger, "fraud", read_entry)

    first, second = one.append(None, decision(), {}, now=NOW), other.append(None, decision(), {}, now=NOW)

    assert first.entry.id != second.entry.id
    assert len(first.entry.id) == 32


def test_a_head_that_moved_is_refused(book: Book) -> None:
    first = book.append(None, decision(), {}, now=NOW)
    book.append(first, decision(SECOND, FIRST), {}, now=NOW)

    with pytest.raises(LedgerMoved):
        book.append(first, decision(SECOND, FIRST), {}, now=NOW)


def test_a_clock_that_went_back_is_not_followed(book: Book) -> None:
    first = book.append(None, decision(), {}, now=NOW)

    assert book.append(first, decision(SECOND, FIRST), {}, now="2025-01-01T00:00:00Z").entry.at == NOW


def test_an_entry_in_the_file_of_another_is_refused(book: Book, ledger: MemoryLedger) -> None:
    first = book.append(None, decision(), {}, now=NOW)
    ledger.kept["churn"][2] = first.content

    with pytest.raises(LedgerBroken, match="the file of entry 2 of churn holds entry 1 of churn"):
        book.head()


def test_an_entry_of_another_model_is_refused(book: Book, ledger: MemoryLedger) -> None:
    first = Book(ledger, "fraud", read_entry).append(None, decision(), {}, now=NOW)
    ledger.kept["churn"] = {1: first.content}

    with pytest.raises(LedgerBroken, match="holds entry 1 of fraud"):
        book.head()


def test_a_standing_that_its_decision_does_not_say_is_refused(book: Book) -> None:
    first = book.append(None, decision(), {}, now=NOW)
    standing = first.entry.standings[0]

    with pytest.raises(LedgerBroken, match="does not decide where production is"):
        book.decision(replace(standing, at=SECOND))
    with pytest.raises(LedgerBroken, match="entry 7 of churn is missing"):
        book.decision(replace(standing, decided=7))


def test_an_entry_that_was_changed_breaks_the_chain(book: Book, ledger: MemoryLedger) -> None:
    first = book.append(None, decision(), {}, now=NOW)
    book.append(first, decision(SECOND, FIRST), {}, now=NOW)
    ledger.kept["churn"][1] = encoded(replace(first.entry, id="f" * 32))

    (said,) = book.breaks(list(book.entries()))
    assert said.startswith("entry 2 does not follow the entry before it")


def test_bytes_that_are_no_entry_are_refused(book: Book, ledger: MemoryLedger) -> None:
    ledger.kept["churn"] = {1: rfc8785.dumps({"schema": "mlci.ledger/1"})}

    with pytest.raises(LedgerBroken):
        book.head()
