"""What guards a release, read from the loopback GitHub and GitLab: nothing that was refused is taken for right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlci.adapters.github.api import connect
from mlci.adapters.github.guarding import read_releases
from mlci.adapters.gitlab.api import connect as connect_gitlab
from mlci.adapters.gitlab.guarding import read_releases as read_on_gitlab
from mlci.adapters.remote.http import Api
from mlci.domain.setup.github.protection import Bypass
from mlci.domain.setup.github.releases import Environment, LedgerRules
from mlci.domain.setup.gitlab.releases import Environment as OnGitLab
from mlci.domain.setup.gitlab.releases import LedgerGuard, Releases

if TYPE_CHECKING:
    from forge.github import GitHub
    from gitlab_server.gitlab import GitLab

NAME, STAGES = "owner/repository", ("staging", "production")
KEPT: list[dict[str, Any]] = [{"type": "deletion"}, {"type": "non_fast_forward"}]
REVIEWED: dict[str, Any] = {
    "protection_rules": [
        {"id": 1, "node_id": "a", "type": "required_reviewers", "prevent_self_review": True, "reviewers": []},
        {"id": 2, "node_id": "b", "type": "branch_policy"},
    ],
    "deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False},
}


def api(github: GitHub, **permissions: str) -> Api:
    token = github.token(permissions={"contents": "read", "actions": "read", **permissions})  # type: ignore[arg-type]
    return connect({"GITHUB_API_URL": github.url, "MLCI_TOKEN": token})


def test_rules_keep_a_ledger_that_is_not_there_yet(github: GitHub) -> None:
    github.add_repository()
    github.protect("mlci/ledger", [], rules=[*KEPT, {"type": "update"}])

    found = read_releases(api(github), NAME, STAGES, asks=True)

    bypass = (Bypass(ruleset=1, actors=None),)
    assert found.ledger == LedgerRules(rewriting=True, removal=True, restricted=True, bypass=bypass)
    assert (found.stages, found.asks, found.unknown) == (STAGES, True, {})


def test_a_ledger_that_nothing_protects_is_open(github: GitHub) -> None:
    github.add_repository()

    assert read_releases(api(github), NAME, STAGES, asks=True).ledger == LedgerRules(
        rewriting=False, removal=False, restricted=False
    )


def test_classic_protection_of_the_ledger_is_read_by_an_administrator_and_unknown_to_others(github: GitHub) -> None:
    github.add_repository()
    github.commit({"churn/000001.json": "{}"}, "mlci/ledger")
    github.protect("mlci/ledger", [], kind="classic")

    as_member = read_releases(api(github), NAME, STAGES, asks=True).ledger
    assert as_member == LedgerRules(rewriting=None, removal=None, restricted=None)
    as_administrator = read_releases(api(github, administration="read"), NAME, STAGES, asks=True).ledger
    assert as_administrator == LedgerRules(rewriting=True, removal=True, restricted=False)


def test_environments_say_who_lets_a_job_in_and_which_branches_may_ask(github: GitHub) -> None:
    github.add_repository()
    alice = {"type": "User", "reviewer": _account(github, "alice")}
    rules = [{**REVIEWED["protection_rules"][0], "reviewers": [alice], "prevent_self_review": False}]
    github.repository().environments |= {
        "staging": {},
        "production": {**REVIEWED, "protection_rules": rules},
    }  # fmt: skip

    found = read_releases(api(github), NAME, STAGES, asks=True).environments

    assert found == {
        "staging": Environment(name="staging", administrators=True),
        "production": Environment(
            name="production", reviewers=("alice",), self_review=True, administrators=True, branches=True
        ),
    }


def _account(github: GitHub, login: str) -> dict[str, Any]:
    from forge.shapes import shaped

    return shaped("simple-user", github.url, login=login, id=github.state.account(login).id, type="User")


@pytest.mark.parametrize(("path", "topic"), [("/rules/branches/", "ledger"), ("/environments", "environments")])
def test_what_is_refused_is_unknown(github: GitHub, path: str, topic: str) -> None:
    github.add_repository()
    github.fault("GET", path, status=403)

    found = read_releases(api(github), NAME, STAGES, asks=True)

    assert list(found.unknown) == [topic]
    assert getattr(found, topic) is None


# GitLab.


def on_gitlab(gitlab: GitLab, role: str = "maintainer") -> Releases:
    token = gitlab.token(scopes=("read_api",), role=role, user=role)
    access = connect_gitlab({"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": token})
    return read_on_gitlab(access, gitlab.project().id, STAGES)


def test_a_protected_ledger_says_which_role_may_push(gitlab: GitLab) -> None:
    gitlab.add_project()
    gitlab.protect("mlci/ledger", push="maintainer")

    assert on_gitlab(gitlab).ledger == LedgerGuard(protected=True, roles=40, force=False)


def test_a_ledger_that_nobody_may_push_to(gitlab: GitLab) -> None:
    gitlab.add_project()
    gitlab.protect("mlci/ledger", push=None)

    assert on_gitlab(gitlab).ledger == LedgerGuard(protected=True, roles=None, force=False)


def test_a_ledger_without_protection_is_every_developers(gitlab: GitLab) -> None:
    gitlab.add_project()

    assert on_gitlab(gitlab).ledger == LedgerGuard(protected=False, roles=30, force=True)


def test_a_ledger_that_a_pattern_protects_is_protected_by_rules_that_are_unknown(gitlab: GitLab) -> None:
    gitlab.add_project()
    gitlab.commit({"churn/000001.json": "{}"}, "mlci/ledger")
    gitlab.protect("mlci/*")

    assert on_gitlab(gitlab).ledger == LedgerGuard(protected=True, known=False)


def test_protected_environments_say_who_deploys_and_how_many_approve(gitlab: GitLab) -> None:
    project = gitlab.add_project()
    project.premium = True
    maintainers = {"access_level": 40, "access_level_description": "Maintainers", "user_id": None, "group_id": None}
    rules = [{"required_approvals": 2, "access_level": 40}]
    project.extras["protected_environments"] = {
        "production": {"deploy_access_levels": [maintainers], "required_approval_count": 0, "approval_rules": rules}
    }

    found = on_gitlab(gitlab).environments

    assert found == {"production": OnGitLab(name="production", deployers=("Maintainers",), approvals=2)}


def test_on_free_or_for_a_developer_protected_environments_are_unknown(gitlab: GitLab) -> None:
    project = gitlab.add_project()

    assert list(on_gitlab(gitlab).unknown) == ["environments"]
    project.premium = True
    assert list(on_gitlab(gitlab, "developer").unknown) == ["environments"]
