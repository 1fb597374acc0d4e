"""How much each column alone says of the target, counted in one query for some columns at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mlci.domain.dataset import leakage
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

# What one column says of the target is plain from so many rows; more would only cost time.
SAMPLE = 200_000
# More values than this make a target a number, whatever it is written as.
MOST_CLASSES = 20
_COLUMNS_AT_ONCE = 12


@dataclass(frozen=True, kw_only=True)
class Said:
    """What each column says of the target.

    Attributes:
        shares: by column: 0.5 says nothing, 1 says everything; none where no class has examples enough.
        rows: that were looked at.
        classes: of the target; None where it is a number.
        rare: classes too rare to be judged.
    """

    shares: dict[str, float]
    rows: int
    classes: int | None
    rare: int = 0


def said(engine: DataEngine, opened: Opened, target: str, apart: Collection[str | None]) -> Said | None:
    """Measure every column but the target and those set apart; None where the target has but one value."""
    columns = [column for column in opened.columns if column != target and column not in apart]
    y = sql.name(target)
    where = f"{y} IS NOT NULL"
    if opened.rows > SAMPLE and columns:
        where += f" AND {sql.some(engine.name, columns, SAMPLE / opened.rows)}"
    source = f"FROM {opened.relation} WHERE {where}"
    counted = engine.rows(
        f"SELECT CAST({y} AS VARCHAR) AS y, count(*) AS n {source} "
        f"GROUP BY 1 ORDER BY n DESC, y LIMIT {MOST_CLASSES + 1}"
    )
    if len(counted) > MOST_CLASSES and opened.columns[target] in ("integer", "number", "date", "timestamp"):
        return _of_a_number(engine, opened, target, columns, source)
    rows = int(engine.rows(f"SELECT count(*) {source}")[0][0])
    classes = [(str(name), int(n)) for name, n in counted[:MOST_CLASSES]]
    common = [(name, n) for name, n in classes if min(n, rows - n) >= leakage.LEAST_OF_A_CLASS]
    if len(classes) < 2:
        return None
    if not common:
        return Said(shares={}, rows=rows, classes=len(counted), rare=len(classes))
    # Of two classes one says it all.
    asked = common[:1] if len(classes) == 2 else common
    shares: dict[str, float] = {}
    for some in _some(columns):
        cells: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for column, k, a, total, times in engine.rows(_class_cells(opened, target, some, asked, source, rows)):
            cells.setdefault((int(column), int(k)), []).append((int(a), int(total), int(times)))
        for number, column in enumerate(some):
            areas = [(leakage.auc_of(cells.get((number, k), [])), n) for k, (_, n) in enumerate(asked)]
            found = [(area, n) for area, n in areas if area is not None]
            shares[column] = leakage.told(found) if found else 0.5
    return Said(shares=shares, rows=rows, classes=len(counted), rare=len(classes) - len(common))


def _of_a_number(engine: DataEngine, opened: Opened, target: str, columns: Sequence[str], source: str) -> Said:
    rows = int(engine.rows(f"SELECT count(*) {source}")[0][0])
    shares: dict[str, float] = {}
    for some in _some(columns):
        for column, n, squares, left in engine.rows(_number_cells(opened, target, some, source, rows)):
            shares[some[int(column)]] = leakage.share_of_ranks(int(n), float(squares), float(left))
    return Said(shares=shares, rows=rows, classes=None)


def _some(columns: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        yield list(columns[start : start + _COLUMNS_AT_ONCE])


def _valued(opened: Opened, number: int, column: str, rows: int, bins: int, y: str) -> str:
    """(c, v, y…): which column, which of its values or bins, and what of the target, for each row of the sample.

    Numbers and times are put in bins of equally many rows by their rank; equal values stay in one bin, and a value
    that would fill one has it for itself.
    """
    if opened.columns[column] not in ("integer", "number", "date", "timestamp"):
        return f"SELECT {number} AS c, CAST(x{number} AS VARCHAR) AS v, {y} FROM s"
    ranked = (
        f"SELECT x, CASE WHEN n * {bins} >= {rows} THEN -1 - before ELSE floor(before * {bins} / {rows}) END AS b "
        f"FROM (SELECT x, n, sum(n) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING) - n AS before "
        f"FROM (SELECT x{number} AS x, count(*) AS n FROM s WHERE x{number} IS NOT NULL GROUP BY 1) AS v{number}) "
        f"AS o{number}"
    )
    return (
        f"SELECT {number} AS c, CAST(r{number}.b AS VARCHAR) AS v, {y} "
        f"FROM s LEFT JOIN ({ranked}) AS r{number} ON s.x{number} = r{number}.x"
    )


def _sampled(columns: Sequence[str], y: str, source: str) -> str:
    values = "".join(f", {sql.name(column)} AS x{number}" for number, column in enumerate(columns))
    return f"s AS (SELECT {y} AS y{values} {source})"


def _class_cells(
    opened: Opened, target: str, columns: Sequence[str], classes: Sequence[tuple[str, int]], source: str, rows: int
) -> str:
    """(column, class, rows of the class, rows, values): how many values have so many rows, so many of a class."""
    case = " ".join(f"WHEN {sql.text(name)} THEN {k}" for k, (name, _) in enumerate(classes))
    bins = max(8, min(max(32, 512 // len(classes)), rows // 40))
    valued = " UNION ALL ".join(_valued(opened, n, column, rows, bins, "y") for n, column in enumerate(columns))
    numbers = " UNION ALL ".join(f"SELECT {k} AS k" for k in range(len(classes)))
    return (
        f"WITH {_sampled(columns, f'CASE CAST({sql.name(target)} AS VARCHAR) {case} ELSE -1 END', source)}, "
        f"cells AS (SELECT c, v, y, count(*) AS n FROM ({valued}) AS valued GROUP BY c, v, y), "
        "totals AS (SELECT c, v, sum(n) AS n FROM cells GROUP BY c, v), "
        f"classes AS ({numbers}), "
        "each AS (SELECT totals.c AS c, classes.k AS k, coalesce(cells.n, 0) AS a, totals.n AS n FROM totals "
        "CROSS JOIN classes LEFT JOIN cells ON cells.c = totals.c AND cells.y = classes.k "
        "AND coalesce(cells.v, '\x01') = coalesce(totals.v, '\x01')) "
        "SELECT c, k, a, n, count(*) FROM each GROUP BY c, k, a, n"
    )


def _number_cells(opened: Opened, target: str, columns: Sequence[str], source: str, rows: int) -> str:
    """(column, rows, squares of the ranks of the target around their mean, what is left of them)."""
    y = sql.name(target)
    bins = max(8, min(256, rows // 5))
    valued = " UNION ALL ".join(_valued(opened, n, column, rows, bins, "u") for n, column in enumerate(columns))
    values = "".join(f", {sql.name(column)} AS x{number}" for number, column in enumerate(columns))
    ranks = (
        f"SELECT y, (sum(n) OVER (ORDER BY y ROWS UNBOUNDED PRECEDING) - n / 2.0) / {rows} AS u "
        f"FROM (SELECT {y} AS y, count(*) AS n {source} GROUP BY 1) AS targets"
    )
    rest = "CASE WHEN n > 1 THEN CAST(n AS DOUBLE) * n / (n - 1) / (n - 1) * (q - s * s / n) ELSE (s - m) * (s - m) END"
    return (
        f"WITH given AS (SELECT {y} AS y{values} {source}), "
        f"ranks AS ({ranks}), "
        f"s AS (SELECT ranks.u AS u{', ' + ', '.join(f'x{n}' for n in range(len(columns)))} "
        "FROM given JOIN ranks ON given.y = ranks.y), "
        "middle AS (SELECT avg(u) AS m, count(*) AS n, sum(u * u) - count(*) * avg(u) * avg(u) AS t FROM s), "
        f"cells AS (SELECT c, v, count(*) AS n, sum(u) AS s, sum(u * u) AS q FROM ({valued}) AS valued GROUP BY c, v) "
        f"SELECT c, max(middle_n), max(t), sum({rest}) FROM (SELECT cells.c AS c, cells.n AS n, cells.s AS s, "
        "cells.q AS q, middle.m AS m, middle.n AS middle_n, middle.t AS t FROM cells CROSS JOIN middle) AS beside "
        "GROUP BY c"
    )
