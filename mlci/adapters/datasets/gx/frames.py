"""Great Expectations on pandas: files as DuckDB reads them, then column by column in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlci.adapters.datasets.duck import DuckEngine
from mlci.adapters.datasets.duck_table import quoted
from mlci.adapters.datasets.duck_values import condition
from mlci.adapters.datasets.gx.asking import quiet
from mlci.adapters.datasets.gx.engine import GxEngine
from mlci.domain.dataset.contract import Condition, Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.ports import DataSource, Opened


class GxPandasEngine(GxEngine):
    """ports.DataEngine in memory.

    DuckDB reads the file, so that what a value is and what is hostile is the same on every engine; it also answers
    queries, names the rows that break a rule and writes them.
    """

    name = "gx"
    backend = "pandas"

    def __init__(self, *, memory: str, folder: str) -> None:
        """Start it.

        Raises:
            ExtraMissing: Great Expectations, pandas or DuckDB is not installed.
            NotWritable: the folder cannot be used.
        """
        super().__init__()
        self._duck = DuckEngine(memory=memory, folder=folder)
        self.version = f"{self.asking.version} on pandas {_version()}"
        with quiet():
            self._source = self.asking.sources.add_pandas(name="memory")

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:
        """Make a file or a folder known under its role."""
        return self._duck.open(source, types)

    def batch(self, opened: Opened, columns: Sequence[str], where: Sequence[Condition]) -> Any:
        """Some columns of the rows that meet conditions, each as c and its number, for Great Expectations."""
        numbers = {name: number for number, name in enumerate(opened.columns)}
        selected = ", ".join(f"{_read(name, opened.columns[name])} AS c{numbers[name]}" for name in columns)
        query = f"SELECT {selected or 'true AS c'} FROM {opened.relation}"
        if where:
            query += f" WHERE {condition(opened.columns, where)}"
        frame = _frame(self._duck.arrow(query))
        with quiet():
            asset = self._source.add_dataframe_asset(name=self.asking.name())
            whole = asset.add_batch_definition_whole_dataframe("whole")
            return whole.get_batch(batch_parameters={"dataframe": frame})

    def counted(self, opened: Opened, rules: Sequence[Rule]) -> Sequence[Measured]:
        """Rules that Great Expectations does not count by our meaning, in their order."""
        return self._duck.measure(opened, rules)

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule on rows; the same ones each time."""
        return self._duck.offenders(opened, rule, keys, most, values=values)

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules, once and as it is, to a file; return how many."""
        return self._duck.quarantine(opened, rules, path)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT over opened relations, written in DuckDB's SQL."""
        return self._duck.rows(sql)

    def close(self) -> None:
        """Give back everything that was kept."""
        self._duck.close()


def _read(name: str, held: str) -> str:
    if held == "date":
        # A date is compared as its midnight.
        return f"CAST({quoted(name)} AS TIMESTAMP)"
    return f"CAST({quoted(name)} AS VARCHAR)" if held == "other" else quoted(name)


def _frame(table: Any) -> Any:
    """An Arrow table as a frame in which an integer is one, also beside missing values."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame({}, index=pd.RangeIndex(table.num_rows))
    for name in table.column_names:
        column = table.column(name)
        whole = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}
        if column.null_count and column.type in whole:
            frame[name] = column.to_pandas(types_mapper=lambda _: pd.Int64Dtype())
        else:
            frame[name] = column.to_pandas()
    return frame


def _version() -> str:
    import pandas as pd

    return str(pd.__version__)
