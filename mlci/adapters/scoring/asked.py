"""What scoring is asked to do, and the digest of everything in it that predictions depend on."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mlci.domain.metric import Task
from mlci.domain.policy import Columns
from mlci.domain.training import Outputs

WORKER = Path(__file__).parents[2] / "worker.py"
SURVEY, IMPORTS = Path(__file__).with_name("survey.py"), Path(__file__).with_name("imports.py")

# Predictions that were kept are computed again when this changes: what is made here of the worker's numbers.
_READING_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which predictions are wanted, and what stands beside them.

    Attributes:
        columns: names of columns; id, target, weight and group are the holdout's, prediction and score the file's.
        slices: columns whose values are groups of examples.
        sensitive: columns that fairness is judged by.
        features: what a model that does not name its columns is given; empty means all that play no other part.
        outputs: what the numbers of a model are that does not say it itself.
        task: what the model predicts; None where that is worked out.
        positive: the positive label of a binary task; None where it is worked out.
        threshold: score from which an example is positive, where the model gives no label.
        device: what the model runs on.
        command: the user's own scoring; None where mlci loads the model.
        trusted: whether a skops file may hold types that are not known to be safe; no part of the digest.
    """

    columns: Columns = field(default_factory=Columns)
    slices: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    outputs: Outputs = "auto"
    task: Task | None = None
    positive: str | None = None
    threshold: float = 0.5
    device: str = "cpu"
    command: str | None = None
    trusted: bool = True


@dataclass(frozen=True, kw_only=True)
class HoldoutFile:
    """The holdout as a file.

    Attributes:
        path: on this machine.
        digest: sha256 of its bytes, in hexadecimal.
    """

    path: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """Where the model is loaded.

    Attributes:
        python: path or name of the interpreter.
        cwd: folder to run in; its modules are found by import.
        environ: the complete environment, without tokens.
        timeout: longest time one model may take, in seconds.
        log: path of the file that gets everything it prints.
        own: folders whose modules are the model's own; empty for ``cwd`` and the work tree that it lies in.
        forbidden: folder that no module may come from, other than the model's own; None where all may be imported.
    """

    python: str
    cwd: str
    environ: Mapping[str, str]
    timeout: float
    log: str
    own: tuple[str, ...] = ()
    forbidden: str | None = None


def evaluator_digest(asked: Asked) -> str:
    """sha256, in hexadecimal, of everything besides model and holdout that predictions depend on.

    The code of a scoring command of the user's is part of the model it scores: ``training.artifact_digest``.
    """
    import rfc8785

    settings: dict[str, Any] = asdict(asked)
    del settings["trusted"]
    for name in ("slices", "sensitive", "features"):
        settings[name] = list(settings[name])
    settings["versions"] = [worker_version(), _READING_VERSION]
    return hashlib.sha256(rfc8785.dumps(settings)).hexdigest()


@cache
def worker_version() -> int:
    """``WORKER_VERSION`` of the worker; read, because adapters do not import what runs elsewhere."""
    for node in ast.parse(WORKER.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WORKER_VERSION":
            return int(ast.literal_eval(node.value))
    raise AssertionError("the worker has no version")
