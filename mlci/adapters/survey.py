"""Look at a folder of a repository: bounded in files, depth and size, through no link, and nothing found is run."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mlci.domain.survey import DataFile, Survey, Values

MOST_FILES = 5000
DEEPEST = 4
LARGEST_SCRIPT = 1 << 20
MOST_COLUMNS = 10_000
# Of a file whose values are looked at.
LARGEST_FILE = 32 << 20
MOST_ROWS = 1_000_000

_PIPELINE = ".gitlab-ci.yml"
_ROWS = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_CODE = frozenset({
    ".c", ".cc", ".cpp", ".go", ".ipynb", ".java", ".jl", ".js", ".kt", ".py", ".r", ".rb", ".rs", ".scala", ".sh",
    ".sql", ".ts",
})  # fmt: skip
_TRAINS = re.compile(r"(?:^|[^a-z])train(?:ing)?(?:[^a-z]|$)")
# What tools and environments leave, and what holds data made up for tests.
_NOT_LOOKED_AT = frozenset({
    "__pycache__", "build", "dist", "mlci-keep", "mlci-model", "mlruns", "node_modules", "site-packages", "tests",
    "venv",
})  # fmt: skip
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_TARGET = re.compile(r"^([A-Za-z0-9][\w.-]*)[ \t]*:(?!=)", re.MULTILINE)
_SCRIPTS = re.compile(r"^\[project\.scripts\][ \t]*\n((?:(?!\[).*\n?)*)", re.MULTILINE)
_COMMAND = re.compile(r"^[ \t]*\"?([A-Za-z0-9][\w.-]*)\"?[ \t]*=", re.MULTILINE)
_VERSION = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?")


def survey(folder: Path) -> Survey:
    """What a folder holds of a model. What cannot be read is as if it were not there."""
    top = top_of(folder)
    files = list(islice(_files(folder), MOST_FILES))
    scripts = [path for path in files if path.endswith(".py") and _TRAINS.search(path.rpartition("/")[2])]
    targets = _TARGET.findall(_text(folder / "Makefile"))
    project = _text(folder / "pyproject.toml")
    commands = [name for block in _SCRIPTS.findall(project) for name in _COMMAND.findall(block)]
    version = _text(folder / ".python-version").strip() or _text(top / ".python-version").strip()
    return Survey(
        folder=folder.name,
        below=folder.relative_to(top).as_posix().removeprefix("."),
        remote=_remote(folder),
        branch=_branch(folder),
        github=(top / ".github").is_dir(),
        gitlab=(top / _PIPELINE).is_file(),
        stages=_stages(top / _PIPELINE),
        scripts={path: _text(folder / path) for path in scripts},
        targets=tuple(name for name in dict.fromkeys(targets) if _TRAINS.search(name)),
        commands=tuple(name for name in dict.fromkeys(commands) if _TRAINS.search(name)),
        data=tuple(data_file(folder, path) for path in files if _ending(path) in (*_ROWS, *_LINES, *_PARQUET)),
        requirements=any((place / "requirements.txt").is_file() for place in (folder, top)),
        project="[build-system]" in project or (folder / "setup.py").is_file(),
        python=version if _VERSION.fullmatch(version) else None,
        beside=_has_code_beside(folder, top),
    )


def top_of(folder: Path) -> Path:
    """The top of the repository that a folder belongs to; the folder itself where it belongs to none."""
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place / ".git")), folder)


def data_file(folder: Path, path: str) -> DataFile:
    """A file of rows, with the names of its columns as far as they can be read without the rest of it."""
    ending = _ending(path)
    try:
        if ending in _ROWS:
            columns = _of_rows(folder / path, _ROWS[ending])
        elif ending in _LINES:
            columns = _of_lines(folder / path)
        else:
            columns = _of_parquet(folder / path) if ending in _PARQUET else ()
    except (OSError, ValueError, csv.Error, RecursionError):
        columns = ()
    return DataFile(path=path, columns=columns[:MOST_COLUMNS], splits=ending in (*_ROWS, *_LINES))


def values_of(path: Path, columns: Sequence[str], content: bytes | None = None) -> tuple[Values, ...]:
    """What the values of columns are to the rows of a file; none where it is too large to be read here, or unreadable.

    Args:
        columns: their names; of several by one name, the first is meant.
        content: of the file, where it is not written yet.
    """
    ending = _ending(str(path))
    try:
        if content is None and not path.is_file():
            return ()
        if (path.stat().st_size if content is None else len(content)) > LARGEST_FILE:
            return ()
        if ending in _PARQUET:
            return _counted(columns, _rows_of_parquet(path, columns))
        lines = io.TextIOWrapper(io.BytesIO(path.read_bytes() if content is None else content), "utf-8-sig", newline="")
        if ending in _ROWS:
            return _counted(columns, _rows_of_text(lines, columns, _ROWS[ending]))
        return _counted(columns, _rows_of_lines(lines, columns)) if ending in _LINES else ()
    except (OSError, LookupError, ValueError, csv.Error, RecursionError):
        return ()


def _counted(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Values, ...]:
    seen: list[set[str]] = [set() for _ in columns]
    count = 0
    for row in rows:
        count += 1
        if count > MOST_ROWS:
            return ()
        for values, value in zip(seen, row, strict=True):
            values.add(value)
    return tuple(
        Values(column, rows=count, different=len(values), empty="" in values)
        for column, values in zip(columns, seen, strict=True)
    )


def _rows_of_text(lines: Iterable[str], columns: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    rows = csv.reader(lines, delimiter=delimiter)
    header = next(rows, [])
    places = [header.index(column) for column in columns]
    for row in rows:
        if row:
            yield [row[place].strip() if place < len(row) else "" for place in places]


def _rows_of_lines(lines: Iterable[str], columns: Sequence[str]) -> Iterator[list[str]]:
    for line in lines:
        if line.strip():
            record = json.loads(line)
            yield [_as_id(record.get(column) if isinstance(record, dict) else None) for column in columns]


def _rows_of_parquet(path: Path, columns: Sequence[str]) -> Iterable[list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise ValueError("too many rows")
            table = file.read(columns=list(columns))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    found = [table.column(column).to_pylist() for column in columns]
    return ([_as_id(value) for value in row] for row in zip(*found, strict=True))


def _as_id(value: Any) -> str:
    """A value as an id; empty for what nobody writes as one."""
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _stages(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    from mlci.adapters.gitlab.cifile import GITLAB
    from mlci.adapters.yamltree import Items, Odd, as_block, as_texts, content, tree

    try:
        listed = as_block(tree(content(path), GITLAB), "a pipeline").entries.get("stages")
        return as_texts(listed) if isinstance(listed, Items) and not listed.reference else ()
    except Odd:
        return ()


def _has_code_beside(folder: Path, top: Path) -> bool:
    if folder == top:
        return False
    own = f"{folder.relative_to(top).as_posix()}/"
    return any(_ending(path) in _CODE and not path.startswith(own) for path in islice(_files(top), MOST_FILES))


def _files(folder: Path) -> Iterator[str]:
    """Plain files by path, those nearest to the top first; names that do not print are nobody's data."""
    waiting = [folder]
    for _ in range(DEEPEST):
        deeper: list[Path] = []
        for place in waiting:
            try:
                with os.scandir(place) as found:
                    entries = sorted(islice(found, MOST_FILES), key=lambda one: one.name)
            except OSError:
                continue
            for entry in entries:
                if not entry.name.isprintable() or entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_file():
                    yield Path(entry.path).relative_to(folder).as_posix()
                elif entry.is_dir() and entry.name not in _NOT_LOOKED_AT and not _is_environment(entry.path):
                    deeper.append(Path(entry.path))
        waiting = deeper[:MOST_FILES]


def _is_environment(path: str) -> bool:
    return os.path.lexists(Path(path) / "pyvenv.cfg")


def _ending(path: str) -> str:
    return Path(path).suffix.lower()


def _text(path: Path) -> str:
    """The beginning of a plain text file; empty where there is none."""
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(LARGEST_SCRIPT).decode("utf-8", "replace")
    except OSError:
        return ""


def _of_rows(path: Path, delimiter: str) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(next(csv.reader(iter([file.readline(LARGEST_SCRIPT)]), delimiter=delimiter), ()))


def _of_lines(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig") as file:
        first = json.loads(file.readline(LARGEST_SCRIPT))
    return tuple(first) if isinstance(first, dict) else ()


def _of_parquet(path: Path) -> tuple[str, ...]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return ()
    try:
        return tuple(pq.read_schema(path).names)
    except pa.ArrowException:
        return ()


def _remote(folder: Path) -> str | None:
    address = _git(folder, "remote", "get-url", "origin")
    return _CREDENTIALS.sub("//", address) if address is not None else None


def _branch(folder: Path) -> str | None:
    """The default branch of the remote, else the branch that is checked out."""
    remote = _git(folder, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    return remote.removeprefix("origin/") if remote is not None else _git(folder, "branch", "--show-current")


def _git(folder: Path, *words: str) -> str | None:
    try:
        asked = subprocess.run(  # noqa: S603 - constant words, and a folder behind -C
            ["git", "-C", str(folder), *words],  # noqa: S607 - the user's own git, in the user's own checkout
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    said = asked.stdout.strip()
    return said if asked.returncode == 0 and said and said.isprintable() else None
