"""The baseline below a prefix of an object store, one folder for each accepted run.

    <address>/<key>/<run, 20 digits>-<attempt>/predictions.<ending>
    <address>/<key>/<run, 20 digits>-<attempt>/gate.json

    <address>/<key>/looks/<run, 20 digits>-<attempt>.json

``gate.json`` is written last: a folder without it is not there yet, and a run that is killed leaves nothing to find.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from mlci.adapters.baselines.layout import (
    GATE,
    LARGEST_GATE,
    LARGEST_PREDICTIONS,
    check_digest,
    content_of,
    predictions_name,
)
from mlci.adapters.baselines.memory import LARGEST_KEPT
from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.remote.store import Store
from mlci.domain.baseline import may_become_baseline, may_keep
from mlci.domain.run import Run
from mlci.errors import ArtifactRefused, NotWritable, Place
from mlci.ports import NONE, Kept

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_MEMORY = re.compile(r"\d{20}-\d{1,9}\.json")
# Runs that overlap know nothing of each other; what several of the newest remember is put together.
_MEMORIES = 5
_COMPLETE = re.compile(rf"(\d{{20}})-(\d{{1,9}})/{re.escape(GATE)}")


class StoreBaselines:
    """Runs that were accepted, in an object store."""

    def __init__(self, address: str, key: str, *, patience: float = 60.0) -> None:
        """Look below ``<address>/<key>``.

        Args:
            address: of the folder; each repository needs its own.
            key: of the report, so that several models have a baseline each.
            patience: seconds for which one request is repeated.

        Raises:
            UsageError, ExtraMissing, ServiceFailed: the store cannot be opened.
        """
        self._store = Store(address, patience=patience)
        self._folder = _segment(key)

    def newest_first(self) -> Iterator[Kept]:
        """What was kept, by the number of its run; what is not complete is not there.

        Raises:
            ServiceFailed, ServiceRefused: the store does not answer; that is never taken for "no baseline".
            ArtifactRefused: the evidence is too large.
        """
        start = f"{self._folder}/"
        found = (_COMPLETE.fullmatch(name.removeprefix(start)) for name in self._store.names(self._folder))
        runs = sorted(((int(match[1]), int(match[2])) for match in found if match is not None), reverse=True)
        for run, attempt in runs:
            folder = self._of(run, attempt)
            evidence = self._store.read(f"{folder}/{GATE}", LARGEST_GATE)
            if evidence is not None:
                yield self._kept(folder, evidence)

    def keep(self, evidence: bytes, predictions: str, run: Run, beside: Mapping[str, bytes] = NONE) -> str | None:
        """Keep an accepted run of the default branch.

        Args:
            evidence: bytes of the gate's evidence.
            predictions: path of the file that the evidence names as the candidate.
            run: this run.
            beside: further files, by name.

        Returns:
            where it is; None where the run, or what it found, may not become the baseline.

        Raises:
            BaselineBroken: the file has changed since it was judged.
            NotWritable: this attempt of the run has kept something else under this key.
            FileMissing, ArtifactRefused: the file or the evidence cannot be read.
            ServiceFailed, ServiceRefused: the store does not take it.
        """
        predicate = read_gate(evidence, "this run's evidence")
        if not may_keep(run) or may_become_baseline(predicate.verdict, predicate.findings) is not None:
            return None
        content = content_of(predictions)
        check_digest(content, predicate.candidate.digest, predictions, "do not change it while the gate runs")
        folder = self._of(run.id, run.attempt)
        self._store.create(f"{folder}/{predictions_name(predicate.candidate.name, predictions)}", content)
        for name, more in beside.items():
            # The same attempt may keep again, and remembers more by then; what is there stands.
            with suppress(NotWritable):
                self._store.create(f"{folder}/{name}", more)
        self._store.create(f"{folder}/{GATE}", evidence)
        return f"{self._store.address}/{folder}"

    def memories(self) -> Sequence[bytes]:
        """What the newest few runs of the default branch remember."""
        folder = f"{self._folder}/looks"
        found = (name.removeprefix(f"{folder}/") for name in self._store.names(folder))
        newest = sorted((name for name in found if _MEMORY.fullmatch(name)), reverse=True)[:_MEMORIES]
        read = (self._store.read(f"{folder}/{name}", LARGEST_KEPT) for name in newest)
        return [content for content in read if content is not None]

    def remember(self, memory: bytes, run: Run) -> None:
        """Keep what this run of the default branch remembers, accepted or not."""
        if may_keep(run):
            with suppress(NotWritable):
                self._store.create(f"{self._folder}/looks/{run.id:020d}-{run.attempt}.json", memory)

    def _of(self, run: int, attempt: int) -> str:
        return f"{self._folder}/{run:020d}-{attempt}"

    def _kept(self, folder: str, evidence: bytes) -> Kept:
        origin = f"{self._store.address}/{folder}"

        def predictions() -> bytes:
            name = predictions_name(read_gate(evidence, origin).candidate.name, origin)
            content = self._store.read(f"{folder}/{name}", LARGEST_PREDICTIONS)
            if content is None:
                help = f"remove {origin}/{GATE} too; the accepted run before it is then the baseline"
                raise ArtifactRefused(f"it has no {name}", place=Place(origin), help=help)
            return content

        def beside(name: str, limit: int) -> bytes | None:
            return self._store.read(f"{folder}/{name}", limit)

        return Kept(evidence=evidence, predictions=predictions, origin=origin, beside=beside)


def _segment(key: str) -> str:
    """A key as one name of a folder; two keys never share one, not even where upper and lower case are the same."""
    if _PLAIN.fullmatch(key):
        return key
    readable = re.sub(r"[^a-z0-9]+", "-", key.lower())[:40].strip("-")
    return f"_{readable}-{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else "_"
