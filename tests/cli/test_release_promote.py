"""promote and rollback on a machine: a real registry, a real ledger in git, and a model that was really gated."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from chain import Repository, repository

from mlci.adapters.mlflow import open_registry
from mlci.errors import ServiceFailed

PLACES = (
    ("experiments", "artifact_location"), ("runs", "artifact_uri"), ("model_versions", "source"),
    ("model_versions", "storage_location"),
)  # fmt: skip
POLICY = "promote: {require: {production: [gate]}, relax: {production: [locked-environment]}}\n"


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Version 1 in production by being the first, version 2 gated and no worse."""
    found = repository(tmp_path_factory.mktemp("gated") / "r")
    config = found.folder / "mlci.yml"
    config.write_text(config.read_text() + POLICY)
    found.commit()
    assert found.mlci("run") == 0
    found.set(49)
    found.commit()
    assert found.mlci("run") == 0
    return found


@pytest.fixture
def copied(gated: Repository, tmp_path: Path) -> Repository:
    """A copy of it that a test may change."""
    copy = tmp_path / "copy"
    shutil.copytree(gated.root, copy, symlinks=True)
    # The registry names its folders from the root of the disk; left so, a copy would write into what it is a copy of.
    with closing(sqlite3.connect(copy / ".mlci" / "mlflow.db")) as opened:
        for table, column in PLACES:
            opened.execute(
                f"update {table} set {column} = replace({column}, ?, ?)",
                (str(gated.root), str(copy)),
            )
        opened.commit()
    return Repository(copy, copy)


def alias(found: Repository, name: str = "production") -> str | None:
    question = "select version from registered_model_aliases where alias = ?"
    with closing(sqlite3.connect(found.folder / ".mlci" / "mlflow.db")) as opened:
        row = opened.execute(question, (name,)).fetchone()
    return str(row[0]) if row else None


def ledger(found: Repository) -> list[str]:
    """What each entry says, by git's own word."""
    names = found.git("ls-tree", "-r", "--name-only", "mlci/ledger").split()
    said = []
    for name in sorted(each for each in names if "/evidence/" not in each):
        entry = json.loads(found.git("show", f"mlci/ledger:{name}"))
        decision, receipt = entry.get("decision"), entry.get("receipt")
        said.append(
            f"{decision['action']} {decision['stage']} {decision['target']['version']}"
            if decision
            else f"{receipt['outcome']} {receipt['of']}"
        )
    return said


def kept(found: Repository, digest: str) -> bytes:
    return found.git("show", f"mlci/ledger:late-trips/evidence/{digest}.json").encode()


ADOPTED = ["adopt production 1", "done 1"]


def test_the_version_of_this_commit_is_promoted_and_the_record_carries_its_chain(copied: Repository) -> None:
    assert copied.mlci("promote", "--to", "production", "--reason", "shorter trips") == 0

    assert alias(copied) == "2"
    assert ledger(copied) == [*ADOPTED, "promote production 2", "done 3"]
    predicate = copied.evidence("promotion")
    for digest in (*predicate["chain"].values(), *copied.report("promote")["evidence"].values()):
        assert hashlib.sha256(kept(copied, digest)).hexdigest() == digest
    assert (predicate["chain"].keys(), copied.report("promote")["evidence"].keys()) == (
        {"model", "gate"},
        {"promotion"},
    )
    assert (predicate["reason"], predicate["before"]["version"]) == ("shorter trips", "1")
    assert predicate["verdict"] == "pass"
    assert {each["name"] for each in predicate["requirements"]} == {
        "gate", "clean-tree", "data-version", "locked-environment", "reproducible", "predictions",
    }  # fmt: skip
    assert copied.git("status", "--porcelain") == ""


def test_the_way_back_is_one_command(copied: Repository) -> None:
    assert copied.mlci("promote", "--to", "production") == 0
    assert copied.mlci("rollback", "--reason", "too many were late") == 0

    assert alias(copied) == "1"
    assert ledger(copied)[4:] == ["rollback production 1", "done 5"]
    assert copied.report("rollback")["reason"] == "production went back from version 2 to version 1"
    assert copied.mlci("rollback", "--reason", "again") == 13


def test_what_a_stage_asks_for_and_is_not_so_is_said_and_nothing_moves(
    copied: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace(POLICY, "promote: {require: {production: [gate]}}\n"))

    assert copied.mlci("promote", "--version", "2", "--to", "production") == 13

    assert (alias(copied), ledger(copied)) == ("1", ADOPTED)
    [found] = [each for each in copied.report("promote")["findings"] if each["verdict"] == "fail"]
    assert found["id"] == "promote:locked-environment"
    assert copied.report("promote")["reason"].startswith("version 2 is not promoted to production: no file pins")
    assert "help: locked-environment: Name a file that pins the environment" in capsys.readouterr().err
    assert not (copied.folder / ".mlci" / "evidence" / "promotion.json").exists()


def test_numbers_that_nobody_can_measure_again_and_nobody_signed_do_not_reach_production(copied: Repository) -> None:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(copied.folder), writing=False)
    version = registry.numbered("late-trips", "2")
    assert version is not None
    assert registry.fetch(version, "mlci/candidate.csv", str(copied.folder / "fetched"))
    wanted = (copied.folder / "fetched" / "mlci" / "candidate.csv").read_bytes()
    shutil.rmtree(copied.folder / "fetched")
    [there] = [
        each
        for each in (copied.folder / ".mlci" / "artifacts").rglob("mlci/candidate.csv")
        if each.read_bytes() == wanted
    ]
    there.unlink()

    assert copied.mlci("promote", "--version", "2", "--to", "production") == 13

    [found] = [each for each in copied.report("promote")["findings"] if each["verdict"] == "fail"]
    assert found["id"] == "promote:predictions"
    assert alias(copied) == "1"
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace("[locked-environment]", "[locked-environment, predictions]"))
    assert copied.mlci("promote", "--version", "2", "--to", "production") == 0


def test_production_waits_for_people_where_policy_does_not_say_otherwise(
    copied: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace(POLICY, "promote: {relax: {production: [locked-environment]}}\n"))

    assert copied.mlci("promote", "--version", "2", "--to", "production") == 12

    assert "error[H001]: version 2 is not promoted to production: approval: 0 of " in capsys.readouterr().err
    assert (alias(copied), ledger(copied)) == ("1", ADOPTED)


def test_what_the_gate_refused_is_refused_whatever_people_say(copied: Repository) -> None:
    copied.set(5)
    copied.commit()
    assert copied.mlci("run") == 11

    assert copied.mlci("promote", "--to", "production") == 13
    [gate] = [each for each in copied.report("promote")["findings"] if each["id"] == "promote:gate"]
    assert gate["message"].startswith("judged again, the verdict is fail")


def test_a_dry_run_says_what_would_be_and_leaves_no_trace(copied: Repository) -> None:
    before = (copied.folder / ".mlci" / "mlflow.db").read_bytes()

    assert copied.mlci("promote", "--to", "production", "--dry-run", "true") == 0

    assert (copied.folder / ".mlci" / "mlflow.db").read_bytes() == before
    assert copied.git("branch", "--list", "mlci/ledger") == ""
    assert copied.report("promote")["reason"] == "production would be at version 2"


def test_a_model_whose_files_were_exchanged_is_not_promoted(copied: Repository) -> None:
    named = copied.evidence("model")["files"][0]["digest"]
    [model] = [
        path
        for path in (copied.folder / ".mlci" / "artifacts").rglob("model.pkl")
        if hashlib.sha256(path.read_bytes()).hexdigest() == named
    ]
    model.write_bytes(model.read_bytes() + b"\n")

    assert copied.mlci("promote", "--version", "2", "--to", "production") == 5

    assert (alias(copied), ledger(copied)) == ("1", ADOPTED)


def test_the_version_carries_its_card_and_what_changed_and_the_report_says_the_way_back(copied: Repository) -> None:
    assert copied.mlci("promote", "--to", "production") == 0

    folder = copied.folder / ".mlci" / "artifacts"
    (card,) = [path.read_text() for path in folder.rglob("mlci/card.md")]
    (notes,) = [path.read_text() for path in folder.rglob("mlci/notes-production.md")]
    assert card.startswith("# late-trips version 2: model card\n")
    assert "| accuracy | 0." in card
    assert f"| evidence: gate | {copied.evidence('promotion')['chain']['gate']} |" in card
    assert "| at | 50 | 49 |" in notes
    sections = {each["id"]: each for each in copied.report("promote")["sections"]}
    assert sections["params"]["rows"] == [["at", "50", "49"]]
    assert "goes back to version 1: mlci rollback --stage production" in sections["rollback"]["sentences"][0]


def test_a_card_that_cannot_be_kept_holds_nothing_back_and_is_said(
    copied: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise ServiceFailed("the registry is full")

    monkeypatch.setattr("mlci.cli.papers.attach", refused)
    assert copied.mlci("promote", "--to", "production") == 0
    assert alias(copied) == "2"
    assert "were not kept: the registry is full" in capsys.readouterr().err


def test_evidence_of_the_gate_that_somebody_made_up_is_not_believed(copied: Repository, tmp_path: Path) -> None:
    good = (copied.folder / ".mlci" / "evidence" / "gate.json").read_text()
    before = copied.evidence("gate")
    copied.set(5)
    copied.commit()
    assert copied.mlci("run") == 11
    bad = copied.evidence("gate")
    # Whoever may write to the registry gives the worse model the numbers of the better one.
    forged = tmp_path / "gate.json"
    for one, other in ((before["model"], bad["model"]), (before["candidate"]["digest"], bad["candidate"]["digest"])):
        good = good.replace(one, other)
    forged.write_text(good)
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(copied.folder), writing=True)
    version = registry.numbered("late-trips", "3")
    assert version is not None
    tags = {"mlci.gate": hashlib.sha256(forged.read_bytes()).hexdigest(), "mlci.verdict": "pass"}
    registry.annotate(version, tags, {}, {"mlci/gate.json": str(forged)})

    assert copied.mlci("promote", "--version", "3", "--to", "production") == 13

    [gate] = [each for each in copied.report("promote")["findings"] if each["id"] == "promote:gate"]
    assert gate["message"].startswith("judged again, the verdict is fail")
    assert alias(copied) == "1"


def test_what_production_moved_past_is_judged_against_what_it_is_at_now(copied: Repository) -> None:
    copied.set(48)
    copied.commit()
    assert copied.mlci("run") == 0
    assert copied.report("gate-compare")["baseline"]["name"] == "late-trips version 1"
    assert copied.mlci("promote", "--version", "2", "--to", "production") == 0

    assert copied.mlci("promote", "--version", "3", "--to", "production") == 0

    [judged] = [each for each in copied.report("promote")["sections"] if each["id"] == "judged"]
    assert "vs production 0.9100" in judged["sentences"][0], "version 2 has that, version 1 has 0.9000"
    assert ledger(copied)[4:] == ["promote production 3", "done 5"]
