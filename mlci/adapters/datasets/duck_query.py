"""A query of a contract: somebody's text, which may read the opened datasets and nothing else, for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mlci.adapters.datasets.duck_session import Overdue, Refused, Session
from mlci.adapters.datasets.duck_table import Table, literal
from mlci.adapters.datasets.duck_values import Impossible
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import query_of

# How long one query may take.
SECONDS = 300
_LONGEST = 100_000
# The only functions that stand where a table does. All others read files, memory or the engine itself.
_TABLES = {"range", "generate_series", "unnest"}
# Functions with effects, or that say something of this process.
_REFUSED = {
    "nextval", "currval", "setval", "setseed", "sleep_ms", "write_log", "getenv", "getvariable", "current_setting",
    "current_query", "query", "query_table",
}  # fmt: skip


def rows_of_query(session: Session, table: Table, relation: str, rule: Rule, seconds: float = SECONDS) -> Measured:
    """How many rows a query gives.

    Raises:
        Impossible: it is no single SELECT over the opened datasets, is wrong, or takes too long.
    """
    sql = query_of(dict(rule.kwargs), relation).strip()
    check(session, sql, {relation, *session.views})
    if len(sql) > _LONGEST:
        raise Impossible(f"its query has more than {_LONGEST:,} characters")
    bare = sql.rstrip("; \t\r\n")
    try:
        # A comment may stand at its end, and hides nothing of what follows on the next line.
        found = session.run(f"SELECT count(*) FROM (\n{bare}\n)", table.name, within=seconds)
    except Refused as why:
        raise Impossible(f"DuckDB does not take its query: {why}") from why
    except Overdue as late:
        raise Impossible(f"its query takes more than {seconds:g} s") from late
    return Measured(rule=rule.id, unexpected=int(found[0][0]))


def check(session: Session, sql: str, relations: set[str]) -> None:
    """Make sure that a text is one SELECT that reads nothing but these relations.

    Raises:
        Impossible: it is not, and why.
    """
    try:
        said = session.run(f"SELECT json_serialize_sql({literal(sql)})", "its query")[0][0]
    except Refused as why:
        raise Impossible(f"its query is no SQL that DuckDB takes: {why}") from why
    tree = json.loads(said)
    if tree.get("error"):
        cause = one_line(tree.get("error_message", "").partition("\n")[0], 160)
        raise Impossible(f"its query is not a SELECT that DuckDB takes: {cause}")
    if len(tree["statements"]) != 1:
        raise Impossible(f"its query is {len(tree['statements'])} statements and must be one")
    allowed = {one.lower() for one in relations} | set(_named(tree))
    for node in _nodes(tree):
        _check_node(node, allowed)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _named(tree: Any) -> Iterator[str]:
    """The names of common table expressions."""
    for node in _nodes(tree):
        if isinstance(node.get("cte_map"), dict):
            yield from (str(one["key"]).lower() for one in node["cte_map"].get("map", ()))
        if node.get("type") == "RECURSIVE_CTE_NODE":
            yield str(node.get("cte_name", "")).lower()


def _check_node(node: dict[str, Any], allowed: set[str]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        name = str(node.get("table_name"))
        if name.lower() not in allowed or node.get("schema_name") or node.get("catalog_name"):
            raise Impossible(f"its query reads {one_line(name, 60)}, which is none of the datasets")
    elif kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name"))
        if name.lower() not in _TABLES:
            raise Impossible(f"its query reads {one_line(name, 60)}(), which it may not")
    elif kind in ("SHOW_REF", "COLUMN_DATA", "BOUND_TABLE_REF", "DELIM_GET", "PIVOT"):
        raise Impossible("its query reads something else than a table")
    elif node.get("class") == "FUNCTION" and str(node.get("function_name")).lower() in _REFUSED:
        raise Impossible(f"its query calls {one_line(str(node['function_name']), 60)}(), which it may not")
