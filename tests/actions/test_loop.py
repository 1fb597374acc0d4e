"""The loop that the whole project is for: a worse model cannot be merged, and the pull request shows why."""

from __future__ import annotations

from consumer import FILES, WORKFLOW


def proposed(github, quality: str) -> int:
    """A pull request that changes how good the model is."""
    github.commit({"quality.txt": f"{quality}\n"}, "feature")
    return github.open_pull_request("feature").number


def test_a_worse_model_cannot_be_merged_and_a_better_one_can(github, act):
    github.add_repository(files=FILES)
    github.protect("main", ["conclude"])

    first = act.run(WORKFLOW)
    assert (first.code, first.job("gate").steps["gate"].outputs["verdict"]) == (0, "warn"), first.log
    assert "no baseline" in first.job("gate").steps["gate"].outputs["reason"]

    number = proposed(github, "5")
    worse = act.run(WORKFLOW, pull=number)
    assert (worse.code, worse.job("gate").steps["gate"].outputs["verdict"]) == (1, "fail"), worse.log
    (comment,) = github.comments(number)
    assert "Fail" in comment.body
    assert github.merge(number)[0] == 405

    github.commit({"quality.txt": "40\n"}, "feature")
    better = act.run(WORKFLOW, pull=number)
    assert better.code == 0, better.log
    (again,) = github.comments(number)
    assert (again.id, "Pass" in again.body) == (comment.id, True)
    assert github.merge(number)[0] == 200
