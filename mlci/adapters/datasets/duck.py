"""DuckDB over files, in this process: all rules of a contract in one SELECT, out of core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlci.adapters.datasets.duck_files import files_of
from mlci.adapters.datasets.duck_session import Refused, Session
from mlci.adapters.datasets.duck_table import Table, literal, quoted
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.errors import DataUnreadable, EngineFailed, Place
from mlci.ports import DataSource, Opened


class DuckEngine:
    """ports.DataEngine in this process."""

    name = "duckdb"

    def __init__(self, *, memory: str, folder: str) -> None:
        """Start it.

        Raises:
            ExtraMissing: DuckDB is not installed.
            NotWritable: the folder cannot be used.
        """
        self._session = Session(memory=memory, folder=folder)
        self.version = self._session.version
        self._tables: dict[str, Table] = {}

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:
        """Make a file or a folder known under its role."""
        files = files_of(source.path or "", source.name)
        if files.kind == "parquet":
            from mlci.adapters.datasets.duck_parquet import open_parquet as reader
        elif files.kind == "csv":
            from mlci.adapters.datasets.duck_text import open_csv as reader
        elif files.kind == "json":
            from mlci.adapters.datasets.duck_json import open_json as reader
        else:
            from mlci.adapters.datasets.duck_arrow import open_arrow as reader
        try:
            table = reader(self._session, files, source.name, types)
            self._session.view(source.role, table.select)
        except Refused as why:
            shown = one_line(source.name, 200)
            raise DataUnreadable(f"{shown} cannot be read: {why}", place=Place(shown)) from why
        self._tables[source.role] = table
        return Opened(source=source, relation=source.role, columns=table.columns, rows=table.rows)

    def measure(self, opened: Opened, rules: Sequence[Rule]) -> tuple[Measured, ...]:
        """Count what each rule asks for."""
        from mlci.adapters.datasets.duck_measure import measure

        return measure(self._session, self._tables[opened.relation], opened.relation, rules)

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule."""
        from mlci.adapters.datasets.duck_rows import offenders

        with self._ours():
            return offenders(self._session, self._tables[opened.relation], rule, keys, most, values=values)

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules."""
        from mlci.adapters.datasets.duck_rows import quarantine

        with self._ours():
            return quarantine(self._session, self._tables[opened.relation], rules, path)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT."""
        with self._ours():
            return self._session.run(sql, "the data")

    def table(self, opened: Opened) -> Table:
        """How an opened dataset is read, for engines that let DuckDB read."""
        return self._tables[opened.relation]

    def arrow(self, sql: str) -> Any:
        """The result of a SELECT as an Arrow table, in memory as a whole."""
        with self._ours():
            return self._session.arrow(sql, "the data")

    def written(self, opened: Opened) -> str:
        """The path of a Parquet file with all rows as everybody reads them, and what strays beside; gone with this."""
        table = self._tables[opened.relation]
        strays = "".join(f", {sql}" for sql in table.strays.values())
        place = self._session.spill.file(f"{opened.relation}-for-others.parquet")
        columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in table.read.items())
        with self._ours():
            self._session.run(
                f"COPY (SELECT {columns}{strays} FROM {table.reader}) TO {literal(place)} (FORMAT parquet)", table.name
            )
        return place

    def close(self) -> None:
        """Give back everything that was kept."""
        self._session.close()

    @contextlib.contextmanager
    def _ours(self) -> Iterator[None]:
        """Queries of ours are never at fault for what a user wrote."""
        try:
            yield
        except Refused as why:
            raise EngineFailed(f"DuckDB does not take a query: {why}") from why
