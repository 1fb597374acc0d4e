"""What other harnesses write, as the one table that the gate judges."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlci.adapters.tables import harness, holds_samples, open_folder, open_json, open_table
from mlci.adapters.tables.harness.rows import HarnessTable
from mlci.errors import MlciError, NoExamples, Unreadable

KEPT = Path(__file__).parents[2] / "harness"


def opened(file: Path) -> HarnessTable:
    found = open_json(str(file)) if file.suffix == ".json" else open_table(str(file))
    assert isinstance(found, HarnessTable)
    return found


def by_id(table: HarnessTable, column: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for id, value in zip(table.ids("id").tolist(), table.numbers(column).tolist(), strict=True):
        found.setdefault(id.decode(), []).append(value)
    return found


def written(folder: Path, name: str, *values: Any) -> Path:
    file = folder / name
    file.write_text("\n".join(json.dumps(value) for value in values) + "\n")
    return file


# Inspect.


@pytest.mark.parametrize("name", ["capitals.json", "capitals.eval"])
def test_a_log_of_inspect_has_a_row_for_each_question_and_epoch(name: str) -> None:
    found = opened(KEPT / name)
    # What answered nothing counts as wrong: Inspect itself leaves it out of its mean.
    assert by_id(found, "match") == {"paris": [1, 1], "rome": [1, 0], "oslo": [1, 0]}
    assert by_id(found, "style.tone") == {"paris": [1, 1], "rome": [1, 1], "oslo": [1, 0]}
    assert [(score.name, score.better) for score in found.scores][:2] == [
        ("match", "higher"),
        ("style.brevity", "higher"),
    ]
    assert set(found.texts("group").values) == {"south", "north"}
    assert any("ended in an error: 1" in note for note in found.notes)


def log(**more: Any) -> dict[str, Any]:
    return {"version": 2, "status": "success", "eval": {}, "plan": {}, "samples": [], **more}


def test_the_words_of_inspect_are_worth_what_it_says(tmp_path: Path) -> None:
    words = ["C", "P", "I", "N", "yes", "no", "TRUE", "0.25", 3, True, None, "unheard of", float("nan")]
    samples = [{"id": row, "epoch": 1, "scores": {"s": {"value": word}}} for row, word in enumerate(words)]
    found = opened(written(tmp_path, "log.json", log(samples=samples))).numbers("s")
    np.testing.assert_equal(found, [1, 0.5, 0, 0, 1, 0, 1, 0.25, 3, 1, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(("document", "cause"), [
    (log(status="error"), "did not finish: its status is 'error'"),
    (log(samples=None), "holds no samples"),
    (log(samples=[{"scores": {}}]), "the id of a sample is not as the harness writes it: nothing"),
    (log(samples=[{"id": "a", "scores": [1]}]), "scores is not as the harness writes it: list"),
    (log(samples=[{"id": "a", "scores": {"a\nb": {"value": 1}}}]), "cannot be the name of a column"),
])  # fmt: skip
def test_a_log_that_cannot_be_judged_says_why(tmp_path: Path, document: Any, cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        opened(written(tmp_path, "log.json", document))


def test_a_log_without_answers_is_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(NoExamples):
        opened(written(tmp_path, "log.json", log()))


def archive(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file


def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path) -> None:
    header = json.dumps(log()).encode()
    file = archive(tmp_path / "log.eval", {"header.json": header, "summaries.json": b"[" + b" " * 5_000_000 + b"]"})
    content = bytearray(file.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24
    struct.pack_into("<L", content, at, 40)
    file.write_bytes(content)
    with pytest.raises(Unreadable, match="does not have the size that it declares"):
        opened(file)


def test_many_members_that_unpack_to_much_are_refused_before_one_is_unpacked(tmp_path: Path) -> None:
    parts = {f"_journal/summaries/{number}.json": b"[" + b" " * (90 << 20) + b"]" for number in range(3)}
    file = archive(tmp_path / "log.eval", {"header.json": json.dumps(log()).encode(), **parts})
    assert file.stat().st_size < 1 << 20
    with pytest.raises(Unreadable, match="its summaries have more than 256 MiB"):
        opened(file)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + b"\0" * 18, b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_archive_of_inspect_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log.eval"
    file.write_bytes(content)
    with pytest.raises(Unreadable):
        opened(file)


@pytest.mark.parametrize("cut", range(0, 6800, 400))
def test_a_cut_archive_is_one_clear_error(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "log.eval"
    file.write_bytes((KEPT / "capitals.eval").read_bytes()[:cut])
    with pytest.raises(MlciError):
        opened(file)


# promptfoo.


def result(question: str, *, score: float = 1.0, prompt: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "promptIdx": prompt, "testIdx": 0, "success": score >= 0.5, "score": score, "failureReason": 0,
        "testCase": {"vars": {"question": question}, "assert": [{"type": "contains", "value": "x"}]},
        "vars": {"question": question}, "namedScores": {"tone": 0.5}, "provider": {"id": "p"}, "latencyMs": 3, **more,
    }  # fmt: skip


def results(*of: dict[str, Any]) -> dict[str, Any]:
    return {"evalId": "e", "results": {"version": 3, "results": list(of), "stats": {}}, "config": {}}


def test_results_of_promptfoo_know_a_repeated_test_by_what_it_asks(tmp_path: Path) -> None:
    again = result("b", score=0.25, testIdx=7)
    found = opened(written(tmp_path, "r.json", results(result("a"), result("b"), again)))
    assert sorted(by_id(found, "score").values()) == [[1.0], [1.0, 0.25]]
    assert sorted(by_id(found, "pass").values()) == [[1.0], [1.0, 0.0]]
    assert [score.name for score in found.scores] == ["pass", "score"]
    assert found.numbers("tone").tolist() == [0.5] * 3
    lines = opened(written(tmp_path, "r.jsonl", result("a"), result("b"), again))
    assert by_id(lines, "score") == by_id(found, "score")


def test_results_of_several_prompts_are_not_one_model(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="of 2 prompts or providers"):
        opened(written(tmp_path, "r.json", results(result("a"), result("a", prompt=1))))


@pytest.mark.parametrize(("broken", "cause"), [
    ({"score": None}, "score is not a finite number"), ({"score": float("inf")}, "score is not a finite number"),
    ({"success": "yes"}, "success is not as the harness writes it"), ({"testCase": []}, "testCase is not"),
    ({"promptIdx": True}, "promptIdx is not"),
])  # fmt: skip
def test_a_result_of_another_shape_says_what_is_wrong(tmp_path: Path, broken: dict[str, Any], cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        opened(written(tmp_path, "r.json", results(result("a"), {**result("b"), **broken})))


# lm-evaluation-harness.


def sample(document: int, *, kept_by: str = "none", **metrics: Any) -> dict[str, Any]:
    return {
        "doc_id": document, "doc": {"question": f"q{document}", "passage": f"p{document // 2}"}, "target": "t",
        "arguments": {}, "resps": [["r"]], "filtered_resps": ["r"], "filter": kept_by, "metrics": list(metrics),
        "doc_hash": f"{document:064x}", "prompt_hash": "0" * 64, "target_hash": "0" * 64, **metrics,
    }  # fmt: skip


def test_samples_that_the_harness_wrote_give_the_mean_that_it_printed() -> None:
    found = opened(next(KEPT.glob("samples_tiny_*.jsonl")))
    assert [score.name for score in found.scores] == ["acc", "acc_norm"]
    assert found.numbers("acc").mean() == pytest.approx(0.8333, abs=1e-4)
    assert found.texts("group").values == ("p0", "p1", "p2")
    assert open_folder(str(KEPT)).ids("id").tolist() == found.ids("id").tolist()


def test_samples_of_several_filters_are_columns_of_one_document(tmp_path: Path) -> None:
    rows = [
        sample(doc, kept_by=way, exact_match=doc % 2) for way in ("strict-match", "flexible-extract") for doc in (0, 1)
    ]
    found = opened(written(tmp_path, "samples_gsm8k_2026-01-16T16-02-26.648276.jsonl", *rows))
    assert found.rows == 2
    assert [score.name for score in found.scores] == ["exact_match.strict-match", "exact_match.flexible-extract"]
    assert found.texts("group").values == ("p0",)


def test_a_folder_of_tasks_is_judged_by_what_they_share(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    written(
        tmp_path / "model",
        "samples_arc_2026-01-16T16-02-26.6.jsonl",
        sample(0, acc=True, acc_norm=0.0),
        sample(1, acc=0, acc_norm=1),
    )
    written(
        tmp_path / "model", "samples_wiki_text_2026-01-16T16-02-26.6.jsonl", sample(0, acc=1, word_perplexity=[-3.0, 2])
    )
    assert holds_samples(str(tmp_path))
    found = open_folder(str(tmp_path))
    assert isinstance(found, HarnessTable)
    assert [score.name for score in found.scores] == ["acc"]
    assert found.texts("task").values == ("arc", "wiki_text")
    assert {id.decode().partition("/")[0] for id in found.ids("id").tolist()} == {"arc", "wiki_text"}
    assert found.notes[0] == "word_perplexity of wiki_text has no value of single documents and is left out"


def test_a_metric_by_a_name_that_mlci_gives_to_whole_predictions_has_another(tmp_path: Path) -> None:
    found = opened(written(tmp_path, "s.jsonl", sample(0, f1=0.5, brier_score=0.1, target_len=1)))
    assert [(score.name, score.better) for score in found.scores][:2] == [
        ("question_f1", "higher"),
        ("question_brier_score", "lower"),
    ]


@pytest.mark.parametrize(("rows", "cause"), [
    ([sample(0, f1=["gold", ["said"]])], "no metric has a number for each document"),
    ([sample(0, acc=1), sample(0, acc=0)], "document 0 stands twice with one filter"),
    ([sample(0, acc=1), {**sample(1, acc=1), "doc_id": "1"}], "doc_id is not as the harness writes it: str"),
    ([sample(0, acc=1), {**sample(1), "metrics": "acc"}], "metrics is not as the harness writes it: str"),
    ([sample(0, acc=1), []], "a sample is not as the harness writes it: list"),
])  # fmt: skip
def test_a_sample_of_another_shape_says_what_is_wrong(tmp_path: Path, rows: list[Any], cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        opened(written(tmp_path, "s.jsonl", *rows))


def test_two_runs_in_one_folder_are_not_mixed(tmp_path: Path) -> None:
    for day in (16, 17):
        written(tmp_path, f"samples_arc_2026-01-{day}T16-02-26.6.jsonl", sample(0, acc=1))
    with pytest.raises(Unreadable, match="two files hold samples of the task 'arc'"):
        open_folder(str(tmp_path))


# MLflow.


def test_a_table_that_mlflow_logged_is_read() -> None:
    found = opened(KEPT / "eval_results_table.json")
    assert sorted(by_id(found, "exact_match/v1/score").values()) == [[0.0], [1.0, 1.0]]
    assert np.isnan(found.numbers("toxicity/v1/score")[2])
    assert [(score.name, score.better) for score in found.scores] == [
        ("exact_match/v1/score", "higher"), ("toxicity/v1/score", "lower"),
    ]  # fmt: skip


@pytest.mark.parametrize(("document", "cause"), [
    ({"columns": ["inputs", "s/score"], "data": [["a"]]}, "row 1 has 1 cells where there are 2 columns"),
    ({"columns": ["inputs", "s/score", "inputs"], "data": [["a", 1, "a"]]}, "a column stands twice"),
    ({"columns": ["said", "s/score"], "data": [["a", 1]]}, "no column says which question"),
])  # fmt: skip
def test_a_table_of_another_shape_says_what_is_wrong(tmp_path: Path, document: Any, cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        opened(written(tmp_path, "eval_results_table.json", document))


# What is none of theirs, and what is hostile.


def test_bare_metrics_are_no_document_of_a_harness(tmp_path: Path) -> None:
    assert open_json(str(written(tmp_path, "m.json", {"f1": 0.5}))) is None


@pytest.mark.parametrize("content", [
    '{"results": {"results": [' + "[" * 100_000, '{"a": 1, "a": 2}', "\xff", '{"a": ' + "9" * 10_000 + "}", "",
])  # fmt: skip
def test_hostile_json_is_one_clear_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "m.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(Unreadable):
        open_json(str(file))


def test_a_document_too_large_for_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    with file.open("wb") as stream:
        stream.truncate((256 << 20) + 1)
    with pytest.raises(Unreadable, match="larger than 256 MiB"):
        open_json(str(file))


def test_more_fields_than_a_table_has_columns_are_refused(tmp_path: Path) -> None:
    metadata = {f"field{number}": number for number in range(harness.rows.MOST_COLUMNS + 1)}
    with pytest.raises(Unreadable, match="more than 1000 different fields"):
        opened(written(tmp_path, "log.json", log(samples=[{"id": 1, "metadata": metadata}])))
