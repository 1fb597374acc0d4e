"""Which data these are: their digest, and a version only where the very bytes that it names lie here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from mlci.adapters.git.repository import Repository
from mlci.adapters.identity import Identified, identify, identity_of_query
from mlci.adapters.identity.lfs import refuse_pointer
from mlci.errors import DataUnreadable

CSV = b"k,v\r\n1,2\r\n"
# What dvc add of DVC 3.67 wrote for these very files.
POINTER = """\
outs:
- md5: 072118e6205d15613db0243d1a29f160
  size: 10
  hash: md5
  path: one.csv
"""
FOLDER = """\
outs:
- md5: 159136745c1be2ff868be8ba3e2b8303.dir
  size: 12
  nfiles: 3
  hash: md5
  path: d
"""
FILES = {"d/x.csv": b"a,b\n1,2\n", "d/é.bin": b"z", "d/sub/y.txt": b"q\r\n"}
LISTING = (
    b'[{"md5": "7563eb19371ed659a32d3dcbe6374cd2", "relpath": "sub/y.txt"}, '
    b'{"md5": "e5ebd4c02cefbe7955977c67ada242b7", "relpath": "x.csv"}, '
    b'{"md5": "fbade9e36a3f36d3d676c1b808451dd7", "relpath": "\\u00e9.bin"}]'
)


def laid(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *words: str) -> None:
    environ = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    subprocess.run(["git", *words], cwd=root, env=environ, check=True, capture_output=True)


def committed(root: Path) -> Repository:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "data")
    found = Repository.find(str(root), dict(os.environ))
    assert found is not None
    return found


def found(root: Path, name: str, asked: str | None = None, repository: Repository | None = None) -> Identified:
    return identify(str(root / name), name, asked=asked, repository=repository)


def test_without_any_system_the_content_is_the_version(tmp_path: Path) -> None:
    identity = found(laid(tmp_path, {"one.csv": CSV}), "one.csv").identity

    assert identity.digest == hashlib.sha256(CSV).hexdigest()
    assert (identity.version.system, identity.version.id) == ("content", identity.digest)
    assert (identity.size, identity.files) == (10, 1)


def test_a_pointer_of_dvc_gives_the_version_of_the_bytes_it_names(tmp_path: Path) -> None:
    version = found(laid(tmp_path, {"one.csv": CSV, "one.csv.dvc": POINTER}), "one.csv").identity.version

    assert (version.system, version.id, version.where) == ("dvc", "072118e6205d15613db0243d1a29f160", "one.csv.dvc")


@pytest.mark.parametrize("content", [b"k,v\r\n1,3\r\n", b"k,v\r\n1,22\r\n"])
def test_a_pointer_of_other_bytes_gives_none_and_says_so(tmp_path: Path, content: bytes) -> None:
    answer = found(laid(tmp_path, {"one.csv": content, "one.csv.dvc": POINTER}), "one.csv")

    assert answer.identity.version.system == "content"
    assert answer.broken is not None
    assert "one.csv.dvc records" in answer.broken


def test_text_that_dvc_hashed_with_its_line_ends_made_alike_is_known_again(tmp_path: Path) -> None:
    alike = hashlib.md5(CSV.replace(b"\r\n", b"\n"), usedforsecurity=False).hexdigest()
    old = f"outs:\n- md5: {alike}\n  size: 10\n  path: one.csv\n"

    assert found(laid(tmp_path, {"one.csv": CSV, "one.csv.dvc": old}), "one.csv").identity.version.id == alike
    # DVC 3 says how it hashed, and then line ends count.
    answer = found(laid(tmp_path, {"one.csv.dvc": old.replace("size", "hash: md5\n  size")}), "one.csv")
    assert answer.broken is not None


def test_a_folder_that_dvc_tracks_has_the_id_of_its_listing(tmp_path: Path) -> None:
    version = found(laid(tmp_path, {**FILES, "d.dvc": FOLDER}), "d").identity.version

    assert (version.system, version.id) == ("dvc", "159136745c1be2ff868be8ba3e2b8303.dir")


def test_a_folder_with_one_file_more_is_not_the_one_that_dvc_tracks(tmp_path: Path) -> None:
    answer = found(laid(tmp_path, {**FILES, "d/new.csv": b"", "d.dvc": FOLDER}), "d")

    assert answer.broken is not None


@pytest.mark.parametrize("cached", [True, False])
def test_a_file_of_a_tracked_folder_has_the_version_of_the_folder(tmp_path: Path, cached: bool) -> None:
    cache = {".dvc/cache/files/md5/15/9136745c1be2ff868be8ba3e2b8303.dir": LISTING} if cached else {}
    root = laid(tmp_path, {**FILES, "d.dvc": FOLDER, **cache})
    repository = committed(root)

    assert found(root, "d/x.csv", repository=repository).identity.version.id == "159136745c1be2ff868be8ba3e2b8303.dir"
    laid(tmp_path, {"d/x.csv": b"a,b\n1,9\n"})
    assert found(root, "d/x.csv", "dvc", repository).broken is not None


def test_a_listing_that_somebody_changed_is_not_believed(tmp_path: Path) -> None:
    other = {"d/x.csv": b"a,b\n1,9\n"}
    md5 = hashlib.md5(other["d/x.csv"], usedforsecurity=False).hexdigest().encode()
    forged = LISTING.replace(b"e5ebd4c02cefbe7955977c67ada242b7", md5)
    cache = {".dvc/cache/files/md5/15/9136745c1be2ff868be8ba3e2b8303.dir": forged}
    root = laid(tmp_path, {**FILES, **other, "d.dvc": FOLDER, **cache})

    assert found(root, "d/x.csv", repository=committed(root)).broken is not None


def test_the_lock_of_a_pipeline_gives_the_version_of_an_output(tmp_path: Path) -> None:
    md5 = hashlib.md5(CSV, usedforsecurity=False).hexdigest()
    lock = {"schema": "2.0", "stages": {"make": {"cmd": "x", "outs": [{"path": "one.csv", "hash": "md5", "md5": md5}]}}}
    root = laid(tmp_path, {"one.csv": CSV, "dvc.lock": json.dumps(lock)})

    assert found(root, "one.csv").identity.version.id == md5


@pytest.mark.parametrize("pointer", ["outs: 3", "[]", "outs:\n- {md5: [], path: one.csv}", "\x00", "a: &a [*a]"])
def test_a_pointer_that_is_none_is_passed_over(tmp_path: Path, pointer: str) -> None:
    answer = found(laid(tmp_path, {"one.csv": CSV, "one.csv.dvc": pointer}), "one.csv")

    assert (answer.identity.version.system, answer.broken) == ("content", None)


@pytest.mark.parametrize("system", ["dvc", "git", "git-lfs", "lakefs", "object-store"])
def test_a_version_that_is_asked_for_and_not_there_is_missed(tmp_path: Path, system: str) -> None:
    root = laid(tmp_path, {"one.csv": CSV, "README": b""})
    git(root, "init", "-q")
    git(root, "add", "README")
    git(root, "commit", "-qm", "no data")

    assert found(root, "one.csv", system, Repository.find(str(root), dict(os.environ))).broken


def test_content_can_be_asked_for_whatever_else_there_is(tmp_path: Path) -> None:
    root = laid(tmp_path, {"one.csv": b"else", "one.csv.dvc": POINTER})

    assert found(root, "one.csv", "content").broken is None


def test_data_that_the_commit_holds_have_the_id_that_git_gives_them(tmp_path: Path) -> None:
    root = laid(tmp_path, {"one.csv": CSV})
    repository = committed(root)
    id = subprocess.run(
        ["git", "rev-parse", "HEAD:one.csv"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()

    version = found(root, "one.csv", repository=repository).identity.version
    assert (version.system, version.id) == ("git", id)
    laid(tmp_path, {"one.csv": b"new"})
    assert found(root, "one.csv", repository=repository).identity.version.system == "content"


def test_a_folder_of_a_commit_has_one_id_of_all_its_files(tmp_path: Path) -> None:
    root = laid(tmp_path, dict(FILES))
    repository = committed(root)
    first = found(root, "d", repository=repository).identity.version

    assert first.system == "git"
    laid(tmp_path, {"d/x.csv": b"a,b\n3,4\n"})
    assert found(root, "d", repository=committed(root)).identity.version.id != first.id


def pointer_of(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()


def test_the_pointer_that_a_commit_holds_gives_the_version_of_what_was_fetched(tmp_path: Path) -> None:
    root = laid(tmp_path, {"one.csv": pointer_of(CSV)})
    repository = committed(root)
    laid(root, {"one.csv": CSV})

    version = found(root, "one.csv", repository=repository).identity.version
    assert (version.system, version.id) == ("git-lfs", f"sha256:{hashlib.sha256(CSV).hexdigest()}")
    laid(root, {"one.csv": b"other"})
    broken = found(root, "one.csv", repository=repository).broken
    assert broken is not None
    assert "points at sha256" in broken


def test_a_pointer_in_the_place_of_the_data_is_no_data(tmp_path: Path) -> None:
    root = laid(tmp_path, {"one.csv": pointer_of(CSV), "two.csv": CSV})

    with pytest.raises(DataUnreadable) as caught:
        refuse_pointer(str(root / "one.csv"))
    assert "git lfs pull" in (caught.value.help or "")
    refuse_pointer(str(root / "two.csv"))


def test_a_copy_of_lakefs_has_the_commit_that_lakectl_wrote_down(tmp_path: Path) -> None:
    reference = f"src: lakefs://lake/main/data/\nat_head: {'c' * 64}\n"
    root = laid(tmp_path, {"d/one.csv": CSV, "d/.lakefs_ref.yaml": reference})
    answer = found(root, "d/one.csv")

    assert (answer.identity.version.system, answer.identity.version.id) == ("lakefs", "c" * 64)
    assert answer.identity.version.where == "lakefs://lake/main/data/"
    assert len(answer.notes) == 1
    laid(root, {"d/.lakefs_ref.yaml": f"{reference}active_operation: checkout\n"})
    assert found(root, "d/one.csv").broken is not None


def test_a_query_is_hashed_exactly_and_with_what_it_gave() -> None:
    one = identity_of_query("db", "SELECT 1", "f" * 64, 3)

    assert one.query == hashlib.sha256(b"SELECT 1").hexdigest()
    assert one.digest != identity_of_query("db", "SELECT  1", "f" * 64, 3).digest
    assert one.digest != identity_of_query("db", "SELECT 1", "e" * 64, 3).digest
    assert one.digest == identity_of_query("db", "SELECT 1", "f" * 64, 3).digest
