"""Evidence of a trained model, read as what it is: a stranger's file, until its digests have been compared."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from mlci import REPOSITORY
from mlci.adapters.disk.content import digest_of_manifest
from mlci.adapters.evidence.statement import DIGEST, Statement, decoded
from mlci.domain.evidence import STATEMENT, predicate_type
from mlci.domain.training import Inputs, ModelPredicate, PayloadFile, artifact_digest
from mlci.errors import ArtifactRefused, Place

LARGEST_EVIDENCE = 32 << 20
MOST_FILES = 100_000
LONGEST_NAME = 400
_MOST_ASSUMPTIONS = 1_000
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HELP = "remove it and train again, with this version"

# Every major version that there has been; one that is added stays readable.
_TYPES = frozenset({predicate_type(REPOSITORY, "model")})


def read_model(content: bytes, place: str) -> ModelPredicate:
    """The evidence of a model, believed in nothing but its form: its digests have yet to be compared.

    Args:
        content: bytes of an in-toto Statement.
        place: names the evidence in an error.

    Raises:
        ArtifactRefused: the content is too large or malformed, is of another kind, or contradicts itself.
    """
    where, kind = Place(place), Statement[ModelPredicate]
    statement = decoded(content, kind, where, what="the evidence", limit=LARGEST_EVIDENCE, help=_HELP)
    for cause in _wrong(statement):
        raise ArtifactRefused(cause, place=where, help=_HELP)
    return statement.predicate


def _wrong(statement: Statement[ModelPredicate]) -> Iterator[str]:
    predicate = statement.predicate
    if statement.type != STATEMENT or statement.predicate_type not in _TYPES:
        yield "this is not the evidence of a model"
    named = [(subject.name, subject.digest) for subject in statement.subject]
    if named != [(predicate.model, {"sha256": predicate.artifact})]:
        yield "the evidence is not about the model it names"
    if not all(DIGEST.fullmatch(digest) for digest in _digests(predicate)):
        yield "a digest is not 64 hexadecimal digits"
    commit = predicate.provenance.commit
    if commit is not None and not _COMMIT.fullmatch(commit):
        yield "the commit is not 40 or 64 hexadecimal digits"
    if not predicate.files:
        yield "the model has no files"
    yield from _wrong_files(predicate.files)
    yield from _wrong_files(predicate.code)
    if not all(is_module(file.path) for file in predicate.code):
        yield "the path of a module is none that could be imported"
    if predicate.artifact not in _artifacts(predicate):
        yield "the digest of the model is not that of its files and code"
    yield from _wrong_numbers(predicate)
    if any(not name or len(name) > LONGEST_NAME for name in _names(predicate)):
        yield f"a name is empty or has more than {LONGEST_NAME} characters"


def _wrong_files(files: tuple[PayloadFile, ...]) -> Iterator[str]:
    if len(files) > MOST_FILES:
        yield f"the model has more than {MOST_FILES} files"
    if not all(stays_inside(file.path) for file in files):
        yield "the path of a file leads out of the model"
    if len({file.path for file in files}) < len(files):
        yield "a file stands twice"
    if any(file.size < 0 for file in files):
        yield "the size of a file is negative"


def _artifacts(predicate: ModelPredicate) -> Iterator[str]:
    """What its artifact may be; evidence from before code was kept with models names the files alone."""
    yield artifact_digest(predicate.files, predicate.code, format=predicate.format, inputs=predicate.inputs)
    if not predicate.code:
        yield digest_of_manifest(predicate.files)


def is_module(path: str) -> bool:
    """Whether a path is that of a module below an import root, such as ``churn/model.py``."""
    return path.endswith(".py") and all(part.isidentifier() for part in path[: -len(".py")].split("/"))


def stays_inside(path: str) -> bool:
    """Whether a relative path with ``/`` between folders is plain and names something below where it starts."""
    parts = path.split("/")
    odd = any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in path)
    return not odd and not any(part in ("", ".", "..") for part in parts)


def _wrong_numbers(predicate: ModelPredicate) -> Iterator[str]:
    predictions = predicate.predictions
    if not 0 <= predictions.probe <= predictions.rows:
        yield "the probe set has more examples than there are"
    for usage in (predicate.training, predicate.scoring):
        numbers = (usage.seconds, usage.cpu_seconds, float(usage.peak_memory))
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            yield "a time or a size is negative or not finite"
    if len(predictions.assumptions) > _MOST_ASSUMPTIONS:
        yield f"the evidence has more than {_MOST_ASSUMPTIONS} assumptions"


def _digests(predicate: ModelPredicate) -> Iterator[str]:
    yield predicate.artifact
    yield from (file.digest for file in (*predicate.files, *predicate.code))
    yield from _of_inputs(predicate.inputs)
    predictions, provenance = predicate.predictions, predicate.provenance
    yield from (predictions.file.digest, predictions.holdout.digest, predictions.evaluator, predictions.fingerprint)
    yield provenance.environment.digest
    if provenance.data is not None:
        yield provenance.data.digest
    if predicate.data is not None:
        yield predicate.data


def _of_inputs(inputs: Inputs) -> Iterator[str]:
    yield from (inputs.code, inputs.params, inputs.data, inputs.environment, inputs.recipe, inputs.key)


def _names(predicate: ModelPredicate) -> Iterator[str]:
    yield predicate.model
    yield predicate.predictions.file.name
    yield from (package for package in predicate.provenance.environment.packages)
