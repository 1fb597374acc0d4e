"""Calls that somebody timed, through the command: judged, worthless, or not asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.running import predictions

from mlci.cli.main import run

REPORT = Path(".mlci/report/gate-compare.json")
JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", "--tolerance", "0.05")
TIMED = (*JUDGE, "--metrics", "accuracy,latency_p50_ms,latency_p95_ms", "--latency", "calls.csv")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("c.csv", "b.csv"):
        Path(name).write_text(predictions(2000, wrong=100))


def calls(slower: float, *, turns: bool = True) -> None:
    random = np.random.default_rng(4)
    lines = ["block,order,candidate_ms,production_ms"]
    for pair in range(1000):
        mine, theirs = 10 * np.exp(random.normal(0, 0.05, 2))
        first = "production" if turns and pair % 2 else "candidate"
        lines.append(f"{pair // 50},{first},{slower * mine:.6f},{theirs:.6f}")
    Path("calls.csv").write_text("\n".join(lines) + "\n")


def findings() -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in json.loads(REPORT.read_text())["findings"]}


@pytest.mark.parametrize(("slower", "exit", "verdict"), [(1.0, 0, "pass"), (1.3, 11, "fail")])
def test_a_slowdown_fails_the_gate_and_none_passes_it(slower: float, exit: int, verdict: str) -> None:
    calls(slower)

    assert run(TIMED, {}) == exit
    assert [findings()[f"compare:latency_{name}_ms"]["verdict"] for name in ("p50", "p95")] == [verdict] * 2
    evidence = json.loads(Path(".mlci/evidence/gate.json").read_text())["predicate"]["operations"]
    assert len(evidence["timings"]["blocks"]) == 20


def test_calls_without_turns_stop_the_gate_however_policy_takes_noise() -> None:
    calls(1.0, turns=False)

    assert run((*TIMED, "--on-inconclusive", "pass"), {}) == 3
    assert findings()["compare:latency_p95_ms"]["reason"] == "sequential"


def test_a_limit_judged_by_a_file_is_of_no_known_machine() -> None:
    calls(1.0)
    Path("mlci.yml").write_text(
        "validation: {hardware: any, metrics: {accuracy: {}, latency_p50_ms: {max: 1}}, compare_to: production}"
    )

    assert run((*JUDGE, "--latency", "calls.csv"), {}) == 0
    assert findings()["maximum:latency_p50_ms"]["reason"] == "hardware"


def test_a_file_that_nothing_asks_for_is_said_to_decide_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    calls(3.0)

    assert run((*JUDGE, "--metrics", "accuracy", "--latency", "calls.csv"), {}) == 0
    assert "decides nothing" in capsys.readouterr().err


def test_a_file_that_is_none_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.csv").write_text("block,order,candidate_ms,production_ms\n1,candidate,fast,1\n")

    assert run(TIMED, {}) == 3
    assert "calls.csv:2" in capsys.readouterr().err
