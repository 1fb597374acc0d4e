"""The ledger: every decision about a stage, numbered, each entry naming the digest of the one before.

The ledger decides and the registry's alias follows. A decision without a receipt is open: whoever finds it sets the
alias to what the ledger's head says and appends the receipt. Nothing is undone; after a mistake comes a new decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

SCHEMA = "mlci.ledger/1"

Action = Literal["promote", "rollback", "adopt"]
Outcome = Literal["done", "not-serving"]


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """A version that a stage is at."""

    version: str = field(metadata={"help": "Number of the version in the registry."})
    artifact: str = field(metadata={"help": "sha256 of its artifact, in hexadecimal."})


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who started the run that decided."""

    where: Literal["github", "gitlab", "local"] = field(metadata={"help": "Where the identity is known."})
    login: str = field(metadata={"help": "Name of the account there; on a machine without a forge, of git."})
    id: int | None = field(default=None, metadata={"help": "Number of the account, which a new name leaves as it is."})
    run: str | None = field(default=None, metadata={"help": "Page of the run; absent on a developer's machine."})


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a stage is to be at from now on."""

    action: Action = field(
        metadata={"help": "Why the stage moves: a promotion, a rollback, or a move by hand agreed to."}
    )
    stage: str = field(metadata={"help": "The stage, which is the registry's alias."})
    target: Pointed = field(metadata={"help": "The version it is to be at."})
    before: Pointed | None = field(default=None, metadata={"help": "The version it was at; absent for the first."})
    reason: str = field(metadata={"help": "Why, as a sentence."})
    evidence: dict[str, str] = field(
        default_factory=dict, metadata={"help": "sha256 of each piece of evidence that the ledger keeps, by kind."}
    )
    actor: Actor = field(metadata={"help": "Who started the run that decided."})
    undoes: int | None = field(
        default=None,
        metadata={"help": "Number of the decision whose version did not serve, which this one takes back by itself."},
    )


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What came of a decision."""

    of: int = field(metadata={"help": "Number of the decision."})
    outcome: Outcome = field(metadata={"help": "done: the alias was read back and what serves answers as it must."})
    said: str = field(metadata={"help": "What was seen, as a sentence."})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one stage stands after an entry."""

    stage: str = field(metadata={"help": "The stage."})
    at: Pointed = field(metadata={"help": "The version that the ledger says it is at."})
    decided: int = field(metadata={"help": "Number of the decision that says so."})
    receipt: int | None = field(default=None, metadata={"help": "Number of its receipt; absent while it is open."})
    outcome: Outcome | None = field(default=None, metadata={"help": "What the receipt says."})

    @property
    def is_open(self) -> bool:
        """Whether nobody has yet said that the alias followed."""
        return self.receipt is None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry; exactly one of decision and receipt is there."""

    schema: str = field(default=SCHEMA, metadata={"help": "Name and version of this shape."})
    id: str = field(metadata={"help": "Random, 32 hexadecimal digits: no two writers make the same entry."})
    model: str = field(metadata={"help": "Name of the model."})
    number: int = field(metadata={"help": "Counts from 1, without a gap."})
    previous: str | None = field(
        default=None, metadata={"help": "sha256 of the bytes of the entry before; absent in the first."}
    )
    at: str = field(metadata={"help": "When, in UTC, as 2026-12-31T23:59:59Z; never before the entry before."})
    decision: Decision | None = field(default=None, metadata={"help": "What was decided."})
    receipt: Receipt | None = field(default=None, metadata={"help": "What came of a decision."})
    standings: tuple[Standing, ...] = field(metadata={"help": "Where every stage stands after this entry, by name."})

    def standing(self, stage: str) -> Standing | None:
        """Where a stage stands after this entry; None where nothing was decided about it yet."""
        return next((each for each in self.standings if each.stage == stage), None)


def next_entry(
    head: Entry | None, digest: str | None, content: Decision | Receipt, *, model: str, id: str, now: str
) -> Entry:
    """The entry that follows a head.

    Args:
        head: the newest entry; None for the first of a model.
        digest: sha256 of the head's bytes; None without one.
        content: what the entry says.
        model: name of the model.
        id: 32 random hexadecimal digits.
        now: the time in UTC, as 2026-12-31T23:59:59Z. A clock that went back is not followed.

    Raises:
        ValueError: a receipt is for no decision, or for one that has a receipt.
    """
    number = head.number + 1 if head is not None else 1
    return Entry(
        id=id,
        model=model,
        number=number,
        previous=digest,
        at=max(now, head.at) if head is not None else now,
        decision=content if isinstance(content, Decision) else None,
        receipt=content if isinstance(content, Receipt) else None,
        standings=_after(head.standings if head is not None else (), number, content),
    )


def _after(standings: Sequence[Standing], number: int, content: Decision | Receipt) -> tuple[Standing, ...]:
    if isinstance(content, Decision):
        new = Standing(stage=content.stage, at=content.target, decided=number)
    else:
        decided = next((each for each in standings if each.decided == content.of), None)
        if decided is None or not decided.is_open:
            raise ValueError(f"entry {content.of} is no open decision")
        new = replace(decided, receipt=number, outcome=content.outcome)
    kept = [each for each in standings if each.stage != new.stage]
    return tuple(sorted((*kept, new), key=lambda each: each.stage))


def breaks(entries: Iterable[tuple[Entry, str]], model: str) -> Iterator[str]:
    """Where a chain does not hold, a sentence each; nothing where it is whole.

    Args:
        entries: each with the sha256 of its bytes, oldest first.
        model: whose they are.
    """
    head: Entry | None = None
    digest: str | None = None
    for entry, own in entries:
        yield from breaks_after(entry, head, digest, model)
        head, digest = entry, own


def breaks_after(entry: Entry, head: Entry | None, digest: str | None, model: str) -> Iterator[str]:
    """Where an entry does not follow the one before it, a sentence each.

    Args:
        entry: the entry.
        head: the one before; None before the first.
        digest: sha256 of the bytes of that one.
        model: whose ledger it is.
    """
    name, expected = f"entry {entry.number}", head.number + 1 if head is not None else 1
    if entry.schema != SCHEMA:
        yield f"{name} is of an unknown shape"
    if entry.model != model:
        yield f"{name} is of another model"
    if entry.number != expected:
        yield f"entry {expected} is missing: {name} stands in its place"
    if entry.previous != digest:
        yield f"{name} does not follow the entry before it: that one was changed, removed or put elsewhere"
    if head is not None and entry.at < head.at:
        yield f"{name} is older than the entry before it"
    yield from _wrong_content(entry, head.standings if head is not None else ())


def _wrong_content(entry: Entry, before: Sequence[Standing]) -> Iterator[str]:
    name = f"entry {entry.number}"
    content = entry.decision if entry.decision is not None else entry.receipt
    if content is None or (entry.decision is not None and entry.receipt is not None):
        yield f"{name} is neither a decision nor a receipt"
        return
    if isinstance(content, Decision):
        now = next((each.at for each in before if each.stage == content.stage), None)
        if content.before != now:
            yield f"{name} moves {content.stage} from a version that it was not at"
    try:
        after = _after(before, entry.number, content)
    except ValueError:
        yield f"{name} is the receipt of no open decision"
        return
    if entry.standings != after:
        yield f"{name} does not say where the stages stand after it"
