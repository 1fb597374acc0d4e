"""The anchor and the looks in a registry of one's own, as a developer's commands leave them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository

# The best threshold is 50; of each step away from it one example in a hundred is got wrong, less those that are noise.
FAR, NEAR, BEST = 58, 53, 50


@pytest.fixture(name="found", scope="module")
def _found(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    found = repository(tmp_path_factory.mktemp("anchored"))
    config = found.folder / "mlci.yml"
    config.write_text(config.read_text().replace("tolerance: 0.05", "tolerance: 0.05, anchor_tolerance: 0.02"))
    return found


def in_registry(found: Repository, statement: str) -> list[Any]:
    with closing(sqlite3.connect(found.folder / ".mlci" / "mlflow.db")) as opened, opened:
        return opened.execute(statement).fetchall()


def aliases(found: Repository) -> dict[str, str]:
    rows = in_registry(found, "select alias, version from registered_model_aliases")
    return {str(alias): str(number) for alias, number in rows}


def promoted(found: Repository, number: int) -> None:
    """As a person does it in MLflow, who thinks of production alone."""
    in_registry(found, f"update registered_model_aliases set version = {number} where alias = 'production'")


def judged(found: Repository, at: int) -> tuple[int, dict[str, Any]]:
    found.set(at)
    found.commit()
    return found.mlci("run"), found.report("gate-compare")


def looks(report: dict[str, Any]) -> float:
    return float(next(each["figures"]["looks"] for each in report["sections"] if each["id"] == "wear"))


def test_the_anchor_is_the_best_production_and_stops_what_drifted_from_it(
    found: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    exit, _first = judged(found, FAR)
    assert (exit, aliases(found)) == (0, {"production": "1", "anchor": "1"})

    exit, _ = judged(found, BEST)
    assert (exit, aliases(found)) == (0, {"production": "1", "anchor": "1"}), "nobody has promoted it"

    promoted(found, 2)
    exit, third = judged(found, NEAR)
    assert exit == 0
    assert aliases(found) == {"production": "2", "anchor": "2"}, "shown to be better than the anchor"
    assert "version 2 is shown to be better than version 1, and is the anchor now" in capsys.readouterr().err
    assert [each["verdict"] for each in third["findings"] if each["rule"] == "anchor"] == ["pass"]

    promoted(found, 3)
    exit, fourth = judged(found, FAR - 1)
    against = {each["rule"]: each["verdict"] for each in fourth["findings"]}
    assert (exit, against["compare"], against["anchor"]) == (11, "inconclusive", "fail")
    assert aliases(found) == {"production": "3", "anchor": "2"}

    [health] = [each["sentences"] for each in third["sections"] if each["id"] == "baseline"]
    assert health[0] == "Production was accepted today."
    assert "on 400 examples, these very ones, by the policy" in health[1]
    assert [looks(each) for each in (third, fourth)] == [3, 4]
    assert found.mlci("gate-compare", "--candidate", "mlci-model", "--against", "production") == 11
    assert looks(found.report("gate-compare")) == 4, "the same candidate again is no new look"
    evidence = json.loads((Path(found.folder) / ".mlci/evidence/gate.json").read_text())["predicate"]
    assert evidence["anchor"]["name"] == "late-trips version 2, the anchor"
