"""What joins and counts rows outside of this process's memory, in SQL that every engine understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mlci.ports.table import Table

# How a column is stored: whole numbers, numbers of double or single precision, or text.
Kind = Literal["integer", "number", "single", "text"]


@dataclass(frozen=True)
class Source:
    """A predictions file as an engine has it.

    Attributes:
        file: its name.
        relation: what SQL calls it.
        kinds: how each column is stored, in order.
        plain: whether all cells are text, as in CSV: then words are stripped, and what reads as missing is.
    """

    file: str
    relation: str
    kinds: dict[str, Kind]
    plain: bool


class Engine(Protocol):
    """A database or a cluster."""

    name: str
    text: str  # the type of texts of any length

    def open(self, relation: str, path: str) -> Source:
        """Make a file known under a name.

        Raises:
            MlciError: it is not there, is malformed, or is of a kind that engines do not read.
        """
        ...

    def close(self) -> None:
        """Give back everything that was kept."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a query, which must be small."""
        ...

    def keep(self, relation: str, sql: str) -> None:
        """Compute a query once and keep its result, outside of memory where it is large."""
        ...

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The result of a query in its order, a part at a time."""
        ...

    def quoted(self, name: str) -> str:
        """A column's name as SQL writes it."""
        ...

    def literal(self, text: str) -> str:
        """A text as SQL writes it."""
        ...

    def stripped(self, sql: str) -> str:
        """A text without white space around it."""
        ...

    def octets(self, sql: str) -> str:
        """How many bytes a text has."""
        ...

    def table(self, source: Source, columns: Mapping[str, Sequence[Any]], numbers: frozenset[str]) -> Table:
        """A few values of each column as a table, which reads them as it would read a whole file of this kind.

        Args:
            source: the file they are of.
            columns: every column's values, equally many; None where missing.
            numbers: which columns hold numbers.
        """
        ...
