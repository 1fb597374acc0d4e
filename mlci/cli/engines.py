"""Which engine reads the predictions: this process's memory, or one that joins and counts outside of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.errors import Contradiction, UsageError

if TYPE_CHECKING:
    from mlci.steps.gate_compare import Given, Outcome

ENGINES = ("auto", "memory", "duckdb", "spark")
_ENDINGS = (".csv", ".tsv", ".parquet", ".pq")
# A file takes several times its size once it is read; two of them, and what is computed, must fit as well.
_SHARE_OF_MEMORY = 16


def is_left_to_engine(path: str, asked: str) -> bool:
    """Whether a file is not read into memory.

    Args:
        path: of predictions.
        asked: the engine; ``auto`` leaves large files to DuckDB where that is installed.
    """
    if Path(path).suffix.lower() not in _ENDINGS or asked == "memory":
        return False
    if asked != "auto":
        return True
    with contextlib.suppress(OSError, ValueError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return Path(path).stat().st_size > memory // _SHARE_OF_MEMORY and find_spec("duckdb") is not None
    return False


def judged_by(
    asked: str,
    candidate: Given,
    baseline: Given | None,
    judge: Callable[..., Outcome],
) -> Outcome:
    """Judge by the engine that is asked for; in memory where none is, and where ``auto`` found one that cannot.

    Args:
        asked: the engine.
        candidate: what is judged.
        baseline: production; None where there is none.
        judge: called with both, and with ``engine`` where one reads them.

    Raises:
        Contradiction: an engine is asked for, and there are not two files of predictions that it reads.
        MlciError: whatever ``judge`` raises.
    """
    sides = [candidate] if baseline is None else [candidate, baseline]
    left = [one for one in sides if one.path is not None and one.table is None]
    if not left:
        if asked in ("duckdb", "spark"):
            raise _needs_two(asked)
        return judge(candidate, baseline)
    if len(sides) == 2 and all(one.path is not None for one in sides):
        from mlci.adapters.engines import engine_named

        engine = engine_named("spark" if asked == "spark" else "duckdb")
        if engine is not None:
            with contextlib.closing(engine), contextlib.suppress(*_ways_out(asked)):
                return judge(candidate, baseline, engine=engine)
    elif asked != "auto":
        raise _needs_two(asked)
    return judge(_read(candidate), None if baseline is None else _read(baseline))


def _ways_out(asked: str) -> tuple[type[Exception], ...]:
    """What an engine that nobody asked for cannot do is done in memory."""
    return (UsageError,) if asked == "auto" else ()


def _needs_two(asked: str) -> Contradiction:
    return Contradiction(
        f"--engine {asked} compares two files of predictions in CSV or Parquet",
        help="name production's with --baseline, or leave --engine out",
    )


def _read(given: Given) -> Given:
    from mlci.adapters.tables import open_table

    return given if given.path is None or given.table is not None else replace(given, table=open_table(given.path))
