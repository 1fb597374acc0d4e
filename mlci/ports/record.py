"""Reading the record back: what the ledger keeps, and what the registry still has of it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mlci.domain.evidence import GatePredicate
from mlci.domain.policy import GatePolicy
from mlci.domain.release.ledger import Decision, Entry, Pointed
from mlci.domain.release.links import Chain
from mlci.domain.training import ModelPredicate

if TYPE_CHECKING:
    from mlci.ports.models import Version


@dataclass(frozen=True, kw_only=True)
class Written:
    """One file of a ledger, as it lies there.

    Attributes:
        number: in its name.
        digest: sha256 of its bytes.
        entry: what it says; None where it is no entry.
        cause: why it is none.
    """

    number: int
    digest: str
    entry: Entry | None = None
    cause: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The evidence of one decision.

    Attributes:
        chain: what of it could be read.
        policy: that the gate judged by; None where that cannot be known.
        unjudged: why it cannot.
        gone: kinds that the ledger does not have.
        wrong: why a piece cannot be read, by kind.
        contents: bytes of each piece by kind, of those that are there.
    """

    chain: Chain
    policy: GatePolicy | None = None
    unjudged: str | None = None
    gone: tuple[str, ...] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)


class Record(Protocol):
    """The ledger of one model, read strictly.

    Attributes:
        place: where it is, for a person.
        model: whose it is.
    """

    place: str
    model: str

    def files(self) -> Iterator[Written]:
        """Every file of the chain, by the number in its name.

        Raises:
            LedgerBroken: what is there is no ledger.
        """
        ...

    def pieces(self, decision: Decision) -> Pieces:
        """The evidence that a decision names."""
        ...


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """What the registry has of a version.

    Attributes:
        gone: what it has no more, a clause each.
        wrong: what is not what the ledger says, a clause each.
        version: as the registry answers it; None where it is gone.
    """

    gone: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    version: Version | None = None


class Shelf(Protocol):
    """The registry, as far as the record speaks of it. Every method raises an S-error where it does not answer.

    Attributes:
        has_aliases: whether an alias can point at a version there.
    """

    has_aliases: bool

    def version(self, pointed: Pointed, model: ModelPredicate | None) -> Shelved:
        """Compare a version with what is said of it: its tag, and every one of its files."""
        ...

    def aliased(self, stage: str) -> str | None:
        """Number of the version that the alias of a stage points at."""
        ...

    def sides(
        self, target: Pointed, before: Pointed | None, gate: GatePredicate, model: ModelPredicate
    ) -> tuple[str, str | None] | None:
        """The predictions of both sides that a gate judged, as paths of this machine, by their digests.

        Args:
            target: the version that was judged.
            before: the one that it was compared with, as far as the ledger knows.
            gate: what was judged.
            model: the evidence of the version that was judged.

        Returns:
            the candidate's, and those that they were compared with where there are any; None where one is gone.
        """
        ...
