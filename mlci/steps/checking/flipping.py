"""Rows whose label is another than the reference's for the same content, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain.dataset.media import medium_of
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql
from mlci.steps.checking.shared import comparable, content


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Labels against those of the reference.

    Attributes:
        named: whether rows were found by their name and content, else by content alone.
        matched: rows of the training data whose content stands there with one label, or whose name does.
        flips: those of them with another label.
        contradictions: rows of the reference whose label is another than the one label of all other rows with their
            content: what chance and honest doubt give.
    """

    named: bool
    matched: int
    flips: int
    contradictions: int


def flips(
    engine: DataEngine, train: Opened, before: Opened, target: str, name: str | None, key: str | None
) -> Flips | None:
    """Count flips; None where nothing can be compared."""
    columns, _ = content(engine, train, before, {name, key, target})
    if not columns:
        return None
    if medium_of(train.columns) is not None:
        # The name of a file says its class, so that a flip gives it another name.
        name = None
    if name is not None and _names(engine, train, name) and _names(engine, before, name):
        matched, flipped = engine.rows(
            f"SELECT count(*), sum(CASE WHEN {_differs(train, before, target)} THEN 1 ELSE 0 END) "
            f"FROM {_joined(train, before, columns, name)}"
        )[0]
        return Flips(named=True, matched=int(matched), flips=int(flipped or 0), contradictions=0)
    values = ", ".join(f"{comparable(train, before, column)} AS c{n}" for n, column in enumerate(columns))
    groups = ", ".join(f"c{n}" for n in range(len(columns)))
    y = f"CAST({comparable(train, before, target)} AS VARCHAR) AS y"
    labelled = f"WHERE {sql.name(target)} IS NOT NULL"
    cells = (
        f"SELECT {groups}, y, sum(t) AS t, sum(r) AS r FROM ("
        f"SELECT {values}, {y}, 1 AS t, 0 AS r FROM {train.relation} {labelled} "
        f"UNION ALL SELECT {values}, {y}, 0 AS t, 1 AS r FROM {before.relation} {labelled}"
        f") AS rows_of_both GROUP BY {groups}, y"
    )
    contents = (
        "SELECT sum(t) AS t, sum(CASE WHEN r > 0 THEN 1 ELSE 0 END) AS labels, "
        "sum(CASE WHEN r > 0 THEN t ELSE 0 END) AS agreed, sum(CASE WHEN r = 1 THEN 1 ELSE 0 END) AS singles "
        f"FROM ({cells}) AS cells GROUP BY {groups}"
    )
    matched, flipped, contradicting = engine.rows(
        "SELECT sum(CASE WHEN labels = 1 THEN t ELSE 0 END), sum(CASE WHEN labels = 1 THEN t - agreed ELSE 0 END), "
        f"sum(CASE WHEN labels = 2 THEN singles ELSE 0 END) FROM ({contents}) AS contents"
    )[0]
    return Flips(
        named=False, matched=int(matched or 0), flips=int(flipped or 0), contradictions=int(contradicting or 0)
    )


def named(
    engine: DataEngine, train: Opened, before: Opened, target: str, name: str, key: str | None, most: int
) -> tuple[str, ...]:
    """The names of some flipped rows, the smallest first."""
    columns, _ = content(engine, train, before, {name, key, target})
    value = f"CAST(t.{sql.name(name)} AS VARCHAR)"
    found = engine.rows(
        f"SELECT {value} FROM {_joined(train, before, columns, name)} WHERE {_differs(train, before, target)} "
        f"ORDER BY t.{sql.name(name)} LIMIT {most}"
    )
    return tuple(str(row[0]) for row in found)


def _names(engine: DataEngine, opened: Opened, name: str) -> bool:
    if name not in opened.columns:
        return False
    return bool(engine.rows(f"SELECT count(DISTINCT {sql.name(name)}) FROM {opened.relation}")[0][0] == opened.rows)


def _joined(train: Opened, before: Opened, columns: Sequence[str], name: str) -> str:
    """Rows of both with the same name and the same content, as t and r."""
    same = " AND ".join(
        f"{_of('t', train, before, column)} IS NOT DISTINCT FROM {_of('r', train, before, column)}"
        for column in columns
    )
    key = f"{_of('t', train, before, name)} = {_of('r', train, before, name)}"
    return f"{train.relation} AS t JOIN {before.relation} AS r ON {key} AND {same}"


def _of(alias: str, train: Opened, before: Opened, column: str) -> str:
    return comparable(train, before, column).replace(sql.name(column), f"{alias}.{sql.name(column)}")


def _differs(train: Opened, before: Opened, target: str) -> str:
    return f"{_of('t', train, before, target)} <> {_of('r', train, before, target)}"
