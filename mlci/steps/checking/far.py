"""How far every row is from the middle of the data, in rings of half an octave, counted by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

# The middle and the width of a column are plain from so many rows.
SAMPLE = 200_000
# More columns than this are not looked at together.
MOST_COLUMNS = 64
# Up to here a row is as near as others; the distance of all columns together counts each no further than this twice.
_NEAR = 4.0
_CAP = 8.0
_OUTERMOST = 60
# Half octaves in a natural logarithm.
_HALF_OCTAVES = 2.885390081777927
# Quartiles of a normal law are so many standard deviations apart.
_QUARTILES = 1.3489795003921634


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Something by which a row can be far out.

    Attributes:
        name: a column; None for all of them together.
        above: rows by ring and label on the upper side.
        below: the same on the lower side.
    """

    name: str | None
    above: Mapping[int, Mapping[str, int]]
    below: Mapping[int, Mapping[str, int]]


def measures(engine: DataEngine, opened: Opened, columns: Sequence[str], label: str) -> tuple[list[Measure], list[str]]:
    """Rings of every column, and of all together.

    Args:
        engine: that counts.
        opened: the data.
        columns: numbers.
        label: an expression in SQL of few values.

    Returns:
        The measures; and columns that have no width to measure by, because half of their rows hold one value.
    """
    where = ""
    if opened.rows > SAMPLE:
        where = f" WHERE {sql.some(engine.name, list(opened.columns), SAMPLE / opened.rows)}"
    scales, flat = _scales(engine, opened, columns, where)
    if not scales:
        return [], flat
    sides = {name: f"({_value(name)} - {middle!r}) / {width!r}" for name, (middle, width) in scales.items()}
    asked: list[tuple[str | None, str]] = list(sides.items())
    if len(scales) > 1:
        together = "sqrt((" + " + ".join(_squared(side) for side in list(sides.values())[:MOST_COLUMNS]) + "))"
        low, middle, high = engine.rows(
            "SELECT quantile_cont(d, 0.25), quantile_cont(d, 0.5), quantile_cont(d, 0.75) "
            f"FROM (SELECT {together} AS d FROM {opened.relation}{where}) AS distances"
        )[0]
        if high is not None and high > low:
            asked.append((None, f"({together} - {float(middle)!r}) / {(float(high) - float(low)) / _QUARTILES!r}"))
    found = []
    for name, side in asked:
        ring = f"least(floor(ln(abs(d) / {_NEAR}) * {_HALF_OCTAVES!r}) + 1, {_OUTERMOST})"
        rings: dict[bool, dict[int, dict[str, int]]] = {True: {}, False: {}}
        for above, number, of, n in engine.rows(
            f"SELECT d > 0, CASE WHEN abs(d) < {_NEAR} THEN 0 ELSE {ring} END, y, count(*) "
            f"FROM (SELECT {side} AS d, {label} AS y FROM {opened.relation}) AS measured "
            "WHERE d IS NOT NULL GROUP BY 1, 2, 3"
        ):
            rings[bool(above)].setdefault(int(number), {})[str(of)] = int(n)
        found.append(Measure(name=name, above=rings[True], below=rings[False]))
    return found, flat


def _scales(
    engine: DataEngine, opened: Opened, columns: Sequence[str], where: str
) -> tuple[dict[str, tuple[float, float]], list[str]]:
    if not columns:
        return {}, []
    quartiles = (f"quantile_cont({_value(column)}, {q})" for column in columns for q in (0.25, 0.5, 0.75))
    found = engine.rows(f"SELECT {', '.join(quartiles)} FROM {opened.relation}{where}")[0]
    scales, flat = {}, []
    for number, column in enumerate(columns):
        low, middle, high = found[3 * number : 3 * number + 3]
        if low is None or not float(high) > float(low):
            flat.append(column)
        else:
            scales[column] = (float(middle), (float(high) - float(low)) / _QUARTILES)
    return scales, flat


def _value(column: str) -> str:
    """A number without what is none: NaN and the infinities.

    By subtraction: DuckDB answers comparisons and ``isnan`` from the least and greatest value that a Parquet file
    states, and these leave NaN out.
    """
    value = f"CAST({sql.name(column)} AS DOUBLE)"
    return f"CASE WHEN {value} - {value} = 0 THEN {value} END"


def _squared(side: str) -> str:
    return f"coalesce(least(({side}) * ({side}), {_CAP * _CAP}), 0)"
