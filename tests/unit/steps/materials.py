"""Data at hand for the parts of data-check, made of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlci.adapters.datasets import open_engine
from mlci.config.data import Data
from mlci.domain.finding import Finding
from mlci.ports import DataSource
from mlci.steps.checking import Material, Part, Reference

Columns = Mapping[str, Sequence[Any]]


def material(
    folder: Path,
    train: Columns,
    holdout: Columns | None = None,
    *,
    reference: Columns | None = None,
    settings: Data | None = None,
    target: str | None = None,
    id: str | None = None,
    now: str | None = None,
) -> Material:
    """Write the columns as Parquet files and open them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    engine = open_engine("duckdb", memory="500MB", folder=str(folder / "spill"))
    opened = {}
    for role, columns in (("train", train), ("holdout", holdout), ("reference", reference)):
        if columns is not None:
            path = folder / f"{role}.parquet"
            pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
            opened[role] = engine.open(DataSource(role=role, name=path.name, path=str(path)), {})  # type: ignore[arg-type]
    given = Reference(name="the reference", opened=opened["reference"]) if reference is not None else None
    return Material(
        engine=engine, train=opened["train"], holdout=opened.get("holdout"), reference=given,
        settings=settings or Data(), target=target, id=id, now=now,
    )  # fmt: skip


def by_id(part: Part) -> dict[str, Finding]:
    """The findings by their id."""
    found = {one.id: one for one in part.findings}
    assert len(found) == len(part.findings)
    for one in part.findings:
        assert (one.explanation is None) == (one.verdict.value == "pass"), one
    return found
