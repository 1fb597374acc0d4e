"""The values of given ranks, exactly, without holding more than a part of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, quoted

# Values that are sorted at once; of more, counts by equal intervals say where the wanted ones lie.
_AT_ONCE = 4_000_000
_BINS = 4096


@dataclass(frozen=True)
class _Range:
    """Where wanted values lie.

    Attributes:
        low, high: the smallest and the largest value in it; None of all values.
        count: how many there are.
        before: how many are smaller.
    """

    low: Any
    high: Any
    count: int
    before: int


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
    if not count:
        return []
    one = _Column(session, table, column, f"({where}) AND {quoted(column)} IS NOT NULL")
    everything = _Range(None, None, count, 0)
    ranges = dict.fromkeys(ranks, everything)
    seen: set[_Range] = set()
    while wide := {each for each in ranges.values() if one.is_wide(each)} - seen:
        seen |= wide
        for each in wide:
            inside = one.divided(each)
            for rank, its in ranges.items():
                if its == each:
                    ranges[rank] = next(part for part in inside if rank <= part.before + part.count)
    found = {each: one.values(each) for each in set(ranges.values())}
    return [one.at(found[ranges[rank]], rank - ranges[rank].before) for rank in ranks]


class _Column:
    """The values of a column, as numbers that are in the same order."""

    def __init__(self, session: Session, table: Table, column: str, where: str) -> None:
        self._session, self._table, self._where = session, table, where
        self._kind = table.columns[column]
        name = quoted(column)
        # Dates and times as whole numbers of microseconds.
        self._size = f"epoch_us({name})" if self._kind in ("date", "timestamp") else name

    def is_wide(self, one: _Range) -> bool:
        """Whether there are more values in a range than are sorted at once, and different ones."""
        return one.count > _AT_ONCE and (one.low is None or one.low != one.high)

    def divided(self, one: _Range) -> list[_Range]:
        """A range in parts, by equal intervals of it."""
        low, high = one.low, one.high
        if low is None:
            low, high = self._rows(f"SELECT min({self._size}), max({self._size})", one)[0]
        bins = self._rows(
            f"SELECT min({self._size}), max({self._size}), count(*)", one,
            f"GROUP BY {_bin(self._size, low, high)} ORDER BY 1",
        )  # fmt: skip
        parts, before = [], one.before
        for least, most, count in bins:
            parts.append(_Range(least, most, int(count), before))
            before += int(count)
        return parts

    def values(self, one: _Range) -> Any:
        """The values of a range, as an array; one value where all are the same."""
        if one.low is not None and one.low == one.high:
            return one.low
        sql = f"SELECT {self._size} AS v FROM {self._table.numbered} WHERE {self._within(one)}"
        return self._session.arrays(sql, self._table.name)["v"]

    def at(self, values: Any, rank: int) -> Any:
        """The value of a rank in its range, as what it is."""
        import numpy as np

        if isinstance(values, np.ndarray):
            values = np.partition(np.asarray(values), rank - 1)[rank - 1].item()
        if self._kind not in ("date", "timestamp"):
            return values
        moment = datetime(1970, 1, 1) + timedelta(microseconds=int(values))
        return moment.date() if self._kind == "date" else moment

    def _rows(self, select: str, one: _Range, after: str = "") -> list[tuple[Any, ...]]:
        sql = f"{select} FROM {self._table.numbered} WHERE {self._within(one)} {after}"
        return self._session.run(sql, self._table.name)

    def _within(self, one: _Range) -> str:
        if one.low is None:
            return self._where
        return f"{self._where} AND {self._size} BETWEEN {_literal(one.low)} AND {_literal(one.high)}"


def _bin(size: str, low: Any, high: Any) -> str:
    as_number = f"CAST({size} AS DOUBLE)"
    if abs(float(low)) == float("inf") or abs(float(high)) == float("inf"):
        # By magnitude, which brings all finite values into one range.
        finite = f"floor({_BINS} * {as_number} / (1 + abs({as_number})))"
        return f"CASE WHEN isinf({as_number}) THEN sign({as_number}) * {2 * _BINS} ELSE {finite} END"
    width = (float(high) - float(low)) / _BINS
    return f"floor(({as_number} - {float(low)!r}) / {width!r})" if 0 < width < float("inf") else f"sign({as_number})"


def _literal(value: Any) -> str:
    return f"'{value!r}'::DOUBLE" if isinstance(value, float) else str(value)
