"""Give both models' outputs one coding: which task, which classes, which is positive, which score is a label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.figures import count
from mlci.domain.metric import Task
from mlci.domain.policy import ReadingPolicy
from mlci.errors import BadValue, ColumnMissing, Place
from mlci.ports import Texts
from mlci.stats.measure import Outputs, Truth
from mlci.steps.reading import Side, could_be_classes, holds_probabilities

_POSITIVE_WORDS = frozenset({"1", "true", "yes", "y", "t", "pos", "positive"})


@dataclass(frozen=True)
class Coding:
    """Both files in one coding, each still in its own row order.

    Attributes:
        task: None when there is no target.
        classes: class names by code.
        truths: the truth in each file; None where a file has none.
        outputs: each model's outputs.
        unusable: per file, which rows have a missing or non-finite prediction, shape (rows,).
        assumptions: what had to be guessed, one sentence each.
    """

    task: Task | None
    classes: tuple[str, ...]
    truths: tuple[Truth | None, ...]
    outputs: tuple[Outputs, ...]
    unusable: tuple[NDArray[np.bool_], ...]
    assumptions: tuple[str, ...]


def code(sides: list[Side], reading: ReadingPolicy) -> Coding:
    """Bring the files to one coding.

    Raises:
        ColumnMissing: there is neither a target nor a column to judge.
        BadValue: a label is missing, or the classes do not fit the task.
    """
    notes: list[str] = []
    if all(side.truth is None for side in sides):
        return _without_target(sides)
    task = reading.task or _guess_task(sides, notes)
    if task == "regression":
        return _regression(sides, notes)
    classes = _classes(sides)
    if task == "binary" and len(classes) > 2:
        raise BadValue(
            f"{len(classes)} classes ({', '.join(classes[:5])}, …) where the task is binary",
            place=Place(sides[0].table.name),
            help="say task: multiclass, or check the predictions for labels the target does not have",
        )
    positive = _positive(classes, reading, notes, sides) if len(classes) <= 2 else None
    truths = tuple(_class_truth(side, classes, positive) for side in sides)
    coded = [
        _classified(side, classes, positive, truth, reading, notes) for side, truth in zip(sides, truths, strict=True)
    ]
    outputs = _narrowed([output for output, _ in coded], notes)
    return Coding(task, classes, truths, outputs, tuple(unusable for _, unusable in coded), tuple(dict.fromkeys(notes)))


def _without_target(sides: list[Side]) -> Coding:
    if not any(side.columns for side in sides):
        raise ColumnMissing(
            "there is no target column",
            place=Place(sides[-1].table.name),
            help="name it with --target, or name a numeric column to be judged by its mean with --metrics",
        )
    outputs = tuple(Outputs(columns=side.columns) for side in sides)
    usable = tuple(np.zeros(side.table.rows, dtype=bool) for side in sides)
    return Coding(None, (), tuple(None for _ in sides), outputs, usable, ())


def _guess_task(sides: list[Side], notes: list[str]) -> Task:
    """The task, from production's file alone: a candidate does not choose how it is judged."""
    if not could_be_classes(sides[-1]):
        notes.append("task: regression, because the target is a number with many values")
        return "regression"
    number = len(_classes(sides[-1:]))
    task: Task = "binary" if number <= 2 else "multiclass"
    notes.append(f"task: {task}, because the target has {number} {'class' if number == 1 else 'classes'}")
    return task


def _regression(sides: list[Side], notes: list[str]) -> Coding:
    truths, outputs, unusable = [], [], []
    for side in sides:
        if side.truth is not None and side.truth_values is None:
            raise BadValue("the target of a regression is not numeric", place=Place(side.table.name))
        if side.truth_values is not None:
            _refuse_missing(side, ~np.isfinite(side.truth_values))
        values = side.values if side.values is not None else side.scores
        truths.append(None if side.truth_values is None else Truth(values=side.truth_values.astype(np.float64)))
        outputs.append(Outputs(values=None if values is None else values.astype(np.float64), columns=side.columns))
        unusable.append(np.zeros(side.table.rows, dtype=bool) if values is None else ~np.isfinite(values))
    return Coding("regression", (), tuple(truths), tuple(outputs), tuple(unusable), tuple(notes))


def _refuse_missing(side: Side, absent: NDArray[Any]) -> None:
    if absent.any():
        raise BadValue(
            f"{count(int(absent.sum()))} examples have no label, among them row {int(np.flatnonzero(absent)[0]) + 1}",
            place=Place(side.table.name),
            help="leave unlabelled examples out of the holdout",
        )


def _classes(sides: list[Side]) -> tuple[str, ...]:
    """Every class named, numbers in numeric order before words.

    Where production's file names two at most, a further label of the candidate's is no class, only wrong.
    """
    names: set[str] = set()
    for side in reversed(sides):
        if side is not sides[-1] and len(names) <= 2:
            break
        names |= set(side.truth.values) if side.truth is not None else set()
        names |= set(side.labels.values) if side.labels is not None and not holds_probabilities(side) else set()
        names |= set(side.class_scores)
    return tuple(sorted(names, key=_numeric_first))


def _numeric_first(word: str) -> tuple[bool, float, str]:
    try:
        number = float(word)
    except ValueError:
        return True, 0.0, word
    return (True, 0.0, word) if math.isnan(number) else (False, number, word)


def _positive(classes: tuple[str, ...], reading: ReadingPolicy, notes: list[str], sides: list[Side]) -> int | None:
    if reading.positive is not None:
        if reading.positive not in classes:
            raise BadValue(
                f"no label is {reading.positive!r}, the positive class; the labels are {', '.join(classes)}",
                place=Place(sides[-1].table.name),
            )
        return classes.index(reading.positive)
    words = [index for index, name in enumerate(classes) if name.lower() in _POSITIVE_WORDS]
    if len(words) != 1 and len(classes) < 2:
        return None
    chosen = words[0] if len(words) == 1 else len(classes) - 1
    notes.append(f"positive class: {classes[chosen]}")
    return chosen


def _codes(words: Texts, classes: tuple[str, ...]) -> NDArray[np.int32]:
    """Class codes; missing words become ``len(classes)``, which is no class."""
    index = {name: number for number, name in enumerate(classes)}
    lookup = np.array([*(index.get(word, len(classes)) for word in words.values), len(classes)], dtype=np.int32)
    return lookup[words.codes]


def _class_truth(side: Side, classes: tuple[str, ...], positive: int | None) -> Truth | None:
    if side.truth is None:
        return None
    _refuse_missing(side, side.truth.codes < 0)
    codes = _codes(side.truth, classes)
    return Truth(codes=codes, classes=len(classes), positive=positive, grades=_grades(classes, positive))


def _grades(classes: tuple[str, ...], positive: int | None) -> NDArray[np.float64] | None:
    """The relevance that each class stands for: its own number, else 1 for the positive one of two."""
    try:
        grades = np.array([float(name) for name in classes])
    except ValueError:
        grades = np.full(len(classes), math.nan)
    if np.isfinite(grades).all():
        return grades
    return None if positive is None else (np.arange(len(classes)) == positive).astype(np.float64)


def _classified(
    side: Side,
    classes: tuple[str, ...],
    positive: int | None,
    truth: Truth | None,
    reading: ReadingPolicy,
    notes: list[str],
) -> tuple[Outputs, NDArray[np.bool_]]:
    """One model's labels and scores, and which rows have no usable prediction."""
    scores = _scores(side, classes, positive, notes)
    unusable = np.zeros(side.table.rows, dtype=bool)
    if scores is not None:
        finite = np.isfinite(scores)
        unusable |= ~(finite if finite.ndim == 1 else finite.all(axis=1))
    if side.labels is not None and not holds_probabilities(side):
        labels: NDArray[Any] | None = _codes(side.labels, classes)
        unusable |= side.labels.codes < 0
    else:
        labels = _labels_from(scores, unusable, classes, positive, reading, notes)
    if scores is not None and reading.nan == "fail-example" and truth is not None and unusable.any():
        scores = _worst_scores(scores, unusable, truth)
    return Outputs(labels=labels, scores=scores, columns=side.columns), unusable


def _scores(side: Side, classes: tuple[str, ...], positive: int | None, notes: list[str]) -> NDArray[Any] | None:
    if side.scores is not None:
        return side.scores
    if holds_probabilities(side) and side.values is not None:
        notes.append(f"column {side.roles.prediction} holds probabilities of the positive class, not labels")
        return side.values
    if side.class_scores and set(side.class_scores) == set(classes):
        if positive is not None:
            return side.class_scores[classes[positive]]
        return np.column_stack([side.class_scores[name] for name in classes])
    return None


def _labels_from(
    scores: NDArray[Any] | None,
    unusable: NDArray[np.bool_],
    classes: tuple[str, ...],
    positive: int | None,
    reading: ReadingPolicy,
    notes: list[str],
) -> NDArray[Any] | None:
    none = len(classes)
    if scores is None:
        return None
    if scores.ndim == 2:
        notes.append("predicted label: the class with the highest score")
        return np.where(unusable, none, np.where(unusable[:, None], 0, scores).argmax(axis=1))
    if positive is None:
        return None
    notes.append(f"predicted label: positive from a score of {reading.threshold}")
    other = 1 - positive if len(classes) == 2 else none
    return np.where(unusable, none, np.where(scores >= reading.threshold, positive, other))


def _worst_scores(scores: NDArray[Any], unusable: NDArray[np.bool_], truth: Truth) -> NDArray[Any]:
    """Each missing score as the worst there could be, so that it costs what a wrong answer costs."""
    filled = scores.copy()
    if filled.ndim == 2 and truth.codes is not None:
        filled[unusable] = 0.0
        filled[unusable, (truth.codes[unusable] + 1) % filled.shape[1]] = 1.0
        return filled
    usable = scores[~unusable]
    low, high = (float(usable.min()), float(usable.max())) if len(usable) else (0.0, 1.0)
    bottom, top = (0.0, 1.0) if low >= 0 and high <= 1 else (low - 1, high + 1)
    filled[unusable] = np.where(truth.is_positive[unusable], bottom, top)
    return filled


def _narrowed(outputs: list[Outputs], notes: list[str]) -> tuple[Outputs, ...]:
    """Scores of different precision are compared in the narrower, so that a tie stays a tie."""
    kinds = {output.scores.dtype for output in outputs if output.scores is not None}
    if len(kinds) < 2:
        return tuple(outputs)
    notes.append("scores of one file have single precision: both are compared in single precision")
    return tuple(
        Outputs(
            output.labels, None if output.scores is None else output.scores.astype(np.float32), None, output.columns
        )
        for output in outputs
    )
