"""The two things that gate-compare compares: files, the folder that model-ci left, or versions of the registry."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlci.adapters.disk import files
from mlci.domain import card
from mlci.domain.baseline import may_become_baseline
from mlci.domain.report import Subject
from mlci.errors import Contradiction, FileMissing, ModelAltered, Place, UsageError

if TYPE_CHECKING:
    from mlci.adapters.models.handover import HandOver
    from mlci.config.model import Config
    from mlci.ports import Registry, Version
    from mlci.steps.gate_compare import Given, Outcome

PRODUCTION = "production"
# Where what a version keeps is laid, each in a folder of its number.
FETCHED = ".mlci/versions"


@dataclass(frozen=True, kw_only=True)
class Sides:
    """What is compared.

    Attributes:
        candidate: what is judged.
        path: of its predictions on this machine.
        baseline: production; None where nobody said what that is, or there is none.
        registry: that was asked; None where none was.
        version: of the candidate in it; None where it is no version.
    """

    candidate: Given
    path: str
    baseline: Given | None
    registry: Registry | None = None
    version: Version | None = None

    @classmethod
    def of(cls, own: Mapping[str, Any], config: Config, environ: Mapping[str, str]) -> Sides:
        """Open what the command line names.

        Raises:
            MlciError: something of it is not there, cannot be read, or is not what its evidence says.
        """
        registry = _registry(own, config, environ) if own["version"] or own["against"] else None
        version = _numbered(registry, config, own["version"]) if registry is not None and own["version"] else None
        path, held = own["candidate"], None
        if path is None and registry is not None and version is not None:
            path = _kept(registry, version)
        if not os.path.lexists(path) and not os.path.splitext(path)[1]:  # noqa: PTH122
            raise FileMissing(
                f"there is no {path}: model-ci left no candidate",
                place=Place(path),
                help="see why in the job that trains, or name a file of predictions",
            )
        if os.path.isdir(path):  # noqa: PTH112 - a name that no file can have is simply none
            from mlci.adapters.models import handover

            held = handover.read(path)
            path = held.candidate
            _check_model(held, config, version)
        candidate = given(path)
        if held is not None:
            candidate = replace(candidate, model=hashlib.sha256(held.evidence).hexdigest())
        return cls(
            candidate=candidate,
            path=path,
            baseline=_baseline(own, config, registry, held),
            registry=registry,
            version=version,
        )


def given(path: str, name: str | None = None) -> Given:
    """Open one side; a baseline that was found is called by where it was found, not by where it lies now."""
    from mlci.adapters.tables import open_table
    from mlci.steps.gate_compare import Given

    subject = Subject(name=name or path, digest=files.sha256(path))
    if path.lower().endswith(".json"):
        metrics, holdout = files.read_metrics(path)
        return Given(subject, metrics=metrics, holdout=holdout)
    return Given(subject, table=open_table(path))


def _registry(own: Mapping[str, Any], config: Config, environ: Mapping[str, str]) -> Registry:
    from mlci.adapters.mlflow import open_registry

    folder = str(Path(own["config"]).absolute().parent)
    return open_registry(config.registry.uri, environ, folder=folder, writing=False)


def _numbered(registry: Registry, config: Config, number: str) -> Version:
    found = registry.numbered(_model(config), number)
    if found is None:
        raise FileMissing(
            f"the registry has no version {number[:60]!a} of {_model(config)}", place=Place(registry.address)
        )
    return found


def _model(config: Config) -> str:
    if config.model is None:
        raise UsageError("a version of the registry is named, and the configuration names no model", help="set model:")
    return config.model


def _check_model(held: HandOver, config: Config, version: Version | None) -> None:
    """A folder of another model, or of another version than is named, was downloaded by mistake."""
    if config.model is not None and held.model.model != config.model:
        raise Contradiction(
            f"the folder holds the model {held.model.model[:100]!a}, and the configuration is of {config.model}",
            place=Place(held.folder),
        )
    if version is not None and version.tags.get(card.ARTIFACT) != held.model.artifact:
        raise ModelAltered(
            f"the folder holds another model than version {version.number}",
            place=Place(held.folder),
            help="name the version that model-ci registered from it",
        )


def _baseline(own: Mapping[str, Any], config: Config, registry: Registry | None, held: HandOver | None) -> Given | None:
    if own["baseline"] is not None:
        return given(own["baseline"])
    if own["against"] is not None and registry is not None:
        known = registry.aliased(_model(config), own["against"]) or registry.numbered(_model(config), own["against"])
        if known is None and own["against"] == PRODUCTION:
            # Until something is promoted there is no such alias, and the first version has nothing to be compared with.
            return None
        if known is None:
            raise FileMissing(
                f"the registry has no alias or version {own['against'][:60]!a} of {_model(config)}",
                place=Place("--against"),
            )
        return given(_kept(registry, known, held), f"{known.model} version {known.number}")
    if held is not None and held.baseline is not None and own["baseline_from"] is None:
        production, path = held.baseline
        return given(path, f"{held.model.model} version {production.version}")
    return None


def _kept(registry: Registry, version: Version, held: HandOver | None = None) -> str:
    """The predictions that were kept with a version, as a file of this machine.

    Args:
        registry: that has it.
        version: which one.
        held: the candidate it is compared with; its holdout and way of scoring are what the predictions must be of.

    Raises:
        FileMissing: none were kept.
        RegistryBroken: they are not those that the version's evidence or tags name.
    """
    from mlci.adapters.models.scored import Question, ScoredVersion

    folder = Path(FETCHED, version.number)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stored = ScoredVersion(registry, version, lambda _: None)
    evidence = stored.evidence(str(folder))
    found = None
    if evidence is not None:
        model = evidence[1]
        asked = (held.model if held is not None else model).predictions
        question = Question(artifact=model.artifact, holdout=asked.holdout.digest, evaluator=asked.evaluator)
        found = stored.find(model, question, str(folder))
    if found is None:
        which = "" if held is None else " on this holdout"
        raise FileMissing(
            f"{version.model} version {version.number} keeps no predictions{which}",
            place=Place(registry.address),
            help="let model-ci run where the registry may be written to: it scores production and keeps that",
        )
    return found[1]


def record(registry: Registry, version: Version, outcome: Outcome, evidence: str) -> Iterator[str]:
    """Record the gate's word with a version; the first one that is accepted becomes production.

    Args:
        registry: that has the version.
        version: the candidate's.
        outcome: of the gate.
        evidence: path of the gate's evidence.

    Yields:
        a line for each thing that was done.
    """
    tags, metrics = card.judged(outcome.report, outcome.report.evidence["gate"])
    registry.annotate(version, tags, metrics, {"mlci/gate.json": evidence})
    yield f"recorded with {version.model} version {version.number}: {outcome.report.verdict.value}"
    accepted = may_become_baseline(outcome.report.verdict, outcome.report.findings) is None
    # Until there is a production model there is nothing that a promotion could be weighed against.
    if accepted and registry.aliased(version.model, PRODUCTION) is None:
        registry.point(version, PRODUCTION)
        yield f"{version.model} version {version.number} is the first that was accepted, and so is production"
