"""Ledgers as promotions write them, made by the rules that promotions follow: for those who read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import rfc8785

from mlci import REPOSITORY, __version__
from mlci.adapters.evidence.ledger import encoded
from mlci.domain.evidence import statement
from mlci.domain.release.evidence import ApprovalPredicate, PromotionPredicate
from mlci.domain.release.ledger import Action, Actor, Decision, Entry, Outcome, Pointed, Receipt, next_entry
from mlci.domain.release.people import Approver
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.testing.ledger import MemoryLedger

ALICE, BOB = Actor(where="github", login="alice", id=11), Approver(
    id=12, login="bob", where="review", at="2026-12-01T09:00:00Z", seen="2026-12-01T09:30:00Z"
)  # fmt: skip


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Writer:
    """Writes entries as promotions and rollbacks do.

    Attributes:
        ledger: ports.Ledger; where they go.
        model: whose they are.
        at: the time of the next one; a test sets it.
    """

    ledger: Any
    model: str = "late-trips"
    at: str = "2026-12-01T10:00:00Z"
    count: int = 0

    def add(self, content: Decision | Receipt, files: Mapping[str, bytes] | None = None) -> int:
        """Append one entry; answers its number."""
        head = self.ledger.head(self.model)
        before = None if head is None else _read(head.content)
        self.count += 1
        entry = next_entry(
            before, None if head is None else head.digest, content,
            model=self.model, id=f"{self.count:032x}", now=self.at,
        )  # fmt: skip
        self.ledger.append(
            self.model, entry.number, encoded(entry), dict(files or {}), None if head is None else head.digest
        )
        return entry.number

    def now(self, stage: str) -> Pointed | None:
        """What a stage is at."""
        head = self.ledger.head(self.model)
        standing = None if head is None else _read(head.content).standing(stage)
        return None if standing is None else standing.at

    def decide(
        self, version: str, artifact: str, *, stage: str = "production", action: Action = "promote",
        chain: Mapping[str, bytes] | None = None, reason: str = "it is better", outcome: Outcome | None = "done",
        seen: str | None = None, **altered: Any,
    ) -> int:  # fmt: skip
        """A decision with evidence of its own over a chain, and its receipt unless the outcome is None."""
        target, before = Pointed(version=version, artifact=artifact), self.now(stage)
        digests = {kind: sha256(content) for kind, content in (chain or {}).items()}
        facts: dict[str, Any] = {
            "model": self.model, "action": action, "stage": stage, "before": before, "target": target,
            "chain": digests, "reason": reason, "actor": ALICE, "mlci": __version__, **altered,
        }  # fmt: skip
        kind = "rollback" if action == "rollback" else "promotion"
        own = stated(kind, Subject(name=self.model, digest=artifact), PromotionPredicate(**facts))
        files = {sha256(content): content for content in ((chain or {}).values())} | {sha256(own): own}
        decision = Decision(
            action=action, stage=stage, target=target, before=before, reason=reason,
            evidence={**digests, kind: sha256(own)}, actor=ALICE,
        )  # fmt: skip
        number = self.add(decision, files)
        if outcome is not None:
            self.at = seen or self.at
            said = f"{stage} is at version {version}" if outcome == "done" else "it answered with another version"
            self.add(Receipt(of=number, outcome=outcome, said=said))
        return number


def stated(kind: str, subject: Subject, predicate: Any) -> bytes:
    """A statement as a step writes it."""
    return rfc8785.dumps(statement(REPOSITORY, kind, subject, predicate))


def approval(of: bytes, **altered: Any) -> bytes:
    """The evidence of bob's approval of a gate's evidence."""
    judged = json.loads(of)["predicate"]
    facts: dict[str, Any] = {
        "candidate": Subject(**judged["candidate"]), "model": judged.get("model"), "gate": sha256(of),
        "head": "a" * 40, "verdict": Verdict(judged["verdict"]), "tier": "high", "why": ("train.py changed",),
        "needed": 1, "approvers": (BOB,), "satisfied": True, "policy_digest": "b" * 64, "mlci": __version__, **altered,
    }  # fmt: skip
    return stated("approval", facts["candidate"], ApprovalPredicate(**facts))


def _read(content: bytes) -> Entry:
    from mlci.adapters.evidence.ledger import read_entry

    return read_entry(content, "the head")


Statements = dict[str, dict[str, Any]]


def retold(source: Any, model: str, change: Callable[[int, Statements, dict[str, Any]], None]) -> MemoryLedger:
    """The same story as somebody would write it who may write everything: each entry and digest fits the one before.

    Args:
        source: the ledger that is told again.
        model: whose it is.
        change: is handed the number of each decision, the statements of its evidence and its own values, all as JSON,
            and changes what it likes; what named a statement before names it afterwards.
    """
    told = MemoryLedger()
    for number, content in source.entries(model):
        entry = _read(content)
        files: dict[str, bytes] = {}
        said: Decision | Receipt | None = entry.receipt
        if entry.decision is not None:
            values = json.loads(content)["decision"]
            old = {kind: source.file(model, digest) for kind, digest in entry.decision.evidence.items()}
            statements: Statements = {kind: json.loads(each) for kind, each in old.items()}
            change(number, statements, values)
            names = {sha256(each): kind for kind, each in old.items()}
            files, digests = _linked(statements, names)
            said = msgspec.convert({**values, "evidence": digests}, Decision)
        head = told.head(model)
        before = None if head is None else _read(head.content)
        assert said is not None
        after = None if head is None else head.digest
        new = next_entry(before, after, said, model=model, id=entry.id, now=entry.at)
        told.append(model, new.number, encoded(new), files, after)
    return told


def _linked(statements: Statements, names: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Files by digest and digests by kind, every statement naming the others by what they are now."""
    files, digests = {}, {}
    last, first = ("promotion", "rollback"), ("model", "gate")
    others = [kind for kind in statements if kind not in first + last]
    ordered = [*(kind for kind in first if kind in statements), *others]
    for kind in [*ordered, *(kind for kind in last if kind in statements)]:
        predicate = statements[kind].get("predicate", {})
        for name in ("model", "gate"):
            of = names.get(predicate.get(name, ""))
            if of is not None and of in digests and kind != "model":
                predicate[name] = digests[of]
        if kind in last:
            predicate["chain"] = dict(digests)
        content = rfc8785.dumps(statements[kind])
        files[sha256(content)], digests[kind] = content, sha256(content)
    return files, digests
