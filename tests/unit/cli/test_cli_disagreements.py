"""disagreements: which examples a label is worth most for, and what becomes of the labels."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlci.cli.main import run

REQUESTS = Path("labels-wanted.csv")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, head: str, rows: Iterable[Iterable[Any]]) -> None:
    Path(name).write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    code = run(["disagreements", "--candidate", "c.csv", "--baseline", "b.csv", "--format", "json", *arguments], {})
    shown = capsys.readouterr()
    return code, json.loads(shown.out or "{}"), shown.err


def requests(path: Path = REQUESTS) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def labels(n: int = 2000, differing: int = 100) -> np.ndarray:
    """Two models that differ on every so manieth example; the candidate is right in two of three of these."""
    truth = np.random.default_rng(1).integers(0, 2, n)
    differs = np.zeros(n, dtype=bool)
    differs[:: n // differing] = True
    better = differs & (np.arange(n) // (n // differing) % 3 > 0)
    wrong = ~differs & (np.arange(n) % 10 == 1)
    candidate = np.where(wrong | (differs & ~better), 1 - truth, truth)
    production = np.where(differs, 1 - candidate, candidate)
    write("c.csv", "id,y_pred", zip((f"e{at:05}" for at in range(n)), candidate, strict=True))
    write("b.csv", "id,y_pred", zip((f"e{at:05}" for at in reversed(range(n))), production[::-1], strict=True))
    return truth


def test_disagreements_are_counted_without_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    labels()
    code, found, _ = asked(capsys, "--margin", "0.01")
    assert code == 0
    assert (found["n"], found["disagreements"], found["discordance"]) == (2000, 100, 0.05)
    assert found["interval"] == pytest.approx([0.0426, 0.0586], abs=5e-4)
    assert found["decisions"] == [{"margin": 0.01, "rows": 3092, "labels": 155}]
    assert [row["id"] for row in requests()] == [f"e{at:05}" for at in range(0, 2000, 20)]
    assert {(row["y_true"], row["asked"]) for row in requests()} == {("", "disagreement")}


def test_scores_that_are_farther_apart_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    write("c.csv", "id,score", [("a", 0.9), ("b", 0.51), ("c", 0.2), ("d", 0.6)])
    write("b.csv", "id,score", [("a", 0.1), ("b", 0.49), ("c", 0.4), ("d", 0.2)])
    asked(capsys, "--show", "true")
    assert [(row["id"], row["production"], row["candidate"]) for row in requests()] == [
        ("a", "0", "1"), ("d", "0", "1"), ("b", "0", "1")
    ]  # fmt: skip


def test_values_disagree_beyond_what_is_said_to_be_apart(capsys: pytest.CaptureFixture[str]) -> None:
    write("c.csv", "id,y_pred", [("a", 10.5), ("b", 20.25), ("c", 33.0), ("d", "")])
    write("b.csv", "id,y_pred", [("a", 10.0), ("b", 20.0), ("c", 30.5), ("d", 40.5)])
    code, _, said = asked(capsys)
    assert code == 2
    assert "give --apart" in said
    code, found, _ = asked(capsys, "--apart", "0.25")
    assert (code, found["disagreements"]) == (0, 3)
    assert [row["id"] for row in requests()] == ["d", "c", "a"]


def test_what_is_chosen_by_chance_depends_on_ids_alone(capsys: pytest.CaptureFixture[str]) -> None:
    labels()
    asked(capsys, "--limit", "30", "--agreements", "20")
    first = requests()
    assert [row["asked"] for row in first] == ["disagreement"] * 30 + ["agreement"] * 20
    every = [f"e{at:05}" for at in range(0, 2000, 20)]
    assert {row["id"] for row in first[:30]} == set(sorted(every, key=lambda id: sha256(id.encode()).digest())[:30])
    lines = Path("c.csv").read_text().splitlines()
    Path("c.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    asked(capsys, "--limit", "30", "--agreements", "20", "--requests", "again.csv")
    assert requests(Path("again.csv")) == first


def test_a_list_with_labels_in_it_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    labels()
    REQUESTS.write_text("mine")
    code, _, said = asked(capsys)
    assert (code, REQUESTS.read_text()) == (2, "mine")
    assert "labels in it would be lost" in said


def labelled(truth: np.ndarray, *, every: int = 1) -> None:
    rows = [(row["id"], truth[int(row["id"][1:])] if at % every == 0 else "") for at, row in enumerate(requests())]
    write("labels.csv", "id,y_true", rows)


def judged(*arguments: str) -> dict[str, Any]:
    run(
        ["gate-compare", "--candidate", "labelled/candidate.csv", "--baseline", "labelled/production.csv",
         "--metrics", "accuracy", *arguments], {},
    )  # fmt: skip
    return dict(json.loads(Path(".mlci/report/gate-compare.json").read_text())["findings"][0])


def test_labels_of_disagreements_and_some_agreements_tell_what_all_labels_would(
    capsys: pytest.CaptureFixture[str],
) -> None:
    truth = labels()
    for name in ("b", "c"):
        rows = [line.split(",") for line in Path(f"{name}.csv").read_text().splitlines()[1:]]
        write(f"full-{name}.csv", "id,y_true,y_pred", ((id, truth[int(id[1:])], pred) for id, pred in rows))
    run(["gate-compare", "--candidate", "full-c.csv", "--baseline", "full-b.csv", "--metrics", "accuracy"], {})
    full = json.loads(Path(".mlci/report/gate-compare.json").read_text())["findings"][0]
    capsys.readouterr()
    asked(capsys, "--agreements", "300")
    labelled(truth)
    code, found, _ = asked(capsys, "--labels", "labels.csv")
    assert (code, found["labelled"]) == (0, {"file": "labelled", "disagreements": 100, "agreements": 300})
    part = judged()
    assert part["n"] == 400
    assert part["difference"] == pytest.approx(full["difference"], abs=1e-12)
    assert part["standard_error"] == pytest.approx(full["standard_error"], rel=0.05)
    assert part["candidate"] == pytest.approx(full["candidate"], abs=0.03)


def test_labels_of_disagreements_alone_come_with_the_tolerance_that_fits_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    truth = labels()
    asked(capsys)
    labelled(truth, every=2)
    run(["disagreements", "--candidate", "c.csv", "--baseline", "b.csv", "--labels", "labels.csv"], {})
    said = " ".join(capsys.readouterr().out.split())
    assert "holds both models on the labels of 50 disagreements and 0 agreements" in said
    assert "A tolerance of 0.01 on all examples is 0.2 there." in said
    assert judged("--tolerance", "0.2")["n"] == 50


def test_an_id_that_a_spreadsheet_would_run_comes_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    write("c.csv", "id,y_pred", [("=a", 1), ("b", 0)])
    write("b.csv", "id,y_pred", [("=a", 0), ("b", 0)])
    asked(capsys)
    assert [row["id"] for row in requests()] == ["'=a"]
    write("labels.csv", "id,y_true", [("'=a", 1)])
    asked(capsys, "--labels", "labels.csv")
    assert Path("labelled/candidate.csv").read_text() == "id,y_true,y_pred\n=a,1,1\n"


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([("nobody", 1)], 3, "labels are of examples that neither file has"),
        ([("e00000", "")], 3, "no example has a label yet"),
        ([("e00001", 1)], 3, "no example on which the models disagree has a label"),
        ([("e00000", 1), ("e00000", 1)], 3, "more than once"),
    ],
)
def test_labels_that_cannot_be_joined_are_one_error(
    capsys: pytest.CaptureFixture[str], rows: list[tuple[str, Any]], code: int, said: str
) -> None:
    labels()
    write("labels.csv", "id,y_true", rows)
    found = asked(capsys, "--labels", "labels.csv")
    assert found[0] == code
    assert said in found[2]
    assert not Path("labelled").exists()


def test_an_id_is_one_example_whatever_the_gate_makes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    write("c.csv", "id,y_pred", [("a", 1), ("a", 0)])
    write("b.csv", "id,y_pred", [("a", 0), ("a", 0)])
    Path("mlci.yml").write_text("evaluate: {duplicates: cluster}\n")
    code, _, said = asked(capsys)
    assert code == 3
    assert "more than once" in said


def test_two_models_that_agree_ask_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    labels()
    Path("b.csv").write_text(Path("c.csv").read_text())
    code, found, _ = asked(capsys)
    assert (code, found["disagreements"], found["decisions"]) == (0, 0, [])
    assert not REQUESTS.exists()


def test_the_size_of_a_sample_is_told_by_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    labels()
    code = run(
        ["sample-size", "--margin", "0.01", "--candidate", "c.csv", "--baseline", "b.csv", "--format", "json"], {}
    )
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [each["rows"] for each in found["needs"]] == [3092, 3626]
    assert "differ on 100 of 2 000 examples" in found["notes"][0]
