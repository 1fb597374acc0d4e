"""Waivers of mlci.yml from the command on: exit, report, evidence and what config explain shows of them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cli.test_gate_compare import EVIDENCE, JUDGE, REPORT, predictions

from mlci.cli.main import run


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(predictions(wrong=80))
    Path("b.csv").write_text(predictions(wrong=20))


def in_days(days: int) -> str:
    return (datetime.now(timezone.utc).date() + timedelta(days=days)).isoformat()


def asking(*waivers: str) -> None:
    listed = "\n".join(f"  - {{{waiver}}}" for waiver in waivers)
    policy = "validation: {metrics: {accuracy: {tolerance: 0.01}}, on_inconclusive: approve}\n"
    Path("mlci.yml").write_text(f"{policy}waivers:\n{listed}\n" if waivers else policy)


def waiver(scope: str = "compare:accuracy", days: int = 30) -> str:
    return f'scope: "{scope}", reason: new labels, owner: "@ada", expires: {in_days(days)}'


def findings() -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in json.loads(REPORT.read_text())["findings"]}


def test_a_waived_loss_ends_as_a_warning_and_is_in_report_and_evidence() -> None:
    asking()
    assert run(JUDGE, {}) == 11
    asking(waiver())
    assert run(JUDGE, {}) == 0
    found = findings()["compare:accuracy"]
    terms = {"verdict": "fail", "scope": "compare:accuracy", "reason": "new labels", "owner": "@ada"}
    assert (found["verdict"], found["waived"]) == ("warn", {**terms, "expires": in_days(30)})
    predicate = json.loads(EVIDENCE.read_text())["predicate"]
    assert predicate["findings"][0]["waived"] == found["waived"]
    assert predicate["policy"]["waivers"][0]["owner"] == "@ada"
    assert predicate["waivers_on"] == in_days(0)
    for face in (".md", ".html", ".junit.xml"):
        assert "Waived by" in REPORT.with_suffix(face).read_text()
        assert in_days(30) in REPORT.with_suffix(face).read_text()


def test_an_expired_waiver_waives_nothing_and_one_that_is_not_needed_is_listed() -> None:
    asking(waiver(days=-1), waiver("compare:f1"))
    assert run(JUDGE, {}) == 11
    assert findings()["waiver:compare:accuracy"]["reason"] == "expired"
    unused = findings()["waiver:compare:f1"]
    assert (unused["reason"], unused["advisory"]) == ("unused", True)


def test_a_slice_column_that_is_missing_cannot_be_waived(capsys: pytest.CaptureFixture[str]) -> None:
    asking(waiver(), waiver("compare:*"))
    Path("mlci.yml").write_text(Path("mlci.yml").read_text() + "evaluate: {slices: [region]}\n")
    assert run(JUDGE, {}) == 3
    assert "slice column region is not in production's file" in capsys.readouterr().out


def test_without_waivers_the_evidence_holds_no_day() -> None:
    asking()
    run(JUDGE, {})
    assert "waivers_on" not in json.loads(EVIDENCE.read_text())["predicate"]


def test_config_explain_shows_them_with_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    asking(waiver())
    assert run(("config", "explain", "--format", "json"), {}) == 0
    [row] = [each for each in json.loads(capsys.readouterr().out)["values"] if each["key"] == "waivers"]
    assert row["value"] == [
        {"scope": "compare:accuracy", "reason": "new labels", "owner": "@ada", "expires": in_days(30)}
    ]
    assert row["source"]["kind"] == "file"
