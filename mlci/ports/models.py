"""Models: where they are trained and scored, where versions are kept, and what was trained before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlci.domain.operation import Operations
from mlci.domain.recipe import SeedRun
from mlci.domain.training import Environment, ModelPredicate, Payload, Production, Scored, Usage

# The registry of models.


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a model in a registry.

    Attributes:
        model: the registered model's name.
        number: of the version, in decimal digits.
        aliases: that point at it, in alphabetical order.
        tags: by name.
        page: where a person can look at it; None for a registry without pages.
    """

    model: str
    number: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    page: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a new version is made of.

    Attributes:
        digest: of the artifact, sha256 in hexadecimal; a model has at most one version of each.
        folder: everything in it is kept with the version; the model itself lies in ``model/``.
        tags: facts about the version, by name.
        params: hyper-parameters as text, by dotted name.
        metrics: numbers by name.
        description: Markdown, for a reader of the registry.
    """

    digest: str
    folder: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    description: str


class Registry(Protocol):
    """Where versions of models are kept. Every method raises an S-error when the registry fails or refuses.

    Attributes:
        address: of it, without credentials.
        has_aliases: whether an alias can point at a version. Where not, ``aliased`` and ``point`` raise a UsageError.
    """

    address: str
    has_aliases: bool

    def aliased(self, model: str, alias: str) -> Version | None:
        """The version that an alias points at; None where the model or the alias does not exist."""
        ...

    def numbered(self, model: str, number: str) -> Version | None:
        """The version of this number; None where there is none."""
        ...

    def tagged(self, model: str, tag: str, value: str) -> Sequence[Version]:
        """The versions with this very tag, oldest first."""
        ...

    def register(self, model: str, entry: Entry) -> Version:
        """Add a version, whole or not at all; where the model has one of this digest already, that one.

        Its tag ``mlci.artifact`` is the entry's digest. Two that register the same digest at once end with one version.
        """
        ...

    def annotate(
        self, version: Version, tags: Mapping[str, str], metrics: Mapping[str, float], files: Mapping[str, str]
    ) -> None:
        """Add tags, metrics and files to a version; ``files`` is path within the version to path on this machine."""
        ...

    def point(self, version: Version, alias: str) -> None:
        """Let an alias point at a version, wherever it pointed before."""
        ...

    def noted(self, model: str) -> Mapping[str, str]:
        """The tags of the registered model itself; none where it does not exist, or the registry has no such tags."""
        ...

    def note(self, model: str, tags: Mapping[str, str]) -> None:
        """Set tags of the registered model itself, one by one; nothing where it does not exist, or has no such tags."""
        ...

    def fetch(self, version: Version, path: str, folder: str) -> bool:
        """Copy a file, or all files below a folder, of a version into ``folder`` under the same paths.

        Returns:
            whether there was anything of that name.

        Raises:
            RegistryBroken: a name leads out of the folder, or there is more than anybody registered.
        """
        ...


# What was trained before.


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model that an earlier run left, with its evidence and predictions.

    Attributes:
        evidence: bytes of the model's evidence.
        lay: lays the folder it came in (``mlci.adapters.models.handover``) at this path.
        origin: where it was found, for the report.
    """

    evidence: bytes
    lay: Callable[[str], None]
    origin: str


class Earlier(Protocol):
    """Where results of earlier training are found."""

    def with_inputs(self, model: str, key: str) -> Trained | None:
        """The newest result of this inputs key; None where there is none. What cannot be read counts as none."""
        ...


# Training and scoring.


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model that was trained and scored, on this machine.

    Attributes:
        evidence: bytes of the statement about it.
        predicate: what that statement says.
        payload: its files.
        predictions: path of its predictions on the holdout.
        environment: what it was scored in, which is what production will be scored in once it is production.
        origin: where an earlier result was found; None where this run made it.
        seeds: models of further seeds that the earlier result came with, each with the path of its predictions.
        data: the evidence of the training data that its own evidence names; None where it names none.
    """

    evidence: bytes
    predicate: ModelPredicate
    payload: Payload
    predictions: str
    environment: Environment
    origin: str | None = None
    seeds: tuple[tuple[SeedRun, str], ...] = ()
    data: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Unscored:
    """Production could not be scored, so that nothing can be compared with it.

    Attributes:
        why: a sentence.
        missing: the package that was missing, where that was the cause.
    """

    version: str
    why: str
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Operated:
    """How the candidate runs, beside production where there is one.

    Attributes:
        operations: what was measured.
        production: sha256 of production's artifact, where it was run or counted.
        why: why some of it could not be measured, as a sentence; hostile.
    """

    operations: Operations
    production: str | None = None
    why: str | None = None


class Workshop(Protocol):
    """Where models are trained and scored: child processes in the user's own interpreter."""

    def earlier(self, key: str) -> Candidate | None:
        """What was trained from the same inputs before, and can still be read; None where nothing was."""
        ...

    def train(self) -> tuple[Payload, Usage]:
        """Run the training command and find the model it wrote.

        Raises:
            CommandFailed, CommandTimedOut, CommandOutOfMemory: the command did not end well.
            ModelMissing: it left no model, or more than one.
        """
        ...

    def score(self, payload: Payload) -> Scored:
        """Let a model say what it says of the holdout.

        Raises:
            ModelUnusable: it cannot be loaded, or gives nothing that can be judged.
        """
        ...

    def production(self, candidate: Candidate) -> tuple[Production, str] | Unscored | None:
        """Production's predictions on the candidate's holdout with their path; None where there is none yet."""
        ...

    def operate(self, candidate: Candidate) -> Operated | None:
        """How the two models run on this machine; None where nobody asks for that."""
        ...
