"""Predictions of a version that were made before, by what they depend on: the model, the holdout, and how it is scored.

Beside the other files of this machine, ``.mlci/scored/<key>/``, and with the version in the registry: those it was
registered with, ``mlci/candidate.*``, and those of later holdouts, ``mlci/scored/<key>.*``. A folder of this machine is
as trustworthy as what may write there, which is why changes are judged anew by trusted code.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.adapters.disk.folders import check_file, copy_checked, made_whole, read_file, writing
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.adapters.models.handover import EVIDENCE, candidate_name, canonical, ending_of, read_production
from mlci.domain.report import Subject
from mlci.domain.training import ModelPredicate, Production
from mlci.errors import (
    ArtifactRefused,
    FileMissing,
    MlciError,
    ModelAltered,
    RegistryBroken,
    ServiceFailed,
    ServiceRefused,
)
from mlci.ports import Registry, Version

Say = Callable[[str], None]

_ABOUT = "production.json"
_MOST = 20
_LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """What predictions are wanted, each part a sha256 in hexadecimal.

    Attributes:
        artifact: of the model's files.
        holdout: of the examples.
        evaluator: of everything else that predictions depend on.
    """

    artifact: str
    holdout: str
    evaluator: str

    @property
    def key(self) -> str:
        """One name for the three."""
        return hashlib.sha256(f"{self.artifact}\n{self.holdout}\n{self.evaluator}".encode()).hexdigest()


class ScoredFolder:
    """Predictions on this machine, one folder for each question."""

    def __init__(self, root: str, say: Say) -> None:
        """Look below ``root``, such as ``.mlci/scored``; ``say`` is told what cannot be read."""
        self._root = Path(root)
        self._say = say

    def find(self, version: Version, question: Question) -> tuple[Production, str] | None:
        """What was kept, its digest compared; None where nothing was, or it is broken."""
        folder = self._root / question.key
        if not folder.is_dir():
            return None
        try:
            place = str(folder / _ABOUT)
            found = read_production(read_file(place, _LARGEST), place)
            if (found.artifact, found.holdout, found.evaluator) != (
                question.artifact, question.holdout, question.evaluator,
            ):  # fmt: skip
                raise ArtifactRefused("it answers another question")
            path = str(folder / f"predictions.{ending_of(found.file.name)}")
            check_file(path, found.file.digest, "a kept file of predictions")
        except (ArtifactRefused, FileMissing, ModelAltered) as error:
            self._say(f"predictions that were kept are not used: {error.cause}")
            return None
        return replace(found, version=version.number, how="its predictions on this holdout were kept"), path

    def keep(self, production: Production, predictions: str) -> str:
        """Copy predictions, whole or not at all, and forget the oldest; answers where they are.

        Raises:
            NotWritable: the folder cannot be written.
            ModelAltered: they are not those that ``production`` names.
        """
        question = Question(artifact=production.artifact, holdout=production.holdout, evaluator=production.evaluator)
        folder = self._root / question.key
        name = f"predictions.{ending_of(predictions)}"
        with made_whole(str(folder)) as new:
            copy_checked(predictions, str(new / name), production.file.digest, "a file of predictions")
            (new / _ABOUT).write_bytes(canonical(production))
        self._prune()
        return str(folder / name)

    def _prune(self) -> None:
        with writing(str(self._root)):
            kept = [path for path in self._root.iterdir() if not path.name.startswith(".")]
            for old in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)[_MOST:]:
                shutil.rmtree(old, ignore_errors=True)


class ScoredVersion:
    """Predictions that the registry keeps with a version."""

    def __init__(self, registry: Registry, version: Version, say: Say) -> None:
        """Look at one version; ``say`` is told what could not be kept."""
        self._registry = registry
        self._version = version
        self._say = say

    def evidence(self, folder: str) -> tuple[bytes, ModelPredicate] | None:
        """The evidence it was registered with, fetched into a folder; None where mlci did not register it.

        Raises:
            RegistryBroken: the evidence is of another model, or not the one that its tags name.
        """
        there = self._registry.fetch(self._version, f"mlci/{EVIDENCE}", folder)
        tagged = self._version.tags.get("mlci.artifact")
        if not there:
            if tagged is not None:
                raise self.broken("it has no evidence, although mlci registered it")
            return None
        content = self._fetched(folder, f"mlci/{EVIDENCE}", LARGEST_EVIDENCE)
        named = self._version.tags.get("mlci.evidence")
        if named is not None and hashlib.sha256(content).hexdigest() != named:
            raise self.broken("its evidence is not the one that its tag mlci.evidence names")
        try:
            model = read_model(content, "the evidence")
        except ArtifactRefused as refused:
            raise self.broken(refused.cause) from refused
        if tagged is not None and model.artifact != tagged:
            raise self.broken("its evidence is of another model than its tag mlci.artifact names")
        return content, model

    def find(self, model: ModelPredicate | None, question: Question, folder: str) -> tuple[Production, str] | None:
        """Predictions of this question, fetched into a folder; None where the registry keeps none.

        Args:
            model: what the version's evidence says; None without evidence.
            question: what is wanted.
            folder: an empty folder.

        Raises:
            RegistryBroken: what is there is not what evidence or tag name.
        """
        about, digest, name = "they were made when it was registered", "", ""
        if model is not None and self._answers(model, question):
            name, digest = f"mlci/{candidate_name(model)}", model.predictions.file.digest
            if not self._registry.fetch(self._version, name, folder):
                raise self.broken("the predictions that its evidence names are gone")
        elif (digest := self._version.tags.get(_tag(question), "")) != "":
            about = "they were kept with it in the registry"
            names = (f"mlci/scored/{question.key}.{ending}" for ending in ("csv", "parquet"))
            name = next((one for one in names if self._registry.fetch(self._version, one, folder)), "")
        if not name:
            return None
        path = str(Path(folder, name))
        try:
            check_file(path, digest, f"{name} of version {self._version.number}")
        except (ModelAltered, ArtifactRefused, FileMissing) as error:
            raise self.broken(error.cause) from error
        how = f"its predictions on this holdout were not made anew: {about}"
        return self._production(question, path, digest, how), path

    def keep(self, production: Production, predictions: str) -> None:
        """Keep predictions with the version, for runs on other machines; a registry that refuses is no error."""
        question = Question(artifact=production.artifact, holdout=production.holdout, evaluator=production.evaluator)
        name = f"mlci/scored/{question.key}.{ending_of(predictions)}"
        try:
            self._registry.annotate(self._version, {_tag(question): production.file.digest}, {}, {name: predictions})
        except (ServiceFailed, ServiceRefused) as error:
            self._say(f"production's predictions could not be kept in the registry: {error.cause}")

    def broken(self, cause: str) -> MlciError:
        """What to raise when the version is not what it must be."""
        version = self._version
        return RegistryBroken(
            f"version {version.number} of {version.model} cannot be believed: {cause}",
            help="look who wrote to the registry; let the alias point at a version that is whole, or register again",
        )

    def _production(self, question: Question, path: str, digest: str, how: str) -> Production:
        return Production(
            file=Subject(name=f"baseline.{ending_of(path)}", digest=digest), version=self._version.number,
            artifact=question.artifact, holdout=question.holdout, evaluator=question.evaluator, how=how,
        )  # fmt: skip

    def _fetched(self, folder: str, name: str, limit: int) -> bytes:
        try:
            return read_file(str(Path(folder, name)), limit)
        except ArtifactRefused as refused:
            raise self.broken(refused.cause) from refused

    @staticmethod
    def _answers(model: ModelPredicate, question: Question) -> bool:
        mine = (model.artifact, model.predictions.holdout.digest, model.predictions.evaluator)
        return mine == (question.artifact, question.holdout, question.evaluator)


def _tag(question: Question) -> str:
    return f"mlci.scored.{question.key[:32]}"
