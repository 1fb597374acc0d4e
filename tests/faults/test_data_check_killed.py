"""data-check killed before any of its writes, or with a full disk: no half evidence, and no green one that is old."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from cli.chain import Repository, repository, rows

from faults.chained import Forks
from mlci.adapters.evidence.data import read_data
from mlci.errors import Exit

WORDS = ("data-check",)
CONTRACT = "rows: {min: 450}\n"


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Repository:
    """A repository whose last check was green, and whose data have since become too few."""
    found = repository(tmp_path_factory.mktemp("checked") / "repository")
    policy = found.folder / "mlci.yml"
    policy.write_text(
        policy.read_text().replace("train: data/train.csv", "train: {path: data/train.csv, contract: c.yml}")
    )
    (found.folder / "c.yml").write_text(CONTRACT)
    (found.folder / "data" / "train.csv").write_text(rows(0, 500))
    assert forks.run(found.folder, *WORDS).status == Exit.PASS
    (found.folder / "data" / "train.csv").write_text(rows(0, 400))
    return found


def copied(found: Repository, target: Path) -> Repository:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(found.root, target, symlinks=True)
    return Repository(target, target)


def verdict(found: Repository) -> str | None:
    """What the evidence says, which must be whole; None where there is none."""
    place = found.folder / ".mlci" / "evidence" / "data.json"
    return read_data(place.read_bytes(), str(place)).verdict.value if place.exists() else None


def reported(found: Repository) -> str | None:
    place = found.folder / ".mlci" / "report" / "data-check.json"
    return str(json.loads(place.read_text())["verdict"]) if place.exists() else None


def test_a_check_that_is_killed_leaves_no_green_evidence_and_the_next_is_as_any_other(
    failing: Repository, forks: Forks, tmp_path: Path
) -> None:
    ended = forks.run(copied(failing, tmp_path / "undisturbed").folder, *WORDS)
    assert ended.status == Exit.DATA
    names = list(dict.fromkeys(event for event in ended.events if "…" not in event))
    # Where a kill would tell most. With MLCI_FAULTS=all every write is tried, which takes some minutes.
    telling = ("os.remove /.mlci/evidence/", "os.rename /.mlci/evidence/", "os.rename /.mlci/report/.data-check.json")
    writing = [next(name for name in names if name.startswith(each)) for each in telling]
    wrong = {}

    for moment in names if os.environ.get("MLCI_FAULTS") == "all" else writing:
        found = copied(failing, tmp_path / "killed")
        killed = forks.run(found.folder, *WORDS, at=moment)
        after = (verdict(found), reported(found))
        again = forks.run(found.folder, *WORDS)
        # The first removals come before anything is judged: until then what is there is the run's before.
        old = moment.startswith("os.remove")
        fine = (
            killed.status == -signal.SIGKILL
            and (old or after[0] in (None, "fail"))
            and again.status == Exit.DATA
            and (verdict(found), reported(found)) == ("fail", "fail")
        )
        if not fine:
            wrong[moment] = (killed.status, after, again.status)

    assert wrong == {}


def test_a_full_disk_is_one_error_and_no_half_evidence(failing: Repository, forks: Forks, tmp_path: Path) -> None:
    found = copied(failing, tmp_path / "full")
    moment = next(
        event
        for event in forks.run(copied(failing, tmp_path / "u").folder, *WORDS).events
        if event.startswith("open /.mlci/evidence/")
    )

    assert forks.run(found.folder, *WORDS, at=moment, full=True).status == Exit.USAGE
    assert verdict(found) is None
    assert forks.run(found.folder, *WORDS).status == Exit.DATA
