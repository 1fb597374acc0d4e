"""What counts as an approval of a model, tried by everybody who would like something else to count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from contract.approving import CONTEXT, POLICY, gate_evidence, model_evidence, scene
from forge.fixtures import github  # noqa: F401 - a fixture

from mlci.adapters.evidence.ledger import read_approval

# ruff: noqa: F811 - the fixture is a parameter, and not every attack needs both

CHANGED_PARAM = {"params": {"architecture": "deep", "depth": 3}}


@pytest.fixture
def scenery(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return scene(github, tmp_path)


def test_a_second_person_approves_the_digest_and_the_head_turns_green_without_a_new_commit(scenery, github):
    before = scenery.head
    assert scenery.approve() == 12
    state, said = scenery.state()
    assert (state, said) == ("pending", f"the risk is high: 0 of 1 approved [gate {scenery.digest[:12]}]")
    assert scenery.line in scenery.report()["findings"][0]["explanation"]

    github.add_comment(1, f"Looks right.\n\n{scenery.line}", "bob")

    assert scenery.approve(event="issue_comment", issue={"number": 1, "pull_request": {}}) == 0
    assert scenery.state()[0] == "success"
    assert scenery.head == before
    found = scenery.evidence()
    (bob,) = found["approvers"]
    assert (bob["login"], bob["id"], bob["where"]) == ("bob", github.state.account("bob").id, "comment")
    assert (found["gate"], found["head"], found["change"]) == (scenery.digest, scenery.head, 1)
    assert (found["tier"], found["needed"], found["satisfied"]) == ("high", 1, True)
    content = Path(".mlci/evidence/approval.json").read_bytes()
    assert read_approval(content, "here").model == json.loads(scenery.gate)["predicate"]["model"]
    outputs = Path("outputs.txt").read_text()
    assert "approved" in outputs
    assert "tier" in outputs


def test_a_review_of_the_head_after_the_gate_counts(scenery, github):
    github.review(1, "bob")
    assert scenery.approve() == 0
    assert scenery.evidence()["approvers"][0]["where"] == "review"


OLDER = f"/mlci approve sha256:{'0' * 64}"
ATTACKS = {
    "edited comment": ("edited", lambda s, g: _edited(s, g)),
    "approval of an older digest": ("another record", lambda s, g: g.add_comment(1, OLDER, "bob")),
    "review of an older commit": (
        "and not about the newest", lambda s, g: g.review(1, "bob", commit=g.pull(1).base_sha),
    ),
    "self-approval by comment": ("proposed #1", lambda s, g: g.add_comment(1, s.line, "alice")),
    "self-approval by review": ("proposed #1", lambda s, g: g.review(1, "alice")),
    "bot": ("a bot", lambda s, g: g.add_comment(1, s.line, "robot[bot]")),
    "workflow's own token": ("a bot", lambda s, g: g.add_comment(1, s.line, "github-actions[bot]")),
    "app in somebody's name": ("a bot", lambda s, g: setattr(g.add_comment(1, s.line, "bob"), "app", 5)),
    "dismissed review": ("dismissed", lambda s, g: setattr(g.review(1, "bob"), "state", "DISMISSED")),
    "somebody who may only read": ("policy does not let", lambda s, g: g.add_comment(1, s.line, "reader")),
}  # fmt: skip


def _edited(scenery, github):
    comment = github.add_comment(1, "nothing to see", "bob")
    comment.body, comment.updated_at = scenery.line, github.state.now()


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_approval_leaves_the_status_waiting_and_the_report_says_why(attack, scenery, github):
    why, act = ATTACKS[attack]
    act(scenery, github)
    assert scenery.approve() == 12
    assert scenery.state()[0] == "pending"
    assert [said for _, said in scenery.why_not() if why in said], scenery.why_not()
    assert scenery.evidence().get("approvers", []) == []


@pytest.mark.parametrize("shape", ["> {}", "```\n{}\n```", "<!--\n{}\n-->", "- {}", "I would say {}"])
def test_a_command_that_is_quoted_or_hidden_is_not_said(shape, scenery, github):
    github.add_comment(1, shape.format(scenery.line), "bob")
    assert scenery.approve() == 12
    assert scenery.why_not() == []


def test_a_review_before_the_gate_has_judged_counts_for_nothing(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path)
    github.repository().statuses.clear()
    github.review(1, "bob")
    made.status(f"pass: fine [gate {made.digest[:12]}]")
    assert made.approve() == 12
    assert "before the gate had judged" in made.why_not()[0][1]


def test_a_review_of_an_earlier_record_of_the_same_commit_does_not_carry_over(scenery, github, tmp_path):
    github.review(1, "bob")
    scenery.judged(gate_evidence(tmp_path, scenery.model, wrong=9))
    assert scenery.approve() == 12
    assert "another one" in scenery.why_not()[0][1]


def test_a_new_commit_takes_every_approval_away(scenery, github):
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 0
    github.commit({"train.py": "third\n"}, "feature", author="alice")
    assert scenery.approve() == 3
    assert scenery.state() == ("pending", "the gate has not judged the newest commit")


@pytest.mark.parametrize("how", [("bob", "alice", "alice"), ("alice", "bob", "alice"), ("alice", "alice", "bob")])
def test_whoever_wrote_committed_or_pushed_a_commit_does_not_approve_it(how, scenery, github):
    github.commit({"train.py": "third\n"}, "feature", **dict(zip(("author", "committer", "pusher"), how, strict=True)))
    scenery.judged()
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 12
    assert scenery.why_not() == [("bob", "this person wrote or pushed commits of #1")]


def test_the_head_that_the_api_names_is_counted_for_and_not_that_of_the_event(scenery, github):
    github.add_comment(1, scenery.line, "bob")
    environ = scenery.environ()
    old = scenery.head
    github.commit({"train.py": "third\n"}, "feature", author="alice")
    from mlci.cli.main import run

    assert run(("approve",), environ) == 3
    assert CONTEXT not in github.statuses(old)
    assert scenery.state()[0] == "pending"


def test_the_author_is_the_author_under_a_new_name_and_the_old_name_is_a_stranger(scenery, github):
    github.rename("alice", "innocent")
    github.add_comment(1, scenery.line, "alice")
    github.add_comment(1, scenery.line, "innocent")
    assert scenery.approve() == 12
    assert sorted(scenery.why_not()) == [
        ("alice", "policy does not let this person approve"), ("innocent", "this person proposed #1"),
    ]  # fmt: skip


def test_a_number_in_the_policy_is_that_person_whatever_the_name(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bob = github.state.account("bob")
    policy = POLICY.replace("approvals: 1}", f"approvals: 1, from: ['bob#{bob.id}']}}")
    made = scene(github, tmp_path, policy)
    github.rename("bob", "robert")
    github.repository().roles["bob"] = "write"
    github.add_comment(1, made.line, "bob")
    assert made.approve() == 12
    github.add_comment(1, made.line, "robert")
    assert made.approve() == 0


def test_two_names_and_two_ways_of_one_person_are_one(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path, POLICY.replace("approvals: 1}", "approvals: 2}"))
    github.review(1, "bob")
    github.add_comment(1, made.line, "bob")
    github.rename("bob", "robert")
    github.review(1, "robert")
    assert made.approve() == 12
    assert made.state()[1].startswith("the risk is high: 1 of 2 approved")
    github.add_comment(1, made.line, "carol")
    assert made.approve() == 0


def test_a_refusal_holds_against_any_number_of_approvals_until_the_same_person_agrees(scenery, github):
    github.add_comment(1, scenery.line, "carol")
    github.add_comment(1, f"/mlci refuse sha256:{scenery.digest}", "bob")
    assert scenery.approve() == 12
    assert scenery.state()[0] == "failure"
    assert scenery.report()["reason"] == "refused by bob"
    assert scenery.evidence()["satisfied"] is False
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 0


def test_an_approval_on_the_second_page_is_found_and_so_is_a_refusal(scenery, github):
    for number in range(101):
        github.add_comment(1, f"remark {number}", "alice")
        github.review(1, "alice", "COMMENTED")
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 0
    github.review(1, "carol", "CHANGES_REQUESTED")
    assert scenery.approve() == 12


def test_a_planted_status_is_not_believed_and_does_not_stay(scenery, github):
    far = f"{github.server_url}/owner/repository/actions/runs/99999999999999"
    scenery.status("approved by everybody", CONTEXT, url=far)
    assert scenery.approve() == 12
    assert scenery.state()[0] == "pending"


def test_an_artifact_of_a_fork_or_of_another_commit_is_no_record(scenery, github):
    github.repository().artifacts.clear()
    elsewhere = github.add_run(event="pull_request", branch="feature", sha=github.repository().tip("main"))
    github.put_artifact(elsewhere, "mlci-gate-churn", {"gate.json": scenery.gate})
    started = github.add_run(event="workflow_dispatch", branch="feature", sha=scenery.head)
    github.put_artifact(started, "mlci-gate-churn", {"gate.json": scenery.gate})
    assert scenery.approve() == 3
    assert scenery.state()[0] == "pending"


def test_evidence_of_another_model_beside_the_record_breaks_the_chain(scenery, github, tmp_path):
    other, _ = model_evidence(tmp_path, seed=5)
    scenery.judged(model=other)
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 5
    assert scenery.state()[0] == "failure"


def test_a_fork_is_not_approved_by_the_numbers_it_measured(scenery, github):
    github.add_repository("stranger/repository", fork_of=github.repository().name)
    github.commit({"train.py": "x\n"}, "feature", repository="stranger/repository", author="stranger")
    github.open_pull_request("feature", fork="stranger/repository", author="stranger")
    made = github.add_run(pull=github.pull(2))
    github.put_artifact(made, "mlci-gate-churn", {"gate.json": scenery.gate})
    assert scenery.approve("--change", "2", event="workflow_dispatch") == 3
    assert github.statuses(github.pull(2).head_sha)[CONTEXT].state == "pending"


def test_the_policy_of_the_change_lowers_nothing(scenery, github):
    own = POLICY.replace("approvals: 1}", "approvals: 0}")
    github.commit({"mlci.yml": own}, "feature", author="alice")
    scenery.judged()
    assert scenery.approve() == 12
    assert scenery.state()[1].startswith("the risk is high: 0 of 1")


def test_a_changed_holdout_is_of_the_highest_level(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path)
    github.commit({"data/holdout.csv": "id,y\n1,0\n"}, "feature", author="alice")
    made.judged()
    assert made.approve() == 12
    assert any("alters the holdout" in why for why in made.evidence()["why"])


def test_a_membership_that_cannot_be_read_is_no_answer_and_the_permission_is_named(
    github, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    github.state.teams["acme", "ml-risk"] = {"bob": "active"}
    made = scene(github, tmp_path, POLICY.replace("approvals: 1}", "approvals: 1, from: ['@acme/ml-risk']}"))
    github.add_comment(1, made.line, "bob")
    assert made.approve() == 12
    assert made.state()[0] == "pending"
    said = capsys.readouterr().err
    assert "H002" in said
    assert "members: read" in said
    made.token = github.token(permissions={
        "contents": "read", "actions": "read", "pull-requests": "read", "statuses": "write", "members": "read",
    })  # fmt: skip
    assert made.approve() == 0


def test_a_refusal_of_somebody_who_cannot_be_placed_leaves_no_evidence_that_all_is_well(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    github.state.teams["acme", "ml-risk"] = {"bob": "active"}
    made = scene(github, tmp_path, POLICY.replace("approvals: 1}", "approvals: 1, from: [carol, '@acme/ml-risk']}"))
    github.add_comment(1, made.line, "carol")
    assert made.approve() == 0
    github.add_comment(1, f"/mlci refuse sha256:{made.digest}", "bob")
    assert made.approve() == 12
    assert made.state()[0] == "pending"
    assert not Path(".mlci/evidence/approval.json").exists()
    assert made.report()["verdict"] == "inconclusive"


def test_pushers_that_are_not_known_leave_open_whose_approval_it_is(scenery, github, capsys):
    github.add_comment(1, scenery.line, "bob")
    github.repository().activity.clear()
    assert scenery.approve() == 12
    assert scenery.state()[0] == "pending"
    assert "H002" in capsys.readouterr().err


def test_an_environment_counts_for_the_run_that_it_let_go_on_and_under_its_name_alone(scenery, github):
    from mlci.cli.main import run

    for environment, expected in (("gpu", 12), ("mlci-approval", 0)):
        environ = scenery.environ("pull_request")
        scenery.run.approvals.append(("bob", "approved", environment))
        assert run(("approve",), environ) == expected
    # Let through by an administrator without anybody's approval.
    assert run(("approve",), scenery.environ("pull_request")) == 12


def test_only_the_ways_that_policy_names_count(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path, POLICY.replace("approvals: 1}", "approvals: 1, by: [review]}"))
    github.add_comment(1, made.line, "bob")
    assert made.approve() == 12
    github.review(1, "bob")
    assert made.approve() == 0


# What is at risk.


def risky(github, tmp_path, monkeypatch, *, theirs=None, ours=None, files=None, policy=POLICY):
    """Production as the ledger says it is, a change on top of its commit, and what approve makes of it."""
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path, policy, **(ours or {}))
    root = github.repository().tip("main")
    if files is not None:
        github.commit(files, "feature", author="alice", parent=root)
        made.judged()
    evidence, found = model_evidence(tmp_path, **{"commit": root, **(theirs or {})})
    made.production(evidence, found.artifact)
    return made


LOW = {"files": {"prompts/a.txt": "hello\n"}}


def test_a_low_risk_is_green_at_once_and_asks_nobody(github, tmp_path, monkeypatch):
    made = risky(github, tmp_path, monkeypatch, **LOW)
    assert made.approve() == 0
    assert made.state()[0] == "success"
    assert (made.evidence()["tier"], made.evidence()["needed"]) == ("low", 0)
    assert made.evidence()["why"] == ["changed: prompts/a.txt, which approval.low.changed names: low"]


def test_a_refusal_holds_where_nobody_has_to_approve_too(github, tmp_path, monkeypatch):
    made = risky(github, tmp_path, monkeypatch, files={"prompts/a.txt": "x\n"})
    github.add_comment(1, made.line.replace("approve", "refuse"), "reader")
    assert made.approve() == 0
    github.add_comment(1, made.line.replace("approve", "refuse"), "bob")
    assert made.approve() == 12
    assert made.state()[0] != "success"
    github.add_comment(1, made.line, "bob")
    assert made.approve() == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ours": CHANGED_PARAM}, "architecture changed, which approval.high.params names"),
        (
            {"files": {"prompts/a.txt": "hello\n", "other.py": "x\n"}},
            "changed: other.py, which no level names ",
        ),
        ({"policy": POLICY + "  regulated: true\n"}, "regulated use"),
        ({"theirs": {"environment": "xgboost"}}, "other frameworks"),
        ({"theirs": {"environment": "0.24.1"}}, "scikit-learn has another major version"),
    ],
)
def test_one_more_fact_makes_it_high(more, why, github, tmp_path, monkeypatch):
    from unit.adapters.handed import ENVIRONMENT

    given = {**LOW, **more}
    if "environment" in given.get("theirs", {}):
        loaded = {"xgboost": "2.0"} if given["theirs"]["environment"] == "xgboost" else {"scikit_learn": "0.24.1"}
        given["theirs"] = {"environment": replace(ENVIRONMENT, loaded=loaded)}
    made = risky(github, tmp_path, monkeypatch, **given)
    assert made.approve() == 12
    assert made.evidence()["tier"] == "high"
    assert any(why in said for said in made.evidence()["why"]), made.evidence()["why"]


def test_a_change_that_leaves_the_model_alone_has_nothing_to_approve(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path)
    github.commit({"README.md": "words\n"}, "feature", author="alice", parent=github.repository().tip("main"))
    assert made.approve() == 0
    assert made.state() == ("success", "nothing to approve: the change touches nothing of the model")


def test_a_failed_gate_is_not_approved_away(scenery, github, tmp_path):
    scenery.judged(gate_evidence(tmp_path, scenery.model, wrong=100))
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve() == 12
    assert scenery.state() == (
        "failure", f"the gate failed, and no approval changes that [gate {scenery.digest[:12]}]",
    )  # fmt: skip


# What the event is about.


def test_a_change_to_another_branch_is_left_alone(scenery, github):
    github.add_comment(1, scenery.line, "bob")
    github.commit({"other": "x"}, "release")
    github.retarget(1, "release")
    assert scenery.approve() == 0
    assert CONTEXT not in github.statuses(scenery.head)


def test_a_comment_on_an_issue_is_about_nothing(scenery):
    assert scenery.approve(event="issue_comment", issue={"number": 1}) == 0
    assert not Path(".mlci/evidence/approval.json").exists()


def test_a_group_of_the_merge_queue_is_as_approved_as_what_is_in_it(scenery, github):
    group = github.enqueue(1)
    payload = {"merge_group": {"head_sha": group.sha, "base_sha": group.base, "base_ref": "refs/heads/main",
               "head_ref": group.ref}}  # fmt: skip
    assert scenery.approve(event="merge_group", **payload) == 12
    assert github.statuses(group.sha)[CONTEXT].state == "pending"
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve(event="merge_group", **payload) == 0
    assert github.statuses(group.sha)[CONTEXT].state == "success"
    assert CONTEXT not in github.statuses(scenery.head)


def test_the_end_of_another_run_leads_to_the_change_of_its_commit(scenery, github):
    github.add_comment(1, scenery.line, "bob")
    there = github.repository()
    ended = {"id": 7, "run_attempt": 1, "event": "pull_request_review", "head_sha": scenery.head,
             "head_branch": "feature", "head_repository": {"full_name": there.name}}  # fmt: skip
    assert scenery.approve(event="workflow_run", workflow_run=ended) == 0
    assert scenery.state()[0] == "success"


def test_the_end_of_a_run_for_the_queue_leads_to_the_change_of_its_group(scenery, github):
    group = github.enqueue(1)
    ended = {"id": 7, "run_attempt": 1, "event": "merge_group", "head_sha": group.sha,
             "head_branch": group.ref.removeprefix("refs/heads/"),
             "head_repository": {"full_name": github.repository().name}}  # fmt: skip
    assert scenery.approve(event="workflow_run", workflow_run=ended) == 12
    assert github.statuses(group.sha)[CONTEXT].state == "pending"
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve(event="workflow_run", workflow_run=ended) == 0
    assert github.statuses(group.sha)[CONTEXT].state == "success"
    assert CONTEXT not in github.statuses(scenery.head)


def test_a_dry_run_and_a_run_without_status_set_none(scenery, github):
    github.add_comment(1, scenery.line, "bob")
    assert scenery.approve("--dry-run", "true") == 0
    assert scenery.approve("--status", "false") == 0
    assert CONTEXT not in github.statuses(scenery.head)


def test_a_record_that_is_given_is_the_one_that_the_status_names(scenery, github, tmp_path):
    github.add_comment(1, scenery.line, "bob")
    Path("own.json").write_bytes(scenery.gate)
    assert scenery.approve("--gate", "own.json") == 0
    Path("own.json").write_bytes(gate_evidence(tmp_path, None, wrong=7))
    assert scenery.approve("--gate", "own.json") == 3
    assert scenery.state()[0] == "failure"
