"""What doctor says of the record of decisions, and of who lets a model go on, where a project promotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gitlab_setups import CI, PROJECT, SETTINGS, TODAY, merged

from mlci.adapters.github.workflows import read_workflows
from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup
from mlci.domain.setup.github.protection import Bypass, Protection, Repository, RequiredCheck
from mlci.domain.setup.github.releases import Environment, LedgerRules, Releases
from mlci.domain.setup.github.releasing import releasing
from mlci.domain.setup.gitlab.facts import Setup as OnGitLab
from mlci.domain.setup.gitlab.releases import Environment as ProtectedEnvironment
from mlci.domain.setup.gitlab.releases import LedgerGuard
from mlci.domain.setup.gitlab.releases import Releases as ReleasesOnGitLab
from mlci.domain.setup.gitlab.releasing import releasing as on_gitlab

SHA = "a" * 40
STEPS = f"""\
on: {{push: {{branches: [main]}}}}
permissions: {{}}
jobs:
  production:
    permissions: {{contents: write}}
    steps: [{{uses: mlci/mlci/actions/promote@{SHA}}}]
"""
CALLED = f"""\
on: {{push: {{branches: [main]}}}}
jobs:
  production:
    permissions: {{contents: write}}
    uses: mlci/mlci/.github/workflows/promote.yml@{SHA}
"""
NOTHING = "on: push\njobs:\n  test:\n    steps: [{run: make}]\n"
APPROVAL = RequiredCheck(name="mlci/approval", app=15368, source="ruleset 1")
KEPT = LedgerRules(rewriting=True, removal=True, restricted=True)
PRODUCTION = Environment(name="production", reviewers=("alice",), administrators=False, branches=True)
RIGHT = Releases(stages=("staging", "production"), asks=True, ledger=KEPT, environments={"production": PRODUCTION})


def look(
    folder: Path, text: str = STEPS, checks: Sequence[RequiredCheck] = (APPROVAL,),
    unknown: Mapping[Any, str] | None = None, **facts: Any,
) -> list[Finding]:  # fmt: skip
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/release.yml").write_text(text)
    workflows, _ = read_workflows(folder, ".github/workflows")
    setup = Setup(
        repository=Repository(id=1, name="owner/repository", default_branch="main", private=True),
        branch="main", protection=Protection(checks=tuple(checks), unknown=unknown or {}), workflows=workflows,
        needs={}, releases=replace(RIGHT, **facts),
    )  # fmt: skip
    return list(releasing(setup))


def said(found: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(one.id.removeprefix("setup:"), one.verdict.value) for one in found if one.verdict.value != "pass"]


@pytest.mark.parametrize("text", [STEPS, CALLED])
def test_a_right_release_passes_in_every_part(tmp_path: Path, text: str) -> None:
    found = look(tmp_path, text)

    assert said(found) == []
    assert [one.id.removeprefix("setup:") for one in found] == [
        "ledger[protection]", "ledger[who]", "environment[production]", "approval",
    ]  # fmt: skip


def test_nothing_is_said_where_nothing_is_promoted(tmp_path: Path) -> None:
    assert look(tmp_path, NOTHING) == []


LEDGER = {
    "rewritten": (replace(KEPT, rewriting=False), [("ledger[protection]", "warn")], "can be rewritten:"),
    "removed": (replace(KEPT, removal=False), [("ledger[protection]", "warn")], "can be removed:"),
    "both": (
        replace(KEPT, rewriting=False, removal=False), [("ledger[protection]", "warn")], "rewritten and removed:"
    ),
    "unknown protection": (
        replace(KEPT, rewriting=None), [("ledger[protection]", "inconclusive")], "may be rewritten is unknown"
    ),
    "not restricted": (replace(KEPT, restricted=False), [("ledger[who]", "warn")], "release.yml: production"),
    "who is unknown": (replace(KEPT, restricted=None), [("ledger[who]", "inconclusive")], "who may add to"),
    "bypass": (
        replace(KEPT, bypass=(Bypass(ruleset=4, actors=("Integration (always)",)),)),
        [("ledger[ruleset 4 of mlci/ledger]", "warn")], "Integration (always) may rewrite",
    ),
    "bypass unknown": (
        replace(KEPT, bypass=(Bypass(ruleset=4, actors=None),)),
        [("ledger[ruleset 4 of mlci/ledger]", "inconclusive")], "who may bypass",
    ),
    "nothing known": (None, [("ledger[protection]", "inconclusive"), ("ledger[who]", "inconclusive")], "is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("way", LEDGER)
def test_a_ledger_that_is_open_is_told_with_what_to_do(tmp_path: Path, way: str) -> None:
    ledger, expected, words = LEDGER[way]
    found = look(tmp_path, ledger=ledger)

    assert said(found) == expected
    problem = next(one for one in found if one.id == f"setup:{expected[0][0]}")
    assert words in problem.message
    assert problem.explanation


ENVIRONMENT = {
    "any branch": (replace(PRODUCTION, branches=False), "warn", "jobs of any branch may use"),
    "self review": (replace(PRODUCTION, self_review=True), "warn", "whoever starts a run may let it"),
    "administrators": (replace(PRODUCTION, administrators=True), "warn", "administrators may let a job"),
    "administrators unknown": (replace(PRODUCTION, administrators=None), "inconclusive", "may pass the reviewers"),
}


@pytest.mark.parametrize("way", ENVIRONMENT)
def test_an_environment_that_lets_too_many_in_is_told(tmp_path: Path, way: str) -> None:
    environment, verdict, words = ENVIRONMENT[way]
    found = look(tmp_path, environments={"production": environment})

    (problem,) = [one for one in found if one.verdict.value != "pass"]
    assert (problem.verdict.value, problem.advisory) == (verdict, verdict == "inconclusive")
    assert words in problem.message


def test_a_last_stage_without_an_environment_is_told_and_others_need_none(tmp_path: Path) -> None:
    (problem,) = [one for one in look(tmp_path, environments={}) if one.verdict.value != "pass"]

    assert problem.id == "setup:environment[production]"
    assert "there is no environment production" in problem.message


def test_environments_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    found = look(tmp_path, environments=None, unknown={})

    assert said(found) == [("environment", "inconclusive")]


@pytest.mark.parametrize(
    ("checks", "asks", "unknown", "expected"),
    [
        ((), True, {}, [("approval", "warn")]),
        ((), False, {}, []),
        ((replace(APPROVAL, app=None),), True, {}, [("approval", "warn")]),
        ((), True, {"rules": "answered 403"}, [("approval", "inconclusive")]),
    ],
)
def test_the_status_of_approval_has_to_be_required_where_policy_asks_people(
    tmp_path: Path, checks: Sequence[RequiredCheck], asks: bool, unknown: Mapping[str, str], expected: Any
) -> None:
    assert said(look(tmp_path, checks=checks, asks=asks, unknown=unknown)) == expected


# GitLab.

PROMOTES = CI + "release:\n  stage: last\n  script: [mlci promote --version 1]\n"
GUARD = LedgerGuard(protected=True, named=("mlci bot",), force=False)
APPROVED = ProtectedEnvironment(name="production", deployers=("Maintainers",), approvals=2)
RIGHT_ON_GITLAB = ReleasesOnGitLab(
    stages=("staging", "production"), ledger=GUARD, environments={"production": APPROVED}
)  # fmt: skip


def look_at_gitlab(text: str = PROMOTES, *, jobs_push: bool = False, **facts: Any) -> list[Finding]:
    settings = replace(SETTINGS, project=replace(PROJECT, job_token_pushes=jobs_push))
    releases = replace(RIGHT_ON_GITLAB, **facts)
    return list(
        on_gitlab(OnGitLab(branch="main", settings=settings, pipeline=merged(text), today=TODAY, releases=releases))
    )


def test_a_right_release_on_gitlab_passes_in_every_part() -> None:
    found = look_at_gitlab()

    assert said(found) == []
    assert [one.id.removeprefix("setup:") for one in found] == [
        "ledger[protection]", "ledger[who]", "environment[production]",
    ]  # fmt: skip
    assert "2 approvals" in found[2].message
    assert look_at_gitlab(CI) == []


ON_GITLAB = {
    "not protected": (
        LedgerGuard(protected=False, roles=30, force=True), [("ledger[protection]", "warn"), ("ledger[who]", "warn")]
    ),
    "force": (replace(GUARD, force=True), [("ledger[protection]", "warn")]),
    "pattern": (
        LedgerGuard(protected=True, known=False),
        [("ledger[protection]", "inconclusive"), ("ledger[who]", "inconclusive")],
    ),
    "nobody": (replace(GUARD, named=()), [("ledger[who]", "warn")]),
    "maintainers": (replace(GUARD, named=(), roles=40), []),
    "developers": (replace(GUARD, named=(), roles=30), [("ledger[who]", "warn")]),
    "unknown": (None, [("ledger[protection]", "inconclusive")]),
}  # fmt: skip


@pytest.mark.parametrize("way", ON_GITLAB)
def test_a_ledger_on_gitlab_is_graded(way: str) -> None:
    ledger, expected = ON_GITLAB[way]

    assert said(look_at_gitlab(ledger=ledger)) == expected


def test_tokens_of_jobs_that_push_make_any_protection_weak() -> None:
    (problem,) = [one for one in look_at_gitlab(jobs_push=True) if one.verdict.value != "pass"]

    assert problem.id == "setup:ledger[who]"
    assert "so may the token of every job" in problem.message


@pytest.mark.parametrize(
    ("environments", "expected"), [(None, ("environment", "inconclusive")), ({}, ("environment[production]", "warn"))]
)
def test_environments_that_ask_nobody_or_are_unknown_are_said_and_not_counted(
    environments: Any, expected: tuple[str, str]
) -> None:
    found = look_at_gitlab(environments=environments)

    assert said(found) == [expected]
    assert [one.advisory for one in found if one.verdict.value != "pass"] == [True]
