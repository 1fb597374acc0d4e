"""The profile that one SQL gives: a database comes to the same as DuckDB does, value by value, edge by edge."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from databases import Postgres, postgres  # noqa: F401 - a fixture

from mlci.adapters.datasets import open_engine
from mlci.domain.dataset.profile import Profile
from mlci.ports import DataSource
from mlci.steps.checking.profiling import profiled

_TYPES = {
    "id": "bigint", "income": "double precision", "plan": "text", "note": "text", "day": "date", "paid": "boolean",
}  # fmt: skip


def rows(count: int, seed: int, shift: float) -> list[tuple[Any, ...]]:
    source = random.Random(seed)
    return [
        (
            number,
            None if source.random() < 0.03 else source.gauss(30 + shift, 9),
            source.choice(["free", "pro", "a text of more than forty characters, in full"]),
            f"note {source.random()}",
            date(2024, 1, 1) + timedelta(days=source.randrange(300)),
            source.random() < 0.5,
        )
        for number in range(count)
    ]


def known(profile: Profile | None) -> Profile:
    """A profile without the number of different values, which DuckDB estimates."""
    assert profile is not None
    return replace(profile, columns=tuple(replace(each, distinct=None) for each in profile.columns))


def test_a_database_has_the_profile_that_its_rows_have_in_a_file(
    postgres: Postgres,  # noqa: F811
    tmp_path: Path,
) -> None:
    before, now = rows(900, 1, 0.0), rows(800, 2, 4.0)
    found = []
    # Before anybody looks: what an engine sees is one moment.
    queries = [postgres.table(_TYPES, content) for content in (before, now)]
    with closing(open_engine("gx", memory="500MB", folder="unused", database=postgres.url)) as engine:
        for role, query in zip(("reference", "train"), queries, strict=True):
            found.append(engine.open(DataSource(role=role, name=role, database=postgres.url, query=query), {}))  # type: ignore[arg-type]
        reference = profiled(engine, found[0]).profile
        theirs = profiled(engine, found[1], reference)
    with closing(open_engine("duckdb", memory="500MB", folder=str(tmp_path / "spill"))) as engine:
        opened = []
        for role, content in (("reference", before), ("train", now)):
            path = tmp_path / f"{role}.parquet"
            columns = dict(zip(_TYPES, zip(*content, strict=True), strict=True))
            pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
            opened.append(engine.open(DataSource(role=role, name=role, path=str(path)), {}))  # type: ignore[arg-type]
        assert known(profiled(engine, opened[0]).profile) == known(reference)
        ours = profiled(engine, opened[1], reference)
    assert (known(ours.profile), known(ours.beside), ours.new) == (
        known(theirs.profile),
        known(theirs.beside),
        theirs.new,
    )
