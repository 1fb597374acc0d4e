"""Whose policy decides: the branch's, whatever the pull request makes of mlci.yml."""

from __future__ import annotations

from consumer import FILES, POLICY, accepted, exit_of, proposed, seen, uses, workflow

GATE = workflow("python3 train.py", uses())


def test_a_pull_request_that_asks_less_of_itself_is_judged_by_what_the_branch_asks(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5, **{"mlci.yml": POLICY.replace("-0.02", "-0.4")})

    outcome = act.run(GATE, pull=number)

    assert (exit_of(outcome), outcome.job("gate").outputs["verdict"]) == (11, "fail"), outcome.log
    (comment,) = github.comments(number)
    assert "the gate changed (the proposed policy would say pass)" in seen(comment)
    assert "validation.tolerance from 0.02 to 0.4" in seen(comment)


def test_the_first_policy_of_a_repository_only_warns_until_it_is_merged(github, act):
    github.add_repository(files={name: text for name, text in FILES.items() if name != "mlci.yml"})
    accepted(github)
    number = proposed(github, 10, **{"mlci.yml": POLICY})

    outcome = act.run(GATE, pull=number)

    gate = outcome.job("gate")
    assert (exit_of(outcome), gate.outputs["verdict"]) == (0, "warn"), outcome.log
    (comment,) = github.comments(number)
    assert "has no such configuration file yet" in seen(comment)
    assert "judged by its own" in seen(comment)


def test_a_pull_request_that_deletes_the_policy_is_judged_by_it_all_the_same(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5, **{"mlci.yml": None})

    outcome = act.run(GATE, pull=number)

    gate = outcome.job("gate")
    assert (exit_of(outcome), gate.outputs["verdict"]) == (11, "fail"), outcome.log
    # The model's name is the branch's too, or the next run would not find this comment.
    assert list(github.statuses(github.pull(number).head_sha)) == ["mlci/gate/churn"]
    assert "validation.tolerance from 0.02 to not set" in seen(github.comments(number)[0])
