"""Two files in one coding, in SQL: which task, which class each word is, what is a label and what a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlci.domain.columns import spelled
from mlci.domain.figures import count
from mlci.domain.policy import ReadingPolicy
from mlci.domain.slices import columns_of
from mlci.errors import BadValue, ColumnMissing, Place, UsageError
from mlci.ports import Engine, Source
from mlci.steps.coding import Coding, code
from mlci.steps.reading import Side, holds_probabilities, read_side, roles_of
from mlci.steps.streaming.sampling import Column, sampled


@dataclass(frozen=True)
class Coded:
    """One file, as SQL that gives every example a few numbers.

    Attributes:
        source: the file.
        side: a sample of it, read.
        columns: what is known of each column that is looked at.
        id: its id as SQL; a whole number or a text.
        whole_ids: whether ids are whole numbers.
    """

    source: Source
    side: Side
    columns: dict[str, Column]
    id: str
    whole_ids: bool


def coded(engine: Engine, source: Source, reading: ReadingPolicy, slices: Sequence[str], own: Sequence[str]) -> Coded:
    """Read one file by a sample of its values.

    Raises:
        MlciError: columns are missing or ambiguous, or the engine cannot do what this file asks.
    """
    part = roles_of(tuple(source.kinds), source.file, reading)
    if part.id is None:
        raise ColumnMissing(
            "there is no id column, and examples are never paired by position",
            place=Place(source.file),
            help="name it with --id",
        )
    looked_at = [part.target, part.prediction, part.score, part.weight, part.group, *part.class_scores.values()]
    asked = (column for name in (*slices, *part.slices) for column in columns_of(name, source.kinds))
    looked_at += [name for name in asked if name in source.kinds]
    looked_at += [name for name in source.kinds if any(spelled(name) == spelled(each) for each in own)]
    table, columns = sampled(engine, source, (name for name in looked_at if name is not None))
    side = read_side(table, reading, slices, own)
    stored, quoted = source.kinds[part.id], engine.quoted(part.id)
    whole = stored != "text"
    plain = engine.stripped(quoted) if source.plain else quoted
    return Coded(source, side, columns, f"CAST({quoted} AS BIGINT)" if whole else plain, whole)


def coding_of(engine: Engine, sides: Sequence[Coded], reading: ReadingPolicy) -> Coding:
    """The coding of all files, refused where an engine cannot write it.

    Raises:
        UsageError: an engine cannot do this.
    """
    authority = sides[-1].side
    for what, there in (("weights", authority.weights), ("groups", authority.group)):
        if there is not None:
            raise refused(engine, f"{what} need every example at once", sides[-1].source)
    if authority.pairs:
        raise refused(engine, "pairs of slice columns are not counted by an engine", sides[-1].source)
    for one in sides:
        target = one.side.roles.target
        if target is not None and one.columns[target].missing:
            raise BadValue(
                f"{count(one.columns[target].missing)} examples have no label",
                place=Place(one.source.file),
                help="leave unlabelled examples out of the holdout",
            )
    found = code([one.side for one in sides], reading)
    for one, outputs in zip(sides, found.outputs, strict=True):
        if outputs.scores is not None and outputs.scores.ndim == 2:
            raise refused(engine, "the probabilities of several classes are not compared by an engine", one.source)
        if reading.nan == "fail-example" and any(column.missing for column in one.columns.values()):
            raise refused(engine, "nan: fail-example needs every example at once", one.source)
    return found


def refused(engine: Engine, cause: str, source: Source) -> UsageError:
    """What an engine cannot do."""
    return UsageError(
        f"{cause}: the engine {engine.name} cannot do it",
        place=Place(source.file),
        help="leave --engine out, so that the examples are read into memory",
    )


def selected(engine: Engine, one: Coded, place: int, coding: Coding, reading: ReadingPolicy, words: Words) -> str:
    """A query with one row for each example of a file.

    Args:
        engine: whose SQL it is.
        one: the file.
        place: which of the files of the coding it is.
        coding: of all files.
        reading: for the threshold between the classes.
        words: numbers of the words of target and slices, common to all files.
    """
    part, side = one.side.roles, one.side
    none = len(coding.classes)
    picked = [f"{one.id} AS id"]
    joins: list[str] = []

    def mapped(column: str, name: str, codes: dict[Any, int], otherwise: int) -> None:
        found = one.columns[column]
        alias = f"m{len(joins)}"
        kind = "DOUBLE" if found.number else None
        rows = ", ".join(f"({_constant(engine, value, kind)}, {number})" for value, number in codes.items())
        empty = f"(CAST(NULL AS {kind or engine.text}), 0)"
        joins.append(f"LEFT JOIN (VALUES {rows or empty}) AS {alias}(raw, code) ON {found.sql} = {alias}.raw")
        picked.append(f"coalesce({alias}.code, {otherwise}) AS {name}")

    unusable: list[str] = []
    target = part.target
    if target is not None and coding.task == "regression":
        picked.append(f"{_double(one.columns[target].sql)} AS y")
    elif target is not None:
        mapped(target, "w", words.of("target", one, target), -1)
    score = _score(one, coding)
    if score is not None:
        picked.append(f"{score} AS p")
        unusable.append(f"{score} IS NULL")
    if coding.task != "regression" and part.prediction is not None and _has_labels(side):
        column = one.columns[part.prediction]
        labels = coding.outputs[place].labels
        if not column.complete or labels is None:
            raise refused(engine, "there are more labels than an engine can be told of", one.source)
        mapped(part.prediction, "l", dict(zip(column.values, map(int, labels), strict=False)), none)
        unusable.append(f"{column.sql} IS NULL")
    elif coding.outputs[place].labels is not None and score is not None:
        picked.append(f"{_label(one, score, coding, reading)} AS l")
    picked.append(f"CASE WHEN {' OR '.join(unusable) or '1 = 0'} THEN 1 ELSE 0 END AS u")
    picked += [f"{_double(one.columns[_column(one, name)].sql)} AS c{place}" for place, name in enumerate(side.columns)]
    for number, name in enumerate(words.slices):
        if name in one.columns:
            mapped(name, f"s{number}", words.of(name, one, name), 0)
    return f"SELECT {', '.join(picked)} FROM {one.source.relation} {' '.join(joins)}"


def _column(one: Coded, name: str) -> str:
    return next(own for own in one.columns if own == name or spelled(own) == spelled(name))


def _double(sql: str) -> str:
    return f"CAST({sql} AS DOUBLE)"


def _constant(engine: Engine, value: Any, kind: str | None) -> str:
    return engine.literal(str(value)) if kind is None else f"CAST('{float(value)!r}' AS DOUBLE)"


def _has_labels(side: Side) -> bool:
    return side.labels is not None and not holds_probabilities(side)


def _score(one: Coded, coding: Coding) -> str | None:
    """Where the score of the positive class, or the predicted value, stands."""
    side, part = one.side, one.side.roles
    if part.score is not None:
        return one.columns[part.score].sql
    if coding.task == "regression" or holds_probabilities(side):
        return None if part.prediction is None else one.columns[part.prediction].sql
    positive = next((truth.positive for truth in coding.truths if truth is not None), None)
    if positive is not None and side.class_scores and set(side.class_scores) == set(coding.classes):
        return one.columns[part.class_scores[coding.classes[positive]]].sql
    return None


def _label(one: Coded, score: str, coding: Coding, reading: ReadingPolicy) -> str:
    positive = next(truth.positive for truth in coding.truths if truth is not None) or 0
    none = len(coding.classes)
    other = 1 - positive if none == 2 else none
    part = one.side.roles
    stored = one.source.kinds.get(part.score or part.prediction or "")
    # A score of single precision is compared with the threshold as single precision has it.
    threshold = float(np.float32(reading.threshold)) if stored == "single" else reading.threshold
    above = f"{score} >= CAST('{threshold!r}' AS DOUBLE)"
    return f"CASE WHEN {score} IS NULL THEN {none} WHEN {above} THEN {positive} ELSE {other} END"


class Words:
    """One number for each word of target and slices, whichever file it stands in.

    Of a slice, 0 is a missing value and the others count from 1 in the order of the words; of the target, -1 is no
    label.
    """

    def __init__(self, sides: Sequence[Coded]) -> None:
        authority = sides[-1].side
        self.slices = tuple(authority.slices)
        self._numbers: dict[str, dict[str, int]] = {}
        for name in self.slices:
            texts = [one.side.slices.get(name) for one in sides]
            # Production's words come first, so that those of the candidate alone number no slice.
            own = sorted(authority.slices[name].values)
            self._count(name, [*own, *(word for each in texts if each is not None for word in each.values)], 1)
        truths = [one.side.truth for one in reversed(sides) if one.side.truth is not None]
        self._count("target", [word for each in truths for word in each.values], 0)
        self.values = {name: tuple(sorted(authority.slices[name].values)) for name in self.slices}

    def _count(self, part: str, words: Sequence[str], first: int) -> None:
        self._numbers[part] = {word: number for number, word in enumerate(dict.fromkeys(words), first)}

    def of(self, part: str, one: Coded, column: str) -> dict[Any, int]:
        """The number of every value of a column."""
        texts = one.side.truth if part == "target" else one.side.slices[part]
        if texts is None:
            return {}
        numbers = self._numbers[part]
        codes = (int(each) for each in texts.codes)
        pairs = zip(one.columns[column].values, codes, strict=False)
        return {value: numbers[texts.values[each]] for value, each in pairs if each >= 0}

    def classes(self, coding: Coding) -> list[tuple[int, int]]:
        """The class of each word of the target."""
        index = {name: number for number, name in enumerate(coding.classes)}
        return [(number, index.get(word, len(coding.classes))) for word, number in self._numbers["target"].items()]
