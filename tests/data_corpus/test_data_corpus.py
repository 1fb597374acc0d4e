"""Each broken dataset is caught by its finding, on every engine; the clean one is green on all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databases import Postgres, postgres, spark  # noqa: F401 - fixtures

from data_corpus.broken import CONTRACT, FILES, TABLES, Case, clean
from mlci.cli.main import run

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
_REPORT = Path(".mlci/report/data-check.json")
# Spark takes seconds for what others do in a blink: one case of each kind. What cannot be read, DuckDB refuses for it.
_ON_SPARK = {
    "clean", "clean-parquet", "column-missing", "range", "twice-together", "query", "pattern", "type-of-values",
    "truncated-parquet", "overlap",
}  # fmt: skip
_KINDS = {"plan": "text", "code": "text", "price": "double precision", "total": "double precision", "start": "date",
          "end": "date"}  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def checked(case: Case, train: str, environ: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Exit and report of data-check in this folder."""
    lines = ["model: m", "data:", train + (", contract: c.yml}" if case.contract else "}")]
    if case.contract is not None:
        Path("c.yml").write_text(case.contract)
    if case.holdout is not None:
        Path("holdout.csv").write_bytes(case.holdout)
        lines.append("  holdout: holdout.csv")
    if case.reference is not None:
        Path("reference.csv").write_bytes(case.reference)
        lines.append("  reference: reference.csv")
    Path("mlci.yml").write_text("\n".join(lines) + "\n" + case.settings)
    code = run(("data-check",), environ)
    return code, json.loads(_REPORT.read_text())


def assert_caught(case: Case, code: int, report: dict[str, Any]) -> None:
    first = report["findings"][0] if report["findings"] else {}
    assert (case.name, code, first.get("reason")) == (case.name, case.exit, case.reason)
    if case.reason is not None:
        assert case.says in first["message"] + first["id"]
        assert first["explanation"]


@pytest.mark.parametrize("engine", ["duckdb", "gx", "spark"])
@pytest.mark.parametrize("case", [*TABLES, *FILES], ids=lambda case: case.name)
def test_a_file_is_caught_by_its_finding(case: Case, engine: str, request: pytest.FixtureRequest) -> None:
    if engine != "duckdb":
        pytest.importorskip("great_expectations")
    if engine == "spark":
        if case.name not in _ON_SPARK:
            pytest.skip("one case of each kind is enough on Spark")
        request.getfixturevalue("spark")
    Path(case.file).write_bytes(case.train)
    settings = case.settings
    case = Case(**{**vars(case), "settings": f"{settings}  engine: {engine}\n"})
    assert_caught(case, *checked(case, f"  train: {{path: {case.file}", {}))


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_a_query_is_caught_by_the_same_finding(case: Case, postgres: Postgres) -> None:  # noqa: F811
    pytest.importorskip("great_expectations")
    assert case.rows is not None
    columns = {name: _KINDS.get(name, "bigint") for name in case.rows[0]}
    if "note" in columns:
        columns["note"] = "text"
    query = postgres.table(columns, [tuple(row.values()) for row in case.rows])
    environ = {"DATABASE_URL": postgres.url}
    assert_caught(case, *checked(case, f"  train: {{database: '${{DATABASE_URL}}', query: {query}", environ))
    assert postgres.url not in Path(".mlci/evidence/data.json").read_text()


def test_what_a_suite_counts_is_what_great_expectations_counts_by_itself() -> None:
    """The suite that data-profile writes of the clean data, run by Great Expectations alone on broken ones."""
    gx = pytest.importorskip("great_expectations")
    pd = pytest.importorskip("pandas")
    Path("train.csv").write_bytes(next(one for one in TABLES if one.name == "clean").train)
    Path("mlci.yml").write_text("model: m\ndata: {train: train.csv}\n")
    assert run(("data-profile", "--as", "gx", "--output", "suite.json"), {}) == 0
    rows = clean()
    for place in range(10):
        rows[place]["age"] = 500
        rows[place]["plan"] = "gold"
        rows[place + 20]["price"] = None
    frame = pd.DataFrame(rows)
    frame.to_csv("train.csv", index=False)
    Path("mlci.yml").write_text("model: m\ndata: {train: {path: train.csv, contract: suite.json}}\n")
    assert run(("data-check",), {}) == 10
    ours = json.loads(Path(".mlci/evidence/data.json").read_text())["predicate"]["datasets"][0]["rules"]
    suite = gx.ExpectationSuite(**json.loads(Path("suite.json").read_text()))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    found = asset.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    theirs = {
        (one.expectation_config.type, str(one.expectation_config.kwargs.get("column"))): one.result["unexpected_count"]
        for one in found.results
        if one.result and "unexpected_count" in one.result
    }
    compared = [
        (theirs[rule["expectation"], rule["columns"][0]], rule["unexpected"])
        for rule in ours
        if rule.get("columns") and (rule["expectation"], rule["columns"][0]) in theirs
    ]
    assert len(compared) > 5
    assert any(count for count, _ in compared)
    assert [one for one in compared if one[0] != one[1]] == []


def test_the_contract_of_the_corpus_asks_for_everything_that_is_broken() -> None:
    """A case whose rule left the contract would be green, and nobody would miss it."""
    for case in TABLES:
        assert case.reason is None or case.says in CONTRACT + "note start mean"
