"""The values of given ranks, exactly, without holding more than a part of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, quoted

# Values that are sorted at once; of more, counts by equal intervals say where the wanted ones lie.
_AT_ONCE = 4_000_000
_BINS = 4096


def ranked(session: Session, table: Table, column: str, where: str, count: int, ranks: Sequence[int]) -> list[Any]:
    """Values by rank.

    Args:
        session: the connection.
        table: the rows.
        column: of numbers, dates or times.
        where: SQL that is true for the rows that are looked at.
        count: how many of them hold a value.
        ranks: of the wanted values, from 1.
    """
    by_rank = {rank: _one(session, table, column, where, count, rank) for rank in dict.fromkeys(ranks)} if count else {}
    return [by_rank[rank] for rank in ranks] if count else []


def _one(session: Session, table: Table, column: str, where: str, count: int, rank: int) -> Any:
    name = quoted(column)
    # Dates and times are compared as whole numbers of microseconds.
    size = f"epoch_us({name})" if table.columns[column] in ("date", "timestamp") else name
    within = f"({where}) AND {name} IS NOT NULL"
    before: tuple[Any, Any] | None = None
    while count > _AT_ONCE:
        low, high = session.run(f"SELECT min({size}), max({size}) FROM {table.numbered} WHERE {within}", table.name)[0]
        if low == high or (low, high) == before:
            break
        before = low, high
        bins = session.run(
            f"SELECT min({size}), max({size}), count(*) FROM {table.numbered} WHERE {within} "
            f"GROUP BY {_bin(size, low, high)} ORDER BY 1",
            table.name,
        )
        low, high, rank, count = _inside(bins, rank)
        within = f"({where}) AND {size} BETWEEN {_literal(low)} AND {_literal(high)}"
        if low == high:
            break
    if count > _AT_ONCE:
        # The same value again and again, or values that no two floating-point numbers can tell apart.
        sql = f"SELECT {name} FROM {table.numbered} WHERE {within} ORDER BY {name} LIMIT 1 OFFSET {rank - 1}"
        return session.run(sql, table.name)[0][0]
    return _nth(session, table, column, within, rank)


def _nth(session: Session, table: Table, column: str, where: str, rank: int) -> Any:
    import numpy as np

    sql = f"SELECT {quoted(column)} AS v FROM {table.numbered} WHERE {where}"
    values = np.asarray(session.arrays(sql, table.name)["v"])
    value = np.partition(values, rank - 1)[rank - 1].item()
    return value.date() if table.columns[column] == "date" and hasattr(value, "date") else value


def _bin(size: str, low: Any, high: Any) -> str:
    as_number = f"CAST({size} AS DOUBLE)"
    if abs(float(low)) == float("inf") or abs(float(high)) == float("inf"):
        # By magnitude, which brings all finite values into one range.
        finite = f"floor({_BINS} * {as_number} / (1 + abs({as_number})))"
        return f"CASE WHEN isinf({as_number}) THEN sign({as_number}) * {2 * _BINS} ELSE {finite} END"
    width = (float(high) - float(low)) / _BINS
    return f"floor(({as_number} - {float(low)!r}) / {width!r})" if 0 < width < float("inf") else f"sign({as_number})"


def _inside(bins: Sequence[tuple[Any, ...]], rank: int) -> tuple[Any, Any, int, int]:
    for low, high, count in bins:
        if rank <= count:
            return low, high, rank, count
        rank -= count
    raise AssertionError("a rank is at most the number of values")


def _literal(value: Any) -> str:
    return f"'{value!r}'::DOUBLE" if isinstance(value, float) else str(value)
