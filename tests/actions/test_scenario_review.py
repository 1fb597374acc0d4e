"""A way around the gate that changes nothing of it: the same commit, proposed to a branch that asks for less."""

from __future__ import annotations

from consumer import FILES, POLICY, WORKFLOW, accepted, exit_of, proposed, seen


def test_a_worse_model_is_not_merged_because_another_branch_would_take_it(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    github.protect("main", ["conclude"])
    number = proposed(github, 5)
    github.commit({"mlci.yml": POLICY.replace("-0.02", "-0.4")}, "loose")
    other = github.open_pull_request("feature", base="loose").number

    outcome = act.run(WORKFLOW, pull=other)

    head = github.pull(number).head_sha
    assert (exit_of(outcome), outcome.job("gate").outputs["verdict"]) == (11, "fail"), outcome.log
    assert github.checks(head)["conclude"].fields["conclusion"] == "failure"
    assert github.statuses(head)["mlci/gate/churn"].state == "failure"
    assert "worse than production" in seen(github.comments(other)[0])
    assert github.merge(number)[0] == 405
    # Nothing else holds it back.
    github.job_result(head, "conclude", "success")
    assert github.merge(number)[0] == 200


def test_a_better_model_of_another_branch_does_not_make_a_worse_one_green(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    github.protect("main", ["conclude"])
    bad = github.commit({"quality.txt": "5\n"}, "feature")
    github.commit({"quality.txt": "40\n"}, "other", parent=bad)
    github.commit({"docs/index.md": "more\n"}, "feature")
    number = github.open_pull_request("feature").number
    other = github.open_pull_request("feature", base="other").number

    outcome = act.run(WORKFLOW, pull=other)

    # What is measured there, the change merged with the other branch, is better than production.
    assert (exit_of(outcome), outcome.job("gate").outputs["verdict"]) == (3, "inconclusive"), outcome.log
    assert "another branch than main" in outcome.job("gate").outputs["reason"]
    assert github.merge(number)[0] == 405
