"""Releasing: the ledger of decisions, the people of a forge, its record of deployments, and what serves a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mlci.domain.release.people import Person, Proposal, Said, Word
from mlci.ports.models import Version


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest entry of a model.

    Attributes:
        number: of the entry.
        content: its bytes.
        digest: sha256 of them, in hexadecimal.
    """

    number: int
    content: bytes
    digest: str


class Ledger(Protocol):
    """Where decisions are kept: only ever added to, by one writer at a time.

    Every method raises an S-error when the place does not answer or refuses, and LedgerBroken for what cannot be.

    Attributes:
        place: where it is, for a person, without credentials.
    """

    place: str

    def head(self, model: str) -> Head | None:
        """The newest entry of a model; None where it has none, and where there is no ledger yet."""
        ...

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        """Add one entry and the files it names, all or nothing.

        What other models add meanwhile does not matter. An answer that was lost is looked up, not repeated blindly.

        Args:
            model: whose entry it is.
            number: of the entry.
            content: its bytes.
            files: evidence by its sha256; one that is there already stays as it is.
            after: digest of the head that it follows; None for the first entry.

        Raises:
            LedgerMoved: the head is another by now; nothing was written.
        """
        ...

    def entry(self, model: str, number: int) -> bytes | None:
        """The bytes of one entry; None where there is none."""
        ...

    def entries(self, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry by the number in its name, in that order; gaps are the reader's to find."""
        ...

    def file(self, model: str, digest: str) -> bytes | None:
        """A piece of evidence by its sha256, compared with it; None where there is none."""
        ...

    def several(self, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence by their sha256, as many at once as the place gives, in any order.

        One that is not there, or cannot be used, is left out: ``file`` says which of the two it is.
        """
        ...

    def models(self) -> Sequence[str]:
        """The models that have entries, by name."""
        ...


class People(Protocol):
    """The people of a forge, what they proposed, and what they said.

    What the token may not read raises CannotTell, which names the scope that is missing; no answer is ever guessed.
    """

    def proposal(self, number: int) -> Proposal:
        """A change by its number."""
        ...

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        """The merged changes that this commit of the default branch is from; none where it was pushed there."""
        ...

    def open_for(self, branch: str) -> Sequence[int]:
        """Numbers of the open changes to a branch."""
        ...

    def words(self, proposal: Proposal) -> Sequence[Word]:
        """What was said on a change that may be an approval, oldest first, all pages."""
        ...

    def words_of_run(self, run: int) -> Sequence[Word]:
        """What people said to let a run, or a job of it, go on."""
        ...

    def said(self, commit: str, context: str) -> Sequence[Said]:
        """What the status of this name said, oldest first, all pages."""
        ...

    def person(self, login: str) -> Person | None:
        """The account of that name now; None where there is none."""
        ...

    def may_approve(self, person: Person, who: str | None) -> bool:
        """Whether somebody is one of those whom policy names.

        Args:
            person: who approved.
            who: a login, a login with its number (``alice#1234``), or a team (``@organisation/team``); None for anybody
                who may write to the repository.
        """
        ...


DeploymentState = Literal["in_progress", "success", "failure", "inactive"]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A decision as a forge shows it among its deployments.

    Attributes:
        environment: the stage, with the model's name where a repository has several.
        commit: the code that the version was made from.
        model: name of the model.
        version: that the stage is to be at.
        artifact: sha256 of it.
        entry: number of the decision in the ledger.
        ledger: sha256 of that entry, so that somebody else remembers a head of the chain.
        production: whether this is the last stage.
        url: page of the run.
        serving: address of what serves it; None where nobody said.
    """

    environment: str
    commit: str
    model: str
    version: str
    artifact: str
    entry: int
    ledger: str
    production: bool
    url: str
    serving: str | None = None


class Deployments(Protocol):
    """The record of deployments that a forge shows."""

    def record(self, deployment: Deployment, state: DeploymentState, description: str) -> str | None:
        """Create the record of a decision, or find the one that is there, and say how it stands.

        Returns:
            its page; None where the forge has none.
        """
        ...


class Serving(Protocol):
    """What answers with the model of a stage."""

    def prepare(self, version: Version) -> None:
        """Find what it will be asked for, before anything is decided.

        Raises:
            FileMissing: nothing is known that the version must answer.
        """
        ...

    def wrong(self, version: Version, artifact: str) -> str | None:
        """Wait until what serves answers with this version, and rightly; a sentence where it did not in time."""
        ...
