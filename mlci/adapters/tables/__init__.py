"""Open a predictions file by its ending."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mlci.adapters.disk.files import unread
from mlci.adapters.tables.plain import read_csv, read_json_lines
from mlci.errors import FileMissing, NoExamples, Place, UsageError
from mlci.ports import Table


def open_table(path: str, only: Collection[str] | None = None) -> Table:
    """Open a predictions file by its ending.

    Args:
        path: of the file.
        only: columns that will be asked for, where that saves memory: a CSV file then has no others.

    Raises:
        FileMissing: there is no such file, or it cannot be opened.
        Unreadable: it is malformed.
        NoExamples: it has no rows.
        UsageError: its ending is not one of those known.
        ExtraMissing: Parquet is asked for and pyarrow is not installed.
    """
    file = Path(path)
    try:
        if not file.is_file():
            help = "check the path; a folder cannot be read"
            raise FileMissing(f"there is no file {path}", place=Place(path), help=help)
        file.open("rb").close()
    except OSError as error:
        raise unread(path, error) from error
    ending = file.suffix.lower()
    if ending in (".csv", ".tsv"):
        table: Table = read_csv(file, only)
    elif ending in (".jsonl", ".ndjson"):
        table = read_json_lines(file)
    elif ending in (".parquet", ".pq"):
        from mlci.adapters.tables.parquet import ParquetTable

        table = ParquetTable(file)
    else:
        raise UsageError(
            f"{path} has no ending that says what it is",
            place=Place(path),
            help="predictions end in .csv, .tsv, .jsonl, .ndjson or .parquet; metrics of a whole model in .json",
        )
    if table.rows == 0:
        raise NoExamples("the file has no examples", place=Place(path), help="score the model on the holdout again")
    return table
