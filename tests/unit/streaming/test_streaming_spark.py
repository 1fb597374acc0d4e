"""Spark runs the same queries as DuckDB; few tests, because each query is a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged_twice import agree, asked, classified, valued

from mlci.domain.policy import MetricRule
from mlci.errors import IdsDiffer
from mlci.ports import Engine

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_two_classes_with_slices_ties_and_missing_scores(tmp_path: Path, spark: Engine, ending: str) -> None:
    files = [classified(200, seed, decimals=1, missing=seed - 1) for seed in (1, 2)]
    metrics = ("accuracy", "f1", "roc_auc", "log_loss", MetricRule(metric="cost", better="lower"))
    agree(tmp_path, spark, files[0], files[0], asked(*metrics), ending)
    agree(tmp_path, spark, files[0], files[1], asked(*metrics), ending)


def test_regression(tmp_path: Path, spark: Engine) -> None:
    metrics = ("rmse", "mae", "r2", "wape")
    agree(tmp_path, spark, valued(200, 1, level=100.0), valued(200, 2, level=100.0), asked(*metrics), "parquet")


def test_missing_examples_are_named(tmp_path: Path, spark: Engine) -> None:
    part = {name: column[:-3] for name, column in classified(120, 1).items()}
    error = agree(tmp_path, spark, part, classified(120, 2), asked("accuracy"), "csv")
    assert isinstance(error, IdsDiffer)
