"""What the gate believes of a candidate and of a registry, on a developer's machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository

EASIER = ("trip-1", "trap-1")


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose first model is registered, and so in production."""
    found = repository(tmp_path_factory.mktemp("believed"), more=", profiles: {smoke: {sample: 0.02}}")
    assert found.mlci("run") == 0
    return found


@pytest.fixture
def copied(registered: Repository, tmp_path: Path) -> Repository:
    """A copy of it that a test may change."""
    shutil.copytree(registered.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy", tmp_path / "copy")


def in_registry(found: Repository, statement: str) -> list[Any]:
    with closing(sqlite3.connect(found.folder / ".mlci" / "mlflow.db")) as opened, opened:
        return opened.execute(statement).fetchall()


def tag(found: Repository, name: str, version: int) -> str | None:
    rows = in_registry(found, f"select value from model_version_tags where version = {version} and key = '{name}'")
    return str(rows[0][0]) if rows else None


def finding(found: Repository, id: str) -> dict[str, Any] | None:
    return next((each for each in found.report("gate-compare")["findings"] if each["id"] == id), None)


def rewritten(path: Path) -> None:
    path.write_text(path.read_text().replace(*EASIER))


def judged(found: Repository, *words: str) -> int:
    return found.mlci("gate-compare", "--candidate", "mlci-model", *words)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_holdout_behind_a_link_is_seen_where_it_really_lies(copied: Repository, absolute: bool) -> None:
    holdout, real = copied.folder / "data" / "holdout.csv", copied.folder / "real" / "h.csv"
    real.parent.mkdir()
    holdout.rename(real)
    # Links over a link: the one in between is a name of the holdout as well.
    (copied.folder / "via").symlink_to(real.parent if absolute else "real")
    holdout.symlink_to("../via/h.csv")
    copied.commit()
    copied.git("checkout", "-qb", "easier")
    rewritten(real)
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 3
    seen = finding(copied, "policy:holdout-changed")
    assert seen is not None
    assert seen["message"] == "the change alters the holdout: real/h.csv"


@pytest.mark.parametrize("pointer", ["data.dvc", "dvc.lock", "data/dvc.lock"])
def test_a_pointer_that_stands_for_a_holdout_outside_git_is_the_holdout(copied: Repository, pointer: str) -> None:
    ignored = copied.folder / ".gitignore"
    ignored.write_text(f"{ignored.read_text()}data/*.csv\n")
    copied.git("rm", "-q", "--cached", "data/holdout.csv", "data/train.csv")
    (copied.folder / pointer).write_text("md5: 1\n")
    copied.commit()
    copied.git("checkout", "-qb", "easier")
    (copied.folder / pointer).write_text("md5: 2\n")
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 3
    seen = finding(copied, "policy:holdout-changed")
    assert seen is not None
    assert pointer in seen["message"]


def test_a_lock_of_other_files_says_nothing_of_a_holdout_that_git_keeps(copied: Repository) -> None:
    copied.git("checkout", "-qb", "lock")
    (copied.folder / "dvc.lock").write_text("md5: 2\n")
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 0
    assert finding(copied, "policy:holdout-changed") is None


def test_a_holdout_within_the_training_data_is_seen_as_the_holdout(copied: Repository) -> None:
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace("train: data/train.csv", "train: data"))
    copied.commit()
    copied.git("checkout", "-qb", "easier")
    rewritten(copied.folder / "data" / "holdout.csv")
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 3
    assert finding(copied, "policy:holdout-changed") is not None


def test_a_model_of_a_profile_is_never_green_and_never_kept(copied: Repository) -> None:
    assert copied.mlci("model-ci", "--profile", "smoke") == 0

    assert judged(copied) == 3
    seen = finding(copied, "model:profile")
    assert seen is not None
    assert seen["message"] == "the candidate was trained by the profile smoke, on a part of the data"


def test_a_candidate_of_another_holdout_than_lies_here_is_not_believed(copied: Repository) -> None:
    holdout = copied.folder / "data" / "holdout.csv"
    content = holdout.read_bytes()
    rewritten(holdout)

    assert judged(copied) == 3
    seen = finding(copied, "model:holdout")
    assert seen is not None
    assert "another holdout than data/holdout.csv" in seen["message"]

    # A pointer of Git LFS stands for the content that it names.
    digest = hashlib.sha256(content).hexdigest()
    holdout.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n")
    assert judged(copied) == 0
    holdout.unlink()
    assert judged(copied) == 0, "what is not on this machine cannot be asked"
    os.mkfifo(holdout)
    assert judged(copied) == 0, "a pipe would be waited for without end"


def test_a_model_that_was_trained_on_its_holdout_is_not_believed(copied: Repository) -> None:
    shutil.copyfile(copied.folder / "data" / "holdout.csv", copied.folder / "data" / "train.csv")
    copied.set(49)
    copied.commit()

    assert copied.mlci("run") == 3
    seen = finding(copied, "model:seen")
    assert seen is not None
    assert "data/train.csv and the holdout are the same file" in seen["message"]


def test_versions_of_different_holdouts_are_not_compared_and_a_look_records_nothing(copied: Repository) -> None:
    copied.set(70)
    copied.commit()
    assert copied.mlci("run") == 11
    assert tag(copied, "mlci.verdict.holdout", 2) == tag(copied, "mlci.holdout", 2) is not None
    in_registry(copied, "update model_version_tags set value = 'unsaid' where version = 2 and key = 'mlci.verdict'")
    assert copied.mlci("gate-compare", "--version", "2", "--against", "production") == 11
    assert tag(copied, "mlci.verdict", 2) == "unsaid"
    assert judged(copied, "--version", "2", "--against", "production") == 11
    assert tag(copied, "mlci.verdict", 2) == "fail"

    copied.set(71)
    rewritten(copied.folder / "data" / "holdout.csv")
    copied.commit()
    assert copied.mlci("model-ci") == 0
    assert copied.mlci("gate-compare", "--version", "3", "--against", "production") == 11
    assert copied.mlci("gate-compare", "--version", "3", "--against", "2") == 2


def test_the_version_that_a_folder_became_is_found_by_its_model(copied: Repository, capsys: Any) -> None:
    copied.set(70)
    copied.commit()
    assert copied.mlci("model-ci") == 0
    in_registry(copied, "delete from model_version_tags where key like 'mlci.verdict%'")
    assert judged(copied, "--version", "candidate", "--against", "production") == 11
    assert (tag(copied, "mlci.verdict", 1), tag(copied, "mlci.verdict", 2)) == (None, "fail")

    copied.set(71)
    copied.commit()
    assert copied.mlci("model-ci", "--register", "false") == 0
    assert judged(copied, "--version", "candidate", "--against", "production") == 11, "judged, and no version yet"
    assert len(in_registry(copied, "select * from model_versions")) == 2

    capsys.readouterr()
    shutil.copyfile(copied.folder / "mlci-model" / "candidate.csv", copied.folder / "own.csv")
    assert copied.mlci("gate-compare", "--candidate", "own.csv", "--version", "candidate") == 2
    assert copied.mlci("gate-compare", "--version", "candidate") == 2
    assert capsys.readouterr().err.count("--version candidate is for the folder that model-ci left") == 2
    assert judged(copied, "--candidate", "nowhere", "--version", "candidate") == 2
    assert "there is no candidate: model-ci left none" in capsys.readouterr().err


def test_a_file_of_ones_own_is_not_recorded_with_a_version(copied: Repository) -> None:
    in_registry(copied, "delete from registered_model_aliases")
    in_registry(copied, "delete from model_version_tags where key like 'mlci.verdict%'")
    shutil.copyfile(copied.folder / "mlci-model" / "candidate.csv", copied.folder / "own.csv")

    assert copied.mlci("gate-compare", "--candidate", "own.csv", "--version", "1") == 0
    assert tag(copied, "mlci.verdict", 1) is None
    assert in_registry(copied, "select * from registered_model_aliases") == []


def test_an_alias_that_is_gone_is_told_and_never_set_by_the_next_merge(
    copied: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    in_registry(copied, "delete from registered_model_aliases")
    copied.set(51)
    copied.commit()

    assert copied.mlci("run") == 0
    assert in_registry(copied, "select * from registered_model_aliases") == []
    said = capsys.readouterr().err
    assert "no version of late-trips has the alias production, although version 1 was accepted before" in said

    # The one version that was accepted is still the first: a run that was killed before the alias was set is made good.
    in_registry(copied, "delete from model_version_tags where version = 1 and key = 'mlci.verdict'")
    assert copied.mlci("run") == 0
    pointed = in_registry(copied, "select alias, version from registered_model_aliases order by alias")
    assert [(alias, str(number)) for alias, number in pointed] == [("anchor", "2"), ("production", "2")]


def test_plan_sees_where_a_holdout_behind_a_link_lies(copied: Repository) -> None:
    holdout, real = copied.folder / "data" / "holdout.csv", copied.folder / "real" / "h.csv"
    real.parent.mkdir()
    holdout.rename(real)
    holdout.symlink_to("../real/h.csv")
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace("train: {command", "train: {paths: [train.py], command"))
    copied.commit()
    copied.git("checkout", "-qb", "easier")
    rewritten(real)
    copied.commit()

    assert copied.mlci("plan", "--base", "main") == 0
    assert copied.report("plan")["reason"] == "the one changed file touches the model: real/h.csv (holdout)"
