"""Every way ``history`` and ``verify`` can end, each with exactly one exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from recorded import Writer

from mlci.cli.main import run
from mlci.errors import Exit, MlciError, ServiceFailed, catalogue
from mlci.surface.catalog import command_named
from mlci.testing.ledger import MemoryLedger

MODEL = "late-trips"
Spoil = Callable[[MemoryLedger, pytest.MonkeyPatch], Any]


def nothing(ledger: MemoryLedger, _: pytest.MonkeyPatch) -> None:
    ledger.kept.clear()


def as_it_is(*_: Any) -> None:
    """Version 1 in production, by evidence of which the ledger keeps its own word alone."""


def silent(ledger: MemoryLedger, _: pytest.MonkeyPatch) -> None:
    ledger.error = ServiceFailed("it did not answer")


def garbled(ledger: MemoryLedger, _: pytest.MonkeyPatch) -> None:
    ledger.kept[MODEL][1] = b"{}"


def edited(ledger: MemoryLedger, _: pytest.MonkeyPatch) -> None:
    ledger.kept[MODEL][1] = ledger.kept[MODEL][1].replace(b"it is better", b"it is worse!")


def no_approval(ledger: MemoryLedger, _: pytest.MonkeyPatch) -> None:
    Writer(ledger, model=MODEL).decide("2", "2" * 64, chain={"approval": b"nobody's word"})


def failing(command: str, error: BaseException) -> Spoil:
    def spoil(_: MemoryLedger, patch: pytest.MonkeyPatch) -> None:
        def instead(*_: Any) -> None:
            raise error

        patch.setattr(f"mlci.cli.{command}.ledger_of", instead)

    return spoil


@dataclass(frozen=True)
class Ending:
    """A command over a ledger in memory, its exit, and the error it must name."""

    exit: int
    arguments: tuple[str, ...]
    spoil: Spoil = as_it_is
    error: str | None = None


HISTORY = [
    Ending(0, ("history",)),
    Ending(0, ("history", "--figures", "true", "--format", "markdown")),
    Ending(1, ("history",), failing("history", ZeroDivisionError())),
    Ending(2, ("history", "--on", "yesterday"), error="U001"),
    Ending(3, ("history",), nothing),
    Ending(3, ("history", "--stage", "dev")),
    Ending(4, ("history",), silent, "S001"),
    Ending(5, ("history",), garbled, "L001"),
    Ending(5, ("history",), edited),
    Ending(5, ("history",), no_approval, "L003"),
    Ending(130, ("history",), failing("history", KeyboardInterrupt())),
]
# That the promotion names no evidence of its model is a failure in itself, so that a pass is another test's.
ALONE = ("verify", "--registry", "false")
VERIFY = [
    Ending(1, ALONE, failing("verify", ZeroDivisionError())),
    Ending(2, (*ALONE, "--head", "HEAD"), error="U001"),
    Ending(3, ALONE, nothing),
    Ending(4, ALONE, silent, "S001"),
    Ending(5, ALONE),
    Ending(5, ALONE, garbled),
    Ending(130, ALONE, failing("verify", KeyboardInterrupt())),
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    Path("mlci.yml").write_text(f"model: {MODEL}\n")


@pytest.mark.parametrize("ending", [*HISTORY, *VERIFY])
def test_each_ending_has_its_exit_and_its_error(
    ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = MemoryLedger()
    Writer(ledger, model=MODEL).decide("1", "1" * 64)
    for command in ("history", "verify"):
        monkeypatch.setattr(f"mlci.cli.{command}.ledger_of", lambda *_: ledger)
    ending.spoil(ledger, monkeypatch)
    assert run(ending.arguments, {}) == ending.exit
    said = capsys.readouterr().err
    assert ("error[" in said) == (ending.error is not None)
    assert f"error[{ending.error}]" in said or ending.error is None


def test_each_error_has_the_exit_it_declares() -> None:
    exits: dict[str, type[MlciError]] = {kind.id: kind for kind in catalogue()}
    assert all(each.exit == exits[each.error].exit for each in (*HISTORY, *VERIFY) if each.error is not None)


@pytest.mark.parametrize(("command", "endings"), [("history", HISTORY), ("verify", [Ending(0, ALONE), *VERIFY])])
def test_the_exits_that_are_declared_are_those_that_are_reached(command: str, endings: list[Ending]) -> None:
    assert {Exit(each) for each in command_named(command).exits} == {Exit(each.exit) for each in endings}
