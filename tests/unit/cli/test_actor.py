"""Who started a run, by the word of the runner, or of git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlci.cli.actor import actor_of
from mlci.domain.release.ledger import Actor

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "alice", "GITHUB_ACTOR_ID": "42"}


def test_the_number_of_an_account_stays_when_its_name_does_not() -> None:
    environ = {**GITHUB, "GITHUB_TRIGGERING_ACTOR": "alice"}
    assert actor_of(environ, ".") == Actor(where="github", login="alice", id=42)


def test_whoever_runs_a_run_again_is_not_given_the_number_of_who_started_it() -> None:
    environ = {**GITHUB, "GITHUB_TRIGGERING_ACTOR": "bob"}
    assert actor_of(environ, ".").id is None
    assert actor_of(environ, ".", None, {"bob": 7}.get) == Actor(where="github", login="bob", id=7)


def test_gitlab_names_account_and_number() -> None:
    environ = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "alice", "GITLAB_USER_ID": "42"}
    assert actor_of(environ, ".") == Actor(where="gitlab", login="alice", id=42)


@pytest.mark.parametrize("number", ["", "-1", "4 2", "\N{ARABIC-INDIC DIGIT FOUR}", "9" * 30])
def test_what_is_no_number_is_none(number: str) -> None:
    environ = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "alice\n::error::", "GITLAB_USER_ID": number}
    found = actor_of(environ, ".")
    assert found.id is None
    assert "\n" not in found.login


def test_on_a_machine_git_says_who_it_is(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "config", "user.email", "alice@example.invalid"], cwd=tmp_path, check=True)
    assert actor_of(environ, str(tmp_path)) == Actor(where="local", login="alice@example.invalid")
