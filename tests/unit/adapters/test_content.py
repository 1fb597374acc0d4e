"""Digests of files and folders, and what is remembered of them."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from mlci.adapters.disk import content, digests
from mlci.adapters.disk.content import digest_of
from mlci.errors import FileMissing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data/part").mkdir(parents=True)
    (tmp_path / "data/a.csv").write_text("a")
    (tmp_path / "data/part/b.csv").write_text("b")
    return tmp_path / "data"


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just written are old enough to be remembered."""
    monkeypatch.setattr(digests, "_SETTLED", -(10**18))


def test_a_folder_is_its_names_and_contents_and_nothing_else(folder: Path) -> None:
    lines = "".join(
        f'["{name}","{hashlib.sha256(text).hexdigest()}",1]\n' for name, text in (("a.csv", b"a"), ("part/b.csv", b"b"))
    )
    digest = digest_of(str(folder))

    assert digest == hashlib.sha256(lines.encode()).hexdigest()
    (folder / "a.csv").chmod(0o755)
    os.utime(folder / "a.csv", (1, 1))
    (folder / "empty").mkdir()
    assert digest_of(str(folder)) == digest
    (folder / "a.csv").rename(folder / "c.csv")
    assert digest_of(str(folder)) != digest
    assert digest_of(str(folder / "c.csv")) == hashlib.sha256(b"a").hexdigest()


def test_names_can_not_be_moved_into_contents(tmp_path: Path) -> None:
    for name, files in (("one", {"a\nb": "x"}), ("two", {"a": "x", "b": "x"}), ("three", {os.fsdecode(b"\xff"): "x"})):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)

    assert len({digest_of(str(tmp_path / name)) for name in ("one", "two", "three")}) == 3


def test_a_link_is_what_it_leads_to_as_long_as_that_lies_in_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "link.csv").symlink_to("part/b.csv")
    (folder / "again").symlink_to("part")
    linked = digest_of(str(folder))
    for name in ("link.csv", "again"):
        (folder / name).unlink()
    (folder / "again").mkdir()
    for name in ("link.csv", "again/b.csv"):
        (folder / name).write_text("b")
    (tmp_path / "outer").symlink_to(folder)

    assert digest_of(str(folder)) == linked
    assert digest_of(str(tmp_path / "outer")) == linked


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("../secret", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("../data-more/x", "leads out of the folder"),
        ("nowhere", "leads nowhere"),
        (".", "leads back"),
        ("part/up", "leads nowhere"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(folder: Path, target: str, said: str) -> None:
    (folder.parent / "secret").write_text("x")
    (folder.parent / "data-more").mkdir()
    (folder.parent / "data-more/x").write_text("x")
    (folder / "part/up").symlink_to("up")
    (folder / "part/up").unlink()
    (folder / "x\x1b").symlink_to(target)

    with pytest.raises(FileMissing, match=said) as caught:
        digest_of(str(folder))
    assert str(caught.value).replace("\n", "").isprintable()


def test_what_has_no_content_is_refused_and_not_waited_for(folder: Path) -> None:
    with pytest.raises(FileMissing, match="No such file"):
        digest_of(str(folder / "none"))
    with pytest.raises(FileMissing, match="no regular file"):
        digest_of("/dev/zero")
    os.mkfifo(folder / "pipe")
    with pytest.raises(FileMissing, match="pipe is neither a file nor a folder"):
        digest_of(str(folder))
    with pytest.raises(FileMissing, match="no regular file"):
        digest_of(str(folder / "pipe"))


def test_a_tree_without_end_is_refused(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"data/{number}").mkdir(parents=True)
        for name in "ab":
            if number:
                (tmp_path / f"data/{number}/{name}").symlink_to(f"../{number - 1}")
    (tmp_path / "data/0/x").write_text("x")

    with pytest.raises(content.Odd, match="more than 500 files"):
        content.walk(str(tmp_path / "data"), most=500)


def test_a_file_that_changes_while_it_is_read_is_read_again_and_then_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "a.csv"
    reads = []

    def once(block: bytes) -> None:
        reads.append(block)
        file.write_text("longer than before")

    with pytest.raises(content.Odd, match="changes while it is read"):
        content.read_whole(str(file), "a.csv", once)

    stamps = iter(range(100))
    monkeypatch.setattr(digests.Stamp, "of", lambda _: next(stamps))
    with pytest.raises(FileMissing, match="it changes while it is read"):
        digest_of(str(file))


@pytest.mark.usefixtures("_settled")
def test_a_remembered_digest_is_used_until_the_file_changes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = str(tmp_path / "cache/digests.sqlite")
    cold = digest_of(str(folder), cache)
    read: list[str] = []
    whole = content.read_whole
    monkeypatch.setattr(content, "read_whole", lambda place, *more: (read.append(place), whole(place, *more))[1])

    assert digest_of(str(folder), cache) == cold
    assert read == []
    status = (folder / "a.csv").stat()
    (folder / "a.csv").write_text("z")
    os.utime(folder / "a.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest_of(str(folder), cache) != cold, "the date of change cannot be set back"
    assert read == [str(folder / "a.csv")]


def test_a_file_that_was_just_written_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "digests.sqlite"
    digest_of(str(folder), str(cache))
    assert not cache.exists()


@pytest.mark.usefixtures("_settled")
def test_a_memory_that_is_torn_forged_or_no_memory_is_not_believed(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "digests.sqlite"
    right = digest_of(str(folder), str(cache))
    for spoil in ("UPDATE digests_1 SET digest = replace(digest, 'a', 'b')", "UPDATE digests_1 SET digest = NULL"):
        with sqlite3.connect(cache) as database:
            database.execute(spoil)
        database.close()
        assert digest_of(str(folder), str(cache)) == right
    whole = cache.read_bytes()
    for torn in (whole[: len(whole) // 2], b"not a database" * 999, whole[:200] + os.urandom(len(whole) - 200), b""):
        cache.write_bytes(torn)
        assert digest_of(str(folder), str(cache)) == right
        assert digest_of(str(folder), str(cache)) == right
    cache.unlink(missing_ok=True)
    cache.mkdir()
    assert digest_of(str(folder), str(cache)) == right


def test_many_processes_at_once_agree(folder: Path, tmp_path: Path) -> None:
    for number in range(200):
        (folder / f"{number}.csv").write_text(str(number))
    cache = str(tmp_path / "digests.sqlite")
    with ProcessPoolExecutor(4, initializer=_settle) as pool:
        found = set(pool.map(digest_of, [str(folder)] * 12, [cache] * 12))

    assert found == {digest_of(str(folder))}


def _settle() -> None:
    digests._SETTLED = -(10**18)


@pytest.mark.usefixtures("_settled")
def test_a_remembered_large_file_is_a_hundred_times_faster(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", str(tmp_path / "digests.sqlite")
    with data.open("wb") as stream:
        stream.truncate(1 << 28)
    cold, warm = [], []
    for times in (cold, warm, warm, warm):
        before = time.perf_counter()
        digest_of(str(data), cache)
        times.append(time.perf_counter() - before)

    assert min(warm) * 100 < min(cold)
