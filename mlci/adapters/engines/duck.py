"""DuckDB: two files joined and counted within a limit of memory, what exceeds it on disk."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlci.adapters.engines.endings import ending_of
from mlci.adapters.engines.values import Values
from mlci.adapters.tables.plain import delimiter_of, header_of
from mlci.errors import BadValue, ExtraMissing, FileMissing, NoExamples, Place, Unreadable, UsageError
from mlci.ports import Kind, Source, Table

# What DuckDB may hold before it writes to disk, where MLCI_DUCKDB_MEMORY does not say otherwise.
MEMORY = "1GB"
_BATCH = 16_384
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "BOOLEAN"}
_STRIPPED = "chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"


class Duck:
    """One database in memory, which spills to a folder that goes with it."""

    name = "duckdb"
    text = "VARCHAR"

    def __init__(self) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise ExtraMissing("the engine duckdb is not installed", help='pip install "mlci[data]"') from error
        self._duckdb = duckdb
        self._folder = tempfile.TemporaryDirectory(prefix="mlci-duckdb-")
        memory = os.environ.get("MLCI_DUCKDB_MEMORY", MEMORY)
        try:
            self._connection = duckdb.connect(
                config={
                    "memory_limit": memory,
                    "temp_directory": self._folder.name,
                    # A file of predictions is data: nothing in it loads code or leads elsewhere.
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                }
            )
        except duckdb.Error as error:
            self._folder.cleanup()
            raise UsageError(
                f"{memory[:40]!a} is no amount of memory", place=Place("MLCI_DUCKDB_MEMORY"), help="such as 4GB"
            ) from error
        self._connection.execute("SET preserve_insertion_order = true")
        self._connection.execute("SET enable_progress_bar = false")

    def open(self, relation: str, path: str) -> Source:
        """Make a file known under a name."""
        ending = ending_of(path)
        if not Path(path).is_file():
            raise FileMissing(f"there is no file {path}", place=Place(path), help="check the path")
        plain = ending in (".csv", ".tsv")
        # A path is a pattern to DuckDB; a list of one, with its signs escaped, is that file alone.
        named = self.literal(_escaped(path))
        if plain:
            names = ", ".join(f"{self.literal(name)}: 'VARCHAR'" for name in header_of(Path(path)))
            form = f"delim = {self.literal(delimiter_of(Path(path)))}, quote = '\"', escape = '\"', header = true"
            reader = f"read_csv({named}, {form}, auto_detect = false, columns = {{{names}}})"
        else:
            reader = f"read_parquet({named})"
        with self._reading(path):
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {relation} AS SELECT * FROM {reader}")
            described = self._connection.execute(f"DESCRIBE {relation}").fetchall()
        kinds = {str(name): _kind(str(stored), path, str(name)) for name, stored, *_ in described}
        source = Source(path, relation, kinds, plain)
        if not self._one(f"SELECT count(*) FROM (SELECT 1 FROM {relation} LIMIT 1)", path):
            raise NoExamples("the file has no examples", place=Place(path), help="score the model on the holdout again")
        return source

    def close(self) -> None:
        """Give back everything that was kept."""
        self._connection.close()
        self._folder.cleanup()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a small query."""
        with self._reading("the predictions"):
            return self._connection.execute(sql).fetchall()

    def keep(self, relation: str, sql: str) -> None:
        """Compute a query once."""
        with self._reading("the predictions"):
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS {sql}")

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The result of a query, a part at a time."""
        with self._reading("the predictions"):
            result = self._connection.execute(sql)
            while rows := result.fetchmany(_BATCH):
                yield rows

    def quoted(self, name: str) -> str:
        """A column's name."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        """A text."""
        return "'" + text.replace("'", "''") + "'"

    def stripped(self, sql: str) -> str:
        """A text without white space around it."""
        return f"trim({sql}, {_STRIPPED})"

    def octets(self, sql: str) -> str:
        """How many bytes a text has."""
        return f"strlen({sql})"

    def table(self, source: Source, columns: Mapping[str, Sequence[Any]], numbers: frozenset[str]) -> Table:
        """A few values of each column."""
        return Values(source, columns, numbers)

    def _one(self, sql: str, path: str) -> Any:
        with self._reading(path):
            found = self._connection.execute(sql).fetchone()
        return found[0] if found is not None else None

    @contextlib.contextmanager
    def _reading(self, place: str) -> Iterator[None]:
        try:
            yield
        except self._duckdb.Error as error:
            cause = str(error).strip().partition("\n")[0][:300]
            raise Unreadable(f"DuckDB: {cause}", place=Place(place)) from error


def _escaped(path: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


def _kind(stored: str, path: str, column: str) -> Kind:
    if stored in _INTEGERS:
        return "integer"
    if stored == "FLOAT":
        return "single"
    if stored == "DOUBLE" or stored.startswith("DECIMAL") or stored in ("HUGEINT", "UBIGINT"):
        return "number"
    if stored == "VARCHAR" or stored.startswith("ENUM"):
        return "text"
    raise BadValue(f"column {column} is neither text nor numbers: {stored}", place=Place(path))
