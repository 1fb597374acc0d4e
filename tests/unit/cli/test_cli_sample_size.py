"""sample-size: what it prints, and the one error for a question without sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlci.cli.main import run


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["sample-size", *arguments], {})
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_discordance_several_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = asked(capsys, "--margin", "0.005", "--rows", "5000", "--format", "json")
    needs: list[dict[str, Any]] = json.loads(out)["needs"]

    assert code == 0
    assert [(each["discordance"], each["rows"]) for each in needs] == [
        (0.02, 4_947), (0.05, 12_366), (0.1, 24_731), (0.2, 49_461)
    ]  # fmt: skip
    assert [round(100 * each["detectable"], 2) for each in needs] == [0.5, 0.79, 1.11, 1.57]


def test_more_looks_take_more_rows_and_only_full_adaptivity_takes_many_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def rows(*arguments: str) -> int:
        out = asked(capsys, "--margin", "0.01", "--discordance", "0.1", "--format", "json", *arguments)[1]
        return int(json.loads(out)["needs"][0]["rows"])

    one, thirty = rows(), rows("--steps", "32")
    assert 6_183 == one < thirty == rows("--steps", "32", "--adaptivity", "first-change")
    assert thirty < 4 * one < rows("--steps", "32", "--adaptivity", "full")


def test_the_configuration_says_the_confidence(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("validation: {confidence: 0.9}\n")
    of_file = json.loads(asked(capsys, "--margin", "0.01", "--format", "json")[1])
    of_flag = json.loads(asked(capsys, "--margin", "0.01", "--format", "json", "--confidence", "0.99")[1])

    assert of_file["question"]["confidence"] == of_file["question"]["reliability"] == 0.9
    assert of_flag["question"]["confidence"] == 0.99


def test_the_configuration_says_how_often_the_holdout_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("validation: {holdout: {steps: 8, reuse: full}}\n")
    of_file = json.loads(asked(capsys, "--margin", "0.01", "--format", "json")[1])
    of_flag = json.loads(asked(capsys, "--margin", "0.01", "--format", "json", "--steps", "2")[1])

    assert of_file["alpha"] == pytest.approx(0.05 / 8)
    assert of_flag["alpha"] == pytest.approx(0.05 / 2)


def test_markdown_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--kind", "auc", "--auc", "0.87", "--positives", "200", "--negatives", "800", "--correlation", "0.8")
    out = asked(capsys, *arguments, "--margin", "0.01", "--format", "markdown")[1]

    assert "| ROC AUC of both | examples needed |\n| --- | ---: |\n| 0&#46;8700 | 6 910 |" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "sample-size needs --margin or --rows"),
        (("--margin", "one"), "--margin must be a number"),
        (("--margin", "0"), "--margin must be above 0 and below 1"),
        (("--margin", "nan"), "--margin must be above 0"),
        (("--rows", "10.5"), "--rows must be a whole number"),
        (("--margin", "0.1", "--steps", "1001"), "--steps must be from 1 to 1000"),
        (("--margin", "0.1", "--sd", "1"), "--sd is for --kind mean, and the kind is share"),
        (("--margin", "0.1", "--kind", "mean"), "--kind mean needs --sd"),
        (("--margin", "0.1", "--kind", "auc", "--auc", "0.9"), "--kind auc needs --positives"),
        (("--margin", "0.1", "--discordance", "1.5"), "--discordance must be above 0 and below 1"),
        (("--margin", "0.1", "--power", "1"), "--power must be above 0.5 and below 1"),
    ],
)
def test_a_question_without_sense_is_one_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = asked(capsys, *arguments)

    assert (code, out) == (2, "")
    assert said in err


def test_plan_with_a_margin_names_the_command_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--margin", "0.01"], {}) == 2
    assert "--margin is an option of mlci sample-size" in capsys.readouterr().err
