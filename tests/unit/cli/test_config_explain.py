"""``mlci config explain``: what holds, where it comes from, and nothing that is secret or dangerous to print."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlci.cli.main import run
from mlci.config.resolve import resolve
from mlci.errors import Exit
from mlci.surface.pipeline import STEPS


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def explained(
    capsys: pytest.CaptureFixture[str], *options: str, environ: dict[str, str] | None = None
) -> dict[str, Any]:
    assert run(["config", "explain", "--format", "json", *options], environ or {}) == Exit.PASS
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "mlci.config/1"
    return {row["key"]: (row["value"], row["source"]) for row in document["values"]}


def test_without_a_file_every_key_stands_at_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    rows = explained(capsys)

    assert list(rows) == list(resolve(None, ()).values)
    assert {source["kind"] for _, source in rows.values()} == {"default"}
    assert rows["code.budget"][0] == "5m"


def test_a_value_of_the_file_names_line_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("validation:\n  tolerance: -10%\n  min-auc: 0.8\n")
    rows = explained(capsys)

    assert rows["validation.tolerance"] == ("10%", {"kind": "file", "name": "mlci.yml:2:14"})
    assert rows["validation.metrics.roc_auc.min"] == (0.8, {"kind": "file", "name": "mlci.yml:3:12"})


def test_a_value_from_a_variable_is_shown_as_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("registry: https://${USER}:${PASS}@host/\nevaluate:\n  slices: [a, '${SECRET}']\n")
    environ = {"USER": "someone", "PASS": "hunter2", "SECRET": "hunter3"}

    assert run(["config", "explain"], environ) == 0
    text = capsys.readouterr().out
    rows = explained(capsys, environ=environ)

    assert "hunter" not in text + json.dumps(rows)
    assert rows["evaluate.slices"][0] == "[a, ${SECRET}]"
    assert "[a, ${SECRET}]" in text


def test_credentials_in_an_address_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("registry: postgresql://someone:hunter2@host/db\n")

    assert explained(capsys)["registry.uri"][0] == "postgresql://***@host/db"


def test_a_command_is_explained_with_the_variables_that_it_would_see(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mlci.yml").write_text("validation: {tolerance: 0.03}\n")
    environ = {"MLCI_GATE_COMPARE_TOLERANCE": "1%", "MLCI_GATE_COMPARE_SLICES": "a\nb", "MLCI_GATE_COMPARE_ID": ""}
    plain = explained(capsys, environ=environ)
    rows = explained(capsys, "--command", "gate-compare", environ=environ)

    assert plain["validation.tolerance"][0] == 0.03
    assert rows["validation.tolerance"] == ("1%", {"kind": "environment", "name": "MLCI_GATE_COMPARE_TOLERANCE"})
    assert rows["evaluate.slices"] == (["a", "b"], {"kind": "environment", "name": "MLCI_GATE_COMPARE_SLICES"})
    assert rows["evaluate.id"][1] == {"kind": "default"}


def test_a_command_that_does_not_exist_cannot_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "explain", "--command", "gate"], {}) == Exit.USAGE
    steps = ", ".join(step.name for step in STEPS)
    assert f"--command must be one of {steps}, got 'gate'" in capsys.readouterr().err


def test_a_wrong_file_is_not_explained(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("modle: churn\n")

    assert run(["config", "explain"], {}) == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_text_is_one_line_for_each_key_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text(
        'train: "\\e[2J one\\ntwo"\n'
        'evaluate: {slices: ["\\u202e", "${ODD}"]}\n'
        'validation: {metrics: ["caf\\u00e9 \\u2028"]}\n'
    )
    assert run(["config", "explain"], {"ODD": "x"}) == Exit.PASS
    lines = capsys.readouterr().out.rstrip("\n").split("\n")

    assert all(line.isprintable() for line in lines)
    assert any(r"\u001b[2J one\ntwo" in line for line in lines)


def test_a_file_of_another_name_is_named_as_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("sub/other.yml").write_text("model: churn\n")

    assert explained(capsys, "--config", f"sub{os.sep}other.yml")["model"][1]["name"] == "sub/other.yml:1:8"
