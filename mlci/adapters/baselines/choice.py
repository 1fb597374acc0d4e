"""Which of the kept runs is the baseline: the newest that was accepted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import islice

from mlci.adapters.baselines.layout import (
    ANCHOR_GATE,
    LARGEST_GATE,
    LARGEST_PREDICTIONS,
    anchor_name,
    check_digest,
    predictions_name,
)
from mlci.adapters.baselines.memory import KEPT, LARGEST_KEPT, Memory, decoded
from mlci.adapters.disk import files
from mlci.adapters.disk.folders import unlinked
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.baseline import may_become_baseline
from mlci.domain.evidence import GatePredicate
from mlci.domain.report import Report, Subject
from mlci.errors import ArtifactRefused, Place
from mlci.ports import Baselines, Kept

MOST_LOOKED_AT = 30
FOLDER = ".mlci/baseline"


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """A run that was kept and is not the baseline.

    Attributes:
        origin: where it was found.
        why: it was not accepted.
    """

    origin: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The best that was accepted so far, where that is another run than the baseline.

    Attributes:
        path: of its predictions on this machine.
        evidence: bytes of its own evidence.
        digest: sha256 of its predictions, in hexadecimal.
    """

    path: str
    evidence: bytes
    digest: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The baseline, ready to be opened.

    Attributes:
        path: of its predictions on this machine.
        origin: where it was found.
        evidence: bytes of the evidence that made it the baseline.
        digest: sha256 of those bytes, in hexadecimal.
        evaluation_set: digest of the examples it was judged on, where it was compared.
        candidate: what the baseline was when it was judged.
        memory: what was kept with it of earlier runs.
        anchor: the best accepted so far; None where the baseline itself is.
        passed_over: newer runs that were not accepted, newest first.
    """

    path: str
    origin: str
    evidence: bytes
    digest: str
    evaluation_set: str | None
    candidate: Subject
    memory: Memory = field(default_factory=Memory)
    anchor: Anchor | None = None
    passed_over: tuple[PassedOver, ...] = ()

    def noted(self, report: Report) -> Report:
        """The report, saying where its baseline comes from and why no newer one was taken."""
        sentences = [f"the baseline is the newest accepted run: {self.origin}"]
        if self.passed_over:
            newest, count = self.passed_over[0], len(self.passed_over)
            newer = "1 newer run was" if count == 1 else f"{count} newer runs were"
            sentences.append(f"{newer} passed over; {newest.origin} because {newest.why}")
        return replace(report, assumptions=(*report.assumptions, *sentences))


def choose(baselines: Baselines, folder: str = FOLDER) -> Chosen | None:
    """Find the newest accepted run among the newest few, and lay its predictions ready.

    Args:
        baselines: where runs were kept.
        folder: where the predictions are written, under a name of ours.

    Returns:
        the baseline; None where there never was one, as far as can be seen.

    Raises:
        BaselineBroken: the predictions are not those that the evidence names.
        ArtifactRefused: what was kept cannot be read, or a baseline that newer runs were compared with is gone.
        ServiceFailed, ServiceRefused: nobody answered where it is kept.
        NotWritable: the predictions cannot be written.
    """
    found = _newest_accepted(baselines)
    return None if found is None else _laid_ready(*found, folder)


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What changes are compared with now, without its predictions.

    Attributes:
        predicate: the evidence that made it the baseline.
        memory: what was kept with it of earlier runs.
        anchor: sha256 of the anchor's predictions, in hexadecimal; None where the baseline itself is the anchor.
    """

    predicate: GatePredicate
    memory: Memory
    anchor: str | None


def accepted(baselines: Baselines | None) -> Accepted | None:
    """What changes are compared with now; None where there is nothing.

    Raises:
        ArtifactRefused, ServiceFailed, ServiceRefused: as for ``choose``.
    """
    found = _newest_accepted(baselines) if baselines is not None else None
    if found is None:
        return None
    kept, predicate, _ = found
    anchor = kept.beside(ANCHOR_GATE, LARGEST_GATE)
    digest = None if anchor is None else read_gate(anchor, kept.origin).candidate.digest
    return Accepted(predicate=predicate, memory=_memory(kept), anchor=digest)


def _newest_accepted(baselines: Baselines) -> tuple[Kept, GatePredicate, tuple[PassedOver, ...]] | None:
    passed: list[PassedOver] = []
    lost = False
    for kept in islice(baselines.newest_first(), MOST_LOOKED_AT):
        predicate = read_gate(kept.evidence, kept.origin)
        why = may_become_baseline(predicate.verdict, predicate.findings)
        if why is None:
            return kept, predicate, tuple(passed)
        passed.append(PassedOver(origin=kept.origin, why=why))
        lost = lost or predicate.baseline is not None
    if lost:
        # Starting over by itself would let a model that is worse than the lost baseline become the next one.
        raise ArtifactRefused(
            f"none of the newest {len(passed)} runs was accepted, and the baseline they were compared with is gone",
            place=Place(passed[0].origin),
            help="start over by a run on the default branch without --baseline-from",
        )
    return None


def _memory(kept: Kept) -> Memory:
    content = kept.beside(KEPT, LARGEST_KEPT)
    return Memory() if content is None else decoded(content, kept.origin)


def _anchor(kept: Kept, folder: str) -> Anchor | None:
    """What was kept beside the baseline as the anchor.

    Raises:
        ArtifactRefused: its predictions are missing, or its evidence cannot be read.
        BaselineBroken: they are not those that its evidence names.
    """
    evidence = kept.beside(ANCHOR_GATE, LARGEST_GATE)
    if evidence is None:
        return None
    candidate = read_gate(evidence, kept.origin).candidate
    name = anchor_name(candidate.name, kept.origin)
    content = kept.beside(name, LARGEST_PREDICTIONS)
    help = "something has changed what was kept: remove it there, so that the accepted run before it is the baseline"
    if content is None:
        raise ArtifactRefused(f"it has no {name}", place=Place(kept.origin), help=help)
    check_digest(content, candidate.digest, kept.origin, help)
    path = str(unlinked(folder) / name)
    files.write(path, content)
    return Anchor(path=path, evidence=evidence, digest=candidate.digest)


def _laid_ready(kept: Kept, predicate: GatePredicate, passed: tuple[PassedOver, ...], folder: str) -> Chosen:
    content = kept.predictions()
    help = "something has changed it: remove it there, so that the accepted run before it is the baseline"
    check_digest(content, predicate.candidate.digest, kept.origin, help)
    path = str(unlinked(folder) / predictions_name(predicate.candidate.name, kept.origin))
    files.write(path, content)
    return Chosen(
        path=path,
        origin=kept.origin,
        evidence=kept.evidence,
        digest=hashlib.sha256(kept.evidence).hexdigest(),
        evaluation_set=predicate.evaluation_set,
        candidate=predicate.candidate,
        memory=_memory(kept),
        anchor=_anchor(kept, folder),
        passed_over=passed,
    )
