"""A rule that is a query in DuckDB's SQL, counted by Great Expectations where the rows are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlci.adapters.datasets.gx.asking import Asking
from mlci.adapters.datasets.gx.relation import without_binds, without_percent
from mlci.adapters.datasets.gx.transpiling import SqlError, only_reads, transpiled
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import BATCH
from mlci.errors import OutOfRange

# What stands for the table while the query is rewritten; nobody has a table of this name.
_STANDIN = "mlci_batch_of_rule"


def query_measured(asking: Asking, batch: Callable[[], Any], rule: Rule, dialect: str) -> Measured:
    """How many rows a query gives.

    Args:
        asking: Great Expectations.
        batch: gives the whole table by its own names.
        rule: of level sql.
        dialect: sqlglot's name of the SQL that is spoken there.
    """
    sql = str(rule.kwargs["unexpected_rows_query"]).replace(BATCH, _STANDIN).strip().rstrip("; \t\r\n")
    try:
        only_reads(sql, {_STANDIN})
        written = transpiled(f"SELECT * FROM (\n{sql}\n) AS given", dialect)
        if dialect == "postgres":
            written = without_binds(without_percent(written, dialect, "a rule"))
        written = written.replace("{", "{{").replace("}", "}}")
    except (SqlError, OutOfRange) as why:
        return Measured(rule=rule.id, trouble=f"its query cannot be written for {dialect}: {why}")
    query = written.replace(f'"{_STANDIN}"', _STANDIN).replace(_STANDIN, BATCH)
    found = asking.ask(batch(), [("unexpected_rows_expectation", {"unexpected_rows_query": query})])[0]
    if isinstance(found, str):
        return Measured(rule=rule.id, trouble=f"Great Expectations could not count its query: {found}")
    return Measured(rule=rule.id, unexpected=int(found["observed_value"]))
