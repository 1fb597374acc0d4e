from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlci.adapters.datasets import open_engine
from mlci.domain.dataset.contract import Rule
from mlci.ports import DataSource


def test_nan_is_missing_where_the_statistics_of_a_parquet_file_leave_it_out(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {"x": [0.25, math.nan, 0.75, math.nan, 0.5, None], "y": [math.inf, math.nan, 0.1, -math.inf, 0.2, 0.3]}
    pq.write_table(pa.table(columns), path)
    engine = open_engine("duckdb", memory="500MB", folder=str(tmp_path / "spill"))
    opened = engine.open(DataSource(role="train", name="t", path=str(path)), {})
    rules = [
        Rule(id="null", expectation="expect_column_values_to_not_be_null", kwargs={"column": "x"}),
        Rule(id="most", expectation="expect_column_values_to_be_between", kwargs={"column": "x", "max_value": 0.5}),
    ]
    null, most = engine.measure(opened, rules)
    assert (null.unexpected, most.missing, most.unexpected) == (3, 3, 1)
    assert engine.rows("SELECT count(x), max(x), count(y), max(y), min(y) FROM train") == [
        (3, 0.75, 5, math.inf, -math.inf)
    ]
    engine.close()
