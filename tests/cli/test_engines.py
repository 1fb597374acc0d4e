"""--engine on the command line: asked for, left to the size of the files, or not to be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.running import predictions

from mlci.cli import engines
from mlci.cli.main import run

JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", "--on-inconclusive", "pass")
EVIDENCE = Path(".mlci/evidence/gate.json")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(predictions(400, wrong=20))
    Path("b.csv").write_text(predictions(400, wrong=24))


def judged(*more: str) -> tuple[int, dict[str, Any]]:
    code = run([*JUDGE, *more], {})
    return int(code), json.loads(EVIDENCE.read_text())["predicate"]


def test_an_engine_that_is_asked_for_reaches_the_same_verdict_on_the_same_holdout() -> None:
    (code, memory), (other, streamed) = judged("--engine", "memory"), judged("--engine", "duckdb")
    assert code == other
    for name in ("verdict", "reason", "evaluation_set", "examples", "assumptions"):
        assert memory[name] == streamed[name]
    # What needs the examples themselves is not described.
    assert "changes" in memory
    assert "changes" not in streamed


def test_large_files_are_left_to_the_engine_and_what_it_cannot_do_to_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_SHARE_OF_MEMORY", 1 << 40)
    assert "changes" not in judged()[1]
    lines = enumerate(predictions().splitlines())
    weighted = [f"{line},{'weight' if row == 0 else row % 3 + 1}" for row, line in lines]
    for name in ("c.csv", "b.csv"):
        Path(name).write_text("\n".join(weighted) + "\n")
    assert judged()[1]["statistics"][0]["effective_n"] < 200
    assert run([*JUDGE, "--engine", "duckdb"], {}) == 2


def test_an_engine_needs_two_files_of_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gate-compare", "--candidate", "c.csv", "--engine", "duckdb"], {}) == 2
    assert "--engine duckdb compares two files of predictions" in capsys.readouterr().err


def test_a_limit_that_is_none_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLCI_DUCKDB_MEMORY", "plenty")
    assert run([*JUDGE, "--engine", "duckdb"], {}) == 2
    assert "'plenty' is no amount of memory" in capsys.readouterr().err


def test_signs_of_sql_and_of_patterns_in_names_are_only_names() -> None:
    odd = ("slice_'); DROP VIEW a; --", 'slice_";', "slice_`\\")
    values = ("a';--", 'b"', "c\\")
    for name in ("c.csv", "b.csv"):
        head, *rows = predictions().splitlines()
        cells = [",".join('"' + each.replace('"', '""') + '"' for each in line) for line in (odd, values)]
        text = "\n".join((f"{head},{cells[0]}", *(f"{row},{cells[1]}" for row in rows)))
        Path(name.replace(".", "*'?[x].")).write_text(text + "\n")
        # What the same name would mean as a pattern.
        Path(name.replace(".", "-'-x.")).write_text("id\n")
    found = []
    for engine in ("memory", "duckdb"):
        files = ("--candidate", "c*'?[x].csv", "--baseline", "b*'?[x].csv")
        code = run(["gate-compare", *files, "--engine", engine], {})
        report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
        found.append((code, sorted((each["id"], each.get("candidate")) for each in report["findings"])))
    assert found[0] == found[1]
    assert any("DROP VIEW" in id for id, _ in found[0][1])
