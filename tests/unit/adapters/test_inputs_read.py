"""The inputs of a run as they lie on a disk: which change makes another key, and what is recorded beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from repositories import Checkout

from mlci.adapters.models.inputs import Facts, read_inputs, read_params
from mlci.domain.inputs import reading_of
from mlci.domain.patterns import pattern
from mlci.domain.training import Inputs, Part
from mlci.errors import FileMissing, WrongType

FILES = {
    "mlci.yml": "model: a\n", "train.py": "a\n", "src/a.py": "a\n", "tests/test_a.py": "a\n", "README.md": "a\n",
    "params.yml": "lr: 0.1\n", "data/train.csv": "a\n", "data/holdout.csv": "a\n", "uv.lock": "a\n",
    "requirements.txt": "a\n",
}  # fmt: skip


def read(checkout: Checkout, in_git: bool = True, folder: str = "", **more: Any) -> tuple[Inputs, Facts]:
    named: dict[str, Any] = {"params": "params.yml", "data": "data/train.csv"} | more
    where = checkout.folder / folder
    repository = checkout.repository if in_git else None
    paths = [pattern(text, folder) for text in named.pop("paths", ())]
    recipe, when = named.pop("recipe", {"seed": 1}), named.pop("when", ("code", "params", "data"))
    config = str(Path(folder if in_git else "", "mlci.yml"))
    reading = reading_of(config, paths=paths, holdout="data/holdout.csv", **named)
    return read_inputs(repository, str(where), reading, recipe=recipe, when=when, **named)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout").write(FILES)


@pytest.mark.parametrize("in_git", [True, False])
@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"train.py": "b\n"}, ("code",)),
        ({"src/new.py": "b\n"}, ("code",)),
        ({"params.yml": "lr: 0.2\n"}, ("params",)),
        ({"data/train.csv": "b\n"}, ("data",)),
        ({"uv.lock": "b\n"}, ("environment",)),
        ({"requirements.txt": "b\n"}, ("code",)),
        ({"pylock.toml": "b\n"}, ("code", "environment")),
        ({"tests/test_a.py": "b\n", "README.md": "b\n", "data/holdout.csv": "b\n", "mlci.yml": "model: b\n"}, ()),
        ({".github/workflows/a.yml": "b\n", ".mlci/x": "b", "src/__pycache__/a.pyc": "x", "mlci-model/m": "x"}, ()),
        ({"env/pyvenv.cfg": "x", "env/bin/x.py": "x"}, ()),
    ],
)
def test_each_change_is_one_of_the_part_it_belongs_to(
    checkout: Checkout, in_git: bool, changed: dict[str, str], parts: tuple[Part, ...]
) -> None:
    checkout.commit()
    before, _ = read(checkout, in_git)
    checkout.write(changed)
    after, _ = read(checkout, in_git)

    # A stricter lock takes the place of another, which from then on is code like any other file.
    assert before.differing(after) == parts
    assert (before.key == after.key) is (not parts)


def test_the_recipe_is_part_of_the_key_and_the_patterns_limit_the_code(checkout: Checkout) -> None:
    checkout.commit()
    before, _ = read(checkout)
    assert before.differing(read(checkout, recipe={"seed": 2})[0]) == ("recipe",)

    limited, facts = read(checkout, paths=("src/",))
    assert facts.files == 1
    checkout.write({"train.py": "b\n"})
    assert read(checkout, paths=("src/",))[0] == limited
    assert read(checkout, when=("data",))[0].key == read(checkout, when=("data",), paths=("src/",))[0].key


def test_committing_changes_the_commit_and_not_the_inputs(checkout: Checkout) -> None:
    checkout.write({"train.py": "b\n"})
    before, first = read(checkout)
    head = checkout.commit()
    after, second = read(checkout)

    assert before == after
    assert (first.commit, first.dirty, second.commit, second.dirty) == (None, True, head, False)
    assert first.untracked == ("requirements.txt", "src/a.py", "train.py")
    assert second.untracked == ()


def test_what_was_found_is_told(checkout: Checkout) -> None:
    checkout.write(
        {".gitignore": "data/\n", "params.yml": "lr: 1e-3\nnet: {layers: [1, 2], when: 2026-01-02, x: .nan}\n"}
    )
    checkout.commit()
    inputs, facts = read(checkout)

    assert facts.params == {"lr": "1e-3", "net": {"layers": [1, 2], "when": "2026-01-02", "x": "nan"}}
    assert facts.data is not None
    assert (facts.data.path, facts.data.digest) == ("data/train.csv", inputs.data)
    assert (facts.lock, facts.dirty, facts.files) == ("uv.lock", False, 3)
    checkout.write({"data/new.csv": "x"})
    assert not read(checkout)[1].dirty


def test_data_has_a_digest_of_its_own_and_code_that_no_commit_has_makes_a_difference(checkout: Checkout) -> None:
    (checkout.folder / "data/train.csv").unlink()
    checkout.commit()
    checkout.write({"data/train.csv": "a"})
    assert not read(checkout)[1].dirty
    checkout.write({"new.py": "a"})
    assert read(checkout)[1].dirty


def test_a_model_in_a_folder_finds_its_lock_there_or_at_the_top(checkout: Checkout) -> None:
    checkout.write({"models/a/mlci.yml": "x", "models/a/params.yml": "x: 1", "models/a/data/train.csv": "a"})
    before, facts = read(checkout, folder="models/a", paths=("*.py", "../../src/"))
    assert facts.lock == "../../uv.lock"
    assert facts.files == 1

    checkout.write({"uv.lock": "b\n"})
    changed, _ = read(checkout, folder="models/a", paths=("*.py", "../../src/"))
    assert before.differing(changed) == ("environment",)
    checkout.write({"models/a/requirements.txt": "x"})
    assert read(checkout, folder="models/a")[1].lock == "requirements.txt"
    assert read(checkout, folder="models/a", lock="../../requirements.txt")[1].lock == "../../requirements.txt"


@pytest.mark.parametrize("more", [{"params": "none.yml"}, {"data": "none"}, {"lock": "none"}])
@pytest.mark.parametrize("in_git", [True, False])
def test_a_named_file_that_is_not_there_is_an_error(checkout: Checkout, in_git: bool, more: dict[str, str]) -> None:
    with pytest.raises(FileMissing, match="none"):
        read(checkout, in_git, **more)


def test_outside_git_links_pipes_and_modes_are_what_they_are(checkout: Checkout) -> None:
    before, facts = read(checkout, in_git=False)
    assert (facts.commit, facts.dirty, facts.untracked) == (None, False, ())
    os.mkfifo(checkout.folder / "pipe")
    assert read(checkout, in_git=False)[0] == before
    (checkout.folder / "loop").symlink_to(".")
    linked, _ = read(checkout, in_git=False)
    assert linked.differing(before) == ("code",)
    (checkout.folder / "train.py").chmod(0o755)
    assert read(checkout, in_git=False)[0].code != linked.code


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.yml", "- a\n", "no mapping"),
        ("p.yml", "a: [\n", "cannot be read"),
        ("p.yml", "a: &a [*a]", "nested too deeply"),
        ("p.yml", f"a: &a [{', '.join('x' * 200)}]\nb: [{', '.join(['*a'] * 100)}]", "too many values"),
        ("p.yml", "x" * (1 << 20) + "x", "larger than 1 MiB"),
        ("p.yml", '1: a\n"1": b\n', "read the same"),
        ("p.json", "{'a': 1}", "cannot be read"),
        ("p.json", '{"a": "\\ud800"}', "half of a surrogate pair"),
        ("p.yml", "a: !!python/object:os.system x", "could not determine a constructor"),
    ],
)
def test_hyper_parameters_that_are_no_mapping_of_plain_values_are_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(WrongType, match=said):
        read_params(str(tmp_path / name))


def test_hyper_parameters_become_what_canonical_json_can_carry(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"big": 9007199254740993, "n": null, "t": true, "f": 1e400, "l": [1.5]}')
    (tmp_path / "p.yml").write_text("base: &base {a: 1}\nmore: {<<: *base, 2: b}\n")
    (tmp_path / "empty.yml").write_text("")

    assert read_params(str(tmp_path / "p.json")) == {
        "big": "9007199254740993", "n": None, "t": True, "f": "inf", "l": [1.5],
    }  # fmt: skip
    assert read_params(str(tmp_path / "p.yml")) == {"base": {"a": 1}, "more": {"a": 1, "2": "b"}}
    assert read_params(str(tmp_path / "empty.yml")) == {}
