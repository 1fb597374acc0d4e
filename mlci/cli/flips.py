"""The list of flipped examples beside the report of the gate: for whoever may see the holdout, and for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlci.adapters.disk import files
from mlci.cli.numbers import whole_number
from mlci.domain.figures import count

if TYPE_CHECKING:
    from mlci.steps.flips import Flips

MOST = 1_000_000


def wanted(own: Mapping[str, Any]) -> int:
    """How many examples the list may name; 0 where there is to be none.

    Raises:
        MlciError: what was given is no such number.
    """
    return whole_number(own, "flips", 0, MOST) or 0


def write(found: Flips | None, path: str) -> str | None:
    """Write the list where any example flipped, and say how much of it there is; None where nothing was written."""
    if found is None or not found.rows:
        return None
    from mlci.adapters.tables.cells import as_csv

    files.write(path, as_csv(found.columns, found.rows))
    cut = f"the first {count(len(found.rows))} of " if len(found.rows) < found.total else ""
    return f"examples on which the two models differ: {cut}{count(found.total)} in {path}"
