"""A verdict that waits for a person: green only where nothing can be merged before they have agreed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli.running import World, predictions, proposed, zipped

from mlci.cli.main import run
from mlci.cli.sides import Sides
from mlci.errors import ServiceRefused
from mlci.ports import Status

POLICY = """\
model: churn
evaluate: {id: id, target: y}
validation: {tolerance: 0.02, metrics: [accuracy], on_inconclusive: {merge: approve}}
"""
APPROVAL = "mlci/approval/churn"
JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Other examples are wrong, and one more of them: 200 cannot tell that from nothing.
    Path("c.csv").write_text(predictions(wrong=11, start=100))
    Path("b.csv").write_text(predictions(wrong=10))


def world(policy: str = POLICY, *, required: bool = True, fork: bool = False) -> World:
    Path("mlci.yml").write_text(policy)
    made = proposed(policy, fork=fork)
    if required:
        made.memory.commits.required["main"] = {APPROVAL}
    return made


def judged(made: World, patch: pytest.MonkeyPatch, *more: str) -> int:
    return run((*JUDGE, *more), made.entered(patch).environ)


MODEL = b"5" * 64


def with_model(of: Callable[..., Sides]) -> Callable[..., Sides]:
    """Sides whose candidate names the evidence of a model."""

    def found(*given: object) -> Sides:
        sides = of(*given)
        return replace(sides, candidate=replace(sides.candidate, model=MODEL.decode()))

    return found


def report() -> dict[str, object]:
    return dict(json.loads(Path(".mlci/report/gate-compare.json").read_text()))


def test_the_gate_is_green_and_the_merge_held_until_somebody_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world()
    assert judged(made, monkeypatch) == 0

    gate = str(dict(report()["evidence"])["gate"])  # type: ignore[call-overload]
    states = made.states()
    assert report()["verdict"] == "inconclusive"
    assert str(report()["reason"]).startswith("waits for a person: 200 examples cannot show that accuracy")
    assert states[APPROVAL][0] == "pending"
    assert states[APPROVAL][1].startswith("waits for a person: ")
    assert states[APPROVAL][1].endswith(f" [gate {gate[:12]}]")
    assert states["mlci/gate/churn"][0] == "success", "it must not stay red once somebody agrees"
    assert states["mlci/gate/churn"][1].startswith("inconclusive: waits for a person")
    assert "waits for a person" in made.comments[0]
    kept = json.loads(Path(".mlci/evidence/gate.json").read_text())
    assert kept["predicate"]["verdict"] == "inconclusive", "what is approved says what was found"


def test_what_people_have_agreed_to_already_stays_and_another_record_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world()
    judged(made, monkeypatch)
    gate = str(dict(report()["evidence"])["gate"])  # type: ignore[call-overload]
    for record, state in ((gate[:12], "success"), ("0" * 12, "pending")):
        said = Status(context=APPROVAL, state="success", description=f"alice agreed [gate {record}]", url="u")
        made.memory.commits.set_status(made.head, said)
        assert judged(made, monkeypatch) == 0
        assert made.states()[APPROVAL][0] == state


@pytest.mark.parametrize("broken", ["not required", "unreadable", "not set", "no status", "a fork"])
def test_what_cannot_be_confirmed_to_hold_the_merge_is_red_as_ever(
    broken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world(required=broken != "not required", fork=broken == "a fork")
    refused = ServiceRefused("answered 403", help="the token needs statuses: write")

    def refuse(*_: object) -> None:
        raise refused

    if broken == "unreadable":
        monkeypatch.setattr(made.memory.commits, "unheld", refuse)
    if broken == "not set":
        monkeypatch.setattr(made.memory.commits, "set_status", refuse)
    more = ("--status", "false") if broken == "no status" else ()

    assert judged(made, monkeypatch, *more) == 3
    assert not str(report()["reason"]).startswith("waits")
    assert APPROVAL not in made.states()
    assert made.states().get("mlci/gate/churn", ("failure",))[0] != "success"
    if broken != "a fork":
        assert "a person may let this through, but" in capsys.readouterr().err


def test_missing_evidence_is_no_persons_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(POLICY.replace("[accuracy]", "[accuracy, roc_auc]"))
    assert judged(made, monkeypatch) == 3
    assert APPROVAL not in made.states()


@pytest.mark.parametrize(("policy", "exit"), [("warn", 0), ("fail", 3), ("pass", 0)])
def test_other_policies_set_nothing(policy: str, exit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(POLICY.replace("merge: approve", f"merge: {policy}"))
    assert judged(made, monkeypatch) == exit
    assert APPROVAL not in made.states()


def test_a_merge_queue_goes_on_only_where_people_were_asked_about_this_very_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = world()
    monkeypatch.setattr("mlci.cli.gate_compare.Sides.of", with_model(Sides.of))
    assert judged(made, monkeypatch) == 0
    record = Path(".mlci/evidence/gate.json").read_bytes()
    change = made.run.change
    assert change is not None
    group = made.memory.commits.commit({"train.py": b"2"}, made.base)
    queued = made.later(id=102, event="merge_group", commit=group, change=replace(change, number=None, head=group))
    made.memory.runs.merged[group] = [change]
    assert judged(queued, monkeypatch) == 3, "its record cannot be found"

    for other, exit in (
        (record.replace(b'"inconclusive"', b'"pass"'), 3),
        (record.replace(MODEL[:9], b"0" * 9), 3),
        (record, 0),
    ):
        made.memory.runs.leave(
            "mlci-gate-churn", zipped({"gate.json": other}), run=100, head=made.head, event="pull_request"
        )
        assert judged(queued, monkeypatch) == exit
        assert APPROVAL not in made.states(group), "who counts what was said on the change sets it"


def test_a_worse_model_is_no_persons_to_give_either(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.csv").write_text(predictions(wrong=90))
    made = world()
    assert judged(made, monkeypatch) == 11
    assert APPROVAL not in made.states()
