"""The way of a release under a real runner: proposed, judged, agreed to, merged, promoted, taken back, replayed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from consumer import ROOT, SHA, exit_of, seen
from trained import (
    CONFIG,
    Training,
    _training,  # noqa: F401
    proposed,
    results,
)

from mlci.adapters.mlflow import open_registry

if TYPE_CHECKING:
    from forge.github import GitHub
    from forge.state import WorkflowRun
    from outcome import Outcome
    from runner import Act

    from mlci.ports import Registry, Version

GATE, APPROVAL = "mlci/gate/churn", "mlci/approval/churn"
CONCLUDE = "model / conclude"
POLICY = (
    CONFIG
    + """\
registry: {uri: 'sqlite:///REGISTRY'}
approval: {otherwise: high, high: {approvals: 1}}
promote:
  stages: [staging, production]
  require: {staging: [gate], production: [gate, approval]}
  relax: {production: [locked-environment, data-version, reproducible]}
"""
)
POLICY = POLICY.replace("metrics: [accuracy]}", "metrics: [accuracy], promote_on_pass: staging}")


VERIFY = f"""
name: Record
on: push
permissions: {{}}
jobs:
  verify:
    name: verify
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: actions/checkout@{SHA}
      - run: '"$MLCI_PYTHON" -I -m mlci verify'
        env: {{GITHUB_TOKEN: "${{{{ github.token }}}}"}}
"""


def workflow(name: str) -> str:
    return (ROOT / f"workflows-templates/github/{name}.yml").read_text().replace("$default-branch", "main")


@dataclass
class Story:
    """A repository with all of our workflows, its registry, and what was said and done in it."""

    github: GitHub
    act: Act
    training: Training
    folder: Path
    names: tuple[str, ...] = ("mlci-model", "mlci-approve", "mlci-review", "mlci-promote", "mlci-rollback")
    outcomes: list[Outcome] = field(default_factory=list)

    def begin(self, policy: str = POLICY) -> None:
        """The repository as somebody who has read the pages leaves it."""
        config = policy.replace("REGISTRY", str(self.folder / "registry.db"))
        files = {**self.training.files(config), **{f".github/workflows/{n}.yml": workflow(n) for n in self.names}}
        files.pop(".github/workflows/mlci.yml")
        self.github.add_repository(files=files)
        self.github.protect("main", [CONCLUDE, APPROVAL])
        for login in ("alice", "bob"):
            self.github.repository().roles[login] = "write"

    def run(self, name: str, **how: Any) -> Outcome:
        outcome = self.act.run(f".github/workflows/{name}.yml", timeout=600, **how)
        self.outcomes.append(outcome)
        return outcome

    @property
    def last(self) -> WorkflowRun:
        return self.act.ran[-1]

    @property
    def registry(self) -> Registry:
        return open_registry(f"sqlite:///{self.folder / 'registry.db'}", {}, folder=str(self.folder), writing=False)

    def at(self, stage: str) -> Version:
        found = self.registry.aliased("churn", stage)
        assert found is not None, f"nothing is at {stage}"
        return found

    def state(self, number: int, name: str = APPROVAL) -> tuple[str, str]:
        found = self.github.statuses(self.github.pull(number).head_sha)[name]
        return found.state, found.description or ""

    def forge_status(self, commit: str, context: str) -> None:
        """Let a token that may set statuses say that all is well."""
        sent = {"state": "success", "context": context, "description": f"pass: fine [gate {'0' * 12}]"}
        path, token = f"/repos/{self.github.repository().name}/statuses/{commit}", self.github.token()
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "tests", "Content-Type": "application/json"}
        answer, _ = self.github.front.answer("POST", path, headers, json.dumps(sent).encode())
        assert answer.status == 201

    # What people do.

    def propose(self, branch: str, **files: str) -> int:
        """A pull request, judged."""
        number = proposed(self.github, branch, **files)
        outcome = self.run("mlci-model", pull=number)
        assert outcome.code == 0, outcome.log
        self.count()
        return number

    def count(self) -> Outcome:
        """What the end of the last run starts: approvals are counted anew."""
        return self.run("mlci-approve", triggering=self.last)

    def artifact(self, number: int) -> str:
        """sha256 of the model that the run of a pull request trained."""
        head = self.github.pull(number).head_sha
        runs = {run.id for run in self.github.repository().runs.values() if run.head_sha == head}
        left = [
            a for a in self.github.repository().artifacts.values() if a.name == "mlci-model-churn" and a.run in runs
        ]
        with zipfile.ZipFile(io.BytesIO(left[-1].content)) as archive:
            return str(json.loads(archive.read("model.json"))["predicate"]["artifact"])

    def verify(self) -> Outcome:
        """The record replayed, in a job of its own that only reads."""
        return self.act.run(VERIFY, event="push", timeout=600)

    def digest(self, number: int) -> str:
        """What the comment asks people to agree to."""
        [said] = [each for each in self.github.comments(number) if "mlci:report" in each.body]
        found = re.search(r"gate sha256:([0-9a-f]{64})", seen(said))
        assert found is not None, seen(said)
        return found[1]

    def agree(self, number: int, login: str = "bob") -> Outcome:
        """A comment that agrees, and the workflow that it starts."""
        comment = self.github.add_comment(number, f"/mlci approve sha256:{self.digest(number)}", login)
        return self.run("mlci-approve", comment=comment, actor=login)

    def merge(self, number: int, method: str = "squash") -> Outcome:
        """Merge, and what the push of it starts."""
        before = self.github.repository().tip("main")
        code, body = self.github.merge(number, method=method)
        assert code == 200, body
        return self.run("mlci-promote", event="push", before=before)

    def back(self, stage: str, reason: str, actor: str = "alice") -> Outcome:
        """One click of somebody."""
        return self.run("mlci-rollback", inputs={"stage": stage, "reason": reason}, actor=actor)

    def queue(self, *numbers: int) -> list[Outcome]:
        """The queue with these pull requests, each on top of the one before, all of which pass; what that starts."""
        group, before, groups = None, self.github.repository().tip("main"), []
        for number in numbers:
            group = self.github.enqueue(number, group, method="squash")
            groups.append(group)
            outcome = self.run("mlci-model", group=group)
            assert outcome.code == 0, outcome.log
            self.count()
        for each in groups:
            assert self.github.dequeue(each) is None, self.outcomes[-1].log
        return [self.run("mlci-promote", event="push", before=before)]


@pytest.fixture(name="story")
def _story(github: GitHub, act: Act, training: Training, tmp_path: Path) -> Story:
    made = Story(github, act, training, tmp_path)
    made.begin()
    return made


def merged_well(outcome: Outcome) -> Outcome:
    """Every job of a release ended well."""
    assert outcome.code == 0, outcome.log
    assert set(results(outcome).values()) == {"success"}
    return outcome


def test_a_change_is_agreed_to_merged_promoted_and_taken_back_and_the_record_is_whole(story: Story) -> None:
    merged_well(story.run("mlci-promote", event="push"))
    assert (story.at("staging").number, story.at("production").number, story.training.count) == ("1", "1", 1)

    # Squashed, after a second person's comment.
    better = story.propose("better", **{"quality.txt": "60\n"})
    trained = story.artifact(better)
    assert story.state(better)[0] == "pending"
    assert story.github.merge(better)[0] == 405, "nobody has agreed"
    assert story.agree(better, "contributor").code != 0, "who proposes it has no word"
    assert story.state(better)[0] == "pending"
    assert story.agree(better, "bob").code == 0, story.outcomes[-1].log
    assert story.state(better)[0] == "success"
    merged = merged_well(story.merge(better, "squash"))
    assert story.training.count == 2, "trained once, before the merge"
    assert "an earlier result was taken (artifact" in " ".join(merged.log.split())
    assert (story.at("staging").number, story.at("production").number) == ("2", "2")
    assert story.at("production").tags["mlci.artifact"] == trained

    # Production moves between the gate and the merge; rebased, after a review.
    best = story.propose("best", **{"quality.txt": "80\n"})
    trained = story.artifact(best)
    assert story.back("production", "worse in the field").code == 0, story.outcomes[-1].log
    assert story.at("production").number == "1"
    story.github.review(best, "bob")
    assert story.run("mlci-review", pull=best, event="pull_request_review", actor="bob").code == 0
    assert story.count().code == 0, story.outcomes[-1].log
    assert story.state(best)[0] == "success", story.outcomes[-1].log
    merged_well(story.merge(best, "rebase"))
    assert story.training.count == 3
    assert (story.at("production").number, story.at("production").tags["mlci.artifact"]) == ("3", trained)
    assert "version 1" in story.outcomes[-1].log, "it was judged against what production is by now"

    # A queue of two, of which one touches the model.
    story.github.protect("main", [CONCLUDE, APPROVAL], merge_queue=True)
    model, words = story.propose("model", **{"quality.txt": "100\n"}), story.propose("words", **{"docs/a.md": "a\n"})
    trained = story.artifact(model)
    assert story.agree(model).code == 0, story.outcomes[-1].log
    assert story.state(words)[0] == "success", "there is nothing to agree to"
    [merged] = story.queue(model, words)
    merged_well(merged)
    assert story.training.count == 4
    assert (story.at("production").number, story.at("production").tags["mlci.artifact"]) == ("4", trained)

    assert story.back("production", "and back again").code == 0, story.outcomes[-1].log
    assert story.at("production").number == "3"
    verified = story.verify()
    assert verified.code == 0, verified.log


PROMOTE = f"""
name: By hand
on: workflow_dispatch
permissions: {{}}
jobs:
  promote:
    name: promote
    runs-on: ubuntu-latest
    permissions: {{contents: write, actions: read, pull-requests: read, statuses: read, deployments: write}}
    steps:
      - uses: actions/checkout@{SHA}
      - id: promote
        uses: mlci/mlci/actions/promote@{SHA}
        with: {{version: "2", to: STAGE}}
"""


def test_a_forged_check_lets_the_merge_through_and_promotes_nothing(story: Story) -> None:
    merged_well(story.run("mlci-promote", event="push"))
    worse = proposed(story.github, "worse", **{"quality.txt": "5\n"})
    assert story.run("mlci-model", pull=worse).code != 0
    assert story.github.merge(worse)[0] == 405

    # Whoever may push a branch may run a workflow that says what it likes of any commit.
    head = story.github.pull(worse).head_sha
    for context in (GATE, APPROVAL):
        story.forge_status(head, context)
    story.github.job_result(head, CONCLUDE, "success")
    merged = story.merge(worse)

    assert merged.code != 0
    assert "worse than production" in merged.log
    assert (story.at("staging").number, story.at("production").number) == ("1", "1")
    for stage, exit in (("staging", 13), ("production", 13)):
        by_hand = story.act.run(PROMOTE.replace("STAGE", stage), inputs={}, actor="mallory", timeout=600)
        assert (by_hand.code != 0, exit_of(by_hand, "promote")) == (True, exit), by_hand.log
        assert story.at(stage).number == "1"
    assert story.verify().code == 0
