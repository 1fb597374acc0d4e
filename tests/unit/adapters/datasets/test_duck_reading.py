"""What DuckDB is given to read: every format alike, and hostile or broken files with one clear sentence."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from mlci.adapters.datasets import duck_packed, duck_parquet
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Rule, Type
from mlci.errors import DataUnreadable, FileMissing, UsageError
from mlci.ports import DataSource, Opened

CSV = """\
id,size,code,ok,day,at,word
1,1.5,007,true,2026-01-01,2026-01-01T10:00:00Z,a
2,,010,FALSE,2026-01-02,2026-01-02 11:30,b
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    one = DuckEngine(memory="300MB", folder=str(tmp_path / "spill"))
    yield one
    one.close()


def opened(engine: DuckEngine, path: Path, content: bytes | str | None = None, **types: Type) -> Opened:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return engine.open(DataSource(role="train", name=path.name, path=str(path)), types)


def refused(engine: DuckEngine, path: Path, content: bytes | str | None = None) -> str:
    with pytest.raises(DataUnreadable) as error:
        opened(engine, path, content)
    assert "\n" not in error.value.cause
    assert str(path.parent) not in str(error.value)
    assert path.name in error.value.cause
    assert error.value.place is not None
    return f"{error.value.cause} @{error.value.place.line}"


def test_text_becomes_what_all_values_are(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.csv", CSV)
    assert found.columns == {
        "id": "integer", "size": "number", "code": "string", "ok": "boolean", "day": "date", "at": "timestamp",
        "word": "string",
    }  # fmt: skip
    assert found.rows == 2
    assert engine.rows("SELECT * FROM train")[0] == (
        1, 1.5, "007", True, dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, 10), "a",
    )  # fmt: skip


@pytest.mark.parametrize("last", ["x", "1.5", "007", "99999999999999999999"])
def test_one_late_value_decides(engine: DuckEngine, tmp_path: Path, last: str) -> None:
    found = opened(engine, tmp_path / "a.csv", "id,v\n" + "1,5\n" * 12_000 + f"2,{last}\n")
    assert found.columns["v"] == ("number" if last == "1.5" else "string")
    assert engine.rows("SELECT v FROM train WHERE id = 2") == [(float(last) if last == "1.5" else last,)]
    assert found.rows == 12_001


def test_a_column_that_is_empty_at_first_is_typed_by_what_comes(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.csv", "id,v\n" + "1,\n" * 12_000 + "2,7\n")
    assert found.columns["v"] == "integer"
    assert engine.rows("SELECT sum(v), count(v) FROM train") == [(7, 1)]


def test_what_is_not_of_its_type_breaks_the_type_and_is_missing_elsewhere(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.csv", "id,v\n1,5\n2,seven\n3,\n4,1.5\n", v="integer")
    assert found.columns["v"] == "integer"
    rules = [
        Rule(id="type", expectation="expect_column_values_to_be_of_type", kwargs={"column": "v", "type_": "int"}),
        Rule(id="null", expectation="expect_column_values_to_not_be_null", kwargs={"column": "v"}),
        Rule(id="between", expectation="expect_column_values_to_be_between", kwargs={"column": "v", "min_value": 0}),
    ]
    counts = [(one.rows, one.missing, one.unexpected) for one in engine.measure(found, rules)]
    assert counts == [(4, 1, 2), (4, 0, 3), (4, 3, 0)]
    named = engine.offenders(found, rules[0], ["id"], 10, values=True)
    assert (named.rows, named.values) == ((("2",), ("4",)), (("seven",), ("1.5",)))


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst", ".tsv", ".csv"])
def test_text_packed_or_with_other_signs(engine: DuckEngine, tmp_path: Path, ending: str) -> None:
    text = CSV.encode()
    if ending == ".csv.gz":
        text = gzip.compress(text)
    elif ending == ".csv.zst":
        text = pa.compress(text, "zstd", asbytes=True)
    else:
        text = text.replace(b",", b"\t" if ending == ".tsv" else b";")
    assert opened(engine, tmp_path / f"a{ending}", text).columns["day"] == "date"
    assert engine.rows("SELECT sum(id), max(word) FROM train") == [(3, "b")]


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_the_data(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    assert next(iter(found.columns)) == "id"
    assert engine.rows("SELECT word FROM train") == [("a",), ("b",)]


LINES = '{"a": 1, "t": "2026-01-01"}\n{"a": 2.5, "t": null, "l": [1, 2]}\n{"a": null, "z": "007", "m": 1}\n{"m": "x"}\n'


def test_json_lines(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.jsonl", LINES)
    assert found.columns == {"a": "number", "t": "date", "l": "other", "m": "string", "z": "string"}
    assert engine.rows("SELECT a, t, l, m, z FROM train") == [
        (1.0, dt.date(2026, 1, 1), None, None, None), (2.5, None, "[1,2]", None, None), (None, None, None, "1", "007"),
        (None, None, None, "x", None),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ['[{"a": 1},\n {"a": 2}]', '{"a": 1}{"a": 2}', '{"a": 1}\n{"a": 2}\n'])
def test_json(engine: DuckEngine, tmp_path: Path, text: str) -> None:
    assert opened(engine, tmp_path / "a.json", text).rows == 2
    assert engine.rows("SELECT sum(a) FROM train") == [(3,)]


def test_arrow_and_feather(engine: DuckEngine, tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", "y", "z"]})
    pyarrow.feather.write_feather(table, tmp_path / "a.feather")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    for name in ("a.feather", "a.arrow"):
        assert opened(engine, tmp_path / name).columns == {"a": "integer", "b": "string"}
        assert engine.rows("SELECT sum(a), count(*) FROM train") == [(3, 3)]
    (tmp_path / "b.arrow").write_bytes((tmp_path / "a.feather").read_bytes()[:150])
    assert "cannot be read" in refused(engine, tmp_path / "b.arrow")


def test_values_of_all_kinds_are_read_as_one_type_of_each(engine: DuckEngine, tmp_path: Path) -> None:
    import decimal

    table = pa.table(
        {
            "dec": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)),
            "nan": pa.array([float("nan"), 2.0]),
            "ns": pa.array([1_500_000_000_000_000_000, None], pa.timestamp("ns", tz="Europe/Berlin")),
            "cat": pa.array(["x", "y"]).dictionary_encode(),
            "list": pa.array([[1], [2]]),
            "struct": pa.array([{"a": 1, "b": [1]}, None]),
            "blob": pa.array([b"x", b"y"]),
            "u64": pa.array([2**64 - 1, 0], pa.uint64()),
            "none": pa.nulls(2),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = opened(engine, tmp_path / "a.parquet")
    assert found.columns == {
        "dec": "number", "nan": "number", "ns": "timestamp", "cat": "string", "list": "other", "struct": "other",
        "blob": "other", "u64": "integer", "none": "other",
    }  # fmt: skip
    assert engine.rows('SELECT "dec", nan, ns, cat, u64 FROM train')[0] == (
        1.5, None, dt.datetime(2017, 7, 14, 2, 40), "x", 2**64 - 1,
    )  # fmt: skip


def parquet(path: Path, **columns: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def test_a_folder_is_one_table_in_the_order_of_its_files(engine: DuckEngine, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    parquet(folder / "part-2.parquet", a=[3], b=["z"])
    parquet(folder / "part-1.parquet", b=["x", "y"], a=[1, 2])
    (folder / "_SUCCESS").write_text("")
    (folder / ".part-1.parquet.crc").write_text("x")
    found = opened(engine, folder)
    assert found.rows == 3
    rule = Rule(id="x", expectation="expect_column_values_to_be_in_set", kwargs={"column": "b", "value_set": ["x"]})
    assert engine.offenders(found, rule, [], 5, values=False).rows == (("2",), ("3",))


def test_partitions_are_columns(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "rows" / "day=2026-01-01" / "shop=1" / "a.parquet", a=[1, 2])
    parquet(tmp_path / "rows" / "day=2026-01-02" / "shop=__HIVE_DEFAULT_PARTITION__" / "a.parquet", a=[3])
    found = opened(engine, tmp_path / "rows")
    assert found.columns == {"a": "integer", "day": "date", "shop": "integer"}
    assert engine.rows("SELECT day, shop, sum(a) FROM train GROUP BY ALL ORDER BY 1") == [
        (dt.date(2026, 1, 1), 1, 3), (dt.date(2026, 1, 2), None, 3),
    ]  # fmt: skip


def test_partitions_of_text_are_columns(engine: DuckEngine, tmp_path: Path) -> None:
    for day in ("1", "2"):
        (tmp_path / "rows" / f"day={day}").mkdir(parents=True)
        (tmp_path / "rows" / f"day={day}" / "a.csv").write_text(f"a\n{day}0\n")
    assert opened(engine, tmp_path / "rows").columns == {"a": "integer", "day": "integer"}
    assert engine.rows("SELECT a, day FROM train") == [(10, 1), (20, 2)]


def test_a_partition_on_the_way_to_a_file_is_no_column(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "year=2026" / "a.parquet", a=[1])
    assert list(opened(engine, tmp_path / "year=2026" / "a.parquet").columns) == ["a"]


def test_files_of_a_folder_must_agree(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "wide" / "1.parquet", a=[1], b=["x"])
    parquet(tmp_path / "wide" / "2.parquet", a=[1])
    assert "column b is in wide/1.parquet and not in wide/2.parquet" in str_of(engine, tmp_path / "wide")
    parquet(tmp_path / "kinds" / "1.parquet", a=[1])
    parquet(tmp_path / "kinds" / "2.parquet", a=["1"])
    assert "column a holds strings and in kinds/1.parquet integers" in str_of(engine, tmp_path / "kinds")
    parquet(tmp_path / "mixed" / "1.parquet", a=[1])
    (tmp_path / "mixed" / "2.csv").write_text("a\n1\n")
    assert "several kinds" in str_of(engine, tmp_path / "mixed")
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "heads" / "2.csv").write_text("b,a\n1,2\n")
    assert "its columns stand in another order" in str_of(engine, tmp_path / "heads")
    (tmp_path / "none").mkdir()
    assert "without a single file" in str_of(engine, tmp_path / "none")


def str_of(engine: DuckEngine, folder: Path) -> str:
    with pytest.raises(DataUnreadable) as error:
        opened(engine, folder)
    return error.value.cause


def test_numbers_of_a_folder_may_be_of_different_width(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "rows" / "1.parquet", a=pa.array([1], pa.int32()), b=pa.nulls(1))
    parquet(tmp_path / "rows" / "2.parquet", a=pa.array([2.5]), b=["x"])
    assert opened(engine, tmp_path / "rows").columns == {"a": "number", "b": "string"}
    assert engine.rows("SELECT sum(a), max(b) FROM train") == [(3.5, "x")]


def test_a_link_that_leaves_the_folder_is_not_followed(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "elsewhere.parquet", a=[1])
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "a.parquet").symlink_to("../elsewhere.parquet")
    assert "leads out of the folder" in str_of(engine, tmp_path / "rows")


@pytest.mark.parametrize("name", ["a*.csv", "a[1].csv", "a?.csv", 'it\'s "a".csv', "a;b\n.csv", "a{1,2}.csv", "é.csv"])
def test_a_path_is_never_a_pattern(engine: DuckEngine, tmp_path: Path, name: str) -> None:
    for other in ("ab.csv", "a1.csv", "a2.csv"):
        (tmp_path / other).write_text("x\n1\n2\n3\n")
    assert opened(engine, tmp_path / name, "x\n9\n").rows == 1
    parquet(tmp_path / name.replace(".csv", ".parquet"), x=[7])
    assert opened(engine, tmp_path / name.replace(".csv", ".parquet")).rows == 1
    assert engine.rows("SELECT x FROM train") == [(7,)]


def test_what_is_not_there_or_has_no_known_ending(engine: DuckEngine, tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        opened(engine, tmp_path / "none.csv")
    with pytest.raises(UsageError):
        opened(engine, tmp_path / "a.xlsx", b"PK")


def test_a_header_without_rows_is_an_empty_table(engine: DuckEngine, tmp_path: Path) -> None:
    found = opened(engine, tmp_path / "a.csv", "a,b\n")
    assert (found.rows, list(found.columns)) == (0, ["a", "b"])
    not_null = Rule(id="x", expectation="expect_column_values_to_not_be_null", kwargs={"column": "a"})
    assert engine.measure(found, [not_null])[0].rows == 0
    parquet(tmp_path / "a.parquet", a=pa.array([], pa.int64()))
    assert opened(engine, tmp_path / "a.parquet").rows == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "it is empty"),
        ("a.csv", b"a,b\n1,x\n2,caf\xe9\n", "line 3 of it is not UTF-8 @3"),
        ("a.csv", b"a,caf\xe9\n1,x\n", "line 1 of it is not UTF-8 @1"),
        ("a.csv", "a,b\n1,é\n".encode("utf-16"), "it is UTF-16 text"),
        ("a.csv", "a,b\n1,é\n".encode("utf-16-le"), "byte 2 of it is NUL"),
        ("a.csv", b"a,b\n1,x\0y\n", "byte 8 of it is NUL"),
        ("a.csv", b"a,b\n1,x\n2\n3,y\n", "line 3 has 1 values where the header names 2 @3"),
        ("a.csv", b"a,b\n1,x\n2,y,z\n", "line 3 has 3 values where the header names 2 @3"),
        ("a.csv", b'a,b\n1,"x\n2,y\n', "line 2 has a quoted value that is not closed"),
        ("a.csv", b"a,b\n" + b"1,x\n" * 6 + b'1,"' + b"\n2,y" * 500_000, "line 8 has a quoted value"),
        ("a.csv", b"a,b\n1,x\n2," + b"z" * 20_000_000 + b"\n", "the line that begins at byte 9 has more than"),
        ("a.csv", b"a,b,a\n1,2,3\n", "a stands twice in its header @1"),
        ("a.csv", b"a,b,A\n1,2,3\n", "a and A differ in capitals alone"),
        ("a.csv", b"a,,b\n1,2,3\n", "column 2 of its header has no name @1"),
        ("a.csv", b"\n\n", "it does not begin with a header"),
        ("a.csv.gz", gzip.compress(os.urandom(5000))[:-3000], "Truncated"),
        ("a.csv.gz", b"a,b\n1,2\n", "cannot be unpacked"),
        ("a.csv.zst", b"a,b\n1,2\n", "cannot be unpacked"),
        ("a.jsonl", b'{"a":1}\n{"a":2', "line 3 is malformed at its byte 7"),
        ("a.jsonl", b'{"a":"caf\xe9"}\n', "invalid UTF-8"),
        ("a.json", b'[{"a":1},\n{"a":2}', "malformed"),
        ("a.json", b"[]", "it holds no object"),
        ("a.jsonl", b"5\n6\n", "it must hold objects"),
        ("a.jsonl", b'{"secret":1,"secret":2}\n', "has one key twice"),
        ("a.jsonl", b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n", "nested too deep"),
        ("a.jsonl", b'{"a":"' + b"z" * 60_000_000 + b'"}\n', "an object of it is larger"),
        ("a.parquet", b"", "it is empty"),
        ("a.parquet", b"a,b\n1,2\n" * 10, "it does not begin as a Parquet file does"),
        ("a.parquet", b"PAR1PAR1", "cut off"),
        ("a.parquet", b"PAR1" + b"x" * 20 + (10**9).to_bytes(4, "little") + b"PAR1", "more than the whole file"),
        ("a.parquet", b"PAR1" + b"\xff" * 20 + (20).to_bytes(4, "little") + b"PAR1", "cannot be read"),
    ],
)  # fmt: skip
def test_broken_files(engine: DuckEngine, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    cause = refused(engine, tmp_path / name, content)
    assert said in cause
    assert "secret" not in cause
    assert "zzz" not in cause


def test_a_bomb_is_not_unpacked(engine: DuckEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck_packed, "_SURELY_FINE", 1 << 20)
    assert "grow more than 200-fold" in refused(
        engine, tmp_path / "a.csv.gz", gzip.compress(b"a\n" + b"1\n" * 3_000_000)
    )
    assert sum(file.stat().st_size for file in (tmp_path / "spill").rglob("*.csv")) < 3 << 20


def test_parquet_cut_off_or_with_damaged_pages(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "whole.parquet", a=list(range(100_000)), b=[str(number) for number in range(100_000)])
    whole = (tmp_path / "whole.parquet").read_bytes()
    assert "the footer that a Parquet file ends with is missing" in refused(
        engine, tmp_path / "cut.parquet", whole[:-9]
    )
    damaged = whole[:1000] + b"\x55" * (len(whole) - 6000) + whole[-5000:]
    found = opened(engine, tmp_path / "damaged.parquet", damaged)
    rule = Rule(id="x", expectation="expect_column_values_to_match_regex", kwargs={"column": "b", "regex": "9"})
    with pytest.raises(DataUnreadable, match=r"damaged\.parquet cannot be read"):
        engine.measure(found, [rule])


def test_parquet_that_promises_more_than_it_could_hold(
    engine: DuckEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duck_parquet, "_SURELY_FINE", 1_000)
    monkeypatch.setattr(duck_parquet, "_ROWS_PER_BYTE", 100)
    pq.write_table(pa.table({"a": [0] * 3_000_000}), tmp_path / "same.parquet")
    assert "says to hold 3,000,000 rows" in refused(engine, tmp_path / "same.parquet")
    monkeypatch.setattr(duck_parquet, "_LARGE", 1 << 20)
    text = pa.array(["x" * 30_000_000])
    pq.write_table(pa.table({"a": text}), tmp_path / "text.parquet", compression="zstd")
    assert "would become" in refused(engine, tmp_path / "text.parquet")


def test_columns_that_differ_in_capitals_alone(engine: DuckEngine, tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", a=[1], A=[2])
    assert "a and A differ in capitals alone" in refused(engine, tmp_path / "a.parquet")


def test_counts_are_the_same_each_time(engine: DuckEngine, tmp_path: Path) -> None:
    lines = "".join(json.dumps({"a": number, "b": f"é{number}"}) + "\n" for number in range(30_000))
    (tmp_path / "a.jsonl").write_text(lines)
    for _ in range(3):
        assert opened(engine, tmp_path / "a.jsonl").rows == 30_000
        assert engine.rows("SELECT a FROM train LIMIT 1 OFFSET 20000") == [(20_000,)]
