"""Patterns of files, held to what git itself makes of the same lines in a .gitignore."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlci.domain.patterns import pattern

PATHS = (
    "a", "a.py", "src", "src/a.py", "src/b/a.py", "src/b/c/a.py", "lib/src/a.py", "lib/src", "A.PY", "docs/x.md",
    "x.md", ".hidden/a.py", "src/.env", "b/src/c/a.py", "ab/a.txt", "a b/c d.py", "src/äö.py", "a/b/c", "b/c",
    "a/x/b/c", "é/ß", "[a]", "s/[x].py", "-a", "src/a\nb.py",
)  # fmt: skip
PATTERNS = (
    "a", "*.py", "/a", "/*.py", "src", "src/", "/src/", "src/*", "src/**", "src/*.py", "**/a.py", "**/src", "**/src/",
    "src/**/a.py", "a/**/b", "a/**/c", "**", "*", "*/", "*/*", "/**/c", "?.py", "s?c/", "[ab].py", "[!a].py", "[^a].py",
    "[a-c]", "*.md", "docs", "a b", "a b/", "src/b/c", "b/c", "*.PY", "äö.py", "s*/*/a.py", "**.py", "[[]a]",
    "lib/**/a.py",
)  # fmt: skip


@pytest.fixture(scope="module", name="repository")
def _repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patterns")
    subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
    return folder


def ignored_by_git(repository: Path, text: str, paths: tuple[str, ...], folder: str = "") -> set[str]:
    listed = repository / folder / ".gitignore"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text(text + "\n", encoding="utf-8")
    command = [
        "git",
        "-C",
        str(repository),
        "-c",
        "core.excludesFile=/dev/null",
        "check-ignore",
        "--no-index",
        "--stdin",
        "-z",
    ]
    found = subprocess.run(command, input="\0".join(paths).encode(), capture_output=True, check=False)
    listed.unlink()
    assert found.returncode in (0, 1), found.stderr
    return {path.decode() for path in found.stdout.split(b"\0") if path}


@pytest.mark.parametrize("text", PATTERNS)
def test_a_pattern_matches_what_git_would_ignore_by_it(repository: Path, text: str) -> None:
    assert {path for path in PATHS if pattern(text).matches(path)} == ignored_by_git(repository, text, PATHS)


@pytest.mark.parametrize("text", ["*.py", "a.py", "/a.py", "src/", "src/*.py", "**/c/**"])
def test_a_pattern_of_a_folder_matches_what_git_would_ignore_there(repository: Path, text: str) -> None:
    paths = tuple(f"{above}{path}" for above in ("", "models/x/", "models/xx/") for path in PATHS)

    assert {path for path in paths if pattern(text, "models/x").matches(path)} == ignored_by_git(
        repository, text, paths, "models/x"
    )


@pytest.mark.parametrize(
    ("text", "folder", "path"),
    [
        ("./src/**", "", "src/a.py"),
        (".", "models/x", "models/x/a.py"),
        ("../../lib/", "models/x", "lib/a.py"),
        ("..", "models/x", "models/y/a.py"),
        ("src/", "a[b]*", "a[b]*/src/c.py"),
    ],
)
def test_a_pattern_may_name_its_own_folder_and_those_above(text: str, folder: str, path: str) -> None:
    assert pattern(text, folder).matches(path)
    assert not pattern(text, folder).matches("other/a.py")


@pytest.mark.parametrize(
    ("text", "entry", "touched"),
    [
        ("data/**", "data", True),
        ("data/", "data", True),
        ("data/", "models/data", True),
        ("/data/**", "data/a.csv", True),
        ("src/model/*.py", "src", True),
        ("src/model/*.py", "src/model", True),
        ("src/model/*.py", "src/mo", False),
        ("src/model/*.py", "src/model/a.md", False),
        ("data/**", "database", False),
        ("/data/**", "models/data", False),
        ("*.py", "data", False),
        ("src/**/a.py", "README.md", False),
    ],
)
def test_an_entry_that_stands_for_a_folder_touches_what_the_pattern_names_inside(
    text: str, entry: str, touched: bool
) -> None:
    assert pattern(text).touched_by(entry) is touched


@pytest.mark.parametrize("text", PATTERNS)
def test_whatever_matches_is_touched(text: str) -> None:
    assert all(pattern(text).touched_by(path) for path in PATHS if pattern(text).matches(path))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("!src/**", "begins with !"),
        ("", "is empty"),
        (" ", "is empty"),
        ("src\\*", "backslash"),
        ("[[:alpha:]]", r"\[:"),
        ("../x", "leaves the repository"),
        ("src/../x", r"\.\. after a name"),
        ("**/../x", r"\.\. after a name"),
    ],
)
def test_a_pattern_that_would_mean_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        pattern(text)


def test_a_pattern_made_to_go_astray_takes_no_longer() -> None:
    assert not pattern("*a" * 200 + "b").matches("a" * 4000)
    assert not pattern("**/a/" * 100 + "b").matches("a/" * 1000 + "c")
