"""What the registry still has of the versions that a ledger names: rehashed file by file, one version at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from mlci.adapters.disk.folders import check_file
from mlci.adapters.models.handover import CODE, MODEL, candidate_name, verify_code
from mlci.adapters.models.payload import verify
from mlci.adapters.models.scored import Question, ScoredVersion
from mlci.domain.card import ARTIFACT
from mlci.domain.evidence import GatePredicate
from mlci.domain.release.ledger import Pointed
from mlci.domain.training import ModelPredicate
from mlci.errors import ArtifactRefused, FileMissing, ModelAltered, RegistryBroken
from mlci.ports.models import Registry, Version
from mlci.ports.record import Shelved


class RegistryShelf:
    """ports.Shelf over a registry."""

    def __init__(self, registry: Registry, model: str, folder: str) -> None:
        """Nothing is asked yet; what is fetched lies in the folder until the next version is."""
        self.has_aliases = registry.has_aliases
        self._registry, self._model, self._folder = registry, model, Path(folder)

    def version(self, pointed: Pointed, model: ModelPredicate | None) -> Shelved:
        """Compare a version with what is said of it."""
        version = self._registry.numbered(self._model, pointed.version)
        if version is None:
            return Shelved(gone=(f"version {pointed.version}",))
        tagged = version.tags.get(ARTIFACT)
        if tagged is not None and tagged != pointed.artifact:
            return Shelved(wrong=(f"its tag {ARTIFACT} names another artifact than the ledger",), version=version)
        if model is None:
            return Shelved(gone=("what its files must be: the ledger has no evidence of the model",), version=version)
        try:
            return Shelved(gone=tuple(self._missing(version, model)), version=version)
        except (ModelAltered, RegistryBroken, ArtifactRefused) as error:
            return Shelved(wrong=(error.cause,), version=version)

    def _missing(self, version: Version, model: ModelPredicate) -> Iterator[str]:
        """What the registry has no more of a version.

        Raises:
            ModelAltered, RegistryBroken, ArtifactRefused: what it has is something else.
        """
        folder = self._emptied("model")
        if not self._registry.fetch(version, MODEL, str(folder)):
            yield f"the files of version {version.number}"
            return
        verify(str(folder / MODEL), model.files)
        if model.code:
            if not self._registry.fetch(version, f"mlci/{CODE}", str(folder)):
                yield f"the code of version {version.number}"
                return
            verify_code(str(folder / "mlci" / CODE), model.code)

    def aliased(self, stage: str) -> str | None:
        """Number of the version that the alias of a stage points at."""
        found = self._registry.aliased(self._model, stage)
        return None if found is None else found.number

    def sides(
        self, target: Pointed, before: Pointed | None, gate: GatePredicate, model: ModelPredicate
    ) -> tuple[str, str | None] | None:
        """The predictions of both sides that a gate judged."""
        mine = self._predictions(target, gate.candidate.digest, model, "candidate")
        if mine is None or gate.baseline is None:
            return None if mine is None else (mine, None)
        other = self._predictions(before, gate.baseline.digest, model, "baseline") if before is not None else None
        return None if other is None else (mine, other)

    def _predictions(self, pointed: Pointed, digest: str, candidate: ModelPredicate, side: str) -> str | None:
        """The file of predictions of this digest that a version keeps; None where it keeps none.

        Those it was registered with, or those on the candidate's holdout that were made when that was judged.

        Raises:
            ModelAltered, RegistryBroken, ArtifactRefused: the file is there, and is another.
        """
        version = self._registry.numbered(self._model, pointed.version)
        if version is None:
            return None
        asked = candidate.predictions
        question = Question(artifact=pointed.artifact, holdout=asked.holdout.digest, evaluator=asked.evaluator)
        folder = self._emptied(side)
        stored = ScoredVersion(self._registry, version, lambda _: None)
        try:
            evidence = stored.evidence(str(folder))
        except (RegistryBroken, ArtifactRefused, FileMissing):
            # What the version itself is worth is told where its files are compared.
            return None
        if evidence is not None and evidence[1].predictions.file.digest == digest:
            name = f"mlci/{candidate_name(evidence[1])}"
            if not self._registry.fetch(version, name, str(folder)):
                return None
            path = str(folder / name)
            check_file(path, digest, "a file of predictions")
            return path
        found = stored.find(None, question, str(folder))
        return found[1] if found is not None and found[0].file.digest == digest else None

    def _emptied(self, name: str) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder
