"""Nothing is trained on data that nobody checked: evidence of data-check, what model-ci makes of it, and promote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc8785
from chain import Repository, repository, rows

from mlci.domain.verdict import Verdict

DATA = "{train: data/train.csv, holdout: data/holdout.csv}"
EVIDENCE = Path(".mlci/evidence/data.json")


def asking(found: Repository, data: str = "required: true, leakage: {key: row}") -> Repository:
    """The same repository with data that must be checked."""
    path = found.folder / "mlci.yml"
    path.write_text(path.read_text().replace(DATA, f"{{train: data/train.csv, holdout: data/holdout.csv, {data}}}"))
    found.commit("data are checked")
    return found


@pytest.fixture
def asked(tmp_path: Path) -> Repository:
    return asking(repository(tmp_path / "repository"))


def content(found: Repository) -> bytes:
    return (found.folder / EVIDENCE).read_bytes()


def edited(found: Repository, edit: Callable[[dict[str, object]], None]) -> None:
    """Another predicate in the evidence, as whoever makes it up would write it."""
    said = json.loads(content(found))
    edit(said["predicate"])
    (found.folder / EVIDENCE).write_bytes(rfc8785.dumps(said))


def refused(found: Repository, exit: int, id: str, capsys: pytest.CaptureFixture[str], **environ: str) -> str:
    """model-ci must end so, with this error, before it trains."""
    before = found.trainings
    capsys.readouterr()
    assert found.mlci("model-ci", "--register", "false", **environ) == exit
    said = capsys.readouterr().err
    assert f"error[{id}]" in said
    assert found.trainings == before
    return said


def test_nothing_is_trained_without_evidence(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(asked, 3, "D003", capsys)

    assert "mlci data-check" in said


def test_checked_data_are_trained_on_and_the_model_names_their_evidence(asked: Repository) -> None:
    assert asked.mlci("data-check") == 0
    assert asked.mlci("model-ci", "--register", "false") == 0

    assert asked.trainings == 1
    assert asked.evidence("model")["data"] == hashlib.sha256(content(asked)).hexdigest()
    assert (asked.folder / "mlci-model" / "data.json").read_bytes() == content(asked)


def test_other_training_data_than_were_checked_are_refused(
    asked: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.mlci("data-check") == 0
    (asked.folder / "data" / "train.csv").write_text(rows(1, 400))

    assert "training data are not those that were checked" in refused(asked, 5, "D004", capsys)


def test_another_holdout_than_was_checked_is_refused(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.mlci("data-check") == 0
    (asked.folder / "data" / "holdout.csv").write_text(rows(1001, 400))

    assert "the holdout is not the one that was checked" in refused(asked, 5, "D004", capsys)


def test_data_judged_by_other_settings_are_refused(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.mlci("data-check") == 0
    path = asked.folder / "mlci.yml"
    path.write_text(path.read_text().replace("{key: row}", "{key: row, overlap: 0.5}"))

    assert "other settings" in refused(asked, 5, "D004", capsys)


def test_how_it_is_counted_and_shown_makes_no_difference(asked: Repository) -> None:
    assert asked.mlci("data-check") == 0
    path = asked.folder / "mlci.yml"
    path.write_text(path.read_text().replace("{key: row}", "{key: row}, memory: 1GB, sample: 3"))

    assert asked.mlci("model-ci", "--register", "false") == 0


def failing(predicate: dict[str, object]) -> None:
    finding = {"id": "x", "rule": "data", "verdict": "fail", "reason": "empty", "message": "the table is empty"}
    predicate |= {"verdict": "fail", "reason": "the table is empty", "findings": [finding]}


def test_data_that_failed_are_refused_with_the_one_reason(
    asked: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.mlci("data-check") == 0
    edited(asked, failing)

    assert "the data did not pass: the table is empty" in refused(asked, 10, "D002", capsys)
    assert asked.report("model-ci")["verdict"] == "fail"


def undecided(predicate: dict[str, object]) -> None:
    finding = {"id": "x", "rule": "data", "verdict": "inconclusive", "reason": "unrun", "message": "nothing to count"}
    predicate |= {"verdict": "inconclusive", "reason": "nothing to count", "findings": [finding]}


def test_data_of_which_nothing_is_known_are_refused(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.mlci("data-check") == 0
    edited(asked, undecided)

    assert "nothing to count" in refused(asked, 3, "D003", capsys)


def test_evidence_whose_verdict_was_made_better_is_refused(
    asked: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.mlci("data-check") == 0
    edited(asked, failing)
    edited(asked, lambda predicate: predicate.update(verdict=Verdict.PASS.value))

    assert "the verdict is not that of its findings" in refused(asked, 3, "A001", capsys)


def test_evidence_of_another_model_is_refused(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.mlci("data-check") == 0
    edited(asked, lambda predicate: predicate.update(model="another"))

    assert "another model" in refused(asked, 5, "D004", capsys)


def test_evidence_that_is_a_link_is_not_followed(asked: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.mlci("data-check") == 0
    (asked.folder / EVIDENCE).rename(asked.folder / ".mlci" / "elsewhere.json")
    (asked.folder / EVIDENCE).symlink_to(asked.folder / ".mlci" / "elsewhere.json")

    refused(asked, 3, "A001", capsys)


def test_without_a_contract_or_a_demand_nothing_is_asked(tmp_path: Path) -> None:
    found = repository(tmp_path / "repository")

    assert found.mlci("model-ci", "--register", "false") == 0
    assert "data" not in found.evidence("model")


def test_evidence_that_nobody_asked_for_and_that_does_not_count_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = repository(tmp_path / "repository")
    assert found.mlci("data-check") == 0
    (found.folder / "data" / "train.csv").write_text(rows(1, 400))

    assert found.mlci("model-ci", "--register", "false") == 0
    assert "the data evidence is not counted: the training data are not those that were checked" in (
        capsys.readouterr().err
    )
    assert "data" not in found.evidence("model")


def test_data_that_change_after_they_were_digested_are_not_trained_on(
    asked: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlci.adapters.models import workshop

    assert asked.mlci("data-check") == 0
    empty = workshop._emptied

    def changing(folder: Path) -> None:
        (asked.folder / "data" / "train.csv").write_text(rows(1, 400))
        empty(folder)

    monkeypatch.setattr(workshop, "_emptied", changing)

    assert "changed since it was checked" in refused(asked, 5, "D004", capsys)


def test_what_was_trained_before_keeps_the_evidence_it_was_trained_with(asked: Repository) -> None:
    assert asked.mlci("data-check") == 0
    assert asked.mlci("model-ci", "--register", "false") == 0
    first = content(asked)
    path = asked.folder / "mlci.yml"
    path.write_text(path.read_text().replace("{key: row}", "{key: row, overlap: 0.5}"))
    assert asked.mlci("data-check") == 0
    assert content(asked) != first

    assert asked.mlci("model-ci", "--register", "false") == 0
    assert asked.trainings == 1
    assert asked.evidence("model")["data"] == hashlib.sha256(first).hexdigest()
    assert (asked.folder / "mlci-model" / "data.json").read_bytes() == first


def test_what_was_trained_before_anybody_checked_gets_the_evidence_of_today(tmp_path: Path) -> None:
    found = repository(tmp_path / "repository")
    assert found.mlci("model-ci", "--register", "false") == 0
    asking(found)
    assert found.mlci("data-check") == 0

    assert found.mlci("model-ci", "--register", "false") == 0
    assert found.trainings == 1
    assert found.evidence("model")["data"] == hashlib.sha256(content(found)).hexdigest()


def promotable(found: Repository) -> Repository:
    path = found.folder / "mlci.yml"
    path.write_text(
        f"{path.read_text()}promote: {{stages: [staging, production], require: {{staging: [data, gate]}}}}\n"
    )
    found.commit("what a stage asks for")
    return found


def test_a_stage_can_ask_for_checked_data_and_the_record_is_verified(asked: Repository) -> None:
    promotable(asked)
    assert asked.mlci("run") == 0
    assert asked.mlci("promote", "--version", "1", "--to", "staging") == 0

    findings = asked.report("promote")["findings"]
    assert [each["verdict"] for each in findings if "its data passed" in each["message"]] == ["pass"]
    assert asked.mlci("verify") == 0


def test_a_stage_refuses_a_model_of_data_that_nobody_checked(tmp_path: Path) -> None:
    found = promotable(repository(tmp_path / "repository"))
    assert found.mlci("run") == 0

    assert found.mlci("promote", "--version", "1", "--to", "staging") == 13
    assert "nothing says that the data it was trained on were checked" in found.report("promote")["reason"]


def test_later_data_are_compared_with_what_production_was_trained_on(asked: Repository) -> None:
    assert asked.mlci("run") == 0
    assert asked.mlci("data-check") == 0
    same = asked.evidence("data")["since"]
    (asked.folder / "data" / "train.csv").write_text(rows(0, 430))
    assert asked.mlci("data-check") == 0
    more = asked.evidence("data")["since"]

    assert (same["same"], same["new_rows"], same["reference"]) == (True, 0, "production version 1")
    assert (more["same"], more["rows_before"], more["rows_now"], more["new_rows"]) == (False, 400, 430, 30)
