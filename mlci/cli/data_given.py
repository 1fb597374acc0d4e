"""The data that a configuration names, as they lie on this machine: where they are and which they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlci.cli.data_contract import ROLES, DataRole
from mlci.cli.training import folder_of
from mlci.config.quote import one_line
from mlci.domain.dataset.evidence import Identity
from mlci.errors import DataAltered, DataUnreadable, EngineFailed, Place, RequiredMissing

if TYPE_CHECKING:
    from mlci.config import data as settings
    from mlci.config.model import Config
    from mlci.ports import DataEngine, DataSource, Opened

EngineName = Literal["duckdb", "gx", "spark"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset of the configuration.

    Attributes:
        source: where it is.
        asked: the system that must give its version; None to find out.
        identity: which data these are; None for a database, where the engine tells.
        broken: why a version is not theirs; None where nothing is known against it.
        notes: what had to be assumed of its version.
        refused: why it cannot be what is checked, before anything is opened; None where it can.
    """

    source: DataSource
    asked: str | None
    identity: Identity | None
    broken: str | None = None
    notes: tuple[str, ...] = ()
    refused: DataUnreadable | None = None

    @property
    def role(self) -> DataRole:
        """What it is for."""
        return "holdout" if self.source.role == "holdout" else "train"

    def opened(self, engine: DataEngine, opened: Opened) -> Identity:
        """Which data these are, now that they are open."""
        if self.identity is not None:
            return replace(self.identity, rows=opened.rows)
        from mlci.adapters.identity import identity_of_query

        fingerprint: Callable[[Opened], str] | None = getattr(engine, "fingerprint", None)
        if fingerprint is None:
            raise EngineFailed(
                f"{engine.name} cannot tell which rows a query gave", help="set data.engine: gx for a database"
            )
        return identity_of_query(self.source.name, self.source.query or "", fingerprint(opened), opened.rows)

    def require_same(self, cache: str | None) -> None:
        """See that the bytes are still those that were digested before they were read.

        Raises:
            DataAltered: they are others.
        """
        if self.identity is None or self.source.path is None:
            return
        from mlci.adapters.disk.content import digest_of

        if digest_of(self.source.path, cache) != self.identity.digest:
            raise DataAltered(
                f"{one_line(self.source.name)} changed while it was checked",
                place=Place(one_line(self.source.path)),
                help="let nothing write to it meanwhile, and run the check again",
            )


def engine_name(config: Config) -> EngineName:
    """The engine that a configuration asks for."""
    if config.data.engine == "auto":
        return "gx" if config.data.train.database is not None else "duckdb"
    return config.data.engine


def database(config: Config) -> dict[str, str]:
    """The database that an engine has to reach, and whose it is; nothing for files."""
    for role in ROLES:
        address = getattr(config.data, role).database
        if address is not None:
            return {"database": address, "dataset": f"data.{role}"}
    return {}


def given(config: Config, file: str, environ: Mapping[str, str], cache: str | None) -> tuple[Dataset, ...]:
    """The training data, and the holdout where one is named.

    Raises:
        RequiredMissing: no training data are named.
        FileMissing: something that is named is not there, or changes while it is read.
        ExtraMissing, ServiceFailed, ServiceRefused: a store cannot be asked for the version of an object.
    """
    if config.data.train.path is None and config.data.train.database is None:
        raise RequiredMissing(
            "data.train is not set",
            place=Place("mlci.yml"),
            help="name the training data, as in data: {train: train.csv}, or give --data",
        )
    named = {"train": config.data.train, "holdout": config.data.holdout}
    return tuple(
        _dataset(role, named[role], file, environ, cache)
        for role in ROLES
        if named[role].path is not None or named[role].database is not None
    )


def _dataset(
    role: DataRole, asked: settings.Dataset, file: str, environ: Mapping[str, str], cache: str | None
) -> Dataset:
    from mlci.ports import DataSource

    if asked.path is None:
        name = f"the query data.{role}.query"
        source = DataSource(role=role, name=name, database=asked.database, query=asked.query)
        return Dataset(source=source, asked=asked.version, identity=None)
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.identity import identify
    from mlci.adapters.identity.lfs import refuse_pointer

    place = str(folder_of(file) / asked.path)
    source = DataSource(role=role, name=one_line(asked.path), path=place)
    repository = Repository.find(str(Path(place).parent), environ)
    # Whoever names an object says that the data are it.
    version = asked.version or ("object-store" if asked.object is not None else None)
    found = identify(
        place, source.name, asked=version, repository=repository, cache=cache, object=asked.object
    )  # fmt: skip
    dataset = Dataset(source=source, asked=version, identity=found.identity, broken=found.broken, notes=found.notes)
    try:
        refuse_pointer(place)
    except DataUnreadable as error:
        return replace(dataset, refused=error)
    return dataset
