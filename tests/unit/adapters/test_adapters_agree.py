"""One table in three formats: the same columns, the same ids, the same verdict."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.tables import open_table
from mlci.domain.policy import GatePolicy, MetricRule, ReadingPolicy, SlicePolicy
from mlci.domain.report import Subject, as_json
from mlci.errors import MlciError
from mlci.ports import Table, Texts
from mlci.steps.gate_compare import Given, run

FORMATS = ("csv", "tsv", "jsonl", "parquet")


def write(folder: Path, name: str, columns: dict[str, list[Any]], format: str) -> Path:
    file = folder / f"{name}.{format}"
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if format == "parquet":
        pq.write_table(pa.table(columns), file)
    elif format == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t" if format == "tsv" else ",")
            writer.writerow(columns)
            writer.writerows([["" if cell is None else cell for cell in row.values()] for row in rows])
    return file


def predictions(seed: int, ids: list[Any]) -> dict[str, list[Any]]:
    n = len(ids)
    truth = (np.random.default_rng(n).random(n) < 0.4).astype(int)
    random = np.random.default_rng(seed)
    labels = np.where(random.random(n) < 0.85, truth, 1 - truth)
    return {
        "id": ids,
        "y": truth.tolist(),
        "pred": labels.tolist(),
        "score": np.clip(0.5 + (labels - 0.5) * random.random(n), 0.001, 0.999).tolist(),
        "weight": (1 + np.arange(n) % 5 / 2).tolist(),
        "slice_region": [(None, "north", "süd, west", 'a "quoted" one')[row % 4] for row in range(n)],
        "slice_new": [bool(row % 2) for row in range(n)],
    }


@pytest.fixture(params=FORMATS)
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def words(texts: Texts) -> list[str | None]:
    return [None if code < 0 else texts.values[code] for code in texts.codes]


COLUMNS: dict[str, list[Any]] = {
    "id": ["a", "b,c", "ü", 'q"'],
    "whole": [1, 0, None, 12],
    "real": [0.1, -2.5, None, 1e300],
    "word": ["x", None, "two words", "x"],
    "truth": [True, False, True, None],
}


@pytest.fixture(name="table")
def _table(tmp_path: Path, format: str) -> Table:
    return open_table(str(write(tmp_path, "table", COLUMNS, format)))


def test_columns_rows_and_name_are_those_of_the_file(table: Table, tmp_path: Path, format: str) -> None:
    assert (table.columns, table.rows, table.name) == (tuple(COLUMNS), 4, str(tmp_path / f"table.{format}"))


def test_numbers_are_numbers_and_missing_is_nan(table: Table) -> None:
    for column in ("whole", "real", "truth"):
        expected = [np.nan if value is None else float(value) for value in COLUMNS[column]]
        np.testing.assert_array_equal(table.numbers(column), expected)
        assert table.is_number(column)


def test_words_are_words_and_numbers_are_written_short(table: Table) -> None:
    assert words(table.texts("word")) == ["x", None, "two words", "x"]
    assert words(table.texts("whole")) == ["1", "0", None, "12"]
    assert words(table.texts("real")) == ["0.1", "-2.5", None, "1e+300"]
    assert words(table.texts("truth")) == ["1", "0", "1", None]
    assert not table.is_number("word")


def test_ids_are_utf8_bytes(table: Table) -> None:
    assert table.ids("id").tolist() == [b"a", b"b,c", "ü".encode(), b'q"']


def test_words_have_no_numbers(table: Table) -> None:
    with pytest.raises(MlciError, match="column word"):
        table.numbers("word")


@pytest.mark.parametrize("ids", [[f"e{row:04}" for row in range(400)], list(range(1000, 1400))], ids=["text", "whole"])
def test_the_same_predictions_are_judged_the_same_in_every_format(tmp_path: Path, ids: list[Any], format: str) -> None:
    asked = GatePolicy(
        rules=tuple(MetricRule(metric=name) for name in ("accuracy", "f1", "roc_auc", "pr_auc", "brier", "log_loss")),
        slices=SlicePolicy(columns=("slice_region",)),
        reading=ReadingPolicy(),
    )

    def judged(mine: str, other: str) -> dict[str, Any]:
        sides = []
        for name, seed, ending in (("candidate", 1, mine), ("production", 2, other)):
            file = write(tmp_path, name, predictions(seed, ids), ending)
            sides.append(Given(Subject(name=name, digest="0" * 64), table=open_table(str(file))))
        return as_json(run(*sides, asked).report)

    reference, found = judged("csv", "csv"), judged(format, format)
    assert found["findings"] == reference["findings"]
    assert (found["verdict"], found["assumptions"]) == (reference["verdict"], reference["assumptions"])
    assert judged(format, "csv")["findings"] == reference["findings"]
