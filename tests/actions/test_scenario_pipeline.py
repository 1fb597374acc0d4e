"""Pipelines around the gate: matrices, the merge queue, the action of all commands, the copyable workflow."""

from __future__ import annotations

import html
import re

import pytest
import yaml
from consumer import FILES, ROOT, UPLOAD, accepted, called, exit_of, inlined, proposed, rendered, seen, uses, workflow

GATE = workflow("python3 train.py", uses())
TEMPLATE = (ROOT / "workflows-templates/github/mlci-gate.yml").read_text().replace("$default-branch", "main")
PLACE = ".github/workflows/model.yml"


def test_the_legs_of_a_matrix_do_not_overwrite_each_other(github, act):
    github.add_repository(files=FILES)
    number = proposed(github, 10)
    matrix = {"fail-fast": False, "matrix": {"seed": [1, 2]}}
    legs = workflow("python3 train.py", inlined(act.staged), UPLOAD, strategy=matrix)

    first = act.run(legs, pull=number)
    again = act.run(legs, pull=number, again=act.ran[-1])

    assert (first.code, again.code) == (0, 0), first.log + again.log
    keys = [first.job("gate", seed=seed).outputs["artifact"].removeprefix("mlci-gate-") for seed in (1, 2)]
    assert len(set(keys)) == 2
    comments = github.comments(number)
    assert sorted(re.search(r"key=(\S+) ", each.body)[1] for each in comments) == sorted(keys)
    assert [f'"seed": {seed}' in seen(each) for each in comments for seed in (1, 2)].count(True) == 2
    assert sorted(github.statuses(github.pull(number).head_sha)) == sorted(f"mlci/gate/{key}" for key in keys)
    left = {each.name for each in github.repository().artifacts.values()}
    assert left == {f"mlci-gate-{key}" for key in keys}


def test_a_merge_group_is_judged_by_its_own_base_and_without_a_comment(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    github.protect("main", ["gate"], merge_queue=True)
    # It is good enough for the base it was opened on; by now the branch asks for more.
    number = proposed(github, 10)
    github.commit({"mlci.yml": FILES["mlci.yml"].replace("-0.02", "-0.02\n  min_accuracy: 0.95")}, "main")
    group = github.enqueue(number)

    outcome = act.run(GATE, group=group)

    assert (exit_of(outcome), outcome.job("gate").outputs["verdict"]) == (11, "fail"), outcome.log
    assert github.comments(number) == []
    assert github.statuses(group.sha)["mlci/gate/churn"].state == "failure"
    assert github.statuses(github.pull(number).head_sha) == {}
    assert "gate" in github.dequeue(group)
    assert not github.pull(number).merged

    github.commit({"quality.txt": "40\n"}, "feature")
    better = github.enqueue(number)
    assert act.run(GATE, group=better).code == 0
    assert github.dequeue(better) is None


def test_the_action_of_all_commands_runs_the_one_that_is_named(github, act):
    github.add_repository(files=FILES)
    accepted(github)
    number = proposed(github, 5)
    compare = uses("", "right", command="gate-compare", candidate="predictions.csv", baseline_from="artifacts")
    wrong = uses("", "wrong", command="gate-compere", candidate="predictions.csv")
    astray = uses("", "astray", command="plan", candidate="predictions.csv")
    steps = [compare, *({**step, "if": "always()"} for step in (wrong, astray))]

    gate = act.run(workflow("python3 train.py", *steps), pull=number).job("gate")

    assert (gate.step("right").result, gate.step("right").outputs["verdict"]) == ("failure", "fail"), gate.log
    assert gate.step("wrong").result == gate.step("astray").result == "failure"
    assert "did you mean gate-compare?" in gate.step("wrong").log
    assert "the input candidate is none of the command's" in gate.step("astray").log
    assert len(github.comments(number)) == 1


@pytest.fixture
def consumer(github):
    """A repository with the copyable workflow, whose default branch has been trained and judged."""
    github.add_repository(files=FILES | {PLACE: TEMPLATE, "requirements.txt": ""})
    github.protect("main", ["conclude"])
    accepted(github)
    return github


def with_gate(job, **changes) -> str:
    """The copyable workflow with another job in the place of its gate."""
    described = yaml.safe_load(TEMPLATE)
    described["on"] = described.pop(True)
    described["jobs"]["gate"] = job | changes
    return yaml.safe_dump(described)


def results(outcome) -> dict[str, str]:
    """How each job ended, by the name that its check run has."""
    return {job.name: job.result for job in outcome.jobs}


def test_the_copyable_workflow_lets_a_better_model_in_and_documentation_at_once(consumer, act):
    number = proposed(consumer, 40)
    whole = act.run(PLACE, pull=number)
    assert results(whole) == {"plan": "success", "model": "success", "gate / gate": "success", "conclude": "success"}
    (comment,) = consumer.comments(number)
    assert "Pass" in seen(comment)
    assert consumer.merge(number)[0] == 200

    name = "docs/$(touch p) @everyone <img> ${{ github.token }}.md"
    consumer.commit({name: "a better model\n"}, "words")
    words = act.run(PLACE, pull=consumer.open_pull_request("words").number)
    assert words.code == 0, words.log
    assert {name for name, result in results(words).items() if result == "success"} == {"plan", "conclude"}
    assert words.job("model").result == words.job("gate").result == "skipped"
    conclude = words.job("conclude")
    why = f"the change touches nothing of the model: the one changed file does not touch the model: {name}"
    assert why in conclude.outputs["reason"]
    made = rendered(conclude.summary)
    assert why in html.unescape(made).replace("\u2060", "")
    assert not re.search("<img|@everyone", made)


def test_the_copyable_workflow_is_red_where_the_model_is_worse(consumer, act):
    number = proposed(consumer, 5)

    outcome = act.run(with_gate(called("gate", candidate="predictions.csv"), needs="model"), pull=number)

    assert results(outcome) == {"plan": "success", "model": "success", "gate": "failure", "conclude": "failure"}
    assert outcome.job("conclude").outputs["reason"] == "gate failed", outcome.log
    assert consumer.merge(number)[0] == 405
    (artifact,) = [each for each in consumer.repository().artifacts.values() if each.name == "mlci-gate-churn"][1:]
    assert artifact.run == act.ran[-1].id


def test_the_copyable_workflow_is_red_where_training_fails_or_the_gate_is_switched_off(consumer, act):
    number = proposed(consumer, 10, **{"train.py": "raise SystemExit('no memory')\n"})
    broken = act.run(PLACE, pull=number)
    assert (broken.job("model").result, broken.job("conclude").result) == ("failure", "failure"), broken.log
    assert broken.job("conclude").outputs["reason"] == "gate was skipped and nothing permits that; model failed"

    # The pull request that changes the workflow runs its own; what it skips without permission stays red.
    off = with_gate(yaml.safe_load(TEMPLATE)["jobs"]["gate"], **{"if": False})
    consumer.commit({"train.py": FILES["train.py"], PLACE: off}, "feature")
    off = act.run(PLACE, pull=number)
    assert (off.job("model").result, off.job("conclude").result) == ("success", "failure"), off.log
    assert off.job("conclude").outputs["reason"] == "gate was skipped and nothing permits that"
    assert consumer.merge(number)[0] == 405
