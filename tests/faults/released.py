"""Releases that are run with faults, and what must hold of ledger and registry whatever has happened."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.chain import Repository

from faults.chained import asked
from mlci.cli.ledger import book_of, ledger_of
from mlci.domain.release.ledger import Entry
from mlci.steps.ledger import Book

MODEL = "late-trips"
POLICY = "promote: {require: {production: [gate]}, relax: {production: [locked-environment]}}\n"
CROWD = Path(__file__).with_name("crowd.py")


def book(found: Repository) -> Book:
    """The ledger of the model, through git."""
    return book_of(ledger_of(None, os.environ, str(found.folder / "mlci.yml")), MODEL)


def story(found: Repository) -> list[str]:
    """What each entry says, briefly."""
    return [_said(known.entry) for known in book(found).entries()]


def _said(entry: Entry) -> str:
    if entry.decision is not None:
        return f"{entry.decision.action} {entry.decision.stage} {entry.decision.target.version}"
    return f"{entry.receipt.outcome} {entry.receipt.of}" if entry.receipt is not None else "nothing"


def alias(found: Repository, stage: str = "production") -> str | None:
    """The version that the registry's alias points at, by the database itself."""
    rows = asked(found, "select alias, version from registered_model_aliases")
    return {name: str(version) for name, version in rows}.get(stage)


def broken(found: Repository, *, ended: bool) -> list[str]:
    """What does not hold: the chain, evidence that is missing or another, and once a run ended what it left open."""
    return list(_broken(found, ended=ended))


def _broken(found: Repository, *, ended: bool) -> Iterator[str]:
    own = book(found)
    entries = list(own.entries())
    yield from own.breaks(entries)
    for known in entries:
        for kind, digest in (known.entry.decision.evidence if known.entry.decision is not None else {}).items():
            content = own.ledger.file(MODEL, digest)
            if content is None or hashlib.sha256(content).hexdigest() != digest:
                yield f"the {kind} of entry {known.entry.number} is missing or another"
    for standing in entries[-1].entry.standings if ended and entries else ():
        if standing.is_open:
            yield f"{standing.stage} is open"
        if alias(found, standing.stage) != standing.at.version:
            yield f"{standing.stage} is at {alias(found, standing.stage)}, and the ledger says {standing.at.version}"
    told = [line for line in story(found) if line.startswith(("done", "not-serving"))]
    if len(told) != len({line.split()[1] for line in told}):
        yield "a decision has two receipts"
    locks = found.git("for-each-ref", "--format=%(refname)", "refs/heads/mlci").split()
    if locks not in ([], ["refs/heads/mlci/ledger"]):
        yield f"there are other branches: {locks}"


def crowd(found: Repository, versions: list[str]) -> list[int]:
    """The exits of as many promotions at once, each a process of its own that waits for the others to decide."""
    done = subprocess.run(
        [sys.executable, str(CROWD), str(found.folder), *versions], capture_output=True, text=True, timeout=280,
        check=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]
