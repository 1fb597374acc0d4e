"""A trained model as evidence: what it is, what it was made from, and what it says of the holdout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from mlci.domain.report import Subject

# How a model is loaded. A pickle is whatever joblib or pickle wrote; "command" is loaded by the user's own scoring.
Format = Literal["mlflow", "pickle", "skops", "onnx", "torch", "command"]

# What can make a new model: a change of something that training reads, or the way its run was started.
When = Literal["code", "params", "data", "schedule", "manual"]
Part = Literal["code", "params", "data", "environment", "recipe"]

# What the numbers are that a model gives of an example.
Outputs = Literal["auto", "probabilities", "logits", "values", "labels"]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Digests of everything training may read, each sha256 in hexadecimal; together they are the inputs key."""

    code: str = field(metadata={"help": "Of names, modes and contents of the files that training may read."})
    params: str = field(metadata={"help": "Of the file of hyper-parameters; of nothing where there is none."})
    data: str = field(metadata={"help": "Of the content of the training data; of nothing where none is named."})
    environment: str = field(metadata={"help": "Of the file that pins the environment; of nothing without one."})
    recipe: str = field(metadata={"help": "Of the settings of train: command, seed, device, profile and the like."})
    key: str = field(metadata={"help": "Of the parts that make a new model; the same key is trained once."})

    def differing(self, other: Inputs) -> tuple[Part, ...]:
        """The parts that are not the same, in the order of this class."""
        names: tuple[Part, ...] = ("code", "params", "data", "environment", "recipe")
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, kw_only=True)
class PayloadFile:
    """One file of a model."""

    path: str = field(metadata={"help": "Within the model, with / between folders."})
    digest: str = field(metadata={"help": "sha256 of its content, in hexadecimal."})
    size: int = field(metadata={"help": "Bytes."})


@dataclass(frozen=True, kw_only=True)
class OwnModule:
    """A module of the user's own that a model was loaded or scored with.

    Attributes:
        file: its content, with its path below an import root, such as ``churn/model.py``.
        place: path of the file on this machine.
    """

    file: PayloadFile
    place: str


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A model as files.

    Attributes:
        path: of the file or folder on this machine.
        format: how it is loaded.
        digest: sha256, in hexadecimal, of the manifest of its files; what is random in an MLflow model is left out.
            Once the model was scored, the digest of its artifact (``artifact_digest``).
        files: everything it consists of, by path.
        code: modules of the user's own that it is loaded with, as far as they are known.
    """

    path: str
    format: Format
    digest: str
    files: tuple[PayloadFile, ...]
    code: tuple[OwnModule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The interpreter and machine that something was computed on."""

    python: str = field(metadata={"help": "Version of the interpreter, such as 3.11.7."})
    platform: str = field(metadata={"help": "Operating system, processor and C library."})
    packages: dict[str, str] = field(metadata={"help": "Version of every installed distribution, by name."})
    digest: str = field(metadata={"help": "sha256 over interpreter, platform, packages and what their records list."})
    loaded: dict[str, str] = field(
        default_factory=dict, metadata={"help": "The distributions that loading and scoring really used."}
    )
    unlocked: tuple[str, ...] = field(
        default=(), metadata={"help": "Distributions that no index has: installed from a folder or a repository."}
    )
    hardware: dict[str, str] = field(
        default_factory=dict, metadata={"help": "Processor, cores, memory, accelerators and their driver."}
    )
    settings: dict[str, str] = field(
        default_factory=dict, metadata={"help": "Threads, instruction set, determinism switches, as far as known."}
    )


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a command took."""

    seconds: float = field(metadata={"help": "Wall-clock time."})
    cpu_seconds: float = field(metadata={"help": "Time on processors, of the command and all it started."})
    peak_memory: int = field(metadata={"help": "Largest resident size of one of its processes, in bytes."})


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a model said of the holdout.

    Attributes:
        path: file of predictions on this machine, with ids, labels, weights, groups and slices of the holdout.
        digest: sha256 of that file, in hexadecimal.
        rows: examples.
        fingerprint: sha256 of the rounded predictions on the probe set.
        probe: how many examples the probe set has.
        environment: what they were computed in.
        usage: what it took.
        assumptions: what had to be assumed, one sentence each.
        code: modules of the user's own that loading and scoring used; none where the user's own command scored.
    """

    path: str
    digest: str
    rows: int
    fingerprint: str
    probe: int
    environment: Environment
    usage: Usage
    assumptions: tuple[str, ...] = ()
    code: tuple[OwnModule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Data:
    """A set of data that was read."""

    path: str = field(metadata={"help": "As mlci.yml names it."})
    digest: str = field(metadata={"help": "sha256 of the file, or of the manifest of the folder, in hexadecimal."})
    columns: dict[str, str] | None = field(
        default=None,
        metadata={
            "help": "Type of each column by name, empty where the file has no types; none where it is no table, and "
            "absent in older evidence, and for what is judged on."
        },
    )


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a model was made from, and where."""

    commit: str | None = field(default=None, metadata={"help": "The commit that was checked out; absent outside git."})
    dirty: bool = field(default=False, metadata={"help": "Whether files differed from that commit."})
    command: str = field(metadata={"help": "The command that trained it."})
    seed: int = field(metadata={"help": "The seed handed to it."})
    device: str = field(metadata={"help": "The device asked for."})
    profile: str | None = field(default=None, metadata={"help": "Profile it was trained by; absent for a full run."})
    params: dict[str, Any] = field(default_factory=dict, metadata={"help": "Hyper-parameters, as in their file."})
    data: Data | None = field(default=None, metadata={"help": "The training data, where mlci.yml names it."})
    environment: Environment = field(metadata={"help": "The interpreter and machine."})
    run: str | None = field(default=None, metadata={"help": "Page of the run; absent on a developer's machine."})


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The candidate's predictions on the holdout."""

    file: Subject = field(metadata={"help": "Name and digest of the file."})
    rows: int = field(metadata={"help": "Examples."})
    holdout: Data = field(metadata={"help": "What it was scored on."})
    evaluator: str = field(metadata={"help": "sha256 of all else that predictions depend on."})
    fingerprint: str = field(metadata={"help": "sha256 of the predictions on the probe set, rounded to six digits."})
    probe: int = field(metadata={"help": "Examples of the probe set: those whose hashed ids come first."})
    assumptions: tuple[str, ...] = field(default=(), metadata={"help": "What had to be assumed to score."})


@dataclass(frozen=True, kw_only=True)
class ModelPredicate:
    """A model: its digest, what it does, and everything that made it."""

    model: str = field(metadata={"help": "Name of the model."})
    format: Format = field(metadata={"help": "How it is loaded."})
    artifact: str = field(metadata={"help": "sha256 of the manifest of its files and its code, in hexadecimal."})
    files: tuple[PayloadFile, ...] = field(metadata={"help": "Its files."})
    code: tuple[PayloadFile, ...] = field(
        default=(),
        metadata={"help": "Modules of the user's own that it is loaded with, by import path such as churn/model.py."},
    )
    inputs: Inputs = field(metadata={"help": "Digests of what training read."})
    provenance: Provenance = field(metadata={"help": "What it was made from."})
    predictions: Predictions = field(metadata={"help": "What it says of the holdout."})
    training: Usage = field(metadata={"help": "What training took."})
    scoring: Usage = field(metadata={"help": "What scoring took."})
    mlci: str = field(metadata={"help": "Version of mlci that recorded it."})
    data: str | None = field(
        default=None,
        metadata={
            "help": "sha256 of the evidence that its training data passed their check; absent where nobody checked "
            "them, and in older evidence."
        },
    )


@dataclass(frozen=True, kw_only=True)
class Production:
    """Production's predictions on the same holdout, beside a candidate's."""

    file: Subject = field(metadata={"help": "Name and digest of the file of predictions."})
    version: str = field(metadata={"help": "Version in the registry."})
    artifact: str = field(metadata={"help": "sha256 of the manifest of its files and its code."})
    holdout: str = field(metadata={"help": "sha256 of the holdout it was scored on."})
    evaluator: str = field(metadata={"help": "sha256 of everything else its predictions depend on."})
    how: str = field(metadata={"help": "Where the predictions come from, as a sentence."})


def artifact_digest(
    files: Iterable[PayloadFile], code: Iterable[PayloadFile] = (), *, format: Format, inputs: Inputs
) -> str:
    """What a model is, as one sha256 in hexadecimal: its files, and the user's own code that gives them a meaning.

    The bytes of a pickle are the same whatever its classes do, so that the same files with other code are another
    model. Without any code it is the digest of the manifest of the files alone.

    Args:
        files: of the model.
        code: modules of the user's own that it is loaded with.
        format: how it is loaded; code of a scoring command cannot be seen, so that all that training may read counts.
        inputs: what it was made from.
    """
    lines: list[list[str | int]] = [[file.path, file.digest, file.size] for file in _by_path(files)]
    # A file of the model may lie in a folder that is called code, so that lines of code have another form.
    lines += [["code", file.path, file.digest, file.size] for file in _by_path(code)]
    lines += [["inputs.code", inputs.code]] if format == "command" else []
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def _by_path(files: Iterable[PayloadFile]) -> list[PayloadFile]:
    return sorted(files, key=lambda file: file.path)
