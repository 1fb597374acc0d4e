"""Rows of text as a CSV file that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# What a spreadsheet takes for the beginning of a formula; see OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as UTF-8 bytes of a CSV file with a head.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it; a plain number stays as it is.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([guarded(column) for column in columns])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return written.getvalue().encode("utf-8", "replace")


def guarded(cell: str) -> str:
    """A cell that is text to every spreadsheet.

    >>> guarded("=1+1"), guarded("-5"), guarded("@SUM(A1)")
    ("'=1+1", '-5', "'@SUM(A1)")
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell
