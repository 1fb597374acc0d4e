"""Where a model of the same inputs is looked for before one is trained: this machine, the registry, earlier runs.

Wherever one is found, it is copied to this machine, compared with its own evidence, and only then an answer. What
cannot be read or does not hold counts as none, and the reason is said: the model is then trained anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from mlci.adapters.disk.archive import only_member, unpack
from mlci.adapters.disk.folders import copy_tree, made_whole, read_file
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.adapters.evidence.statement import DIGEST
from mlci.adapters.models.checked import DATA, data_name
from mlci.adapters.models.handover import (
    CODE,
    ENVIRONMENT,
    EVIDENCE,
    LOCK,
    MODEL,
    HandOver,
    candidate_name,
    read,
    require_ours,
    verify_payload,
)
from mlci.adapters.oneline import one_line
from mlci.errors import ArtifactRefused, FileMissing, MlciError, Place
from mlci.ports import Artifact, Registry, Runs, Trained, Version

Say = Callable[[str], None]

# What is kept on this machine for each model, beyond the newest: copies of mlci-model, mostly as hard links.
_MOST, _LARGEST_SUM = 5, 10 << 30
# An artifact is held in memory while it is unpacked.
LARGEST_PACKED, LARGEST_UNPACKED = 1 << 30, 8 << 30
_ARTIFACTS_LOOKED_AT = 5
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class FolderEarlier:
    """Results of earlier runs on this machine, below ``<root>/<model>/<inputs key>/``."""

    def __init__(self, root: str, say: Say) -> None:
        """Look below ``root``, such as ``.mlci/models``; ``say`` is told what cannot be read."""
        self._root = Path(root)
        self._say = say

    def with_inputs(self, model: str, key: str) -> Trained | None:
        """What was kept under this key, whole and as its evidence names it."""
        folder = self._of(model, key)
        if not folder.is_dir():
            return None
        return self.or_none(str(folder), lambda: self._trained(str(folder), model, key, "on this machine"))

    def keep(self, folder: str, key: str) -> None:
        """Keep a hand-over folder under its inputs key, whole or not at all, and forget the oldest.

        Raises:
            NotWritable: it cannot be written.
            ArtifactRefused, FileMissing, ModelAltered: the folder is no hand-over.
        """
        model = read(folder).model.model
        self.fill(model, key, lambda new: copy_tree(folder, new))

    def fill(self, model: str, key: str, lay: Callable[[Path], None]) -> None:
        """Keep what ``lay`` writes into an empty folder.

        Raises:
            NotWritable: it cannot be written.
        """
        target = self._of(model, key)
        with made_whole(str(target)) as new:
            lay(new)
        os.utime(target)
        self._prune(target)

    def found(self, model: str, key: str, origin: str) -> Trained | None:
        """What ``fill`` has just put there, if it is what it must be; else it is removed again."""
        folder = str(self._of(model, key))
        found = self.or_none(origin, lambda: self._trained(folder, model, key, origin))
        if found is None:
            shutil.rmtree(folder, ignore_errors=True)
        return found

    def or_none(self, origin: str, look: Callable[[], Trained | None]) -> Trained | None:
        """What is found; None where it cannot be used, after saying why."""
        try:
            return look()
        except MlciError as error:
            why = one_line(error.cause, 400) + (f" ({error.help})" if error.help else "")
            self._say(f"an earlier result is not used ({one_line(origin, 200)}): {why}")
            return None

    def _trained(self, folder: str, model: str, key: str, origin: str) -> Trained:
        handover = read(folder)
        _check_same(handover, model, key)
        verify_payload(handover)

        def lay(target: str) -> None:
            require_ours(target)
            with made_whole(target) as new:
                copy_tree(folder, new)

        with contextlib.suppress(OSError):
            os.utime(folder)
        return Trained(evidence=handover.evidence, lay=lay, origin=origin)

    def _of(self, model: str, key: str) -> Path:
        if not DIGEST.fullmatch(key):
            raise ValueError("an inputs key is 64 hexadecimal digits")
        return self._root / segment(model) / key

    def _prune(self, newest: Path) -> None:
        others = [path for path in newest.parent.iterdir() if DIGEST.fullmatch(path.name) and path != newest]
        total = _size(newest)
        for count, old in enumerate(sorted(others, key=lambda path: path.stat().st_mtime, reverse=True), start=2):
            total += _size(old)
            if count > _MOST or total > _LARGEST_SUM:
                shutil.rmtree(old, ignore_errors=True)


class RegistryEarlier:
    """Versions whose tag ``mlci.inputs`` is the key."""

    def __init__(self, registry: Registry, kept: FolderEarlier) -> None:
        """Look in a registry; what is found is kept on this machine."""
        self._registry = registry
        self._kept = kept

    def with_inputs(self, model: str, key: str) -> Trained | None:
        """The newest version of these inputs that is whole."""
        return self._kept.or_none(self._registry.address, lambda: self._newest(model, key))

    def _newest(self, model: str, key: str) -> Trained | None:
        versions = reversed(self._registry.tagged(model, "mlci.inputs", key))
        found = (self._kept.or_none(_of(each), partial(self._look, each, model, key)) for each in versions)
        return next((each for each in found if each is not None), None)

    def _look(self, version: Version, model: str, key: str) -> Trained | None:
        self._kept.fill(model, key, partial(self._fetch, version))
        return self._kept.found(model, key, _of(version))

    def _fetch(self, version: Version, new: Path) -> None:
        """A hand-over folder from what the version keeps, which ``registry_folder`` laid out."""
        for name in (EVIDENCE, ENVIRONMENT, LOCK):
            self._fetch_file(version, new, name)
        content = read_file(str(new / EVIDENCE), LARGEST_EVIDENCE)
        model = read_model(content, "the evidence")
        for name in (candidate_name(model), *((CODE,) if model.code else ())):
            self._fetch_file(version, new, name)
        if model.data is not None:
            self._fetch_file(version, new, data_name(model.data))
            (new / data_name(model.data)).replace(new / DATA)
        if not self._registry.fetch(version, MODEL, str(new)):
            raise FileMissing("it has no model")
        shutil.rmtree(new / "mlci")

    def _fetch_file(self, version: Version, new: Path, name: str) -> None:
        if not self._registry.fetch(version, f"mlci/{name}", str(new)):
            raise FileMissing(f"it has no mlci/{name}")
        (new / "mlci" / name).replace(new / name)


class ArtifactEarlier:
    """Artifacts of one exact name that runs of the default branch left, each a packed hand-over folder."""

    def __init__(self, runs: Runs, name: str, branch: str, kept: FolderEarlier) -> None:
        """Look among the newest artifacts of this name; what is found is kept on this machine."""
        self._runs, self._name, self._branch, self._kept = runs, name, branch, kept

    def with_inputs(self, model: str, key: str) -> Trained | None:
        """The newest artifact of these inputs; only a few are looked into, because each has to be fetched whole."""
        return self._kept.or_none(f"artifacts {self._name}", lambda: self._newest(model, key))

    def _newest(self, model: str, key: str) -> Trained | None:
        left = (each for each in self._runs.artifacts_of_branch(self._name, self._branch) if not each.expired)
        for artifact in islice(left, _ARTIFACTS_LOOKED_AT):
            origin = f"artifact {artifact.name} of run {artifact.run}"
            found = self._kept.or_none(origin, partial(self._look, artifact, model, key, origin))
            if found is not None:
                return found
        return None

    def _look(self, artifact: Artifact, model: str, key: str, origin: str) -> Trained | None:
        return self._kept.found(model, key, origin) if self._has(artifact, model, key) else None

    def _has(self, artifact: Artifact, model: str, key: str) -> bool:
        content = self._runs.content(artifact, LARGEST_PACKED)
        evidence = only_member(content, EVIDENCE, LARGEST_EVIDENCE, nested=artifact.nested)
        predicate = read_model(evidence, EVIDENCE)
        if (predicate.model, predicate.inputs.key) != (model, key):
            return False
        beside = EVIDENCE if artifact.nested else None
        self._kept.fill(model, key, lambda new: unpack(content, new, LARGEST_UNPACKED, beside=beside))
        return True


def registry_folder(handover: HandOver, folder: str) -> None:
    """Lay out what a registry keeps with a version: ``model/``, and evidence, code, predictions and lock in ``mlci/``.

    Args:
        handover: what was trained; its model is compared with the evidence once more.
        folder: made here, whole or not at all; must not exist, or be of an earlier attempt.

    Raises:
        ModelAltered: the model is another.
        NotWritable: it cannot be written.
    """
    verify_payload(handover)
    root = Path(handover.folder)
    with made_whole(folder) as new:
        (new / MODEL).mkdir()
        copy_tree(str(root / MODEL), new / MODEL)
        (new / "mlci").mkdir()
        if handover.model.code:
            (new / "mlci" / CODE).mkdir()
            copy_tree(str(root / CODE), new / "mlci" / CODE)
        for name in (EVIDENCE, candidate_name(handover.model), LOCK, ENVIRONMENT):
            shutil.copyfile(root / name, new / "mlci" / name, follow_symlinks=False)
        if handover.model.data is not None and handover.data is not None:
            (new / "mlci" / data_name(handover.model.data)).write_bytes(handover.data)


def _of(version: Version) -> str:
    return f"version {version.number} in the registry"


def segment(model: str) -> str:
    """A model's name as one name of a folder; two never share one, not even where cases are the same."""
    if _PLAIN.fullmatch(model):
        return model
    readable = re.sub(r"[^a-z0-9]+", "-", model.lower())[:40].strip("-")
    return f"_{readable}-{hashlib.sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _check_same(handover: HandOver, model: str, key: str) -> None:
    if (handover.model.model, handover.model.inputs.key) != (model, key):
        raise ArtifactRefused("its evidence is of another model, or of other inputs", place=Place(handover.folder))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
