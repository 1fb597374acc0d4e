"""What counts the rows of a dataset: DuckDB in this process, or Great Expectations on pandas, a database or Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from mlci.domain.dataset.contract import Rule, Type
from mlci.domain.dataset.measured import Measured, Offenders

Role = Literal["train", "holdout", "reference"]


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Where a dataset is.

    Attributes:
        role: what it is for; also the name of its relation in SQL.
        name: as the configuration names it, for messages.
        path: of the file, or of a folder of files of one format, on this machine; None for a database.
        database: address of the database, with its credentials: never in a message.
        query: that gives the data there.
    """

    role: Role
    name: str
    path: str | None = None
    database: str | None = field(default=None, repr=False)
    query: str | None = None


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A dataset that an engine has at hand.

    Attributes:
        source: where it is.
        relation: what SQL calls it.
        columns: what each column holds, in order; "other" where the contract has no word for it.
        rows: how many rows it has.
    """

    source: DataSource
    relation: str
    columns: dict[str, Type | Literal["other"]]
    rows: int


@runtime_checkable
class Fingerprints(Protocol):
    """An engine over data that are no file, and so have no bytes to hash."""

    def fingerprint(self, opened: Opened) -> str:
        """sha256 of what an opened query gave, in hexadecimal.

        The same rows have the same fingerprint in whatever order they come; a row that is there twice counts twice.
        Whoever can write rows to please may make two sets of them with one fingerprint: it tells data apart, it does
        not seal them.
        """
        ...


class DataEngine(Protocol):
    """Counts. What the counts mean is not its business, so that every engine comes to the same verdict."""

    name: str
    version: str

    def open(self, source: DataSource, types: Mapping[str, Type]) -> Opened:
        """Make a dataset known under its role.

        A column of text in a file without types (CSV, JSON Lines) is read as ``types`` says, else as what all its
        values are. A value that is not of its type counts as unexpected where a rule asks for that type, and as
        missing everywhere else.

        Raises:
            DataUnreadable: it is malformed, cut off, or not in the encoding it must be in.
            FileMissing: it is not there.
        """
        ...

    def measure(self, opened: Opened, rules: Sequence[Rule]) -> tuple[Measured, ...]:
        """Count what each rule asks for, in the order of the rules; a rule it cannot count has ``trouble``."""
        ...

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        """Some rows that break a rule on rows; the same ones each time."""
        ...

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        """Write every row that breaks one of the rules, once and as it is, to a file; return how many.

        Raises:
            NotWritable: the file cannot be written; nothing half is left.
        """
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a SELECT over opened relations, written in DuckDB's SQL.

        Only what has a counterpart everywhere: aggregates, CASE, CAST and TRY_CAST, joins, GROUP BY, window functions,
        common table expressions, regexp_matches, length, md5.
        """
        ...

    def close(self) -> None:
        """Give back everything that was kept."""
        ...
