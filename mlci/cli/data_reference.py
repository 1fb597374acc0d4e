"""What new data are compared with: what production was trained on, a file of data, or the evidence of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.training import PRODUCTION, STATE, folder_of
from mlci.config.quote import one_line
from mlci.errors import ExtraMissing, FileMissing, Place
from mlci.steps.checking import Reference

if TYPE_CHECKING:
    from mlci.config.model import Config
    from mlci.domain.dataset.contract import Type
    from mlci.domain.dataset.evidence import DataPredicate
    from mlci.ports import DataEngine

# How every in-toto statement in canonical form begins.
_STATEMENT = b'{"_type":"https://in-toto.io/Statement/'


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What there is to compare with.

    Attributes:
        reference: that; None where there is none.
        why: why there is none, or what is missing of it, as a sentence; None where everything is there.
    """

    reference: Reference | None = None
    why: str | None = None


def reference_of(
    config: Config, file: str, environ: Mapping[str, str], engine: DataEngine, types: Mapping[str, Type]
) -> Compared:
    """Find what ``data.reference`` names.

    Args:
        config: that decides.
        file: the configuration file.
        environ: of this process: credentials of the registry.
        engine: that opens a file of data.
        types: of its columns, by the contract of the training data.

    Raises:
        FileMissing: a file that is named is not there.
        DataUnreadable: it is there, and no data.
        ArtifactRefused: it is evidence that cannot be used.
        MlciError: the registry does not answer, or what it keeps does not hold.
    """
    named = config.data.reference
    if named == PRODUCTION:
        return _of_production(config, file, environ)
    place = folder_of(file) / named
    content = _evidence(place)
    if content is not None:
        from mlci.adapters.evidence.data import read_data

        return Compared(reference=of_evidence(read_data(content, named), f"the evidence {one_line(named)}"))
    from mlci.adapters.datasets.media import table_of
    from mlci.adapters.disk.content import digest_of
    from mlci.ports import DataSource

    digest = digest_of(str(place))
    facts = table_of(str(place), str(folder_of(file) / STATE / "facts"), named)
    opened = engine.open(DataSource(role="reference", name=named, path=facts or str(place)), types)
    return Compared(
        reference=Reference(
            name=one_line(named), digest=digest, columns=dict(opened.columns), rows=opened.rows, opened=opened
        )
    )


def of_evidence(predicate: DataPredicate, name: str) -> Reference:
    """What data evidence tells of its training data."""
    train = predicate.of("train")
    return Reference(
        name=name,
        profile=predicate.profile,
        digest=train.identity.digest if train is not None else None,
        columns=dict(train.columns) if train is not None and train.columns else None,
        rows=train.identity.rows if train is not None else None,
    )


def _evidence(place: Path) -> bytes | None:
    """The content of a file that is a statement; None where it is something else."""
    from mlci.adapters.disk.folders import read_file
    from mlci.adapters.evidence.data import LARGEST

    try:
        if not place.is_file():
            return None
        with place.open("rb") as stream:
            if stream.read(len(_STATEMENT)) != _STATEMENT:
                return None
    except OSError as error:
        raise FileMissing(
            f"cannot read {one_line(str(place))}: {error.strerror or error}", place=Place("data.reference")
        ) from error
    return read_file(str(place), LARGEST)


def _of_production(config: Config, file: str, environ: Mapping[str, str]) -> Compared:
    from mlci.adapters.mlflow import open_registry

    if config.model is None:
        return Compared(why="no model is named, so that nothing is known of production to compare the data with")
    try:
        registry = open_registry(config.registry.uri, environ, folder=str(folder_of(file)), writing=False)
        if not registry.has_aliases:
            return Compared(
                why="the registry has no aliases, so that what production was trained on is not known; data.reference "
                "takes the path of a data file or of data evidence, too"
            )
        version = registry.aliased(config.model, PRODUCTION)
    except ExtraMissing as error:
        return Compared(why=f"production is not known here, and nothing is compared with it: {error.cause}")
    if version is None:
        return Compared(
            why="there is no production model yet, so that the data are compared with nothing and drift was "
            "not looked at"
        )
    from mlci.adapters.models.chain import data_of, model_of

    name = f"production version {version.number}"
    evidence = data_of(version, registry)
    if evidence is not None:
        return Compared(reference=of_evidence(evidence[1], name))
    held = model_of(version, registry)
    data = held.provenance.data if held is not None else None
    if data is None:
        return Compared(why=f"{name} says nothing of the data it was trained on, so that nothing is compared with it")
    # A file without types names its columns with empty ones, which is no type that could have changed.
    columns = {column: kind for column, kind in (data.columns or {}).items() if kind} or None
    return Compared(
        reference=Reference(name=name, digest=data.digest, columns=columns),
        why=f"{name} was registered without data evidence: only the digest of its data and their columns are known",
    )
