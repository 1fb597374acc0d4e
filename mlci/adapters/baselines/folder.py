"""The folder that a workflow uploads as an artifact."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

from mlci.adapters.baselines.layout import ANCHOR_GATE, ANCHORS, GATE, MODEL, PREDICTIONS, predictions_name
from mlci.adapters.baselines.memory import KEPT
from mlci.adapters.disk import files
from mlci.adapters.disk.folders import made_whole, writing
from mlci.adapters.evidence.gate import read_gate
from mlci.errors import BaselineBroken, NotWritable, Place
from mlci.ports import NONE

_OURS = frozenset({GATE, MODEL, KEPT, ANCHOR_GATE, *PREDICTIONS, *ANCHORS})


def clear(folder: str) -> None:
    """Remove what an earlier run left in the folder, so that nobody uploads it as this run's.

    Raises:
        NotWritable: it cannot be removed, or the folder holds something that no earlier run of this step left.
    """
    with writing(folder):
        for file in _ours(Path(folder)):
            file.unlink(missing_ok=True)


def fill(folder: str, evidence: bytes, predictions: str | None = None, beside: Mapping[str, bytes] = NONE) -> None:
    """Replace the folder by what a later run needs; it is never seen half filled.

    Args:
        folder: what the workflow uploads; made where it is missing.
        evidence: bytes of the gate's evidence, written as ``gate.json``.
        predictions: path of the file that the evidence names as the candidate, copied as ``predictions.<ending>``;
            None on a change and where the run was not accepted.
        beside: further files by name, each one of ours.

    A run of the default branch that was not accepted can carry the older baseline on, so that it neither expires nor
    falls out of reach: by the ``evidence`` and ``path`` of what was chosen.

    Raises:
        NotWritable: it cannot be written, or it holds something that no earlier run of this step left.
        BaselineBroken: the predictions have changed since they were judged.
        FileMissing: the predictions cannot be read.
        ArtifactRefused: the evidence cannot be read.
    """
    with made_whole(folder) as new:
        if predictions is not None:
            _copy(predictions, new, evidence)
        for name, content in beside.items():
            (new / name).write_bytes(content)
        (new / GATE).write_bytes(evidence)
        clear(folder)


def _ours(folder: Path) -> list[Path]:
    """The files of an earlier run, ``gate.json`` first.

    Raises:
        NotWritable: there is something else, or something that leads elsewhere.
    """
    if not folder.is_symlink() and not folder.exists():
        return []
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise NotWritable(f"{folder} is not a folder", place=Place(str(folder)), help="name another --keep")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name != GATE)
    for entry in entries:
        if entry.name not in _OURS or not stat.S_ISREG(entry.lstat().st_mode):
            raise NotWritable(
                f"{folder} holds {entry.name[:100]!a}, which this step did not write",
                place=Place(str(folder)),
                help="name a folder of its own with --keep: everything in it is replaced and uploaded",
            )
    return entries


def _copy(predictions: str, folder: Path, evidence: bytes) -> None:
    candidate = read_gate(evidence, "this run's evidence").candidate
    copy = folder / predictions_name(candidate.name, predictions)
    digest = hashlib.sha256()
    with contextlib.ExitStack() as opened:
        try:
            source = opened.enter_context(Path(predictions).open("rb"))
        except OSError as error:
            raise files.unread(predictions, error) from error
        stream = opened.enter_context(copy.open("wb"))
        while block := source.read(1 << 20):
            digest.update(block)
            stream.write(block)
    if digest.hexdigest() != candidate.digest:
        cause = f"{predictions} is no longer the file that was judged"
        raise BaselineBroken(cause, place=Place(predictions), help="do not change it while the gate runs")
