"""Rows gathered from a harness's file, and the table they become."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mlci.adapters.tables.plain import PlainTable
from mlci.domain.columns import USUAL, spelled
from mlci.domain.figures import Better, count
from mlci.domain.harness import OwnScore
from mlci.domain.metric import known_metric, normalise
from mlci.errors import Place, Unreadable

MOST_COLUMNS = 1000
_LONGEST_NAME = 200
# A passage is as good a group by its digest; whole texts a million times over would fill the memory.
_LONGEST_FIELD = 200
# Fields by which questions belong together wherever they have one of these names.
_GROUPS = (*USUAL["group"], "passage_id", "passage")
# A score of one question by such a name would be taken for a part that only whole predictions have.
_RESERVED = frozenset(name for part in ("id", "target", "prediction", "weight", "group") for name in USUAL[part])
_RENAMED = "question_"


class HarnessTable(PlainTable):
    """A table that says which of its columns are scores, and what was assumed in reading it."""

    def __init__(
        self, name: str, columns: dict[str, Sequence[Any]], rows: int, scores: tuple[OwnScore, ...], notes: list[str]
    ) -> None:
        super().__init__(name, columns, rows, lambda _: None)
        self.scores = scores
        self.notes = tuple(notes)


class Rows:
    """Answers as they come: an id, fields to group and slice by, and scores by name."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.notes: list[str] = []
        self._ids: list[str] = []
        self._fields: dict[str, list[Any]] = {}
        self._scores: dict[str, list[float | None]] = {}
        self._failed: list[int] = []

    def add(
        self, id: str, fields: Mapping[str, Any], scores: Mapping[str, float | None], *, failed: bool = False
    ) -> None:
        """One answer.

        Args:
            id: of the question; several answers to one question share it.
            fields: what the file says of the question; what is no text, number or truth value is left out.
            scores: by name; None where the answer has no such score.
            failed: whether there is no answer, because getting one ended in an error.
        """
        row = len(self._ids)
        self._ids.append(id)
        if failed:
            self._failed.append(row)
        for columns, values in ((self._fields, _plain(fields)), (self._scores, scores)):
            for name, value in values.items():
                column = columns.get(name)
                if column is None:
                    column = columns[self._checked(name)] = []
                column.extend([None] * (row - len(column)))
                column.append(value)

    def _checked(self, name: str) -> str:
        if len(name) > _LONGEST_NAME or not name.isprintable() or not name.strip():
            raise Unreadable(f"{name[:60]!a} cannot be the name of a column", place=Place(self.file))
        if len(self._fields) + len(self._scores) >= MOST_COLUMNS:
            raise Unreadable(f"more than {MOST_COLUMNS} different fields and scores", place=Place(self.file))
        return name

    def table(self, better: Mapping[str, Better], *, only: Sequence[str] | None = None) -> HarnessTable:
        """The table.

        Args:
            better: which way a score is better, by its name; higher where it is not named.
            only: the scores that are offered to be judged where nobody names any; None for all.
        """
        rows = len(self._ids)
        columns: dict[str, Sequence[Any]] = {"id": self._ids}
        for name, column in self._fields.items():
            columns[name] = _filled(column, rows)
        group = next(
            (name for key in _GROUPS for name in self._fields if spelled(name.rpartition(".")[2]) == key), None
        )
        if group is not None:
            columns["group"] = columns.pop(group)
            self.notes.append(f"questions with the same {group} are taken for one group")
        scores = []
        for name, values in self._scores.items():
            title = name if _is_free(name, columns) else f"{_RENAMED}{name}"
            columns[title] = self._with_failures(_filled(values, rows), better.get(name, "higher"))
            if only is None or name in only:
                scores.append(OwnScore(name=title, better=better.get(name, "higher")))
        if self._failed:
            failed = count(len(self._failed))
            self.notes.append(f"answers that ended in an error: {failed}; each counts as 0 in a score from 0 to 1")
        return HarnessTable(self.file, columns, rows, tuple(scores), self.notes)

    def _with_failures(self, values: list[float | None], better: Better) -> list[float | None]:
        """The scores, with 0 for an answer that was never given where 0 is the worst there is.

        Left out, as some harnesses do, such answers would lift the mean of a model that breaks on what is hard.
        """
        if better == "higher" and all(value is None or 0 <= value <= 1 for value in values):
            for row in self._failed:
                values[row] = 0.0 if values[row] is None else values[row]
        return values


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _short(value) for name, value in fields.items() if isinstance(value, (str, bool, int, float))}


def _short(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and len(value) <= _LONGEST_FIELD):
        return value
    if len(value) > _LONGEST_FIELD:
        return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return value.encode("utf-8", "replace").decode()  # an escape may name half of a surrogate pair


def _filled(column: list[Any], rows: int) -> list[Any]:
    return column + [None] * (rows - len(column))


def _is_free(name: str, columns: Mapping[str, Any]) -> bool:
    spelling = spelled(name)
    return (
        name not in columns
        and spelling not in _RESERVED
        and not spelling.startswith("slice_")
        and known_metric(normalise(name)) is None
    )


def digest_of(text: str) -> str:
    """A short, stable name of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
