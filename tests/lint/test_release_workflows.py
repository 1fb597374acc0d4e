"""The workflows of a release: who may write what, what starts them, and that no token meets code of a change."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from expressions import evaluated
from linters import ROOT

from mlci.surface.release import RELEASE

NAMES = [step.name for step in RELEASE]
REUSABLE = {name: yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text()) for name in NAMES}
TEMPLATES = {
    name: yaml.safe_load((ROOT / f"workflows-templates/github/mlci-{name}.yml").read_text())
    for name in (*NAMES, "review")
}
# What starts a workflow; YAML 1.1 reads the key `on` as true.
STARTED: dict[str, dict[str, Any]] = {name: found[True] for name, found in TEMPLATES.items()}


def only(name: str) -> dict[str, Any]:
    (job,) = REUSABLE[name]["jobs"].values()
    return dict(job)


@pytest.mark.parametrize("name", NAMES)
def test_the_job_may_do_what_the_step_asks_for_and_nothing_else(name: str) -> None:
    (step,) = [one for one in RELEASE if one.name == name]

    assert only(name)["permissions"] == {one.scope: one.level for one in step.permissions}
    assert REUSABLE[name]["permissions"] == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_grants_just_what_the_called_job_has(name: str) -> None:
    assert TEMPLATES[name]["permissions"] == {}
    calling = [job for job in TEMPLATES[name]["jobs"].values() if f"/{name}.yml@" in job["uses"]]

    assert calling
    assert all(job["permissions"] == only(name)["permissions"] for job in calling)


def test_whoever_counts_approvals_has_nothing_of_the_change_and_is_started_from_the_default_branch() -> None:
    assert [step["uses"].partition("@")[0] for step in only("approve")["steps"]] == ["mlci/mlci/actions/approve"]
    # Of the events of a pull request these alone run the default branch's workflow.
    assert set(STARTED["approve"]) == {"workflow_run", "issue_comment", "workflow_dispatch"}
    assert STARTED["approve"]["issue_comment"] == {"types": ["created"]}, "an edited comment starts nothing"
    assert TEMPLATES["review"]["name"] in STARTED["approve"]["workflow_run"]["workflows"]


def test_a_review_starts_what_may_do_nothing() -> None:
    assert set(STARTED["review"]) == {"pull_request_review"}
    assert TEMPLATES["review"]["permissions"] == {}
    assert [job["steps"] for job in TEMPLATES["review"]["jobs"].values()] == [[{"run": "true"}]]


def said(body: str, **issue: Any) -> dict[str, Any]:
    return {"event_name": "issue_comment", "event": {"issue": issue, "comment": {"body": body}}}


def ended(event: str) -> dict[str, Any]:
    return {"event_name": "workflow_run", "event": {"workflow_run": {"event": event}}}


COMMENT = "/mlci approve sha256:" + "a" * 12
EVENTS: dict[str, tuple[dict[str, Any], bool]] = {
    "command": (said(COMMENT, pull_request={}), True),
    "command among others": (said(f"ok\n{COMMENT}", pull_request={}), True),
    "chat": (said("ok", pull_request={}), False),
    "issue": (said(COMMENT), False),
    "judged": (ended("pull_request"), True),
    "reviewed": (ended("pull_request_review"), True),
    "queued": (ended("merge_group"), True),
    "pushed": (ended("push"), False),
    "by hand": ({"event_name": "workflow_dispatch", "event": {}}, True),
}


@pytest.mark.parametrize("name", EVENTS)
def test_approvals_are_counted_when_something_can_have_changed(name: str) -> None:
    github, expected = EVENTS[name]

    assert truths(TEMPLATES["approve"]["jobs"]["approve"]["if"], {"github": github}) == [expected]


def truths(condition: str, *contexts: dict[str, Any]) -> list[bool]:
    return [one == "yes" for (one,) in evaluated(f"({condition}) && 'yes' || 'no'", contexts=list(contexts))]


def test_the_way_back_is_taken_from_the_default_branch_alone_and_waits_behind_no_promotion() -> None:
    refs = {"main": True, "feature": False}
    contexts = [{"github": {"ref_name": ref, "event": {"repository": {"default_branch": "main"}}}} for ref in refs]

    assert truths(TEMPLATES["rollback"]["jobs"]["rollback"]["if"], *contexts) == [*refs.values()]
    assert TEMPLATES["rollback"][True]["workflow_dispatch"]["inputs"]["reason"]["required"] is True
    assert only("rollback")["concurrency"]["group"].startswith("mlci-rollback-")


def test_nothing_that_moves_a_stage_is_cancelled_and_what_waits_for_a_person_keeps_no_other_from_asking() -> None:
    group = only("promote")["concurrency"]["group"]
    alone = "inputs.environment && github.run_id || ''"
    contexts = [{"inputs": {"environment": where}, "github": {"run_id": "7"}} for where in ("", "production")]

    assert all(only(name)["concurrency"]["cancel-in-progress"] is False for name in ("promote", "rollback"))
    assert f"${{{{ {alone} }}}}" in group
    assert evaluated(alone, contexts=contexts) == [[""], ["7"]]


def test_only_what_was_merged_is_promoted_and_production_asks_its_environment() -> None:
    assert STARTED["promote"] == {"push": {"branches": ["$default-branch"]}}
    staging, production = (TEMPLATES["promote"]["jobs"][name] for name in ("staging", "production"))
    assert "environment" not in staging["with"]
    assert production["with"]["environment"] == "production"
    assert production["needs"] == ["model", "staging"]
    assert TEMPLATES["promote"]["jobs"]["model"]["with"] == {"register": True}
    assert list(TEMPLATES["promote"]["jobs"]) == ["model", "staging", "production"]
