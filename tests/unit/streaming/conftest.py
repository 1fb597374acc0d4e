"""The engines: DuckDB anew for each test, and one session of Spark for all of them, because it is slow to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlci.adapters.engines import engine_named
from mlci.ports import Engine


@pytest.fixture(name="engine")
def _duckdb() -> Iterator[Engine]:
    engine = engine_named("duckdb")
    assert engine is not None
    yield engine
    engine.close()


@pytest.fixture(name="spark", scope="session")
def _spark() -> Iterator[Engine]:
    engine = engine_named("spark")
    assert engine is not None
    yield engine
    engine.close()
