"""Rows that break rules: named, written to a file whole or not at all, and what is kept meanwhile gone after."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.datasets import duck_rows
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Rule, Type
from mlci.errors import NotWritable
from mlci.ports import DataSource, Opened

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    one = DuckEngine(memory="300MB", folder=str(tmp_path / "spill"))
    yield one
    one.close()


def opened(engine: DuckEngine, path: Path, **types: Type) -> Opened:
    return engine.open(DataSource(role="train", name=path.name, path=str(path)), types)


def rule(expectation: str, **kwargs: Any) -> Rule:
    return Rule(id="it", expectation=expectation, kwargs=kwargs)


POSITIVE = rule("expect_column_values_to_be_between", column="v", min_value=0)
UNIQUE = rule("expect_column_values_to_be_unique", column="id")
BOTH = rule("expect_compound_columns_to_be_unique", column_list=["id", "v"])
PRESENT = rule("expect_column_values_to_not_be_null", column="v")


@pytest.fixture
def rows(engine: DuckEngine, tmp_path: Path) -> Opened:
    ids, values = list(range(20_000)), [1.5] * 20_000
    ids[15_000] = 14
    for place in (19_999, 400, 7):
        values[place] = -1.0
    values[3] = None
    table = pa.table({"id": ids, "v": values, "list": [[one] for one in ids]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=1000)
    return opened(engine, tmp_path / "rows.parquet")


def test_rows_are_named_in_the_order_of_the_file_the_same_each_time(engine: DuckEngine, rows: Opened) -> None:
    for _ in range(3):
        found = engine.offenders(rows, POSITIVE, ["id"], 2, values=False)
        assert (found.keys, found.rows, found.values) == (("id",), (("7",), ("400",)), ())
    found = engine.offenders(rows, POSITIVE, [], 10, values=True)
    assert (found.keys, found.rows) == (("row",), (("8",), ("401",), ("20000",)))
    assert found.values == (("-1.0",),) * 3
    assert engine.offenders(rows, UNIQUE, ["no such"], 10, values=False).rows == (("15",), ("15001",))
    assert engine.offenders(rows, BOTH, [], 10, values=False).rows == (("15",), ("15001",))
    assert engine.offenders(rows, rule("expect_column_min_to_be_between", column="v"), [], 5, values=False).rows == ()


def test_every_row_that_breaks_a_rule_is_written_once_as_it_is(
    engine: DuckEngine, rows: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "bad.parquet"
    asked = [POSITIVE, UNIQUE, BOTH, PRESENT, rule("expect_column_min_to_be_between", column="v", min_value=0)]
    assert engine.quarantine(rows, asked, str(path)) == 6
    found = pq.read_table(path)
    assert found.column_names == ["id", "v", "list"]
    assert found["id"].to_pylist() == [3, 7, 14, 400, 14, 19_999]
    assert found["list"].to_pylist()[1] == [7]
    assert [one.name for one in path.parent.iterdir()] == ["bad.parquet"]
    assert engine.quarantine(rows, [rule("expect_column_values_to_be_null", column="no")], str(path)) == 0
    assert pq.read_table(path).num_rows == 0


def test_text_is_written_as_it_stands_in_the_file(engine: DuckEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,v\n1,1.50\n2,"-2.50"\n3,many\n')
    found = opened(engine, tmp_path / "a.csv", v="number")
    asked = [POSITIVE, rule("expect_column_values_to_be_of_type", column="v", type_="float")]
    assert engine.quarantine(found, asked, str(tmp_path / "bad.parquet")) == 2
    assert pq.read_table(tmp_path / "bad.parquet").to_pylist() == [{"id": "2", "v": "-2.50"}, {"id": "3", "v": "many"}]


def test_what_cannot_be_written_leaves_nothing_half(
    engine: DuckEngine, rows: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(NotWritable):
        engine.quarantine(rows, [POSITIVE], str(tmp_path / "taken" / "bad.parquet"))
    path = tmp_path / "out" / "bad.parquet"
    path.parent.mkdir()
    path.write_text("before")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(duck_rows.shutil, "copyfileobj", full)
    with pytest.raises(NotWritable, match="No space left"):
        engine.quarantine(rows, [POSITIVE], str(path))
    assert path.read_text() == "before"
    assert [one.name for one in path.parent.iterdir()] == ["bad.parquet"]


KILLED = """
import sys, time
from mlci.adapters.datasets import duck_rows
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Rule
from mlci.ports import DataSource
folder = sys.argv[1]
engine = DuckEngine(memory="300MB", folder=folder + "/spill")
opened = engine.open(DataSource(role="train", name="rows", path=folder + "/rows.parquet"), {})
def slow(source, copy, size):
    copy.write(source.read(100)); copy.flush()
    print("half", flush=True)
    time.sleep(60)
duck_rows.shutil.copyfileobj = slow
rule = Rule(id="it", expectation="expect_column_values_to_be_between", kwargs={"column": "v", "min_value": 0})
engine.quarantine(opened, [rule], folder + "/bad.parquet")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_no_half_file_and_the_next_one_cleans_up(
    engine: DuckEngine, rows: Opened, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "bad.parquet").write_text("before")
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        child.send_signal(number)
        child.wait(20)
    assert (tmp_path / "bad.parquet").read_text() == "before"
    left = {one.name for one in (tmp_path / "spill").iterdir()}
    assert len(left) == 2
    DuckEngine(memory="300MB", folder=str(tmp_path / "spill")).close()
    assert len({one.name for one in (tmp_path / "spill").iterdir()} & left) == 1


def test_what_is_kept_is_gone_after(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    engine = DuckEngine(memory="300MB", folder=str(tmp_path / "deep" / "spill"))
    opened(engine, tmp_path / "a.csv")
    assert list((tmp_path / "deep" / "spill").rglob("*.parquet"))
    engine.close()
    assert not (tmp_path / "deep" / "spill").exists()


LARGE = """
import sys
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Rule
from mlci.ports import DataSource
engine = DuckEngine(memory="100MB", folder=sys.argv[1] + "/spill")
opened = engine.open(DataSource(role="train", name="rows", path=sys.argv[1] + "/rows.parquet"), {})
shares = {"quantiles": [0.5, 0.999], "value_ranges": [[None, None]] * 2}
rules = [
    Rule(id="u", expectation="expect_column_values_to_be_unique", kwargs={"column": "id"}),
    Rule(id="d", expectation="expect_column_unique_value_count_to_be_between", kwargs={"column": "id"}),
    Rule(id="q", expectation="expect_column_quantile_values_to_be_between",
         kwargs={"column": "x", "quantile_ranges": shares}),
    Rule(id="c", expectation="expect_compound_columns_to_be_unique", kwargs={"column_list": ["id", "x"]}),
]
found = engine.measure(opened, rules)
engine.close()
print([one.unexpected for one in found], [one.observed for one in found])
# Of this program alone: what getrusage says begins with what the process that started it held.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""


def test_memory_stays_within_its_limit_whatever_is_counted(tmp_path: Path) -> None:
    import duckdb

    rows = 4_000_000
    # Texts that all differ but for two: more than 100 MB of them.
    duckdb.execute(
        f"COPY (SELECT 'customer-' || md5(least(i, {rows - 2})::VARCHAR)[:16] AS id, (i * 7919) % {rows} / 8 AS x "
        f"FROM range({rows}) t(i)) TO '{tmp_path}/rows.parquet'"
    )
    command = [sys.executable, "-c", LARGE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    counts, peak = done.stdout.splitlines()
    ranks = [(rows // 2 - 1) / 8, (rows * 999 // 1000 - 1) / 8]
    assert counts == f"[2, None, None, 0] [None, {rows - 1}, {ranks}, None]"
    assert int(peak) * (1 if sys.platform == "darwin" else 1024) < 350e6
