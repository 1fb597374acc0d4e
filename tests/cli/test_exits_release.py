"""What goes wrong while a model is released has one exit and one error each, and the report says that nothing moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlci.cli.main import run
from mlci.errors import (
    AliasMoved,
    ApprovalMissing,
    CannotTell,
    ChainBroken,
    Exit,
    LedgerBroken,
    LedgerMoved,
    MlciError,
    NotServing,
    PromotionRefused,
)
from mlci.surface.catalog import command_named

PROMOTE = ("promote", "--version", "1", "--to", "production")
ROLLBACK = ("rollback", "--stage", "production", "--reason", "it is worse than it looked")
# Each error, its id and its exit, as a user meets them.
ERRORS: list[tuple[type[MlciError], str, int]] = [
    (LedgerBroken, "L001", 5),
    (LedgerMoved, "L002", 13),
    (ChainBroken, "L003", 5),
    (ApprovalMissing, "H001", 12),
    (CannotTell, "H002", 12),
    (PromotionRefused, "P001", 13),
    (AliasMoved, "P002", 13),
    (NotServing, "P003", 13),
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlci.yml").write_text(
        "model: churn\ntrain: python train.py\ndata: {train: train.csv, holdout: holdout.csv}\n"
        "evaluate: {target: y, id: id}\n"
    )


@pytest.mark.parametrize(
    ("words", "kind", "id", "exit"),
    [
        pytest.param(words, *each, id=f"{words[0]}-{each[1]}")
        for words in (PROMOTE, ROLLBACK)
        for each in ERRORS
        # A rollback asks nobody: its target was agreed to when it was promoted.
        if words is PROMOTE or each[2] != Exit.APPROVAL
    ],
)
def test_each_error_of_a_release_has_its_exit_and_nothing_is_said_to_have_moved(
    words: tuple[str, ...], kind: type[MlciError], id: str, exit: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def instead(*_: object) -> None:
        raise kind("it is so", help="do something about it")

    monkeypatch.setattr(f"mlci.cli.{words[0]}.desk_of", instead)

    assert run(words, {}) == exit

    said = capsys.readouterr().err
    assert f"error[{id}]: it is so" in said
    report = json.loads(Path(f".mlci/report/{words[0]}.json").read_text())
    assert report["verdict"] in ("fail", "inconclusive")
    assert "it is so" in json.dumps(report)
    assert Exit(exit) in command_named(words[0]).exits


@pytest.mark.parametrize("words", [PROMOTE, ROLLBACK], ids=lambda words: words[0])
def test_without_a_repository_there_is_no_ledger_and_one_clear_error(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words, {}) == 2

    assert capsys.readouterr().err.count("error[") == 1
