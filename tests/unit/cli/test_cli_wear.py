"""Looks at a holdout: counted by runs of the default branch, from what changes left, and kept when all else expires."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cli.branching import KEEP, Branch
from cli.running import predictions

from mlci.adapters.baselines import decoded
from mlci.domain.wear import Looked
from mlci.errors import ServiceRefused

BUDGET = "model: churn\nvalidation: {holdout: {steps: 4}, tolerance: 0.2, confidence: 0.6}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wear(report: dict[str, Any]) -> dict[str, float]:
    [section] = [each for each in report["sections"] if each["id"] == "wear"]
    return {name: value for name, value in section["figures"].items() if name in ("look", "looks")}


def said(report: dict[str, Any]) -> str:
    return next(" ".join(each["sentences"]) for each in report["sections"] if each["id"] == "wear")


def holdout() -> Looked:
    [only] = decoded((KEEP / "kept.json").read_bytes(), "here").looks.sets
    return only


def test_changes_and_merges_are_looks_and_the_same_candidate_again_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, BUDGET)
    assert wear(branch.run(10)) == {"look": 1, "looks": 1}
    assert wear(branch.run(11, change=True)) == {"look": 2, "looks": 2}
    assert wear(branch.run(11, change=True)) == {"look": 2, "looks": 2}
    assert wear(branch.run(12, change=True)) == {"look": 3, "looks": 3}
    assert not (KEEP / "kept.json").exists(), "a change's code must not say what is remembered"
    merged = branch.run(11)
    assert wear(merged) == {"look": 2, "looks": 3}
    assert (holdout().looks, holdout().passed) == (3, hashlib.sha256(predictions(wrong=11).encode()).hexdigest()[:16])
    assert "3 of 4 looks" in said(merged)


def test_a_spent_budget_holds_the_next_change_back_and_not_what_was_judged_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    branch = Branch(monkeypatch, BUDGET)
    for wrong in (10, 11, 12, 13):
        assert branch.run(wrong, change=wrong > 10)["verdict"] in ("pass", "warn")
    fifth = branch.run(14, change=True)
    assert (fifth["verdict"], [each["reason"] for each in fifth["findings"] if each["id"] == "policy:holdout"]) == (
        "inconclusive",
        ["worn"],
    )
    assert branch.run(12, change=True)["verdict"] == "pass"
    assert branch.run(14)["verdict"] == "inconclusive"
    assert (holdout().looks, branch.run(11)["verdict"]) == (5, "pass")


def test_the_count_outlives_the_artifacts_it_was_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, BUDGET)
    for wrong in (10, 11, 12):
        branch.run(wrong, change=wrong > 10)
    branch.run(90)  # not accepted: hands the baseline on, and what is remembered
    branch.world.memory.runs._left = branch.world.memory.runs._left[-1:]
    assert wear(branch.run(13, change=True)) == {"look": 5, "looks": 5}


def test_a_change_that_hides_invents_or_breaks_its_evidence_resets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, BUDGET)
    branch.run(10)
    for files in ({}, {"gate.json": b"{}"}, {"kept.json": b'{"looks": {}}'}, {"gate.json": b"x" * 100}):
        branch.run(11, change=True, upload=False)
        branch.leave(files, change=True)
    assert wear(branch.run(12)) == {"look": 2, "looks": 2}
    assert wear(branch.run(13, change=True)) == {"look": 3, "looks": 3}


def test_without_a_budget_a_change_counts_no_other_changes_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, "model: churn\nvalidation: {tolerance: 0.2}\n")
    for wrong in (10, 11):
        branch.run(wrong, change=wrong > 10)
    third = branch.run(12, change=True)
    assert (wear(third), said(third)[:8]) == ({"look": 2, "looks": 2}, "At least")
    assert wear(branch.run(13)) == {"look": 4, "looks": 4}


def test_a_forge_that_does_not_list_what_changes_left_stops_only_where_there_is_a_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str) -> Any:
        raise ServiceRefused(f"no list of {name}")

    for policy, verdict in (("model: churn\nvalidation: {tolerance: 0.2}\n", "pass"), (BUDGET, "inconclusive")):
        branch = Branch(monkeypatch, policy)
        branch.run(10)
        monkeypatch.setattr(branch.world.memory.runs, "artifacts_of_runs", refuse)
        assert branch.run(11)["verdict"] == verdict


def test_a_store_remembers_the_looks_of_runs_that_were_not_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    branch = Branch(monkeypatch, BUDGET, source=(tmp_path / "kept").as_uri())
    branch.run(10)
    branch.run(90)
    branch.world.memory.runs._left = []
    assert wear(branch.run(11)) == {"look": 3, "looks": 3}


def test_the_report_on_a_fork_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = Branch(monkeypatch, BUDGET)
    for wrong in (10, 11, 12):
        branch.run(wrong, change=wrong > 10)
    branch.run(13, change=True, fork=True, upload=False)
    evidence = json.loads((KEEP / "gate.json").read_text())
    assert evidence["predicate"]["wear"]["looks"] == 4
    evidence["predicate"]["wear"] = {"look": 1, "looks": 1, "at_least": False, "retired": False}
    branch.leave({"gate.json": json.dumps(evidence).encode()}, change=True)
    assert wear(branch.reported()) == {"look": 4, "looks": 4}
