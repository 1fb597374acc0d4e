"""The folder that a workflow uploads holds exactly what a later run needs, whatever was there before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from keeping import CSV, evidence

from mlci.adapters.baselines import clear, fill
from mlci.errors import BaselineBroken, FileMissing, NotWritable


@pytest.fixture(name="keep")
def _keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("candidate.csv").write_bytes(CSV)
    return Path(".mlci/keep")


def content(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def siblings() -> list[str]:
    return [entry.name for entry in Path(".mlci").iterdir()]


def test_a_change_leaves_its_evidence_only(keep: Path) -> None:
    fill(str(keep), evidence())

    assert content(keep) == {"gate.json": evidence()}


def test_what_an_earlier_run_left_is_replaced_whole(keep: Path) -> None:
    Path("other.jsonl").write_bytes(b'{"id": 1}\n')
    fill(str(keep), evidence(b'{"id": 1}\n', "other.jsonl"), "other.jsonl")
    fill(str(keep), evidence(), "candidate.csv")
    assert content(keep) == {"gate.json": evidence(), "predictions.csv": CSV}

    fill(str(keep), evidence())
    assert content(keep) == {"gate.json": evidence()}
    assert siblings() == ["keep"]


def test_an_earlier_run_s_files_are_cleared_so_that_a_run_that_fails_uploads_nothing(keep: Path) -> None:
    clear(str(keep))
    fill(str(keep), evidence(), "candidate.csv")

    clear(str(keep))

    assert content(keep) == {}


@pytest.mark.parametrize("entry", ["notes.txt", ".git", "predictions.exe", "gate.json.bak"])
def test_a_folder_with_anything_else_in_it_is_left_as_it_is(keep: Path, entry: str) -> None:
    fill(str(keep), evidence(), "candidate.csv")
    (keep / entry).write_bytes(b"mine")
    before = content(keep)

    for replace in (lambda: fill(str(keep), evidence()), lambda: clear(str(keep))):
        with pytest.raises(NotWritable, match="did not write"):
            replace()

    assert content(keep) == before
    assert siblings() == ["keep"]


def test_no_link_is_followed(keep: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "gate.json").write_bytes(b"not ours")
    keep.parent.mkdir()
    keep.symlink_to(elsewhere)
    with pytest.raises(NotWritable, match="not a folder"):
        fill(str(keep), evidence())

    keep.unlink()
    keep.mkdir()
    (keep / "gate.json").symlink_to(elsewhere / "gate.json")
    with pytest.raises(NotWritable, match="did not write"):
        fill(str(keep), evidence())

    keep.joinpath("gate.json").unlink()
    keep.joinpath("gate.json").mkdir()
    with pytest.raises(NotWritable, match="did not write"):
        fill(str(keep), evidence())
    assert content(elsewhere) == {"gate.json": b"not ours"}


def test_predictions_that_are_a_link_are_kept_as_what_they_lead_to(keep: Path) -> None:
    Path("linked.csv").symlink_to("candidate.csv")

    fill(str(keep), evidence(name="linked.csv"), "linked.csv")

    assert not (keep / "predictions.csv").is_symlink()
    assert content(keep)["predictions.csv"] == CSV


def test_predictions_that_changed_since_they_were_judged_are_not_kept(keep: Path) -> None:
    Path("candidate.csv").write_bytes(CSV + b"e3,1,0\n")

    with pytest.raises(BaselineBroken, match="no longer the file that was judged"):
        fill(str(keep), evidence(), "candidate.csv")

    assert siblings() == []


def test_predictions_that_are_gone_are_one_clear_error(keep: Path) -> None:
    with pytest.raises(FileMissing, match=r"cannot read gone\.csv"):
        fill(str(keep), evidence(), "gone.csv")


def test_a_run_that_is_stopped_while_it_fills_leaves_no_half_of_it(keep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(str(keep), evidence(), "candidate.csv")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        fill(str(keep), evidence(), "candidate.csv")

    assert content(keep) == {}
    assert siblings() == ["keep"]


def test_what_is_left_of_a_folder_whose_clearing_was_stopped_is_no_kept_run(
    keep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(str(keep), evidence(), "candidate.csv")
    unlink = Path.unlink

    def stopped_after_one(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", stopped_after_one)
    with pytest.raises(KeyboardInterrupt):
        clear(str(keep))

    assert "gate.json" not in content(keep)


def test_another_user_may_read_what_is_kept(keep: Path) -> None:
    before = os.umask(0o022)
    try:
        fill(str(keep), evidence(), "candidate.csv")
    finally:
        os.umask(before)

    assert stat.S_IMODE(keep.stat().st_mode) == 0o755


def test_a_path_that_is_no_folder_or_cannot_be_one_is_one_clear_error(keep: Path) -> None:
    keep.parent.mkdir()
    keep.write_bytes(b"a file")
    with pytest.raises(NotWritable, match="is not a folder"):
        fill(str(keep), evidence())
    with pytest.raises(NotWritable, match="cannot write"):
        fill(str(keep / "below"), evidence())
