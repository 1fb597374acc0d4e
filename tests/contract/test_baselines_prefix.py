"""A store is added to by accepted runs of the default branch alone, and never shows half of one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from keeping import CSV, evidence, run

from mlci.adapters.baselines import StoreBaselines, choose
from mlci.adapters.remote.store import Store
from mlci.domain.run import Run
from mlci.domain.verdict import Verdict
from mlci.errors import BaselineBroken, FileMissing, MlciError, NotWritable, ServiceFailed


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("candidate.csv").write_bytes(CSV)
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_layout_is_the_one_that_is_documented(folder: Path) -> None:
    kept = StoreBaselines(f"{folder.as_uri()}/", "churn").keep(evidence(), "candidate.csv", run(16_012_345_678, 2))

    assert kept == f"{folder.as_uri()}/churn/00000000016012345678-2"
    assert names(folder) == [f"churn/00000000016012345678-2/{name}" for name in ("gate.json", "predictions.csv")]


@pytest.mark.parametrize("stopped_at", ["predictions.csv", "gate.json"])
def test_a_run_that_is_killed_while_it_keeps_is_not_there_and_can_keep_again(
    folder: Path, stopped_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    baselines = StoreBaselines(folder.as_uri(), "churn")
    baselines.keep(evidence(), "candidate.csv", run(1))
    create = Store.create

    def killed(store: Store, path: str, content: bytes) -> None:
        if path.endswith(stopped_at):
            raise KeyboardInterrupt
        create(store, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "create", killed)
        with pytest.raises(KeyboardInterrupt):
            baselines.keep(evidence(), "candidate.csv", run(2))
    assert [kept.origin[-3:] for kept in baselines.newest_first()] == ["1-1"]

    baselines.keep(evidence(), "candidate.csv", run(2))
    assert [kept.origin[-3:] for kept in baselines.newest_first()] == ["2-1", "1-1"]


def test_keeping_the_same_again_is_fine_and_keeping_another_in_its_place_is_refused(folder: Path) -> None:
    baselines = StoreBaselines(folder.as_uri(), "churn")
    assert baselines.keep(evidence(), "candidate.csv", run()) == baselines.keep(evidence(), "candidate.csv", run())
    for other in (CSV.replace(b"e2", b"e3"), CSV + b"e3,1,1\n", CSV[:-9]):
        Path("other.csv").write_bytes(other)
        with pytest.raises(NotWritable, match="with other content"):
            baselines.keep(evidence(other), "other.csv", run())

    found = choose(baselines)
    assert found is not None
    assert Path(found.path).read_bytes() == CSV


def test_of_two_jobs_that_keep_under_one_name_at_once_exactly_one_is_kept(folder: Path) -> None:
    ready, outcomes = threading.Barrier(8), []

    def keep(number: int) -> None:
        content = f"id,y_true,y_pred\ne{number},1,1\n".encode() * 2000
        Path(f"{number}.csv").write_bytes(content)
        ready.wait()
        try:
            StoreBaselines(folder.as_uri(), "churn").keep(evidence(content), f"{number}.csv", run())
            outcomes.append("kept")
        except NotWritable:
            outcomes.append("refused")

    jobs = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    assert sorted(outcomes) == ["kept", *["refused"] * 7]
    assert choose(StoreBaselines(folder.as_uri(), "churn")) is not None


@pytest.mark.parametrize(
    "of",
    [
        run(change=True, event="pull_request"),
        run(change=True, event="merge_group"),
        run(branch="topic"),
        run(event="workflow_run"),
        run(event="issue_comment"),
        run(event="pull_request_target"),
    ],
    ids=["change", "merge group", "other branch", "after another run", "comment", "target"],
)
def test_no_other_run_than_the_default_branch_s_own_keeps_anything(folder: Path, of: Run) -> None:
    assert StoreBaselines(folder.as_uri(), "churn").keep(evidence(), "candidate.csv", of) is None
    assert names(folder) == []


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch"])
def test_the_default_branch_s_own_runs_keep(folder: Path, event: str) -> None:
    assert StoreBaselines(folder.as_uri(), "churn").keep(evidence(), "candidate.csv", run(event=event)) is not None


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_run_that_was_not_accepted_keeps_nothing(folder: Path, verdict: Verdict) -> None:
    kept = StoreBaselines(folder.as_uri(), "churn").keep(evidence(verdict=verdict), "candidate.csv", run())

    assert (kept, names(folder)) == (None, [])


def test_predictions_that_changed_or_went_since_they_were_judged_are_not_kept(folder: Path) -> None:
    baselines = StoreBaselines(folder.as_uri(), "churn")
    Path("candidate.csv").write_bytes(CSV + b"e3,1,0\n")

    with pytest.raises(BaselineBroken):
        baselines.keep(evidence(), "candidate.csv", run())
    with pytest.raises(FileMissing):
        baselines.keep(evidence(), "gone.csv", run())

    assert names(folder) == []


def test_every_key_has_a_folder_of_its_own_even_where_case_does_not_count(folder: Path) -> None:
    keys = ["churn", "Churn", "CHURN", "", "default", "a/b", "a-b", "..", ".hidden", "x" * 200, "x" * 201, "ünï"]
    for key in keys:
        assert StoreBaselines(folder.as_uri(), key).keep(evidence(), "candidate.csv", run()) is not None
        assert len(list(StoreBaselines(folder.as_uri(), key).newest_first())) == 1

    folders = [entry.name.lower() for entry in folder.iterdir()]
    assert len(folders) == len(set(folders)) == len(keys)
    assert {entry.name for entry in folder.parent.iterdir()} == {"candidate.csv", "kept"}


def test_names_that_are_not_ours_are_not_read(folder: Path) -> None:
    for name in ("notes/gate.json", "7-1/gate.json", f"{8:020d}-1/deeper/gate.json", f"{9:020d}-1/gate.json.tmp"):
        (folder / "churn" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "churn" / name).write_bytes(b"nothing of ours")

    assert list(StoreBaselines(folder.as_uri(), "churn").newest_first()) == []


def test_the_newest_of_thousands_is_found(folder: Path) -> None:
    (folder / "churn").mkdir()
    for number in range(1, 3001):
        (folder / "churn" / f"{number:020d}-1").mkdir()
        (folder / "churn" / f"{number:020d}-1" / "gate.json").write_bytes(b"old")
    baselines = StoreBaselines(folder.as_uri(), "churn")
    baselines.keep(evidence(), "candidate.csv", run(3001))

    found = choose(baselines)

    assert found is not None
    assert found.origin.endswith("3001-1")


def test_a_store_with_more_than_can_be_listed_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlci.adapters.remote.store.MOST_OBJECTS", 3)
    baselines = StoreBaselines(folder.as_uri(), "churn")
    baselines.keep(evidence(), "candidate.csv", run(1))
    assert choose(baselines) is not None
    baselines.keep(evidence(), "candidate.csv", run(2))

    with pytest.raises(ServiceFailed, match="more than 3 objects"):
        choose(baselines)


def test_what_is_too_large_is_neither_kept_nor_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baselines = StoreBaselines(folder.as_uri(), "churn")
    baselines.keep(evidence(), "candidate.csv", run(1))
    for module in ("layout", "prefix"):
        monkeypatch.setattr(f"mlci.adapters.baselines.{module}.LARGEST_PREDICTIONS", len(CSV) - 1)

    for attempt in (lambda: baselines.keep(evidence(), "candidate.csv", run(2)), lambda: choose(baselines)):
        with pytest.raises(MlciError, match="bytes"):
            attempt()
