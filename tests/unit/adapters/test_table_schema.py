"""The columns of the training data, which the evidence of a model names."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci.adapters.models.inputs import read_inputs
from mlci.adapters.tables.schema import columns_of
from mlci.domain.inputs import reading_of


def test_a_csv_has_names_and_no_types(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id;a b;c\n1;2;3\n")
    assert columns_of(str(file)) == {"id": "", "a b": "", "c": ""}


def test_parquet_has_types(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": [1], "name": ["x"]}), tmp_path / "t.parquet")
    assert columns_of(str(tmp_path / "t.parquet")) == {"id": "int64", "name": "string"}


def test_what_is_no_table_has_no_columns_and_what_cannot_be_read_is_not_known(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "t.json").write_text("{}")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\n")
    (tmp_path / "wide.csv").write_text(",".join(f"c{n}" for n in range(2_001)) + "\n")
    assert columns_of(str(tmp_path / "images")) == columns_of(str(tmp_path / "t.json")) == {}
    for name in ("bad.parquet", "twice.csv", "bytes.csv", "wide.csv", "missing.csv"):
        assert columns_of(str(tmp_path / name)) in (None, {}), name
    assert columns_of(str(tmp_path / "twice.csv")) is None


def test_the_inputs_of_training_name_them(tmp_path):
    Path(tmp_path, "t.csv").write_text("id,a\n1,2\n")
    _, facts = read_inputs(
        None, folder=str(tmp_path), reading=reading_of("mlci.yml", data="t.csv"), recipe={}, when=("data",),
        params=None, data="t.csv", lock=None,
    )  # fmt: skip
    assert facts.data.columns == {"id": "", "a": ""}
