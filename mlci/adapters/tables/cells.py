"""Rows of text as a CSV file that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# What a spreadsheet takes for the beginning of a formula; see OWASP, CSV injection.
# Signs of full width count too: some spreadsheets take them for the narrow ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]], *, guard: bool = True) -> bytes:
    """Rows as UTF-8 bytes of a CSV file with a head.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it; a plain number stays as it is.

    Args:
        columns: the head.
        rows: as many cells each.
        guard: False for a file that only programs read, which need every cell as it is.
    """
    kept = guarded if guard else str
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([kept(column) for column in columns])
    writer.writerows([kept(cell) for cell in row] for row in rows)
    return written.getvalue().encode("utf-8", "replace")


def guarded(cell: str) -> str:
    """A cell that is text to every spreadsheet.

    >>> guarded("=1+1"), guarded("-5"), guarded("@SUM(A1)")
    ("'=1+1", '-5', "'@SUM(A1)")
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell
