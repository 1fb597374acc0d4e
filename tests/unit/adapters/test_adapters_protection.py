"""What GitHub demands before a merge, read from a loopback GitHub that keeps to the published description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from mlci.adapters.github.api import connect
from mlci.adapters.github.commits import GitHubCommits
from mlci.adapters.github.protection import read_protection, read_repository
from mlci.adapters.remote.http import Api
from mlci.domain.setup.github.protection import Bypass, RequiredCheck, RequiredWorkflow
from mlci.errors import ServiceFailed

if TYPE_CHECKING:
    from forge.github import GitHub

NAME = "owner/repository"
REVIEW = {
    "type": "pull_request",
    "parameters": {
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": True,
        "require_last_push_approval": True,
        "required_approving_review_count": 1,
        "required_review_thread_resolution": False,
    },
}
WORKFLOWS = {
    "type": "workflows",
    "parameters": {"workflows": [{"path": ".github/workflows/gate.yml", "repository_id": 77, "sha": "a" * 40}]},
}


@pytest.fixture(name="reading")
def _reading(github: GitHub) -> Api:
    github.add_repository(files={"mlci.yml": "model: churn\n"})
    return connect({"GITHUB_API_URL": github.url, "MLCI_TOKEN": github.token(permissions={"contents": "read"})})


def administering(github: GitHub) -> Api:
    token = github.token(permissions={"contents": "read", "administration": "read"})
    return connect({"GITHUB_API_URL": github.url, "MLCI_TOKEN": token})


def test_a_repository_says_its_number_and_its_default_branch(github: GitHub, reading: Api) -> None:
    found = read_repository(reading, NAME)

    assert (found.name, found.default_branch, found.private) == (NAME, "main", True)
    assert found.id == github.repository().id


def test_a_token_that_may_read_contents_sees_rulesets_and_who_may_bypass_them_stays_unknown(
    github: GitHub, reading: Api
) -> None:
    github.protect("main", {"conclude": 15368, "lint": None}, merge_queue=True, rules=[REVIEW, WORKFLOWS])

    found = read_protection(reading, NAME, "main")

    assert found.checks == (
        RequiredCheck(name="conclude", app=15368, source="ruleset 1"),
        RequiredCheck(name="lint", app=None, source="ruleset 1"),
    )
    assert found.workflows == (RequiredWorkflow(path=".github/workflows/gate.yml", repository=77, commit="a" * 40),)
    assert (found.merge_queue, found.owner_review, found.administrators) == (True, True, None)
    assert found.bypass == (Bypass(ruleset=1, actors=None),)
    assert set(found.unknown) == {"defaults"}
    assert found.default_permissions is None


def test_classic_protection_is_read_and_its_reviews_are_unknown_without_an_administrator(
    github: GitHub, reading: Api
) -> None:
    github.protect("main", {"conclude": -1}, kind="classic")

    found = read_protection(reading, NAME, "main")

    assert found.checks == (RequiredCheck(name="conclude", app=None, source="branch protection"),)
    assert found.administrators is False
    assert set(found.unknown) == {"reviews", "defaults"}


def test_an_administrator_sees_everything(github: GitHub, reading: Api) -> None:
    github.protect("main", ["conclude"], kind="classic")

    found = read_protection(administering(github), NAME, "main")

    assert found.unknown == {}
    assert (found.default_permissions, found.owner_review) == ("read", False)


class Switched:
    """An API whose classic protection lists a check that it no longer enforces."""

    def paginate(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def get(self, path: str, *, shape: Any) -> Any:
        checks = {"enforcement_level": "off", "contexts": ["conclude"], "checks": []}
        branch = {"protected": True, "protection": {"enabled": True, "required_status_checks": checks}}
        answers = {"branches/main": branch, "permissions/workflow": {"default_workflow_permissions": "read"}}
        found = next((answer for end, answer in answers.items() if path.endswith(end)), {})
        return msgspec.convert(found, shape)


def test_checks_that_classic_protection_no_longer_enforces_are_not_required() -> None:
    found = read_protection(cast("Api", Switched()), NAME, "main")

    assert (found.checks, found.administrators) == ((), None)


def test_a_branch_without_protection_demands_nothing_and_nothing_of_that_is_unknown(
    github: GitHub, reading: Api
) -> None:
    found = read_protection(administering(github), NAME, "main")

    assert (found.checks, found.workflows, found.merge_queue, found.unknown) == ((), (), False, {})


def test_a_branch_that_is_not_there_is_unknown_rather_than_unprotected(reading: Api) -> None:
    assert set(read_protection(reading, NAME, "feature/a b").unknown) == {"classic", "defaults"}


def test_a_refused_list_of_rules_is_unknown_rather_than_empty(github: GitHub, reading: Api) -> None:
    github.protect("main", ["conclude"])
    github.fault("GET", "/rules/branches/main", status=403)

    assert "rules" in read_protection(reading, NAME, "main").unknown


def test_a_rule_that_is_not_what_github_documents_is_no_answer(github: GitHub, reading: Api) -> None:
    broken: dict[str, Any] = {"type": "required_status_checks", "parameters": {"required_status_checks": [{}]}}
    github.protect("main", [], rules=[broken])

    with pytest.raises(ServiceFailed, match="required_status_checks is not what its description says"):
        read_protection(reading, NAME, "main")
    github.violations.clear()


def test_the_branch_has_the_file_or_has_not(reading: Api) -> None:
    commits = GitHubCommits(reading, NAME)
    assert commits.file("mlci.yml", "main") is not None
    assert commits.file("models/mlci.yml", "main") is None
