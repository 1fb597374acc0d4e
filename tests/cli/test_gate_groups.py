"""Pairs of slice columns, fairness and the search for slices, from mlci.yml to the report and its evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlci.cli.main import run

JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv")
CONFIG = """
evaluate:
  slices: [region, "region*plan"]
  sensitive: [gender]
validation:
  tolerance: 0.3
  slices: {discover: {columns: [plan, shift]}}
  fairness:
    demographic_parity_difference: {max: 0.2, tolerance: 0.05}
    equal_opportunity_difference: {max: 0.3}
"""


def predictions(n: int, *, harmed: bool) -> str:
    lines = ["id,y,pred,region,plan,gender,shift"]
    for row in range(n):
        truth = row // 16 % 2
        region, plan, gender = f"r{row % 2}", f"p{row // 2 % 2}", "fm"[row // 4 % 2]
        shift = ("day", "night")[row // 8 % 2]
        wrong = row % 97 == 0 or (harmed and (shift, plan) == ("night", "p1") and row // 32 % 3 == 0)
        lines.append(f"e{row},{truth},{truth ^ wrong},{region},{plan},{gender},{shift}")
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlci.yml").write_text(CONFIG)
    Path("b.csv").write_text(predictions(6000, harmed=False))
    Path("c.csv").write_text(predictions(6000, harmed=True))


def findings() -> dict[str, dict[str, Any]]:
    report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
    return {finding["id"]: finding for finding in report["findings"]}


def test_every_question_about_groups_is_answered_and_a_hidden_harm_warned_of() -> None:
    assert run(JUDGE, {}) == 0
    found = findings()
    assert found["compare:accuracy[region=r0, plan=p1]"]["n"] == 1500
    assert found["maximum:demographic_parity_difference[gender]"]["verdict"] == "pass"
    assert found["compare:demographic_parity_difference[gender]"]["slice"] == "gender=f against gender=m"
    hidden = found["discovered:accuracy[plan=p1, shift=night]"]
    assert (hidden["verdict"], hidden["reason"]) == ("warn", "discovered")
    page = Path(".mlci/report/gate-compare.md").read_text()
    assert "Groups by gender" in page
    assert "Slices that a search found (1 confirmed of 1)" in page


def test_a_pair_may_be_named_on_the_command_line() -> None:
    assert run((*JUDGE, "--slices", "gender*shift"), {}) == 0
    assert {"compare:accuracy[gender=f, shift=day]", "compare:accuracy[gender=m, shift=night]"} <= set(findings())
