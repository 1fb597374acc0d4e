"""Predictions that a command of the user's wrote: read like a stranger's file, and only what a model may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.scoring.asked import Asked
from mlci.adapters.scoring.interpreting import Given
from mlci.adapters.scoring.parts import Examples
from mlci.adapters.tables import open_table
from mlci.domain.columns import USUAL, Ambiguous, NotThere, Roles, roles, spelled
from mlci.domain.policy import Columns
from mlci.errors import ColumnAmbiguous, ColumnMissing, ModelUnusable, Place
from mlci.ports import Table, Texts
from mlci.stats.alignment import joined, ordered

_ENDINGS = (".parquet", ".pq", ".csv", ".tsv", ".jsonl", ".ndjson")
_HELP = "the command writes them to the file that MLCI_PREDICTIONS names"


def predictions_file(wanted: Path) -> Path:
    """The file the command wrote: the one it was told, or that name with another ending.

    Raises:
        ModelUnusable: there is none, or more than one.
    """
    if wanted.is_symlink() or (wanted.exists() and not wanted.is_file()):
        raise ModelUnusable("the scoring command left no file of predictions", place=Place(str(wanted)), help=_HELP)
    if wanted.exists():
        return wanted
    others = [
        other for ending in _ENDINGS if (other := wanted.with_suffix(ending)).is_file() and not other.is_symlink()
    ]
    if len(others) != 1:
        raise ModelUnusable("the scoring command left no file of predictions", place=Place(str(wanted)), help=_HELP)
    return others[0]


def read_own(file: Path, examples: Examples, asked: Asked) -> Given:
    """Read predictions, scores and columns of the user's own; labels, weights and groups are the holdout's alone.

    Raises:
        ModelUnusable: an example has no prediction, or one too many.
        FileMissing, Unreadable, NoExamples, ColumnMissing, ColumnAmbiguous, BadValue: what is wrong with the file.
    """
    table = open_table(str(file))
    part = _roles(table, examples, asked.columns)
    if part.id is None:
        raise ColumnMissing(
            f"the predictions have no id column such as {examples.id_column}, and are never paired by position",
            place=Place(table.name),
        )
    rows = _rows(table, part.id, examples)
    labels = values = None
    if part.prediction is not None:
        if table.is_number(part.prediction):
            values = _numbers(table, part.prediction)[rows]
        else:
            words = table.texts(part.prediction)
            labels = Texts(words.values, words.codes[rows])
    return Given(
        labels=labels,
        values=values,
        score=None if part.score is None else _numbers(table, part.score)[rows],
        class_scores={name: _numbers(table, column)[rows] for name, column in part.class_scores.items()},
        columns={name: _numbers(table, name)[rows] for name in _metrics(table, part, examples)},
    )


def _roles(table: Table, examples: Examples, named: Columns) -> Roles:
    """Parts of the user's file; columns it copied from the holdout play none, except the id."""
    own = {named.prediction, named.score, examples.id_column}
    copied = {name for name in examples.columns if name not in own and spelled(name) not in _USUAL_OUTPUTS}
    present = [name for name in table.columns if name not in copied]
    wanted = Columns(
        id=examples.id_column if examples.id_column in present else None,
        prediction=named.prediction,
        score=named.score,
    )
    if wanted.id is not None:
        present = [name for name in present if name == wanted.id or spelled(name) not in USUAL["id"]]
    present = [name for name in present if spelled(name) not in _HOLDOUTS]
    try:
        part = roles(present, wanted)
    except Ambiguous as error:
        help = f"name one under evaluate.{error.part}"
        raise ColumnAmbiguous(str(error), place=Place(table.name), help=help) from error
    except NotThere as error:
        help = f"the columns are: {', '.join(table.columns[:20])}"
        raise ColumnMissing(str(error), place=Place(table.name), help=help) from error
    if part.prediction is None and part.score is None and not part.class_scores and not part.others:
        raise ColumnMissing("the predictions have neither a prediction nor a score", place=Place(table.name))
    return part


_USUAL_OUTPUTS = frozenset({*USUAL["prediction"], *USUAL["score"]})
_HOLDOUTS = frozenset({*USUAL["target"], *USUAL["weight"], *USUAL["group"]})


def _rows(table: Table, column: str, examples: Examples) -> NDArray[np.intp]:
    """For each example of the holdout, the row that speaks of it."""
    ids = table.ids(column)
    wanted = examples.ids
    if ids.dtype.kind != wanted.dtype.kind:
        ids, wanted = (each if each.dtype.kind == "S" else each.astype("S20") for each in (ids, wanted))
    if len(ids) == len(wanted) and bool((ids == wanted).all()):
        return np.arange(len(ids))
    theirs, ours = ordered(ids), ordered(wanted)
    match = joined(theirs, ours)
    place = Place(table.name)
    if len(match.only_right):
        raise ModelUnusable(f"{len(match.only_right)} of {examples.rows} examples have no prediction", place=place)
    if len(match.only_left):
        what = "repeat an example" if bool(theirs.repeated.any()) else "are of no example of the holdout"
        raise ModelUnusable(f"{len(match.only_left)} predictions {what}", place=place)
    if bool(ours.repeated.any()):
        raise ModelUnusable(
            "ids of the holdout repeat, and the predictions stand in another order", place=place,
            help="write the predictions in the order of the holdout's rows",
        )  # fmt: skip
    rows = np.empty(len(wanted), dtype=np.intp)
    rows[ours.take(np.arange(len(wanted)))] = theirs.take(np.arange(len(ids)))
    return rows


def _numbers(table: Table, column: str) -> NDArray[np.float64]:
    return table.numbers(column).astype(np.float64, copy=False)


def _metrics(table: Table, part: Roles, examples: Examples) -> list[str]:
    """Numeric columns of the user's own, to be judged by their mean."""
    taken = {spelled(name) for name in (*examples.columns, *examples.kept, examples.id_column)}
    return [name for name in part.others if table.is_number(name) and spelled(name) not in taken]
