"""Parquet in every physical form that the same column can take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.tables import open_table
from mlci.errors import BadValue, ExtraMissing, NoExamples, Unreadable
from mlci.ports import Table, Texts


def stored(folder: Path, columns: dict[str, Any], **how: Any) -> Table:
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, **how)
    return open_table(str(file))


def words(texts: Texts) -> list[str | None]:
    return [None if code < 0 else texts.values[code] for code in texts.codes]


@pytest.mark.parametrize("kind", [
    pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string()),
    pa.string_view(),
])  # fmt: skip
def test_text_reads_the_same_in_every_encoding(tmp_path: Path, kind: Any) -> None:
    values = pa.array(["a", None, "bü", "a"])
    if pa.types.is_dictionary(kind):
        values = values.dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string())).cast(kind)
    else:
        values = values.cast(kind)
    found = stored(tmp_path, {"id": ["1", "22", "333", "4"], "w": values})
    assert words(found.texts("w")) == ["a", None, "bü", "a"]
    assert not found.is_number("w")


@pytest.mark.parametrize("kind", [
    pa.int8(), pa.uint16(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(8, 2),
])  # fmt: skip
def test_numbers_read_the_same_in_every_width(tmp_path: Path, kind: Any) -> None:
    values = pa.array([1, 0, 7, None], pa.int16()).cast(kind)
    found = stored(tmp_path, {"id": [1, 2, 3, 4], "x": values})
    assert found.is_number("x")
    assert found.numbers("x")[:3].tolist() == [1.0, 0.0, 7.0]
    assert np.isnan(found.numbers("x")[3])
    assert words(found.texts("x")) == ["1", "0", "7", None]


def test_single_precision_stays_single_and_all_else_becomes_double(tmp_path: Path) -> None:
    found = stored(
        tmp_path, {"single": pa.array([0.1], pa.float32()), "half": pa.array([np.float16(0.5)]), "whole": [1]}
    )
    assert found.numbers("single").dtype == np.float32
    assert found.numbers("half").dtype == found.numbers("whole").dtype == np.float64


def test_truth_values_are_one_and_zero(tmp_path: Path) -> None:
    found = stored(tmp_path, {"id": [1, 2, 3], "y": [True, False, None]})
    assert words(found.texts("y")) == ["1", "0", None]


@pytest.mark.parametrize(("values", "expected"), [
    (pa.array([3, 1, 2], pa.int32()), [3, 1, 2]),
    (pa.array([3, 1, 2], pa.uint64()), [3, 1, 2]),
    (pa.array([3.0, 1.0, 2.0]), [3, 1, 2]),
    (pa.array(["a", "bb", "ccc"]), [b"a", b"bb", b"ccc"]),
    (pa.array(["aa", "bb", "cc"]).dictionary_encode(), [b"aa", b"bb", b"cc"]),
    (pa.array(["ü", "b", "cc"], pa.large_string()), ["ü".encode(), b"b", b"cc"]),
])  # fmt: skip
def test_ids_are_whole_numbers_or_text(tmp_path: Path, values: Any, expected: list[Any]) -> None:
    assert stored(tmp_path, {"id": values}).ids("id").tolist() == expected


@pytest.mark.parametrize(("values", "cause"), [
    (pa.array([1, None]), "1 ids are missing"),
    (pa.array(["a", None]), "1 ids are missing"),
    (pa.array(["a", ""]), "is missing, holds a NUL byte, or is too long"),
    (pa.array(["a", "b\0"]), "is missing, holds a NUL byte, or is too long"),
    (pa.array(["a", "x" * 1025]), "is missing, holds a NUL byte, or is too long"),
    (pa.array([1.0, 1.5]), "not whole numbers"),
    (pa.array([1.0, float("nan")]), "not whole numbers"),
    (pa.array([1.0, 2.0**60]), "not whole numbers"),
    (pa.array([1, 2**63], pa.uint64()), "too large"),
    (pa.array([[1], [2]]), "neither text nor numbers"),
])  # fmt: skip
def test_a_bad_id_is_an_error_with_its_cause(tmp_path: Path, values: Any, cause: str) -> None:
    with pytest.raises(BadValue, match=cause):
        stored(tmp_path, {"id": values}).ids("id")


def test_row_groups_and_slices_join_without_a_seam(tmp_path: Path) -> None:
    n = 1000
    whole = pa.table({
        "id": [f"{'long-' * (row % 5)}{row}" for row in range(n)],
        "y": [row % 3 if row % 7 else None for row in range(n)],
        "w": pa.array(["red", "green", None, "blue"] * (n // 4)).dictionary_encode(),
    })  # fmt: skip
    file = tmp_path / "grouped.parquet"
    pq.write_table(whole.slice(13, 800), file, row_group_size=37, data_page_size=64)
    found = open_table(str(file))
    assert found.rows == 800
    assert found.ids("id").tolist() == [text.encode() for text in whole["id"].to_pylist()[13:813]]
    assert words(found.texts("w")) == whole["w"].to_pylist()[13:813]
    expected = [np.nan if value is None else value for value in whole["y"].to_pylist()[13:813]]
    np.testing.assert_array_equal(found.numbers("y"), expected)


def test_a_column_with_a_dot_in_its_name_is_that_column(tmp_path: Path) -> None:
    assert words(stored(tmp_path, {"a": ["no"], "a.b": ["yes"]}).texts("a.b")) == ["yes"]


def test_a_nested_column_is_an_error_only_when_it_is_used(tmp_path: Path) -> None:
    found = stored(tmp_path, {"id": [1], "nested": [{"deep": 1}], "list": [[1, 2]]})
    assert found.ids("id").tolist() == [1]
    for column in ("nested", "list"):
        with pytest.raises(BadValue, match="neither text nor numbers"):
            found.texts(column)


def test_a_column_of_text_has_no_numbers(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="column w is not stored as numbers"):
        stored(tmp_path, {"w": ["1", "2"]}).numbers("w")


def test_a_column_of_nothing_is_missing_everywhere(tmp_path: Path) -> None:
    assert words(stored(tmp_path, {"id": [1, 2], "w": pa.nulls(2)}).texts("w")) == [None, None]


def test_text_that_is_not_utf8_is_unreadable(tmp_path: Path) -> None:
    offsets = pa.py_buffer(np.array([0, 1, 2], dtype=np.int32).tobytes())
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(Unreadable, match="column w is not UTF-8 text"):
        stored(tmp_path, {"id": [1, 2], "w": invalid}).texts("w")


def test_two_columns_of_one_name_are_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["y", "y"]), file)
    with pytest.raises(Unreadable, match="'y' stands more than once"):
        open_table(str(file))


def test_no_rows_are_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(NoExamples):
        stored(tmp_path, {"id": pa.array([], pa.int64())})


@pytest.mark.parametrize("keep", [0, 3, 4, 60, -1, -9])
def test_a_file_cut_short_is_unreadable(tmp_path: Path, keep: int) -> None:
    stored(tmp_path, {"id": list(range(500)), "w": [f"text {row}" for row in range(500)]})
    file = tmp_path / "predictions.parquet"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Unreadable, match="not a Parquet file"):
        open_table(str(file))


def test_a_page_of_noise_is_unreadable(tmp_path: Path) -> None:
    stored(tmp_path, {"id": list(range(5000))}, compression="zstd", use_dictionary=False)
    file = tmp_path / "predictions.parquet"
    content = bytearray(file.read_bytes())
    content[40:400] = bytes(255 for _ in range(360))
    file.write_bytes(content)
    with pytest.raises(Unreadable, match="column id cannot be read"):
        open_table(str(file)).ids("id")


def test_without_pyarrow_the_error_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "predictions.parquet"
    pq.write_table(pa.table({"id": [1]}), file)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing) as raised:
        open_table(str(file))
    assert raised.value.help == 'pip install "mlci[parquet]"'


def test_reading_imports_neither_pandas_nor_anything_heavier(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "y": [0, 1], "w": ["x", None]}), tmp_path / "p.parquet")
    script = (
        "import sys\nfrom mlci.adapters.tables import open_table\n"
        f"t = open_table({str(tmp_path / 'p.parquet')!r})\nt.ids('id'), t.texts('w'), t.numbers('y'), t.texts('y')\n"
        "print([name for name in ('pandas', 'scipy', 'sklearn', 'polars', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
