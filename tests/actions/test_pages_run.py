"""The workflows that the pages show are run, by a real engine, on a user's repository."""

from __future__ import annotations

import re
from pathlib import Path

from consumer import FILES

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"<!-- (workflow|content): (.+?) -->\n```yaml\n(.*?)```", re.DOTALL)


def shown(page: str) -> dict[str, str]:
    """What a page shows, by the path it is to be written to."""
    return {path: body for _, path, body in _BLOCK.findall((DOCS / page).read_text())}


def test_the_set_up_for_github_blocks_a_worse_model(github, act):
    blocks = shown("github.md")
    github.add_repository(files=FILES | blocks)
    github.protect("main", ["conclude"])
    assert act.run(".github/workflows/model.yml").code == 0
    github.commit({"quality.txt": "5\n"}, "feature")
    number = github.open_pull_request("feature").number

    worse = act.run(".github/workflows/model.yml", pull=number)

    assert (worse.job("gate").result, worse.job("conclude").result) == ("failure", "failure"), worse.log
    assert len(github.comments(number)) == 1
    assert github.merge(number)[0] == 405
    assert github.statuses(github.pull(number).head_sha)["mlci/gate/churn"].state == "failure"


def test_the_set_up_for_github_reports_on_a_fork(github, act):
    blocks = shown("github.md")
    github.add_repository(files=FILES | blocks)
    act.run(".github/workflows/model.yml")
    github.add_repository("stranger/repository", fork_of="owner/repository")
    github.commit({"quality.txt": "40\n"}, "better", repository="stranger/repository")
    number = github.open_pull_request("better", fork="stranger/repository").number
    stage_one = act.run(".github/workflows/model.yml", pull=number)
    assert (stage_one.code, github.comments(number)) == (0, []), stage_one.log

    stage_two = act.run(".github/workflows/model-report.yml", triggering=act.ran[-1])

    assert stage_two.code == 0, stage_two.log
    (comment,) = github.comments(number)
    assert "advisory" in comment.body
    assert github.statuses(github.pull(number).head_sha)["mlci/gate/churn"].state == "pending"


def test_the_plan_lets_a_change_of_the_documentation_through_and_no_other(github, act):
    github.add_repository(files=FILES | shown("plan.md"))
    github.commit({"docs/index.md": "a better model\n"}, "words")
    github.commit({"train.py": FILES["train.py"] + "# changed\n"}, "code")

    words = act.run(".github/workflows/model.yml", pull=github.open_pull_request("words").number)
    code = act.run(".github/workflows/model.yml", pull=github.open_pull_request("code").number)

    assert (words.job("train").result, words.job("conclude").result) == ("skipped", "success"), words.log
    assert "touches nothing of the model" in words.job("conclude").summary
    assert (code.job("train").result, code.job("conclude").result) == ("success", "success"), code.log
