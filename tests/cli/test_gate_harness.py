"""gate-compare on what other harnesses left: which scores are judged, and how sure it is of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlci.cli.main import run

JUDGE = ("gate-compare", "--candidate", "c.json", "--baseline", "b.json")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def log(name: str, wrong: range, *, questions: int = 8, passages: int = 60, shared: str = "passage") -> None:
    """A log of Inspect's in which every question on some passages was answered wrongly."""
    samples = [
        {
            "id": f"q{passage}-{question}", "epoch": 1, "metadata": {shared: f"p{passage}"},
            "scores": {"match": {"value": "I" if passage in wrong else "C"}},
        }
        for passage in range(passages)
        for question in range(questions)
    ]  # fmt: skip
    document = {"version": 2, "status": "success", "eval": {}, "plan": {}, "samples": samples}
    Path(name).write_text(json.dumps(document))


def finding() -> dict[str, Any]:
    report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
    return dict(next(each for each in report["findings"] if each["id"] == "compare:match"))


def test_questions_that_share_a_passage_are_not_taken_for_independent() -> None:
    log("b.json", range(0))
    log("c.json", range(2))
    # Two passages of sixty were misread. Sixteen wrong answers of 480 look like proof, and are two accidents.
    assert run((*JUDGE, "--tolerance", "0.01"), {}) == 0
    grouped = finding()
    assert grouped["clusters"] == 60
    assert grouped["verdict"] == "inconclusive"
    for name, wrong in (("b.json", range(0)), ("c.json", range(2))):
        log(name, wrong, shared="theme")
    assert run((*JUDGE, "--tolerance", "0.01"), {}) == 11
    alone = finding()
    assert alone["verdict"] == "fail"
    # Eight answers that are right or wrong together are worth one, whose error is larger by the root of 8.
    assert grouped["standard_error"] / alone["standard_error"] == pytest.approx(8**0.5, rel=0.02)


def test_the_group_may_be_any_field_that_the_file_has() -> None:
    log("b.json", range(0), shared="theme")
    log("c.json", range(2), shared="theme")
    assert run((*JUDGE, "--tolerance", "0.01", "--group", "metadata.theme"), {}) == 0
    assert finding()["clusters"] == 60


def test_a_score_that_is_named_alone_is_judged_the_way_the_harness_means_it() -> None:
    for name, toxicity in (("b.json", 0.1), ("c.json", 0.5)):
        data = [[f"q{row}", toxicity + row / 10_000, 1.0] for row in range(200)]
        columns = ["inputs", "toxicity/v1/score", "exact_match/v1/score"]
        Path(name).write_text(json.dumps({"columns": columns, "data": data}))
    assert run((*JUDGE, "--metrics", "toxicity/v1/score"), {}) == 11
    assert run((*JUDGE, "--metrics", "exact_match/v1/score"), {}) == 0


def test_a_question_that_was_answered_several_times_is_judged_by_its_mean() -> None:
    for name, shift in (("b.json", 0), ("c.json", 1)):
        answers = [
            {"id": f"q{row}", "epoch": epoch, "scores": {"match": {"value": "C" if (row + epoch + shift) % 4 else "I"}}}
            for row in range(100)
            for epoch in range(3)
        ]
        document = {"version": 2, "status": "success", "eval": {}, "plan": {}, "samples": answers}
        Path(name).write_text(json.dumps(document))
    assert run(JUDGE, {}) == 3
    assert run((*JUDGE, "--duplicates", "mean"), {}) == 0
    assert finding()["n"] == 100
    assert finding()["baseline"] == pytest.approx(0.75)


def test_a_folder_of_samples_is_no_folder_of_model_ci() -> None:
    for side in ("b", "c"):
        Path(side).mkdir()
        for task in ("arc", "piqa"):
            rows = (
                {
                    "doc_id": row,
                    "doc": {},
                    "target": "",
                    "resps": [],
                    "filtered_resps": [],
                    "metrics": ["acc"],
                    "acc": 1,
                }
                for row in range(50)
            )
            file = Path(side) / f"samples_{task}_2026-01-16T16-02-26.1.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(("gate-compare", "--candidate", "c", "--baseline", "b", "--slices", "task"), {}) == 0
    report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
    assert report["examples"] == 100
    assert len(report["candidate"]["digest"]) == 64
