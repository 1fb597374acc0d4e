"""Great Expectations on a database: rows stay there, and come back as counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from mlci.adapters.datasets.duck_table import Table
from mlci.adapters.datasets.duck_values import condition
from mlci.adapters.datasets.gx.asking import quiet
from mlci.adapters.datasets.gx.connected import Database, connect, failure
from mlci.adapters.datasets.gx.engine import GxEngine
from mlci.adapters.datasets.gx.offending import broken_rules, offending, write_rows
from mlci.adapters.datasets.gx.queries import query_measured
from mlci.adapters.datasets.gx.relation import one_select, without_binds, without_percent
from mlci.adapters.datasets.gx.selects import breaking, measured
from mlci.adapters.datasets.gx.transpiling import quoted, transpiled
from mlci.domain.dataset.contract import Condition, Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.domain.dataset.vocabulary import level_of
from mlci.errors import Contradiction, EngineFailed, OutOfRange, Place
from mlci.ports import DataSource, Opened

Held = Type | Literal["other"]
# What PostgreSQL's driver calls a type by number.
_POSTGRES: dict[int, Held] = {
    16: "boolean", 20: "integer", 21: "integer", 23: "integer", 700: "number", 701: "number", 1700: "number",
    18: "string", 19: "string", 25: "string", 1042: "string", 1043: "string", 2950: "string", 1082: "date",
    1114: "timestamp", 1184: "timestamp",
}  # fmt: skip
_WITH_ZONE = 1184
# Rows by whose values the types are told apart where a driver does not say them.
_LOOKED_AT = 1000


class GxDatabaseEngine(GxEngine):
    """ports.DataEngine over the SELECTs of one database, in one snapshot of it."""

    name = "gx"
    backend = "sql"

    def __init__(self, address: str, name: str) -> None:
        """Connect.

        Args:
            address: of the database.
            name: of the dataset, for messages; the address is in none.

        Raises:
            ExtraMissing: Great Expectations or a driver is not installed.
            EngineFailed: the database does not answer.
            OutOfRange: the address is none.
        """
        url = connect(address, name)
        super().__init__()
        self._address = address
        try:
            with quiet():
                add = (
                    self.asking.sources.add_postgres if "postgresql" in url.drivername else self.asking.sources.add_sql
                )
                self._source = add(name="database", connection_string=url.render_as_string(hide_password=False))
                self._database = Database(self._source.get_execution_engine().engine, name)
        except EngineFailed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold the address
            raise failure(getattr(error, "cause", error), name) from None
        self.version = f"{self.asking.version} on {self._database.engine.dialect.name} {self._database.version}"
        self._relations: dict[str, str] = {}

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:  # noqa: ARG002 - it has its own types
        """Make a SELECT known under its role.

        Raises:
            Contradiction: it is a file, or in another database.
            OutOfRange: the query is not one SELECT.
            FileMissing: a table is not there.
            DataUnreadable: the query fails on a value.
        """
        if source.database != self._address or source.query is None:
            raise Contradiction(
                f"{source.name} is not in the database of the training data", place=Place("mlci.yml"),
                help="name both in the same database, or both as files",
            )  # fmt: skip
        dialect = self._database.dialect
        query = without_percent(one_select(source.query, dialect, source.name), dialect, source.name)
        described = self._database.described(query)
        names = [name for name, _ in described]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise OutOfRange(f"the query of {source.name} gives two columns {twice}", place=Place("mlci.yml"))
        columns = self._types(query, described)
        read = ", ".join(
            f"{self._read(name, columns[name], stored)} AS {quoted(name, dialect)}" for name, stored in described
        )
        relation = f"SELECT {read} FROM (\n{query}\n) AS mlci_query"
        self._relations[source.role] = relation
        rows = self._database.rows(f"SELECT count(*) FROM (\n{relation}\n) AS counted")[0][0]
        return Opened(source=source, relation=source.role, columns=columns, rows=int(rows))

    def fingerprint(self, opened: Opened) -> str:
        """sha256, in hexadecimal, of the rows of the query, whatever their order: part of what names these data."""
        query = one_select(opened.source.query or "", self._database.dialect, opened.source.name)
        return self._database.fingerprint(query, tuple(opened.columns))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT over opened relations, written in DuckDB's SQL.

        Raises:
            SqlError: it has no counterpart in the database's own SQL.
        """
        return self._database.rows(transpiled(sql, self._database.dialect, self._relations))

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()
        # Its source has an engine of its own, by which it sees whether somebody answers.
        self._source.get_engine().dispose()

    def batch(self, opened: Opened, columns: Sequence[str], where: Sequence[Condition]) -> Any:
        """Some columns of the rows that meet conditions, each as c and its number, for Great Expectations."""
        dialect, numbers = self._database.dialect, {name: number for number, name in enumerate(opened.columns)}
        selected = ", ".join(
            f"{self._as_time(quoted(name, dialect), opened.columns[name])} AS c{numbers[name]}" for name in columns
        )
        query = f"SELECT {selected or '1 AS c'} FROM (\n{self._relations[opened.relation]}\n) AS mlci_rows"
        if where:
            query += f" WHERE {transpiled(f'SELECT {condition(opened.columns, where)}', dialect)[7:]}"
        return self._asset(query)

    def _asset(self, query: str) -> Any:
        with quiet():
            asset = self._source.add_query_asset(self.asking.name(), query=without_binds(query))
            return asset.add_batch_definition_whole_table("whole").get_batch()

    def counted(self, opened: Opened, rules: Sequence[Rule]) -> Sequence[Measured]:
        """Rules that Great Expectations does not count by our meaning, in their order."""
        table = self._table(opened)
        selected = [one for one in rules if level_of(one.expectation) != "sql"]
        others = iter(measured(self.rows, table, selected, self.name))
        return [self._query(opened, one) if level_of(one.expectation) == "sql" else next(others) for one in rules]

    def _query(self, opened: Opened, rule: Rule) -> Measured:
        relation = self._relations[opened.relation]
        return query_measured(self.asking, lambda: self._asset(relation), rule, self._database.dialect)

    def _table(self, opened: Opened) -> Table:
        read = {name: quoted(name, "duckdb") for name in opened.columns}
        columns = dict(opened.columns)
        return Table(name=opened.source.name, reader=opened.relation, columns=columns, read=read, rows=opened.rows)

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule on rows, by what names them; rows of a database have no numbers."""
        return offending(self.rows, self._table(opened), rule, keys, most, values=values)

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules, once, to a Parquet file; return how many.

        Raises:
            NotWritable: the file cannot be written; nothing half is left.
        """
        sql = f"SELECT {', '.join(quoted(name, 'duckdb') for name in opened.columns)} FROM "
        sql += breaking(self._table(opened), broken_rules(self._table(opened), rules))
        written = transpiled(sql, self._database.dialect, self._relations)
        return write_rows(self._database.batches(written), opened.columns, path)

    def _as_time(self, column: str, held: Held) -> str:
        """A date as its midnight: that is how it is compared."""
        return f"CAST({column} AS TIMESTAMP)" if held == "date" and self._database.postgres else column

    def _types(self, query: str, described: Sequence[tuple[str, Any]]) -> dict[str, Held]:
        if self._database.postgres:
            return {name: _POSTGRES.get(stored, "other") for name, stored in described}
        looked = next(self._database.batches(f"SELECT * FROM (\n{query}\n) AS looked LIMIT {_LOOKED_AT}"), [])
        return {name: _held([row[at] for row in looked]) for at, (name, _) in enumerate(described)}

    def _read(self, name: str, held: Held, stored: Any) -> str:
        """A column as everybody reads it: NaN as missing, times in UTC, texts compared by their characters."""
        column = quoted(name, self._database.dialect)
        if not self._database.postgres:
            return column
        if held == "number":
            # Exact decimals are compared with numbers that are not exact on every other engine.
            return f"CASE WHEN {column} = 'NaN' THEN NULL ELSE CAST({column} AS DOUBLE PRECISION) END"
        if held == "integer":
            return f"CAST({column} AS BIGINT)"
        if held in ("string", "other"):
            return f'CAST({column} AS TEXT) COLLATE "C"'
        return f"({column} AT TIME ZONE 'UTC')" if stored == _WITH_ZONE else column


def _held(values: Sequence[Any]) -> Held:
    kinds: dict[type, Held] = {bool: "boolean", int: "integer", float: "number", str: "string"}
    found = {type(value) for value in values if value is not None}
    if len(found) == 1 and (only := next(iter(found))) in kinds:
        return kinds[only]
    if found and found <= {int, float}:
        return "number"
    if found == {datetime}:
        return "timestamp"
    return "date" if found == {date} else "string" if not found else "other"
