"""The worker's answer: hostile, because the model's code runs where it is written. Strict form, bounded sizes."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.disk.files import is_text
from mlci.adapters.oneline import one_line
from mlci.domain.training import Environment
from mlci.errors import ModelUnusable, Place
from mlci.ports import Texts

_LARGEST = 16 << 20
_MOST_CLASSES = 10_000
_LONGEST_WORD = 1000
_MOST_LABELS = 1 << 20

_MOST_FACTS = 200
_LONGEST_FACT = 300
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,100}[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,100}")
_PYTHON = re.compile(r"\d{1,3}\.\d{1,4}\.[A-Za-z0-9.+-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

Scale = Literal["predicted", "probabilities", "raw"]


@dataclass(frozen=True)
class Fault:
    """Why there are no predictions."""

    kind: str
    message: str
    module: str | None = None


@dataclass(frozen=True, kw_only=True)
class Written:
    """``answer.json`` as the worker writes it."""

    environment: Environment
    error: Fault | None = None
    versions: tuple[tuple[str, str], ...] = ()
    rows: int = 0
    labels: tuple[str, ...] | None = None
    width: int = 0
    classes: tuple[str | None, ...] | None = None
    scale: Scale = "raw"
    modules: tuple[tuple[str, str], ...] = ()
    unkept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """What a model said.

    Attributes:
        labels: predicted labels; None where it gives none.
        numbers: shape (rows, width); None where it gives none.
        classes: the label that each column of the numbers belongs to; None where it does not say.
        scale: what the numbers are, as far as the model's kind says it.
    """

    labels: Texts | None
    numbers: NDArray[np.float64] | None
    classes: tuple[str, ...] | None
    scale: Scale


def read_answer(folder: Path) -> Written:
    """Read ``answer.json``.

    Raises:
        ModelUnusable: there is none, or it is not of the form that the worker writes.
    """
    import msgspec

    content = _bounded(folder / "answer.json", _LARGEST)
    try:
        document = json.loads(content, object_pairs_hook=_unrepeated, parse_constant=_refused)
        written = msgspec.convert(document, Written, strict=True)
    except (ValueError, RecursionError) as error:
        raise _refuse(f"is malformed: {error}", folder) from error
    if not is_text(document):
        raise _refuse("holds half of a surrogate pair", folder)
    environment = _cleaned(written.environment)
    if not (_PYTHON.fullmatch(environment.python) and _DIGEST.fullmatch(environment.digest)):
        raise _refuse("does not say which interpreter it is of", folder)
    written = replace(written, environment=environment)
    words = [*(written.labels or ()), *(word for word in written.classes or () if word is not None)]
    if len(words) > _MOST_LABELS or any(len(word) > _LONGEST_WORD or "\0" in word for word in words):
        raise _refuse("holds too many labels, or labels that are too long", folder)
    if not written.rows >= 0 or not 0 <= written.width <= _MOST_CLASSES:
        raise _refuse("names sizes that cannot be", folder)
    return written


def _cleaned(environment: Environment) -> Environment:
    """Without what is no requirement or no line of text: others write it into files of requirements and reports."""
    return replace(
        environment,
        platform=one_line(environment.platform, _LONGEST_FACT),
        packages=_requirements(environment.packages),
        loaded=_requirements(environment.loaded),
        unlocked=tuple(name for name in environment.unlocked if _NAME.fullmatch(name)),
        hardware=_facts(environment.hardware),
        settings=_facts(environment.settings),
    )


def _requirements(packages: Mapping[str, str]) -> dict[str, str]:
    return {name: words for name, words in packages.items() if _NAME.fullmatch(name) and _VERSION.fullmatch(words)}


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    pairs = list(facts.items())[:_MOST_FACTS]
    return {one_line(name, 100): one_line(value, _LONGEST_FACT) for name, value in pairs}


def read_raw(written: Written, folder: Path, rows: int) -> Raw:
    """Read the numbers and codes beside the answer.

    Args:
        written: the answer, which is no error.
        folder: where it lies.
        rows: examples of the holdout.

    Raises:
        ModelUnusable: they do not fit the answer or the holdout.
    """
    if written.rows != rows:
        raise ModelUnusable(
            f"the model gave {written.rows} predictions for {rows} examples",
            help="a model must give one prediction for each row, in the order of the rows",
        )
    labels = numbers = None
    if written.labels is not None:
        codes = np.frombuffer(_exact(folder / "labels.i32", 4 * rows), dtype="<i4")
        if len(codes) and not -1 <= int(codes.min()) <= int(codes.max()) < len(written.labels):
            raise _refuse("names labels that it does not list", folder)
        if len(set(written.labels)) < len(written.labels):
            raise _refuse("lists a label twice", folder)
        labels = Texts(written.labels, codes)
    if written.width:
        flat = np.frombuffer(_exact(folder / "numbers.f64", 8 * rows * written.width), dtype="<f8")
        numbers = flat.reshape(rows, written.width)
    if labels is None and numbers is None:
        raise ModelUnusable("the model gave neither labels nor numbers")
    return Raw(labels, numbers, _class_names(written, folder), written.scale)


def _class_names(written: Written, folder: Path) -> tuple[str, ...] | None:
    if written.classes is None or not written.width:
        return None
    names = tuple(word for word in written.classes if word is not None)
    if len(names) != written.width or len(set(names)) < len(names):
        raise _refuse(f"names {len(names)} classes for {written.width} columns of numbers", folder)
    return names


def _exact(path: Path, size: int) -> bytes:
    content = _bounded(path, size)
    if len(content) != size:
        raise _refuse(f"has {len(content)} bytes in {path.name} instead of {size}", path.parent)
    return content


def _bounded(path: Path, limit: int) -> bytes:
    """A regular file, no link and no pipe, of at most this many bytes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                raise _refuse(f"has a {path.name} that is no file, or is too large", path.parent)
            return stream.read(limit + 1)
    except OSError as error:
        raise ModelUnusable(
            "scoring ended without an answer", help="code of the model's may have ended the process; see the log"
        ) from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _refuse(what: str, folder: Path) -> ModelUnusable:
    return ModelUnusable(f"the answer of scoring {what}", place=Place(str(folder / "answer.json")))
