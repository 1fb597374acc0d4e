"""Engines that count the rows of datasets, by name."""

from __future__ import annotations

from typing import Literal

from mlci.errors import Contradiction, Place
from mlci.ports import DataEngine


def open_engine(
    name: Literal["auto", "duckdb", "gx", "spark"],
    *,
    memory: str,
    folder: str,
    database: str | None = None,
    dataset: str = "data.train",
) -> DataEngine:
    """An engine, with nothing opened yet.

    Args:
        name: which one; auto is DuckDB for files and Great Expectations for a database.
        memory: that it may use before it goes to disk, such as 500MB.
        folder: where it may put what does not fit, on this machine.
        database: address of the database that holds the data, with its credentials; None for files.
        dataset: whose database that is, for messages.

    Raises:
        ExtraMissing: what it needs is not installed.
        Contradiction: it does not reach databases.
        EngineFailed: the database does not answer.
        OutOfRange: the address of the database is none.
    """
    if database is not None:
        if name in ("duckdb", "spark"):
            raise Contradiction(
                f"data.engine is {name}, which counts files, and {dataset} is in a database", place=Place("mlci.yml"),
                help="set data.engine to gx, or leave it out",
            )  # fmt: skip
        from mlci.adapters.datasets.gx.database import GxDatabaseEngine

        return GxDatabaseEngine(database, dataset)
    if name in ("auto", "duckdb"):
        from mlci.adapters.datasets.duck import DuckEngine

        return DuckEngine(memory=memory, folder=folder)
    if name == "gx":
        from mlci.adapters.datasets.gx.frames import GxPandasEngine

        return GxPandasEngine(memory=memory, folder=folder)
    from mlci.adapters.datasets.gx.sparked import GxSparkEngine

    return GxSparkEngine(memory=memory, folder=folder)
