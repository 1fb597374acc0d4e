"""The chain of evidence of a version: the model's evidence, the gate's, and the files, each held against the other.

What the registry holds is believed as far as digests go: a tag names the evidence of the model, that names the files
and the predictions, the gate's evidence names the model's, and the tag of it the gate's.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mlci.adapters.disk.folders import read_file
from mlci.adapters.evidence.data import LARGEST as LARGEST_DATA
from mlci.adapters.evidence.data import read_data
from mlci.adapters.evidence.gate import LARGEST, read_gate
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.adapters.models.checked import data_name
from mlci.adapters.models.handover import CODE, verify_code
from mlci.adapters.models.payload import find_payload, verify
from mlci.domain import card
from mlci.domain.dataset.evidence import DataPredicate
from mlci.domain.dataset.links import wrong_data
from mlci.domain.evidence import GatePredicate
from mlci.domain.training import ModelPredicate
from mlci.errors import ArtifactRefused, ChainBroken, FileMissing, ModelAltered, ModelMissing, Place
from mlci.ports import Registry, Version

T = TypeVar("T")

# The evidence that the gate's names, where the model was scored again since it was registered.
JUDGED = "mlci/judged.json"
_HELP = "look who wrote to the registry; register and gate the model again"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Evidence of one version that holds together.

    Attributes:
        version: in the registry.
        model: bytes of the model's evidence, and what they say.
        gate: the same of the gate's; None where the version was never gated.
        data: the same of the training data's; None where the model's evidence names none.
    """

    version: Version
    model: tuple[bytes, ModelPredicate]
    gate: tuple[bytes, GatePredicate] | None
    data: tuple[bytes, DataPredicate] | None = None

    @property
    def digests(self) -> dict[str, str]:
        """sha256 of each piece, by kind."""
        return {kind: _sha(content) for kind, content in self.pieces.items()}

    @property
    def pieces(self) -> dict[str, bytes]:
        """The bytes of each piece, by kind."""
        more = {"gate": self.gate, "data": self.data}
        return {"model": self.model[0], **{kind: each[0] for kind, each in more.items() if each is not None}}

    @property
    def files(self) -> Mapping[str, bytes]:
        """Each piece by its sha256."""
        return {_sha(each): each for each in self.pieces.values()}


def chain_of(version: Version, registry: Registry) -> Chain:
    """Read the evidence of a version and see that each piece is of the one before.

    Raises:
        ChainBroken: one is not, or cannot be read, or is missing.
        ServiceFailed, ServiceRefused: the registry does not answer.
    """
    with _folder() as folder:
        evidence, model = _model(version, registry, folder)
        gate = _gate(version, registry, folder)
        if gate is not None and gate[1].model != _sha(evidence):
            evidence, model = _scored_again(version, registry, gate[1], model, folder)
        if gate is not None and gate[1].candidate.digest != model.predictions.file.digest:
            raise _broken(version, "the gate judged other predictions than those that the evidence of the model names")
        return Chain(version=version, model=(evidence, model), gate=gate, data=_data(version, registry, model, folder))


def model_of(version: Version, registry: Registry) -> ModelPredicate | None:
    """What a version's own evidence says; None for a version that mlci did not register.

    Raises:
        ChainBroken: the evidence is not the one that its tag names, or cannot be read.
    """
    if version.tags.get(card.EVIDENCE) is None:
        return None
    with _folder() as folder:
        return _model(version, registry, folder)[1]


def data_of(version: Version, registry: Registry) -> tuple[bytes, DataPredicate] | None:
    """The evidence of the data that a version was trained on; None where its own evidence names none.

    Raises:
        ChainBroken: it is gone, is not the one that is named, or is of other data.
    """
    with _folder() as folder:
        model = _model(version, registry, folder)[1] if version.tags.get(card.EVIDENCE) is not None else None
        return _data(version, registry, model, folder) if model is not None else None


def _data(
    version: Version, registry: Registry, model: ModelPredicate, folder: str
) -> tuple[bytes, DataPredicate] | None:
    if model.data is None:
        return None
    content = _piece(version, registry, f"mlci/{data_name(model.data)}", LARGEST_DATA, folder)
    if content is None or _sha(content) != model.data:
        raise _broken(version, "the evidence of its data is gone, or not the one that the evidence of the model names")
    found = _read(version, lambda: read_data(content, "the evidence of the data"))
    for cause in wrong_data(model, found):
        raise _broken(version, cause)
    return content, found


def verify_files(chain: Chain, registry: Registry) -> None:
    """See that the registry holds the very files, and modules, that the evidence of the model names.

    Raises:
        ChainBroken: it does not.
        ServiceFailed, ServiceRefused: the registry does not answer.
    """
    version, model = chain.version, chain.model[1]
    with _folder() as folder:
        try:
            if not registry.fetch(version, "model", folder):
                raise _broken(version, "the model that its evidence names is gone")
            verify(str(Path(folder, "model")), model.files)
            if model.code and not registry.fetch(version, f"mlci/{CODE}", folder):
                raise _broken(version, "the code that its evidence names is gone")
            verify_code(str(Path(folder, "mlci", CODE)), model.code)
        except (ModelAltered, ArtifactRefused) as error:
            raise _broken(version, error.cause) from error


def beside(version: Version, registry: Registry, names: Sequence[str]) -> list[bytes]:
    """Signatures that the registry keeps beside the evidence of a version; what cannot be read is none."""
    found = []
    with _folder() as folder:
        for name in names:
            if registry.fetch(version, f"mlci/{name}", folder):
                with contextlib.suppress(ArtifactRefused, FileMissing):
                    found.append(read_file(str(Path(folder, "mlci", name)), LARGEST_EVIDENCE))
    return found


def artifact_of(version: Version, registry: Registry) -> str:
    """sha256 of a version's artifact: its tag, or for one that mlci did not register the digest of its files.

    Raises:
        ChainBroken: it has no files that make a model.
    """
    tagged = version.tags.get(card.ARTIFACT)
    if tagged is not None:
        return tagged
    with _folder() as folder:
        if not registry.fetch(version, "model", folder):
            raise _broken(version, "it has no folder model/, and mlci did not register it")
        try:
            return find_payload(str(Path(folder, "model")), None, True).digest
        except ModelMissing as error:
            raise _broken(version, error.cause) from error


def _model(version: Version, registry: Registry, folder: str) -> tuple[bytes, ModelPredicate]:
    content = _piece(version, registry, "mlci/model.json", LARGEST_EVIDENCE, folder)
    if content is None:
        raise _broken(version, "it has no evidence of what it was made from, so mlci did not register it")
    if _sha(content) != version.tags.get(card.EVIDENCE):
        raise _broken(version, "the evidence of the model is not the one that its tag mlci.evidence names")
    model = _read(version, lambda: read_model(content, "the evidence of the model"))
    if model.artifact != version.tags.get(card.ARTIFACT):
        raise _broken(version, "the evidence is of another model than its tag mlci.artifact names")
    if model.model != version.model:
        raise _broken(version, "the evidence is of a model of another name")
    return content, model


def _gate(version: Version, registry: Registry, folder: str) -> tuple[bytes, GatePredicate] | None:
    content = _piece(version, registry, "mlci/gate.json", LARGEST, folder)
    named = version.tags.get(card.GATE)
    if content is None and named is None:
        return None
    if content is None or _sha(content) != named:
        raise _broken(version, "the evidence of the gate is not the one that its tag mlci.gate names")
    return content, _read(version, lambda: read_gate(content, "the evidence of the gate"))


def _scored_again(
    version: Version, registry: Registry, gate: GatePredicate, model: ModelPredicate, folder: str
) -> tuple[bytes, ModelPredicate]:
    """The evidence that the gate names: of the very same model, scored again since it was registered."""
    content = _piece(version, registry, JUDGED, LARGEST_EVIDENCE, folder)
    if content is None or _sha(content) != gate.model:
        raise _broken(version, "the evidence of the gate is of another model's evidence")
    found = _read(version, lambda: read_model(content, "the evidence that the gate names"))
    made = ("model", "artifact", "files", "code", "inputs", "provenance")
    if any(getattr(found, name) != getattr(model, name) for name in made):
        raise _broken(version, "the evidence that the gate names is of another model")
    return content, found


def _piece(version: Version, registry: Registry, path: str, limit: int, folder: str) -> bytes | None:
    if not registry.fetch(version, path, folder):
        return None
    try:
        return read_file(str(Path(folder, path)), limit)
    except (ArtifactRefused, FileMissing) as error:
        raise _broken(version, error.cause) from error


def _read(version: Version, read: Callable[[], T]) -> T:
    try:
        return read()
    except ArtifactRefused as error:
        raise _broken(version, error.cause) from error


def _broken(version: Version, cause: str) -> ChainBroken:
    where = Place(f"{version.model} version {version.number}")
    return ChainBroken(f"the chain of evidence does not hold: {cause}", place=where, help=_HELP)


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mlci-chain-", ignore_cleanup_errors=True) as folder:
        yield folder


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
