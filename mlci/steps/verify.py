"""verify: read the whole record again, entry by entry, and say which proofs held, which did not and what is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from mlci.domain.finding import Finding
from mlci.domain.release import verified
from mlci.domain.release.history import Decided
from mlci.domain.release.ledger import Decision, Entry, Pointed, Standing, breaks_after
from mlci.domain.release.links import SIGNATURE, wrong_links
from mlci.domain.release.verified import Check, State, Tally, What
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, LedgerBroken, MlciError
from mlci.ports.record import Pieces, Record, Shelf
from mlci.steps.gate_compare import Given
from mlci.steps.replaying import judged_again, measured_again

STEP = "verify"
# What a decision to promote always stands on; what else its stage asked for, its own evidence says.
_NEEDED = ("promotion", "model")
# Evidence that has to be signed where signatures are asked for.
_SIGNED = ("model", "gate")
# What kept a service, or a part of this machine, from being asked; anything else is an answer.
_UNASKED = (Exit.SERVICE, Exit.USAGE)


@dataclass(frozen=True, kw_only=True)
class Signatures:
    """What signatures are held against.

    Attributes:
        check: the name of the key that signed these bytes, and else why none did; of the files beside them.
        required: whether there are keys that count, so that what is unsigned is said.
    """

    check: Callable[[bytes, tuple[bytes, ...]], tuple[str | None, str]]
    required: bool


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is asked.

    Attributes:
        record: the ledger of the model.
        shelf: the registry; None where it is not to be asked.
        unasked: why it is not; empty where it is.
        open: opens a file of predictions.
        signatures: how signatures are checked.
        head: sha256 of an entry that somebody remembers; None where nobody does.
    """

    record: Record
    shelf: Shelf | None
    unasked: str
    open: Callable[[str], Given]
    signatures: Signatures
    head: str | None = None


def run(world: World) -> Report:
    """Check everything that a record says of itself, and everything else that can be asked about it."""
    reading = _Reading(world)
    tally = reading.everything()
    worst = verified.verdict(tally)
    nothing = not tally.entries and not tally.amiss
    return Report(
        step=STEP,
        verdict=worst,
        reason=f"nothing was ever decided: {world.record.place} has no entry of {world.record.model}"
        if nothing
        else verified.in_one_line(tally),
        findings=tuple(verified.findings(tally)) if not nothing else (_nothing(world.record),),
        model=world.record.model,
        sections=(verified.table(tally),) if tally.decisions else (),
    )


def _nothing(record: Record) -> Finding:
    return Finding(
        id="verify:chain", rule="record", verdict=Verdict.INCONCLUSIVE, reason="missing",
        message=f"{record.place} has no entry of {record.model}",
        explanation="Nothing was promoted yet, or this clone does not have the branch mlci/ledger. Fetch it.",
    )  # fmt: skip


@dataclass
class _Reading:
    """One way through a ledger, in which no more is kept than what later entries are held against."""

    world: World
    tally: Tally = field(default_factory=Tally)
    head: Entry | None = None
    digest: str | None = None
    remembered: bool = False
    # Decisions without a receipt so far, by number, with what was found of each.
    open: dict[int, tuple[Decided, list[Check]]] = field(default_factory=dict)
    # Versions that were seen to serve a stage.
    done: set[tuple[str, Pointed]] = field(default_factory=set)
    # What was found before of the same version, and of the same gate.
    shelved: dict[Pointed, list[Check]] = field(default_factory=dict)
    replayed: dict[str, tuple[State, str]] = field(default_factory=dict)
    # What kept the registry from answering; it is not asked again and again.
    silent: str = ""
    unsigned: dict[int, str] = field(default_factory=dict)

    def everything(self) -> Tally:
        try:
            for written in self.world.record.files():
                self._file(written.number, written.digest, written.entry, written.cause)
        except LedgerBroken as error:
            self.tally.add(Check(what="chain", state="broken", said=error.cause))
        self._end()
        return self.tally

    def _file(self, number: int, digest: str, entry: Entry | None, cause: str | None) -> None:
        self.tally.entries += 1
        if digest == self.world.head:
            self.remembered, self.tally.remembered = True, number
        if entry is None:
            self.tally.add(Check(what="chain", state="broken", number=number, said=str(cause)))
            return
        said = list(breaks_after(entry, self.head, self.digest, self.world.record.model))
        if entry.number != number:
            said.append(f"the file of entry {number} holds entry {entry.number}")
        state: State = "broken" if said else "held"
        self.tally.add(Check(what="chain", state=state, number=number, said="; ".join(said)))
        self.head, self.digest = entry, digest
        if entry.decision is not None:
            self._decision(entry, entry.decision, digest)
        elif entry.receipt is not None:
            self._receipt(entry)

    def _receipt(self, entry: Entry) -> None:
        receipt = entry.receipt
        known = self.open.pop(receipt.of, None) if receipt is not None else None
        if receipt is None or known is None:
            return
        decided, checks = known
        decision = decided.decision
        if receipt.outcome == "done":
            self.done.add((decision.stage, decision.target))
        self.tally.row(decided, checks)

    def _decision(self, entry: Entry, decision: Decision, digest: str) -> None:
        decided = Decided(number=entry.number, at=entry.at, entry=digest, decision=decision)
        pieces = self.world.record.pieces(decision)
        checks = [
            *_of_evidence(decision, pieces, entry.number),
            *self._links(decision, pieces, entry.number),
            *self._verdict(decision, pieces, entry.number),
            *self._on_shelf(decision, pieces, entry.number),
            *self._signatures(pieces, entry.number),
        ]
        self.open[entry.number] = (decided, checks)

    def _links(self, decision: Decision, pieces: Pieces, number: int) -> Iterator[Check]:
        said = list(wrong_links(decision, pieces.chain, self.world.record.model))
        if decision.action == "rollback" and (decision.stage, decision.target) not in self.done:
            said.append("it goes back to a version that the stage was never seen to serve")
        yield _check("links", said, number)

    def _verdict(self, decision: Decision, pieces: Pieces, number: int) -> Iterator[Check]:
        gate = pieces.chain.gate
        if gate is None:
            if decision.action == "promote" and "gate" not in decision.evidence:
                # A stage may ask for nothing; that nothing was judged is for the reader to know all the same.
                said = "it names no verdict of the gate, so that nothing was judged"
                yield Check(what="verdict", state="gone", number=number, said=said)
            return
        if pieces.policy is None:
            yield Check(what="verdict", state="older", number=number, said=f"it cannot be replayed: {pieces.unjudged}")
            return
        digest = decision.evidence["gate"]
        is_new = digest not in self.replayed
        if is_new:
            again = judged_again(gate, pieces.policy)
            state: State = "held" if again.state == "same" else "older" if again.state == "older" else "broken"
            by = f"mlci {gate.mlci[:40]} judged; " if state == "older" else ""
            self.replayed[digest] = (state, f"{by}{again.said}" if again.said else "")
        state, said = self.replayed[digest]
        yield Check(what="verdict", state=state, number=number, said=said)
        # A stage after another stands on the very same judgement, which is measured once.
        if is_new:
            yield from self._measured(decision, pieces, number)

    def _measured(self, decision: Decision, pieces: Pieces, number: int) -> Iterator[Check]:
        gate, model, policy = pieces.chain.gate, pieces.chain.model, pieces.policy
        shelf = self.world.shelf
        if shelf is None or gate is None or model is None or policy is None or gate.bare is not None or self.silent:
            return
        try:
            paths = shelf.sides(decision.target, decision.before, gate, model)
        except MlciError as error:
            yield self._unasked("predictions", error, number)
            return
        if paths is None:
            yield Check(what="predictions", state="gone", number=number)
            return
        state, said = measured_again(gate, policy, paths, self.world.open)
        came: State = "held" if state == "same" else "unasked" if state == "unasked" else "broken"
        yield Check(what="predictions", state=came, number=number, said=said)

    def _on_shelf(self, decision: Decision, pieces: Pieces, number: int) -> Iterator[Check]:
        shelf, target = self.world.shelf, decision.target
        if shelf is None or self.silent:
            return
        if target not in self.shelved:
            try:
                found = shelf.version(target, pieces.chain.model)
            except MlciError as error:
                yield self._unasked("registry", error, number)
                return
            about = f"version {target.version} in the registry: "
            wrong = [Check(what="registry", state="broken", said=about + each) for each in found.wrong]
            gone = [Check(what="registry", state="gone", said=f"{each} is gone") for each in found.gone]
            self.shelved[target] = [*wrong, *gone] or [Check(what="registry", state="held")]
        yield from (replace(each, number=number) for each in self.shelved[target])

    def _unasked(self, what: What, error: MlciError, number: int | None) -> Check:
        if error.exit not in _UNASKED:
            return Check(what=what, state="broken", number=number, said=error.cause)
        self.silent = error.cause
        return Check(what="registry", state="unasked", said=f"the registry cannot be asked: {error.cause}")

    def _signatures(self, pieces: Pieces, number: int) -> Iterator[Check]:
        signatures, contents = self.world.signatures, pieces.contents
        unsigned = []
        for kind, content in contents.items():
            if kind.endswith(SIGNATURE):
                continue
            beside = contents.get(f"{kind}{SIGNATURE}")
            if beside is None:
                unsigned += [kind] if kind in _SIGNED else []
                continue
            if not signatures.required:
                said = f"the evidence of the {kind} is signed, and promote.signers names no key to check that by"
                yield Check(what="signature", state="unasked", number=number, said=said)
                continue
            by, why = signatures.check(content, (beside,))
            state: State = "held" if by is not None else "broken"
            said = "" if by is not None else f"the signature of the {kind} does not count: {why}"
            yield Check(what="signature", state=state, number=number, said=said)
        if signatures.required and unsigned:
            self.unsigned[number] = f"nobody signed the evidence of {' and '.join(unsigned)}"
            yield Check(what="signature", state="unsigned", number=number, said=self.unsigned[number])

    def _end(self) -> None:
        for number, (decided, checks) in sorted(self.open.items()):
            self.tally.row(decided, checks)
            standing = self.head.standing(decided.decision.stage) if self.head is not None else None
            if standing is None or standing.decided != number:
                continue
            said = f"{decided.decision.stage} is to be at version {standing.at.version}, and nobody has seen it follow"
            self.tally.add(Check(what="alias", state="open", number=number, said=said))
        if self.world.head is not None:
            said = (
                "" if self.remembered else f"no entry has the digest {self.world.head[:12]}, which somebody remembers"
            )
            state: State = "held" if self.remembered else "broken"
            self.tally.add(Check(what="head", state=state, said=said))
        for standing in self.head.standings if self.head is not None else ():
            self._stands(standing)
        if self.world.shelf is None and self.tally.decisions:
            self.tally.add(Check(what="registry", state="unasked", said=self.world.unasked))

    def _stands(self, standing: Standing) -> None:
        """What a stage is at now: the alias, and that its evidence is signed where that is asked for."""
        if standing.decided in self.unsigned:
            said = f"{standing.stage} is at it: {self.unsigned[standing.decided]}"
            self.tally.add(Check(what="signature", state="broken", number=standing.decided, said=said))
        shelf = self.world.shelf
        if shelf is None or self.silent or not shelf.has_aliases or standing.is_open:
            return
        try:
            there = shelf.aliased(standing.stage)
        except MlciError as error:
            self.tally.add(self._unasked("alias", error, None))
            return
        if there == standing.at.version:
            self.tally.add(Check(what="alias", state="held"))
            return
        at = f"version {there}" if there is not None else "no version"
        said = f"the alias {standing.stage} is at {at}, and the ledger says version {standing.at.version}"
        self.tally.add(Check(what="alias", state="broken", number=standing.decided, said=f"{said}: moved by hand"))


def _of_evidence(decision: Decision, pieces: Pieces, number: int) -> Iterator[Check]:
    """Whether every piece that a decision names is there, and is what it is called."""
    said = [f"the evidence of the {kind} cannot be used: {cause}" for kind, cause in pieces.wrong.items()]
    if decision.action == "promote":
        missing = [kind for kind in _NEEDED if kind not in decision.evidence]
        said += [f"a promotion names no evidence of the {kind}" for kind in missing]
    yield _check("evidence", said, number)
    if pieces.gone:
        yield Check(
            what="evidence", state="gone", number=number, said=f"the ledger has no {_listed(pieces.gone)} any more"
        )


def _listed(kinds: tuple[str, ...]) -> str:
    return "evidence of the " + " and the ".join(kinds)


def _check(what: What, said: list[str], number: int) -> Check:
    return Check(what=what, state="broken" if said else "held", number=number, said="; ".join(said))
