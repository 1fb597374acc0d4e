"""report: what a fork's run left is judged again and posted as advisory, and no word of the fork's is."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import World, after, elsewhere, on_main, predictions, proposed, zipped
from golden.reports import HOSTILE

from mlci.cli.main import run
from mlci.domain.run import Change
from mlci.errors import ServiceFailed, ServiceRefused
from mlci.ports import Status

POLICY = "model: churn\n"
REPORT = Path(".mlci/report/report.json")
GOOD, WORSE = predictions(), predictions(wrong=90)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlci.yml").write_text(POLICY)
    for name in ("c.csv", "b.csv"):
        Path(name).write_text(GOOD)


def evidence(candidate: str = GOOD, *flags: str) -> dict[str, Any]:
    """The evidence of stage one, as the fork's own code left it."""
    Path("c.csv").write_text(candidate)
    line = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", "--evidence", "e.json", *flags)
    assert run(line, {}) in (0, 11)
    return dict(json.loads(Path("e.json").read_bytes()))


def packed(statement: dict[str, Any], **members: bytes) -> bytes:
    return zipped({"gate.json": json.dumps(statement).encode(), **members})


def ended(content: bytes | None, policy: str | None = POLICY, *, name: str = "mlci-gate-churn", **more: Any) -> World:
    """The run on the default branch that the end of a fork's run starts; that run left this artifact."""
    fork = proposed(policy, fork=True, **more)
    if content is not None:
        fork.memory.runs.leave(name, content, run=fork.run.id, branch="feature", event="pull_request", fork=True)
    return after(fork)


def reported(world: World, patch: pytest.MonkeyPatch, *more: str) -> int:
    return run(("report", *more), world.entered(patch).environ)


def report() -> dict[str, Any]:
    return dict(json.loads(REPORT.read_text()))


def nothing_posted(world: World) -> bool:
    return world.comments == [] and world.memory.commits.statuses == {} and not REPORT.exists()


# Judged


@pytest.mark.parametrize(
    ("candidate", "exit", "verdict", "state"), [(GOOD, 0, "warn", "pending"), (WORSE, 11, "fail", "failure")]
)
def test_the_numbers_of_a_fork_are_judged_again_and_posted_as_advisory(
    candidate: str, exit: int, verdict: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = ended(packed(evidence(candidate)))

    assert reported(world, monkeypatch) == exit
    assert report()["verdict"] == verdict
    [(context, (status, description))] = world.states(world.head).items()
    assert (context, status) == ("mlci/gate/churn", state)
    assert description.startswith(f"advisory {verdict}: ")
    [body] = world.comments
    assert f"run=100 attempt=1 commit={world.head}" in body, "the run that measured, and its commit"
    assert "advisory" in body
    assert world.memory.job.values["comment"]


def test_the_policy_of_the_base_decides_whatever_the_fork_judged_by(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = POLICY + "validation: {tolerance: 0.01}\n"
    Path("mlci.yml").write_text(POLICY + "validation: {tolerance: 0.5}\n")
    statement = evidence(WORSE)
    assert statement["predicate"]["verdict"] == "pass"
    world = ended(packed(statement), strict)

    assert reported(world, monkeypatch) == 11
    assert "the run that measured says pass, and its numbers say fail" in json.dumps(report())


def test_a_base_without_a_policy_has_the_defaults_and_never_the_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlci.yml").write_text("validation: {tolerance: 0.5}\n")
    world = ended(packed(evidence(WORSE)), None, name="mlci-gate")

    assert reported(world, monkeypatch) == 11
    assert "policy-not-yet-merged" in [found["reason"] for found in report()["findings"]]


def test_the_configuration_is_the_branchs_and_this_machine_needs_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mlci.yml").write_text("model: north\nvalidation: {tolerance: 0.5}\n")
    statement = evidence(WORSE)
    world = ended(packed(statement), None, name="mlci-gate-north")
    files = {"models/north/mlci.yml": b"model: north\nvalidation: {tolerance: 0.01}\n"}
    [change] = world.memory.runs.changes
    world.memory.runs.changes = [replace(change, base=world.memory.commits.commit(files))]
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    assert reported(world, monkeypatch, "--config", "models/north/mlci.yml") == 11
    assert list(world.states(world.head)) == ["mlci/gate/north"]
    assert "policy-not-yet-merged" not in [found["reason"] for found in report()["findings"]]


@pytest.mark.parametrize("there", [POLICY + "validation: {tolerance: 0.5}\n", None])
def test_a_forks_change_to_another_branch_is_judged_by_the_default_branchs_policy(
    there: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = evidence(WORSE)
    fork = elsewhere(proposed(POLICY + "validation: {tolerance: 0.01}\n", fork=True), "loose", there)
    fork.memory.runs.leave("mlci-gate-churn", packed(statement), run=fork.run.id, event="pull_request", fork=True)
    world = after(fork)

    assert reported(world, monkeypatch) == 11
    assert "policy-not-yet-merged" not in [found["reason"] for found in report()["findings"]]


def test_what_nobody_who_is_trusted_measured_leaves_a_trusted_status_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ended(packed(evidence(WORSE)))
    trusted = Status(context="mlci/gate/churn", state="success", description="pass: fine", url="https://a.b/runs/7")
    world.memory.commits.set_status(world.head, trusted)

    assert reported(world, monkeypatch) == 11
    assert world.states(world.head) == {"mlci/gate/churn": ("success", "pass: fine")}
    assert "a run that is not advisory has set it" in capsys.readouterr().err


def test_a_base_that_cannot_be_read_ends_it_and_nothing_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ended(packed(evidence()))

    def refuse(*_: object) -> None:
        raise ServiceFailed("it is down")

    monkeypatch.setattr(world.memory.commits, "file", refuse)
    assert reported(world, monkeypatch) == 4
    assert nothing_posted(world)


def test_an_older_run_that_is_reported_later_leaves_the_newer_report_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    new = ended(packed(evidence()), id=105)
    assert reported(new, monkeypatch) == 0
    before = new.comments
    triggered = new.run.triggered_by
    assert triggered is not None
    new.memory.runs.leave("mlci-gate-churn", packed(evidence(WORSE)), run=104)
    old = new.later(id=200, triggered_by=replace(triggered, id=104))

    assert reported(old, monkeypatch) == 11
    assert old.comments == before


def test_of_several_changes_with_one_head_that_to_the_default_branch_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = ended(packed(evidence()))
    [change] = world.memory.runs.changes
    world.memory.runs.changes.insert(0, replace(change, number=2, base_branch="old"))

    assert reported(world, monkeypatch) == 0
    assert len(world.comments) == 1


def test_a_status_that_may_not_be_set_here_is_a_warning_and_not_the_forks_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ended(packed(evidence()))
    world.memory.conversation.error = ServiceRefused("you may not")

    assert reported(world, monkeypatch) == 0
    assert "::warning title=mlci::the comment was not posted: you may not" in capsys.readouterr().err


def test_a_dry_run_and_what_is_turned_off_post_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for more in (("--dry-run",), ("--comment=false", "--status=false")):
        world = ended(packed(evidence(WORSE)))
        assert reported(world, monkeypatch, *more) == 11
        assert (world.comments, world.memory.commits.statuses) == ([], {})


# Compared with what


def accepted(world: World, predictions: str) -> World:
    """The default branch has an accepted run with these predictions."""
    Path("a.csv").write_text(predictions)
    line = ("gate-compare", "--candidate", "a.csv", "--evidence", "accepted.json", "--report", "accepted/r.json")
    assert run(line, {}) == 0
    members = {"gate.json": Path("accepted.json").read_bytes(), "predictions.csv": predictions.encode()}
    world.memory.runs.leave("mlci-gate-churn", zipped(members), run=50)
    return world


def test_a_fork_that_compared_with_the_accepted_baseline_is_judged_by_its_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = accepted(ended(packed(evidence())), GOOD)

    assert reported(world, monkeypatch, "--baseline-from", "artifacts") == 0
    assert "input:baseline" not in [found["id"] for found in report()["findings"]]


@pytest.mark.parametrize("compared", [True, False])
def test_a_fork_that_took_another_model_for_production_proves_nothing(
    compared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("b.csv").write_text(WORSE)
    statement = evidence()
    if not compared:
        assert run(("gate-compare", "--candidate", "c.csv", "--evidence", "e.json"), {}) == 0
        statement = json.loads(Path("e.json").read_bytes())
    world = accepted(ended(packed(statement)), GOOD)

    assert reported(world, monkeypatch, "--baseline-from", "artifacts") == 3
    assert "input:baseline" in [found["id"] for found in report()["findings"]]
    assert world.states(world.head)["mlci/gate/churn"][0] == "failure"


def test_before_anything_was_accepted_nobody_can_have_compared_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ended(packed(evidence()))

    assert reported(world, monkeypatch, "--baseline-from", "artifacts") == 0


# Not for this step


def test_without_a_run_that_another_one_started_it_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(("report",), {}) == 2
    assert reported(on_main(POLICY), monkeypatch) == 2
    assert reported(proposed(POLICY, fork=True), monkeypatch) == 2
    assert capsys.readouterr().err.count("error[U001]: report needs a run") == 3


def gone(world: World) -> None:
    world.memory.runs.changes.clear()


def ours(world: World) -> None:
    world.memory.runs.changes = [replace(change, fork=False) for change in world.memory.runs.changes]


def pushed_over(world: World) -> None:
    world.memory.runs.changes = [replace(change, head="f" * 40) for change in world.memory.runs.changes]


@pytest.mark.parametrize(
    ("event", "happened", "why"),
    [
        ("push", ours, "not for a pull request"),
        ("pull_request_target", ours, "not for a pull request"),
        ("pull_request", gone, "no open pull request"),
        ("pull_request", pushed_over, "no open pull request"),
        ("pull_request", ours, "not from a fork"),
    ],
)
def test_where_there_is_no_forks_change_to_report_on_it_says_why_and_posts_nothing(
    event: str, happened: Any, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ended(packed(evidence(WORSE)))
    triggered = world.run.triggered_by
    assert triggered is not None
    world = world.later(triggered_by=replace(triggered, event=event))
    happened(world)
    capsys.readouterr()

    assert reported(world, monkeypatch) == 0
    assert nothing_posted(world)
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("name", [None, "mlci-gate", "mlci-gate-other", "mlci-gate-churn-2"])
def test_a_run_that_left_nothing_under_this_key_has_nothing_to_report(
    name: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ended(None if name is None else packed(evidence(WORSE)), name=name or "")
    capsys.readouterr()

    assert reported(world, monkeypatch) == 0
    assert nothing_posted(world)
    said = capsys.readouterr().err
    assert "left no artifact mlci-gate-churn," in said
    assert "give both steps the same key" in said


def test_the_key_of_the_other_run_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ended(packed(evidence()), name="mlci-gate-north")

    assert reported(world, monkeypatch, "--key", "north") == 0
    assert list(world.states(world.head)) == ["mlci/gate/north"]


# Hostile

MARK = "0WNED @octocat"


def bomb() -> bytes:
    return zipped({"gate.json": b"[" + b" " * (9 << 20) + b"]"})


ARTIFACTS = {
    "no zip": MARK.encode(),
    "nothing in it": zipped({}),
    "another member": zipped({MARK: b"x"}),
    "a member that leads out": zipped({f"../../{MARK}\n::error::x": b"", "gate.json": b"{}"}),
    "a member that leads out beside the right one": zipped({"gate.json": b"{}", f"/etc/{MARK}": b""}),
    "a bomb": bomb(),
    "no JSON": zipped({"gate.json": MARK.encode()}),
    "another shape": zipped({"gate.json": json.dumps({MARK: MARK, "_type": MARK}).encode()}),
    "a word of no verdict": zipped({"gate.json": json.dumps({"predicate": {"verdict": MARK}}).encode()}),
}


@pytest.mark.parametrize("content", ARTIFACTS.values(), ids=list(ARTIFACTS))
def test_an_artifact_that_is_not_ours_is_refused_and_the_report_quotes_nothing_of_it(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ended(content)

    assert reported(world, monkeypatch) == 3
    [body] = world.comments
    [(state, description)] = world.states(world.head).values()
    assert state == "failure"
    assert description.startswith("advisory inconclusive: ")
    for text in (body, description, REPORT.read_text(), world.memory.job.page, *world.memory.job.values.values()):
        assert "0WNED" not in text
        assert "octocat" not in text
    err = capsys.readouterr().err
    assert "error[A001]" in err
    assert "\n::error::x" not in err


def test_an_artifact_larger_than_any_evidence_is_refused_whatever_is_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = packed(evidence(), **{"padding.bin": os.urandom((20 << 20) + 1)})
    world = ended(content)

    assert reported(world, monkeypatch) == 3
    assert "error[A001]" in capsys.readouterr().err
    assert world.states(world.head)["mlci/gate/churn"][0] == "failure"


def test_no_sentence_of_the_other_run_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = evidence()
    predicate = statement["predicate"]
    predicate["reason"] = MARK
    predicate["assumptions"] = [MARK]
    for found in predicate["findings"]:
        found["message"], found["explanation"], found["reason"] = MARK, MARK, MARK
    world = ended(packed(statement))

    assert reported(world, monkeypatch) in (0, 3)
    for text in (world.comments[0], REPORT.read_text(), world.memory.job.page):
        assert "0WNED" not in text


def test_a_hostile_name_is_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = evidence()
    name = HOSTILE.encode("ascii", "ignore").decode()[:300]
    statement["predicate"]["candidate"]["name"] = statement["subject"][0]["name"] = name
    world = ended(packed(statement))

    assert reported(world, monkeypatch) in (0, 3)
    text = world.comments[0].partition("\n")[2]
    for harm in ("@octocat", "<img", "<script", "<!--", "](http:", "\x1b", "\r", "\n::"):
        assert harm not in text


def test_a_number_that_the_artifact_brings_along_picks_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = evidence(WORSE)
    statement["predicate"]["pull_request"] = statement["number"] = 9
    world = ended(packed(statement, **{"pr.txt": b"9"}))
    world.memory.runs.changes.append(Change(number=9, head="e" * 40, base=world.base, base_branch="main", fork=True))

    assert reported(world, monkeypatch) in (3, 11)
    assert world.memory.conversation.comments(9) == []
    assert list(world.memory.commits.statuses) == [world.head]
