"""What the holdout itself says of its examples: ids, labels, weights, groups and slices, never asked of a model."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.scoring.asked import Asked, HoldoutFile
from mlci.adapters.scoring.interpreting import in_order
from mlci.adapters.tables import open_table
from mlci.domain.columns import USUAL, Ambiguous, NotThere, roles, spelled
from mlci.domain.policy import Columns
from mlci.domain.slices import columns_of
from mlci.errors import ColumnAmbiguous, ColumnMissing, Place
from mlci.ports import Table, Texts

# A column of words with their codes, or of numbers.
Column = Texts | NDArray[np.floating[Any]]

_PROBE = 1000
# A whole-number target with more distinct values than this is a quantity, as the gate has it.
_MOST_CLASSES = 20
_SLICE = "slice_"
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Examples:
    """The holdout without its features; everything in the order of its rows.

    Attributes:
        path: of the file.
        rows: how many.
        id_column: name of the column of ids.
        ids: shape (rows,): int64, or UTF-8 bytes of fixed width.
        target: name of the column of labels; None where there is none.
        kept: columns to write beside the predictions, by name.
        labels: the distinct labels in order; empty where the target is a quantity.
        numeric: whether the target is stored as numbers.
        columns: every name in the file.
        probe: rows of the probe set.
        assumptions: what was found by its usual name.
    """

    path: str
    rows: int
    id_column: str
    ids: NDArray[Any]
    target: str | None
    kept: dict[str, Column]
    labels: tuple[str, ...]
    numeric: bool
    columns: tuple[str, ...]
    probe: NDArray[np.intp]
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Which column of the holdout plays which part, by names alone.

    Attributes:
        found: column of id, target, weight and group, where there is one.
        slices: columns whose values are groups of examples.
        excluded: columns that are no features.
        columns: every name in the file.
    """

    found: dict[str, str]
    slices: tuple[str, ...]
    excluded: tuple[str, ...]
    columns: tuple[str, ...]


def read_layout(path: str, asked: Asked) -> Layout:
    """Find the parts from the names of the columns, which is quick for all but JSON Lines.

    Raises:
        FileMissing, Unreadable, NoExamples, ColumnMissing, ColumnAmbiguous: what is wrong with the file.
    """
    names = _names(path)
    found = _found(names, asked.columns, Place(path))
    slices = _slices(names, asked, set(found.values()))
    return Layout(found, slices, tuple(dict.fromkeys((*found.values(), *slices))), names)


def _names(path: str) -> tuple[str, ...]:
    """The names of the columns; a CSV file is not read to its end for them."""
    if Path(path).suffix.lower() not in (".csv", ".tsv"):
        return open_table(path).columns
    try:
        with Path(path).open("rb") as stream, io.BytesIO() as start:
            while (line := stream.readline(_LONGEST_LINE)) and start.tell() < _LONGEST_LINE:
                start.write(line)
                header = start.getvalue()
                # A name may hold a line break, between quotes.
                if header.count(b'"') % 2 == 0:
                    return _header(header.decode("utf-8-sig"), tab=path.lower().endswith(".tsv"))
    except (OSError, ValueError, csv.Error):
        pass
    return open_table(path).columns


def _header(text: str, *, tab: bool) -> tuple[str, ...]:
    sign = "\t" if tab else next((sign for sign in ",;\t" if sign in text.split("\n")[0]), ",")
    return tuple(name.strip() for name in next(csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)))


def read_examples(holdout: HoldoutFile, asked: Asked, layout: Layout) -> Examples:
    """Read everything of the holdout that no model has a say in.

    Raises:
        FileMissing, Unreadable, NoExamples, BadValue: what is wrong with the file.
    """
    found = layout.found
    table = open_table(holdout.path, only={*found.values(), *layout.slices} or {layout.columns[0]})
    ids, notes = _ids(table, found.get("id"), holdout)
    notes += [
        f"{part}: column {column} of the holdout, by its name"
        for part, column in found.items()
        if getattr(asked.columns, part) is None
    ]
    kept = {name: _column(table, name) for part, name in found.items() if part != "id"}
    kept.update({name: _column(table, name) for name in layout.slices if name not in kept})
    target = found.get("target")
    return Examples(
        path=holdout.path,
        rows=table.rows,
        id_column=found.get("id", "id"),
        ids=ids,
        target=target,
        kept=kept,
        labels=_labels(table, target, asked),
        numeric=target is not None and table.is_number(target),
        columns=layout.columns,
        probe=_probe(ids),
        assumptions=tuple(notes),
    )


def _found(names: tuple[str, ...], named: Columns, place: Place) -> dict[str, str]:
    """The holdout's own parts; a column of it may well be called "score" and be a feature."""
    wanted = Columns(id=named.id, target=named.target, weight=named.weight, group=named.group)
    own = {name for name in (wanted.id, wanted.target, wanted.weight, wanted.group) if name is not None}
    others = {*USUAL["prediction"], *USUAL["score"]}
    present = [name for name in names if name in own or spelled(name) not in others]
    # What was named plays that part alone, whatever it is called.
    try:
        found = {part: _one(part, present, wanted, own) for part in ("id", "target", "weight", "group")}
    except Ambiguous as error:
        raise ColumnAmbiguous(str(error), place=place, help=f"name one under evaluate.{error.part}") from error
    except NotThere as error:
        help = f"the columns are: {', '.join(names[:20])}"
        raise ColumnMissing(str(error), place=place, help=help) from error
    return {name: column for name, column in found.items() if column is not None}


def _one(part: str, present: list[str], wanted: Columns, own: set[str]) -> str | None:
    named = getattr(wanted, part)
    left = [name for name in present if name == named or name not in own]
    only = Columns(**{part: named})
    usual = [name for name in left if name == named or spelled(name) in USUAL[part]]
    column: str | None = getattr(roles(usual, only), part)
    return column


def _slices(names: tuple[str, ...], asked: Asked, taken: set[str]) -> tuple[str, ...]:
    """Columns whose values are groups; that one which policy names is absent is the gate's to say."""
    wanted = (column for name in (*asked.slices, *asked.sensitive) for column in columns_of(name, names))
    declared = [name for name in wanted if name in names]
    by_name = [name for name in names if name not in taken and spelled(name).startswith(_SLICE)]
    return tuple(dict.fromkeys((*declared, *by_name)))


def _ids(table: Table, column: str | None, holdout: HoldoutFile) -> tuple[NDArray[Any], list[str]]:
    if column is not None:
        return table.ids(column), []
    numbers = np.char.zfill(np.arange(table.rows).astype("S"), len(str(max(table.rows - 1, 0))))
    note = (
        "id: made of the holdout's digest and the row, because it has no id column; predictions on another holdout "
        "cannot be compared"
    )
    return np.char.add(f"{holdout.digest[:12]}-".encode(), numbers), [note]


def _column(table: Table, name: str) -> Column:
    return table.numbers(name) if table.is_number(name) else table.texts(name)


def _labels(table: Table, target: str | None, asked: Asked) -> tuple[str, ...]:
    if target is None or asked.task == "regression":
        return ()
    if table.is_number(target) and asked.task is None:
        numbers = table.numbers(target)
        finite = numbers[np.isfinite(numbers)]
        if bool((finite != np.floor(finite)).any()):
            return ()
    words = table.texts(target)
    if table.is_number(target) and asked.task is None and len(words.values) > _MOST_CLASSES:
        return ()
    used = np.unique(words.codes)
    return in_order({words.values[code] for code in used.tolist() if code >= 0})


def _probe(ids: NDArray[Any]) -> NDArray[np.intp]:
    """Rows of the examples whose hashed ids come first: the same examples for every model, whatever the order."""
    hashed = np.array([hashlib.sha256(text).digest() for text in texts_of_ids(ids)], dtype="S32")
    return np.argsort(hashed, kind="stable")[:_PROBE]


def texts_of_ids(ids: NDArray[Any]) -> Sequence[bytes]:
    """Each id as UTF-8."""
    written: list[bytes] = (ids if ids.dtype.kind == "S" else ids.astype("S20")).tolist()
    return written
