"""data-profile: what it drafts holds of the very data it was drafted from, and nothing is overwritten unasked."""

from __future__ import annotations

import datetime
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mlci.adapters.datasets import open_engine
from mlci.cli.main import run
from mlci.config.contract import load, read_contract
from mlci.config.data import Data
from mlci.domain.verdict import Verdict
from mlci.ports import DataSource
from mlci.steps import data_profile
from mlci.steps.checking import ruling

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("duckdb")

SCHEMA = "https://example.org/contract.schema.json"


def drafted(path: Path, folder: Path) -> tuple[str, list[Verdict]]:
    """The text that is drafted from a file, and what an engine that reads the file by it says."""
    source = DataSource(role="train", name=path.name, path=str(path))
    with closing(open_engine("duckdb", memory="500MB", folder=str(folder))) as engine:
        text = data_profile.run(engine, engine.open(source, {}), SCHEMA)
    contract = read_contract(text.encode(), "draft.yml")
    with closing(open_engine("duckdb", memory="500MB", folder=str(folder))) as engine:
        found = ruling.run(engine, engine.open(source, contract.types), contract, Data())
    return text, [one.verdict for one in found.part.findings]


def randhie(path: Path) -> None:
    datasets = pytest.importorskip("statsmodels.api").datasets
    datasets.randhie.load_pandas().data.to_csv(path, index=False)


def of_sklearn(name: str) -> Any:
    def write(path: Path) -> None:
        frame = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")(as_frame=True).frame
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)

    return write


REAL = [
    ("randhie.csv", randhie), ("iris.csv", of_sklearn("iris")), ("cancer.parquet", of_sklearn("breast_cancer")),
    ("wine.csv", of_sklearn("wine")), ("diabetes.parquet", of_sklearn("diabetes")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write"), REAL, ids=[name for name, _ in REAL])
def test_a_draft_holds_of_real_tables(name: str, write: Any, tmp_path: Path) -> None:
    write(tmp_path / name)
    text, verdicts = drafted(tmp_path / name, tmp_path)
    assert verdicts == [Verdict.PASS]
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    assert lines
    # A reason stands beside each rule.
    assert all("  # " in line for line in lines)


def test_what_is_drafted_from_three_quarters_holds_of_the_rest_and_still_tells_a_slip_of_the_point(
    tmp_path: Path,
) -> None:
    # Long tails: of thirty columns, several reach further in the rest than a tenth beyond the training data.
    frame = pytest.importorskip("sklearn.datasets").load_breast_cancer(as_frame=True).frame
    frame = frame.sample(frac=1, random_state=3)
    train, holdout = frame.iloc[:426], frame.iloc[426:]
    train.to_parquet(tmp_path / "train.parquet")
    text, _ = drafted(tmp_path / "train.parquet", tmp_path)
    contract = read_contract(text.encode(), "draft.yml")
    slipped = holdout.copy()
    slipped.iloc[0, slipped.columns.get_loc("mean radius")] *= 10
    wanted = {"holdout": (holdout, [Verdict.PASS]), "slipped": (slipped, [Verdict.FAIL, Verdict.PASS])}
    for name, (rows, verdicts) in wanted.items():
        rows.to_parquet(tmp_path / f"{name}.parquet")
        source = DataSource(role="holdout", name=name, path=str(tmp_path / f"{name}.parquet"))
        with closing(open_engine("duckdb", memory="500MB", folder=str(tmp_path))) as engine:
            found = ruling.run(engine, engine.open(source, contract.types), contract, Data())
        assert [one.verdict for one in found.part.findings] == verdicts, name


# Whole numbers that JSON and every engine hold exactly, and texts that are no YAML by accident.
COLUMNS = {
    "integer": some.integers(-(2**62), 2**62),
    "small": some.integers(0, 3),
    "number": some.floats(allow_nan=True, allow_infinity=True, width=64),
    "tiny": some.floats(0, 1e-300, allow_nan=False),
    "text": some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    "word": some.sampled_from(["yes", "no", "null", "~", "1", "1e3", "0x1", "2026-01-01", "a: b", "#c", "", " "]),
    "flag": some.booleans(),
    "day": some.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    "time": some.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    "zoned": some.datetimes(
        datetime.datetime(1990, 1, 1), datetime.datetime(2100, 1, 1), timezones=some.just(datetime.timezone.utc)
    ),
    "list": some.lists(some.integers(0, 3), min_size=1, max_size=2),
}
TYPES = {
    "integer": "int64", "small": "int8", "number": "float64", "tiny": "float64", "text": "string", "word": "string",
    "flag": "bool_", "day": "date32",
}  # fmt: skip
NAMES = ['say "x"', "it's", "no", "null", "1", "a: b", "#c", "ä", "<<", "{batch}", "-", "a, b", "tab\there", "x"]


def _type(kind: str) -> Any:
    if kind in ("time", "zoned"):
        return pa.timestamp("us", tz="UTC" if kind == "zoned" else None)
    return pa.list_(pa.int64()) if kind == "list" else getattr(pa, TYPES[kind])()


@some.composite
def tables(draw: Any) -> Any:
    rows = draw(some.sampled_from([1, 2, 30, 200]))
    names = draw(some.lists(some.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    columns = []
    for _ in names:
        kind = draw(some.sampled_from(sorted(COLUMNS)))
        value = COLUMNS[kind] if draw(some.booleans()) else some.just(draw(COLUMNS[kind]))
        present = draw(some.sampled_from(["all", "some", "none"]))
        value = {"all": value, "some": some.one_of(some.none(), value), "none": some.none()}[present]
        # Some values, over and over: two hundred draws of each column would take their time.
        drawn = draw(some.lists(value, min_size=1, max_size=25))
        columns.append(pa.array([drawn[row % len(drawn)] for row in range(rows)], _type(kind)))
    return pa.table(dict(zip(names, columns, strict=True)))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(table=tables())
def test_a_draft_holds_of_any_table(table: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    pq.write_table(table, folder / "table.parquet")
    text, verdicts = drafted(folder / "table.parquet", folder)
    assert verdicts == [Verdict.PASS], text


DATA = "id,age,plan\n" + "".join(f"{row},{20 + row % 30},{('free', 'pro')[row % 2]}\n" for row in range(100))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(DATA)
    return tmp_path


def test_a_draft_is_written_once_and_replaced_only_by_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["data-profile", "--data", "data.csv", "--output", "train.yml"]
    assert run(asked, {}) == 0
    assert "wrote train.yml" in capsys.readouterr().out
    contract = load("train.yml")
    assert contract.key == ("id",)
    assert {"id.unique", "age.between", "plan.in_set", "rows"} <= {rule.id for rule in contract.rules}
    (folder / "train.yml").write_text("mine")
    assert run(asked, {}) == 2
    assert "--force" in capsys.readouterr().err
    assert (folder / "train.yml").read_text() == "mine"
    assert run([*asked, "--force", "true"], {}) == 0
    assert load("train.yml").rules == contract.rules
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["data.csv", "train.yml"]


@pytest.mark.usefixtures("folder")
def test_a_draft_is_a_suite_where_one_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data-profile", "--data", "data.csv", "--as", "gx"], {}) == 0
    printed = capsys.readouterr().out
    suite = json.loads(printed)
    assert suite["name"] == "data"
    assert {one["severity"] for one in suite["expectations"]} == {"critical"}
    assert run(["data-profile", "--data", "data.csv"], {}) == 0
    drafted = read_contract(capsys.readouterr().out.encode(), "x")
    assert read_contract(printed.encode(), "y").rules == drafted.rules


def test_a_contract_is_a_suite_and_a_contract_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.yml").write_text("columns: {a: {type: date, min: 2026-01-31}}\nrules: {r: {check: a > b}}\n")
    assert run(["data-profile", "--from-contract", "c.yml", "--as", "gx", "--output", "suite.json"], {}) == 0
    assert run(["data-profile", "--from-contract", "suite.json", "--output", "again.yml"], {}) == 0
    assert load("again.yml").rules == load("c.yml").rules
    (folder / "odd.json").write_text(json.dumps({"expectations": [{"type": "expect_the_moon", "kwargs": {}}]}))
    capsys.readouterr()
    assert run(["data-profile", "--from-contract", "odd.json"], {}) == 2
    assert "has no words for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "exit"), [(b"id,age\n", 10), (b"PAR1 no parquet", 10)], ids=["no rows", "truncated"]
)
def test_data_nobody_can_look_at(folder: Path, content: bytes, exit: int, capsys: pytest.CaptureFixture[str]) -> None:
    name = "x.parquet" if content.startswith(b"PAR1") else "x.csv"
    (folder / name).write_bytes(content)
    assert run(["data-profile", "--data", name, "--output", "train.yml"], {}) == exit
    assert "error[D001]" in capsys.readouterr().err
    assert not (folder / "train.yml").exists()


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_a_mistake_of_usage() -> None:
    assert run(["data-profile"], {}) == 2
    assert run(["data-profile", "--data", "no.csv"], {}) == 2
    assert run(["data-profile", "--from-contract", "no.yml"], {}) == 2
