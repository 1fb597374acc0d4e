"""A dataset that DuckDB has at hand: how its rows are read, and which of its columns are what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlci.adapters.datasets.duck_types import Held

# What the number of a row is called; no column of a file is.
ROW = '"number of the row in mlci"'


# What a count is called beside columns of a file, one of which may well be called n.
MANY = '"how many in mlci"'


@dataclass(frozen=True, kw_only=True)
class Table:
    """How the rows of a dataset are read.

    Attributes:
        name: of the dataset, for messages.
        reader: SQL of a table function over Parquet files; ``file_index`` and ``file_row_number`` number its rows.
        columns: what each column holds, in order.
        read: SQL of each column as everybody reads it, over the reader.
        rows: how many rows there are.
        before: how many rows stand in the files before each.
        strays: SQL of the text of a column where that is not of its type and so missing elsewhere; absent where
            that cannot be.
        original: SQL of all rows as they were written, and their number as ``ROW``, in the order of the file; None
            where the reader is that.
    """

    name: str
    reader: str
    columns: dict[str, Held]
    read: dict[str, str]
    rows: int
    before: Sequence[int] = (0,)
    strays: dict[str, str] = field(default_factory=dict)
    original: str | None = None

    @property
    def number(self) -> str:
        """SQL of the number of a row, from 1, over the reader."""
        if len(self.before) == 1:
            return "file_row_number + 1"
        return (
            f"list_extract([{', '.join(map(str, self.before))}], CAST(file_index AS BIGINT) + 1) + file_row_number + 1"
        )

    @property
    def select(self) -> str:
        """SELECT of every column as everybody reads it."""
        return f"SELECT {self._columns} FROM {self.reader}"

    @property
    def numbered(self) -> str:
        """A relation of the same columns, what strays from them, and the number of each row as ``ROW``."""
        strays = "".join(f", {sql}" for sql in self.strays.values())
        return f"(SELECT {self._columns}{strays}, {self.number} AS {ROW} FROM {self.reader})"

    @property
    def _columns(self) -> str:
        return ", ".join(f"{sql} AS {quoted(name)}" for name, sql in self.read.items())


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL. A NUL cannot stand in a query, so it is put there as a function."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"


def paths(places: Sequence[str]) -> str:
    """A list of files in SQL. A path is a pattern to DuckDB; with its signs escaped it is that file alone."""
    return "[" + ", ".join(literal(escaped(one)) for one in places) + "]"


def escaped(path: str) -> str:
    """A path as a pattern that only it matches."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)
