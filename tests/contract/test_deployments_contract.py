"""Decisions as each forge shows them among its deployments: once each, and one at a time as what the stage is at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest
from worlds import impatient

from mlci.adapters.github.api import connect as connect_github
from mlci.adapters.github.deployments import GitHubDeployments
from mlci.adapters.gitlab.api import connect as connect_gitlab
from mlci.adapters.gitlab.deployments import GitLabDeployments
from mlci.errors import ServiceRefused
from mlci.ports import Deployment, Deployments, DeploymentState
from mlci.testing.deployments import MemoryDeployments

if TYPE_CHECKING:
    from forge.github import GitHub
    from gitlab_server.gitlab import GitLab


class World(Protocol):
    """A forge with one commit."""

    deployments: Deployments
    commit: str

    def shown(self, environment: str) -> list[tuple[str, str]]:
        """Every record, oldest first: digest of the decision and how it stands."""
        ...

    def refuse(self) -> None:
        """From now on the token may not."""
        ...


class InMemory:
    """mlci.testing.deployments."""

    commit = "0" * 40

    def __init__(self) -> None:
        self.deployments = MemoryDeployments()

    def shown(self, environment: str) -> list[tuple[str, str]]:
        every = sorted(self.deployments.records.values(), key=lambda each: each[0].entry)
        return [(each.ledger, state) for each, state, _ in every if each.environment == environment]

    def refuse(self) -> None:
        self.deployments.error = ServiceRefused("403")


class OnGitHub:
    """A GitHub on the loopback."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.repository = github.add_repository("owner/repository", files={"train.py": "1\n"})
        self.commit = self.repository.tip("main") or ""
        self.ask_with(deployments="write")

    def ask_with(self, **permissions: str) -> None:
        environ = {"GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": self.github.token(permissions=permissions)}
        api = connect_github(environ, clock=impatient())
        self.deployments = GitHubDeployments(api, "owner/repository", "https://github.example/owner/repository")

    def refuse(self) -> None:
        self.ask_with(deployments="read")

    def shown(self, environment: str) -> list[tuple[str, str]]:
        return [
            (str(each.fields["payload"]["ledger"]).removeprefix("sha256:"), each.statuses[-1]["state"])
            for each in self.repository.deployments.values()
            if each.fields["environment"] == environment
        ]


class OnGitLab:
    """A GitLab on the loopback."""

    def __init__(self, gitlab: GitLab) -> None:
        self.gitlab = gitlab
        self.project = gitlab.add_project(files={"train.py": "1\n"})
        self.commit = self.project.tip("main") or ""
        environ = {"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": gitlab.token()}
        access = connect_gitlab(environ, clock=impatient())
        self.deployments = GitLabDeployments(access, self.project.id, "https://gitlab.example/group/models/churn")

    def refuse(self) -> None:
        self.project.extras["protected_environments"] = ("production",)

    def shown(self, environment: str) -> list[tuple[str, str]]:
        """GitLab takes the newest success for what the environment is at, and each before it for what it was at."""
        found = [each for each in self.project.deployments.values() if each.environment == environment]
        current = max((each.id for each in found if each.status == "success"), default=0)
        words = {"running": "in_progress", "failed": "failure", "canceled": "inactive"}
        return [
            (each.ref.rsplit("/", 1)[1], "inactive" if each.status == "success" and each.id != current
             else words.get(each.status, each.status))
            for each in found
        ]  # fmt: skip


@pytest.fixture(name="world", params=["memory", "github", "gitlab"])
def _world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return InMemory()
    held = request.getfixturevalue(request.param)
    return OnGitHub(held) if request.param == "github" else OnGitLab(held)


def decision(world: World, entry: int, environment: str = "production", model: str = "churn") -> Deployment:
    return Deployment(
        environment=environment, commit=world.commit, model=model, version=str(entry), artifact="a" * 64, entry=entry,
        ledger=f"{entry:064x}", production=environment == "production", url="https://forge.example/run/7",
    )  # fmt: skip


def record(world: World, entry: int, *states: DeploymentState, environment: str = "production") -> str | None:
    page = None
    for state in states:
        page = world.deployments.record(decision(world, entry, environment), state, f"entry {entry}: {state}")
    return page


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_a_decision_is_recorded_once_and_says_how_it_stands(world: World, environment: str) -> None:
    page = record(world, 1, "in_progress", environment=environment)
    assert page is not None
    assert page.startswith("https://")
    assert world.shown(environment) == [(f"{1:064x}", "in_progress")]
    record(world, 1, "in_progress", "success", "success", environment=environment)
    assert world.shown(environment) == [(f"{1:064x}", "success")]


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_the_decision_before_is_no_longer_what_the_stage_is_at(world: World, environment: str) -> None:
    record(world, 1, "in_progress", "success", environment=environment)
    record(world, 2, "in_progress", "failure", environment=environment)
    record(world, 3, "in_progress", environment=environment)
    assert [state for _, state in world.shown(environment)] == ["success", "failure", "in_progress"]
    record(world, 3, "success", environment=environment)
    assert [state for _, state in world.shown(environment)] == ["inactive", "failure", "success"]


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_that_slept_over_a_later_decision_does_not_show_its_own(world: World, begun: bool) -> None:
    if begun:
        record(world, 1, "in_progress")
    record(world, 2, "in_progress", "success")
    record(world, 1, "success")
    assert dict(world.shown("production"))[f"{2:064x}"] == "success"
    assert dict(world.shown("production"))[f"{1:064x}"] == "inactive"


def test_other_stages_and_other_models_stay_as_they_are(world: World) -> None:
    record(world, 1, "in_progress", "success", environment="staging")
    other = replace(decision(world, 2, model="fraud"), ledger="f" * 64)
    world.deployments.record(other, "success", "of another model")
    record(world, 3, "in_progress", "success")
    assert world.shown("staging") == [(f"{1:064x}", "success")]
    if not isinstance(world, OnGitLab):
        assert ("f" * 64, "success") in world.shown("production")


def test_what_the_token_may_not_is_refused(world: World) -> None:
    world.refuse()
    with pytest.raises(ServiceRefused):
        record(world, 1, "in_progress")
    assert world.shown("production") == []


# What each of the two says more, and what is lost on the way.


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("path", ["/deployments$", "/statuses$"])
def test_on_github_a_lost_answer_makes_no_second_record(github: GitHub, drop: str, path: str) -> None:
    world = OnGitHub(github)
    github.fault("POST", path, drop=drop)
    record(world, 1, "in_progress", "success")
    assert world.shown("production") == [(f"{1:064x}", "success")]
    (made,) = world.repository.deployments.values()
    assert [each["state"] for each in made.statuses] == ["in_progress", "success"]


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_on_gitlab_a_lost_answer_makes_no_second_record(gitlab: GitLab, drop: str, method: str) -> None:
    world = OnGitLab(gitlab)
    gitlab.fault(method, "/deployments", drop=drop)
    record(world, 1, "in_progress", "success")
    assert world.shown("production") == [(f"{1:064x}", "success")]


def test_on_github_the_record_carries_the_digests_and_asks_for_no_status(github: GitHub) -> None:
    world = OnGitHub(github)
    told = replace(decision(world, 12), serving="https://churn.example", version="7")
    world.deployments.record(told, "success", "x" * 300)
    (made,) = world.repository.deployments.values()
    assert made.fields["payload"] == {
        "model": "churn", "version": "7", "artifact": "sha256:" + "a" * 64, "entry": 12,
        "ledger": f"sha256:{12:064x}",
    }  # fmt: skip
    assert (made.sha, made.fields["task"], made.fields["production_environment"]) == (world.commit, "mlci", True)
    (said,) = made.statuses
    assert (said["log_url"], said["environment_url"]) == ("https://forge.example/run/7", "https://churn.example")
    assert len(said["description"]) <= 140


def test_on_gitlab_the_name_of_what_is_deployed_carries_entry_and_digest(gitlab: GitLab) -> None:
    world = OnGitLab(gitlab)
    told = replace(decision(world, 12), serving="https://churn.example", version="7")
    page = world.deployments.record(told, "success", "served")
    (made,) = world.project.deployments.values()
    assert (made.ref, made.sha) == (f"mlci/churn/7/entry-12/{12:064x}", world.commit)
    number, address = world.project.environments["production"]
    assert address == "https://churn.example"
    assert page == f"https://gitlab.example/group/models/churn/-/environments/{number}"
