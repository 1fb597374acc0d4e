"""One contract, whatever counts: the same counts, the same verdicts, the same rows.

Expected numbers were worked out from the table by hand, in ``asked``: agreement between engines alone would also hold
for the same mistake made twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from asked import COLUMNS, ODD, ROWS, rules
from databases import Postgres, postgres, spark  # noqa: F401 - fixtures

from mlci.adapters.datasets import open_engine
from mlci.domain.dataset.contract import Condition, Rule, Type
from mlci.domain.dataset.judging import judge
from mlci.domain.dataset.measured import Measured
from mlci.errors import DataUnreadable, FileMissing, NotWritable
from mlci.ports import DataEngine, DataSource, Opened

_ARROW: dict[str, Any] = {
    "bigint": pa.int64(), "double precision": pa.float64(), "text": pa.string(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "boolean": pa.bool_(),
}  # fmt: skip
# Spark talks to Java by sockets that it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
_ALL = ("duckdb", "pandas", "postgres", "spark")
_FILES = ("duckdb", "pandas", "spark")
_RULES = rules()
_EXPECTED = {rule.id: said for rule, said in _RULES}


def arrow(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [[row[at] for row in rows] for at in range(len(COLUMNS))]
    arrays = [pa.array(one, type=_ARROW[kind]) for one, kind in zip(columns, COLUMNS.values(), strict=True)]
    return pa.table(arrays, names=list(COLUMNS))


@dataclass
class World:
    """An engine, and a way to put a table where it reads.

    Attributes:
        opens: makes an engine and opens rows with it.
        files: makes an engine for files; None for the one of databases.
    """

    name: str
    folder: Path
    database: Postgres | None
    engines: list[DataEngine] = field(default_factory=list)

    def files(self) -> DataEngine:
        name: Any = "gx" if self.name == "pandas" else self.name
        engine = open_engine(name, memory="500MB", folder=str(self.folder / "spill"))
        self.engines.append(engine)
        return engine

    def opens(self, rows: list[tuple[Any, ...]]) -> tuple[DataEngine, Opened]:
        if self.database is not None:
            query = self.database.table(COLUMNS, rows)
            engine = open_engine("gx", memory="500MB", folder="unused", database=self.database.url)
            self.engines.append(engine)
            return engine, engine.open(
                DataSource(role="train", name="data.train", database=self.database.url, query=query), {}
            )
        path = self.folder / f"rows{len(self.engines)}.parquet"
        pq.write_table(arrow(rows), path)
        engine = self.files()
        return engine, engine.open(DataSource(role="train", name=path.name, path=str(path)), {})


@pytest.fixture(scope="module", params=_ALL)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    name = str(request.param)
    if name in ("pandas", "postgres", "spark"):
        pytest.importorskip("great_expectations")
    if name == "spark":
        request.getfixturevalue("spark")
    database = request.getfixturevalue("postgres") if name == "postgres" else None
    found = World(name, tmp_path_factory.mktemp(name), database)
    yield found
    for engine in found.engines:
        engine.close()


@pytest.fixture(scope="module")
def opened(world: World) -> tuple[DataEngine, Opened]:
    return world.opens(ROWS)


@pytest.fixture(scope="module")
def counted(opened: tuple[DataEngine, Opened]) -> dict[str, Measured]:
    engine, found = opened
    return {one.rule: one for one in engine.measure(found, [rule for rule, _ in _RULES])}


def close(found: Any, said: Any) -> bool:
    if isinstance(said, float) and isinstance(found, (int, float)):
        return math.isclose(found, said, rel_tol=1e-12)
    if isinstance(said, list) and isinstance(found, (list, tuple)):
        return len(found) == len(said) and all(map(close, found, said))
    return bool(found == said)


@pytest.mark.parametrize("rule", [rule for rule, _ in _RULES], ids=lambda rule: f"{rule.id}-{rule.expectation[7:40]}")
def test_every_rule_has_the_counts_that_the_table_says(counted: dict[str, Measured], rule: Rule) -> None:
    found = counted[rule.id]
    assert found.trouble is None
    said = _EXPECTED[rule.id]
    assert {name: getattr(found, name) for name in said} == {
        name: getattr(found, name) if close(getattr(found, name), value) else value for name, value in said.items()
    }


def test_every_rule_comes_out_the_same(counted: dict[str, Measured]) -> None:
    """And the words of it, which hold what was observed."""
    for rule, said in _RULES:
        expected = judge(rule, Measured(rule=rule.id, **said))
        found = judge(rule, counted[rule.id])
        assert (found.outcome, found.unexpected, found.evaluated) == (
            expected.outcome, expected.unexpected, expected.evaluated,
        )  # fmt: skip
        if rule.expectation.endswith("type_list") or "of_type" in rule.expectation:
            continue
        assert found.message == expected.message


def test_columns_and_rows_are_known(opened: tuple[DataEngine, Opened]) -> None:
    held = {
        "bigint": "integer", "double precision": "number", "text": "string", "date": "date", "timestamp": "timestamp",
        "boolean": "boolean",
    }  # fmt: skip
    assert opened[1].columns == {name: held[kind] for name, kind in COLUMNS.items()}
    assert opened[1].rows == len(ROWS)


def test_nothing_passes_a_table_without_rows(world: World) -> None:
    engine, found = world.opens([])
    asked = [
        Rule(id="set", expectation="expect_column_values_to_be_in_set", kwargs={"column": "s", "value_set": ["a"]}),
        Rule(id="unique", expectation="expect_column_values_to_be_unique", kwargs={"column": "id"}),
        Rule(id="mean", expectation="expect_column_mean_to_be_between", kwargs={"column": "x", "min_value": 0}),
        Rule(id="median", expectation="expect_column_median_to_be_between", kwargs={"column": "x", "min_value": 0}),
        Rule(id="max", expectation="expect_column_max_to_be_between", kwargs={"column": "t", "min_value": "2020"}),
        Rule(
            id="distinct", expectation="expect_column_unique_value_count_to_be_between",
            kwargs={"column": "s", "min_value": 0},
        ),
        Rule(id="rows", expectation="expect_table_row_count_to_be_between", kwargs={"min_value": 1}),
    ]  # fmt: skip
    outcomes = {
        rule.id: judge(rule, one).outcome for rule, one in zip(asked, engine.measure(found, asked), strict=True)
    }
    assert outcomes == {
        "set": "error", "unique": "error", "mean": "error", "median": "error", "max": "error", "distinct": "error",
        "rows": "fail",
    }  # fmt: skip


_TROUBLED = [
    Rule(id="gone", expectation="expect_column_mean_to_be_between", kwargs={"column": "nowhere", "min_value": 0}),
    Rule(id="text", expectation="expect_column_mean_to_be_between", kwargs={"column": "s", "min_value": 0}),
    Rule(id="bound", expectation="expect_column_values_to_be_between", kwargs={"column": "s", "min_value": 0}),
    Rule(id="length", expectation="expect_column_value_lengths_to_equal", kwargs={"column": "n", "value": 1}),
    Rule(
        id="pair", expectation="expect_column_pair_values_to_be_equal", kwargs={"column_A": "s", "column_B": "n"}
    ),
    Rule(
        id="other", expectation="unexpected_rows_expectation",
        kwargs={"unexpected_rows_query": "SELECT * FROM secret"},
    ),
    Rule(
        id="two", expectation="unexpected_rows_expectation",
        kwargs={"unexpected_rows_query": "SELECT * FROM {batch}; DROP TABLE train"},
    ),
    Rule(
        id="read", expectation="unexpected_rows_expectation",
        kwargs={"unexpected_rows_query": "SELECT * FROM read_csv('/etc/passwd') AS a, {batch} AS b"},
    ),
    Rule(
        id="where", expectation="expect_column_values_to_not_be_null", kwargs={"column": "s"},
        where=(Condition(column="nowhere", operator="=", value=1),),
    ),
]  # fmt: skip


def test_what_cannot_be_counted_says_so_and_takes_nothing_else_with_it(opened: tuple[DataEngine, Opened]) -> None:
    engine, found = opened
    good = Rule(id="good", expectation="expect_column_values_to_not_be_null", kwargs={"column": "id"})
    measured = {one.rule: one for one in engine.measure(found, [*_TROUBLED, good])}
    assert {one.id: measured[one.id].trouble is not None for one in _TROUBLED} == {one.id: True for one in _TROUBLED}
    assert all(judge(rule, measured[rule.id]).outcome == "error" for rule in _TROUBLED)
    assert measured["good"].unexpected == 0
    assert "nowhere" in str(measured["gone"].trouble)


_BROKEN: dict[str, tuple[Rule, list[str]]] = {
    "between": (
        Rule(id="1", expectation="expect_column_values_to_be_between", kwargs={"column": "x", "min_value": 1}),
        ["1", "7"],
    ),
    "unique": (
        Rule(id="2", expectation="expect_column_values_to_be_unique", kwargs={"column": "n"}),
        ["2", "3", "7", "8"],
    ),
    "compound": (
        Rule(id="3", expectation="expect_compound_columns_to_be_unique", kwargs={"column_list": ["n", "d"]}),
        ["2", "3"],
    ),
    "null": (Rule(id="4", expectation="expect_column_values_to_not_be_null", kwargs={"column": "d"}), ["4", "7"]),
    "pair": (
        Rule(
            id="5", expectation="expect_column_pair_values_to_be_equal", kwargs={"column_A": "n", "column_B": "id"},
            where=(Condition(column="b", operator="=", value=True),),
        ),
        ["3"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _BROKEN)
def test_the_rows_that_break_a_rule_are_named_by_their_keys(opened: tuple[DataEngine, Opened], name: str) -> None:
    engine, found = opened
    rule, ids = _BROKEN[name]
    named = engine.offenders(found, rule, ("id",), 20, values=False)
    assert (named.keys, sorted(one[0] for one in named.rows), named.values) == (("id",), ids, ())
    some = engine.offenders(found, rule, ("id",), 1, values=True)
    assert len(some.rows) == len(some.values) == min(1, len(ids))


def test_values_are_told_only_where_they_are_asked_for(opened: tuple[DataEngine, Opened]) -> None:
    engine, found = opened
    rule = Rule(id="1", expectation="expect_column_values_to_match_regex", kwargs={"column": "s", "regex": "^[^%]"})
    told = engine.offenders(found, rule, ("id", ODD), 20, values=True)
    assert dict(zip((one[0] for one in told.rows), told.values, strict=True)) == {"5": ("",), "10": ("%_\\",)}


def test_every_row_that_breaks_a_rule_is_set_aside_once(opened: tuple[DataEngine, Opened], tmp_path: Path) -> None:
    engine, found = opened
    target = tmp_path / "new" / "aside.parquet"
    asked = [rule for rule, _ in _BROKEN.values()]
    assert engine.quarantine(found, asked, str(target)) == 6
    aside = pq.read_table(target)
    assert sorted(aside.column("id").to_pylist()) == [1, 2, 3, 4, 7, 8]
    assert aside.column_names == list(COLUMNS)
    by_id = {row["id"]: row for row in aside.to_pylist()}
    assert by_id[7]["s"] == "a\nb"
    assert by_id[4]["s"] == "北京市"
    assert engine.quarantine(found, asked[:0], str(target)) == 0
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable):
        engine.quarantine(found, asked, str(tmp_path / "file" / "aside.parquet"))


_SQL: list[tuple[str, list[tuple[Any, ...]]]] = [
    ('SELECT count(*), count("x"), sum("n"), min("d"), avg("x") FROM train', [(10, 7, 33, ROWS[0][5], 2.5)]),
    ('SELECT "b", count(*) AS c FROM train GROUP BY "b" ORDER BY "b" NULLS LAST', [(False, 3), (True, 5), (None, 2)]),
    ("SELECT count(*) FILTER (WHERE \"s\" LIKE 'a%'), count(DISTINCT \"n\") FROM train", [(4, 5)]),
    ("SELECT CASE WHEN \"x\" > 1 THEN 'high' WHEN \"x\" IS NULL THEN 'none' ELSE 'low' END AS k, count(*) FROM train "
     "GROUP BY 1 ORDER BY 1", [("high", 5), ("low", 2), ("none", 3)]),
    ('SELECT TRY_CAST(substr("s", 2) AS BIGINT) AS v FROM train WHERE "s" LIKE \'a%\' ORDER BY "id"',
     [(1,), (2,), (None,), (10,)]),
    ("SELECT TRY_CAST('2023-02-29' AS DATE), TRY_CAST('2024-02-29' AS DATE), TRY_CAST('1.5' AS DOUBLE), "
     "TRY_CAST('x' AS DOUBLE)", [(None, ROWS[4][5], 1.5, None)]),
    ("SELECT \"id\" FROM train WHERE regexp_matches(\"s\", '[0-9]$') ORDER BY \"id\"", [(1,), (2,), (8,), (9,)]),
    ('SELECT length("s"), md5("s") FROM train WHERE "id" IN (4) ', [(3, "1e1ac83d77b8b0d8a9b3b2da9b6cb0a1")]),
    ('WITH a AS (SELECT "n", row_number() OVER (PARTITION BY "n" ORDER BY "id") AS r FROM train) '
     'SELECT count(*) FROM a JOIN train ON a."n" = train."id" WHERE r > 1', [(2,)]),
    ('SELECT floor("x") AS f, count(*) AS c FROM train WHERE "x" IS NOT NULL AND NOT isnan("x") GROUP BY 1 ORDER BY 1',
     [(-3, 1), (0, 1), (1, 2), (2, 1), (4, 1), (10, 1)]),
    ('SELECT epoch("t") AS e FROM train WHERE "id" = 1', [(1709083800.0,)]),
    ('SELECT quantile_disc("x", 0.5), median("x") FROM train', [(1.5, 1.5)]),
    ('SELECT "n" / 2, "n" // 2, "n" % 2 FROM train WHERE "id" = 5', [(2.5, 2, 1)]),
    ('SELECT count(*) FROM (SELECT DISTINCT "n", "b" FROM train)', [(9,)]),
    (f'SELECT count(*) FROM train WHERE "{ODD}" = \'it\'\'s\''.replace('ird"n', 'ird""n'), [(1,)]),
    ('SELECT round(corr("n", "id"), 6), round(stddev_samp("n"), 6) FROM train', [(0.987636, 3.093773)]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(_SQL)))
def test_a_query_in_duckdbs_words_has_one_answer(opened: tuple[DataEngine, Opened], number: int) -> None:
    sql, said = _SQL[number]
    found = opened[0].rows(sql)
    if "md5" in sql:
        assert found[0][0] == 3
        assert found[0][1] == __import__("hashlib").md5("北京市".encode()).hexdigest()
        return
    assert [list(row) for row in found] == [
        [one if close(one, wanted) else wanted for one, wanted in zip(row, wanted_row, strict=True)]
        for row, wanted_row in zip(found, said, strict=True)
    ]


# Files: what DuckDB reads, and how, all engines of files do.


@pytest.fixture
def reads(world: World, tmp_path: Path) -> Callable[..., tuple[DataEngine, Opened]]:
    if world.name not in _FILES:
        pytest.skip("a database reads no files")

    def read(name: str, content: bytes, types: dict[str, Type] | None = None) -> tuple[DataEngine, Opened]:
        (tmp_path / name).write_bytes(content)
        engine = world.files()
        return engine, engine.open(DataSource(role="train", name=name, path=str(tmp_path / name)), types or {})

    return read


def test_a_text_that_is_no_number_breaks_the_rule_on_types_and_is_missing_elsewhere(
    reads: Callable[..., tuple[DataEngine, Opened]],
) -> None:
    content = b"id,age,code\n1,34,007\n2,x,008\n3,,009\n4,50,010\n"
    engine, found = reads("people.csv", content, {"age": "integer"})
    assert found.columns == {"id": "integer", "age": "integer", "code": "string"}
    asked = [
        Rule(id="type", expectation="expect_column_values_to_be_of_type", kwargs={"column": "age", "type_": "int"}),
        Rule(id="null", expectation="expect_column_values_to_not_be_null", kwargs={"column": "age"}),
        Rule(id="max", expectation="expect_column_max_to_be_between", kwargs={"column": "age", "max_value": 40}),
    ]
    kind, null, largest = engine.measure(found, asked)
    assert (kind.rows, kind.missing, kind.unexpected) == (4, 1, 1)
    assert (null.rows, null.unexpected) == (4, 2)
    assert (largest.missing, largest.observed) == (2, 50)


def test_json_lines_are_read_alike(reads: Callable[..., tuple[DataEngine, Opened]]) -> None:
    content = b'{"id": 1, "tags": ["a"], "name": "x"}\n{"id": 2, "tags": [], "name": null}\n'
    engine, found = reads("events.jsonl", content)
    assert found.columns == {"id": "integer", "tags": "other", "name": "string"}
    null = Rule(id="null", expectation="expect_column_values_to_not_be_null", kwargs={"column": "name"})
    assert engine.measure(found, [null])[0].unexpected == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.parquet", b"PAR1" + bytes(40)),
        ("latin.csv", "name,age\nJosé,3\n".encode("latin-1")),
        ("empty.csv", b""),
        ("ragged.csv", b"a,b\n1,2\n1,2,3,4\n"),
        ("broken.jsonl", b'{"a": 1}\n{"a": \n'),
    ],
)
def test_what_cannot_be_read_is_said_of_the_data(
    reads: Callable[..., tuple[DataEngine, Opened]], name: str, content: bytes
) -> None:
    with pytest.raises(DataUnreadable, match=name):
        reads(name, content)


def test_a_file_that_is_not_there_is_another_error(world: World, tmp_path: Path) -> None:
    if world.name not in _FILES:
        pytest.skip("a database reads no files")
    with pytest.raises(FileMissing):
        world.files().open(DataSource(role="train", name="gone.csv", path=str(tmp_path / "gone.csv")), {})


def test_two_files_of_a_folder_are_one_table(world: World, tmp_path: Path) -> None:
    if world.name not in _FILES:
        pytest.skip("a database reads no files")
    (tmp_path / "parts").mkdir()
    pq.write_table(arrow(ROWS[:4]), tmp_path / "parts" / "a.parquet")
    pq.write_table(arrow(ROWS[4:]), tmp_path / "parts" / "b.parquet")
    engine = world.files()
    found = engine.open(DataSource(role="holdout", name="parts", path=str(tmp_path / "parts")), {})
    unique = Rule(id="unique", expectation="expect_column_values_to_be_unique", kwargs={"column": "n"})
    assert (found.rows, engine.measure(found, [unique])[0].unexpected) == (10, 4)
    assert engine.rows("SELECT count(*) FROM holdout") == [(10,)]
    pacsv.write_csv(arrow(ROWS).select(["id", "n"]), tmp_path / "plain.csv")
    again = engine.open(DataSource(role="reference", name="plain.csv", path=str(tmp_path / "plain.csv")), {})
    joined = 'SELECT count(*) FROM reference AS r JOIN holdout AS h ON r."id" = h."id"'
    assert (again.columns, engine.rows(joined)) == ({"id": "integer", "n": "integer"}, [(10,)])
