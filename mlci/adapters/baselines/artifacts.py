"""The baseline as an artifact of the default branch's runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mlci.adapters.baselines.layout import GATE, LARGEST_GATE, LARGEST_PREDICTIONS, predictions_name
from mlci.adapters.baselines.memory import KEPT, LARGEST_KEPT
from mlci.adapters.disk.archive import NoMember, only_member
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.run import Run
from mlci.errors import ArtifactRefused, Place
from mlci.ports import NONE, Artifact, Kept, Runs

_LARGEST_ARTIFACT = 512 << 20


class ArtifactBaselines:
    """Artifacts of one exact name, each a zip with ``gate.json`` and, of an accepted run, ``predictions.<ending>``."""

    def __init__(self, runs: Runs, name: str, branch: str, *, starts_over: bool = False) -> None:
        """Look among the artifacts of this name that runs of this branch left.

        Args:
            starts_over: whether it is enough that all have expired; else that is an error, because a change that is
                compared with nothing would be let through.
        """
        self._starts_over = starts_over
        self._runs = runs
        self._name = name
        self._branch = branch
        self._memories: list[bytes] = []

    def newest_first(self) -> Iterator[Kept]:
        """What was uploaded, newest run first; each artifact is read when its turn comes.

        Raises:
            ArtifactRefused: an artifact of this name is not what the step leaves, or those that are left have expired.
            ServiceFailed, ServiceRefused: the forge does not answer.
        """
        expired: Artifact | None = None
        for artifact in self._runs.artifacts_of_branch(self._name, self._branch):
            kept = self._kept(artifact) if not artifact.expired else None
            if kept is not None:
                yield kept
            expired = expired or (artifact if artifact.expired else None)
        if expired is not None and not self._starts_over:
            raise ArtifactRefused(
                "the baseline has expired, and no newer run of the default branch was accepted",
                place=Place(_origin(expired)),
                help=f"run the workflow on {self._branch}; a run there once a month keeps the baseline alive",
            )

    def keep(self, evidence: bytes, predictions: str, run: Run, beside: Mapping[str, bytes] = NONE) -> str | None:  # noqa: ARG002 - the port's shape
        """None: only the workflow can upload what ``fill`` has left in a folder."""
        return None

    def memories(self) -> Sequence[bytes]:
        """What the runs remember that ``newest_first`` has come by."""
        return tuple(self._memories)

    def remember(self, memory: bytes, run: Run) -> None:
        """Nothing: it is in the folder that the workflow uploads."""

    def _kept(self, artifact: Artifact) -> Kept | None:
        origin = _origin(artifact)
        with _named(origin):
            packed = self._runs.content(artifact, _LARGEST_ARTIFACT)
            try:
                evidence = only_member(packed, GATE, LARGEST_GATE, nested=artifact.nested)
            except NoMember:
                # A job that could not judge leaves its report all the same, where a forge packs all that a job leaves.
                if artifact.nested:
                    return None
                raise

        def predictions() -> bytes:
            name = predictions_name(read_gate(evidence, origin).candidate.name, origin)
            with _named(origin):
                return only_member(packed, name, LARGEST_PREDICTIONS, nested=artifact.nested)

        def beside(name: str, limit: int) -> bytes | None:
            with _named(origin):
                try:
                    return only_member(packed, name, limit, nested=artifact.nested)
                except NoMember:
                    return None

        memory = beside(KEPT, LARGEST_KEPT)
        self._memories += [memory] if memory is not None else []
        return Kept(evidence=evidence, predictions=predictions, origin=origin, beside=beside)


def _origin(artifact: Artifact) -> str:
    return f"artifact {artifact.name} of run {artifact.run}"


@contextmanager
def _named(origin: str) -> Iterator[None]:
    """Say which artifact it was that was refused, and how to get rid of it."""
    try:
        yield
    except ArtifactRefused as error:
        help = error.help or "delete this artifact on the page of its run, or run the workflow on that branch again"
        raise ArtifactRefused(error.cause, place=error.place or Place(origin), help=help) from error
