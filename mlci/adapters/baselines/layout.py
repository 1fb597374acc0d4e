"""What is kept of a run: under which names, and how large it may be."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlci.adapters.disk import files
from mlci.adapters.evidence.gate import LARGEST
from mlci.errors import ArtifactRefused, BaselineBroken, Place

GATE = "gate.json"
# On a change beside it: the evidence of the model, so that nobody has to fetch the model to say what was judged.
MODEL = "model.json"
LARGEST_GATE = LARGEST
LARGEST_PREDICTIONS = 1 << 30

# The kinds of predictions that can be opened. The name in the evidence only picks one: it never becomes a path.
ENDINGS = ("csv", "tsv", "jsonl", "ndjson", "parquet", "pq", "json", "eval")
# The same of the anchor, where that is another run than the baseline.
ANCHOR_GATE = "anchor.json"
ANCHORS = tuple(f"anchor-predictions.{ending}" for ending in ENDINGS)
PREDICTIONS = tuple(f"predictions.{ending}" for ending in ENDINGS)


def predictions_name(candidate: str, place: str) -> str:
    """The name under which predictions are kept, by the ending of the name in their evidence.

    Raises:
        ArtifactRefused: the ending is not of a kind that can be opened.
    """
    name = f"predictions.{candidate.rpartition('.')[2].lower()}"
    if name not in PREDICTIONS:
        raise ArtifactRefused("the evidence names predictions of an unknown kind", place=Place(place))
    return name


def anchor_name(candidate: str, place: str) -> str:
    """The same of the anchor's predictions."""
    return f"anchor-{predictions_name(candidate, place)}"


def check_digest(content: bytes, digest: str, place: str, help: str) -> None:
    """Compare predictions with the digest that their evidence names.

    Raises:
        BaselineBroken: they are other predictions.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        cause = f"the predictions have the sha256 {found[:12]}…, their evidence names {digest[:12]}…"
        raise BaselineBroken(cause, place=Place(place), help=help)


def content_of(path: str) -> bytes:
    """The bytes of predictions on this machine.

    Raises:
        ArtifactRefused: they are too large to be kept.
        FileMissing: they cannot be read.
    """
    try:
        if Path(path).stat().st_size > LARGEST_PREDICTIONS:
            cause = f"the predictions have more than {LARGEST_PREDICTIONS:,} bytes and are not kept"
            raise ArtifactRefused(cause, place=Place(path))
        return Path(path).read_bytes()
    except OSError as error:
        raise files.unread(path, error) from error
