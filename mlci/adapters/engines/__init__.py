"""Engines that join and count predictions larger than memory, by name."""

from __future__ import annotations

from typing import Literal

from mlci.ports import Engine

EngineName = Literal["memory", "duckdb", "spark"]


def engine_named(name: EngineName) -> Engine | None:
    """The engine of this name; None for this process's own memory.

    Raises:
        ExtraMissing: what it needs is not installed.
    """
    if name == "duckdb":
        from mlci.adapters.engines.duck import Duck

        return Duck()
    if name == "spark":
        from mlci.adapters.engines.sparked import Spark

        return Spark()
    return None
