"""The two things that gate-compare compares: files, the folder that model-ci left, or versions of the registry."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlci.adapters.disk import files
from mlci.adapters.disk.folders import unlinked
from mlci.cli.anchor import anchor_of
from mlci.cli.engines import is_left_to_engine
from mlci.cli.kept import ARTIFACTS
from mlci.domain import card
from mlci.domain.candidate import doubts
from mlci.domain.report import Subject
from mlci.errors import Contradiction, FileMissing, ModelAltered, Place, UsageError

if TYPE_CHECKING:
    from mlci.adapters.models.handover import HandOver
    from mlci.config.model import Config
    from mlci.domain.finding import Finding
    from mlci.domain.operation import Handed
    from mlci.domain.training import ModelPredicate
    from mlci.ports import Registry, Version
    from mlci.steps.gate_compare import Given

PRODUCTION = "production"
# As a version: the one whose model the candidate's folder holds, where nobody can hand its number on.
CANDIDATE = "candidate"
# Where what a version keeps is laid, each in a folder of its number.
FETCHED = ".mlci/versions"
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: the digest is of the content.
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\n")
_LARGEST_POINTER = 1024


@dataclass(frozen=True, kw_only=True)
class Sides:
    """What is compared.

    Attributes:
        candidate: what is judged.
        path: of its predictions on this machine.
        baseline: production; None where nobody said what that is, or there is none.
        registry: that was asked; None where none was.
        version: of the candidate in it; None where it is no version.
        model: what the candidate's evidence says; None for a file of predictions.
        evidence: bytes of the candidate's evidence; None where it is not the folder that model-ci left.
        anchor: predictions of the version that the alias ``anchor`` points at, where that is not production.
        unscored: name of that version, where it keeps none on the candidate's holdout.
        production: the version that is compared with; None for a file, and where there is none.
        model_name: of the model in the registry; None where the configuration names none.
        operations: how the two models run, where model-ci measured that.
    """

    candidate: Given
    path: str
    baseline: Given | None
    registry: Registry | None = None
    version: Version | None = None
    model: ModelPredicate | None = None
    evidence: bytes | None = None
    model_name: str | None = None
    anchor: Given | None = None
    unscored: str | None = None
    production: Version | None = None
    operations: Handed | None = None

    @classmethod
    def of(cls, own: Mapping[str, Any], config: Config, environ: Mapping[str, str]) -> Sides:
        """Open what the command line names.

        Raises:
            MlciError: something of it is not there, cannot be read, or is not what its evidence says.
        """
        registry = _registry(own, config, environ) if own["version"] or own["against"] else None
        path, held, model = own["candidate"], None, None
        version = _asked(registry, config, own["version"], path)
        if path is None and registry is not None and version is not None:
            path, model = _kept(registry, version)
        if not os.path.lexists(path) and not os.path.splitext(path)[1]:  # noqa: PTH122
            raise FileMissing(
                "there is no candidate: model-ci left none",
                place=Place(path),
                help="see why in the job that trains, or name a file of predictions",
            )
        if os.path.isdir(path) and not holds_samples(path):  # noqa: PTH112 - a name that no file can have is simply none
            from mlci.adapters.models import handover
            from mlci.adapters.tables import open_table

            held = handover.read(path)
            path, model = held.candidate, held.model
            if registry is not None and own["version"] == CANDIDATE:
                version = next(reversed(registry.tagged(_model(config), card.ARTIFACT, model.artifact)), None)
            _check_model(held, config, version)
        candidate = given(path, asked=own["engine"])
        if held is not None:
            seeds = tuple(open_table(file) for _, file in held.seeds)
            candidate = replace(candidate, model=hashlib.sha256(held.evidence).hexdigest(), seeds=seeds)
        baseline, production = _baseline(own, config, registry, held, model)
        anchor = _anchor(own, registry, production, model)
        return cls(
            candidate=candidate,
            path=path,
            baseline=baseline,
            production=production,
            anchor=anchor if not isinstance(anchor, str) else None,
            unscored=anchor if isinstance(anchor, str) else None,
            registry=registry,
            version=version,
            model=model,
            evidence=held.evidence if held is not None else None,
            model_name=config.model,
            operations=held.operations if held is not None else None,
        )

    @property
    def handed(self) -> bool:
        """Whether the candidate is the folder that model-ci left."""
        return self.evidence is not None

    @property
    def recorded(self) -> bool:
        """Whether the verdict belongs with a version: that of the model that was handed over, never that of a look."""
        return self.version is not None and self.registry is not None and self.handed

    def doubts(self, config: Config, file: str) -> Iterator[Finding]:
        """Why the candidate's numbers do not count, whatever they are.

        A version that is looked at answers for the holdout it was scored on; only what was handed over has to be of the
        holdout that lies here.

        Args:
            config: that decides.
            file: the configuration file, whose folder its paths are relative to.
        """
        if self.model is None:
            return
        holdout = config.data.holdout.path if self.handed else None
        there = os.path.join(os.path.realpath(Path(file).parent), holdout) if holdout is not None else None  # noqa: PTH118
        yield from doubts(self.model, holdout, _contents(there) if there is not None else ())


def without_aliases(own: dict[str, Any], config: Config, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What a pipeline asks for in place of the alias ``production``, of a registry that has none; else None.

    Production is then what the last accepted run of the default branch left.
    """
    if own["against"] != PRODUCTION or own["baseline_from"] is not None:
        return None
    if _registry(own, config, environ).has_aliases:
        return None
    return {**own, "against": None, "baseline_from": ARTIFACTS}


def given(path: str, name: str | None = None, asked: str = "memory") -> Given:
    """Open one side, unless the engine that is asked for will.

    A baseline that was found is called by where it was found, not by where it lies now.
    """
    from mlci.adapters import tables
    from mlci.steps.gate_compare import Given

    if os.path.isdir(path):  # noqa: PTH112 - a name that no file can have is simply none
        subject, table = Subject(name=name or path, digest=tables.digest_of(path)), tables.open_folder(path)
    else:
        subject = Subject(name=name or path, digest=files.sha256(path))
        document = tables.open_json(path) if path.lower().endswith(".json") else None
        if document is None and path.lower().endswith(".json"):
            metrics, holdout = files.read_metrics(path)
            return Given(subject, metrics=metrics, holdout=holdout)
        if document is None and is_left_to_engine(path, asked):
            return Given(subject, path=path)
        table = document or tables.open_table(path)
    # What another harness wrote says itself which of its columns are scores.
    scores, notes = getattr(table, "scores", ()), getattr(table, "notes", ())
    return Given(subject, table=table, scores=scores, notes=notes, path=path)


def holds_samples(path: str | None) -> bool:
    """Whether a path is a folder in which lm-evaluation-harness left samples; what model-ci left has none."""
    if path is None or not os.path.isdir(path):  # noqa: PTH112 - a name that no file can have is simply none
        return False
    from mlci.adapters import tables

    return tables.holds_samples(path)


def _contents(path: str) -> tuple[str, ...]:
    """Digests of the contents a file stands for: its own, and what it points to where Git LFS left a pointer."""
    if not os.path.isfile(path):  # noqa: PTH113 - a name that no file can have is simply none
        return ()
    digest = files.sha256(path)
    with Path(path).open("rb") as stream:
        pointed = _POINTER.match(stream.read(_LARGEST_POINTER))
    return (digest, pointed[1].decode()) if pointed is not None else (digest,)


def _registry(own: Mapping[str, Any], config: Config, environ: Mapping[str, str]) -> Registry:
    from mlci.adapters.mlflow import open_registry

    folder = str(Path(own["config"]).absolute().parent)
    return open_registry(config.registry.uri, environ, folder=folder, writing=False)


def _asked(registry: Registry | None, config: Config, named: str | None, path: str | None) -> Version | None:
    """The version of the number that was named; that of the candidate's folder is known once that is read."""
    if registry is None or named is None:
        return None
    if named != CANDIDATE:
        return _numbered(registry, config, named)
    if path is None or os.path.isfile(path):  # noqa: PTH113 - a name that no file can have is simply none
        raise UsageError(
            f"--version {CANDIDATE} is for the folder that model-ci left",
            place=Place("--version"),
            help="name that folder with --candidate, or a number",
        )
    return None


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


def _baseline(
    own: Mapping[str, Any],
    config: Config,
    registry: Registry | None,
    held: HandOver | None,
    model: ModelPredicate | None,
) -> tuple[Given | None, Version | None]:
    """Production's predictions, and its version where it is one."""
    if own["baseline"] is not None:
        return given(own["baseline"], asked=own["engine"]), None
    if own["against"] is not None and registry is not None:
        known = _named(registry, _model(config), own["against"])
        if known is None and own["against"] == PRODUCTION:
            # Until something is promoted there is no such alias, and the first version has nothing to be compared with.
            return None, None
        if known is None:
            raise FileMissing(
                f"the registry has no alias or version {own['against'][:60]!a} of {_model(config)}",
                place=Place("--against"),
            )
        found = given(_kept(registry, known, model)[0], _called(known), own["engine"])
        return replace(found, artifact=known.tags.get(card.ARTIFACT) or _scored_artifact(held, known)), known
    if held is not None and held.baseline is not None and own["baseline_from"] is None:
        production, path = held.baseline
        known = registry.numbered(held.model.model, production.version) if registry is not None else None
        found = given(path, f"{held.model.model} version {production.version}", own["engine"])
        return replace(found, artifact=production.artifact), known
    return None, None


def _called(version: Version) -> str:
    return f"{version.model} version {version.number}"


def _anchor(
    own: Mapping[str, Any], registry: Registry | None, production: Version | None, model: ModelPredicate | None
) -> Given | str | None:
    """The anchor's predictions, or its name where it keeps none on the candidate's holdout."""
    if registry is None or production is None or not registry.has_aliases or own["against"] not in (None, PRODUCTION):
        return None
    version = anchor_of(registry, production)
    if version is None:
        return None
    try:
        return given(_kept(registry, version, model)[0], f"{_called(version)}, the anchor", own["engine"])
    except FileMissing:
        return f"{_called(version)}, the anchor"


def _scored_artifact(held: HandOver | None, version: Version) -> str | None:
    """What model-ci found a version to be that has no tag of ours."""
    baseline = held.baseline if held is not None else None
    return baseline[0].artifact if baseline is not None and baseline[0].version == version.number else None


def _named(registry: Registry, model: str, name: str) -> Version | None:
    """The version that an alias points at, else that of a number."""
    number = name.isdigit() and not registry.has_aliases
    return (None if number else registry.aliased(model, name)) or registry.numbered(model, name)


def _kept(
    registry: Registry, version: Version, compared: ModelPredicate | None = None
) -> tuple[str, ModelPredicate | None]:
    """As ``kept_predictions``, in a folder that whoever runs this next finds again."""
    folder = unlinked(FETCHED) / version.number
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return kept_predictions(registry, version, compared, str(folder))


def kept_predictions(
    registry: Registry, version: Version, compared: ModelPredicate | None, folder: str
) -> tuple[str, ModelPredicate | None]:
    """The predictions that were kept with a version, as a file of this machine, and what its evidence says.

    Args:
        registry: that has it.
        version: which one.
        compared: the candidate's evidence; its holdout and way of scoring are what the predictions must be of. None
            for the candidate itself, and for one that is a mere file.
        folder: an empty folder that they are fetched into.

    Raises:
        FileMissing: none were kept.
        RegistryBroken: they are not those that the version's evidence or tags name.
    """
    from mlci.adapters.models.scored import Question, ScoredVersion

    stored = ScoredVersion(registry, version, lambda _: None)
    evidence = stored.evidence(folder)
    found = None
    if evidence is not None:
        model = evidence[1]
        asked = (compared or model).predictions
        question = Question(artifact=model.artifact, holdout=asked.holdout.digest, evaluator=asked.evaluator)
        found = stored.find(model, question, folder)
    if found is None or evidence is None:
        which = "" if compared is None else " on the candidate's holdout"
        raise FileMissing(
            f"{version.model} version {version.number} keeps no predictions{which}",
            place=Place(registry.address),
            help="let model-ci run where the registry may be written to: it scores production and keeps that",
        )
    return found[1], evidence[1]
