"""Which files engines read."""

from __future__ import annotations

from pathlib import Path

from mlci.errors import Place, UsageError

_READ = (".csv", ".tsv", ".parquet", ".pq")


def ending_of(path: str) -> str:
    """The ending of a file that engines read.

    Raises:
        UsageError: it is of another kind.
    """
    ending = Path(path).suffix.lower()
    if ending not in _READ:
        raise UsageError(
            f"an engine reads predictions in {', '.join(_READ)}",
            place=Place(path),
            help="leave --engine out, or write the predictions as Parquet",
        )
    return ending
