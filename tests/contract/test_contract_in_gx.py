"""A contract written out as a suite is loaded by Great Expectations itself, which comes to the same counts."""

from __future__ import annotations

import datetime
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mlci.adapters.datasets import open_engine
from mlci.config.contract import read_contract
from mlci.config.data import Data
from mlci.domain.dataset.measured import Judged
from mlci.domain.dataset.parameters import at
from mlci.domain.dataset.suite import suite_of
from mlci.ports import DataSource
from mlci.steps.checking import ruling

pd = pytest.importorskip("pandas")
gx = pytest.importorskip("great_expectations")

CONTRACT = """
rows: {min: 50, below: 61}
extra_columns: refuse
columns:
  id:
    type: integer
    nullable: false
    unique: true
    distinct: {min: 58, max: 60}
    sum: {min: 0}
  age:
    type: number
    min: 1
    below: 55
    max_missing: 0.1
    mean: {min: 20, max: 40}
    median: {min: 20, max: 40}
    stdev: {min: 1, max: 30}
  plan:
    values: [free, pro]
    mostly: 0.5
    not_values: [x]
    length: {min: 1, max: 3}
    contains: [free]
    most_common: [free, pro, team]
  code: {pattern: '^[A-Z]{2}[0-9]{3}$', not_pattern: x, length: 5}
  start: {type: timestamp, min: 2026-01-10, max_age: 7d}
  end: {type: timestamp, largest: {max: 2026-04-01}}
  a:
  b:
  ok: boolean
rules:
  ends: {greater: [end, start]}
  same: {equal: [a, b]}
  differ: {different: [a, b]}
  add: {sum: {columns: [a, b], is: 3}}
  key: {unique: [a, b]}
  pros: {when: {plan: pro, a: {min: 1}}, columns: {age: {min: 20, nullable: false}}}
  some: {when: {plan: {values: [free, team]}, age: {missing: false}}, columns: {age: {max: 30}}, severity: warn}
"""
NOW = datetime.datetime(2026, 3, 5, tzinfo=datetime.timezone.utc)


def table() -> Any:
    n = 60
    frame = pd.DataFrame(
        {
            "id": [*range(n - 2), 3, 4],
            "age": [float(row) if row % 7 else float("nan") for row in range(n)],
            "plan": ["free", "pro", "team", None] * (n // 4),
            "code": [f"AB{row:03d}" if row % 5 else f"x{row}" for row in range(n)],
            "start": pd.date_range("2026-01-01", periods=n, freq="D"),
            "end": pd.date_range("2026-01-02", periods=n, freq="D"),
            "a": [row % 4 for row in range(n)],
            "b": [3 - row % 4 if row % 6 else 9 for row in range(n)],
            "ok": [row % 2 == 0 for row in range(n)],
        }
    )
    frame.loc[5, "end"] = pd.Timestamp("2020-01-01")
    return frame


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    folder = tmp_path_factory.mktemp("gx")
    path = str(folder / "table.parquet")
    table().to_parquet(path)
    contract = at(read_contract(CONTRACT.encode(), "table.yml"), NOW)
    with closing(open_engine("duckdb", memory="500MB", folder=str(folder))) as engine:
        opened = engine.open(DataSource(role="train", name="table", path=path), contract.types)
        return {one.rule: one for one in ruling.run(engine, opened, contract, Data()).judged}


@pytest.fixture(scope="module")
def theirs() -> Iterator[dict[str, Any]]:
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        # As a file on disk would hold it.
        written = json.loads(json.dumps(suite_of(read_contract(CONTRACT.encode(), "table.yml"))))
        suite = gx.ExpectationSuite(**{name: written[name] for name in ("name", "expectations", "meta")})
        source = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        batch = source.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": table()})
        given = {"now_minus_604800_seconds": NOW.replace(tzinfo=None) - datetime.timedelta(days=7)}
        result = batch.validate(suite, expectation_parameters=given)
        yield {one.expectation_config.meta["mlci"]["id"]: one for one in result.results}
    logger.setLevel(before)


def test_great_expectations_loads_every_rule(ours: dict[str, Judged], theirs: dict[str, Any]) -> None:
    assert set(ours) == set(theirs)
    raised = [name for name, one in theirs.items() if (one.exception_info or {}).get("raised_exception")]
    assert raised == []
    assert all(one.outcome != "error" for one in ours.values())


def test_both_come_to_the_same_verdict_and_the_same_counts(ours: dict[str, Judged], theirs: dict[str, Any]) -> None:
    outcomes = {one.outcome for one in ours.values()}
    assert outcomes == {"pass", "fail"}
    for name, one in ours.items():
        result = theirs[name].result
        assert bool(theirs[name].success) == (one.outcome == "pass"), name
        if "unexpected_count" in result and one.unexpected is not None:
            assert result["unexpected_count"] == one.unexpected, name
            assert result["element_count"] - result.get("missing_count", 0) == one.evaluated, name


def test_severities_are_theirs(theirs: dict[str, Any]) -> None:
    assert str(theirs["some"].expectation_config.severity.value) == "warning"
    assert str(theirs["ends"].expectation_config.severity.value) == "critical"
