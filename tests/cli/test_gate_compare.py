"""What gate-compare leaves behind: its report in every face, its evidence, and what it prints."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import rfc8785
from cli.running import SILENT, pushed

from mlci.cli.main import run

REPORT = Path(".mlci/report/gate-compare.json")
EVIDENCE = Path(".mlci/evidence/gate.json")
JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv")


def predictions(n: int = 400, *, wrong: int = 20, region: bool = False) -> str:
    header = "id,y,pred" + (",region" if region else "")
    rows = (f"e{row},{row % 2},{row % 2 ^ (row < wrong)}" + (f",r{row % 4 // 2}" if region else "") for row in range(n))
    return "\n".join((header, *rows)) + "\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(predictions(wrong=20))
    Path("b.csv").write_text(predictions(wrong=24))


def report() -> dict[str, Any]:
    return dict(json.loads(REPORT.read_text()))


def sha256(path: Path | str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_every_face_and_the_evidence_are_written_and_nothing_else() -> None:
    assert run(JUDGE, {}) == 0
    written = sorted(str(path) for path in Path(".mlci").rglob("*") if path.is_file())
    assert written == [
        str(EVIDENCE),
        *(str(REPORT.with_suffix(ending)) for ending in (".flips.csv", ".html", ".json", ".junit.xml", ".md")),
    ]


def test_the_report_names_the_digest_of_the_evidence_file_and_of_both_inputs() -> None:
    run(JUDGE, {})
    said = report()
    assert said["evidence"] == {"gate": sha256(EVIDENCE)}
    assert said["candidate"] == {"name": "c.csv", "digest": sha256("c.csv")}
    assert said["baseline"] == {"name": "b.csv", "digest": sha256("b.csv")}


def test_the_evidence_file_is_canonical_and_its_subject_is_the_candidates_file() -> None:
    run(JUDGE, {})
    statement = json.loads(EVIDENCE.read_bytes())
    assert rfc8785.dumps(statement) == EVIDENCE.read_bytes()
    assert statement["subject"] == [{"name": "c.csv", "digest": {"sha256": sha256("c.csv")}}]


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_all_faces_tell_one_verdict(verdict: str) -> None:
    if verdict == "fail":
        Path("c.csv").write_text(predictions(wrong=150))
    run(JUDGE, {})
    assert report()["verdict"] == verdict
    assert json.loads(EVIDENCE.read_text())["predicate"]["verdict"] == verdict
    assert verdict in REPORT.with_suffix(".md").read_text()
    assert verdict in REPORT.with_suffix(".html").read_text()
    suite = ElementTree.parse(REPORT.with_suffix(".junit.xml")).getroot()
    assert (len(list(suite.iter("failure"))) > 0) is (verdict == "fail")


@pytest.mark.parametrize(("format", "begins"), [("json", "{"), ("markdown", ""), ("html", "<!"), ("text", "")])
def test_the_format_asked_for_goes_to_stdout_and_paths_to_stderr(
    format: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run((*JUDGE, "--format", format), {})
    out, err = capsys.readouterr()
    assert out.lstrip().startswith(begins)
    assert str(EVIDENCE) not in out
    assert f"evidence: {EVIDENCE}" in err
    if format == "json":
        assert json.loads(out) == report()


def test_printed_json_is_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    run((*JUDGE, "--format", "json"), {})
    assert capsys.readouterr().out.encode() == REPORT.read_bytes()


def test_annotations_are_printed_for_github_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("c.csv").write_text(predictions(wrong=150))
    run(JUDGE, {})
    assert "::error" not in capsys.readouterr().err
    assert run((*JUDGE, *SILENT), pushed(tmp_path / "runner")) == 11
    assert "::error" in capsys.readouterr().err


def test_report_and_evidence_go_where_they_are_sent() -> None:
    assert run((*JUDGE, "--report", "out/r.json", "--evidence", "proof/e.json"), {}) == 0
    said = json.loads(Path("out/r.json").read_text())
    assert said["evidence"]["gate"] == sha256("proof/e.json")
    assert not Path(".mlci").exists()


@pytest.mark.parametrize("given_by", ["flag", "environment", "file"])
def test_a_tolerance_holds_wherever_it_is_given(given_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    more: tuple[str, ...] = ()
    if given_by == "flag":
        more = ("--tolerance", "0.07")
    elif given_by == "environment":
        monkeypatch.setenv("MLCI_GATE_COMPARE_TOLERANCE", "0.07")
    else:
        Path("mlci.yml").write_text("validation: {tolerance: -0.07}\n")
    run((*JUDGE, *more), os.environ)
    assert {each["margin"] for each in report()["findings"]} == {0.07}


def test_the_smallest_configuration_judges_limit_and_loss_together() -> None:
    Path("mlci.yml").write_text(
        "model: churn\nvalidation:\n  min_f1: 0.88\n  compare_to: production\n  tolerance: -0.05\n"
    )
    assert run(JUDGE, {}) == 0
    said = report()
    assert said["model"] == "churn"
    assert [each["id"] for each in said["findings"]] == ["compare:f1", "minimum:f1"]


def test_without_configuration_everything_that_was_guessed_is_said() -> None:
    run(JUDGE, {})
    said = "\n".join(report()["assumptions"])
    for part in (
        "columns by their names: id = id",
        "task: binary",
        "positive class: 1",
        "metrics: accuracy, f1",
        "tolerance: one point",
    ):
        assert part in said


def test_slices_asked_for_by_flag_are_judged() -> None:
    for name, wrong in (("c.csv", 20), ("b.csv", 24)):
        Path(name).write_text(predictions(wrong=wrong, region=True))
    run((*JUDGE, "--slices", "region", "--metrics", "accuracy"), {})
    assert [each.get("slice") for each in report()["findings"]] == [None, "region=r0", "region=r1"]


def test_a_second_run_replaces_the_first_whole() -> None:
    run(JUDGE, {})
    first = {path: path.read_bytes() for path in Path(".mlci").rglob("*") if path.is_file()}
    Path("c.csv").write_text(predictions(wrong=150))
    assert run(JUDGE, {}) == 11
    assert all(path.read_bytes() != before for path, before in first.items())
    Path("c.csv").write_text(predictions(wrong=20))
    run(JUDGE, {})
    assert {path: path.read_bytes() for path in Path(".mlci").rglob("*") if path.is_file()} == first


def test_numbers_in_the_report_have_at_most_twelve_digits_and_are_finite() -> None:
    run(JUDGE, {})

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            list(map(walk, value.values()))
        elif isinstance(value, list):
            list(map(walk, value))
        elif isinstance(value, float):
            assert value == float(f"{value:.12g}")
            assert abs(value) < 1e300

    walk(report())
    assert "null" not in REPORT.read_text()


HOSTILE = "</td><script>x</script>|`$(id)`\r\n::error::owned\x1b[31m\u202e"


@pytest.mark.parametrize("on_github", [False, True])
def test_hostile_words_in_the_data_reach_no_face_alive(
    on_github: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    environ = pushed(tmp_path / "runner") if on_github else {}
    for name, wrong in (("c.jsonl", 150), ("b.jsonl", 10)):
        rows = [
            {"id": f"e{row}", "y": row % 2, "pred": row % 2 ^ (row < wrong), f"slice_{HOSTILE}": HOSTILE}
            for row in range(400)
        ]
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(("gate-compare", "--candidate", "c.jsonl", "--baseline", "b.jsonl", *SILENT), environ) == 11
    out, err = capsys.readouterr()
    assert ("::error title" in err) is on_github
    page = [Path(environ["GITHUB_STEP_SUMMARY"]).read_text()] if on_github else []
    for text in (out, err, REPORT.with_suffix(".md").read_text(), *page):
        assert "\n::error::owned" not in text
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
    for face in (".html", ".md"):
        assert "<script>x" not in REPORT.with_suffix(face).read_text()
    ElementTree.parse(REPORT.with_suffix(".junit.xml"))
    assert json.loads(EVIDENCE.read_text())["predicate"]["verdict"] == "fail"
