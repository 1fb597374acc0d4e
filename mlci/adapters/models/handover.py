"""The folder that model-ci leaves for the steps after it: a model, what it says of the holdout, and the evidence.

    model.json                   evidence of the model
    candidate.csv|parquet        its predictions on the holdout
    baseline.csv|parquet         production's predictions on the same holdout, where there are any
    baseline.json                which version of the registry they are of
    operations.json              how the two models run, where that was measured
    seeds.json                   models of further seeds, where the recipe is asked about
    seed-<seed>.csv|parquet      the predictions of each on the same holdout
    model/                       the model: a folder as it is, a single file inside it
    code/                        modules of the user's own that it is loaded with, by import path; where it has any
    environment.txt              what it was scored in, as requirements of exact versions
    environment.json             the same in full
    data.json                    evidence that its training data passed, where they were checked

It is laid whole or not at all, and believed only as far as its digests hold.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlci.adapters.disk import files
from mlci.adapters.disk.folders import check_file, copy_checked, made_whole, names_in, read_file, writing
from mlci.adapters.evidence.model import read_model
from mlci.adapters.evidence.operations import of_operations
from mlci.adapters.evidence.statement import DIGEST, decoded
from mlci.adapters.models.checked import DATA, lay_data, read_data_of
from mlci.adapters.models.locks import lock_text
from mlci.adapters.models.payload import copy_payload, verify
from mlci.adapters.models.seeds import SEEDS, is_seed, lay_seeds, read_seeds
from mlci.domain.operation import Handed
from mlci.domain.recipe import SeedRun
from mlci.domain.report import plain
from mlci.domain.training import Environment, ModelPredicate, OwnModule, Payload, PayloadFile, Production
from mlci.errors import ArtifactRefused, FileMissing, MlciError, ModelAltered, NotWritable, Place

__all__ = [
    "HandOver", "candidate_name", "lay", "read", "read_model", "read_production", "set_baseline", "verify_payload",
]  # fmt: skip

EVIDENCE, MODEL, CODE, LOCK, ENVIRONMENT, BASELINE, OPERATIONS = (
    "model.json", "model", "code", "environment.txt", "environment.json", "baseline.json", "operations.json",
)  # fmt: skip
ENDINGS = ("csv", "parquet")
CANDIDATES = tuple(f"candidate.{ending}" for ending in ENDINGS)
BASELINES = tuple(f"baseline.{ending}" for ending in ENDINGS)
FILES = (EVIDENCE, LOCK, ENVIRONMENT, BASELINE, OPERATIONS, SEEDS, DATA, *CANDIDATES, *BASELINES)

_LARGEST_TEXT = 8 << 20
_HELP = "run mlci model-ci again"
# One file that a framework loads by itself; any other model is handed over as the folder it is.
_SINGLE = frozenset({"pickle", "skops", "onnx", "torch", "command"})


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """A hand-over folder that was read.

    Attributes:
        folder: where it is.
        evidence: bytes of the model's evidence.
        model: what the evidence says.
        candidate: path of the candidate's predictions, whose digest the evidence names.
        payload: the model; its bytes are compared only by ``verify_payload``.
        environment: what it was scored in.
        lock: the same as requirements.
        baseline: production's predictions on the same holdout with their path; None where there are none.
        operations: how the two models run; None where nobody measured that.
        seeds: models of further seeds, each with the path of its predictions.
        data: evidence of the training data; None where that of the model names none.
    """

    folder: str
    evidence: bytes
    model: ModelPredicate
    candidate: str
    payload: Payload
    environment: Environment
    lock: str
    baseline: tuple[Production, str] | None
    operations: Handed | None = None
    seeds: tuple[tuple[SeedRun, str], ...] = ()
    data: bytes | None = None


def lay(
    folder: str,
    *,
    evidence: bytes,
    candidate: str,
    payload: Payload,
    environment: Environment,
    baseline: tuple[Production, str] | None,
    operations: Handed | None = None,
    seeds: tuple[tuple[SeedRun, str], ...] = (),
    data: bytes | None = None,
) -> None:
    """Replace the folder by a new hand-over; it is never seen half filled.

    Args:
        folder: its path; made where it is missing.
        evidence: bytes of the model's evidence.
        candidate: path of the predictions that it names, ending in csv or parquet.
        payload: the model that it names; may lie in the folder that is replaced.
        environment: what the model was scored in.
        baseline: production's predictions with their path; None without production.
        operations: how the two models run; None where nobody measured that.
        seeds: models of further seeds, each with the path of its predictions.
        data: the evidence of the training data that the model's names; None where it names none.

    Raises:
        NotWritable: it cannot be written, or holds something that no earlier run left.
        ModelAltered: model or predictions are no longer those that were digested.
        ArtifactRefused, FileMissing: something of it cannot be read.
    """
    predicate = read_model(evidence, "this run's evidence")
    require_ours(folder)
    with made_whole(folder) as new:
        if (payload.files, tuple(module.file for module in payload.code)) != (predicate.files, predicate.code):
            raise ModelAltered("the model is not the one that the evidence names", place=Place(payload.path))
        copy_payload(payload, str(new / MODEL))
        _lay_code(new / CODE, payload.code)
        name = new / f"candidate.{ending_of(candidate)}"
        copy_checked(candidate, str(name), predicate.predictions.file.digest, "the candidate's predictions file")
        if baseline is not None:
            _lay_baseline(new, baseline)
        if operations is not None:
            (new / OPERATIONS).write_bytes(canonical(operations))
        lay_seeds(new, seeds)
        lay_data(new, predicate, data)
        (new / LOCK).write_text(lock_text(environment), "utf-8")
        (new / ENVIRONMENT).write_bytes(canonical(environment))
        (new / EVIDENCE).write_bytes(evidence)


def set_baseline(folder: str, baseline: tuple[Production, str] | None) -> None:
    """Replace production's predictions in a hand-over, or take them out; killed half way, it has none.

    Raises:
        NotWritable: the folder cannot be written.
        ModelAltered, ArtifactRefused, FileMissing: the predictions are not those that ``baseline`` names.
    """
    root = Path(folder)
    with writing(folder):
        # How the models run was measured beside the production that is replaced.
        for name in (OPERATIONS, BASELINE, *BASELINES):
            # The file may be the very one that is laid again; then it is there already.
            if baseline is None or name == BASELINE or not _is_same(root / name, baseline[1]):
                (root / name).unlink(missing_ok=True)
        if baseline is not None:
            _lay_baseline(root, baseline)


def read(folder: str) -> HandOver:
    """What a hand-over folder says; predictions are compared with the digests beside them, the model is not.

    Raises:
        FileMissing: there is no such folder, or it lacks a part.
        ArtifactRefused: it holds something else, links, or content that is malformed.
        ModelAltered: predictions are not those that their evidence names, or belong to another holdout.
    """
    present = _listed(folder)
    root = Path(folder)
    evidence = read_file(str(_part(root, present, EVIDENCE)), _LARGEST_TEXT * 4)
    model = read_model(evidence, str(root / EVIDENCE))
    candidate = _part(root, present, *CANDIDATES)
    check_file(str(candidate), model.predictions.file.digest, "the candidate's predictions file")
    _part(root, present, MODEL)
    if model.code:
        _part(root, present, CODE)
    elif CODE in present:
        raise ArtifactRefused("it holds code that its evidence does not name", place=Place(folder), help=_HELP)
    return HandOver(
        folder=folder,
        evidence=evidence,
        model=model,
        candidate=str(candidate),
        payload=payload_in(str(root / MODEL), model, str(root / CODE)),
        environment=read_environment(str(_part(root, present, ENVIRONMENT))),
        lock=read_lock(str(_part(root, present, LOCK))),
        baseline=_read_baseline(root, present, model),
        operations=_read_operations(root, present, model),
        seeds=read_seeds(root, present, model),
        data=read_data_of(root, present, model),
    )


def verify_payload(handover: HandOver) -> Payload:
    """The model of a hand-over, after its bytes have been compared with its evidence.

    Raises:
        ModelAltered: they are others.
    """
    verify(str(Path(handover.folder, MODEL)), handover.model.files)
    verify_code(str(Path(handover.folder, CODE)), handover.model.code)
    return handover.payload


def verify_code(folder: str, code: tuple[PayloadFile, ...]) -> None:
    """See that the modules of the user's own are those that the evidence names; without any there is no folder.

    Raises:
        ModelAltered: they are others.
    """
    if code:
        verify(folder, code, "module")


def payload_in(folder: str, model: ModelPredicate, code: str) -> Payload:
    """The model that lies in a folder as a hand-over has it: the folder itself, or the single file in it.

    Args:
        folder: of the model.
        model: what its evidence says.
        code: folder of the modules it is loaded with.
    """
    names = [file.path for file in model.files]
    single = len(names) == 1 and "/" not in names[0] and model.format in _SINGLE
    path = str(Path(folder, names[0])) if single else folder
    modules = tuple(OwnModule(file=file, place=str(Path(code, file.path))) for file in model.code)
    return Payload(path=path, format=model.format, digest=model.artifact, files=model.files, code=modules)


def read_production(content: bytes, place: str) -> Production:
    """Which version's predictions lie beside, strictly.

    Raises:
        ArtifactRefused: the content is malformed.
    """
    where = Place(place)
    found = decoded(content, Production, where, what="what is said of production", limit=_LARGEST_TEXT, help=_HELP)
    if not all(DIGEST.fullmatch(each) for each in (found.file.digest, found.artifact, found.holdout, found.evaluator)):
        raise ArtifactRefused("a digest is not 64 hexadecimal digits", place=where, help=_HELP)
    if max(len(found.version), len(found.file.name), len(found.how)) > 1000 or not found.version.isalnum():
        raise ArtifactRefused("the version, the name or the origin cannot be one", place=where, help=_HELP)
    return found


def read_environment(path: str) -> Environment:
    """An environment that ``canonical`` wrote.

    Raises:
        FileMissing, ArtifactRefused: the file cannot be read, or is malformed.
    """
    content = read_file(path, _LARGEST_TEXT)
    return decoded(content, Environment, Place(path), what="the environment", limit=_LARGEST_TEXT, help=_HELP)


def read_lock(path: str) -> str:
    """Requirements as text.

    Raises:
        FileMissing, ArtifactRefused: the file cannot be read, or is no text.
    """
    try:
        return read_file(path, _LARGEST_TEXT).decode()
    except UnicodeDecodeError:
        raise ArtifactRefused("the requirements are no text", place=Place(path), help=_HELP) from None


def canonical(value: Environment | Production | Handed) -> bytes:
    """As JSON in canonical form (RFC 8785)."""
    import rfc8785

    return rfc8785.dumps(plain(value, exact=True))


def ending_of(path: str) -> str:
    """``csv`` or ``parquet``.

    Raises:
        ArtifactRefused: predictions of another kind are not handed over.
    """
    ending = path.rpartition(".")[2].lower()
    if ending not in ENDINGS:
        raise ArtifactRefused("predictions are handed over as csv or parquet only", place=Place(path))
    return ending


def candidate_name(model: ModelPredicate) -> str:
    """What the candidate's predictions are called in a hand-over, by the ending in their evidence."""
    return f"candidate.{ending_of(model.predictions.file.name)}"


def require_ours(folder: str) -> None:
    """See that a folder may be replaced: it is missing, empty, or what an earlier run left.

    Raises:
        NotWritable: it is a link, no folder, or holds something else.
    """
    try:
        present = names_in(folder)
        if not present:
            return
        _check_names(folder, present)
        read_model(read_file(str(Path(folder, EVIDENCE)), _LARGEST_TEXT * 4), str(Path(folder, EVIDENCE)))
    except FileMissing:
        if not Path(folder).is_symlink() and not Path(folder).exists():
            return
        raise _foreign(folder, f"{folder} holds no {EVIDENCE}, so an earlier run did not leave it") from None
    except ArtifactRefused as refused:
        raise _foreign(folder, refused.cause) from None


def _foreign(folder: str, cause: str) -> NotWritable:
    return NotWritable(
        f"{folder} is not replaced: {cause}",
        place=Place(folder),
        help="name a folder of its own: everything in it is replaced; or remove it yourself",
    )


def _is_same(one: Path, other: str) -> bool:
    return one.exists() and Path(other).exists() and one.samefile(other)


def _lay_code(root: Path, code: tuple[OwnModule, ...]) -> None:
    for module in code:
        target = root / module.file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_checked(module.place, str(target), module.file.digest, f"the module {module.file.path}")


def _lay_baseline(root: Path, baseline: tuple[Production, str]) -> None:
    production, path = baseline
    target = root / f"baseline.{ending_of(path)}"
    if _is_same(target, path):
        check_file(path, production.file.digest, "production's predictions file")
    else:
        copy_checked(path, str(target), production.file.digest, "production's predictions file")
    files.write(str(root / BASELINE), canonical(production))


def _listed(folder: str) -> Mapping[str, int]:
    present = names_in(folder)
    _check_names(folder, present)
    return present


def _check_names(folder: str, present: Mapping[str, int]) -> None:
    for name, kind in present.items():
        folder_of_ours = name in (MODEL, CODE)
        if kind != (stat.S_IFDIR if folder_of_ours else stat.S_IFREG) or not (
            folder_of_ours or name in FILES or is_seed(name)
        ):
            raise ArtifactRefused(
                f"it holds {name[:100]!a}, which model-ci does not leave there", place=Place(folder), help=_HELP
            )


def _part(root: Path, present: Mapping[str, int], *names: str) -> Path:
    """The one of these names that is there.

    Raises:
        FileMissing: none is.
        ArtifactRefused: more than one is.
    """
    there = [name for name in names if name in present]
    if not there:
        raise FileMissing(f"{root} has no {' or '.join(names)}", place=Place(str(root)), help=_HELP)
    if len(there) > 1:
        raise ArtifactRefused(f"it has both {' and '.join(there)}", place=Place(str(root)), help=_HELP)
    return root / there[0]


def _read_baseline(root: Path, present: Mapping[str, int], model: ModelPredicate) -> tuple[Production, str] | None:
    if BASELINE not in present:
        # Predictions without a word of what they are were left by a run that was killed: they are none.
        return None
    place = str(root / BASELINE)
    production = read_production(read_file(place, _LARGEST_TEXT), place)
    path = str(_part(root, present, *BASELINES))
    check_file(path, production.file.digest, "production's predictions file")
    mine = (model.predictions.holdout.digest, model.predictions.evaluator)
    if (production.holdout, production.evaluator) != mine:
        raise _elsewhere(place)
    return production, path


def _read_operations(root: Path, present: Mapping[str, int], model: ModelPredicate) -> Handed | None:
    if OPERATIONS not in present:
        return None
    place = str(root / OPERATIONS)
    content, what = read_file(place, _LARGEST_TEXT), "what is said of how the models run"
    found = decoded(content, Handed, Place(place), what=what, limit=_LARGEST_TEXT, help=_HELP)
    for cause in of_operations(found.operations):
        raise ArtifactRefused(cause, place=Place(place), help=_HELP)
    if found.candidate != model.artifact:
        raise ModelAltered("how the models run was measured of another candidate", place=Place(place), help=_HELP)
    return found


def _elsewhere(place: str) -> MlciError:
    cause = "production's predictions are of another holdout, or were made in another way, than the candidate's"
    return ModelAltered(cause, place=Place(place), help=_HELP)
