"""Open a predictions file by its ending."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

from mlci.adapters.disk.files import sha256, unread
from mlci.adapters.tables.plain import read_csv, read_json_lines
from mlci.errors import FileMissing, NoExamples, Place, UsageError
from mlci.ports import Table

_LONGEST_FIRST_LINE = 64 << 20


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
        table = _harness_lines(file) or read_json_lines(file)
    elif ending == ".eval":
        table = _harness().open_log(file)
    elif ending in (".parquet", ".pq"):
        from mlci.adapters.tables.parquet import ParquetTable

        table = ParquetTable(file)
    else:
        raise UsageError(
            f"{path} has no ending that says what it is",
            place=Place(path),
            help="predictions end in .csv, .tsv, .jsonl, .ndjson, .parquet or .eval; metrics of a whole model in .json",
        )
    if table.rows == 0:
        raise NoExamples("the file has no examples", place=Place(path), help="score the model on the holdout again")
    return table


def open_json(path: str) -> Table | None:
    """Open a JSON document of another harness; None where it is none, such as the metrics of a whole model.

    Raises:
        FileMissing, Unreadable, NoExamples: what is wrong with it.
    """
    table: Table | None = _harness().open_document(Path(path))
    return table


def holds_samples(folder: str) -> bool:
    """Whether a folder holds samples of lm-evaluation-harness."""
    from mlci.adapters.tables.harness import lmeval

    return bool(lmeval.sample_files(Path(folder)))


def digest_of(folder: str) -> str:
    """sha256 over the names and contents of a folder's sample files, in hexadecimal."""
    from mlci.adapters.tables.harness import lmeval

    lines = (f"{task}\0{sha256(str(file))}\n" for task, file in sorted(lmeval.sample_files(Path(folder)).items()))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def open_folder(folder: str) -> Table:
    """Open the samples of lm-evaluation-harness in a folder, one file of each task."""
    table: Table = _harness().open_folder(Path(folder))
    return table


def _harness() -> ModuleType:
    # What other harnesses write is read by none who gives a table of predictions.
    from mlci.adapters.tables import harness

    return harness


def _harness_lines(file: Path) -> Table | None:
    """The table of JSON Lines that a harness wrote; None for any others, which the usual reader then reads."""
    with file.open("rb") as stream:
        line = stream.readline(_LONGEST_FIRST_LINE)
    if b"doc_id" not in line and b"testIdx" not in line:
        return None
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return None
    table: Table | None = _harness().open_lines(file, first)
    return table
