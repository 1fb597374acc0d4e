"""A configuration that cannot be used: under which name that is said, and that it is taken back once it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import World, predictions, proposed

from mlci.cli.main import run

LINE = ("gate-compare", "--candidate", "c.csv", "--evidence", "e.json")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(predictions())


def judged(world: World, own: str, patch: pytest.MonkeyPatch, *more: str) -> int:
    Path("mlci.yml").write_text(own)
    world.entered(patch)
    patch.setattr("mlci.cli.policy._require_in_change", lambda *_: None)
    return run((*LINE, *more), world.environ)


def keys(world: World) -> list[str]:
    return [body.partition("key=")[2].partition(" ")[0] for body in world.comments]


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        ("model: churn\nvalidation: {tolerence: 0}\n", "churn"),
        ("validation: {tolerence: 0}\nmodel: 'churn'\n", "churn"),
        ("modle: churn\n", ""),
        ("model: [churn]\n", ""),
        ("model: a b\n", ""),
        ("model: ${NAME}\nx: 1\n", ""),
        ("- model: churn\n", ""),
        ("model: churn\nx: [\n", ""),
        ("nested: {model: churn}\n", ""),
    ],
)
def test_the_first_configuration_may_be_broken_and_nothing_of_that_is_left_once_it_is_mended(
    broken: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = proposed()
    assert judged(world, broken, monkeypatch) == 2
    assert keys(world) == [key]
    assert list(world.states()) == ["mlci/gate/churn" if key else "mlci/gate"]

    later = World(world.memory, world.later(id=101, commit="c" * 40).run, world.base, world.head)
    assert judged(later, "model: churn\n", monkeypatch) == 0
    assert keys(world) == ["churn"]
    assert "Warn" in world.comments[0]


def test_the_branch_to_merge_to_names_the_model_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for policy, key in (("model: north\n", "north"), ("validation: {tolerance: 0.01}\n", "")):
        world = proposed(policy)
        assert judged(world, "model: churn\nx: 1\n", monkeypatch) == 2
        assert keys(world) == [key]
        assert "nameless" not in world.comments[0]


def test_a_key_that_was_given_is_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed()
    assert judged(world, "modle: churn\n", monkeypatch, "--key", "mine") == 2
    assert keys(world) == ["mine"]
    assert "nameless" not in world.comments[0]
