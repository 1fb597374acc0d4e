"""The model that training left: found, digested so that two saves of one model agree, copied and checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlci.adapters.disk.content import Odd, digest_of_manifest, manifest_of, read_whole, shown
from mlci.adapters.disk.files import umask
from mlci.adapters.models import mlmodel
from mlci.adapters.oneline import one_line
from mlci.domain.training import Format, Payload, PayloadFile
from mlci.errors import ModelAltered, ModelMissing, NotWritable, Place

# More files than any model has; a folder with more is a data set, or somebody's whole disk.
MOST_FILES = 100_000
_LISTED = 10
_HELP = "name the model's file or folder in train.model, as training writes it into the output folder"
_ENDINGS: dict[str, Format] = {
    ".joblib": "pickle", ".pkl": "pickle", ".pickle": "pickle", ".skops": "skops", ".onnx": "onnx", ".pt2": "torch",
    ".pt": "torch", ".pth": "torch", ".ts": "torch",
}  # fmt: skip


def find_payload(output: str, named: str | None, command: bool) -> Payload:
    """The model in the folder that training wrote, with the digest of its files.

    Args:
        output: the folder.
        named: ``train.model``, a file or folder in it; None to take the one thing there that is a model.
        command: whether the user's own command scores, so that anything can be a model: with nothing named the one
            file that is there, else all of it. Whoever has only the list of files then hands over the same.

    Raises:
        ModelMissing: there is none, or more than one, or something in it that is no part of a model: a link out of it,
            a pipe, a name that is no text.
    """
    if not Path(output).is_dir():
        raise _missing("training left no output folder", output)
    if named is not None:
        path = _named(output, named)
        format = "command" if command else _format(path)
    elif command:
        there = _listed(output)
        path, format = there[0] if len(there) == 1 and Path(there[0]).is_file() else output, "command"
    else:
        path, format = _only_one(output)
    if format is None:
        raise _missing(f"{shown(named or path)} ends in nothing that says how it is loaded", output)
    return _payload(path, format, output)


def verify(path: str, files: Iterable[PayloadFile], part: str = "file") -> None:
    """See that a model is still the one its evidence names, file by file.

    Args:
        path: of the model's file or folder; a model that is one file may also be named by the folder it lies in.
        files: as the evidence has them.
        part: what one of them is called in an error.

    Raises:
        ModelAltered: a file is missing, differs, or was added; what MLflow itself adds does not count.
    """
    expected = {file.path: file for file in files}
    place = Place(one_line(path, 200))
    try:
        present = {file.path: file for file in manifest(path)}
    except (Odd, OSError, _Unnameable) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise ModelAltered(f"the model cannot be read as its evidence names it: {why}", place=place) from error
    for name in sorted(expected.keys() | present.keys()):
        if name not in present:
            raise ModelAltered(f"the model's {part} {shown(name)} is missing", place=place)
        if name not in expected:
            raise ModelAltered(f"the model has a {part} {shown(name)} that its evidence does not name", place=place)
        if present[name] != expected[name]:
            raise ModelAltered(f"the model's {part} {shown(name)} is not the one its evidence names", place=place)


def copy_payload(payload: Payload, folder: str) -> Payload:
    """Copy a model into a new folder, digesting what is written, so that what is kept is what was digested.

    Args:
        payload: as :func:`find_payload` found it.
        folder: does not exist yet, or is empty. A model that is a folder becomes this folder; one that is a file lies
            in it under its own name. The folder appears whole or not at all.

    Returns:
        the copy, with the same digest and files.

    Raises:
        ModelAltered: a file is not what it was when it was digested.
        NotWritable: the folder cannot be written, or holds something.
    """
    target = Path(folder)
    whole = Path(payload.path).is_dir()
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.")
        for file in payload.files:
            _copy(file, str(Path(payload.path, file.path)) if whole else payload.path, Path(temporary, file.path))
        Path(temporary).chmod(0o777 & ~umask())
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        why = error.strerror or error
        raise NotWritable(f"cannot copy the model to {one_line(folder, 200)}: {why}", place=Place(folder)) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    path = folder if whole else str(target / payload.files[0].path)
    return Payload(path=path, format=payload.format, digest=payload.digest, files=payload.files)


def manifest(path: str) -> tuple[PayloadFile, ...]:
    """The files of a model by path; an ``MLmodel`` counts by what it says, without what is random in it.

    Raises:
        Odd: something in it is no part of a model.
        OSError: it cannot be read.
    """
    files = [file for file in manifest_of(path, MOST_FILES) if file.path not in mlmodel.ADDED]
    for file in files:
        # Evidence is JSON that other systems read, and lists of files have a name on each line.
        if not _is_name(file.path):
            raise _Unnameable(f"the name {shown(file.path)} holds control characters or is not UTF-8")
    whole = Path(path).is_dir()
    return tuple(_by_meaning(file, str(Path(path, file.path)) if whole else path) for file in files)


class _Unnameable(Odd):
    """A name that evidence cannot carry."""


def _is_name(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in path)


def _by_meaning(file: PayloadFile, place: str) -> PayloadFile:
    if not mlmodel.is_one(file.path) or file.size > mlmodel.LARGEST:
        return file
    blocks: list[bytes] = []
    read_whole(place, file.path, blocks.append)
    return _of_meaning(file.path, b"".join(blocks)) or file


def _of_meaning(path: str, content: bytes) -> PayloadFile | None:
    meaning = mlmodel.meaning(content)
    if meaning is None:
        return None
    return PayloadFile(path=path, digest=hashlib.sha256(meaning).hexdigest(), size=len(meaning))


def _payload(path: str, format: Format, output: str) -> Payload:
    try:
        files = manifest(path)
    except Odd as odd:
        raise _missing(f"what training left is no model: {odd}", output) from odd
    except OSError as error:
        raise _missing(f"the model cannot be read: {error.strerror or error}", output) from error
    if not files:
        raise _missing("training left no file in the output folder", output)
    return Payload(path=path, format=format, digest=digest_of_manifest(files), files=files)


def _named(output: str, named: str) -> str:
    path, top = os.path.realpath(Path(output, named)), os.path.realpath(output)
    if path != top and not path.startswith(f"{top}/"):
        raise _missing(f"train.model names {shown(named)}, which lies outside the output folder", output)
    if not Path(path).exists():
        raise _missing(f"training left no {shown(named)}, which train.model names", output)
    return os.path.normpath(Path(output, named))


def _format(path: str) -> Format | None:
    """How a model is loaded; None where its name does not say."""
    if Path(path).is_dir():
        return "mlflow" if Path(path, mlmodel.NAME).is_file() else None
    name = Path(path).name.lower()
    return _ENDINGS.get(Path(name.removesuffix(".gz")).suffix)


def _only_one(output: str) -> tuple[str, Format]:
    """The one thing in the folder that is a model: the folder itself, something in it, or something one level down."""
    if _format(output) is not None:
        return output, "mlflow"
    entries = _listed(output)
    found = _models(entries)
    if not found:
        below = [inner for entry in entries if Path(entry).is_dir() for inner in _listed(entry)]
        found = _models(path for path in below if not Path(path).is_dir())
    if len(found) == 1:
        _require_whole(found[0][0], output)
        return found[0]
    if found:
        names = _names([os.path.relpath(path, output) for path, _ in found])
        raise _missing(f"training left {len(found)} files or folders that could be the model: {names}", output)
    there = _names([os.path.relpath(path, output) for path in entries]) if entries else "nothing"
    raise _missing(f"training left no model in the output folder; there is {there}", output)


def _listed(folder: str) -> list[str]:
    try:
        return [str(Path(folder, name)) for name in sorted(os.listdir(folder))[:MOST_FILES]]  # noqa: PTH208
    except OSError as error:
        raise _missing(f"{shown(folder)} cannot be listed: {error.strerror or error}", folder) from error


def _models(paths: Iterable[str]) -> list[tuple[str, Format]]:
    return [(path, format) for path in paths if (format := _format(path)) is not None]


def _require_whole(path: str, output: str) -> None:
    """ONNX can keep its weights in files beside the model, and one file alone would then be no model."""
    name = Path(path).name
    beside = [one for one in os.listdir(Path(path).parent) if one != name and one.startswith(name)]  # noqa: PTH208
    if _format(path) == "onnx" and beside:
        raise ModelMissing(
            f"{shown(name)} seems to keep its weights in {_names(sorted(beside))}",
            place=Place(one_line(output, 200)),
            help="save the ONNX model as one file, or as an MLflow model",
        )


def _names(names: Sequence[str]) -> str:
    others = len(names) - _LISTED
    return ", ".join(map(shown, names[:_LISTED])) + (f" and {others} more" if others > 0 else "")


def _missing(cause: str, output: str) -> ModelMissing:
    return ModelMissing(cause, place=Place(one_line(output, 200)), help=_HELP)


def _copy(file: PayloadFile, source: str, target: Path) -> None:
    """Copy one file.

    Raises:
        ModelAltered: what was read is not what the manifest names.
        OSError: it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, blocks = hashlib.sha256(), []
    with target.open("xb") as stream:

        def take(block: bytes) -> None:
            digest.update(block)
            stream.write(block)
            if mlmodel.is_one(file.path) and file.size <= mlmodel.LARGEST:
                blocks.append(block)

        try:
            size = read_whole(source, file.path, take).size
        except (Odd, FileNotFoundError) as error:
            raise ModelAltered(f"the model's file {shown(file.path)} changed while it was copied") from error
    copied = PayloadFile(path=file.path, digest=digest.hexdigest(), size=size)
    if file not in (copied, _of_meaning(file.path, b"".join(blocks)) if blocks else None):
        raise ModelAltered(f"the model's file {shown(file.path)} changed before it was copied")
