"""A ledger read back: every entry and every piece of evidence strictly, and nothing believed for being there."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlci import REPOSITORY
from mlci.adapters.evidence.data import read_data
from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.ledger import LARGEST_RELEASE, digest_of, read_approval, read_entry, read_promotion
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.adapters.evidence.policy import read_policy
from mlci.adapters.evidence.statement import Statement, decoded
from mlci.domain.evidence import STATEMENT, predicate_type
from mlci.domain.release.ledger import Decision
from mlci.domain.release.links import OWN, Chain, is_signature
from mlci.errors import ArtifactRefused, LedgerBroken, Place
from mlci.ports.record import Pieces, Written
from mlci.ports.release import Ledger

_READERS: dict[str, Callable[[bytes, str], Any]] = {
    "approval": read_approval, "data": read_data, "gate": read_gate, "model": read_model,
    "promotion": read_promotion, "rollback": read_promotion,
}  # fmt: skip
# Entries that are read ahead so that their evidence comes in one portion, and the bytes of evidence held at once.
_AHEAD = 256
_PORTION = 64 << 20
# One model goes from stage to stage with the same evidence; what was read last is likely wanted next.
_REMEMBERED = 64


class LedgerRecord:
    """ports.Record over a ledger."""

    def __init__(self, ledger: Ledger, model: str) -> None:
        """Nothing is read yet."""
        self.place, self.model = ledger.place, model
        self._ledger = ledger
        self._read: dict[tuple[str, str], Any] = {}
        self._ahead: dict[str, bytes] = {}

    def files(self) -> Iterator[Written]:
        """Every file of the chain, by the number in its name."""
        entries = self._written(self._ledger.entries(self.model))
        broken: LedgerBroken | None = None
        while broken is None:
            portion: list[Written] = []
            try:
                # What was read before a file that is no entry of any kind still counts.
                portion.extend(itertools.islice(entries, _AHEAD))
            except LedgerBroken as error:
                broken = error
            if not portion and broken is None:
                return
            self._fetch(portion)
            yield from portion
        raise broken

    def _fetch(self, portion: Sequence[Written]) -> None:
        """Read the evidence of the next decisions, as far as there is room for it; the rest is read one by one."""
        decisions = [each.entry.decision for each in portion if each.entry is not None]
        digests = dict.fromkeys(digest for one in decisions if one is not None for digest in one.evidence.values())
        self._ahead, held = {}, 0
        for digest, content in self._ledger.several(self.model, [*digests]):
            self._ahead[digest] = content
            held += len(content)
            if held > _PORTION:
                break

    def _written(self, entries: Iterator[tuple[int, bytes]]) -> Iterator[Written]:
        for number, content in entries:
            digest = digest_of(content)
            try:
                entry = read_entry(content, f"{self.model}/{number:06}.json")
            except LedgerBroken as error:
                yield Written(number=number, digest=digest, cause=error.cause)
            else:
                yield Written(number=number, digest=digest, entry=entry)

    def pieces(self, decision: Decision) -> Pieces:
        """The evidence that a decision names."""
        contents: dict[str, bytes] = {}
        gone, wrong = [], {}
        for kind, digest in decision.evidence.items():
            try:
                content = self._ahead.get(digest) or self._ledger.file(self.model, digest)
                if content is not None and hashlib.sha256(content).hexdigest() != digest:
                    raise LedgerBroken("its bytes are not those of its digest")
            except LedgerBroken as error:
                wrong[kind] = error.cause
                continue
            if content is None:
                gone.append(kind)
            else:
                contents[kind] = content
        found, unread = self._predicates(decision.evidence, contents)
        chain = Chain(
            digests={**decision.evidence},
            own=next((found[kind] for kind in OWN if kind in found), None),
            own_kind=_own_kind(contents),
            **{kind: found.get(kind) for kind in ("approval", "data", "gate", "model")},
        )
        policy, unjudged = self._policy(chain)
        return Pieces(
            chain=chain, policy=policy, unjudged=unjudged, gone=tuple(gone), wrong={**wrong, **unread},
            contents=contents,
        )  # fmt: skip

    def _predicates(
        self, digests: Mapping[str, str], contents: Mapping[str, bytes]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        found, wrong = {}, {}
        for kind, content in contents.items():
            if is_signature(kind):
                continue
            try:
                found[kind] = self._remembered(kind, digests[kind], content)
            except ArtifactRefused as error:
                wrong[kind] = error.cause
        return found, wrong

    def _remembered(self, kind: str, digest: str, content: bytes) -> Any:
        if (kind, digest) not in self._read:
            if len(self._read) >= _REMEMBERED:
                del self._read[next(iter(self._read))]
            self._read[kind, digest] = _READERS.get(kind, _other(kind))(content, f"{self.model}/evidence/{digest}.json")
        return self._read[kind, digest]

    def _policy(self, chain: Chain) -> tuple[Any, str | None]:
        if chain.gate is None:
            return None, None
        try:
            return read_policy(chain.gate.policy, chain.gate.policy_digest, "the evidence of the gate"), None
        except ArtifactRefused as error:
            return None, error.cause


def _own_kind(contents: Mapping[str, bytes]) -> str | None:
    """The kind that a decision's own evidence says it is of, whatever kind it is kept under."""
    content = next((contents[kind] for kind in OWN if kind in contents), None)
    if content is None:
        return None
    try:
        said = decoded(
            content, Statement[dict[str, Any]], Place("evidence"), what="the evidence", limit=LARGEST_RELEASE, help=None
        )
    except ArtifactRefused:
        return None
    return next((kind for kind in OWN if said.predicate_type == predicate_type(REPOSITORY, kind)), None)


def _other(kind: str) -> Callable[[bytes, str], Any]:
    """Evidence of a kind that nothing here judges by: its form, and that it is of that kind."""

    def read(content: bytes, place: str) -> Any:
        shape = Statement[dict[str, Any]]
        said = decoded(content, shape, Place(place), what="the evidence", limit=LARGEST_EVIDENCE, help=None)
        if said.type != STATEMENT or said.predicate_type != predicate_type(REPOSITORY, kind):
            raise ArtifactRefused(f"this is not the evidence of a {kind}", place=Place(place))
        return said.predicate

    return read
