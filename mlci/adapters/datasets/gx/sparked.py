"""Great Expectations on Spark: the session that is there, else one on the cores of this machine."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlci.adapters.datasets.duck import DuckEngine
from mlci.adapters.datasets.duck_files import files_of
from mlci.adapters.datasets.duck_table import Table
from mlci.adapters.datasets.duck_table import quoted as in_duckdb
from mlci.adapters.datasets.duck_values import condition
from mlci.adapters.datasets.gx.asking import quiet
from mlci.adapters.datasets.gx.engine import GxEngine
from mlci.adapters.datasets.gx.queries import query_measured
from mlci.adapters.datasets.gx.selects import measured
from mlci.adapters.datasets.gx.transpiling import quoted, transpiled
from mlci.domain.dataset.contract import Condition, Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.domain.dataset.vocabulary import level_of
from mlci.errors import EngineFailed, ExtraMissing
from mlci.ports import DataSource, Opened

_HELD: dict[str, str] = {
    "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer", "float": "number",
    "double": "number", "string": "string", "boolean": "boolean", "date": "date", "timestamp": "timestamp",
    "timestamp_ntz": "timestamp",
}  # fmt: skip
_STORED = {"integer": "BIGINT", "number": "DOUBLE", "string": "STRING", "boolean": "BOOLEAN", "date": "DATE"}


class GxSparkEngine(GxEngine):
    """ports.DataEngine on a cluster, or on the cores of this machine.

    Spark reads Parquet itself. Text files, and what it cannot read as it is, DuckDB first turns into Parquet by the
    reading rules of every engine. DuckDB also names the rows that break a rule and writes them.
    """

    name = "spark"
    backend = "spark"

    def __init__(self, *, memory: str, folder: str) -> None:
        """Start it.

        Raises:
            ExtraMissing: Great Expectations, Spark or Java is not installed.
            NotWritable: the folder cannot be used.
        """
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise ExtraMissing("the engine spark is not installed", help='pip install "mlci[gx,spark]"') from error
        super().__init__()
        self._error: Any = PySparkException
        active = SparkSession.getActiveSession()
        self._own = active is None
        self._session: Any = active or self._started(SparkSession)
        # What a time of a file is must not hang on where this machine stands.
        self._zone = self._session.conf.get("spark.sql.session.timeZone")
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self._duck = DuckEngine(memory=memory, folder=folder)
        self.version = f"{self.asking.version} on Spark {self._session.version}"
        with quiet():
            self._source = self.asking.sources.add_spark(name="spark")
        self._views: dict[str, str] = {}

    def _started(self, session: Any) -> Any:
        try:
            return (
                session.builder.appName("mlci")
                .config("spark.ui.enabled", "false")
                .config("spark.ui.showConsoleProgress", "false")
                # Spark's own 200 parts are meant for a cluster; on one machine they are 200 small jobs.
                .config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1)))
                .getOrCreate()
            )
        except Exception as error:  # without Java there is no Spark either, and each version says so otherwise
            raise ExtraMissing("Spark does not start", help="install Java 17 or later, or set JAVA_HOME") from error

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:
        """Make a file or a folder known under its role."""
        opened = self._duck.open(source, types)
        files = files_of(source.path or "", source.name)
        frame = None
        if files.kind == "parquet" and not files.partitions:
            with contextlib.suppress(self._error):
                frame = self._parquet([part.place for part in files.parts], opened.columns)
        if frame is None:
            place = self._duck.written(opened)
            frame = self._parquet([place], opened.columns, beside=True)
        # A session has one view of each name, and others may be at work in it.
        view = f"mlci_{source.role}_{uuid.uuid4().hex}"
        frame.createOrReplaceTempView(view)
        self._views[source.role] = view
        return opened

    def _parquet(self, places: Sequence[str], columns: Mapping[str, str], *, beside: bool = False) -> Any:
        """Files as everybody reads them; None where a column is not what it should be."""
        # A path is a pattern to Spark; with its signs escaped it is that file alone.
        escaped = ["file://" + "".join(f"\\{one}" if one in "*?[]{}\\" else one for one in path) for path in places]
        read = self._session.read.parquet(*escaped)
        stored = dict(read.dtypes)
        parts = []
        for name, held in columns.items():
            kind = stored.get(name)
            if kind is None or (
                not beside and _HELD.get(kind, "number" if kind.startswith("decimal") else "other") != held
            ):
                return None
            parts.append(f"{_read(quoted(name, 'spark'), held)} AS {quoted(name, 'spark')}")
        if beside:
            parts += [quoted(name, "spark") for name in stored if name not in columns]
        return read.selectExpr(*parts)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT over opened relations, written in DuckDB's SQL.

        Raises:
            SqlError: it has no counterpart in Spark's SQL.
        """
        written = self._written(sql)
        with self._failing():
            return [tuple(row) for row in self._session.sql(written).collect()]

    def _written(self, sql: str) -> str:
        return transpiled(sql, "spark", {role: f"SELECT * FROM {view}" for role, view in self._views.items()})

    def batch(self, opened: Opened, columns: Sequence[str], where: Sequence[Condition]) -> Any:
        """Some columns of the rows that meet conditions, each as c and its number, for Great Expectations."""
        numbers = {name: number for number, name in enumerate(opened.columns)}
        selected = ", ".join(f"{_compared(name, opened.columns[name])} AS c{numbers[name]}" for name in columns)
        query = f"SELECT {selected or 'true AS c'} FROM {opened.relation}"
        if where:
            query += f" WHERE {condition(opened.columns, where)}"
        return self._asked(self._session.sql(self._written(query)))

    def _asked(self, frame: Any) -> Any:
        with quiet(), self._failing():
            asset = self._source.add_dataframe_asset(name=self.asking.name())
            return asset.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": frame})

    def counted(self, opened: Opened, rules: Sequence[Rule]) -> Sequence[Measured]:
        """Rules that Great Expectations does not count by our meaning, in their order."""
        table = self._table(opened)
        others = iter(
            measured(self.rows, table, [one for one in rules if level_of(one.expectation) != "sql"], self.name)
        )
        return [self._query(opened, one) if level_of(one.expectation) == "sql" else next(others) for one in rules]

    def _query(self, opened: Opened, rule: Rule) -> Measured:
        frame = self._session.table(self._views[opened.relation])
        return query_measured(self.asking, lambda: self._asked(frame), rule, "spark")

    def _table(self, opened: Opened) -> Table:
        read = {name: in_duckdb(name) for name in opened.columns}
        strays = self._duck.table(opened).strays
        return Table(
            name=opened.source.name, reader=opened.relation, columns=dict(opened.columns), read=read,
            rows=opened.rows, strays=dict(strays),
        )  # fmt: skip

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule on rows; the same ones each time."""
        return self._duck.offenders(opened, rule, keys, most, values=values)

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules, once and as it is, to a file; return how many."""
        return self._duck.quarantine(opened, rules, path)

    def close(self) -> None:
        """Give back everything that was kept; a session that was there stays."""
        for view in self._views.values():
            self._session.catalog.dropTempView(view)
        if self._own:
            self._session.stop()
        else:
            self._session.conf.set("spark.sql.session.timeZone", self._zone)
        self._duck.close()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise EngineFailed(f"Spark failed: {str(error).strip().partition(chr(10))[0][:240]}") from error


def _read(column: str, held: str) -> str:
    """A column as everybody reads it: NaN as missing, times in UTC."""
    if held == "number":
        return f"CASE WHEN isnan(CAST({column} AS DOUBLE)) THEN NULL ELSE CAST({column} AS DOUBLE) END"
    if held == "timestamp":
        return f"CAST({column} AS TIMESTAMP)"
    return f"CAST({column} AS {_STORED[held]})" if held in _STORED else column


def _compared(name: str, held: str) -> str:
    """A column in DuckDB's SQL as Great Expectations is to compare it: a date as its midnight."""
    if held == "date":
        return f"CAST({in_duckdb(name)} AS TIMESTAMP)"
    return in_duckdb(name)
