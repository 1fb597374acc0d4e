"""The forge a command finds itself on, and under which name and to whom it reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.running import NUMBER, World, on_main, proposed, pushed

from mlci.cli.forge import audience_of, forge_of, job_of, key_of
from mlci.cli.main import run
from mlci.cli.tree import Given
from mlci.cli.wiring import prepare
from mlci.config.source import Source
from mlci.errors import EventUnreadable, UsageError
from mlci.publish import Audience
from mlci.surface.pipeline import GATE_COMPARE


def audience(world: World | None, model: str | None = None, **flags: str) -> Audience | None:
    values = {"candidate": "c.csv", **flags}
    given = {name: (text, Source("flag", f"--{name}")) for name, text in values.items()}
    return audience_of(prepare(Given(GATE_COMPARE, given), {}), world.forge if world else None, model)


@pytest.mark.parametrize("environ", [{}, {"GITHUB_ACTIONS": "false"}, {"CI": "true", "GITHUB_REPOSITORY": "a/b"}])
def test_a_developers_machine_has_no_forge_and_no_job(environ: dict[str, str]) -> None:
    assert (forge_of(environ), job_of(environ, "plan", "r.json")) == (None, None)


def test_a_runner_says_which_run_it_is_and_nothing_is_asked_of_the_forge(tmp_path: Path) -> None:
    environ = pushed(tmp_path, GITHUB_RUN_ATTEMPT="3", MLCI_MATRIX='{"region": "north"}')
    found, job = forge_of(environ), job_of(environ, "plan", "r.json")

    assert found is not None
    assert (found.run.repository, found.run.id, found.run.attempt) == ("owner/repository", 100, 3)
    assert found.run.on_default_branch
    assert found.run.matrix == '{"region": "north"}'
    assert job is not None
    job.outputs({"verdict": "pass"})
    assert "pass" in (tmp_path / "outputs.txt").read_text()


@pytest.mark.parametrize("missing", ["GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_SHA"])
def test_a_runner_that_does_not_say_which_run_it_is_ends_it_before_anything_is_judged(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = pushed(tmp_path, **{missing: ""})
    with pytest.raises(EventUnreadable):
        forge_of(environ)
    Path("c.csv").write_text("id,y,pred\na,1,1\n")
    assert run(("gate-compare", "--candidate", "c.csv"), environ) == 4
    assert not Path(".mlci/report/gate-compare.json").exists()


# The key


def test_a_key_is_as_given_or_the_models_name_or_nothing() -> None:
    forge = proposed().forge

    assert key_of("mine", "churn", forge) == "mine"
    assert key_of(None, "churn", forge) == "churn"
    assert key_of(None, None, forge) == key_of(None, None, None) == ""


def test_each_leg_of_a_matrix_has_a_key_of_its_own_and_the_same_leg_always_the_same() -> None:
    def key(matrix: object, given: str | None = None, model: str | None = "churn") -> str:
        return key_of(given, model, proposed(matrix=json.dumps(matrix)).forge)

    assert len({key({"region": "north"}), key({"region": "south"}), key({"region": "north", "x": 1})}) == 3
    assert key({"region": "north"}) == key({"region": "north"})
    assert key({"region": "north"}).startswith("churn-")
    assert key({"region": "north"}, model=None).isalnum()
    assert key({"region": "north"}, given="mine") == "mine", "who names a key has named one for each leg"


@pytest.mark.parametrize("key", ["", " ", "a b", "-->", "a/b", "../x", "ü", "a\n", "-a", ".a", "x" * 101, "@octocat"])
def test_a_key_that_cannot_stand_in_names_is_refused_on_one_line(key: str) -> None:
    with pytest.raises(UsageError) as refused:
        key_of(key, "churn", None)
    assert str(refused.value.place) == "--key"
    assert "\n" not in refused.value.cause


def test_a_key_that_is_refused_ends_the_command_before_it_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    world = proposed().entered(monkeypatch)
    Path("c.csv").write_text("id,y,pred\na,1,1\n")

    assert run(("gate-compare", "--candidate", "c.csv", "--key", "a/b"), world.environ) == 2
    assert (world.comments, world.states()) == ([], {})
    assert "error[U001]: --key must be" in capsys.readouterr().err


# The audience


def test_a_report_of_a_change_is_for_that_change_and_its_head() -> None:
    world = proposed()
    found = audience(world, "churn")

    assert found is not None
    assert (found.number, found.commit, found.key) == (NUMBER, world.head, "churn")
    assert (found.conversation, found.commits) == (world.memory.conversation, world.memory.commits)
    assert (found.status, found.check, found.dry_run, found.advisory) == (True, False, False, False)


def test_what_was_asked_for_is_wanted_and_nothing_else() -> None:
    found = audience(proposed(), comment="false", status="False", check="true", **{"dry-run": "TRUE"})

    assert found is not None
    assert found.conversation is None
    assert (found.status, found.check, found.dry_run) == (False, True, True)


def test_a_report_of_a_branch_is_for_no_change_and_one_without_a_forge_for_nobody() -> None:
    world = on_main()
    found = audience(world)

    assert found is not None
    assert (found.number, found.commit) == (None, world.base)
    assert audience(None) is None
