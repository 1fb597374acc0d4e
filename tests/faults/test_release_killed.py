"""promote and rollback killed, stopped and out of room at any write: the ledger holds, and the next run finishes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.chain import Repository

from faults.chained import Forks, copy_of
from faults.released import POLICY, alias, broken, crowd, story
from mlci.errors import Exit

PROMOTE = ("promote", "--version", "2", "--to", "production")
OTHER = ("promote", "--version", "3", "--to", "production")
BACK = ("rollback", "--reason", "it was worse")
ADOPTED = ["adopt production 1", "done 1"]
PROMOTED = [*ADOPTED, "promote production 2", "done 3"]
LOCK = "open /.mlci/mlflow.db.lock"
# Where a kill would tell most: before the ledger begins, before and after each part of a decision. The steps are
# killed before every write in tests/unit/steps/test_promoting.py; with MLCI_FAULTS=all, so are these processes.
TELLING_PROMOTE = (
    "git no. g update-ref", "git no. l update-ref", "git no. u update-ref", LOCK, "git no. v hash-object",
    "git no. z update-ref", "os.rename /.mlci/evidence/.promotion.json.*", "os.rename /.mlci/report/.promote.json.*",
)  # fmt: skip
TELLING_BACK = (
    "git no. g update-ref", LOCK, "git no. l update-ref", "os.rename /.mlci/evidence/.rollback.json.*",
)  # fmt: skip
ALL = os.environ.get("MLCI_FAULTS") == "all"


@pytest.fixture(scope="session")
def gated(second: Repository, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Version 1 in production, versions 2 and 3 gated and no worse; nothing in the ledger yet."""
    found = copy_of(second, tmp_path_factory.mktemp("gated") / "r")
    config = found.folder / "mlci.yml"
    config.write_text(config.read_text() + POLICY)
    for at in (49, 48):
        found.set(at)
        found.commit()
        assert forks.run(found.folder).status == 0
    return found


@pytest.fixture(scope="session")
def promoted(gated: Repository, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, list[str]]:
    """Version 2 in production, and the writes that it took."""
    found = copy_of(gated, tmp_path_factory.mktemp("promoted") / "r")
    ended = forks.run(found.folder, *PROMOTE)
    assert (ended.status, story(found), broken(found, ended=True)) == (0, PROMOTED, [])
    return found, ended.events


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Runs of mlci beside those that are stopped."""
    found = Forks(tmp_path_factory.mktemp("others") / "log")
    yield found
    found.close()


def moments(events: list[str], telling: tuple[str, ...]) -> list[str]:
    names = list(dict.fromkeys(event for event in events if "…" not in event))
    assert [name for name in telling if name not in names] == []
    return names if ALL else list(telling)


def test_a_promotion_killed_before_any_write_is_finished_by_the_next(
    gated: Repository, promoted: tuple[Repository, list[str]], forks: Forks, tmp_path: Path
) -> None:
    wrong = {}
    for moment in moments(promoted[1], TELLING_PROMOTE):
        found = copy_of(gated, tmp_path / "killed")
        killed = forks.run(found.folder, *PROMOTE, at=moment)
        half = broken(found, ended=False)
        again = forks.run(found.folder, *PROMOTE)
        known = (killed.status, half, again.status, story(found), alias(found), broken(found, ended=True))
        if known != (-signal.SIGKILL, [], 0, PROMOTED, "2", []):
            wrong[moment] = known
    assert wrong == {}


def test_a_rollback_killed_before_any_write_is_finished_by_the_next(
    promoted: tuple[Repository, list[str]], forks: Forks, tmp_path: Path
) -> None:
    whole = copy_of(promoted[0], tmp_path / "whole")
    ended = forks.run(whole.folder, *BACK)
    assert (ended.status, alias(whole)) == (0, "1")
    wrong = {}
    for moment in moments(ended.events, TELLING_BACK):
        found = copy_of(promoted[0], tmp_path / "killed")
        killed = forks.run(found.folder, *BACK, at=moment)
        half = broken(found, ended=False)
        again = forks.run(found.folder, *BACK)
        known = (killed.status, half, story(found), alias(found), broken(found, ended=True))
        # Once it is done there is nothing before it to go back to.
        if known != (-signal.SIGKILL, [], story(whole), "1", []) or again.status not in (0, Exit.PROMOTION):
            wrong[moment] = (*known, again.status)
    assert wrong == {}


@pytest.mark.parametrize(
    ("moment", "nth"), [("git no. u update-ref", 1), (LOCK, 1), (LOCK, 2), ("git no. z update-ref", 1)]
)
def test_a_promotion_that_sleeps_while_another_decides_leaves_the_alias_where_the_head_says(
    gated: Repository, forks: Forks, others: Forks, tmp_path: Path, moment: str, nth: int
) -> None:
    found = copy_of(gated, tmp_path / "slept")
    assert forks.stopped(found.folder, *PROMOTE, at=moment, nth=nth)
    other = others.run(found.folder, *OTHER)
    assert (other.status, alias(found)) == (0, "3"), other.said
    woken = forks.go_on()

    decided = moment != "git no. u update-ref"
    assert woken.status == (0 if decided else Exit.PROMOTION), woken.said
    assert alias(found) == "3"
    assert broken(found, ended=True) == []
    first = ["promote production 2", "done 3"] if decided else []
    assert story(found) == [*ADOPTED, *first, "promote production 3", f"done {5 if decided else 3}"]


def test_of_twenty_promotions_at_once_one_is_decided(gated: Repository, tmp_path: Path) -> None:
    found = copy_of(gated, tmp_path / "crowd")

    exits = crowd(found, ["2", "3"] * 10)

    assert sorted(exits) == [0] + [int(Exit.PROMOTION)] * 19
    assert broken(found, ended=True) == []
    assert len(story(found)) == 4
    assert story(found)[2] == f"promote production {alias(found)}"


@pytest.mark.parametrize("moment", [LOCK, "open /.mlci/evidence/.promotion.json.*"])
def test_a_full_disk_is_one_clear_error_and_the_next_run_finishes(
    gated: Repository, forks: Forks, tmp_path: Path, moment: str
) -> None:
    found = copy_of(gated, tmp_path / "full")
    full = forks.run(found.folder, *PROMOTE, at=moment, full=True)
    assert full.status in (Exit.USAGE, Exit.SERVICE), full.said
    assert "No space left" in full.said
    assert "a bug" not in full.said
    assert broken(found, ended=False) == []

    assert forks.run(found.folder, *PROMOTE).status == 0
    assert (story(found), alias(found), broken(found, ended=True)) == (PROMOTED, "2", [])


def test_a_ledger_that_lost_its_newest_entries_is_told_by_the_alias(
    promoted: tuple[Repository, list[str]], forks: Forks, tmp_path: Path
) -> None:
    found = copy_of(promoted[0], tmp_path / "rewound")
    found.git("branch", "-f", "mlci/ledger", "mlci/ledger~2")
    ended = forks.run(found.folder, *OTHER)

    assert ended.status == Exit.PROMOTION
    assert "error[P002]" in ended.said
    assert alias(found) == "2"
    shutil.rmtree(found.root)
