"""Predictions that are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from handed import BASELINE, EVALUATOR, HOLDOUT, production

from mlci.adapters.models.scored import Question, ScoredFolder
from mlci.errors import ModelAltered
from mlci.ports import Version

VERSION = Version(model="churn", number="9", aliases=(), tags={})
QUESTION = Question(artifact="a" * 64, holdout=HOLDOUT, evaluator=EVALUATOR)


def test_predictions_are_found_by_all_three_parts_and_under_the_version_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(BASELINE)
    folder = ScoredFolder(str(tmp_path / "scored"), print)
    folder.keep(production(), str(tmp_path / "p.csv"))
    found = folder.find(VERSION, QUESTION)
    assert found is not None
    assert (found[0].version, Path(found[1]).read_bytes()) == ("9", BASELINE)
    for part in ("artifact", "holdout", "evaluator"):
        parts = {"artifact": "a" * 64, "holdout": HOLDOUT, "evaluator": EVALUATOR, part: "0" * 64}
        assert folder.find(VERSION, Question(**parts)) is None


def test_predictions_of_another_question_are_not_taken_for_the_answer(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "p.csv").write_bytes(BASELINE)
    folder = ScoredFolder(str(tmp_path), said.append)
    kept = Path(folder.keep(production(artifact="b" * 64), str(tmp_path / "p.csv"))).parent
    kept.rename(tmp_path / QUESTION.key)
    assert folder.find(VERSION, QUESTION) is None
    assert "another question" in said[0]


def test_other_predictions_are_not_kept_and_old_ones_forgotten(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(BASELINE)
    folder = ScoredFolder(str(tmp_path / "scored"), print)
    for number in range(23):
        place = Path(folder.keep(production(artifact=f"{number:064x}"), str(tmp_path / "p.csv"))).parent
        os.utime(place, (number, number))
    (tmp_path / "p.csv").write_bytes(BASELINE + b"3,1,1\n")
    with pytest.raises(ModelAltered):
        folder.keep(production(), str(tmp_path / "p.csv"))
    assert len(list((tmp_path / "scored").iterdir())) == 20
    assert folder.find(VERSION, Question(artifact=f"{1:064x}", holdout=HOLDOUT, evaluator=EVALUATOR)) is None
