"""What a registry lists is not believed, and what MLflow does not take is fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlci.adapters.mlflow import copying, facts
from mlci.adapters.mlflow.backend import Item, Place
from mlci.adapters.mlflow.places import OnDisk
from mlci.errors import NotWritable, RegistryBroken


class Lying(Place):
    """Lists what it is told to, and gives ten bytes for every file."""

    def __init__(self, items: dict[str, list[Item]]) -> None:
        self._items = items

    def put(self, path: str, source: str) -> None:
        raise AssertionError(path, source)

    def items(self, folder: str) -> Sequence[Item]:
        return self._items.get(folder, [])

    def get(self, path: str, target: str, limit: int) -> None:
        assert (path, limit) != ("", 0)
        Path(target).write_bytes(b"0123456789")


@pytest.mark.parametrize(
    "items",
    [
        [Item("..", True)],
        [Item("../../etc/cron.d/x", False)],
        [Item("/etc/passwd", False)],
        [Item("a\\..\\b", False)],
        [Item("a\nb", False)],
        [Item("", False)],
        [Item(".", True)],
        [Item("\ud800", False)],
        [Item("twice", False), Item("twice", False)],
        [Item(str(count), False) for count in range(copying.MOST_FILES + 1)],
        [Item("huge", False, copying.MOST_BYTES + 1)],
        [Item("other size", False, 11)],
    ],
    ids=range(12),
)
def test_a_listing_that_leads_out_of_the_folder_or_has_no_end_is_refused(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(RegistryBroken):
        copying.fetch(Lying({"": items}), "", str(tmp_path / "out"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_folders_within_folders_without_end_are_refused(tmp_path: Path) -> None:
    place = Lying({})
    place.items = lambda _: [Item("deeper", True)]  # type: ignore[method-assign]

    with pytest.raises(RegistryBroken):
        copying.fetch(place, "", str(tmp_path))


def test_a_link_among_stored_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept" / "model").mkdir(parents=True)
    (tmp_path / "kept" / "model" / "weights").symlink_to("/etc/passwd")

    with pytest.raises(RegistryBroken, match="link"):
        copying.fetch(OnDisk(tmp_path / "kept"), "model", str(tmp_path / "out"))


def test_a_fetched_file_is_a_copy_and_half_of_one_is_never_there(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "weights").write_bytes(b"1")
    assert copying.fetch(OnDisk(tmp_path / "kept"), "weights", str(tmp_path / "out"))
    (tmp_path / "out" / "weights").write_bytes(b"spoilt")
    assert (tmp_path / "kept" / "weights").read_bytes() == b"1"

    class Broken(OnDisk):
        def get(self, path: str, target: str, limit: int) -> None:
            Path(target).write_bytes(b"half")
            raise KeyboardInterrupt(path, limit)

    with pytest.raises(KeyboardInterrupt):
        copying.fetch(Broken(tmp_path / "kept"), "", str(tmp_path / "other"))
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/../b", "a\nb"])
def test_a_file_is_never_put_outside_of_its_version(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes(b"")

    with pytest.raises(NotWritable):
        copying.send({name: str(tmp_path / "x")}, OnDisk(tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_names_become_what_mlflow_takes_and_stay_apart() -> None:
    names = ["f1", "f1@5%", "f1#5_", "f1_5_", "../x", "", "a//b", ".", "/a", "n" * 300, "n" * 301]
    fitted = facts.renamed(dict.fromkeys(names, ""))

    assert (fitted["f1"], fitted["f1_5_"]) == ("f1", "f1_5_")
    assert len(set(fitted.values())) == len(names)
    assert all(0 < len(name) <= facts.LONGEST_NAME for name in fitted.values())


def test_batches_hold_no_more_than_one_request_may() -> None:
    params = {f"p{count}": "ü" * 6001 for count in range(120)}
    metrics = {f"m{count}": float(count) for count in range(1001)} | {"nan": math.nan, "inf": math.inf}
    found = list(facts.batches(params, metrics))

    assert all(len(some) <= 100 and len(numbers) <= 1000 for some, numbers in found)
    assert sum(len(some) for some, _ in found) == 120
    assert sum(len(numbers) for _, numbers in found) == 1001
    assert all(sum(len(value) * 6 for value in some.values()) < 1_000_000 for some, _ in found)
    assert {value for some, _ in found for value in some.values()} == {"ü" * 5999 + "…"}
