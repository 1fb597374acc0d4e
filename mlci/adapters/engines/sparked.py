"""Spark: two files joined and counted by a cluster, or by the cores of this machine."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlci.adapters.engines.endings import ending_of
from mlci.adapters.engines.values import Values
from mlci.adapters.tables.plain import delimiter_of, header_of
from mlci.errors import BadValue, ExtraMissing, FileMissing, NoExamples, Place, Unreadable
from mlci.ports import Kind, Source, Table

_BATCH = 16_384
_INTEGERS = ("tinyint", "smallint", "int", "bigint", "boolean")
_WHITE = "' \\t\\n\\r\\u000b\\u000c'"


class Spark:
    """The session that is there, else one on all cores of this machine; where the files lie, the session says."""

    name = "spark"
    text = "STRING"

    def __init__(self) -> None:
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise ExtraMissing("the engine spark is not installed", help='pip install "mlci[spark]"') from error
        self._error: Any = PySparkException
        active = SparkSession.getActiveSession()
        self._own = active is None
        self._session: Any = active or (
            SparkSession.builder.appName("mlci")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            # Spark's own 200 parts are meant for a cluster; on one machine they are 200 small jobs.
            .config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1)))
            .getOrCreate()
        )
        self._kept: dict[str, Any] = {}

    def open(self, relation: str, path: str) -> Source:
        """Make a file known under a name."""
        ending = ending_of(path)
        if not Path(path).is_file():
            raise FileMissing(f"there is no file {path}", place=Place(path), help="check the path")
        plain = ending in (".csv", ".tsv")
        # A path is a pattern to Spark; with its signs escaped it is that file alone.
        named = "file://" + "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in str(Path(path).resolve()))
        reader = self._session.read
        with self._reading(path):
            if plain:
                schema = ", ".join(f"{self.quoted(name)} STRING" for name in header_of(Path(path)))
                frame = reader.csv(
                    named, schema=schema, sep=delimiter_of(Path(path)), header=True, quote='"', escape='"',
                    multiLine=True, mode="FAILFAST", enforceSchema=True, ignoreLeadingWhiteSpace=False,
                    ignoreTrailingWhiteSpace=False, encoding="UTF-8",
                )  # fmt: skip
            else:
                frame = reader.parquet(named)
            kinds = {name: _kind(stored, path, name) for name, stored in frame.dtypes}
            frame.createOrReplaceTempView(relation)
            empty = not frame.take(1)
        if empty:
            raise NoExamples("the file has no examples", place=Place(path), help="score the model on the holdout again")
        return Source(path, relation, kinds, plain)

    def close(self) -> None:
        """Give back everything that was kept; a session that was there stays."""
        for frame in self._kept.values():
            frame.unpersist()
        self._kept.clear()
        if self._own:
            self._session.stop()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a small query."""
        with self._reading("the predictions"):
            return [tuple(row) for row in self._session.sql(sql).collect()]

    def keep(self, relation: str, sql: str) -> None:
        """Compute a query once."""
        from pyspark import StorageLevel

        with self._reading("the predictions"):
            frame = self._session.sql(sql).persist(StorageLevel.MEMORY_AND_DISK)
            frame.createOrReplaceTempView(relation)
        if relation in self._kept:
            self._kept[relation].unpersist()
        self._kept[relation] = frame

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The result of a query, a part at a time."""
        with self._reading("the predictions"):
            rows = self._session.sql(sql).toLocalIterator()
            while part := [tuple(row) for row in itertools.islice(rows, _BATCH)]:
                yield part

    def quoted(self, name: str) -> str:
        """A column's name."""
        return "`" + name.replace("`", "``") + "`"

    def literal(self, text: str) -> str:
        """A text."""
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def stripped(self, sql: str) -> str:
        """A text without white space around it."""
        return f"trim(BOTH {_WHITE} FROM {sql})"

    def octets(self, sql: str) -> str:
        """How many bytes a text has."""
        return f"octet_length({sql})"

    def table(self, source: Source, columns: Mapping[str, Sequence[Any]], numbers: frozenset[str]) -> Table:
        """A few values of each column."""
        return Values(source, columns, numbers)

    @contextlib.contextmanager
    def _reading(self, place: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            cause = str(error).strip().partition("\n")[0][:300]
            raise Unreadable(f"Spark: {cause}", place=Place(place)) from error


def _kind(stored: str, path: str, column: str) -> Kind:
    if stored in _INTEGERS:
        return "integer"
    if stored == "float":
        return "single"
    if stored == "double" or stored.startswith("decimal"):
        return "number"
    if stored == "string":
        return "text"
    raise BadValue(f"column {column} is neither text nor numbers: {stored}", place=Place(path))
