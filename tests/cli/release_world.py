"""A registry and a ledger in memory under promote and rollback, for a test of how these end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlci.adapters.evidence.ledger import read_entry
from mlci.domain.release.evidence import Requirement
from mlci.domain.release.ledger import Actor, Decision, Pointed, Receipt
from mlci.domain.verdict import Verdict
from mlci.errors import CannotTell, LedgerMoved, NoExamples
from mlci.ports import Entry
from mlci.steps.ledger import Book
from mlci.steps.promoting.promote import Judged
from mlci.testing.ledger import MemoryLedger
from mlci.testing.registry import MemoryRegistry

MODEL = "churn"
CONFIG = "model: churn\npromote: {verify: {production: {command: 'false', timeout: 1s}}}\n"
NOW = "2026-12-01T12:00:00Z"


def artifact(number: str) -> str:
    return f"{int(number):064x}"


def world(patch: pytest.MonkeyPatch, *, at: str | None = None) -> tuple[MemoryRegistry, MemoryLedger]:
    """Three versions that mlci registered; production went through the versions up to ``at``."""
    registry, ledger = MemoryRegistry(), MemoryLedger()
    Path("model").mkdir(exist_ok=True)
    for number in "123":
        entry = Entry(digest=artifact(number), folder="model", tags={}, params={}, metrics={}, description="")
        registry.register(MODEL, entry)
    book, page = Book(ledger, MODEL, read_entry), None
    for number in range(1, int(at or "0") + 1):
        target, standing = Pointed(version=str(number), artifact=artifact(str(number))), None
        if page is not None:
            standing = page.entry.standing("production")
        decision = Decision(
            action="promote", stage="production", target=target, before=standing.at if standing else None, reason="r",
            actor=Actor(where="local", login="alice"),
        )  # fmt: skip
        page = book.append(page, decision, {}, now=NOW)
        receipt = Receipt(of=page.entry.number, outcome="done", said="it is")
        page = book.append(page, receipt, {}, now=NOW)
        registry.pointed[MODEL, "production"] = str(number)
    patch.setattr("mlci.adapters.mlflow.open_registry", lambda *_, **__: registry)
    patch.setattr("mlci.cli.ledger.ledger_of", lambda *_: ledger)
    patch.setattr("mlci.cli.rollback._verify", lambda *_: None)
    patch.setattr("mlci.cli.promote.judged", lambda *_: judged())
    patch.setattr("mlci.cli.promote.papers", lambda *_: ())
    return registry, ledger


def judged(*missing: str) -> Judged:
    requirements = tuple(Requirement(name=name, held=False, said="it is not so") for name in missing)
    return Judged(chain={}, files={}, verdict=Verdict.PASS, requirements=requirements)


Before = Callable[[pytest.MonkeyPatch], Any]


def standing(at: str | None = None, *, by_hand: str | None = None) -> Before:
    """Production at a version by the ledger, and perhaps somewhere else by hand."""

    def before(patch: pytest.MonkeyPatch) -> None:
        registry, _ = world(patch, at=at)
        if by_hand is not None:
            registry.pointed[MODEL, "production"] = by_hand

    return before


def lacking(*missing: str) -> Before:
    """A version that does not meet these."""

    def before(patch: pytest.MonkeyPatch) -> None:
        world(patch)
        patch.setattr("mlci.cli.promote.judged", lambda *_: judged(*missing))

    return before


def meanwhile(patch: pytest.MonkeyPatch) -> None:
    """Somebody else decides between reading and writing."""
    _, ledger = world(patch, at="2")

    def refuse(*_: Any) -> None:
        raise LedgerMoved("somebody else was here")

    patch.setattr(ledger, "append", refuse)


def spoiled(patch: pytest.MonkeyPatch) -> None:
    """An entry of the ledger is another than it was."""
    _, ledger = world(patch, at="2")
    ledger.kept[MODEL][3] = ledger.kept[MODEL][3].replace(b'"reason":"r"', b'"reason":"s"')


def unlinked(patch: pytest.MonkeyPatch) -> None:
    """A version without evidence, as one is that somebody else registered."""
    from mlci.cli.promotable import judged as real

    world(patch)
    patch.setattr("mlci.cli.promote.judged", real)


def saying(raised: Callable[..., Any]) -> Before:
    """Judging ends otherwise."""

    def before(patch: pytest.MonkeyPatch) -> None:
        world(patch)
        patch.setattr("mlci.cli.promote.judged", raised)

    return before


def silent(patch: pytest.MonkeyPatch) -> None:
    """A registry that does not answer."""
    from mlci.errors import ServiceFailed

    registry, _ = world(patch, at="2")
    registry.error = ServiceFailed("it did not answer")


def doubt(*_: Any) -> Judged:
    raise CannotTell("whether @organisation/team has alice cannot be read: members: read is missing")


def unjudgeable(*_: Any) -> Judged:
    raise NoExamples("there are no predictions")


def backing(raised: Callable[..., Any]) -> Before:
    """Verifying the version that is gone back to ends otherwise."""

    def before(patch: pytest.MonkeyPatch) -> None:
        world(patch, at="3")
        patch.setattr("mlci.cli.rollback._verify", raised)

    return before
