"""Rules counted by SELECTs in DuckDB's SQL, over relations that are somewhere else.

The conditions are those by which DuckDB counts files; only what reaches into DuckDB itself is written otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlci.adapters.datasets.duck_aggregates import Aggregate, aggregate
from mlci.adapters.datasets.duck_rules import OnRows, on_rows
from mlci.adapters.datasets.duck_table import MANY, Table, quoted
from mlci.adapters.datasets.duck_values import Impossible, condition, within
from mlci.adapters.datasets.gx.transpiling import SqlError
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.judging import of_table
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.errors import MlciError

Run = Callable[[str], list[tuple[Any, ...]]]
_Asked = tuple[list[str], Callable[[Sequence[Any]], Measured]]
# Errors of the whole dataset; what else goes wrong is the rule's.
_ALIKE = '"rows alike in mlci"'


def measured(run: Run, table: Table, rules: Sequence[Rule], engine: str) -> list[Measured]:
    """Count rules of every level but sql.

    Args:
        run: gives the rows of a SELECT in DuckDB's SQL; raises SqlError where that has no counterpart.
        table: whose reader is the name of a relation.
        rules: in any order.
        engine: what counts, for messages.
    """
    found: dict[int, Measured] = {}
    asked: dict[int, _Asked] = {}
    for number, rule in enumerate(rules):
        try:
            one = _asked(run, table, rule)
        except Impossible as why:
            one = Measured(rule=rule.id, trouble=str(why))
        if isinstance(one, Measured):
            found[number] = one
        else:
            asked[number] = one
    found.update(_together(run, table, asked, rules, engine))
    return [found[number] for number in range(len(rules))]


def _asked(run: Run, table: Table, rule: Rule) -> _Asked | Measured:
    known = EXPECTATIONS.get(rule.expectation)
    if rule.trouble is not None or known is None or known.level == "sql":
        return Measured(rule=rule.id, trouble=rule.trouble or "nothing here knows this expectation")
    if known.level == "table":
        if not rule.where:
            return of_table(rule, table.columns, table.rows)
        about = condition(table.columns, rule.where)
        return [_count(about)], lambda found: Measured(rule=rule.id, rows=int(found[0]), observed=int(found[0]))
    if known.level == "aggregate":
        return _of_aggregate(run, table, aggregate(table, rule), rule)
    return _of_rows(run, table, on_rows(table, rule), rule)


def _count(where: str) -> str:
    return f"coalesce(sum(CASE WHEN {where} THEN 1 ELSE 0 END), 0)" if where else "count(*)"


def _both(*parts: str) -> str:
    return " AND ".join(f"({part})" for part in parts if part)


def _of_rows(run: Run, table: Table, one: OnRows, rule: Rule) -> _Asked:
    looked_at = _both(one.about, one.present)

    def read(found: Sequence[Any]) -> Measured:
        rows, looked = int(found[0]), int(found[1])
        unexpected = int(found[2]) if one.broken else _alike(run, table, one)
        missing = rows - looked
        return Measured(rule=rule.id, rows=rows, missing=missing, unexpected=unexpected, observed=one.observed)

    broken = [_count(_both(one.about, one.present, one.broken))] if one.broken else []
    return [_count(one.about), _count(looked_at), *broken], read


def _alike(run: Run, table: Table, one: OnRows) -> int:
    names = ", ".join(map(quoted, one.alike))
    groups = f"SELECT count(*) AS {MANY} FROM {table.reader} WHERE {one.looked_at} GROUP BY {names} HAVING count(*) > 1"
    return int(run(f"SELECT coalesce(sum({MANY}), 0) FROM ({groups}) AS twice")[0][0])


def _of_aggregate(run: Run, table: Table, one: Aggregate, rule: Rule) -> _Asked:
    present = _both(one.about, f"{quoted(one.column)} IS NOT NULL")

    def read(found: Sequence[Any]) -> Measured:
        rows, values = int(found[0]), int(found[1])
        parts = list(found[2:]) or _apart(run, table, one, rule, present, values)
        observed = one.of(parts, values)
        return Measured(rule=rule.id, rows=rows, missing=rows - values, observed=observed)

    asked = [_narrowed(part, one.about) for part in one.asked]
    return [_count(one.about), _count(present), *asked], read


def _narrowed(part: str, about: str) -> str:
    if not about:
        return part
    if ") FILTER" in part:
        return part.removesuffix(")") + f" AND {about})"
    return f"{part} FILTER (WHERE {about})"


def _apart(run: Run, table: Table, one: Aggregate, rule: Rule, where: str, values: int) -> list[Any]:
    name = quoted(one.column)
    if not values:
        return []
    if one.apart == "distinct":
        return [int(run(f"SELECT count(DISTINCT {name}) FROM {table.reader} WHERE {where}")[0][0])]
    if one.apart == "ranks":
        ranks = one.ranks(values)
        numbered = f"SELECT {name} AS v, row_number() OVER (ORDER BY {name}) AS r FROM {table.reader} WHERE {where}"
        wanted = ", ".join(map(str, dict.fromkeys(ranks)))
        by_rank: Mapping[int, Any] = dict(run(f"SELECT r, v FROM ({numbered}) AS ranked WHERE r IN ({wanted})"))
        return [by_rank[rank] for rank in ranks]
    inside = within(one.column, one.kind, rule.kwargs["value_set"])
    counts = f"SELECT {name}, count(*) AS {MANY} FROM {table.reader} WHERE {where} GROUP BY {name}"
    most = f"{MANY} = (SELECT max({MANY}) FROM c)"
    return list(run(f"WITH c AS ({counts}) SELECT count(*), {_count(inside)} FROM c WHERE {most}")[0])


def _together(
    run: Run, table: Table, asked: Mapping[int, _Asked], rules: Sequence[Rule], engine: str
) -> dict[int, Measured]:
    """Everything that one pass can count, in one pass; where that fails, rule by rule."""
    if not asked:
        return {}
    places: dict[str, int] = {}
    for parts, _ in asked.values():
        for part in parts:
            places.setdefault(part, len(places))
    listed = ", ".join(f"{part} AS m{number}" for part, number in places.items())
    try:
        counts = run(f"SELECT {listed} FROM {table.reader}")[0]
        return {number: read([counts[places[part]] for part in parts]) for number, (parts, read) in asked.items()}
    except (SqlError, MlciError) as error:
        why = error.cause if isinstance(error, MlciError) else str(error)
        if len(asked) > 1:
            return {
                number: found
                for place, one in asked.items()
                for number, found in _together(run, table, {place: one}, rules, engine).items()
            }
        (number,) = asked
        trouble = f"the engine {engine} cannot count it, and duckdb may: {why}"
        return {number: Measured(rule=rules[number].id, trouble=trouble)}


def breaking(table: Table, rules: Sequence[OnRows]) -> str:
    """A relation of the rows that break one of several rules, each once, with what a window says beside."""
    windows, conditions = [], []
    for number, one in enumerate(rules):
        if one.broken:
            conditions.append(_both(one.looked_at, one.broken))
            continue
        mark = _ALIKE.replace("alike", f"alike {number}")
        names = ", ".join([f"CASE WHEN {one.looked_at} THEN 1 ELSE 0 END", *map(quoted, one.alike)])
        windows.append(f", count(*) OVER (PARTITION BY {names}) AS {mark}")
        conditions.append(_both(one.looked_at, f"{mark} > 1"))
    inner = f"SELECT *{''.join(windows)} FROM {table.reader}"
    return f"(SELECT * FROM ({inner}) AS marked WHERE {' OR '.join(conditions) or 'false'}) AS breaking"
