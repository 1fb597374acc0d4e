"""Labels that came back, joined with what two models said: files that the gate can judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlci.domain.figures import count
from mlci.domain.policy import ReadingPolicy
from mlci.errors import ColumnMissing, IdsDiffer, NoExamples, Place
from mlci.ports import Table
from mlci.steps.disagreements import Answers
from mlci.steps.flips import as_text
from mlci.steps.holdout import Aligned
from mlci.steps.reading import read_side

TARGET, WEIGHT = "y_true", "weight"


@dataclass(frozen=True)
class Joined:
    """The labelled examples of both models.

    Attributes:
        columns: heads of each file, the candidate's first.
        rows: of each file.
        disagreements: how many labels are of examples on which the models disagree.
        agreements: how many are of others.
        weights: what an example of each counts, disagreements first; 1 and 1 where only disagreements have labels.
    """

    columns: tuple[tuple[str, ...], tuple[str, ...]]
    rows: tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]
    disagreements: int
    agreements: int
    weights: tuple[float, float]


def labels_of(table: Table, reading: ReadingPolicy) -> dict[str, str]:
    """Labels by id; an example whose label is still empty is left out.

    Raises:
        ColumnMissing: the file has no target.
        NoExamples: no example has a label yet.
    """
    side = read_side(table, reading, (), ())
    if side.truth is None:
        raise ColumnMissing(
            "there is no column of labels", place=Place(table.name), help=f"call it {TARGET}, or name it with --target"
        )
    ids = side.order.ids
    codes = side.order.take(side.truth.codes)
    found = {as_text(ids[at]): side.truth.values[codes[at]] for at in np.flatnonzero(codes >= 0).tolist()}
    if not found:
        raise NoExamples("no example has a label yet", place=Place(table.name), help="fill the column of labels")
    return found


def joined(answers: Answers, labels: Mapping[str, str], file: str) -> Joined:
    """Both models on the labelled examples, each of which stands for all of its kind.

    Disagreements and agreements were asked for at different rates, so each example weighs as many as it stands for
    (Horvitz and Thompson 1952). Where no agreement has a label there is nothing to weigh, and what is judged is the
    disagreements alone.

    Args:
        answers: of the two models.
        labels: by id.
        file: names the labels in an error.

    Raises:
        IdsDiffer: a label is of an example that the models were not asked.
        NoExamples: no label is of a disagreement.
    """
    at = {as_text(id): place for place, id in enumerate(answers.ids)}
    # The list that was sent out has an apostrophe before an id that a spreadsheet would run.
    places = {at.get(id, at.get(id.removeprefix("'"), -1)): label for id, label in labels.items()}
    if -1 in places:
        strangers = [id for id in labels if id not in at and id.removeprefix("'") not in at]
        raise IdsDiffer(
            f"{count(len(strangers))} labels are of examples that neither file has, among them {strangers[0][:60]!r}",
            place=Place(file),
        )
    chosen = sorted(places)
    differing = int(np.count_nonzero(answers.differs[chosen]))
    agreeing = len(chosen) - differing
    if differing == 0:
        raise NoExamples("no example on which the models disagree has a label", place=Place(file))
    weights = (1.0, 1.0)
    if agreeing:
        weights = (answers.count / differing, (answers.n - answers.count) / agreeing)
    of_side = [
        list(_rows(one, answers, {place: places[place] for place in chosen}, weights if is_production else None))
        for one, is_production in zip(answers.sides, (False, bool(agreeing)), strict=True)
    ]
    heads = [
        ("id", TARGET, *((WEIGHT,) if is_production else ()), *_columns(one))
        for one, is_production in zip(answers.sides, (False, bool(agreeing)), strict=True)
    ]
    return Joined((heads[0], heads[1]), (tuple(of_side[0]), tuple(of_side[1])), differing, agreeing, weights)


def _columns(one: Aligned) -> tuple[str, ...]:
    """What is taken over of a file as it is: its answers, and what declares slices and groups."""
    part = one.side.roles
    named = (part.prediction, part.score, *part.class_scores.values(), part.group, *part.slices)
    return tuple(name for name in named if name is not None)


def _rows(
    one: Aligned, answers: Answers, labels: Mapping[int, str], weights: tuple[float, float] | None
) -> Iterator[tuple[str, ...]]:
    texts = [one.side.table.texts(name) for name in _columns(one)]
    codes = [one.take(column.codes) for column in texts]
    for place, label in labels.items():
        weight = () if weights is None else (f"{weights[0 if answers.differs[place] else 1]:.12g}",)
        cells = (
            column.values[int(coded[place])] if int(coded[place]) >= 0 else ""
            for column, coded in zip(texts, codes, strict=True)
        )
        yield (as_text(answers.ids[place]), label, *weight, *cells)
