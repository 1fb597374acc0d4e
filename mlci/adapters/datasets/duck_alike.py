"""Rows that are alike in some columns, counted exactly and within bounds of memory.

That all values differ is shown cheaply, where it is so: by a map of bits of small ranges of integers, else by hashes,
since different hashes are of different values. Only rows whose hashes meet are grouped by their values.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table, quoted

# A map of bits of at most 16 MiB for each thread, and not mostly of zeros.
_LARGEST_MAP, _SPARSEST = 1 << 27, 64
# Hashes looked at in one pass, 8 bytes each; more are looked at in several, each of a share of all hashes.
_AT_ONCE = 8_000_000
# So many hashes that meet are named in a query; if more do, all rows are grouped.
_FEW = 5_000
# Of fewer rows than this everything is quick.
_SMALL = 200_000


def alike(session: Session, table: Table, columns: Sequence[str], where: str, rows: int) -> int:
    """How many rows are like another one in these columns; a missing value is like a missing value.

    Args:
        session: the connection.
        table: the rows.
        columns: the columns.
        where: SQL that is true for the rows that are looked at.
        rows: how many these are.
    """
    if rows > _SMALL:
        if (
            len(columns) == 1
            and table.columns[columns[0]] == "integer"
            and _bits(session, table, columns[0], where) == (rows)
        ):
            return 0
        met = _met(session, table, columns, where, rows)
        if met is not None and len(met) == 0:
            return 0
        if met is not None:
            listed = ", ".join(f"{one}::UBIGINT" for one in met)
            where = f"({where}) AND {_hash(columns)} IN ({listed})"
    found = session.run(
        f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {table.numbered} WHERE {where} "
        f"GROUP BY {', '.join(map(quoted, columns))} HAVING count(*) > 1)",
        table.name,
    )
    return int(found[0][0])


def distinct(session: Session, table: Table, column: str, where: str, values: int) -> int:
    """How many different values a column holds, among rows that hold one."""
    name = quoted(column)
    if values > _SMALL and table.columns[column] == "integer":
        bits = _bits(session, table, column, where)
        if bits is not None:
            return bits
    found = session.run(
        f"SELECT count(*) FROM (SELECT {name} FROM {table.numbered} WHERE {where} GROUP BY {name})", table.name
    )
    return int(found[0][0])


def _bits(session: Session, table: Table, column: str, where: str) -> int | None:
    """How many different integers there are, where their range is small; else None."""
    name = quoted(column)
    found = session.run(
        f"SELECT min({name}), max({name}), count({name}) FROM {table.numbered} WHERE {where}", table.name
    )
    low, high, count = found[0]
    if low is None:
        return 0
    span = int(high) - int(low) + 1
    if span > min(_LARGEST_MAP, _SPARSEST * int(count)) or not -(2**63) <= int(low) <= int(high) < 2**63:
        return None
    bits = session.run(
        f"SELECT bit_count(bitstring_agg(CAST({name} AS BIGINT), {low}, {high})) FROM {table.numbered} WHERE {where}",
        table.name,
    )
    return int(bits[0][0])


def _met(session: Session, table: Table, columns: Sequence[str], where: str, rows: int) -> list[int] | None:
    """Hashes that more than one row has; None where they are many."""
    import numpy as np

    passes = -(-rows // _AT_ONCE)
    met: list[int] = []
    for number in range(passes):
        share = f" AND {_hash(columns)} % {passes} = {number}" if passes > 1 else ""
        sql = f"SELECT {_hash(columns)} AS h FROM {table.numbered} WHERE ({where}){share}"
        hashes = np.asarray(session.arrays(sql, table.name)["h"])
        hashes.sort()
        twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
        met.extend(twice.tolist())
        if len(met) > _FEW:
            return None
    return met


def _hash(columns: Sequence[str]) -> str:
    return f"hash({', '.join(map(quoted, columns))})"
