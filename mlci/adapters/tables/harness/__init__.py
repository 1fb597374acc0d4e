"""What other evaluation harnesses leave, as a predictions table: one row for each answer, one column for each score.

Read are promptfoo's JSON and JSON Lines, the samples of lm-evaluation-harness, Inspect's logs and MLflow's evaluation
tables. Which one a file is, its content says. The format of each is that of the library's published types; every file
is a stranger's: sizes, depth and types are checked, and the first oddity is one clear error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlci.adapters.tables.harness import inspectlog, lmeval, mlflowtable, promptfoo
from mlci.adapters.tables.harness.documents import document_of
from mlci.adapters.tables.harness.rows import HarnessTable
from mlci.errors import NoExamples, Place, Unreadable

# A list of metrics is small; what is larger can only be a harness's document.
LARGEST_METRICS = 10 << 20


def open_document(file: Path) -> HarnessTable | None:
    """Open a JSON document that a harness wrote; None where it is no such document, such as bare metrics.

    Raises:
        FileMissing: it cannot be read.
        Unreadable: it is a harness's document and not as that harness writes it, or too large for anything else.
        NoExamples: it holds no answer.
    """
    document = document_of(file)
    for kind in (promptfoo, inspectlog, mlflowtable):
        if kind.recognises(document):
            return _filled(kind.read(file, document), file)
    if file.stat().st_size > LARGEST_METRICS:
        raise Unreadable(
            "no document of promptfoo, Inspect or MLflow, and too large for the metrics of one model",
            place=Place(str(file)),
        )
    return None


def open_lines(file: Path, first: Any) -> HarnessTable | None:
    """Open JSON Lines that a harness wrote; None where the first object is none of a harness's."""
    for kind in (lmeval, promptfoo):
        if kind.recognises_line(first):
            return _filled(kind.read_lines(file), file)
    return None


def open_log(file: Path) -> HarnessTable:
    """Open an Inspect log in its own archive format (.eval)."""
    return _filled(inspectlog.read_archive(file), file)


def open_folder(folder: Path) -> HarnessTable:
    """Open the sample files of lm-evaluation-harness in one folder, one of each task."""
    return _filled(lmeval.read_folder(folder), folder)


def _filled(table: HarnessTable, file: Path) -> HarnessTable:
    if table.rows == 0:
        raise NoExamples("there is no answer in it", place=Place(str(file)), help="let the harness run again")
    return table
