"""What a model's numbers mean: labels, probabilities or values, and every guess said. Pure: numpy in, columns out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.scoring.answer import Raw
from mlci.adapters.scoring.asked import Asked
from mlci.errors import BadValue, ModelUnusable
from mlci.ports import Texts

Numbers = NDArray[np.float64]

# The labels that read as "yes"; the gate takes the same for positive, so that a score is of the class it is read as.
POSITIVE_WORDS = frozenset({"1", "true", "yes", "y", "t", "pos", "positive"})
_TRUTHS = {"true": "1", "false": "0"}
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Given:
    """Predictions by the part they play; numbers are float64 of shape (rows,).

    Attributes:
        labels: predicted labels.
        values: predicted values of a regression.
        score: of the positive class.
        class_scores: by class, where there are several.
        columns: columns of the user's own, by name.
        assumptions: what had to be guessed.
    """

    labels: Texts | None = None
    values: Numbers | None = None
    score: Numbers | None = None
    class_scores: dict[str, Numbers] = field(default_factory=dict)
    columns: dict[str, Numbers] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()


def interpret(raw: Raw, asked: Asked, targets: Sequence[str]) -> Given:
    """Give what a model said its parts.

    Args:
        raw: what it said.
        asked: what was asked.
        targets: the distinct labels of the holdout, as words; empty where the target has too many to be labels.

    Raises:
        ModelUnusable, BadValue: the numbers are not what they were said to be, or there is no such positive label.
    """
    if raw.numbers is None:
        return Given(labels=raw.labels)
    if raw.scale == "predicted" or asked.outputs in ("values", "labels"):
        return _plain(raw.labels, raw.numbers)
    if raw.scale == "probabilities":
        if raw.classes is not None:
            return _classified(raw.labels, raw.numbers, raw.classes, asked, ())
        names, notes = _names(raw.numbers.shape[1], _known(raw, targets))
        return _classified(raw.labels, raw.numbers, names, asked, notes)
    return _worked_out(raw.numbers, asked, targets)


def _plain(labels: Texts | None, numbers: Numbers) -> Given:
    """One number an example, taken for the prediction itself."""
    if labels is not None:
        return Given(labels=labels)
    if numbers.shape[1] != 1:
        raise ModelUnusable(
            f"the model gives {numbers.shape[1]} numbers an example where one was expected",
            help="say what they are under evaluate.outputs",
        )
    return Given(values=numbers[:, 0])


def _worked_out(numbers: Numbers, asked: Asked, targets: Sequence[str]) -> Given:
    width = numbers.shape[1]
    kind, why = _kind(numbers, asked, targets)
    if kind == "values":
        return Given(values=numbers[:, 0], assumptions=why)
    if kind == "logits":
        numbers = _softmax(numbers) if width > 1 else _logistic(numbers)
    elif not _within_one(numbers):
        raise ModelUnusable(
            "evaluate.outputs says probabilities, and the model gives numbers outside 0 to 1",
            help="say logits, values or labels",
        )
    if width > 1:
        names, notes = _names(width, targets)
        return _classified(None, numbers, names, asked, (*why, *notes))
    score = numbers[:, 0]
    if len(targets) != 2:
        return Given(score=score, assumptions=why)
    chosen = positive(targets, asked.positive)
    labels = _by_threshold(score, targets, chosen, asked.threshold)
    return Given(labels=labels, score=score, assumptions=(*why, _threshold_note(asked, targets[chosen])))


def _kind(numbers: Numbers, asked: Asked, targets: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What raw numbers are: as configured, else as they look, which is said."""
    width = numbers.shape[1]
    if asked.outputs != "auto":
        return asked.outputs, ()
    if width == 1:
        if asked.task == "regression" or len(targets) > 2 or not targets:
            return "values", ()
        finite = numbers[np.isfinite(numbers)]
        if len(finite) and bool((finite == np.floor(finite)).all()):
            return "values", ("outputs: labels, because the model gives whole numbers",)
        if _within_one(numbers):
            return "probabilities", ("outputs: probabilities, because every number lies between 0 and 1",)
        if asked.task == "binary":
            return "logits", ("outputs: logits, because numbers of a binary task lie outside 0 to 1",)
        return "values", ("outputs: values, because numbers lie outside 0 to 1",)
    sums = numbers.sum(axis=1)
    if _within_one(numbers) and bool((np.abs(sums[np.isfinite(sums)] - 1) < _SUM_TOLERANCE).all()):
        return "probabilities", ("outputs: probabilities, because they lie between 0 and 1 and add up to 1",)
    return "logits", (f"outputs: logits, because the {width} numbers of an example do not add up to 1",)


def _within_one(numbers: Numbers) -> bool:
    finite = numbers[np.isfinite(numbers)]
    return len(finite) > 0 and bool(finite.min() >= 0 and finite.max() <= 1)


def _softmax(numbers: Numbers) -> Numbers:
    with np.errstate(invalid="ignore", over="ignore"):
        shifted = np.exp(numbers - numbers.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _logistic(numbers: Numbers) -> Numbers:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-numbers)))


def _known(raw: Raw, targets: Sequence[str]) -> tuple[str, ...]:
    """The labels of the holdout and those that were predicted."""
    return in_order({*targets, *(raw.labels.values if raw.labels is not None else ())})


def _names(width: int, targets: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names for columns that have none: the labels in order where they are as many, else numbers from 0."""
    numbered = tuple(str(number) for number in range(width))
    if set(targets) <= set(numbered):
        return numbered, ()
    if len(targets) == width:
        named = ", ".join(targets[:10])
        return tuple(targets), (f"classes: the columns of the model are the labels in order: {named}",)
    raise ModelUnusable(
        f"the model gives {width} numbers an example, and the holdout has {len(targets)} labels",
        help="let the model name its classes, or score by a command of your own under evaluate.command",
    )


def in_order(words: set[str]) -> tuple[str, ...]:
    """Labels in ascending order, numbers before words."""
    return tuple(sorted(words, key=_numeric_first))


def _numeric_first(word: str) -> tuple[bool, float, str]:
    try:
        number = float(word)
    except ValueError:
        return True, 0.0, word
    return (True, 0.0, word) if math.isnan(number) else (False, number, word)


def positive(classes: Sequence[str], named: str | None) -> int:
    """Which of two classes is positive: the named one, else the one that reads as "yes", else the last in order.

    Raises:
        BadValue: the named one is none of them.
    """
    if named is not None:
        found = [number for number, word in enumerate(classes) if _truth(word) == _truth(named)]
        if not found:
            raise BadValue(f"the model knows no label {named!r}, the positive one; it knows {', '.join(classes)}")
        return found[0]
    words = [number for number, word in enumerate(classes) if word.lower() in POSITIVE_WORDS]
    return words[0] if len(words) == 1 else list(classes).index(in_order(set(classes))[-1])


def _truth(word: str) -> str:
    return _TRUTHS.get(word.lower(), word)


def _classified(
    labels: Texts | None, numbers: Numbers, classes: Sequence[str], asked: Asked, notes: tuple[str, ...]
) -> Given:
    if len(classes) == 2:
        chosen = positive(classes, asked.positive)
        score = np.ascontiguousarray(numbers[:, chosen])
        if labels is None:
            labels = _by_threshold(score, classes, chosen, asked.threshold)
            notes = (*notes, _threshold_note(asked, classes[chosen]))
        return Given(labels=labels, score=score, assumptions=notes)
    if labels is None:
        highest = np.where(np.isnan(numbers), -np.inf, numbers).argmax(axis=1).astype(np.int32)
        labels = Texts(tuple(classes), np.where(np.isnan(numbers).any(axis=1), -1, highest).astype(np.int32))
    if len(classes) == 1:
        return Given(labels=labels, assumptions=notes)
    scores = {name: np.ascontiguousarray(numbers[:, column]) for column, name in enumerate(classes)}
    return Given(labels=labels, class_scores=scores, assumptions=notes)


def _by_threshold(score: Numbers, classes: Sequence[str], chosen: int, threshold: float) -> Texts:
    codes = np.where(np.isnan(score), -1, np.where(score >= threshold, chosen, 1 - chosen))
    return Texts(tuple(classes), codes.astype(np.int32))


def _threshold_note(asked: Asked, name: str) -> str:
    return f"predicted label: {name} from a score of {asked.threshold:g}"
