"""A query of a contract is somebody's text: it reads the opened datasets, and nothing else, for a while."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.datasets import duck_query
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Measured
from mlci.errors import EngineFailed, MlciError
from mlci.ports import DataSource, Opened

SLOW = "SELECT 1 FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i + j) = 1"


@pytest.fixture
def at_hand(tmp_path: Path) -> Iterator[tuple[DuckEngine, Opened]]:
    pq.write_table(pa.table({"id": [1, 2, 3], "v": ["a", None, "c"]}), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"id": [3, 4]}), tmp_path / "held.parquet")
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    engine = DuckEngine(memory="200MB", folder=str(tmp_path / "spill"))
    opened = engine.open(DataSource(role="train", name="rows", path=str(tmp_path / "rows.parquet")), {})
    engine.open(DataSource(role="holdout", name="held", path=str(tmp_path / "held.parquet")), {})
    yield engine, opened
    engine.close()


def asked(at_hand: tuple[DuckEngine, Opened], query: str) -> Measured:
    rule = Rule(id="it", expectation="unexpected_rows_expectation", kwargs={"unexpected_rows_query": query})
    return at_hand[0].measure(at_hand[1], [rule])[0]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM {batch} WHERE v IS NULL", 1),
        ("SELECT * FROM {batch}", 3),
        ("SELECT * FROM {batch} WHERE id > 5;", 0),
        ("SELECT 1 FROM {batch} -- to the end", 3),
        ("WITH few AS (SELECT * FROM {batch} LIMIT 2) SELECT * FROM few JOIN {batch} USING (id)", 2),
        ("SELECT * FROM {batch} WHERE id IN (SELECT id FROM holdout)", 1),
        ("SELECT v, count(*) FROM {batch} GROUP BY v HAVING count(*) > 1", 0),
        ("SELECT * FROM range(4)", 4),
    ],
)
def test_a_query_counts_the_rows_it_gives(at_hand: tuple[DuckEngine, Opened], query: str, rows: int) -> None:
    assert asked(at_hand, query) == Measured(rule="it", unexpected=rows)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "nonsense",
        "SELECT nothing FROM {batch}",
        "SELECT 1; SELECT 2",
        "SELECT 1) UNION ALL (SELECT 2",
        "DROP VIEW train",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO train VALUES (1)",
        "COPY (SELECT 1) TO 'FOLDER/out.csv'",
        "COPY train TO 'FOLDER/rows.parquet'",
        "ATTACH 'FOLDER/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "SET lock_configuration = false",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT * FROM 'FOLDER/secret.csv'",
        "SELECT * FROM read_csv('FOLDER/secret.csv')",
        "SELECT * FROM read_text('FOLDER/secret.csv')",
        "SELECT * FROM {batch} WHERE id = (SELECT count(*) FROM read_blob('FOLDER/secret.csv'))",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SELECT * FROM glob('FOLDER/*')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('FOLDER/held.parquet')",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('train')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM pragma_database_size()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)",
        "SELECT * FROM pandas_scan(1::POINTER)",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "SELECT sleep_ms(100000)",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "SELECT nextval('s')",
        "SELECT write_log('x')",
        "DESCRIBE train",
        "SUMMARIZE train",
        "SELECT * FROM (DESCRIBE train)",
        "SELECT * FROM at_hand",
        "SELECT * FROM rows",
        "WITH train AS (SELECT * FROM read_csv('FOLDER/secret.csv')) SELECT * FROM train",
        "PIVOT {batch} ON v",
        "SELECT * FROM other.train",
    ],
)
def test_anything_else_is_not_run(at_hand: tuple[DuckEngine, Opened], query: str, tmp_path: Path) -> None:
    before = sorted(one.name for one in tmp_path.iterdir())
    found = asked(at_hand, query.replace("FOLDER", str(tmp_path)))
    assert found.unexpected is None
    assert found.trouble is not None
    assert "\n" not in found.trouble
    assert "hunter2" not in found.trouble
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    # And what is asked after it is answered as ever.
    assert asked(at_hand, "SELECT * FROM {batch}").unexpected == 3


def test_no_query_runs_for_ever(at_hand: tuple[DuckEngine, Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(id="it", expectation="unexpected_rows_expectation", kwargs={"unexpected_rows_query": SLOW})
    session, table = at_hand[0]._session, at_hand[0]._tables["train"]
    start = time.monotonic()
    with pytest.raises(duck_query.Impossible, match=r"takes more than 0\.5 s"):
        duck_query.rows_of_query(session, table, "train", rule, seconds=0.5)
    assert time.monotonic() - start < 20
    assert asked(at_hand, "SELECT * FROM {batch}").unexpected == 3


def test_no_query_takes_all_memory(at_hand: tuple[DuckEngine, Opened]) -> None:
    with pytest.raises(EngineFailed, match="ran out of memory"):
        asked(at_hand, "SELECT 1 FROM (SELECT list(i) AS l FROM range(100000000) t(i)) WHERE len(l) = 5")


def test_even_our_own_queries_reach_nothing_else(at_hand: tuple[DuckEngine, Opened], tmp_path: Path) -> None:
    for sql in (
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"COPY train TO '{tmp_path}/out.parquet'",
        "SET enable_external_access = true",
        "SELECT * FROM tmp_path",
    ):
        with pytest.raises(MlciError):
            at_hand[0].rows(sql)
    assert not (tmp_path / "out.parquet").exists()


def test_an_interrupt_stops_a_query_at_once(at_hand: tuple[DuckEngine, Opened]) -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        at_hand[0].rows(SLOW)
    assert time.monotonic() - start < 20
