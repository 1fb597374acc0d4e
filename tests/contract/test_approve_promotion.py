"""Whether people agreed to a version that was merged: on its change, or in the very run that promotes it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from contract.approving import POLICY, gate_evidence, model_evidence, scene
from forge.fixtures import github  # noqa: F401 - a fixture

from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.ledger import read_approval
from mlci.cli import approvals
from mlci.cli.forge import forge_of
from mlci.cli.ledger import ledger_of
from mlci.config.load import load_text
from mlci.config.resolve import resolve
from mlci.errors import CannotTell

# ruff: noqa: F811 - the fixture is a parameter


class Merged:
    """A change that was merged, and what the gate recorded on the default branch of the same model."""

    def __init__(self, github, folder):
        self.github, self.scene = github, scene(github, folder)
        self.folder = folder
        self.later = gate_evidence(folder, self.scene.model, wrong=3)
        self.model = hashlib.sha256(self.scene.model).hexdigest()
        self.commit = ""

    def merge(self):
        status, body = self.github.merge(1)
        assert status == 200
        self.commit = body["sha"]
        return self

    def asked(
        self, *, stage="production", approved=(), later=None, commit=None, model=None, made=None, attempt=1, named=False
    ):
        """What promote is told, in a run that these people let into an environment."""
        environ = self.scene.environ("push", before="0" * 40) | {"GITHUB_RUN_ATTEMPT": str(attempt)}
        self.scene.run.approvals += approved
        forge = forge_of(environ)
        config = resolve(load_text(POLICY.encode(), "mlci.yml", {}), ()).config
        content = later or self.later
        record = approvals.Record(gate=read_gate(content, "gate"), digest=hashlib.sha256(content).hexdigest())
        case = replace(approvals.case_of(record, config), model=approvals.read_model(self.scene.model, "model"))
        version = approvals.Version(
            case=case, model=model or self.model, commit=self.commit if commit is None else commit, stage=stage,
            made=made, named=named,
        )  # fmt: skip
        return approvals.approval_of(
            version, config=config, file="mlci.yml", forge=forge, ledger=ledger_of(forge, environ, "mlci.yml"),
            environ=environ,
        )  # fmt: skip


@pytest.fixture
def merged(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Merged(github, tmp_path)


def test_an_approval_of_the_change_holds_for_the_later_record_of_the_same_model(merged, github):
    github.add_comment(1, merged.scene.line, "bob")
    found, content = merged.merge().asked()
    assert found.satisfied
    assert [each.login for each in found.approvers] == ["bob"]
    assert (found.gate, found.model) == (hashlib.sha256(merged.later).hexdigest(), merged.model)
    assert found.head == merged.commit
    assert read_approval(content, "here") == found


def test_a_review_of_the_change_holds_too_and_without_one_nobody_has_agreed(merged, github):
    found, _ = merged.merge().asked()
    assert not found.satisfied
    github.review(1, "bob")
    assert merged.asked()[0].satisfied


def test_a_later_record_that_is_worse_was_approved_by_nobody(merged, github):
    github.add_comment(1, merged.scene.line, "bob")
    worse = gate_evidence(merged.folder, merged.scene.model, wrong=100)
    found, _ = merged.merge().asked(later=worse)
    assert (found.verdict.value, found.satisfied) == ("fail", False)


def test_an_approval_of_another_model_is_none_of_this_one(merged, github):
    github.add_comment(1, merged.scene.line, "bob")
    other, _ = model_evidence(merged.folder, seed=9)
    digest = hashlib.sha256(other).hexdigest()
    found, _ = merged.merge().asked(later=gate_evidence(merged.folder, other, wrong=3), model=digest)
    assert not found.satisfied


def test_the_later_record_itself_may_be_approved_on_the_change(merged, github):
    merged.merge()
    github.add_comment(1, f"/mlci approve sha256:{hashlib.sha256(merged.later).hexdigest()[:12]}", "carol")
    assert merged.asked()[0].satisfied


@pytest.mark.parametrize(
    ("login", "environment", "satisfied"),
    [("bob", "production", True), ("bob", "staging", False), ("alice", "production", False), ("reader", "production",
     False)],
)  # fmt: skip
def test_an_environment_counts_under_the_name_of_the_stage(login, environment, satisfied, merged):
    assert merged.merge().asked(approved=[(login, "approved", environment)])[0].satisfied is satisfied


def test_a_rejection_in_the_run_outweighs_the_approval_of_the_change(merged, github):
    github.add_comment(1, merged.scene.line, "bob")
    found, _ = merged.merge().asked(approved=[("carol", "rejected", "production")])
    assert (found.satisfied, [each.login for each in found.refused]) == (False, ["carol"])


def test_what_nobody_proposed_has_no_author_that_could_be_told_from_an_approver(merged, github):
    pushed = github.commit({"train.py": "straight\n"}, "main", author="alice")
    with pytest.raises(CannotTell, match="no merged change"):
        merged.asked(commit=pushed, approved=[("bob", "approved", "production")])


def test_a_change_merged_to_another_branch_does_not_count(merged, github):
    github.commit({"x": "y"}, "release")
    github.retarget(1, "release")
    github.add_comment(1, merged.scene.line, "bob")
    merged.merge()
    with pytest.raises(CannotTell, match="no merged change"):
        merged.asked()


def test_going_back_to_what_was_merged_before_production_is_as_much_of_a_change(merged, github):
    merged.merge()
    newer = github.commit({"train.py": "another way\n"}, "main", author="alice")
    evidence, found = model_evidence(merged.folder, commit=newer)
    merged.scene.production(evidence, found.artifact)
    found, _ = merged.asked()
    assert (found.tier, found.needed, found.satisfied) == ("high", 1, False)
    assert any("train.py" in sentence for sentence in found.why)


def test_a_tag_that_names_somebody_elses_merge_neither_hides_the_change_nor_makes_its_author_an_approver(
    merged, github
):
    github.commit({"docs/words.md": "words\n"}, "words", author="carol")
    github.open_pull_request("words", author="carol")
    assert github.merge(2, method="squash")[0] == 200
    elsewhere, made = github.repository().tip("main"), merged.scene.head
    assert github.merge(1, method="squash")[0] == 200
    evidence, found = model_evidence(merged.folder, commit=elsewhere)
    merged.scene.production(evidence, found.artifact)
    github.add_comment(2, f"/mlci approve sha256:{hashlib.sha256(merged.later).hexdigest()[:12]}", "alice")

    found, _ = merged.asked(commit=elsewhere, made=made)
    assert (found.tier, found.satisfied) == ("high", False)
    assert any("train.py" in sentence for sentence in found.why)
    github.add_comment(2, f"/mlci approve sha256:{hashlib.sha256(merged.later).hexdigest()[:12]}", "bob")
    assert [each.login for each in merged.asked(commit=elsewhere, made=made)[0].approvers] == ["bob"]


def test_letting_a_run_go_on_says_nothing_of_the_version_that_it_finds_when_it_is_run_again(merged, github):
    merged.merge()
    assert not merged.asked(approved=[("bob", "approved", "production")], attempt=2)[0].satisfied
    found, _ = merged.asked(approved=[("carol", "rejected", "production")], attempt=2)
    assert [each.login for each in found.refused] == ["carol"]
    assert not found.approvers
    found, _ = merged.asked(approved=[("bob", "approved", "production")], attempt=2, named=True)
    assert [each.login for each in found.approvers] == ["bob"]
