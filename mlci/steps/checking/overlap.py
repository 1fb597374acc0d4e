"""Rows of the training data that stand in the holdout too, counted: by their key, and by everything in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain.dataset.leakage import Repeats
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql
from mlci.steps.checking.shared import comparable

# Columns by which most rows that stand on one side only are left out before all columns are compared.
_SIEVE = 3


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys that stand on both sides.

    Attributes:
        keys: how many.
        train: rows of the training data that have one of them.
        holdout: rows of the holdout that do.
        nameless: rows of both that have no key.
        sample: some of the keys, the smallest as text.
    """

    keys: int
    train: int
    holdout: int
    nameless: int
    sample: tuple[str, ...]


def by_key(engine: DataEngine, train: Opened, holdout: Opened, key: str, most: int) -> Keys:
    """Count the keys of both."""
    value = f"CAST({comparable(train, holdout, key)} AS VARCHAR)"
    both = (
        f"SELECT {value} AS k, 1 AS t, 0 AS h FROM {train.relation} "
        f"UNION ALL SELECT {value} AS k, 0 AS t, 1 AS h FROM {holdout.relation}"
    )
    grouped = f"SELECT k, sum(t) AS t, sum(h) AS h FROM ({both}) AS rows_of_both GROUP BY k"
    shared = "k IS NOT NULL AND t > 0 AND h > 0"
    keys, of_train, of_holdout, nameless = engine.rows(
        f"SELECT sum(CASE WHEN {shared} THEN 1 ELSE 0 END), sum(CASE WHEN {shared} THEN t ELSE 0 END), "
        f"sum(CASE WHEN {shared} THEN h ELSE 0 END), sum(CASE WHEN k IS NULL THEN t + h ELSE 0 END) "
        f"FROM ({grouped}) AS keys_of_both"
    )[0]
    sample: tuple[str, ...] = ()
    if keys and most:
        found = engine.rows(f"SELECT k FROM ({grouped}) AS keys_of_both WHERE {shared} ORDER BY k LIMIT {most}")
        sample = tuple(str(row[0]) for row in found)
    return Keys(
        keys=int(keys or 0), train=int(of_train or 0), holdout=int(of_holdout or 0), nameless=int(nameless or 0),
        sample=sample,
    )  # fmt: skip


def by_content(engine: DataEngine, train: Opened, holdout: Opened, columns: Sequence[str]) -> Repeats:
    """Count the rows of the holdout whose values of some columns also stand in the training data.

    Where there is none, how often contents repeat is not counted: it would cost a pass over everything.
    """
    sieved = " AND ".join(_in(column, train, holdout) for column in _sieve(train, holdout, columns))
    grouped = _grouped(train, holdout, columns, sieved)
    inside = engine.rows(f"SELECT sum(CASE WHEN t > 0 THEN h ELSE 0 END) FROM ({grouped}) AS contents")[0][0] or 0
    if not inside:
        return Repeats(holdout=holdout.rows, inside=0, train=train.rows, once=train.rows, twice=0)
    once, twice, pairs = engine.rows(
        "SELECT sum(CASE WHEN t = 1 THEN 1 ELSE 0 END), sum(CASE WHEN t = 2 THEN 1 ELSE 0 END), "
        f"sum(CAST(h AS DOUBLE) * (h - 1) / 2) FROM ({_grouped(train, holdout, columns)}) AS contents"
    )[0]
    return Repeats(
        holdout=holdout.rows, inside=int(inside), train=train.rows, once=int(once or 0), twice=int(twice or 0),
        holdout_pairs=int(pairs or 0),
    )  # fmt: skip


def named(
    engine: DataEngine, train: Opened, holdout: Opened, columns: Sequence[str], name: str, most: int
) -> tuple[str, ...]:
    """What names some rows of the holdout whose content stands in the training data: one for each content."""
    sieved = " AND ".join(_in(column, train, holdout) for column in _sieve(train, holdout, columns))
    grouped = _grouped(train, holdout, columns, sieved, name)
    found = engine.rows(
        f"SELECT k FROM ({grouped}) AS contents WHERE t > 0 AND h > 0 AND k IS NOT NULL ORDER BY k LIMIT {most}"
    )
    return tuple(str(row[0]) for row in found)


def _sieve(train: Opened, holdout: Opened, columns: Sequence[str]) -> list[str]:
    """Columns of which a value seldom stands on both sides by chance: fractions, then times, texts, whole numbers."""
    order = ("number", "timestamp", "string", "date", "integer", "other", "boolean")
    alike = [column for column in columns if train.columns[column] == holdout.columns[column] != "other"]
    return sorted(alike, key=lambda column: order.index(train.columns[column]))[:_SIEVE]


def _in(column: str, train: Opened, holdout: Opened) -> str:
    value = comparable(train, holdout, column)
    return f"({value} IN (SELECT {value} FROM {holdout.relation}) OR {value} IS NULL)"


def _grouped(train: Opened, holdout: Opened, columns: Sequence[str], where: str = "", name: str | None = None) -> str:
    """Every content with how many rows of each side have it (t, h), and the name of one of the holdout's (k)."""
    values = ", ".join(f"{comparable(train, holdout, column)} AS c{n}" for n, column in enumerate(columns))
    groups = ", ".join(f"c{n}" for n in range(len(columns)))
    key, least = "", ""
    if name is not None:
        key, least = f", CAST({sql.name(name)} AS VARCHAR) AS k", ", min(k) AS k"
    none = key and ", CAST(NULL AS VARCHAR) AS k"
    condition = f" WHERE {where}" if where else ""
    return (
        f"SELECT sum(t) AS t, sum(h) AS h{least} FROM ("
        f"SELECT {values}, 1 AS t, 0 AS h{none} FROM {train.relation}{condition} "
        f"UNION ALL SELECT {values}, 0 AS t, 1 AS h{key} FROM {holdout.relation}"
        f") AS rows_of_both GROUP BY {groups}"
    )
