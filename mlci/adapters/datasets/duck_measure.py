"""All rules of a contract in one SELECT, and passes of their own for what no single pass can count within bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlci.adapters.datasets.duck_aggregates import Aggregate, aggregate
from mlci.adapters.datasets.duck_alike import alike, distinct
from mlci.adapters.datasets.duck_query import rows_of_query
from mlci.adapters.datasets.duck_ranks import ranked
from mlci.adapters.datasets.duck_rules import on_rows, patterns_of
from mlci.adapters.datasets.duck_session import Refused, Session
from mlci.adapters.datasets.duck_table import MANY, Table, literal, quoted
from mlci.adapters.datasets.duck_values import Impossible, condition, within
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.judging import of_table
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.errors import DataUnreadable, Place

# What a rule asks the one SELECT for, and how it reads the answer.
_Reader = Callable[[Sequence[Any]], Measured]
_Asked = tuple[list[str], _Reader]
_ROWS = "count(*)"


def measure(session: Session, table: Table, relation: str, rules: Sequence[Rule]) -> tuple[Measured, ...]:
    """Count what each rule asks for.

    Args:
        session: the connection.
        table: the rows.
        relation: the name of the table in queries of a contract.
        rules: in any order.
    """
    found: dict[int, Measured] = {}
    asked: dict[int, _Asked] = {}
    for number, rule in enumerate(rules):
        try:
            one = _asked(session, table, relation, rule)
        except Impossible as why:
            one = Measured(rule=rule.id, trouble=str(why))
        if isinstance(one, Measured):
            found[number] = one
        else:
            asked[number] = one
    found.update(_together(session, table, asked, rules))
    return tuple(found[number] for number in range(len(rules)))


def _asked(session: Session, table: Table, relation: str, rule: Rule) -> _Asked | Measured:
    known = EXPECTATIONS.get(rule.expectation)
    if rule.trouble is not None or known is None:
        return Measured(rule=rule.id, trouble=rule.trouble or "nothing here knows this expectation")
    if known.level == "sql":
        return rows_of_query(session, table, relation, rule)
    if known.level == "table":
        return _of_table(table, rule)
    if known.level == "aggregate":
        return _of_aggregate(session, table, rule)
    _check_patterns(session, rule)
    return _of_rows(session, table, rule)


def _check_patterns(session: Session, rule: Rule) -> None:
    for pattern in patterns_of(rule):
        if (why := session.refusal(f"SELECT regexp_matches('', {literal(pattern)})")) is not None:
            shown = one_line(pattern, 60)
            raise Impossible(f"the engine duckdb matches by RE2, which does not take the pattern {shown}: {why}")


def _of_table(table: Table, rule: Rule) -> _Asked | Measured:
    if not rule.where:
        return of_table(rule, table.columns, table.rows)
    about = condition(table.columns, rule.where)

    def read(found: Sequence[Any]) -> Measured:
        return Measured(rule=rule.id, rows=int(found[0] or 0), observed=int(found[0] or 0))

    return [f"count_if({about})"], read


def _of_rows(session: Session, table: Table, rule: Rule) -> _Asked:
    one = on_rows(table, rule)
    rows = f"count_if({one.about})" if one.about else _ROWS
    both = " AND ".join(part for part in (one.about, one.present) if part)
    present = _counted(both) if both else _ROWS
    broken = f"count_if({both or 'true'} AND {one.broken})" if one.broken else "0"

    def read(found: Sequence[Any]) -> Measured:
        about, looked_at = int(found[0] or 0), int(found[1] or 0)
        unexpected = int(found[2] or 0)
        if one.alike:
            unexpected = alike(session, table, one.alike, one.looked_at, looked_at)
        return Measured(
            rule=rule.id, rows=about, missing=about - looked_at, unexpected=unexpected, observed=one.observed
        )

    # A comparison with a missing value is never true, so that most rules need not ask for one.
    if one.compares and not one.about:
        broken = f"count_if({one.broken})"
    return [rows, present, broken], read


def _counted(where: str) -> str:
    """How many rows meet a condition; of the plainest one DuckDB has a function that is faster."""
    column = where.removesuffix(" IS NOT NULL")
    plain = column != where and column.startswith('"') and '"' not in column[1:-1]
    return f"count({column})" if plain else f"count_if({where})"


def _of_aggregate(session: Session, table: Table, rule: Rule) -> _Asked:
    one = aggregate(table, rule)
    narrowed = f" FILTER (WHERE {one.about})" if one.about else ""
    present = f"{one.about} AND {quoted(one.column)} IS NOT NULL" if one.about else f"{quoted(one.column)} IS NOT NULL"
    rows = f"count_if({one.about})" if one.about else _ROWS

    def read(found: Sequence[Any]) -> Measured:
        about, values = int(found[0] or 0), int(found[1] or 0)
        parts = list(found[2:]) or _apart(session, table, one, rule, present, values)
        if one.others:
            parts[0] = distinct(session, table, one.column, f"{present} AND {one.others}", values) if parts[0] else 0
        observed = one.of(parts, values)
        return Measured(rule=rule.id, rows=about, missing=about - values, observed=observed)

    # Different values beside everything else make the one SELECT several times as slow, and mostly there are none.
    wanted = (f"count_if({one.others})", *one.asked[1:]) if one.others else one.asked
    asked = [part + narrowed if ") FILTER" not in part else _and(part, one.about) for part in wanted]
    return [rows, _counted(present), *asked], read


def _and(part: str, about: str) -> str:
    return part.removesuffix(")") + f" AND {about})" if about else part


def _apart(session: Session, table: Table, one: Aggregate, rule: Rule, where: str, values: int) -> list[Any]:
    if one.apart == "distinct":
        return [distinct(session, table, one.column, where, values)]
    if one.apart == "ranks":
        return ranked(session, table, one.column, where, values, one.ranks(values))
    if one.apart == "common" and values:
        name = quoted(one.column)
        inside = within(one.column, one.kind, rule.kwargs["value_set"])
        counts = f"SELECT {name}, count(*) AS {MANY} FROM {table.numbered} WHERE {where} GROUP BY {name}"
        most = f"{MANY} = (SELECT max({MANY}) FROM c)"
        most = f"WITH c AS ({counts}) SELECT count(*), count_if({inside}) FROM c WHERE {most}"
        return list(session.run(most, table.name)[0])
    return []


def _together(session: Session, table: Table, asked: dict[int, _Asked], rules: Sequence[Rule]) -> dict[int, Measured]:
    """Everything that one pass can count, in one pass."""
    if not asked:
        return {}
    places: dict[str, int] = {_ROWS: 0}
    for parts, _ in asked.values():
        for part in parts:
            places.setdefault(part, len(places))
    try:
        counts = session.run(f"SELECT {', '.join(places)} FROM {table.numbered}", table.name)[0]
    except Refused as why:
        return _one_by_one(session, table, asked, rules, why)
    _check_rows(table, int(counts[0]))
    return {number: read([counts[places[part]] for part in parts]) for number, (parts, read) in asked.items()}


def _one_by_one(
    session: Session, table: Table, asked: dict[int, _Asked], rules: Sequence[Rule], why: Refused
) -> dict[int, Measured]:
    """One rule at a time, so that one that DuckDB does not take leaves the others alone."""
    if len(asked) == 1:
        (number,) = asked
        return {number: Measured(rule=rules[number].id, trouble=f"DuckDB does not take it: {why}")}
    found: dict[int, Measured] = {}
    for number, one in asked.items():
        found.update(_together(session, table, {number: one}, rules))
    return found


def _check_rows(table: Table, rows: int) -> None:
    if rows != table.rows:
        why = f"it says to hold {table.rows:,} rows and holds {rows:,}"
        raise DataUnreadable(f"{one_line(table.name, 200)} cannot be read: {why}", place=Place(table.name))
