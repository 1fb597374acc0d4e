"""What a registry of MLflow can do, one call each, whether it is a database or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mlci.ports import Version

# Tag of a version and of its run: digest of the artifact.
ARTIFACT = "mlci.artifact"
# Tag of a run: drawn for each attempt to register, so that a run whose creation was not answered is found.
ATTEMPT = "mlci.attempt"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A version with what only MLflow has.

    Attributes:
        version: as everybody sees it.
        run: id of the run that its parameters, metrics and files belong to; None where it has none.
    """

    version: Version
    run: str | None


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A run that was begun.

    Attributes:
        id: of the run.
        files: where its files lie.
    """

    id: str
    files: str


@dataclass(frozen=True)
class Item:
    """Something in a folder of files.

    Attributes:
        name: without the folder.
        is_folder: whether it has items of its own.
        size: bytes, where they are known.
    """

    name: str
    is_folder: bool
    size: int | None = None


class Place(Protocol):
    """Where the files of a run lie. Paths have / between folders and do not start with one."""

    def put(self, path: str, source: str) -> None:
        """Put a file of this machine at a path, in place of what is there."""
        ...

    def items(self, folder: str) -> Sequence[Item]:
        """What is in a folder, "" for the uppermost; nothing where there is no such folder."""
        ...

    def get(self, path: str, target: str, limit: int) -> None:
        """Copy a file to this machine; where it fails, half a file can be left.

        Raises:
            RegistryBroken: it has more bytes than the limit.
        """
        ...


class Backend(Protocol):
    """A registry and the runs beside it. Every method raises an S-error when it fails or refuses."""

    address: str

    def alone(self) -> AbstractContextManager[object]:
        """Keeps others out for as long as it is open, where one writer at a time is needed."""
        ...

    def aliased(self, model: str, alias: str) -> Known | None:
        """The version an alias points at."""
        ...

    def numbered(self, model: str, number: str) -> Known | None:
        """The version of a number."""
        ...

    def search(self, condition: str) -> Sequence[Known]:
        """The versions that meet a condition in MLflow's language, all pages; they lack their aliases."""
        ...

    def aliases(self, model: str) -> Mapping[str, str]:
        """Number of the version by alias."""
        ...

    def make_model(self, model: str) -> None:
        """Make the registered model and the experiment of this name, where they are not there."""
        ...

    def open_run(self, model: str, name: str, tags: Mapping[str, str]) -> Opened:
        """Begin a run in the model's experiment; ``tags`` holds ATTEMPT."""
        ...

    def log(self, run: str, params: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        """Add parameters and metrics to a run, no more than one request may hold."""
        ...

    def close_run(self, run: str) -> None:
        """Mark a run as finished."""
        ...

    def runs(self, model: str, condition: str) -> Sequence[str]:
        """Ids of the model's runs that meet a condition and were not deleted."""
        ...

    def drop_run(self, run: str) -> None:
        """Mark a run as deleted; one that is deleted already is no error."""
        ...

    def create(self, model: str, run: Opened, tags: Mapping[str, str], description: str) -> Known:
        """Add a version whose model lies in ``model/`` of a run, in one request."""
        ...

    def delete(self, model: str, number: str) -> None:
        """Remove a version; one that is gone already is no error."""
        ...

    def tag(self, model: str, number: str, name: str, value: str) -> None:
        """Set one tag of a version."""
        ...

    def model_tags(self, model: str) -> Mapping[str, str] | None:
        """The tags of a registered model; None where it does not exist."""
        ...

    def tag_model(self, model: str, name: str, value: str) -> None:
        """Set one tag of a registered model."""
        ...

    def point(self, model: str, alias: str, number: str) -> None:
        """Let an alias point at a version."""
        ...

    def files_of_run(self, run: str) -> Place:
        """Where the files of a run lie."""
        ...

    def files_of_model(self, model: str, number: str) -> Place:
        """Where the model of a version lies."""
        ...
