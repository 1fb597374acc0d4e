"""data-check as a command: whose contract holds, what the data are compared with, and how each end is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import World, on_main

from mlci.cli.main import run
from mlci.domain.run import Change

POLICY = "model: m\ndata: {train: {path: train.csv, contract: c.yml}, holdout: hold.csv}\nevaluate: {id: id}\n"
STRICT = "columns: {x: {type: integer, max: 50}}\n"
LOOSE = "columns: {x: {type: integer, max: 500}}\n"
EVIDENCE, REPORT = Path(".mlci/evidence/data.json"), Path(".mlci/report/data-check.json")


def table(first: int, count: int, most: int = 60) -> str:
    return "id,x,z\n" + "".join(f"{row},{row * 7 % most},{row / 7:.4f}\n" for row in range(first, first + count))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text(table(0, 300, 40))
    Path("hold.csv").write_text(table(1000, 300, 40))
    Path("mlci.yml").write_text(POLICY)
    Path("c.yml").write_text(STRICT)
    return tmp_path


def check(*words: str, **environ: str) -> int:
    return run(("data-check", *words), environ)


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(REPORT.read_text())
    return found


def finding(id: str) -> dict[str, Any]:
    return next(one for one in report()["findings"] if one["id"] == id)


def predicate() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EVIDENCE.read_text())["predicate"]
    return found


def proposed(patch: pytest.MonkeyPatch, base: dict[str, str]) -> World:
    """A pull request with the files of this folder, to a branch that has those files."""
    memory = on_main().memory
    at = memory.commits.commit({name: text.encode() for name, text in base.items()})
    memory.commits.branches["main"] = at
    head = memory.commits.commit({"mlci.yml": Path("mlci.yml").read_bytes()}, at)
    change = Change(number=5, head=head, base=at, base_branch="main", fork=False)
    world = on_main()
    world = World(memory, replace(world.run, event="pull_request", commit=head, branch=None, change=change), at, head)
    patch.setattr("mlci.cli.data_check.forge_of", lambda *_: world.forge)
    return world


def test_data_that_meet_their_contract_pass_and_have_evidence() -> None:
    assert check() == 0

    said = predicate()
    assert said["verdict"] == "pass"
    assert [one["role"] for one in said["datasets"]] == ["train", "holdout"]
    assert all(one["outcome"] == "pass" for one in said["datasets"][0]["rules"])
    assert "there is no production model yet" in report()["assumptions"][0]


def test_a_column_of_ids_that_is_not_there_is_said() -> None:
    Path("mlci.yml").write_text(POLICY.replace("{id: id}", "{id: trp}"))
    check()
    assert any("no column trp, which evaluate.id names" in one for one in report()["assumptions"])


def test_data_that_break_a_rule_end_with_exit_10_and_the_rule_is_the_reason() -> None:
    Path("train.csv").write_text(table(0, 300))

    assert check() == 10
    assert "x" in report()["reason"]
    assert report()["verdict"] == "fail"
    assert predicate()["verdict"] == "fail"


def test_no_contract_is_said_to_be_none() -> None:
    Path("mlci.yml").write_text("model: m\ndata: {train: train.csv}\n")

    assert check() == 0
    assert any("no contract says" in one for one in report()["assumptions"])


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"PAR1\x00\x01PAR1", "train.parquet"), (b"id,x\n1,\xff\xfe\xfa\n", "train.csv"), (b"", "train.csv")],
)
def test_data_that_cannot_be_read_fail_with_a_report_and_evidence(content: bytes, word: str) -> None:
    Path(word).write_bytes(content)
    Path("mlci.yml").write_text(f"model: m\ndata: {{train: {word}}}\n")

    assert check() == 10
    assert report()["findings"][0]["verdict"] == "fail"
    assert predicate()["verdict"] == "fail"


def test_a_holdout_that_cannot_be_read_fails_the_check() -> None:
    Path("hold.csv").write_bytes(b"PAR1")
    Path("mlci.yml").write_text(POLICY.replace("hold.csv", "hold.parquet"))
    Path("hold.parquet").write_bytes(b"PAR1")

    assert check() == 10
    assert finding("data:unreadable[holdout]")["verdict"] == "fail"


def test_a_pointer_of_git_lfs_is_told_from_data() -> None:
    Path("train.csv").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 99\n")

    assert check() == 10
    assert "git lfs pull" in finding("data:unreadable[train]")["explanation"]


def test_data_that_are_not_there_are_a_mistake_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.csv").unlink()

    assert check() == 2
    assert "error[U002]" in capsys.readouterr().err


def test_a_broken_rule_stands_at_its_line_of_the_contract(here: Path) -> None:
    (here / "c.yml").write_text("columns:\n  id: integer\n  x:\n    type: integer\n    max: 20\n")

    assert check() == 10
    broken = finding("contract:train:x.between")
    assert (broken["file"], broken["line"]) == ("c.yml", 5)


def test_a_version_that_is_demanded_must_be_that_of_these_bytes() -> None:
    Path("mlci.yml").write_text(POLICY.replace("contract: c.yml", "contract: c.yml, version: dvc"))

    assert check() == 10
    assert finding("data:version[train]")["reason"] == "altered"


def test_a_version_beside_the_data_that_is_not_theirs_is_a_warning() -> None:
    Path("train.csv.dvc").write_text(f"outs:\n- {{md5: {'a' * 32}, hash: md5, path: train.csv}}\n")

    assert check() == 0
    assert finding("data:version[train]")["verdict"] == "warn"


def test_data_that_change_while_they_are_checked_end_without_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlci.steps import data_check

    judge = data_check.run

    def changing(*given: Any, **more: Any) -> Any:
        found = judge(*given, **more)
        Path("train.csv").write_text(table(1, 300, 40))
        return found

    monkeypatch.setattr(data_check, "run", changing)

    assert check() == 5
    assert "error[D004]" in capsys.readouterr().err
    assert not EVIDENCE.exists()
    assert report()["verdict"] == "inconclusive"


def test_evidence_of_an_earlier_run_does_not_outlive_one_that_fails() -> None:
    assert check() == 0
    Path("c.yml").write_text("columns: [")

    assert check() == 2
    assert not EVIDENCE.exists()
    assert not REPORT.exists()


# Compared with a file, or with evidence.


def test_rows_of_a_reference_file_are_told_from_new_ones_by_their_key() -> None:
    Path("before.csv").write_text(table(0, 280, 40))

    assert check("--reference", "before.csv") == 0
    since = predicate()["since"]
    assert (since["rows_before"], since["rows_now"], since["new_rows"], since["same"]) == (280, 300, 20, False)
    assert "by id" in since["how"]


def test_without_a_key_rows_are_told_apart_by_their_content() -> None:
    Path("mlci.yml").write_text(POLICY.replace("evaluate: {id: id}\n", ""))
    Path("before.csv").write_text(table(5, 280, 40))

    assert check("--reference", "before.csv") == 0
    assert predicate()["since"]["new_rows"] == 20


def test_the_evidence_of_other_data_is_a_reference(tmp_path: Path) -> None:
    assert check("--evidence", "before.json") == 0
    Path("train.csv").write_text(table(0, 330, 40))

    assert check("--reference", "before.json") == 0
    since = predicate()["since"]
    assert (since["rows_before"], since["new_rows"]) == (300, 30)
    assert check("--reference", "before.json", "--data", "train.csv") == 0


def test_the_very_same_bytes_bring_nothing_new() -> None:
    assert check("--evidence", "before.json") == 0

    assert check("--reference", "before.json") == 0
    since = predicate()["since"]
    assert (since["same"], since["new_rows"]) == (True, 0)


def test_a_reference_that_is_broken_evidence_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("before.json").write_text('{"_type":"https://in-toto.io/Statement/v1","predicate":{}}')

    assert check("--reference", "before.json") == 3
    assert "error[A001]" in capsys.readouterr().err


# Whose contract.


def test_the_branchs_contract_decides_and_a_softer_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("train.csv").write_text(table(0, 300))
    Path("c.yml").write_text(LOOSE)
    proposed(monkeypatch, {"mlci.yml": POLICY, "c.yml": STRICT})

    assert check() == 10
    changed = finding("policy:gate-changed")
    assert "the contract c.yml" in changed["message"]
    assert "would say pass" in changed["message"]


def test_a_stricter_contract_of_a_change_does_not_decide_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("train.csv").write_text(table(0, 300))
    proposed(monkeypatch, {"mlci.yml": POLICY, "c.yml": LOOSE})

    assert check() == 0
    assert report()["verdict"] == "warn"
    assert "would say fail" in finding("policy:gate-changed")["message"]


def test_a_contract_that_the_branch_has_not_yet_is_the_changes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed(monkeypatch, {"mlci.yml": POLICY})

    assert check() == 0
    assert finding("policy:contract-not-yet-merged")["reason"] == "policy-not-yet-merged"


def test_a_contract_that_the_change_brings_along_with_its_key_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("train.csv").write_text(table(0, 300))
    proposed(monkeypatch, {"mlci.yml": POLICY.replace(", contract: c.yml", "")})

    assert check() == 10
    assert finding("policy:contract-not-yet-merged")["verdict"] == "warn"


def test_a_contract_that_a_change_takes_away_still_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("train.csv").write_text(table(0, 300))
    Path("c.yml").unlink()
    proposed(monkeypatch, {"mlci.yml": POLICY, "c.yml": STRICT})

    assert check() == 10
    assert "to not set" in finding("policy:gate-changed")["message"]


def test_a_contract_outside_the_repository_is_no_policy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mlci.yml").write_text(POLICY.replace("c.yml", "../../c.yml"))
    proposed(monkeypatch, {"mlci.yml": Path("mlci.yml").read_text()})

    assert check() == 2
    assert "outside the repository" in capsys.readouterr().err


def test_a_forge_that_does_not_answer_is_no_reason_to_take_the_changes_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlci.errors import ServiceFailed

    world = proposed(monkeypatch, {"mlci.yml": POLICY, "c.yml": STRICT})
    world.memory.commits.error = ServiceFailed("it did not answer")

    assert check() == 4
    assert not EVIDENCE.exists()


def test_rows_that_break_rules_are_put_aside_once(capsys: pytest.CaptureFixture[str]) -> None:
    import duckdb

    Path("train.csv").write_text(table(0, 300))

    assert check("--quarantine", "out/bad.parquet") == 10
    rows = duckdb.sql("select x from 'out/bad.parquet'").fetchall()
    assert rows
    assert all(int(x) > 50 for (x,) in rows)
    Path("train.csv").write_text(table(0, 300, 40))
    assert check("--quarantine", "out/bad.parquet") == 0
    assert not Path("out/bad.parquet").exists()
