"""A promotion through a registry on a server that fails, refuses and cuts off: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import a_model, an_entry, opened
from registry.faulty import MODES, Faulty, in_front_of
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name
from worlds import impatient

from mlci.adapters.evidence.ledger import read_entry
from mlci.adapters.mlflow import open_registry
from mlci.domain.release.ledger import Actor, Pointed, breaks
from mlci.domain.verdict import Verdict
from mlci.errors import ServiceFailed, ServiceRefused
from mlci.ports import Registry, Version
from mlci.steps.ledger import Book as Entries
from mlci.steps.promoting.book import Book
from mlci.steps.promoting.following import Release
from mlci.steps.promoting.promote import Judged, Promoted, Wanted, promote
from mlci.testing.ledger import MemoryLedger

STAGE = "production"


@pytest.fixture(name="proxy")
def _proxy(servers: Servers) -> Iterator[Faulty]:
    with in_front_of(servers.url) as faulty:
        yield faulty


def promoted(registry: Registry, ledger: MemoryLedger, version: Version) -> Promoted:
    book = Book(entries=Entries(ledger, version.model, read_entry), clock=lambda: "2026-12-01T12:00:00Z")
    release = Release(
        book=book, registry=registry, actor=Actor(where="local", login="alice"), serving=lambda _: None,
        record=lambda *_: None, moved=lambda *_: None, artifact=lambda one: one.tags["mlci.artifact"],
        say=lambda *_: None,
    )  # fmt: skip
    target = Pointed(version=version.number, artifact=version.tags["mlci.artifact"])
    wanted = Wanted(stage=STAGE, target=target, reason="r", compared=STAGE)
    return promote(release, wanted, lambda _: Judged(chain={}, files={}, verdict=Verdict.PASS, requirements=()))


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_promotion_through_a_registry_that_fails_is_finished_by_the_next(
    servers: Servers, proxy: Faulty, tmp_path: Path, mode: str, every: bool
) -> None:
    model = a_model().replace(" ", "-")
    direct, ledger = opened(servers.url, tmp_path), MemoryLedger()
    first, second = (direct.register(model, an_entry(tmp_path / digest, digest)) for digest in "ab")
    direct.point(first, STAGE)
    through = open_registry(proxy.url, {}, folder=str(tmp_path), writing=True, clock=impatient())
    promoted(through, ledger, first)

    # Only the move itself fails: what is read before is another matter.
    proxy.mode, proxy.every, proxy.only = mode, every, "alias" if every else ""
    failed = False
    try:
        promoted(through, ledger, second)
    except (ServiceFailed, ServiceRefused):
        failed = True
    assert failed or not every
    proxy.mode = None
    promoted(through, ledger, second)

    entries = [read_entry(content, "an entry") for _, content in ledger.entries(model)]
    decided = [one.decision.target.version for one in entries if one.decision is not None]
    there = direct.aliased(model, STAGE)
    assert there is not None
    assert there.number == second.number
    assert decided == [first.number, second.number]
    assert not any(standing.is_open for standing in entries[-1].standings)
    digests = [ledger.kept[model][number] for number in sorted(ledger.kept[model])]
    assert not list(breaks(zip(entries, map(_sha, digests), strict=True), model))


def _sha(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
