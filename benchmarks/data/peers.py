"""The same forty rules by others, each as one whole process: ``peers.py NAME FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def gx_pandas(folder: Path) -> None:
    import great_expectations as gx
    import pandas as pd

    context = _quiet(gx)
    frame = pd.read_parquet(folder / "rows.parquet")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    _report(batch.validate(_suite(gx, folder)))


def gx_spark(folder: Path) -> None:
    import great_expectations as gx
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "6g").config("spark.sql.shuffle.partitions", "8").getOrCreate()
    )  # fmt: skip
    context = _quiet(gx)
    frame = session.read.parquet(str(folder / "rows.parquet"))
    asset = context.data_sources.add_spark("s").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    _report(batch.validate(_suite(gx, folder, {"int64": "LongType", "float64": "DoubleType"})))


def _quiet(gx: Any) -> Any:
    import logging

    logging.disable(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def _suite(gx: Any, folder: Path, types: dict[str, str] | None = None) -> Any:
    suite = gx.ExpectationSuite(name="bench")
    for one in json.loads((folder / "suite.json").read_text())["expectations"]:
        kwargs = dict(one["kwargs"])
        if types and "type_" in kwargs:
            kwargs["type_"] = types[kwargs["type_"]]
        name = "".join(word.capitalize() for word in one["type"].split("_"))
        suite.add_expectation(getattr(gx.expectations, name)(**kwargs))
    return suite


def _report(result: Any) -> None:
    failed = [one.expectation_config.type for one in result.results if not one.success]
    print(len(result.results), "rules,", len(failed), "not met", failed)


def pandera_pandas(folder: Path) -> None:
    import pandas as pd
    import pandera.pandas as pa

    frame = pd.read_parquet(folder / "rows.parquet")
    _schema(pa, frame, json.loads((folder / "suite.json").read_text())["expectations"]).validate(frame, lazy=True)
    print("valid")


def pandera_polars(folder: Path) -> None:
    import pandera.polars as pa
    import polars as pl

    frame = pl.read_parquet(folder / "rows.parquet")
    _schema(pa, frame, json.loads((folder / "suite.json").read_text())["expectations"]).validate(frame, lazy=True)
    print("valid")


def _schema(pa: Any, frame: Any, rules: list[dict[str, Any]]) -> Any:
    """Rules on the values of a column; what pandera has no check for is left out, to its advantage."""
    checks: dict[str, list[Any]] = {name: [] for name in frame.columns}
    not_null, unique = set(), set()
    for rule in rules:
        kwargs, kind = rule["kwargs"], rule["type"]
        column = kwargs.get("column")
        if kind == "expect_column_values_to_not_be_null":
            not_null.add(column)
        elif kind == "expect_column_values_to_be_unique":
            unique.add(column)
        elif kind == "expect_column_values_to_be_between" and "mostly" not in kwargs:
            checks[column].append(pa.Check.in_range(kwargs["min_value"], kwargs["max_value"]))
        elif kind == "expect_column_values_to_be_in_set":
            checks[column].append(pa.Check.isin(kwargs["value_set"]))
        elif kind == "expect_column_values_to_match_regex":
            checks[column].append(pa.Check.str_matches(kwargs["regex"]))
        elif kind == "expect_column_value_lengths_to_be_between":
            checks[column].append(pa.Check.str_length(kwargs["min_value"], kwargs["max_value"]))
        elif kind == "expect_column_value_lengths_to_equal":
            checks[column].append(pa.Check.str_length(kwargs["value"], kwargs["value"]))
    return pa.DataFrameSchema(
        {name: pa.Column(checks=checks[name], nullable=name not in not_null, unique=name in unique) for name in checks}
    )


def decode(folder: Path) -> None:
    """DuckDB reads every value of every column and does nothing with it."""
    import duckdb

    # Without this a file's own statistics answer, and nothing is read.
    duckdb.execute("SET disabled_optimizers = 'statistics_propagation'")
    names = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{folder}/rows.parquet'").fetchall()]
    duckdb.execute(f"SELECT {', '.join(f'last({name})' for name in names)} FROM '{folder}/rows.parquet'").fetchall()


def engine(folder: Path) -> None:
    """mlci's engine alone: the rules counted and judged."""
    from mlci.adapters.datasets.duck import DuckEngine
    from mlci.config.contract import load
    from mlci.domain.dataset.judging import judge
    from mlci.ports import DataSource

    contract = load(str(folder / "suite.json"))
    one = DuckEngine(memory="500MB", folder=str(folder / "spill"))
    opened = one.open(DataSource(role="train", name="rows", path=str(folder / "rows.parquet")), contract.types)
    measured = one.measure(opened, contract.rules)
    one.close()
    outcomes = [judge(rule, found).outcome for rule, found in zip(contract.rules, measured, strict=True)]
    print(len(outcomes), "rules,", len(outcomes) - outcomes.count("pass"), "not met")


if __name__ == "__main__":
    {one.__name__: one for one in (gx_pandas, gx_spark, pandera_pandas, pandera_polars, decode, engine)}[sys.argv[1]](
        Path(sys.argv[2])
    )
