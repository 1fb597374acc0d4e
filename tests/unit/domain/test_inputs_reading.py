"""What a file is to a model, and the key of everything that training reads."""

from __future__ import annotations

import posixpath
from typing import Any, get_args

import pytest

from mlci.domain.inputs import NOTHING, digest_of_entries, in_repository, is_own, key_of, reading_of
from mlci.domain.patterns import pattern
from mlci.domain.training import Part, When

FILES: dict[str, Any] = {
    "params": "conf/params.yml",
    "data": "data/train",
    "holdout": "data/holdout.parquet",
    "contracts": ["contracts/train.yml"],
}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("train.py", "code"), ("src/a.py", "code"), ("prompts/system.md", "code"), ("conf/other.yml", "code"),
        ("pyproject.toml", "code"), ("src/tests/data.csv", "code"), ("testing.py", "code"), ("src/contest.py", "code"),
        ("conf/params.yml", "params"), ("data/train/1.csv", "data"), ("data/train.dvc", "data"), ("data", "data"),
        ("data/holdout.parquet", "holdout"), ("contracts/train.yml", "contract"), ("uv.lock", "environment"),
        ("requirements.txt", "environment"), ("mlci.yml", "configuration"), (".github/workflows/a.yml", "pipeline"),
        (".gitlab-ci.yml", "pipeline"), ("data/trainer.py", "code"), ("sub/requirements.txt", "code"),
        ("README.md", None), ("docs/a.py", None), ("tests/data.csv", None), ("test/a", None), ("src/tests/a.py", None),
        ("src/test_a.py", None), ("src/a_test.py", None), ("src/conftest.py", None), (".mlci/x", None),
        ("mlci-model/model/m.pkl", None), ("src/__pycache__/a.pyc", None), ("a/mlruns/0/x", None),
    ],
)  # fmt: skip
def test_each_file_is_one_part_of_what_is_read_or_none(path: str, part: str | None) -> None:
    assert reading_of("mlci.yml", **FILES).part_of(path) == part


def test_named_patterns_replace_the_tree_and_never_what_is_named_for_itself() -> None:
    reads = reading_of("mlci.yml", **FILES, paths=[pattern("src/"), pattern("tests/helper.py")], lock="pinned.txt")

    for path, part in (
        ("src/a.py", "code"), ("src/test_a.py", "code"), ("tests/helper.py", "code"), ("train.py", None),
        ("requirements.txt", None), ("pinned.txt", "environment"), ("conf/params.yml", "params"),
        ("data/train/1.csv", "data"), ("data/holdout.parquet", "holdout"), ("src/__pycache__/a.pyc", None),
    ):  # fmt: skip
        assert reads.part_of(path) == part, path


def test_what_is_named_is_relative_to_the_configuration() -> None:
    files = {**FILES, "data": "../shared/train.csv", "params": "./params.yml"}
    reads = reading_of("models/churn/mlci.yml", **files)

    for path, part in (
        ("models/shared/train.csv", "data"), ("models/churn/params.yml", "params"), ("params.yml", "code"),
        ("models/churn/uv.lock", "environment"), ("uv.lock", "environment"), ("models/uv.lock", "code"),
        ("models/churn/docs/a.md", None), ("docs/a.md", None), ("models/churn/README.md", None),
        ("models/churn", "configuration"),
    ):  # fmt: skip
        assert reads.part_of(path) == part, path


@pytest.mark.parametrize("path", ["/data/train.csv", "../train.csv", "a/../../x", "", None])
def test_a_file_outside_the_repository_belongs_to_nothing_in_it(path: str | None) -> None:
    assert in_repository(path, "") is None
    assert in_repository("../x", "models") == "x"


def test_data_that_is_the_whole_folder_takes_everything_but_the_configuration() -> None:
    reads = reading_of("mlci.yml", data=".")

    assert (reads.part_of("x/y"), reads.part_of("mlci.yml")) == ("data", "configuration")


def test_one_file_can_be_training_data_and_holdout() -> None:
    reads = reading_of("models/churn/mlci.yml", data="data/train.csv", holdout="data/holdout.csv")
    folder = "models/churn/"

    both = (
        "data.dvc",
        "dvc.lock",
        "data/dvc.lock",
        "../../dvc.lock",
        "../dvc.lock",
        "../churn.dvc",
        "../../models.dvc",
    )
    for path in (posixpath.normpath(folder + name) for name in both):
        assert reads.parts_of(path) == ("data", "holdout"), path
        # It may pin more than what is named, so it stays in the key of what training reads.
        assert reads.part_of(path) == "code", path
        assert not reads.is_itself(path, "holdout"), path
    assert reads.parts_of(f"{folder}data") == ("data", "holdout")
    assert reads.is_itself(f"{folder}data", "holdout")
    for path in ("data.dvc", "other/dvc.lock", f"{folder}data/dvc.lock.txt", f"{folder}data/other.csv.dvc"):
        assert reads.parts_of(path) == ("code",), path
    assert reading_of("mlci.yml", data="data", holdout="data/h.csv").parts_of("data/h.csv") == ("data", "holdout")


def test_pins_count_whatever_the_patterns_say_and_without_data_they_pin_nothing() -> None:
    assert reading_of("mlci.yml", holdout="data/h.csv", paths=[pattern("src/")]).part_of("dvc.lock") == "holdout"
    assert reading_of("mlci.yml", paths=[pattern("src/")]).parts_of("dvc.lock") == ()


def test_further_names_of_a_file_are_the_same_part_and_so_are_their_pointers() -> None:
    names = {"data/holdout.parquet": ("via", "real/h.parquet"), "mlci.yml": ("elsewhere.yml",)}
    reads = reading_of("mlci.yml", **FILES, paths=[pattern("src/")]).led(lambda path: names.get(path, ()))

    for path, part in (
        ("real/h.parquet", "holdout"), ("via", "holdout"), ("real", "holdout"), ("real/h.parquet.dvc", "holdout"),
        ("real.dvc", "holdout"), ("elsewhere.yml", None), ("real/other", None),
    ):  # fmt: skip
        assert reads.part_of(path) == part, path


def test_only_what_mlci_leaves_is_its_own() -> None:
    assert all(map(is_own, (".mlci/x", "a/mlci-model/x", "mlci-keep/x/y", "a/mlci-data/data.json")))
    assert not any(map(is_own, ("mlci-model", "src/mlci/x", "mlci.yml", "__pycache__/x")))


@pytest.mark.parametrize("part", get_args(Part))
def test_the_key_follows_every_part_that_makes_a_new_model(part: Part) -> None:
    parts: dict[Part, str] = {one: f"{number}" * 64 for number, one in enumerate(get_args(Part))}
    other = {**parts, part: "f" * 64}
    always: tuple[When, ...] = ("schedule", "manual")

    assert key_of(parts, ("code", "params", "data")).key != key_of(other, ("code", "params", "data")).key
    kept = key_of(parts, always).key == key_of(other, always).key
    assert kept is (part in ("code", "params", "data"))
    assert key_of(parts, always).differing(key_of(other, always)) == (part,)


def test_the_key_does_not_take_one_part_for_another_and_stays_what_it_was() -> None:
    when: tuple[When, ...] = ("code", "params", "data")
    one, two = key_of({"code": "a"}, when), key_of({"params": "a"}, when)

    assert one.key != two.key
    assert (one.params, two.code, one.recipe) == (NOTHING, NOTHING, NOTHING)
    assert key_of({}, when).key == "673b2cd152d5daa28512e4e60e680f2ea32d3b7e462bae4c56556fb5e3a23d7e"


def test_entries_are_digested_in_any_order_with_mode_and_odd_names() -> None:
    entries = [("a", "100644", "x"), ("b\n", "100644", "y"), ("\udcff", "100755", "z")]

    assert digest_of_entries(entries) == digest_of_entries(reversed(entries))
    assert len({digest_of_entries([("a", mode, id)]) for mode in ("1", "2") for id in "xy"}) == 4
    assert digest_of_entries([("a", "b", "c")]) != digest_of_entries([("a b", "", "c")])
