"""The evidence of a model's training data, kept beside the model: in a hand-over folder, and with a version."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from mlci.adapters.disk.folders import read_file
from mlci.adapters.evidence.data import LARGEST, read_data
from mlci.domain.dataset.links import wrong_data
from mlci.domain.training import ModelPredicate
from mlci.errors import FileMissing, ModelAltered, Place

# In a hand-over folder, which holds one model.
DATA = "data.json"
_HELP = "run mlci model-ci again"


def data_name(digest: str) -> str:
    """What data evidence is called in a registry: a version may be scored again with evidence of a later check."""
    return f"data-{digest}.json"


def lay_data(root: Path, model: ModelPredicate, data: bytes | None) -> None:
    """Lay the evidence that a model's own names, where it names any.

    Raises:
        ModelAltered: it is another one, or there is none.
    """
    if model.data is not None:
        (root / DATA).write_bytes(_checked(model, data, str(root / DATA)))


def read_data_of(root: Path, present: Collection[str], model: ModelPredicate) -> bytes | None:
    """The evidence of the training data in a hand-over; None where the model's own names none.

    Raises:
        FileMissing: it is named, and not there.
        ArtifactRefused: it is malformed.
        ModelAltered: it is not the one that is named.
    """
    if model.data is None:
        if DATA in present:
            raise ModelAltered("it holds data evidence that its own evidence does not name", place=Place(str(root)))
        return None
    if DATA not in present:
        raise FileMissing(f"{root} has no {DATA}", place=Place(str(root)), help=_HELP)
    place = root / DATA
    return _checked(model, read_file(str(place), LARGEST), str(place))


def _checked(model: ModelPredicate, content: bytes | None, place: str) -> bytes:
    if content is None or hashlib.sha256(content).hexdigest() != model.data:
        cause = "the evidence of the data is not the one that the evidence of the model names"
        raise ModelAltered(cause, place=Place(place), help=_HELP)
    for cause in wrong_data(model, read_data(content, place)):
        raise ModelAltered(cause, place=Place(place), help=_HELP)
    return content
