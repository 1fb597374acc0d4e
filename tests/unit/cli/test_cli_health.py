"""What the report says of the baseline, by where it comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cli.branching import KEEP, Branch
from cli.running import predictions, proposed

from mlci.adapters.baselines import decoded, encoded
from mlci.cli.main import run

POLICY = "model: churn\nvalidation: {tolerance: 0.2, baseline_age: 30d}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(report: dict[str, Any]) -> list[str]:
    return next((each["sentences"] for each in report["sections"] if each["id"] == "baseline"), [])


def reasons(report: dict[str, Any]) -> list[str]:
    return [each["reason"] for each in report["findings"] if each["id"].startswith("policy:baseline-")]


def test_a_baseline_of_an_earlier_run_has_an_age_a_verdict_and_a_holdout(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, POLICY)
    assert said(branch.run(10)) == []
    report = branch.run(11, change=True)
    assert said(report)[0] == "Production was accepted today."
    assert "on 200 examples, these very ones" in said(report)[1]
    assert reasons(report) == []


def test_an_old_baseline_is_a_warning_and_stays_old_when_it_is_judged_or_handed_on_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    branch = Branch(monkeypatch, POLICY)
    branch.run(10)
    day = f"{datetime.now(timezone.utc) - timedelta(days=31):%Y-%m-%d}"
    files = {path.name: path.read_bytes() for path in KEEP.iterdir()}
    files["kept.json"] = encoded(replace(decoded(files["kept.json"], "here"), since=day))
    branch.leave(files, change=False)
    for wrong in (10, 90, 11):
        report = branch.run(wrong)
        assert (said(report)[0], reasons(report)) == ("Production was accepted 31 days ago.", ["stale"])
    assert said(branch.run(12))[0] == "Production was accepted today."


def test_of_a_file_that_a_pipeline_names_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlci.yml").write_text(POLICY)
    for name, wrong in (("c.csv", 11), ("p.csv", 10)):
        Path(name).write_text(predictions(wrong=wrong))
    line = ("gate-compare", "--candidate", "c.csv", "--baseline", "p.csv")
    run(line, proposed(POLICY).entered(monkeypatch).environ)
    report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
    assert (said(report)[0].endswith("are unknown."), reasons(report)) == (True, [])


def test_the_report_on_a_fork_takes_the_health_of_the_baseline_and_the_anchor_from_the_default_branch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    branch = Branch(monkeypatch, POLICY)
    for wrong in (10, 12):
        branch.run(wrong)
    branch.run(13, change=True, fork=True, upload=False)
    for anchored in (True, False):
        evidence = json.loads((KEEP / "gate.json").read_text())
        evidence["predicate"]["health"] = {"named": False, "age": 1000, "verdict": "fail"}
        if not anchored:
            del evidence["predicate"]["anchor"]
        branch.leave({"gate.json": json.dumps(evidence).encode()}, change=True)
        report = branch.reported()
        assert (said(report)[0], reasons(report)) == ("Production was accepted today.", [])
        left_out = [each["reason"] for each in report["findings"] if each["id"] == "input:anchor"]
        assert left_out == ([] if anchored else ["fork"])
