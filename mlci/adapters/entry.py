"""What a version of the registry keeps about its model, beside it in ``mlci/``."""

from __future__ import annotations

from pathlib import Path

from mlci.adapters.folders import check_file, read_file
from mlci.adapters.handover import CANDIDATES, EVIDENCE
from mlci.adapters.model_evidence import LARGEST_EVIDENCE, read_model
from mlci.errors import FileMissing

ABOUT = "mlci"


def predictions_in(folder: str, origin: str) -> str:
    """The candidate's predictions in the files of a version, checked against the evidence beside them.

    Args:
        folder: what ``Registry.fetch`` laid there.
        origin: names the version in an error.

    Raises:
        FileMissing: the version keeps none; mlci did not register it.
        ArtifactRefused, ModelAltered: evidence or predictions are not what was registered.
    """
    about = Path(folder, ABOUT)
    kept = [about / name for name in CANDIDATES if (about / name).is_file()]
    if not kept or not (about / EVIDENCE).is_file():
        raise FileMissing(f"{origin} keeps no predictions", help="register it with mlci model-ci")
    model = read_model(read_file(str(about / EVIDENCE), LARGEST_EVIDENCE), origin)
    check_file(str(kept[0]), model.predictions.file.digest, "the version's predictions file")
    return str(kept[0])
