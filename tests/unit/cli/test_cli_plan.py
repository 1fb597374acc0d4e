"""plan on a forge: what is asked, what is handed on, and that what is not known touches the model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cli.running import World, elsewhere, on_branch, on_main, proposed, pushed
from repositories import ENVIRON, Checkout

from mlci.cli import plan
from mlci.cli.invocation import Invocation
from mlci.cli.main import run
from mlci.config.load import load
from mlci.config.resolve import resolve
from mlci.errors import Exit, ServiceFailed, UsageError
from mlci.surface.catalog import COMMANDS

REPORT = Path(".mlci/report/plan.json")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(world: World, patch: pytest.MonkeyPatch, *more: str) -> tuple[int, str]:
    code = run(("plan", *more), world.entered(patch).environ)
    return code, world.memory.job.values.get("model", "nothing")


def touching(*paths: str, event: str = "pull_request") -> World:
    """A change that touches these files."""
    world = proposed()
    commits = world.memory.commits
    head = commits.commit(dict.fromkeys(paths, b"x"), world.base)
    assert world.run.change is not None
    return world.later(event=event, commit=head, change=replace(world.run.change, head=head))


@pytest.mark.parametrize(
    ("paths", "model"),
    [
        (("README.md", "docs/a.md"), "false"),
        (("README.md", "src/model.py"), "true"),
        ((".github/workflows/model.yml",), "true"),
        (("mlci.yml",), "true"),
        ((), "false"),
    ],
)
def test_a_change_touches_the_model_or_does_not_and_says_why(
    paths: tuple[str, ...], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = touching(*paths)

    assert planned(world, monkeypatch) == (0, model)
    assert world.memory.job.values["reason"] == json.loads(REPORT.read_text())["reason"]
    assert world.memory.job.values["report"] == str(REPORT)
    assert world.memory.job.values["reason"] in world.memory.job.page
    assert (world.comments, world.states()) == ([], {}), "it posts nothing"


def test_a_merge_group_is_planned_as_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(touching("README.md", event="merge_group"), monkeypatch) == (0, "false")


def test_paths_begin_where_the_configuration_stands_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("models/churn").mkdir(parents=True)
    Path("models/churn/mlci.yml").write_text("train: {command: x, paths: [src/]}\n")
    monkeypatch.chdir("models/churn")
    for paths, model in (
        (("src/a.py",), "false"),
        (("models/churn/src/a.py",), "true"),
        (("models/churn/mlci.yml",), "true"),
    ):
        world = touching(*paths)
        world.environ["GITHUB_WORKSPACE"] = str(tmp_path)
        assert planned(world, monkeypatch) == (0, model), paths


def test_a_push_is_what_is_new_on_the_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    world = on_main()
    after = world.memory.commits.commit({"docs/a.md": b"x"}, world.base)

    assert planned(world.later(commit=after, before=world.base), monkeypatch) == (0, "false")
    assert planned(world.later(commit=after, before=None), monkeypatch) == (0, "true")


def after_a_worse_model(world: World) -> tuple[World, str]:
    """The change has a commit that touches the model, and after it one of documentation; and that first commit."""
    commits = world.memory.commits
    worse = commits.commit({"train.py": b"worse"}, world.base)
    head = commits.commit({"docs/a.md": b"x"}, worse)
    assert world.run.change is not None
    return world.later(commit=head, change=replace(world.run.change, head=head)), worse


def test_another_branch_that_has_the_model_already_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world, worse = after_a_worse_model(proposed())
    world = elsewhere(world, "other", None)
    assert world.run.change is not None

    assert planned(world.later(change=replace(world.run.change, base=worse)), monkeypatch) == (0, "true")


def test_a_push_to_another_branch_is_all_that_the_default_branch_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    world, worse = after_a_worse_model(proposed())

    assert planned(on_branch(world, before=worse), monkeypatch) == (0, "true")
    assert planned(on_branch(touching("docs/a.md")), monkeypatch) == (0, "false")


def test_a_default_branch_that_cannot_be_found_says_nothing_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    world = on_branch(touching("docs/a.md"))
    world.memory.commits.branches.clear()

    assert planned(world, monkeypatch) == (4, "nothing")


def test_a_list_that_the_forge_cut_counts_as_touching(monkeypatch: pytest.MonkeyPatch) -> None:
    world = touching("docs/a.md", "docs/b.md")
    world.memory.commits.most_files = 1

    assert planned(world, monkeypatch) == (0, "true")


def test_a_forge_that_does_not_answer_says_nothing_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    world = touching("README.md")
    world.memory.commits.error = ServiceFailed("it is down")

    assert planned(world, monkeypatch) == (4, "nothing")
    assert not REPORT.exists()


def test_a_configuration_that_a_link_could_replace_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other.yml").write_text("model: a\n")
    Path("mlci.yml").symlink_to("other.yml")

    assert planned(touching("README.md"), monkeypatch) == (2, "nothing")


def test_without_a_forge_everything_runs() -> None:
    assert run(("plan",), {}) == 0
    assert json.loads(REPORT.read_text())["reason"].endswith("so everything runs")


def test_a_hostile_name_of_a_file_reaches_the_log_and_the_outputs_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = touching("x\nmodel=false\n::error::owned ##[debug]\x1b[2J.py")

    assert planned(world, monkeypatch) == (0, "true")
    assert "\n" not in world.memory.job.values["reason"]
    for text in (*capsys.readouterr(), world.memory.job.page):
        assert "\n::error::owned" not in text
        assert "##[" not in text
        assert "\x1b" not in text


def test_the_runner_finds_the_answer_in_its_file_of_outputs(tmp_path: Path) -> None:
    environ = pushed(tmp_path / "runner")

    assert run(("plan",), environ) == 0
    assert "model<<" in Path(environ["GITHUB_OUTPUT"]).read_text()


@pytest.mark.parametrize("forge", [True, False])
def test_a_pattern_that_means_nothing_is_an_error_even_where_nothing_changed(
    forge: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mlci.yml").write_text("train: {command: x, paths: ['!src/']}\n")

    assert planned(touching(), monkeypatch)[0] == 2 if forge else run(("plan",), {}) == 2


class TestHere:
    """On a developer's machine, with ``base`` named; the catalogue's own entry is not needed for it."""

    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Checkout:
        checkout = Checkout(tmp_path / "checkout").write({"models/a/mlci.yml": "model: a\n", "train.py": "a"})
        checkout.commit()
        checkout.git("checkout", "-qb", "change")
        return checkout

    def planned(self, checkout: Checkout, base: str, **environ: str) -> str:
        config = str(checkout.folder / "models/a/mlci.yml")
        command = next(one for one in COMMANDS if one.name == "plan")
        own = {"config": config, "report": str(REPORT), "format": "text", "base": base}
        invocation = Invocation(command, own, resolve(load(config, {}), ()), environ={**ENVIRON, **environ})
        assert plan.run(invocation) is Exit.PASS
        return str(json.loads(REPORT.read_text())["reason"])

    def test_what_changed_since_a_branch_was_left_is_listed_committed_or_not(self, checkout: Checkout) -> None:
        assert self.planned(checkout, "main") == "the change touches no file"
        checkout.write({"README.md": "x", "tests/test_a.py": "x"}).commit()
        assert "none of the 2 changed files touches" in self.planned(checkout, "main")
        checkout.write({"models/a/uv.lock": "x"})
        reason = "1 of 3 changed files touches the model: models/a/uv.lock (environment)"
        assert self.planned(checkout, "main") == reason
        assert self.planned(checkout, checkout.head).startswith("the one changed file touches")

    def test_a_branch_that_is_not_there_and_a_folder_outside_git_are_errors(
        self, checkout: Checkout, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match="names no branch and no commit: 'nope'"):
            self.planned(checkout, "nope")
        with pytest.raises(UsageError, match="needs a repository of git"):
            self.planned(checkout, "main", PATH="/nonexistent")
        with pytest.raises(UsageError, match="a machine without a forge"):
            self.planned(checkout, "main", **pushed(tmp_path))
