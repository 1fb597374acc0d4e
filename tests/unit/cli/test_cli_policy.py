"""Whose policy judges a change: the base's, read through the forge, and never the change's own in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import World, elsewhere, on_branch, on_main, proposed

from mlci.cli.invocation import Invocation
from mlci.cli.policy import Decided, decide, in_repository
from mlci.cli.tree import Given
from mlci.cli.wiring import prepare
from mlci.config.source import Source
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, PolicyUnreadable, ServiceFailed, ServiceRefused, UsageError
from mlci.surface.pipeline import GATE_COMPARE


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")


def asked(own: str | None, environ: dict[str, str] | None = None, **flags: str) -> Invocation:
    """gate-compare in a checkout with this mlci.yml, about to run."""
    if own is not None:
        Path(flags.get("config", "mlci.yml")).write_text(own)
    values = {"candidate": "c.csv", **flags}
    return prepare(
        Given(GATE_COMPARE, {name: (text, Source("flag", f"--{name}")) for name, text in values.items()}),
        environ or {},
    )


def decided(own: str | None, world: World, **flags: str) -> Decided:
    return decide(asked(own, **flags), world.forge)


def tolerance(found: Decided) -> float | None:
    held = found.config.validation.tolerance
    return held.value if held is not None else None


STRICT = "model: churn\ntrain: {command: python old.py}\nvalidation: {tolerance: 0.01}\n"
LAX = "model: churn\ntrain: {command: python new.py}\nvalidation: {tolerance: 0.2}\n"


def test_the_base_decides_its_keys_and_the_change_its_own() -> None:
    found = decided(LAX, proposed(STRICT))

    assert tolerance(found) == 0.01
    assert found.config.train.command == "python new.py"
    assert found.proposed.validation.tolerance is not None
    assert found.proposed.validation.tolerance.value == 0.2
    assert [(one.key, one.decides, one.proposed) for one in found.changed] == [("validation.tolerance", "0.01", "0.2")]
    assert found.notes == ()


def test_a_change_cannot_take_the_gate_away_by_removing_its_file() -> None:
    found = decided(None, proposed(STRICT))

    assert tolerance(found) == 0.01
    assert "validation.tolerance" in [one.key for one in found.changed]


def test_what_the_change_leaves_alone_is_not_noted() -> None:
    found = decided(STRICT.replace("old.py", "new.py"), proposed(STRICT))

    assert (found.changed, found.notes) == ((), ())


def test_a_base_without_a_file_lets_the_changes_own_decide_and_that_is_a_warning() -> None:
    found = decided(LAX, proposed(None, own=LAX))

    assert tolerance(found) == 0.2
    [note] = found.notes
    assert (note.reason, note.verdict, note.advisory) == ("policy-not-yet-merged", Verdict.WARN, False)


@pytest.mark.parametrize("error", [ServiceFailed, ServiceRefused])
def test_a_base_that_cannot_be_read_is_never_replaced_by_the_changes_own(error: type[MlciError]) -> None:
    world = proposed(STRICT)
    world.memory.commits.error = error("no answer", help=None)
    with pytest.raises(PolicyUnreadable) as refused:
        decided(LAX, world)

    assert (refused.value.id, int(refused.value.exit)) == ("S003", 4)
    assert world.base[:12] in refused.value.cause
    assert "no answer" in refused.value.cause
    assert "never taken instead" in (refused.value.help or "")


def test_a_base_that_the_forge_does_not_know_is_no_base_without_a_file() -> None:
    world = proposed(STRICT)
    assert world.run.change is not None
    object.__setattr__(world.run.change, "base", "f" * 40)
    with pytest.raises(PolicyUnreadable):
        decided(LAX, world)


@pytest.mark.parametrize("broken", ["validation: {tolerance: lots}\n", "modle: churn\n", "validation: [\n", "\x00"])
def test_a_base_that_is_not_valid_is_named_by_its_commit_and_nothing_is_judged(broken: str) -> None:
    world = proposed(broken)
    with pytest.raises(MlciError) as refused:
        decided(LAX, world)

    assert int(refused.value.exit) == 2
    assert f"mlci.yml at {world.base[:12]}" in str(refused.value)


def test_flags_hold_over_the_base_as_they_do_over_a_file() -> None:
    assert tolerance(decided(LAX, proposed(STRICT), tolerance="0.05")) == 0.05


def test_the_named_file_is_asked_for_by_its_path_in_the_repository() -> None:
    Path("models/churn").mkdir(parents=True)
    world = proposed()
    assert world.run.change is not None
    base = world.memory.commits.commit({"models/churn/mlci.yml": STRICT.encode(), "mlci.yml": LAX.encode()})
    object.__setattr__(world.run.change, "base", base)

    assert tolerance(decided(LAX, world, config="./models/churn/../churn/mlci.yml")) == 0.01


def test_on_a_branch_the_file_of_the_checkout_decides_and_the_forge_is_not_asked() -> None:
    world = on_main(STRICT)
    world.memory.commits.error = ServiceFailed("nobody may ask")

    assert tolerance(decided(LAX, world)) == 0.2
    assert tolerance(decide(asked(LAX), None)) == 0.2


# Another branch than the default one


@pytest.mark.parametrize("there", [LAX, None])
def test_a_change_to_another_branch_is_judged_by_the_default_branchs_policy(there: str | None) -> None:
    found = decided(LAX, elsewhere(proposed(STRICT, own=LAX), "loose", there))

    assert tolerance(found) == 0.01
    assert [one.key for one in found.changed] == ["validation.tolerance"]
    assert found.notes == ()


def test_a_run_on_another_branch_and_on_a_tag_is_judged_by_the_default_branchs_policy() -> None:
    world = proposed(STRICT, own=LAX)
    for branch in ("feature", None):
        assert tolerance(decided(LAX, on_branch(world).later(branch=branch))) == 0.01


def test_the_default_branch_is_read_as_it_is_now_and_for_a_change_to_it_as_the_event_says() -> None:
    world = proposed(STRICT, own=LAX)
    commits = world.memory.commits
    commits.branches["main"] = commits.commit({"mlci.yml": STRICT.replace("0.01", "0.03").encode()})

    assert tolerance(decided(LAX, elsewhere(world, "loose", LAX))) == 0.03
    assert tolerance(decided(LAX, world)) == 0.01


def test_a_default_branch_that_cannot_be_found_is_never_replaced_by_another() -> None:
    world = proposed(STRICT, own=LAX)
    world.memory.commits.branches.clear()
    for other in (elsewhere(world, "loose", LAX), on_branch(world)):
        with pytest.raises(PolicyUnreadable, match="what the default branch is at cannot be read") as refused:
            decided(LAX, other)
        assert "never taken instead" in (refused.value.help or "")


# Which file is meant


def test_a_file_that_was_made_at_run_time_is_no_policy_of_a_change() -> None:
    with pytest.raises(PolicyUnreadable, match="in neither the change nor the branch to merge to") as refused:
        decided(LAX, proposed(None))
    assert int(refused.value.exit) == 4


def test_where_nobody_has_a_file_the_defaults_decide() -> None:
    assert tolerance(decided(None, proposed(None))) is None


def test_a_change_that_cannot_be_asked_about_its_file_is_not_judged_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed(None, own=LAX)
    file = world.memory.commits.file

    def refuse(path: str, commit: str) -> bytes | None:
        if commit == world.head:
            raise ServiceFailed("it is down")
        return file(path, commit)

    monkeypatch.setattr(world.memory.commits, "file", refuse)
    with pytest.raises(PolicyUnreadable, match=r"mlci\.yml of the change cannot be read: it is down"):
        decided(LAX, world)


def test_a_checkout_that_was_sent_to_a_folder_does_not_hide_the_file_of_the_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, environ = tmp_path / "checkout/src", {"GITHUB_WORKSPACE": str(tmp_path / "checkout")}
    folder.mkdir()
    monkeypatch.chdir(folder)
    world = proposed(STRICT, own=LAX)
    # Without git on the machine the checkout is unpacked from an archive, and nothing shows where it begins.
    with pytest.raises(PolicyUnreadable, match=r"src/mlci\.yml is on this machine"):
        decide(asked(LAX, environ), world.forge)
    (folder / ".git").mkdir()

    assert tolerance(decide(asked(LAX, environ), world.forge)) == 0.01


def test_a_file_outside_the_repository_is_in_no_commit() -> None:
    with pytest.raises(UsageError, match="outside the repository"):
        decided(LAX, proposed(STRICT), config="../mlci.yml")


def test_a_link_could_lead_to_another_file_without_a_change_of_its_own(tmp_path: Path) -> None:
    Path("easy.yml").write_text(LAX)
    Path("link.yml").symlink_to("easy.yml")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mlci.yml").write_text(LAX)
    Path("folder").symlink_to(tmp_path / "elsewhere")
    for config in ("link.yml", "folder/mlci.yml"):
        with pytest.raises(UsageError, match="symbolic link"):
            decided(None, proposed(STRICT), config=config)


def test_paths_start_at_the_workspace_wherever_the_step_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = tmp_path / "checkout"
    (workspace / "models").mkdir()
    monkeypatch.chdir(workspace / "models")
    environ = {"GITHUB_WORKSPACE": str(workspace)}

    assert in_repository("mlci.yml", environ) == "models/mlci.yml"
    assert in_repository("../mlci.yml", environ) == "mlci.yml"
    assert in_repository(str(workspace / "a/mlci.yml"), environ) == "a/mlci.yml"
    with pytest.raises(UsageError):
        in_repository("../../mlci.yml", environ)


def test_a_file_whose_name_only_begins_with_two_dots_is_inside() -> None:
    assert in_repository("..mlci.yml", {}) == "..mlci.yml"


def test_a_workspace_that_is_reached_through_a_link_is_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    environ = {"GITHUB_WORKSPACE": str(tmp_path / "link")}

    assert in_repository("mlci.yml", environ) == "mlci.yml"
    assert in_repository(str(tmp_path / "link/mlci.yml"), environ) == "mlci.yml"
