"""Hand-over folders that are not what model-ci left, and two runs in one folder: an error, and never a verdict."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.chain import Repository

from faults.chained import Forks, awaited, copy_of, started


@pytest.fixture(scope="module")
def judged(second: Repository, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with a hand-over that was judged beside production."""
    found = copy_of(second, tmp_path_factory.mktemp("judged") / "r")
    assert forks.run(found.folder).status == 0
    assert forks.run(found.folder, "gate-compare", "--candidate", "mlci-model").status == 0
    return found


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    """One file with something else in it."""

    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return edit


def swapped(folder: Path) -> None:
    """Candidate and production the other way round."""
    shutil.copy(folder / "candidate.csv", folder / "third")
    shutil.copy(folder / "baseline.csv", folder / "candidate.csv")
    (folder / "third").rename(folder / "baseline.csv")


def worse(folder: Path) -> None:
    """Production made worse, its own digest to match, but of another holdout."""
    (folder / "baseline.csv").write_text((folder / "baseline.csv").read_text().replace(",1\n", ",0\n"))
    about = json.loads((folder / "baseline.json").read_text())
    about["file"]["digest"] = hashlib.sha256((folder / "baseline.csv").read_bytes()).hexdigest()
    (folder / "baseline.json").write_text(json.dumps(about | {"holdout": "0" * 64}))


def other_subject(folder: Path) -> None:
    """Evidence that says one model is its subject, and tells of another."""
    evidence = json.loads((folder / "model.json").read_text())
    evidence["subject"][0]["digest"]["sha256"] = "0" * 64
    (folder / "model.json").write_text(json.dumps(evidence))


def linked(name: str) -> Callable[[Path], None]:
    """A file that is a link to its like elsewhere."""

    def link(folder: Path) -> None:
        elsewhere = folder.parent / f"elsewhere-{Path(name).name}"
        (folder / name).rename(elsewhere)
        (folder / name).symlink_to(elsewhere)

    return link


def is_a_link(folder: Path) -> None:
    """The whole folder is a link."""
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to("elsewhere")


HOSTILE: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "predictions": (edited("candidate.csv", ",0\n", ",1\n"), 5, "A003"),
    "evidence of another file": (other_subject, 3, "A001"),
    "artifact": (edited("model.json", '"artifact":"', '"artifact":"00'), 3, "A001"),
    "no JSON": (lambda folder: (folder / "model.json").write_text("[" * 100_000), 3, "A001"),
    "swapped": (swapped, 5, "A003"),
    "baseline": (edited("baseline.csv", ",0\n", ",1\n"), 5, "A003"),
    "baseline of another holdout": (worse, 5, "A003"),
    "baseline of another version": (edited("baseline.json", '"version":"1"', '"version":"../1"'), 3, "A001"),
    "link": (linked("candidate.csv"), 3, "A001"),
    "link in the evidence's place": (linked("model.json"), 3, "A001"),
    "folder that is a link": (is_a_link, 3, "A001"),
    "more": (lambda folder: (folder / "run.sh").write_text("true"), 3, "A001"),
    "both": (lambda folder: (folder / "candidate.parquet").write_bytes(b"PAR1"), 3, "A001"),
    "less": (lambda folder: (folder / "candidate.csv").unlink(), 2, "U002"),
    "another model": (edited("../mlci.yml", "model: late-trips", "model: early-trips"), 2, "C008"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hand_over_that_was_changed_is_refused_and_never_judged(
    judged: Repository, forks: Forks, tmp_path: Path, name: str
) -> None:
    found = copy_of(judged, tmp_path / "handed")
    change, code, id = HOSTILE[name]
    change(found.folder / "mlci-model")
    ended = forks.run(found.folder, "gate-compare", "--candidate", "mlci-model")

    assert (ended.status, re.findall(r"^error\[(\w+)\]", ended.said, re.MULTILINE)) == (code, [id]), ended.said
    assert not (found.folder / ".mlci" / "evidence" / "gate.json").exists()
    report = found.folder / ".mlci" / "report" / "gate-compare.json"
    assert not report.exists() or json.loads(report.read_text())["verdict"] == "inconclusive"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_two_runs_in_one_folder_the_second_says_so_and_touches_nothing(
    second: Repository, forks: Forks, tmp_path: Path
) -> None:
    found = copy_of(second, tmp_path / "shared")
    script = found.folder / "train.py"
    waiting = "import os, time\nopen('waiting', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
    script.write_text(waiting + script.read_text())
    with started(found, "model-ci", "--register", "false") as first:
        awaited(found.folder / "waiting")
        # As the first run is to leave it, and the second must not take away.
        (found.folder / ".mlci" / "evidence" / "model.json").write_text("{}")
        before = contents(found.folder)
        for command in ("run", "model-ci"):
            ended = forks.run(found.folder, command)
            assert ended.status == 2
            assert "error[U006]: another run is at work on late-trips" in ended.said
        assert contents(found.folder) == before
        (found.folder / "go").touch()
        assert first.wait() == 0
    assert found.report("model-ci")["verdict"] == "pass"


def test_a_folder_of_the_users_is_refused_before_anything_is_trained(fresh: Repository, forks: Forks) -> None:
    (fresh.folder / "mlci-model").mkdir()
    (fresh.folder / "mlci-model" / "notes.txt").write_text("mine")
    ended = forks.run(fresh.folder)

    assert (ended.status, fresh.trainings) == (2, 0)
    assert "error[U005]: mlci-model is not replaced" in ended.said
    assert (fresh.folder / "mlci-model" / "notes.txt").read_text() == "mine"
