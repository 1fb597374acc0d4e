"""Hand-over folders for tests, small and true."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import rfc8785

from mlci import REPOSITORY
from mlci.adapters.models import handover
from mlci.adapters.models.payload import find_payload
from mlci.domain.evidence import statement
from mlci.domain.report import Subject
from mlci.domain.training import (
    Data,
    Environment,
    Inputs,
    ModelPredicate,
    OwnModule,
    Payload,
    PayloadFile,
    Predictions,
    Production,
    Provenance,
    Usage,
    artifact_digest,
)

KEY, HOLDOUT, EVALUATOR = "1" * 64, "2" * 64, "3" * 64
CANDIDATE, BASELINE = b"id,y,y_pred\n1,0,0\n2,1,1\n", b"id,y,y_pred\n1,0,1\n2,1,1\n"
ENVIRONMENT = Environment(
    python="3.11.7", platform="Linux-x86_64", packages={"numpy": "2.4.6", "scikit_learn": "1.9.1", "mine": "0.1"},
    digest="e" * 64, loaded={"numpy": "2.4.6", "scikit_learn": "1.9.1", "mine": "0.1"}, unlocked=("mine",),
)  # fmt: skip
_USAGE = Usage(seconds=1.0, cpu_seconds=1.5, peak_memory=1 << 20)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(folder: Path, files: dict[str, bytes] | None = None) -> Payload:
    """A model as training leaves it."""
    for name, content in (files or {"model.joblib": b"weights"}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return find_payload(str(folder), None, False)


def modules(folder: Path, code: dict[str, bytes]) -> tuple[OwnModule, ...]:
    """Modules as scoring finds them, by path below an import root."""
    found = []
    for path, content in code.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        file = PayloadFile(path=path, digest=sha(content), size=len(content))
        found.append(OwnModule(file=file, place=str(place)))
    return tuple(found)


INPUTS = Inputs(code="4" * 64, params="5" * 64, data="6" * 64, environment="7" * 64, recipe="8" * 64, key=KEY)


def predicate(payload: Payload, **changes: Any) -> ModelPredicate:
    code, inputs = tuple(module.file for module in payload.code), INPUTS
    predictions = Predictions(
        file=Subject(name="candidate.csv", digest=sha(CANDIDATE)), rows=2, holdout=Data(path="h.csv", digest=HOLDOUT),
        evaluator=EVALUATOR, fingerprint="9" * 64, probe=2,
    )  # fmt: skip
    provenance = Provenance(command="python train.py", seed=1, device="cpu", environment=ENVIRONMENT)
    whole = ModelPredicate(
        model="churn", format=payload.format, files=payload.files, code=code, inputs=inputs,
        artifact=artifact_digest(payload.files, code, format=payload.format, inputs=inputs),
        provenance=provenance, predictions=predictions, training=_USAGE, scoring=_USAGE, mlci="1.0.0",
    )  # fmt: skip
    return replace(whole, **changes)


def evidence(predicate: ModelPredicate) -> bytes:
    subject = Subject(name=predicate.model, digest=predicate.artifact)
    return rfc8785.dumps(statement(REPOSITORY, "model", subject, predicate))


def production(**changes: Any) -> Production:
    whole = Production(
        file=Subject(name="baseline.csv", digest=sha(BASELINE)), version="7", artifact="a" * 64, holdout=HOLDOUT,
        evaluator=EVALUATOR, how="it was scored",
    )  # fmt: skip
    return replace(whole, **changes)


def laid(
    folder: Path, files: dict[str, bytes] | None = None, *, code: dict[str, bytes] | None = None, baseline: bool = True,
    **changes: Any,
) -> Path:  # fmt: skip
    """A hand-over folder at ``folder / "mlci-model"``."""
    payload = replace(model(folder / "output", files), code=modules(folder / "src", code or {}))
    (folder / "scored.csv").write_bytes(CANDIDATE)
    (folder / "production.csv").write_bytes(BASELINE)
    handover.lay(
        str(folder / "mlci-model"),
        evidence=evidence(predicate(payload, **changes)),
        candidate=str(folder / "scored.csv"),
        payload=payload,
        environment=ENVIRONMENT,
        baseline=(production(), str(folder / "production.csv")) if baseline else None,
    )
    return folder / "mlci-model"
