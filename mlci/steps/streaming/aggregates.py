"""Counts, moments and placements of all examples and of every slice, from an engine: what numpy computes from rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlci.ports import Engine
from mlci.stats.cells import Cells
from mlci.stats.measure import CLIP
from mlci.stats.moments import Moments
from mlci.stats.placements import Placed
from mlci.steps.streaming.joining import BOTH

_ONE = "CAST(1 AS DOUBLE)"


@dataclass(frozen=True)
class Loss:
    """The losses of a metric as SQL, the candidate's and production's.

    Attributes:
        mine: the candidate's loss.
        theirs: production's.
        scale: what the metric is scaled by; None for nothing.
        nearer: what an example counts as gained or lost by, where these are not the losses.
        rising: whether more is better, as it may be of a column of the user's.
    """

    mine: str
    theirs: str
    scale: str | None = None
    nearer: tuple[str, str] | None = None
    rising: bool = False


@dataclass(frozen=True)
class About:
    """Smallest and largest value of a column, and how many are missing and how many 0."""

    low: float
    high: float
    missing: int
    zeros: int


@dataclass
class Facts:
    """What is known of one set of examples.

    Attributes:
        n: examples.
        cells: counts of truth and two labels.
        moments: of the losses, by metric.
        placed: of both models' scores; None where there are none.
        about: what is known of a column, by column.
    """

    n: int = 0
    cells: Cells | None = None
    moments: dict[str, Moments] = field(default_factory=dict)
    placed: Placed | None = None
    about: dict[str, About] = field(default_factory=dict)


def losses(name: str, positive: int | None) -> Loss | None:
    """The losses of a metric, in columns of the examples; None where it is no mean of losses."""

    def each(template: str) -> tuple[str, str]:
        return template.replace("#", "pc"), template.replace("#", "pb")

    chance = f"(CASE WHEN t = {positive} THEN # ELSE {_ONE} - # END)"
    error = "abs(# - y)"
    if name == "log_loss":
        return Loss(*each(f"(-ln(greatest({chance}, CAST('{CLIP!r}' AS DOUBLE))))"))
    if name == "brier":
        return Loss(*each(f"(({_ONE} - {chance}) * ({_ONE} - {chance}))"))
    if name == "mae":
        return Loss(*each(error))
    if name == "mape":
        return Loss(*each(f"abs((# - y) / nullif(y, {_ONE} - {_ONE}))"))
    if name == "smape":
        size = "((abs(y) + abs(y + (# - y))) / CAST(2 AS DOUBLE))"
        return Loss(*each(f"(CASE WHEN {size} > 0 THEN abs(# - y) / {size} ELSE {_ONE} - {_ONE} END)"))
    if name == "wape":
        return Loss(*each(error), scale="abs(y)")
    if name in ("rmse", "r2"):
        scale = "((y - ym) * (y - ym))" if name == "r2" else None
        return Loss(*each("((# - y) * (# - y))"), scale=scale, nearer=each(error))
    return None


def facts(
    engine: Engine,
    by: str | None,
    columns: Sequence[str],
    wanted: dict[str, Loss],
    *,
    ranked: bool,
    classes: int,
    positive: int | None,
) -> dict[int, Facts]:
    """Everything that the metrics need of each slice of a column; of all examples, which are slice 0, without one.

    Args:
        engine: that keeps the examples.
        by: column of the slice; None for all examples.
        columns: of the relation.
        wanted: losses by metric.
        ranked: whether placements are asked for.
        classes: number of classes; 0 without any.
        positive: code of the positive class.
    """
    found: dict[int, Facts] = {}
    key = by or "0"
    _sums(engine, key, columns, wanted, found)
    if classes and {"lc", "lb"} <= set(columns):
        _cells(engine, key, found, classes, positive)
    if ranked:
        _placements(engine, by, found, positive or 0)
    return found


def _sums(engine: Engine, key: str, columns: Sequence[str], wanted: dict[str, Loss], found: dict[int, Facts]) -> None:
    picked = ["count(*)"]
    about = [name for name in columns if name[0] in "pcy"]
    for name in about:
        zeros = f"count(CASE WHEN {name} = 0 THEN 1 END)"
        picked += [f"min({name})", f"max({name})", f"count(*) - count({name})", zeros]
    inner = []
    for place, loss in enumerate(wanted.values()):
        a, b, s = f"a{place}", f"b{place}", f"g{place}"
        inner += [f"{loss.mine} AS {a}", f"{loss.theirs} AS {b}", f"{loss.scale or _ONE} AS {s}"]
        first, second = loss.nearer or (loss.mine, loss.theirs)
        more, less = ("<", ">") if loss.rising else (">", "<")
        inner.append(
            f"CASE WHEN {first} {less} {second} THEN 1 WHEN {first} {more} {second} THEN -1 ELSE 0 END AS n{place}"
        )
        pairs = [(a, a), (b, b), (f"{a} - {b}", f"{a} - {b}"), (f"{a} - {b}", b)]
        if loss.scale is not None:
            pairs += [(s, s), (s, a), (s, b), (s, f"{a} - {b}")]
        picked += [f"avg({a})", f"avg({b})", f"avg({s})"]
        picked += [f"count(CASE WHEN n{place} = 1 THEN 1 END)", f"count(CASE WHEN n{place} = -1 THEN 1 END)"]
        picked += [f"var_pop({x})" if x == y else f"covar_pop({x}, {y})" for x, y in pairs]
    mean = (
        f", avg(y) OVER (PARTITION BY {key}) AS ym"
        if any("ym" in (loss.scale or "") for loss in wanted.values())
        else ""
    )
    rows = f"SELECT *{mean} FROM {BOTH}" if mean else f"SELECT * FROM {BOTH}"
    kept = ", ".join([f"{key} AS part", *about, *inner])
    sql = f"SELECT part, {', '.join(picked)} FROM (SELECT {kept} FROM ({rows}) AS r) AS l GROUP BY part"
    for part, n, *values in engine.rows(sql):
        one = found.setdefault(int(part), Facts(n=int(n)))
        rest = iter(values)
        for name in about:
            low, high, missing, zeros = next(rest), next(rest), next(rest), next(rest)
            one.about[name] = About(_number(low), _number(high), int(missing), int(zeros))
        for name, loss in wanted.items():
            one.moments[name] = _moments(int(n), rest, scaled=loss.scale is not None)


def _moments(n: int, rest: Any, *, scaled: bool) -> Moments:
    means = [_number(next(rest)) for _ in range(3)]
    gained, lost = int(next(rest)), int(next(rest))
    products = [n * _number(next(rest)) for _ in range(8 if scaled else 4)]
    more = dict(zip(("ss", "sa", "sb", "sd"), products[4:], strict=False))
    return Moments(
        n=n, a=means[0], b=means[1], s=means[2], gained=gained, lost=lost,
        **dict(zip(("aa", "bb", "dd", "db"), products, strict=False)), **more,
    )  # fmt: skip


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _cells(engine: Engine, key: str, found: dict[int, Facts], classes: int, positive: int | None) -> None:
    group = "t, lc, lb" if key == "0" else f"{key}, t, lc, lb"
    sql = f"SELECT {key} AS part, t, lc, lb, count(*) FROM {BOTH} GROUP BY {group} ORDER BY 1, 2, 3, 4"
    by_part: dict[int, list[tuple[int, ...]]] = {}
    for part, *cell in engine.rows(sql):
        by_part.setdefault(int(part), []).append(tuple(map(int, cell)))
    for place, cells in by_part.items():
        truth, mine, theirs, count = (np.array(column, dtype=np.int64) for column in zip(*cells, strict=True))
        found[place].cells = Cells(
            truth.astype(np.intp), mine.astype(np.intp), theirs.astype(np.intp), count, classes, positive
        )


def _placements(engine: Engine, by: str | None, found: dict[int, Facts], positive: int) -> None:
    """Twice each placement value by sums over scores that are no higher, ties counting one; then sums by class."""
    part = f"PARTITION BY {by} " if by else ""
    also = f"{by}, " if by else ""

    def half(score: str) -> str:
        below = f"sum(1 - q) OVER ({part}ORDER BY {score})"
        level = f"sum(1 - q) OVER (PARTITION BY {also}{score})"
        reached = f"sum(q) OVER ({part}ORDER BY {score})"
        tied = f"sum(q) OVER (PARTITION BY {also}{score})"
        every = f"sum(q) OVER ({part.strip()})"
        return f"CASE WHEN q = 1 THEN 2 * {below} - {level} ELSE 2 * ({every} - {reached}) + {tied} END"

    ones = (
        f"SELECT {by or '0'} AS part, {by + ', ' if by else ''}pc, pb, CASE WHEN t = {positive} THEN 1 ELSE 0 END AS q"
    )
    placed = f"SELECT part, q, {half('pc')} AS a, {half('pb')} AS b FROM ({ones} FROM {BOTH}) AS o"
    halves = f"SELECT part, q, CAST(a AS BIGINT) AS a, CAST(b AS BIGINT) AS b FROM ({placed}) AS p"
    engine.keep(_PLACED, halves)
    counts = "count(CASE WHEN a > b THEN 1 END), count(CASE WHEN a < b THEN 1 END)"
    rows = engine.rows(f"SELECT part, q, count(*), sum(a), sum(b), {counts} FROM {_PLACED} GROUP BY part, q")
    classes: dict[int, dict[int, tuple[int, ...]]] = {}
    for place, q, *values in rows:
        classes.setdefault(int(place), {})[int(q)] = tuple(map(int, values))
    two = {place: of for place, of in classes.items() if len(of) == 2}
    products = _products(engine, two) if two else {}
    for place, of in two.items():
        found[place].placed = _placed(of[1], of[0], products, place)


def _products(engine: Engine, classes: dict[int, dict[int, tuple[int, ...]]]) -> dict[tuple[int, int], list[float]]:
    """Sums of products of deviations from the mean, by slice and class: exact means first, so that nothing cancels."""
    means = ", ".join(
        f"({place}, {q}, CAST('{values[1] / values[0]!r}' AS DOUBLE), CAST('{values[2] / values[0]!r}' AS DOUBLE))"
        for place, of in classes.items()
        for q, values in of.items()
    )
    deviations = "h.a - m.a AS x, h.b - m.b AS y, (h.a - h.b) - (m.a - m.b) AS d"
    joined = f"{_PLACED} AS h JOIN (VALUES {means}) AS m(part, q, a, b) ON h.part = m.part AND h.q = m.q"
    terms = ("x * x", "y * y", "d * d", "d * y", *_FOURTHS)
    sums = ", ".join(f"sum({term})" for term in terms)
    apart = f"SELECT h.part AS part, h.q AS q, {deviations} FROM {joined}"
    rows = engine.rows(f"SELECT part, q, {sums} FROM ({apart}) AS e GROUP BY part, q")
    return {(int(place), int(q)): [float(value) for value in values] for place, q, *values in rows}


# In the order of the names below, after the squares.
_FOURTHS = ("x * x * x * x", "d * d * d * d", "d * d * d * y", "d * d * y * y", "d * y * y * y", "y * y * y * y")
_NAMES = ("aa", "bb", "dd", "db", "aaaa", "dddd", "dddb", "ddbb", "dbbb", "bbbb")
_PLACED = "placed"


def _placed(
    above: tuple[int, ...], below: tuple[int, ...], products: dict[tuple[int, int], list[float]], place: int
) -> Placed:
    m, k = above[0], below[0]
    sums = dict.fromkeys(_NAMES, math.nan)
    if min(m, k) > 1:
        # A half is placed among the other class; each class counts by its own size, as DeLong has it.
        by_class = (1 / (2.0 * m * math.sqrt(k * (k - 1.0))), 1 / (2.0 * k * math.sqrt(m * (m - 1.0))))
        for number, name in enumerate(_NAMES):
            sums[name] = sum(products[place, q][number] * by_class[q] ** len(name) for q in (0, 1))
    return Placed(
        positives=m, negatives=k, candidate=above[1] / (2.0 * m * k), baseline=above[2] / (2.0 * m * k),
        gained=above[3] + below[3], lost=above[4] + below[4], **sums,
    )  # fmt: skip
