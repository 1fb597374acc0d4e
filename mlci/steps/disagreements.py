"""disagreements: on which examples two models differ, without a single label, and for which a label is worth most."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.disagreeing import Decision, Disagreements
from mlci.domain.policy import ReadingPolicy
from mlci.errors import ColumnMissing, NoExamples, Place, RequiredMissing
from mlci.ports import Table, Texts
from mlci.stats.planning import reach, rows_for, whole
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile
from mlci.steps.flips import as_text
from mlci.steps.holdout import Aligned, align
from mlci.steps.reading import MOST_CLASSES, Side, read_side

DISAGREEMENT, AGREEMENT = "disagreement", "agreement"
# Margins that labels are counted for where nobody names one.
USUAL_MARGINS = (0.005, 0.01, 0.02)
_MISSING = ""


@dataclass(frozen=True)
class Answers:
    """What two models answer on the same examples, in ascending order of id.

    Attributes:
        sides: the two files, the candidate's first.
        ids: of the examples, shape (n,).
        differs: on which of them the answers are not the same, shape (n,).
        distance: how far apart scores or values are, shape (n,), infinite where one is missing; None for bare labels.
        shown: the two answers to an example, the candidate's first, as text by its place.
        notes: what had to be assumed, one sentence each.
    """

    sides: tuple[Aligned, Aligned]
    ids: NDArray[Any]
    differs: NDArray[np.bool_]
    distance: NDArray[Any] | None
    shown: tuple[Texts, Texts] | tuple[NDArray[Any], NDArray[Any]]
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.ids)

    @property
    def count(self) -> int:
        """On how many the models disagree."""
        return int(np.count_nonzero(self.differs))

    def answer(self, side: int, place: int) -> str:
        """One model's answer to one example."""
        answers = self.shown[side]
        if isinstance(answers, Texts):
            code = int(answers.codes[place])
            return answers.values[code] if code >= 0 else _MISSING
        value = float(answers[place])
        return f"{value:.12g}" if np.isfinite(value) else _MISSING


@dataclass(frozen=True)
class Wanted:
    """One example that a label is asked for."""

    id: str
    kind: str
    production: str
    candidate: str


def compared(candidate: Table, baseline: Table, reading: ReadingPolicy, apart: float | None = None) -> Answers:
    """Compare the answers of two models; a target that a file may have is not looked at.

    Args:
        candidate: the candidate's predictions.
        baseline: production's.
        reading: columns, task, threshold, and what to do about examples that only one file has.
        apart: of predicted values: how far apart two must be to count as a disagreement.

    Raises:
        MlciError: an I-error of ``mlci.errors``, or values are compared and nobody said how far apart is a difference.
    """
    # A label is asked for by id, so that an id has to be one example whatever the gate would make of it.
    reading = replace(reading, duplicates="error")
    sides = [read_side(table, reading, (), ()) for table in (candidate, baseline)]
    aligned, ids = align(sides, reading)
    if len(ids) == 0:
        raise NoExamples("the two files have no example in common", place=Place(candidate.name))
    both = (aligned[0], aligned[1])
    if _are_values(sides, reading):
        return _of_values(both, ids, apart)
    notes: list[str] = []
    labels = [_labels(one, reading, notes) for one in both]
    words = _in_one_coding(labels[0], labels[1])
    return Answers(
        both, ids, words[0].codes != words[1].codes, _score_distance(both), words, tuple(dict.fromkeys(notes))
    )


def _are_values(sides: Sequence[Side], reading: ReadingPolicy) -> bool:
    if reading.task is not None:
        return reading.task == "regression"
    return all(side.scores is None and not side.class_scores and _is_quantity(side) for side in sides)


def _is_quantity(side: Side) -> bool:
    """Whether predictions are numbers that are neither classes nor shares of one."""
    if side.values is None:
        return False
    finite = side.values[np.isfinite(side.values)]
    if len(finite) == 0 or _within_one(finite):
        return False
    return bool((finite != np.floor(finite)).any()) or len(np.unique(finite)) > MOST_CLASSES


def _within_one(finite: NDArray[Any]) -> bool:
    return bool(finite.min() >= 0 and finite.max() <= 1)


def _of_values(both: tuple[Aligned, Aligned], ids: NDArray[Any], apart: float | None) -> Answers:
    if apart is None:
        raise RequiredMissing(
            "the predictions are values, and nobody said how far apart two must be to disagree",
            help="give --apart in the unit of the prediction",
        )
    values = []
    for one in both:
        found = one.side.values if one.side.values is not None else one.side.scores
        if found is None:
            raise _nothing(one.side)
        values.append(one.take(found).astype(np.float64))
    distance = _distance(values[0], values[1])
    return Answers(both, ids, distance > apart, distance, (values[0], values[1]))


def _nothing(side: Side) -> ColumnMissing:
    return ColumnMissing(
        "there is neither a prediction nor a score",
        place=Place(side.table.name),
        help="name the column with --prediction or --score",
    )


def _distance(mine: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
    """How far apart two columns of numbers are; two missing ones are not, and a missing one is endlessly."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(mine - theirs)
    both_missing = ~np.isfinite(mine) & ~np.isfinite(theirs)
    return np.where(both_missing, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def _scores(one: Aligned) -> NDArray[Any] | None:
    """One score for each example, or one of every class, shape (n, classes)."""
    side = one.side
    if side.scores is not None:
        return one.take(side.scores).astype(np.float64)
    if side.class_scores:
        return np.column_stack([one.take(column) for _, column in sorted(side.class_scores.items())])
    return one.take(side.values).astype(np.float64) if side.values is not None and _is_share(side) else None


def _is_share(side: Side) -> bool:
    """Whether the prediction column holds probabilities: between 0 and 1, and not only these two."""
    if side.values is None:
        return False
    finite = side.values[np.isfinite(side.values)]
    return len(finite) > 0 and _within_one(finite) and bool((finite != np.floor(finite)).any())


def _score_distance(both: tuple[Aligned, Aligned]) -> NDArray[Any] | None:
    mine, theirs = _scores(both[0]), _scores(both[1])
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return None
    apart = _distance(mine, theirs)
    return apart if apart.ndim == 1 else np.asarray(apart.max(axis=1))


def _labels(one: Aligned, reading: ReadingPolicy, notes: list[str]) -> Texts:
    side = one.side
    if side.labels is not None and not (side.scores is None and _is_share(side)):
        return Texts(side.labels.values, one.take(side.labels.codes))
    scores = _scores(one)
    if scores is None:
        raise _nothing(side)
    if scores.ndim == 2:
        notes.append("predicted label: the class with the highest score")
        usable = np.isfinite(scores).all(axis=1)
        best = np.where(usable, np.nan_to_num(scores).argmax(axis=1), -1)
        return Texts(tuple(sorted(side.class_scores)), best.astype(np.int32))
    notes.append(f"predicted label: positive from a score of {reading.threshold}")
    codes = np.where(np.isfinite(scores), scores >= reading.threshold, -1)
    return Texts(("0", "1"), codes.astype(np.int32))


def _in_one_coding(mine: Texts, theirs: Texts) -> tuple[Texts, Texts]:
    values = tuple(dict.fromkeys((*mine.values, *theirs.values)))
    index = {word: code for code, word in enumerate(values)}
    codes = [np.array([*(index[word] for word in words.values), -1], dtype=np.int32) for words in (mine, theirs)]
    return Texts(values, codes[0][mine.codes]), Texts(values, codes[1][theirs.codes])


def wanted(answers: Answers, limit: int | None = None, agreements: int = 0) -> tuple[Wanted, ...]:
    """The examples to label: disagreements, farthest apart first, then some agreements.

    Where not all are taken, those of the smallest sha256 of their id are, which is as good as chance, the same on every
    machine, and has nothing to do with what the models say: the chosen ones stand for the others.

    Args:
        answers: of the two models.
        limit: the most disagreements to ask for; None for all.
        agreements: how many agreements to ask for.
    """
    differing, agreeing = np.flatnonzero(answers.differs), np.flatnonzero(~answers.differs)
    chosen = differing if limit is None else _by_chance(answers.ids, differing, limit)
    if answers.distance is not None:
        chosen = chosen[np.argsort(-answers.distance[chosen], kind="stable")]
    others = _by_chance(answers.ids, agreeing, agreements)
    places = [(place, DISAGREEMENT) for place in chosen.tolist()] + [(place, AGREEMENT) for place in others.tolist()]
    return tuple(
        Wanted(as_text(answers.ids[place]), kind, answers.answer(1, place), answers.answer(0, place))
        for place, kind in places
    )


def _by_chance(ids: NDArray[Any], places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    if most >= len(places):
        return places
    digests = [hashlib.sha256(as_text(ids[place]).encode("utf-8", "surrogatepass")).digest() for place in places]
    order = sorted(range(len(places)), key=lambda at: digests[at])
    return np.sort(places[order[:most]])


def measured(answers: Answers, *, confidence: float, power: float, margin: float | None, **more: Any) -> Disagreements:
    """How far the two models disagree, and how many labels decide between them.

    Args:
        answers: of the two models.
        confidence: level of each one-sided bound.
        power: chance of showing that a model without a change loses no more than a margin.
        margin: the loss to rule out; None for the usual ones.
        more: what was written besides.
    """
    share = answers.count / answers.n
    z = normal_quantile(confidence)
    far = reach(1 - confidence, power)
    decisions = tuple(
        Decision(margin=each, rows=whole(rows), labels=whole(share * rows))
        for each in (USUAL_MARGINS if margin is None else (margin,))
        if (rows := rows_for(math.sqrt(share), each, far)) > 0
    )
    return Disagreements(
        n=answers.n,
        disagreements=answers.count,
        discordance=share,
        interval=wilson(answers.count, answers.n, z),
        confidence=confidence,
        power=power,
        decisions=decisions,
        notes=answers.notes,
        **more,
    )
