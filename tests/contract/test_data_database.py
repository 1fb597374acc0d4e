"""A database is read, in one snapshot, and nothing else happens to it; nobody learns how to get in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from databases import Postgres, postgres  # noqa: F401 - a fixture

from mlci.adapters.datasets import open_engine
from mlci.domain.dataset.contract import Rule
from mlci.errors import Contradiction, DataUnreadable, EngineFailed, FileMissing, MlciError, OutOfRange
from mlci.ports import DataSource, Fingerprints, Opened

_ROWS = [(number, number / 2, f"n{number % 3}") for number in range(20)]


@pytest.fixture(name="table")
def _table(postgres: Postgres) -> str:  # noqa: F811
    return postgres.table({"id": "bigint", "x": "double precision", "name": "text"}, _ROWS)


@pytest.fixture(name="engine")
def _engine(postgres: Postgres) -> Iterator[Any]:  # noqa: F811
    engine = open_engine("auto", memory="500MB", folder="unused", database=postgres.url)
    yield engine
    engine.close()


def source(postgres: Postgres, query: str) -> DataSource:  # noqa: F811
    return DataSource(role="train", name="data.train", database=postgres.url, query=query)


_OPEN: list[Any] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def opened(postgres: Postgres, query: str) -> tuple[Any, Opened]:  # noqa: F811
    engine = open_engine("gx", memory="500MB", folder="unused", database=postgres.url)
    _OPEN.append(engine)
    return engine, engine.open(source(postgres, query), {})


def fingerprint(postgres: Postgres, query: str) -> str:  # noqa: F811
    engine, found = opened(postgres, query)
    try:
        assert isinstance(engine, Fingerprints)
        return engine.fingerprint(found)
    finally:
        engine.close()


def test_the_order_of_rows_does_not_name_data_and_their_content_does(postgres: Postgres, table: str) -> None:  # noqa: F811
    ordered = fingerprint(postgres, f"{table} ORDER BY id")
    assert ordered == fingerprint(postgres, f"{table} ORDER BY id DESC")
    assert ordered != fingerprint(postgres, f"{table} WHERE id > 0")
    assert ordered != fingerprint(postgres, f"{table} UNION ALL {table} WHERE id = 3")
    assert ordered != fingerprint(postgres, f"SELECT id, x, upper(name) AS name FROM ({table}) AS t")
    assert ordered != fingerprint(postgres, f"SELECT id, x, name AS other FROM ({table}) AS t")


def test_two_equal_rows_are_not_no_row(postgres: Postgres) -> None:  # noqa: F811
    """Sums and not exclusive or: a pair that is there twice would be gone."""
    none = fingerprint(postgres, "SELECT 1 AS a WHERE false")
    assert fingerprint(postgres, "SELECT 1 AS a UNION ALL SELECT 1") != none
    twice = fingerprint(postgres, "SELECT 1 AS a UNION ALL SELECT 1")
    assert twice != fingerprint(postgres, "SELECT 2 AS a UNION ALL SELECT 2")


def test_everything_is_of_one_snapshot(postgres: Postgres, table: str) -> None:  # noqa: F811
    engine, found = opened(postgres, table)
    before = engine.fingerprint(found)
    postgres.run(f"DELETE FROM {table.rpartition(' ')[2]} WHERE id < 10")
    assert engine.rows("SELECT count(*) FROM train") == [(20,)]
    assert engine.fingerprint(found) == before
    missing = engine.measure(
        found, [Rule(id="a", expectation="expect_column_values_to_not_be_null", kwargs={"column": "id"})]
    )[0]
    assert (missing.rows, missing.unexpected) == (20, 0)
    engine.close()
    assert opened(postgres, table)[1].rows == 10


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM t0",
        "SELECT 1; SELECT 2",
        "SELECT 1 AS a) AS q; DROP TABLE t0; --",
        "WITH gone AS (DELETE FROM t0 RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copied FROM t0",
        "SELECT * FROM t0 FOR UPDATE",
        "this is not SQL at all ((",
        "",
    ],
)
def test_only_one_select_is_taken(postgres: Postgres, engine: Any, query: str) -> None:  # noqa: F811
    postgres.run("CREATE TABLE IF NOT EXISTS kept (a int)")
    with pytest.raises(OutOfRange, match=r"the query of data\.train cannot be used"):
        engine.open(source(postgres, query), {})


def test_what_a_function_does_behind_a_select_is_refused(postgres: Postgres, engine: Any) -> None:  # noqa: F811
    """The SELECT itself looks harmless: the database holds the transaction to reading."""
    postgres.run("CREATE TABLE IF NOT EXISTS mark (a int)")
    postgres.run(
        "CREATE OR REPLACE FUNCTION marks() RETURNS int LANGUAGE sql AS 'INSERT INTO mark VALUES (1) RETURNING a'"
    )
    with pytest.raises(OutOfRange, match="read only"):
        engine.open(source(postgres, "SELECT marks() AS a"), {})
    undone = "SELECT set_config('transaction_read_only', 'off', false) AS a, marks() AS b"
    with pytest.raises(MlciError):
        engine.open(source(postgres, undone), {})
    assert opened(postgres, "SELECT * FROM mark")[1].rows == 0


def test_a_comment_at_the_end_and_signs_of_drivers_change_nothing(postgres: Postgres, table: str) -> None:  # noqa: F811
    query = (
        f"SELECT id, name || ':id %s %% :x \\:y' AS name FROM ({table}) AS t WHERE id % 2 = 0 -- even: 100 % of them"
    )
    engine, found = opened(postgres, query)
    assert found.rows == 10
    rules = [
        Rule(
            id="set", expectation="expect_column_values_to_be_in_set",
            kwargs={"column": "name", "value_set": ["n0:id %s %% :x \\:y"]},
        )
    ]  # fmt: skip
    measured = engine.measure(found, rules)[0]
    assert (measured.rows, measured.unexpected) == (10, 6)
    assert engine.rows('SELECT count(*) FROM train WHERE "name" LIKE \'%:x%\' AND "id" % 4 = 0') == [(5,)]
    engine.close()


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ("SELECT * FROM nowhere", FileMissing, "no such table"),
        ("SELECT nothing FROM t0", OutOfRange, "nothing"),
        ("SELECT 1 AS a, 2 AS a", OutOfRange, "two columns a"),
        ("SELECT CAST(name AS int) AS a FROM (SELECT 'secret value' AS name) AS t", DataUnreadable, "22P02"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(
    postgres: Postgres,  # noqa: F811
    table: str,
    engine: Any,
    query: str,
    error: type[MlciError],
    says: str,
) -> None:
    with pytest.raises(error, match=says) as caught:
        engine.open(source(postgres, query), {})
    assert "secret value" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://someone:pa55word@127.0.0.1:1/x",
        "postgresql://someone:pa55word@nowhere.invalid:5432/x",
        "postgresql://someone:pa55word@127.0.0.1:port/x",
        "nonsense:pa55word",
        "nosuch://someone:pa55word@127.0.0.1/x",
    ],
)
def test_no_message_says_how_to_get_in(address: str) -> None:
    with pytest.raises(MlciError) as caught:
        open_engine("gx", memory="500MB", folder="unused", database=address)
    seen: BaseException | None = caught.value
    while seen is not None and not (seen.__suppress_context__ and seen.__cause__ is None):
        seen = seen.__cause__ or seen.__context__
    assert "pa55word" not in str(caught.value)
    assert "someone" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_database_that_refuses_the_user_is_a_service_that_failed(postgres: Postgres) -> None:  # noqa: F811
    with pytest.raises(EngineFailed, match=r"data\.train"):
        open_engine("gx", memory="500MB", folder="x", database=postgres.url.replace("mlci@", "stranger:pa55word@"))


def test_an_engine_for_files_is_not_sent_to_a_database(postgres: Postgres) -> None:  # noqa: F811
    with pytest.raises(Contradiction, match=r"data\.engine is duckdb"):
        open_engine("duckdb", memory="500MB", folder="x", database=postgres.url)


def test_a_holdout_in_another_place_is_refused(postgres: Postgres, engine: Any) -> None:  # noqa: F811
    with pytest.raises(Contradiction, match="same database"):
        engine.open(DataSource(role="holdout", name="data.holdout", path="holdout.csv"), {})
