"""What the gate does on a pull request and on the default branch, whatever the forge and the files are like."""

from __future__ import annotations

import io
import zipfile

import pytest
from consumer import ARTIFACT, FILES, PERMISSIONS, UPLOAD, accepted, exit_of, measured, proposed, uses, workflow

GATE = workflow("python3 train.py", uses())
KEPT = workflow("python3 train.py", uses(), UPLOAD)
CHECKED = workflow("python3 train.py", uses(check="true"), permissions=PERMISSIONS | {"checks": "write"})
STATUS = "mlci/gate/churn"
# GitHub is gone, and says so in a way that makes nobody wait.
GONE = {"status": 503, "headers": {"Retry-After": "86400"}, "times": 99}


def comment_on(github, number: int):
    """The one comment."""
    (found,) = github.comments(number)
    return found


def kept(github, run) -> dict[str, bytes]:
    """What a run left for later ones, by member."""
    (found,) = [each for each in github.repository().artifacts.values() if (each.run, each.name) == (run.id, ARTIFACT)]
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def edits(github) -> int:
    """How often a comment was edited."""
    return len(github.asked("PATCH /issues/comments/{comment_id}"))


def test_the_first_merged_run_becomes_the_baseline_and_one_that_was_not_accepted_does_not(github, act):
    github.add_repository(files=FILES)
    number = proposed(github, 10)
    nothing = act.run(KEPT, pull=number).job("gate")
    assert (nothing.result, nothing.outputs["verdict"]) == ("success", "warn"), nothing.log
    assert "no baseline" in comment_on(github, number).body
    assert list(kept(github, act.ran[-1])) == ["gate.json"], "what a change measured is no baseline"

    merged = act.run(KEPT)
    assert merged.code == 0, merged.log
    assert list(github.statuses(github.repository().tip("main"))) == [STATUS]
    first = kept(github, act.ran[-1])
    assert first["predictions.csv"] == measured(10).predictions

    github.commit({"quality.txt": "5\n"}, "main")
    assert act.run(KEPT).job("gate").outputs["verdict"] == "fail"
    handed = kept(github, act.ran[-1])
    assert {name: handed[name] for name in first if name != "kept.json"} == {
        name: first[name] for name in first if name != "kept.json"
    }, "the older baseline is handed on"
    assert handed["kept.json"] != first["kept.json"], "and another look at the holdout was counted"

    judged = act.run(KEPT, pull=proposed(github, 8, "other")).job("gate")
    assert judged.outputs["verdict"] == "fail", judged.log


def test_a_worse_model_is_red_on_its_own_commit_whose_comment_is_kept_up_to_date_by_newer_runs_only(github, act):
    github.add_repository(files=FILES)
    github.protect("main", ["gate", STATUS])
    number = proposed(github, 5)
    assert act.run(GATE, pull=number).job("gate").outputs["verdict"] == "warn"
    warned = comment_on(github, number)
    before = warned.body

    # The same run again, after the default branch has a baseline: edited in place.
    accepted(github)
    older = act.ran[-1]
    red = act.run(GATE, pull=number, again=older)
    gate = red.job("gate")
    assert (red.code, gate.result, gate.step("gate").outputs["verdict"]) == (1, "failure", "fail"), red.log
    assert exit_of(red) == 11
    assert "worse than production" in gate.summary
    pull, after = github.pull(number), comment_on(github, number)
    assert after.id == warned.id
    assert "Warn" in before
    assert "Fail" in after.body
    assert f"run={older.id} attempt=2 commit={pull.head_sha}" in after.body
    assert gate.step("gate").outputs["comment"].endswith(f"-{after.id}")
    assert github.statuses(pull.head_sha)[STATUS].state == "failure"
    assert github.statuses(pull.merge_sha) == {}
    assert github.merge(number)[0] == 405
    assert github.checks(pull.head_sha).keys() == {"gate"}, "a check run of ours is made only where it is asked for"

    # A newer run; its second step has nothing new to say, so that one touches nothing.
    github.commit({"quality.txt": "40\n"}, "feature")
    better = act.run(workflow("python3 train.py", uses(), uses(id="again")), pull=number)
    assert (better.code, edits(github), "Pass" in comment_on(github, number).body) == (0, 2, True), better.log
    assert better.job("gate").step("again").outputs["comment"].endswith(f"-{after.id}")

    # An older run that ends late says what it has to say elsewhere.
    github.commit({"quality.txt": "5\n"}, "feature")
    late = act.run(GATE, pull=number, again=older)
    assert (late.code, edits(github), "Pass" in comment_on(github, number).body) == (1, 2, True), late.log
    assert any("is newer than this one" in each.message for each in late.annotations)


def test_predictions_that_cannot_be_judged_are_an_error_in_the_comment_and_red(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5)
    broken = CHECKED.replace("python3 train.py", "echo id,y_true > predictions.csv")

    outcome = act.run(broken, pull=number)

    gate, head = outcome.job("gate"), github.pull(number).head_sha
    assert (gate.result, gate.step("gate").outputs["verdict"]) == ("failure", "inconclusive"), outcome.log
    assert exit_of(outcome) == 3
    assert "I0" in comment_on(github, number).body
    assert github.statuses(head)[STATUS].state == "failure"
    assert github.checks(head)["mlci report churn"].fields["conclusion"] == "action_required"
    assert (gate.outputs["evidence"], gate.outputs["artifact"]) == ("", "")


def test_a_forge_that_goes_down_after_the_policy_was_read_changes_neither_verdict_nor_exit(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5)
    github.fault("GET", "/comments", **GONE)
    github.fault("POST|PATCH|DELETE", "", **GONE)

    bad = act.run(CHECKED, pull=number)
    github.commit({"quality.txt": "10\n"}, "feature")
    good = act.run(CHECKED, pull=number)

    for outcome, code, verdict in ((bad, 1, "fail"), (good, 0, "pass")):
        assert (outcome.code, outcome.job("gate").outputs["verdict"]) == (code, verdict), outcome.log
        warned = [each.message for each in outcome.annotations if "was not posted" in each.message]
        assert [(text.split(" was")[0], "503" in text) for text in warned] == [
            ("the comment", True), ("the status", True), ("the check run", True),
        ]  # fmt: skip
        assert outcome.job("gate").outputs["artifact"] == ARTIFACT
    assert exit_of(bad) == 11
    assert (github.comments(number), github.statuses(github.pull(number).head_sha)) == ([], {})


@pytest.mark.parametrize(("path", "error"), [("/contents/", "S003"), ("/actions/artifacts", "S001")])
def test_where_the_policy_or_the_baseline_cannot_be_read_nothing_is_judged(github, act, path, error):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 40)
    github.fault("GET", path, **GONE)

    outcome = act.run(GATE, pull=number)

    gate = outcome.job("gate")
    assert (gate.result, gate.outputs["verdict"]) == ("failure", "inconclusive"), outcome.log
    assert exit_of(outcome) == 4
    assert error in comment_on(github, number).body
    assert (gate.outputs["evidence"], gate.outputs["artifact"]) == ("", "")
    assert github.statuses(github.pull(number).head_sha)[STATUS].state == "failure"


def test_a_comment_whose_answer_is_lost_is_there_once(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5)
    github.fault("POST", "/comments$", drop="after")
    github.fault("POST", "/statuses/", drop="after")

    outcome = act.run(GATE, pull=number)

    assert outcome.job("gate").outputs["comment"].endswith(f"-{comment_on(github, number).id}"), outcome.log
    assert len(github.asked("POST /issues/{issue_number}/comments")) == 1
    assert len(github.asked("POST /statuses/{sha}")) == 1
    assert not any("not posted" in each.message for each in outcome.annotations)


def test_an_enterprise_server_is_asked_at_its_own_address_and_linked_to(github, act, monkeypatch):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5)
    server = "https://git.example.com"
    there = {"GITHUB_API_URL": github.enterprise_url, "GITHUB_SERVER_URL": server}

    asked, answer = [], github.front.answer
    monkeypatch.setattr(github.front, "answer", lambda *words: asked.append(words) or answer(*words))

    outcome = act.run(GATE, pull=number, env=there)

    assert outcome.job("gate").outputs["verdict"] == "fail", outcome.log
    ours = [path for _, path, headers, _ in asked if headers["User-Agent"].startswith("mlci/")]
    assert ours
    assert [path for path in ours if not path.startswith("/api/v3/")] == []
    page = f"{server}/owner/repository/actions/runs/{act.ran[-1].id}"
    assert f"(<{page}>)" in comment_on(github, number).body
    assert github.statuses(github.pull(number).head_sha)[STATUS].target_url == page
