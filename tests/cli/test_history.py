"""``mlci history``: what a reader of the ledger is told, on a real branch of a real repository."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from cli.chain import Repository
from recorded import Writer, approval, sha256

from mlci.adapters.git.call import Git
from mlci.adapters.ledger.git import GitLedger

MODEL = "late-trips"


def opened(repository: Repository) -> GitLedger:
    git = Git.installed(str(repository.root), os.environ)
    assert git is not None
    return GitLedger(git)


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Repository:
    found = Repository(tmp_path, tmp_path)
    (tmp_path / "mlci.yml").write_text(f"model: {MODEL}\n")
    found.git("init", "-q", "-b", "main")
    found.commit("a policy")
    return found


@pytest.fixture(name="told")
def _told(place: Repository) -> Repository:
    """Version 1 on the first, 2 on the eighth, back to 1 two hours later; staging goes its own way."""
    write = Writer(opened(place))
    gate = json.dumps({"predicate": {"candidate": {"name": "c.csv", "digest": "c" * 64}, "verdict": "pass"}}).encode()
    write.decide("1", "1" * 64, chain={"approval": approval(gate)}, seen="2026-12-01T10:02:00Z")
    write.at = "2026-12-05T10:00:00Z"
    write.decide("2", "2" * 64, stage="staging")
    write.at = "2026-12-08T10:00:00Z"
    write.decide("2", "2" * 64, reason="it is *better* | by far")
    write.at = "2026-12-08T12:00:00Z"
    write.decide("1", "1" * 64, action="rollback", reason="complaints", seen="2026-12-08T12:03:00Z")
    return place


def test_every_decision_is_told_with_who_approved_it(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert told.mlci("history", "--stage", "production") == 0
    printed = capsys.readouterr().out
    assert "What production was at" in printed
    assert "staging" not in printed
    first = next(line for line in printed.splitlines() if "2026-12-01T10:00:00Z" in line)
    assert "bob#12 (review, 2026-12-01T09:00:00Z)" in first
    assert "served" in first
    assert "alice" in first
    last = next(line for line in printed.splitlines() if "rollback" in line)
    assert last.split()[:3] == ["2026-12-08T12:00:00Z", "1", "2"]


@pytest.mark.parametrize(
    ("on", "said", "versions"),
    [
        ("2026-12-04", ["Since 2026-12-01T10:00:00Z: version 1 (promotion by alice: it is better). Approved by: bob#12",
                        "Evidence: approval "], ["1"]),
        ("2026-12-08", ["Since 2026-12-01T10:00:00Z: version 1", "From 2026-12-08T10:00:00Z on: version 2",
                        "From 2026-12-08T12:00:00Z on: version 1 (rollback by alice: complaints)"], ["1", "2", "1"]),
        ("2026-12-08T11:59:59Z", ["Since 2026-12-08T10:00:00Z: version 2"], ["2"]),
        ("2026-11-30", ["Nothing had been decided about production by 2026-11-30."], []),
    ],
)  # fmt: skip
def test_what_was_in_production_on_a_day(
    told: Repository, capsys: pytest.CaptureFixture[str], on: str, said: list[str], versions: list[str]
) -> None:
    assert told.mlci("history", "--stage", "production", "--on", on) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert [one for one in said if one not in printed] == []
    assert told.mlci("history", "--stage", "production", "--on", on, "--format", "json") == 0
    decisions = json.loads(capsys.readouterr().out)["decisions"]
    assert [each["target"]["version"] for each in decisions] == versions


def test_a_program_is_told_everything_of_the_entry(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert told.mlci("history", "--format", "json", "--figures", "true") == 0
    answer = json.loads(capsys.readouterr().out)
    head = opened(told).head(MODEL)
    assert head is not None
    assert answer["head"] == head.digest
    assert [(each["number"], each["stage"]) for each in answer["decisions"]] == [
        (1, "production"), (3, "staging"), (5, "production"), (7, "production"),
    ]  # fmt: skip
    first = answer["decisions"][0]
    assert first["entry"] == sha256(opened(told).entry(MODEL, 1) or b"")
    assert [each["login"] for each in first["approvers"]] == ["bob"]
    production = {each["name"]: each["value"] for each in answer["figures"]["production"]}
    assert (production["share-rolled-back"], production["time-to-restore"]) == (0.5, 180)
    assert "cost-per-model" not in production
    assert "lead-time" not in production


def test_figures_say_how_they_are_counted(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert told.mlci("history", "--figures", "true", "--format", "markdown") == 0
    printed = capsys.readouterr().out.replace("&#46;", ".")
    assert "| Share rolled back | 50.00 % | 2 |" in printed
    assert "Promotions that a rollback ended" in printed


def test_words_of_others_stay_words(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert told.mlci("history", "--format", "markdown", "--on", "2026-12-08") == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "by far" in line)
    assert "*better*" not in said
    assert "|" not in said.replace("\\|", "").replace("&#124;", "")


def test_a_ledger_that_was_changed_is_read_and_not_green(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = opened(told)
    entry = json.loads(ledger.entry(MODEL, 5) or b"")
    entry["decision"]["actor"]["login"] = "mallory"
    rewritten(told, 5, json.dumps(entry).encode())
    assert told.mlci("history") == 5
    answer = capsys.readouterr()
    assert "mallory" in answer.out
    assert "the ledger does not hold together: entry 6 does not follow the entry before it" in answer.err


def test_nothing_decided_is_no_answer(place: Repository, told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert told.mlci("history", "--stage", "dev") == 3
    assert "nothing was decided about dev" in capsys.readouterr().err
    assert told.mlci("history", "--model", "other") == 3


@pytest.mark.parametrize("on", ["yesterday", "2026-02-30", "2026-12-31T25:00:00Z", "2026-12-31 12:00", "31.12.2026"])
def test_what_is_no_day_is_refused(told: Repository, capsys: pytest.CaptureFixture[str], on: str) -> None:
    assert told.mlci("history", "--on", on) == 2
    assert "--on must be a day or a time in UTC" in capsys.readouterr().err


def test_without_a_name_the_only_model_is_meant(told: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    (told.root / "mlci.yml").write_text("train: python train.py\n")
    assert told.mlci("history") == 0
    Writer(opened(told), model="churn").decide("1", "1" * 64)
    assert told.mlci("history") == 2
    assert "--model" in capsys.readouterr().err


def rewritten(place: Repository, number: int, content: bytes) -> None:
    """Put other bytes in the place of an entry, as somebody who may push the branch can."""
    index = {"GIT_INDEX_FILE": str(place.root / ".git" / "attack")}
    environ = {**os.environ, **index}

    def git(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=m", "-c", "user.email=m@example.invalid", *words], cwd=place.root,
            env=environ, input=given, check=True, capture_output=True,
        )  # fmt: skip
        return done.stdout.decode().strip()

    git("read-tree", "mlci/ledger")
    blob = git("hash-object", "-w", "--stdin", given=content)
    git("update-index", "--cacheinfo", f"100644,{blob},{MODEL}/{number:06}.json")
    commit = git("commit-tree", git("write-tree"), "-p", "mlci/ledger", "-m", "attack")
    git("update-ref", "refs/heads/mlci/ledger", commit)


def test_what_the_ledger_began_with_is_not_said_to_be_moved_by_hand(
    place: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    write = Writer(opened(place))
    write.decide("1", "1" * 64, action="adopt")
    write.decide("2", "2" * 64, action="adopt")
    assert place.mlci("history") == 0
    first, second = [line for line in capsys.readouterr().out.splitlines() if line.startswith("2026-")]
    assert "found there" in first
    assert "moved by hand" in second
