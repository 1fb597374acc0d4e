"""Everything hostile is reported, nothing of it ever runs, and what models are really made of is clean."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from scanning.hostile import GADGETS, corpus, joblib_wrapper, reduced

from mlci.adapters.scanning import scan

NAMES = sorted(corpus(Path("/tmp"), Path("/nowhere")))


@pytest.fixture(scope="module", name="files")
def _files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("hostile")
    made = corpus(folder, folder / "canary")
    for name, (content, _) in made.items():
        (folder / name).write_bytes(content)
    return {name: (folder / name, opinion) for name, (_, opinion) in made.items()}


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) > 40
    assert len(GADGETS) > 31


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_never_clean_and_never_runs(name: str, files: dict[str, tuple[Path, str]]) -> None:
    path, opinion = files[name]
    found = scan(str(path), name)
    assert found.opinion == opinion, found
    assert found.format
    assert found.sightings
    assert not (path.parent / "canary").exists()


def test_the_corpus_is_no_paper_tiger(files: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    """The unpickler really runs what the scanner reports: so many of them leave the canary."""
    folder = next(iter(files.values()))[0].parent
    script = """
import pathlib, pickle, sys
canary, ran = pathlib.Path(sys.argv[1], "canary"), 0
for name in sys.argv[2:]:
    try:
        with open(pathlib.Path(sys.argv[1], name), "rb") as stream:
            while stream.peek(1):
                pickle.load(stream)
    except Exception:
        pass
    ran += canary.exists()
    canary.unlink(missing_ok=True)
print(ran)
"""
    names = [
        "gadget os system.pkl", "gadget posix system.pkl", "oldest protocol.pkl", "oldest protocol.txt", "instance.pkl",
        "object.pkl", "names from the memo.pkl", "second pickle.pkl", "second old pickle.pkl", "no header.bin",
        "broken behind the call.pkl", "cut behind the call.pkl", "renamed.jpg", "zip behind a picture.jpg",
    ]  # fmt: skip
    done = subprocess.run(
        (sys.executable, "-c", script, str(folder), *names), capture_output=True, text=True, check=True, cwd=tmp_path
    )
    # All but the picture, which only a reader of zips takes for one.
    assert int(done.stdout) == len(names) - 1


def test_what_is_seen_says_where_it_is(files: dict[str, tuple[Path, str]]) -> None:
    [seen] = scan(str(files["zip in zip.zip"][0])).sightings
    assert (seen.inside, seen.what, seen.position) == ("a!b!c", "os.system", 14)


def test_a_bomb_takes_neither_memory_nor_time(files: dict[str, tuple[Path, str]]) -> None:
    tracemalloc.start()
    began = time.process_time()
    assert scan(str(files["bomb.gz"][0])).opinion == "unknown"
    assert time.process_time() - began < 20
    assert tracemalloc.get_traced_memory()[1] < 128 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content", [b"class A:\n    pass\n", b"(a, b)\n", b"Some words.\n", b"N.", b"I am.\n", b"", b"."]
)
def test_text_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content * 3)
    found = scan(str(tmp_path / "a.txt"))
    assert (found.opinion, found.format) == ("clean", "")


def test_none_of_the_repositorys_own_sources_is_taken_for_a_model() -> None:
    root = Path(__file__).parents[2]
    odd = [str(one) for one in (*root.glob("mlci/**/*.py"), *root.glob("docs/**/*.md")) if scan(str(one)).format]
    assert odd == []


def test_an_array_in_the_stream_is_passed_over_by_its_size_and_not_by_luck(tmp_path: Path) -> None:
    """The same bytes are an array to joblib and opcodes to a plain unpickler; both are walked."""
    path = tmp_path / "a.joblib"
    path.write_bytes(joblib_wrapper(b"\xff" * 50, 50) + b".")
    assert scan(str(path)).opinion == "clean"
    path.write_bytes(joblib_wrapper(b"\xff" * 50, 49) + b".")
    assert scan(str(path)).opinion == "unknown"
    path.write_bytes(joblib_wrapper(b"0" + reduced("os", "system", "x")[2:] + b"\xff" * 8, 30) + b".")
    assert scan(str(path)).opinion == "unsafe"
