"""promote and rollback in a run on a forge: where they may run, by whose policy, and what the forge is told."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository

from mlci.adapters.git.forge import LocalCommits
from mlci.adapters.git.repository import Repository as Git
from mlci.cli.forge import Forge
from mlci.domain.run import Change, ChangedFiles, Run
from mlci.errors import ServiceRefused
from mlci.testing.deployments import MemoryDeployments
from mlci.testing.forge import MemoryForge

POLICY = "promote: {require: {production: [gate]}, relax: {production: [locked-environment]}}\n"
PROMOTE = ("promote", "--version", "2", "--to", "production")


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Version 1 in production by being the first, version 2 gated and no worse."""
    found = repository(tmp_path_factory.mktemp("gated") / "r")
    config = found.folder / "mlci.yml"
    config.write_text(config.read_text() + POLICY)
    found.commit()
    assert found.mlci("run") == 0
    found.set(49)
    found.commit()
    assert found.mlci("run") == 0
    return found


class Commits(LocalCommits):
    """As a forge compares two commits: whatever is checked out."""

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        return self._repository.changed_files(base, head)


@dataclass
class World:
    """A run on the default branch of a forge, whose commits are those of the repository."""

    found: Repository
    patch: pytest.MonkeyPatch
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    memory: MemoryForge = field(default_factory=MemoryForge)

    def run(self, *words: str, checked_out: str = "main", **facts: Any) -> int:
        commit = self.found.git("rev-parse", checked_out)
        run = Run(**{
            "repository": "owner/repository", "id": 7, "attempt": 1, "url": "https://forge.invalid/runs/7",
            "event": "push", "commit": commit, "branch": "main", "default_branch": "main", **facts,
        })  # fmt: skip
        git = Git.find(str(self.found.folder), os.environ)
        assert git is not None
        forge = Forge(run, self.memory.conversation, Commits(git), self.memory.runs, deployments=self.deployments)
        self.patch.setattr("mlci.cli.releasing.forge_of", lambda *_: forge)
        self.patch.setattr("mlci.cli.ledger.ledger_of", _local)
        # A runner's disk is gone after the job; here it is the machine's.
        self.patch.setattr("mlci.adapters.mlflow._refuse_lost", lambda *_: None)
        return self.found.mlci(*words)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(one.environment, one.version, state) for one, state, _ in self.deployments.records.values()]

    def failed(self) -> list[str]:
        return [each["id"] for each in self.found.report("promote")["findings"] if each["verdict"] == "fail"]


def _local(_: object, environ: Any, file: str) -> Any:
    from mlci.cli.ledger import _local as local

    return local(environ, file)


@pytest.fixture
def world(gated: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    shutil.copytree(gated.root, tmp_path / "copy", symlinks=True)
    return World(Repository(tmp_path / "copy", tmp_path / "copy"), monkeypatch)


def test_a_run_of_the_default_branch_promotes_and_the_forge_shows_it(world: World) -> None:
    assert world.run(*PROMOTE) == 0

    assert world.told[-1] == ("production", "2", "success")
    deployment = list(world.deployments.records.values())[-1][0]
    assert deployment.commit == world.found.git("rev-parse", "main")
    assert deployment.production
    assert deployment.url == "https://forge.invalid/runs/7"


def test_what_the_forge_does_not_record_is_said_and_changes_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.deployments.error = ServiceRefused("deployments: write is missing")

    assert world.run(*PROMOTE) == 0
    assert "the deployment was not recorded: deployments: write is missing" in capsys.readouterr().err


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "workflow_run", "issue_comment"])
def test_nothing_is_promoted_but_from_the_default_branchs_own_runs(
    world: World, capsys: pytest.CaptureFixture[str], event: str
) -> None:
    commit = world.found.git("rev-parse", "main")
    change = Change(number=5, head=commit, base=commit, base_branch="main", fork=False)
    facts = {"change": change, "branch": None} if event.startswith("pull") else {}

    for words in (PROMOTE, ("rollback", "--reason", "r")):
        assert world.run(*words, event=event, **facts) == 13
    assert "for the default branch's own runs" in capsys.readouterr().err
    assert world.found.git("branch", "--list", "mlci/ledger") == ""


def test_a_run_that_is_run_again_is_judged_by_the_policy_of_today(world: World) -> None:
    older = world.found.git("rev-parse", "main")
    config = world.found.folder / "mlci.yml"
    config.write_text(config.read_text().replace(POLICY, "promote: {require: {production: [gate]}}\n"))
    world.found.commit()
    world.found.git("checkout", "-q", older)

    assert world.run(*PROMOTE, commit=older, checked_out=older) == 13
    # Here the tip is stricter than what is checked out, which lets the lock of the environment go.
    assert "promote:locked-environment" in world.failed()
    assert world.told == [("production", "1", "success")]


def test_a_version_of_a_branch_that_was_never_merged_is_refused(world: World) -> None:
    world.found.git("checkout", "-qb", "elsewhere")
    world.found.set(48)
    world.found.commit()
    # Somebody who may write to the registry registers it from their own machine.
    assert world.found.mlci("run") == 0
    world.found.git("checkout", "-q", "main")

    assert world.run("promote", "--version", "3", "--to", "production") == 13
    assert world.failed() == ["promote:merged"]
    assert world.run("promote", "--version", "3", "--to", "staging") == 13
