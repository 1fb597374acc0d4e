"""gate-compare on a forge: what it posts and hands on, and that nothing of that decides the exit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import World, on_main, predictions, proposed

from mlci.cli import delivery
from mlci.cli.main import run
from mlci.errors import FileMissing, NotWritable, ServiceFailed, ServiceRefused

JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv")
REPORT = Path(".mlci/report/gate-compare.json")
EVIDENCE = Path(".mlci/evidence/gate.json")
WORSE = predictions(wrong=90)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("c.csv", "b.csv"):
        Path(name).write_text(predictions())


def report() -> dict[str, Any]:
    return dict(json.loads(REPORT.read_text()))


def judged(world: World, patch: pytest.MonkeyPatch, *more: str) -> int:
    return run((*JUDGE, *more), world.entered(patch).environ)


def agreed(policy: str = "model: churn\n") -> World:
    """A change that leaves the policy alone."""
    Path("mlci.yml").write_text(policy)
    return proposed(policy)


def refusing(error: Exception) -> Any:
    def refuse(*_: object) -> None:
        raise error

    return refuse


def test_a_worse_model_is_posted_handed_on_and_shown_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.csv").write_text(WORSE)
    world = proposed("model: churn\n")
    assert judged(world, monkeypatch) == 11

    job, [comment] = world.memory.job, world.memory.conversation.comments(5)
    assert job.values == {
        "verdict": "fail",
        "reason": report()["reason"],
        "report": str(REPORT),
        "evidence": report()["evidence"]["gate"],
        "keep": "mlci-keep",
        "artifact": "mlci-gate-churn",
        "flips": ".mlci/report/gate-compare.flips.csv",
        "comment": comment.url,
    }
    assert report()["reason"] in job.page
    assert report()["reason"] in comment.body
    state, description = world.states()["mlci/gate/churn"]
    assert state == "failure"
    assert description.startswith(f"fail: {report()['reason']}"[:100])
    assert description.endswith(f" [gate {report()['evidence']['gate'][:12]}]"), "what an approval is held against"
    assert report()["evidence"]["gate"] in comment.body
    assert world.memory.commits.checks == {}


def test_the_next_push_brings_the_same_comment_and_the_new_heads_status(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.csv").write_text(WORSE)
    world = proposed("model: churn\n")
    judged(world, monkeypatch)
    Path("c.csv").write_text(predictions())
    assert judged(world.later(id=101), monkeypatch, "--check") == 0

    [body] = world.comments
    assert report()["reason"] in body
    assert world.states()["mlci/gate/churn"][0] == "success"
    assert [name for _, name, _ in world.memory.commits.checks] == ["mlci report churn"]


@pytest.mark.parametrize(("candidate", "exit"), [(predictions(), 0), (WORSE, 11)])
@pytest.mark.parametrize("error", [ServiceFailed("it is down"), ServiceRefused("you may not")])
def test_a_forge_that_takes_nothing_changes_neither_verdict_nor_exit_nor_outputs(
    candidate: str, exit: int, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.csv").write_text(candidate)
    world = agreed()
    for method in ("comments", "add_comment", "edit_comment"):
        monkeypatch.setattr(world.memory.conversation, method, refusing(error))
    for method in ("set_status", "set_check"):
        monkeypatch.setattr(world.memory.commits, method, refusing(error))
    assert judged(world, monkeypatch, "--check") == exit

    verdict = "pass" if exit == 0 else "fail"
    assert (report()["verdict"], world.memory.job.values["verdict"]) == (verdict, verdict)
    assert "comment" not in world.memory.job.values
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::warning title=mlci::")]
    assert [line.rpartition("::")[2].partition(" was not posted")[0] for line in said] == [
        "the comment", "the status", "the check run",
    ]  # fmt: skip


def test_the_verdict_is_handed_on_before_anything_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed()
    monkeypatch.setattr(world.memory.conversation, "comments", refusing(KeyboardInterrupt()))  # type: ignore[arg-type]

    assert judged(world, monkeypatch) == 130
    assert world.memory.job.values["verdict"] == "pass"
    assert REPORT.exists()


def test_a_page_that_cannot_be_written_keeps_nothing_from_being_posted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.csv").write_text(WORSE)
    world = proposed()
    monkeypatch.setattr(world.memory.job, "summary", refusing(NotWritable("no space left")))

    assert judged(world, monkeypatch) == 11
    assert len(world.comments) == 1
    assert "no space left" in capsys.readouterr().err


def test_a_dry_run_judges_and_posts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.csv").write_text(WORSE)
    world = proposed()
    assert judged(world, monkeypatch, "--dry-run") == 11

    assert (world.comments, world.states()) == ([], {})
    assert "dry run: would comment on #5" in capsys.readouterr().err


def test_what_is_turned_off_is_not_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed()
    assert judged(world, monkeypatch, "--comment=false", "--status=FALSE") == 0

    assert (world.comments, world.states()) == ([], {})


def test_a_change_from_a_fork_is_judged_said_to_be_one_and_never_green(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed("model: churn\n", fork=True)
    assert judged(world, monkeypatch) == 0

    assert "change:fork" in [found["id"] for found in report()["findings"]]
    assert world.states()["mlci/gate/churn"][0] == "pending", "even where the token may write"


# Errors


def passed_before(world: World, patch: pytest.MonkeyPatch) -> World:
    """A world whose change has a passing report from the run before."""
    assert judged(world, patch) == 0
    return world.later(id=101)


def shown(world: World, error: str) -> None:
    [body] = world.comments
    assert error in body
    assert "run=101" in body
    assert world.states()["mlci/gate/churn"][0] == "failure"
    assert report()["verdict"] == world.memory.job.values["verdict"] == "inconclusive"
    assert not EVIDENCE.exists()


def test_input_that_cannot_be_judged_replaces_the_earlier_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    world = passed_before(proposed("model: churn\n"), monkeypatch)
    Path("c.csv").write_text("id,y,pred\n1,2\n")

    assert judged(world, monkeypatch) == 3
    shown(world, "I001")


def test_a_policy_that_cannot_be_read_replaces_the_earlier_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed("model: churn\n")
    Path("mlci.yml").write_text("model: churn\n")
    world = passed_before(world, monkeypatch)
    monkeypatch.setattr(world.memory.commits, "file", refusing(ServiceFailed("it is down")))

    assert judged(world, monkeypatch) == 4
    shown(world, "S003")


def test_a_service_that_has_the_baseline_and_does_not_answer_replaces_the_earlier_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = passed_before(proposed("model: churn\n"), monkeypatch)
    world.memory.runs.error = ServiceFailed("it is down")

    line = ("gate-compare", "--candidate", "c.csv", "--baseline-from", "artifacts")
    assert run(line, world.entered(monkeypatch).environ) == 4
    shown(world, "S001")


@pytest.mark.parametrize(("mistake", "error"), [("missing", "U002"), ("contradiction", "C008"), ("base", "C003")])
def test_a_mistake_replaces_the_earlier_verdict_too(mistake: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = passed_before(agreed(), monkeypatch)
    if mistake == "missing":
        Path("c.csv").unlink()
    if mistake == "base":
        broken = world.memory.commits.commit({"mlci.yml": b"validation: {tolerance: lots}\n"})
        assert world.run.change is not None
        world = world.later(change=replace(world.run.change, base=broken))
    more = ("--baseline-from", "artifacts") if mistake == "contradiction" else ()

    assert judged(world, monkeypatch, *more) == 2
    shown(world, error)


def test_on_a_developers_machine_a_mistake_leaves_no_report() -> None:
    assert run(JUDGE, {}) == 0
    assert run(("gate-compare", "--candidate", "missing.csv"), {}) == 2
    assert not REPORT.exists()
    assert not EVIDENCE.exists()


def test_baseline_and_where_to_find_one_contradict_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(proposed(), monkeypatch, "--baseline-from", "artifacts") == 2
    assert "error[C008]" in capsys.readouterr().err


@pytest.mark.parametrize("exists", [False, True])
def test_an_error_is_an_annotation_too_and_no_name_can_start_a_line_of_its_own(
    exists: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, error = "x\n::error::owned ##[debug].csv", "I008" if exists else "U002"
    if exists:
        Path(name).write_text("")
    line = ("gate-compare", "--candidate", name, "--report", f"{name}.json", "--evidence", f"{name}.e.json")
    assert run(line, proposed().entered(monkeypatch).environ) == (3 if exists else 2)
    said = capsys.readouterr()

    annotations = [line for line in said.err.splitlines() if line.startswith(f"::error title=mlci {error}::")]
    assert len(annotations) == 1
    assert annotations[0].endswith("owned # #[debug].csv)")
    for text in said:
        assert "\n::error::owned" not in text
        assert "##[" not in text


# The gate changed


@pytest.mark.parametrize(
    ("base", "own", "exit", "verdict", "would"),
    [("0.5", "0.001", 0, "warn", "fail"), ("0.001", "0.5", 11, "fail", "pass")],
)
def test_a_change_of_the_gate_is_told_with_what_it_would_have_said_and_decides_nothing(
    base: str, own: str, exit: int, verdict: str, would: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("c.csv").write_text(WORSE)
    Path("mlci.yml").write_text(f"validation: {{tolerance: {own}}}\n")
    world = proposed(f"validation: {{tolerance: {base}}}\n")

    assert judged(world, monkeypatch) == exit
    [note] = [found for found in report()["findings"] if found["id"] == "policy:gate-changed"]
    assert report()["verdict"] == verdict
    assert f"the proposed policy would say {would}" in note["message"]
    assert "validation.tolerance" in world.comments[0]


def test_a_proposed_policy_that_cannot_judge_is_no_error_of_this_change(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlci.yml").write_text("evaluate: {score: nowhere}\n")

    assert judged(proposed("model: m\n"), monkeypatch) == 0
    assert "would say not judged" in next(
        found["message"] for found in report()["findings"] if found["id"] == "policy:gate-changed"
    )


def test_a_policy_that_nobody_merged_yet_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "validation: {tolerance: 0.5}\n"
    Path("mlci.yml").write_text(own)

    assert judged(proposed(None, own=own), monkeypatch) == 0
    assert (report()["verdict"], report()["findings"][-1]["reason"]) == ("warn", "policy-not-yet-merged")


def test_on_the_default_branch_the_report_goes_to_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = on_main()

    assert judged(world, monkeypatch) == 0
    assert world.states()["mlci/gate"][0] == "success"
    assert world.memory.job.values["artifact"] == "mlci-gate"


def test_a_configuration_of_the_change_that_cannot_be_used_replaces_the_old_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = agreed("model: churn\n")
    assert judged(world, monkeypatch) == 0
    Path("mlci.yml").write_text("model: churn\nvalidation: {tolerance: low}\nmodle: x\n")

    assert judged(world.later(id=101), monkeypatch) == 2

    (comment,) = world.comments
    assert "Inconclusive" in comment
    assert "C002" in comment
    assert "C003" in comment
    assert world.states()["mlci/gate/churn"][0] == "failure"
    assert report()["verdict"] == "inconclusive"


def test_every_problem_of_the_policy_that_holds_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlci.yml").write_text("model: churn\n")
    world = proposed("model: churn\nvalidation: {tolerance: low}\nmodle: x\n", own="model: churn\n")

    assert judged(world, monkeypatch) == 2

    assert [finding["id"] for finding in report()["findings"]] == ["input:C003", "input:C002"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--candidate", "mlci-model"), "A named file does not exist or cannot be opened. See why in the job"),
        (("--candidate", "c.txt"), ". Predictions end in .csv"),
    ],
)
def test_what_to_do_about_a_problem_is_a_sentence_of_its_own(
    words: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("c.txt").write_text("x")

    judged(agreed(), monkeypatch, *words)

    (finding,) = report()["findings"]
    assert expected in finding["explanation"]


@pytest.mark.parametrize(
    "help", ['pip install "mlci[parquet]"', "--force replaces it", "docs/github.md has the lines", ""]
)
def test_what_begins_with_code_keeps_its_letters(help: str) -> None:
    finding = delivery.unjudged("plan", FileMissing("gone", help=help)).findings[0]

    assert finding.explanation == f"{FileMissing.title} {help}".strip()
