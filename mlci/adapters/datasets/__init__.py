"""Engines that count the rows of datasets, by name."""

from __future__ import annotations

from typing import Literal

from mlci.errors import ExtraMissing
from mlci.ports import DataEngine


def open_engine(name: Literal["duckdb", "gx", "spark"], *, memory: str, folder: str) -> DataEngine:
    """An engine, with nothing opened yet.

    Args:
        name: which one.
        memory: that it may use before it goes to disk, such as 500MB.
        folder: where it may put what does not fit, on this machine.

    Raises:
        ExtraMissing: what it needs is not installed.
    """
    if name == "duckdb":
        from mlci.adapters.datasets.duck import DuckEngine

        return DuckEngine(memory=memory, folder=folder)
    raise ExtraMissing(f"the engine {name} is not there yet", help='pip install "mlci[gx]"')
