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
