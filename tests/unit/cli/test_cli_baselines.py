"""gate-compare without a file of production's: where the baseline is found, and what a run leaves for the next."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import World, on_branch, on_main, predictions, proposed, zipped

from mlci.cli.main import run
from mlci.domain.run import Change
from mlci.errors import ServiceFailed

REPORT = Path(".mlci/report/gate-compare.json")
KEEP = Path("mlci-keep")
POLICY = "model: churn\n"
GOOD, WORSE = predictions(), predictions(wrong=90)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(GOOD)
    Path("mlci.yml").write_text(POLICY)


def report() -> dict[str, Any]:
    return dict(json.loads(REPORT.read_text()))


def judged(world: World, patch: pytest.MonkeyPatch, *more: str, source: str = "artifacts") -> int:
    line = ("gate-compare", "--candidate", "c.csv", "--baseline-from", source, *more)
    return run(line, world.entered(patch).environ)


def kept() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in KEEP.iterdir()} if KEEP.exists() else {}


def upload(world: World) -> None:
    """What the workflow does after the step."""
    world.memory.runs.leave(world.memory.job.values["artifact"], zipped(kept()), run=world.run.id)


def merged(patch: pytest.MonkeyPatch, candidate: str = GOOD) -> World:
    """A default branch with one run, whose artifact was uploaded."""
    world = on_main(POLICY)
    Path("c.csv").write_text(candidate)
    judged(world, patch)
    upload(world)
    return world


def change_on(world: World, number: int = 101) -> World:
    """A change in the repository of that world."""
    base = world.base
    head = world.memory.commits.commit({"train.py": b"2"}, base)
    change = Change(number=5, head=head, base=base, base_branch="main", fork=False)
    run = replace(world.run, id=number, event="pull_request", commit=head, branch=None, change=change)
    return World(world.memory, run, base, head)


# Found


def test_no_baseline_yet_is_a_warning_that_does_not_hold_the_change_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed(POLICY)

    assert judged(world, monkeypatch) == 0
    assert (report()["verdict"], {found["reason"] for found in report()["findings"]}) == ("warn", {"no-baseline"})
    assert world.states()["mlci/gate/churn"][0] == "success"


@pytest.mark.parametrize(("candidate", "exit"), [(GOOD, 0), (WORSE, 11)])
def test_a_change_is_compared_with_the_last_accepted_run_of_the_default_branch(
    candidate: str, exit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = merged(monkeypatch)
    Path("c.csv").write_text(candidate)

    assert judged(change_on(world), monkeypatch) == exit
    assert report()["baseline"]["digest"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert report()["baseline"]["name"] == "artifact mlci-gate-churn of run 100"
    assert any("newest accepted run" in said for said in report()["assumptions"])


def test_a_worse_run_of_the_default_branch_does_not_become_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    world = merged(monkeypatch)
    second = world.later(id=101)
    Path("c.csv").write_text(WORSE)
    assert judged(second, monkeypatch) == 11
    upload(second)

    assert judged(change_on(world, 102), monkeypatch) == 11
    assert report()["baseline"]["digest"] == hashlib.sha256(GOOD.encode()).hexdigest()


def test_another_key_has_another_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    world = merged(monkeypatch)

    assert judged(change_on(world), monkeypatch, "--key", "other") == 0
    assert {found["reason"] for found in report()["findings"]} == {"no-baseline"}


def test_each_leg_of_a_matrix_has_its_own_baseline_and_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    legs = [on_main(POLICY, matrix=json.dumps({"region": region})) for region in ("north", "south")]
    for leg in legs:
        judged(leg, monkeypatch)
    names = {leg.memory.job.values["artifact"] for leg in legs}

    assert len(names) == 2
    assert all(name.startswith("mlci-gate-churn-") for name in names)
    judged(legs[0], monkeypatch)
    assert legs[0].memory.job.values["artifact"] in names, "the same leg finds its own again"


def test_artifacts_are_those_of_a_run_on_a_forge(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("gate-compare", "--candidate", "c.csv", "--baseline-from", "artifacts"), {}) == 2
    assert "--baseline-from artifacts needs a run of a pipeline" in capsys.readouterr().err


# Expired


def expired(world: World, run: int = 40) -> World:
    """A baseline that the forge has thrown away, but lists."""
    world.memory.runs.leave("mlci-gate-churn", b"", run=run, expired=True)
    return world


def test_a_change_is_not_let_through_because_the_baseline_has_expired(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = expired(proposed(POLICY))

    assert judged(world, monkeypatch) == 3
    assert "the baseline has expired" in report()["reason"]
    assert report()["reason"] in world.comments[0]
    assert world.states()["mlci/gate/churn"][0] == "failure"
    assert "run the workflow on main" in capsys.readouterr().err


def test_another_branch_does_not_start_over_and_the_default_branch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(on_branch(expired(proposed(POLICY))), monkeypatch) == 3
    assert kept() == {}

    assert judged(expired(on_main(POLICY)), monkeypatch) == 0
    assert (report()["verdict"], {found["reason"] for found in report()["findings"]}) == ("warn", {"no-baseline"})
    assert set(kept()) == {"gate.json", "kept.json", "predictions.csv"}, "what it measured is the next baseline"


@pytest.mark.parametrize("run", [40, 200])
def test_beside_one_that_has_expired_the_one_that_is_left_is_the_baseline(
    run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = expired(merged(monkeypatch), run)
    Path("c.csv").write_text(WORSE)

    assert judged(change_on(world, 300), monkeypatch) == 11
    assert report()["baseline"]["name"] == "artifact mlci-gate-churn of run 100"


# Left


def test_a_change_leaves_its_evidence_and_never_its_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(proposed(POLICY), monkeypatch) == 0
    assert kept() == {"gate.json": Path(".mlci/evidence/gate.json").read_bytes()}


def test_the_default_branch_leaves_the_predictions_that_were_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(on_main(POLICY), monkeypatch) == 0
    left = kept()
    assert set(left) == {"gate.json", "kept.json", "predictions.csv"}
    assert left["gate.json"] == Path(".mlci/evidence/gate.json").read_bytes()
    assert left["predictions.csv"] == GOOD.encode()


def test_the_first_run_that_is_not_accepted_leaves_no_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlci.yml").write_text("validation: {min_accuracy: 0.99}\n")

    assert judged(on_main(POLICY), monkeypatch) == 11
    assert set(kept()) == {"gate.json", "kept.json"}


def test_a_later_run_that_is_not_accepted_hands_the_older_baseline_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = merged(monkeypatch)
    before = kept()
    Path("c.csv").write_text(WORSE)

    assert judged(world.later(id=101), monkeypatch) == 11
    assert {**kept(), "kept.json": b""} == {**before, "kept.json": b""}
    assert Path(".mlci/evidence/gate.json").read_bytes() != before["gate.json"]


@pytest.mark.parametrize(
    "elsewhere", [{"branch": "feature"}, {"branch": None}, {"event": "workflow_run"}, {"event": "issue_comment"}]
)
def test_a_run_that_is_not_about_the_default_branch_leaves_no_predictions(
    elsewhere: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(on_main(POLICY).later(**elsewhere), monkeypatch) == 0
    assert set(kept()) == {"gate.json"}


def test_what_an_earlier_run_left_is_gone_when_this_one_cannot_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    judged(on_main(POLICY), monkeypatch)
    Path("c.csv").write_text("")

    assert judged(on_main(POLICY), monkeypatch) == 3
    assert kept() == {}


def test_on_a_developers_machine_nothing_is_kept_or_cleared() -> None:
    KEEP.mkdir(parents=True)
    (KEEP / "gate.json").write_text("mine")

    assert run(("gate-compare", "--candidate", "c.csv"), {}) == 0
    assert kept() == {"gate.json": b"mine"}


def test_a_folder_with_other_things_is_neither_emptied_nor_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(on_main(POLICY), monkeypatch, "--keep", ".") == 2
    assert Path("c.csv").read_text() == GOOD


@pytest.mark.parametrize("through", ["plain", "link", "dots"])
def test_an_input_in_the_folder_that_is_emptied_is_refused_and_survives(
    through: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").mkdir()
    Path("out/predictions.csv").write_text(GOOD)
    Path("also").symlink_to("out")
    keep = {"plain": "out", "link": "also", "dots": "./.mlci/../out"}[through]
    line = ("gate-compare", "--candidate", "out/predictions.csv", "--keep", keep)

    assert run(line, on_main(POLICY).entered(monkeypatch).environ) == 2
    assert Path("out/predictions.csv").read_text() == GOOD
    assert "where --candidate lies" in capsys.readouterr().err


def test_the_kept_folder_is_named_from_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = on_main(POLICY)
    world.environ["GITHUB_WORKSPACE"] = str(tmp_path)
    Path("models").mkdir()
    monkeypatch.chdir("models")
    Path("c.csv").write_text(GOOD)

    assert judged(world, monkeypatch) == 0
    assert world.memory.job.values["keep"] == "models/mlci-keep"


# A folder in a store


def test_an_accepted_run_is_kept_in_the_store_and_the_next_change_is_compared_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("obstore")
    (tmp_path / "store").mkdir()
    source = (tmp_path / "store").as_uri()
    assert judged(proposed(POLICY, id=99), monkeypatch, source=source) == 0
    assert judged(on_main(POLICY), monkeypatch, "--dry-run", source=source) == 0
    assert list((tmp_path / "store").iterdir()) == [], "neither a change nor a dry run becomes the baseline"
    assert judged(on_main(POLICY), monkeypatch, source=source) == 0
    assert "kept as the baseline of later changes" in capsys.readouterr().err

    Path("c.csv").write_text(WORSE)
    assert judged(proposed(POLICY, id=101), monkeypatch, source=source) == 11
    assert report()["baseline"]["digest"] == hashlib.sha256(GOOD.encode()).hexdigest()


def test_a_store_that_is_not_there_is_no_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")

    assert judged(on_main(POLICY), monkeypatch, source=(tmp_path / "absent").as_uri()) == 4
    assert report()["verdict"] == "inconclusive"
    assert kept() == {}


def test_a_store_that_does_not_take_the_new_baseline_is_no_green_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    (tmp_path / "store").mkdir()

    def refuse(*_: object) -> None:
        raise ServiceFailed("it is full")

    monkeypatch.setattr("mlci.adapters.remote.store.Store.create", refuse)
    world = on_main(POLICY)

    assert judged(world, monkeypatch, source=(tmp_path / "store").as_uri()) == 4
    assert world.states()["mlci/gate/churn"][0] == "failure", "or later changes go on against the older one unseen"


@pytest.mark.parametrize("link", [".mlci/baseline", ".mlci"])
def test_a_link_in_the_place_of_our_folder_does_not_put_production_in_the_place_of_the_candidate(
    monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    world = merged(monkeypatch)
    shutil.rmtree(".mlci")
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(".." if "/" in link else ".")
    for place in ("predictions.csv", "baseline/predictions.csv"):
        Path(place).parent.mkdir(exist_ok=True)
        Path(place).write_text(WORSE)
    change_on(world)

    exit = run(
        ("gate-compare", "--candidate", "predictions.csv", "--baseline-from", "artifacts"),
        world.entered(monkeypatch).environ,
    )

    assert exit == 2
    assert Path("predictions.csv").read_text() == WORSE
