"""What doctor says of the settings of a project: each right and wrong, and what the token was not told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from gitlab_setups import APPROVALS, CI, TODAY, TOKEN, changed, look, merged, only, problems

from mlci.domain.verdict import Verdict

STRANGE = {"forking": "enabled", "visibility": "public"}

# Facts that are otherwise, and everything that doctor must then say.
FOUND: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "pipelines need not succeed": ({"pipelines_must_succeed": False}, [("merge-checks[pipelines]", "fail")]),
    "skipped ones do": ({"skipped_succeed": True}, [("merge-checks[skipped]", "fail")]),
    "threads hold nothing": ({"threads_must_resolve": False}, [("merge-checks[threads]", "warn")]),
    "settings that are not told": ({"pipelines_must_succeed": None}, [("merge-checks", "inconclusive")]),
    "a train that may be skipped": (
        {"merge_trains": True, "trains_skippable": True}, [("merge-train", "warn")],
    ),
    "a train": ({"merge_trains": True}, []),
    "no protection": (
        {"protected": False, "owner_approval": False}, [("branch", "fail"), ("forgery", "warn")],
    ),
    "maintainers push": (
        {"pushers": ("Maintainers",)}, [("branch[push]", "warn"), ("forgery", "warn")],
    ),
    "force push": ({"force": True}, [("branch[force push]", "warn")]),
    "a rule of a pattern": (
        {"pushers": None, "force": None, "owner_approval": None},
        [("branch[push]", "inconclusive"), ("forgery", "inconclusive")],
    ),
    "no rule that is told": ({"guard": None}, [("branch", "inconclusive"), ("forgery", "inconclusive")]),
    "approvals that stay": (
        {"approvals": replace(APPROVALS, reset_on_push=False)}, [("approvals[push]", "warn"), ("forgery", "warn")],
    ),
    "approvals of owners that go": (
        {"approvals": replace(APPROVALS, reset_on_push=False, reset_of_owners=True)}, [],
    ),
    "authors approve": ({"approvals": replace(APPROVALS, by_author=True)}, [("approvals[author]", "warn")]),
    "committers approve": (
        {"approvals": replace(APPROVALS, by_committers=True)}, [("approvals[committers]", "warn")],
    ),
    "approvals that are not told": ({"approvals": None}, [("approvals", "inconclusive")]),
    "developers set variables": ({"variables_role": "developer"}, [("variables", "warn")]),
    "maintainers set variables": ({"variables_role": "maintainer"}, []),
    "variables that are not told": ({"variables_role": None}, [("variables", "inconclusive")]),
    "jobs push": ({"job_token_pushes": True}, [("job-token[push]", "warn")]),
    "jobs of others": ({"open_to_job_tokens": True}, [("job-token[other projects]", "warn")]),
    "owners of nothing": ({"owners": None}, [("forgery", "warn")]),
    "owners of the pipeline alone": (
        {"owners": ("CODEOWNERS", ".gitlab-ci.yml @team\nCODEOWNERS @team\n")}, [("forgery", "warn")],
    ),
    "nobody owns the owners": (
        {"owners": ("docs/CODEOWNERS", "/.gitlab-ci.yml @team\nmlci.yml @team\n")}, [("forgery", "warn")],
    ),
    "another file": ({"pipeline_path": "ci/main.yml"}, [("forgery", "warn")]),
    "a place that is not told": ({"pipeline_path": None}, [("forgery", "inconclusive")]),
    "no policy": ({"config_on_branch": False}, [("configuration", "warn")]),
    "a policy that is not told": ({"config_on_branch": None}, [("configuration", "inconclusive")]),
    "forks of members": (
        {"forking": "private"}, [("forks[their pipeline]", "warn")],
    ),
    "forks of anybody, here": (
        {**STRANGE, "forks_run_here": True}, [("forks[run here]", "warn"), ("forks[their pipeline]", "warn")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_each_setting_is_right_or_is_told(name: str) -> None:
    facts, expected = FOUND[name]

    report = look(**facts)

    assert problems(report) == expected
    for one in report.findings:
        assert one.explanation or one.verdict is Verdict.PASS
        assert (one.reason == "unknown") is (one.verdict is Verdict.INCONCLUSIVE)


def test_what_a_merge_is_judged_on_is_said() -> None:
    assert only(look(merged_results=True), "merge-train").message.endswith("judged on what the merge would be")
    assert only(look(), "merge-train").message.endswith("judged on their own branch")


def test_the_worst_decides_and_is_the_reason() -> None:
    report = look(pipelines_must_succeed=False, threads_must_resolve=False)

    assert report.verdict is Verdict.FAIL
    assert report.reason == "a change can be merged to main while its pipeline is red: 'Pipelines must succeed' is off"


def test_what_is_unknown_says_why_and_what_would_read_it() -> None:
    unknown = {"settings": "GET /p: answered 401", "branch": "GET /b: answered 403"}
    report = look(pipelines_must_succeed=None, guard=None, unknown=unknown)

    for id, why, needed in (("merge-checks", "GET /p", "read_api"), ("branch", "GET /b", "read_api")):
        assert why in only(report, id).message
        assert needed in (only(report, id).explanation or "")
    assert "role Maintainer" in (only(look(variables_role=None), "variables").explanation or "")


@pytest.mark.parametrize(
    "facts", [{"open_to_job_tokens": None}, {"forking": "private", "forks_run_here": None}, {"approvals": None}]
)
def test_what_only_maintainers_are_told_and_holds_no_merge_back_is_not_counted(facts: dict[str, Any]) -> None:
    report = look(**facts, owner_approval=False)

    assert [verdict for _, verdict in problems(report, advisory=True)] == ["inconclusive"]
    assert ("inconclusive") not in [verdict for _, verdict in problems(report)]


# The grade


def test_a_pipeline_that_stands_in_another_project_is_strong_and_not_looked_at() -> None:
    report = look(None, pipeline_path=".gitlab-ci.yml@platform/pipelines:main", owner_approval=False)

    found = only(report, "forgery")
    assert (found.verdict, found.message.split(":")[0]) == (Verdict.PASS, "strong")
    assert "platform/pipelines" in (only(report, "pipeline").explanation or "")


@pytest.mark.parametrize("path", ["https://example.com/ci.yml", "ci.yml@group/project", "ci.yml@group/project:v1"])
def test_what_stands_elsewhere_is_known_by_its_path(path: str) -> None:
    assert only(look(None, pipeline_path=path), "forgery").message.startswith("strong")


def test_medium_needs_owners_of_every_file_that_the_pipeline_is_made_of() -> None:
    pipeline = merged(CI, includes=[{"type": "local", "location": "/ci/judge.yml"}])

    weak = only(look(pipeline), "forgery")
    assert (weak.verdict, "/ci/judge.yml" in (weak.explanation or "")) == (Verdict.WARN, True)
    owners = "/.gitlab-ci.yml @team\nmlci.yml @team\nCODEOWNERS @team\n/ci/ @team\n"
    assert only(look(pipeline, owners=("CODEOWNERS", owners)), "forgery").message.startswith("medium")


def test_weak_names_everything_that_is_missing_and_what_is_better() -> None:
    found = only(look(owner_approval=False, owners=None), "forgery")

    assert found.message.startswith("weak")
    for part in ("Code owner approval", ".gitlab-ci.yml, mlci.yml", "@group/project", "A check is a light"):
        assert part in (found.explanation or "")


# The token


@pytest.mark.parametrize(
    ("token", "facts", "expected"),
    [
        (TOKEN, {}, []),
        (replace(TOKEN, expires=None), {}, []),
        (replace(TOKEN, scopes=("api", "read_repository")), {}, []),
        (replace(TOKEN, scopes=("read_api",)), {}, [("token[scopes]", "fail")]),
        (replace(TOKEN, scopes=("api", "write_repository")), {}, [("token[more scopes]", "warn")]),
        (replace(TOKEN, active=False), {}, [("token[date]", "fail")]),
        (replace(TOKEN, expires=TODAY), {}, [("token[date]", "fail")]),
        (replace(TOKEN, expires=TODAY + timedelta(days=30)), {}, [("token[date]", "warn")]),
        (replace(TOKEN, expires=TODAY + timedelta(days=31)), {}, []),
        (TOKEN, {"role": 20}, [("token[role]", "fail")]),
        (TOKEN, {"role": 40}, [("token[role]", "warn")]),
        (TOKEN, {"role": None}, []),
        (replace(TOKEN, bot=False), {"in_job": True}, [("token[kind]", "warn")]),
        (replace(TOKEN, bot=None), {"in_job": True}, []),
    ],
)
def test_the_token_of_a_pipeline_is_good_for_what_it_does_and_not_for_ever(
    token: Any, facts: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert problems(look(token=token, **facts)) == expected


@pytest.mark.parametrize("bot", [False, None])
def test_a_token_of_a_person_who_looks_is_no_token_of_the_pipeline(bot: bool | None) -> None:
    report = look(token=replace(TOKEN, bot=bot, scopes=("read_api",)), role=50)

    assert problems(report) == []
    assert problems(report, advisory=True) == [("token", "inconclusive")]


def test_a_job_without_a_token_is_told_and_not_counted() -> None:
    assert problems(look(token=None, in_job=True), advisory=True) == [("token", "warn")]
    assert not [one for one in look(token=None).findings if one.id.startswith("setup:token")]


def test_the_days_that_are_left_are_counted() -> None:
    found = only(look(token=replace(TOKEN, expires=date(2026, 3, 8))), "token[date]")

    assert "2026-03-08, in 7 days" in found.message


# Forks


def test_a_public_project_needs_a_scheduled_report() -> None:
    assert only(look(**STRANGE), "report").verdict is Verdict.PASS
    without = look(changed("  script: [mlci report]", "  script: [make]"), **STRANGE)
    assert (only(without, "report").verdict, only(without, "report").reason) == (Verdict.WARN, "fork")
    pushed = changed("[{if: '$CI_PIPELINE_SOURCE == \"schedule\"'}]", "[{if: '$CI_PIPELINE_SOURCE == \"push\"'}]")
    assert only(look(pushed, **STRANGE), "report").verdict is Verdict.WARN
    assert only(look(None, **STRANGE), "report").advisory


def test_who_can_make_a_fork_is_said() -> None:
    assert "anybody" in only(look(**STRANGE), "forks[their pipeline]").message
    assert "a member" in only(look(forking="private"), "forks[their pipeline]").message
    assert not [one for one in look(forking="enabled").findings if one.id == "setup:report"]


UNTOLD: dict[str, Any] = dict.fromkeys((
    "visibility", "forking", "pipelines_must_succeed", "skipped_succeed", "threads_must_resolve", "merge_trains",
    "trains_skippable", "merged_results", "pipeline_path", "forks_run_here", "variables_role", "job_token_pushes",
    "role", "guard", "approvals", "token", "owners", "config_on_branch", "open_to_job_tokens",
))  # fmt: skip


def test_a_project_of_which_nothing_is_told_is_unknown_in_every_part() -> None:
    report = look(None, **UNTOLD)

    counted = {id for id, verdict in problems(report) if verdict == "inconclusive"}
    assert counted == {"merge-checks", "pipeline", "branch", "variables", "forgery", "configuration"}
    assert [one for one in report.findings if one.verdict is Verdict.PASS] == []
