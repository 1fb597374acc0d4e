"""``kept.json``: what the default branch remembers beside a baseline, such as the looks at its holdouts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import msgspec

from mlci.adapters.baselines.layout import GATE, LARGEST_GATE
from mlci.adapters.disk.archive import only_member
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.wear import MOST_CANDIDATES, MOST_READ, MOST_SETS, SHORT, Look, Looks
from mlci.errors import ArtifactRefused, Place
from mlci.ports import Runs

KEPT = "kept.json"
LARGEST_KEPT = 1 << 20
SCHEMA = "mlci.kept/1"
# Artifacts of other runs that one run counts: two requests each.
MOST_COUNTED = 50
# Of a change only the evidence is uploaded. What is larger holds predictions, and the run that kept it counts itself.
_LARGEST_ARTIFACT = 20 << 20
_DIGEST, _SHORT = re.compile(r"[0-9a-f]{64}"), re.compile(rf"[0-9a-f]{{{SHORT}}}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is kept of earlier runs.

    Attributes:
        schema: of the file.
        since: day on which the baseline beside it was accepted, as YYYY-MM-DD; None where that is not known.
        looks: at holdouts.
    """

    schema: str = SCHEMA
    since: str | None = None
    looks: Looks = field(default_factory=Looks)

    @property
    def day(self) -> date | None:
        """The day on which the baseline was accepted."""
        return None if self.since is None else date.fromisoformat(self.since)


def encoded(memory: Memory) -> bytes:
    """The bytes of the file."""
    return msgspec.json.encode(memory)


def decoded(content: bytes, place: str) -> Memory:
    """What the file says.

    Raises:
        ArtifactRefused: it is none that a run of the default branch wrote.
    """
    try:
        memory = msgspec.json.decode(content, type=Memory)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _refused(place) from error
    if len(content) > LARGEST_KEPT or any(_wrong(memory)):
        raise _refused(place)
    return memory


def _wrong(memory: Memory) -> Iterator[bool]:
    yield memory.schema != SCHEMA
    if memory.since is not None:
        yield not _is_day(memory.since)
    yield len(memory.looks.sets) > MOST_SETS or len(memory.looks.read) > MOST_READ
    for each in memory.looks.sets:
        yield not _DIGEST.fullmatch(each.evaluation_set) or len(each.candidates) > MOST_CANDIDATES or each.earlier < 0
        yield not all(_SHORT.fullmatch(one) for one in (*each.candidates, *([each.passed] if each.passed else [])))


def _is_day(text: str) -> bool:
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _refused(place: str) -> ArtifactRefused:
    return ArtifactRefused(
        f"{KEPT} is not what a run of the default branch leaves",
        place=Place(place),
        help="remove it there: looks at the holdout are then counted from the start",
    )


def joined(memories: Iterable[bytes], place: str) -> Looks:
    """The looks of several memories, as one."""
    looks = Looks()
    for content in memories:
        looks = looks.joined(decoded(content, place).looks)
    return looks


@dataclass(frozen=True)
class Found:
    """Looks that other runs took.

    Attributes:
        looks: as their evidence names them.
        read: numbers of the artifacts they are from, and of those that are no evidence.
        complete: whether all that could be found was looked at.
    """

    looks: tuple[Look, ...]
    read: tuple[int, ...]
    complete: bool

    def into(self, looks: Looks) -> Looks:
        """A memory that knows these artifacts are counted."""
        return looks.joined(replace(Looks(), read=self.read))


def looks_of(runs: Runs, name: str, read: Iterable[int]) -> Found:
    """The looks that runs of changes and others left as evidence, as far as they are not counted yet.

    Whoever runs a change writes its evidence, so one look per run is all that it can add, and that is what a run is.
    What is not evidence of a gate is no look; what it names is nobody's word but its own.

    Args:
        runs: of the forge.
        name: of the artifacts.
        read: numbers of those that are counted already.

    Raises:
        ServiceFailed, ServiceRefused: the forge does not answer.
    """
    known = frozenset(read)
    looks: list[Look] = []
    numbers: list[int] = []
    for artifact in runs.artifacts_of_runs(name):
        if artifact.id in known or artifact.expired:
            continue
        if len(numbers) == MOST_COUNTED:
            return Found(tuple(reversed(looks)), tuple(numbers), complete=False)
        numbers.append(artifact.id)
        if artifact.size > _LARGEST_ARTIFACT:
            continue
        try:
            packed = runs.content(artifact, _LARGEST_ARTIFACT)
            evidence = read_gate(only_member(packed, GATE, LARGEST_GATE, nested=artifact.nested), name)
        except ArtifactRefused:
            continue
        if evidence.evaluation_set is not None and _DIGEST.fullmatch(evidence.evaluation_set):
            looks.append(Look(evaluation_set=evidence.evaluation_set, candidate=evidence.candidate.digest))
    return Found(tuple(reversed(looks)), tuple(numbers), complete=True)
