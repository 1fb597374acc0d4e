"""A registry in a file of this machine: silent, beside its files, shared by processes, and moved with its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlci.adapters.mlflow import embedded, open_registry
from mlci.errors import ServiceFailed
from mlci.ports import Entry

# What two processes do at the same time, in a folder where there was no registry before.
_REGISTERS = """
import os, sys
from mlci.adapters.mlflow import open_registry
from mlci.ports import Entry
registry = open_registry("sqlite:///.mlci/mlflow.db", os.environ, folder=".", writing=True)
for digest in "abc":
    entry = Entry(digest=digest * 64, folder="entry", tags={}, params={}, metrics={}, description="")
    registry.register("churn", entry)
registry.point(registry.numbered("churn", "3"), "production")
"""


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes registered the same three artifacts at once."""
    folder = tmp_path_factory.mktemp("a folder 100%")
    (folder / "entry" / "model").mkdir(parents=True)
    (folder / "entry" / "model" / "weights").write_bytes(b"1")
    (folder / ".mlci").mkdir()
    # What is left of a first run that was killed while it made the tables.
    (folder / ".mlci" / ".mlflow.db.new").write_bytes(b"SQLite format 3\0half a database")
    command = [sys.executable, "-c", _REGISTERS]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    both = [subprocess.Popen(command, cwd=folder, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert (said, [process.returncode for process in both]) == (["", ""], [0, 0])
    return folder


def test_two_processes_at_once_end_with_one_version_of_each_artifact(folder: Path) -> None:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(folder), writing=False)

    assert [len(registry.tagged("churn", "mlci.artifact", digest * 64)) for digest in "abc"] == [1, 1, 1]
    assert registry.numbered("churn", "4") is None


def test_nothing_lies_outside_of_the_folder_of_the_database(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {".mlci", "entry"}
    assert {path.name for path in (folder / ".mlci").iterdir()} == {"mlflow.db", "mlflow.db.lock", "artifacts"}


def test_a_folder_that_was_moved_takes_its_registry_along(folder: Path) -> None:
    moved = folder.with_name("moved")
    folder.rename(moved)
    try:
        registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(moved), writing=False)
        version = registry.aliased("churn", "production")
        assert version is not None
        assert registry.fetch(version, "model", str(moved / "out"))
        assert (moved / "out" / "model" / "weights").read_bytes() == b"1"
    finally:
        moved.rename(folder)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    registry = open_registry("sqlite:///mlflow.db", {}, folder=str(tmp_path), writing=False)

    with pytest.raises(ServiceFailed, match=r"mlflow\.db"):
        registry.aliased("churn", "production")


def test_a_database_of_another_mlflow_is_named_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    import shutil
    import sqlite3

    shutil.copy(folder / ".mlci" / "mlflow.db", tmp_path / "old.db")
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    connection.commit()
    connection.close()
    registry = open_registry("sqlite:///old.db", {}, folder=str(tmp_path), writing=False)

    with pytest.raises(ServiceFailed, match="another version of MLflow") as failed:
        registry.aliased("churn", "production")
    assert "mlflow db upgrade" in str(failed.value.help)


def test_a_database_that_another_process_never_lets_go_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    monkeypatch.setattr(embedded, "_LONGEST_WAIT", 0.1)
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(folder), writing=True)
    entry = Entry(digest="d" * 64, folder=str(folder / "entry"), tags={}, params={}, metrics={}, description="")
    with (folder / ".mlci" / "mlflow.db.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ServiceFailed, match="another process"):
            registry.register("churn", entry)
        # Whoever only reads does not wait.
        other = open_registry(f"sqlite:///{folder}/.mlci/mlflow.db", {}, folder=".", writing=False)
        assert other.aliased("churn", "production") is not None
