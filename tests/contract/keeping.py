"""Runs to keep, and the places where they can be kept: on a disk, in an S3 server, as artifacts of a forge."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import rfc8785

from mlci import REPOSITORY
from mlci.adapters.baselines import ArtifactBaselines, StoreBaselines, fill
from mlci.adapters.remote.store import Store
from mlci.domain.evidence import GatePredicate, statement
from mlci.domain.finding import Finding
from mlci.domain.report import Subject
from mlci.domain.run import Change, Run, Triggering
from mlci.domain.verdict import Verdict
from mlci.errors import ServiceFailed
from mlci.ports import Artifact, Baselines

CSV = b"id,y_true,y_pred\ne1,1,1\ne2,0,0\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def evidence(
    predictions: bytes = CSV,
    name: str = "candidate.csv",
    *,
    verdict: Verdict = Verdict.PASS,
    compared: bool = True,
    evaluation_set: str | None = None,
) -> bytes:
    """Evidence of a run that judged these predictions, as the step writes it."""
    subject = Subject(name=name, digest=sha256(predictions))
    finding = Finding(id="minimum:f1", rule="minimum", verdict=verdict, message="f1 0.9 meets 0.8", metric="f1")
    predicate = GatePredicate(
        candidate=subject,
        baseline=Subject(name="production.csv", digest=sha256(b"before")) if compared else None,
        evaluation_set=evaluation_set,
        policy_digest=sha256(b"{}"),
        policy={},
        verdict=verdict,
        reason="f1 0.9 meets 0.8",
        findings=(finding,),
        statistics=(),
        mlci="0.1.0",
    )
    return rfc8785.dumps(statement(REPOSITORY, "gate", subject, predicate))


def run(number: int = 7, attempt: int = 1, *, event: str = "push", change: bool = False, branch: str = "main") -> Run:
    """A run of the default branch, or of a change."""
    proposed = Change(number=3, head="a" * 40, base="b" * 40, base_branch="main", fork=False) if change else None
    return Run(
        repository="team/churn",
        id=number,
        attempt=attempt,
        url=f"https://github.com/team/churn/actions/runs/{number}",
        event=event,
        commit="c" * 40,
        branch=None if change else branch,
        default_branch="main",
        change=proposed,
    )


class Place(Protocol):
    """Where runs are kept, so that one test speaks of all places."""

    def baselines(self, key: str = "churn") -> Baselines:
        """The place as the step sees it."""
        ...

    def kept(self, run: Run, evidence: bytes, predictions: Path, key: str = "churn") -> None:
        """Keep a run as the step and its workflow do."""
        ...

    def planted(self, run: Run, files: dict[str, bytes], key: str = "churn") -> None:
        """Put files there as they are, whatever the step thinks of them."""
        ...

    def remembered(self, run: Run, memory: bytes, files: dict[str, bytes]) -> None:
        """Leave what a run remembers, with all that it keeps."""
        ...

    def silenced(self) -> None:
        """From now on nobody answers."""
        ...


@dataclass
class InStore:
    """Below a prefix of an object store; how it falls silent depends on the store."""

    address: str
    silence: list[object] = field(default_factory=list)

    def baselines(self, key: str = "churn") -> Baselines:
        return StoreBaselines(self.address, key, patience=2)

    def kept(self, run: Run, evidence: bytes, predictions: Path, key: str = "churn") -> None:
        assert self.baselines(key).keep(evidence, str(predictions), run, {}) is not None

    def planted(self, run: Run, files: dict[str, bytes], key: str = "churn") -> None:
        for name, content in files.items():
            Store(self.address).create(f"{key}/{run.id:020d}-{run.attempt}/{name}", content)

    def remembered(self, run: Run, memory: bytes, files: dict[str, bytes]) -> None:
        self.planted(run, files)
        self.baselines().remember(memory, run)

    def silenced(self) -> None:
        for action in self.silence:
            action()  # type: ignore[operator]


@dataclass
class AsArtifacts:
    """Artifacts of a forge, held in memory."""

    scratch: Path
    runs: ArtifactsInMemory = field(default_factory=lambda: ArtifactsInMemory())

    def baselines(self, key: str = "churn") -> Baselines:
        return ArtifactBaselines(self.runs, f"mlci-gate-{key}", "main")

    def kept(self, run: Run, evidence: bytes, predictions: Path, key: str = "churn") -> None:
        assert self.baselines(key).keep(evidence, str(predictions), run, {}) is None
        folder = self.scratch / "keep"
        fill(str(folder), evidence, str(predictions))
        self.planted(run, {file.name: file.read_bytes() for file in folder.iterdir()}, key)

    def planted(self, run: Run, files: dict[str, bytes], key: str = "churn") -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        self.runs.add(run, f"mlci-gate-{key}", packed.getvalue())

    def remembered(self, run: Run, memory: bytes, files: dict[str, bytes]) -> None:  # noqa: ARG002 - in the files
        self.planted(run, files)

    def silenced(self) -> None:
        self.runs.silent = True


@dataclass
class ArtifactsInMemory:
    """What a forge lists and hands out of artifacts."""

    uploaded: list[tuple[Run, Artifact, bytes]] = field(default_factory=list)
    fetched: list[int] = field(default_factory=list)
    silent: bool = False

    def add(self, run: Run, name: str, packed: bytes) -> None:
        number = len(self.uploaded) + 1
        artifact = Artifact(id=number, name=name, size=len(packed), run=run.id, digest=sha256(packed))
        self.uploaded.append((run, artifact, packed))

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        if self.silent:
            raise ServiceFailed("the forge does not answer")
        newest = sorted(self.uploaded, key=lambda entry: (*entry[0].age, entry[1].id), reverse=True)
        yield from (artifact for run, artifact, _ in newest if artifact.name == name and run.branch == branch)

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:
        raise NotImplementedError

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:
        raise NotImplementedError

    def content(self, artifact: Artifact, limit: int) -> bytes:
        assert artifact.size <= limit
        self.fetched.append(artifact.run)
        return next(packed for _, each, packed in self.uploaded if each.id == artifact.id)

    def changes_of(self, run: Triggering) -> Sequence[Change]:
        raise NotImplementedError
