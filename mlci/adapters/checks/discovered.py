"""The checks that a repository is set up for, where ``code.checks`` names none."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.domain.checks import Check

_LARGEST = 1 << 20
_MOST_FILES = 50_000
_DEEPEST = 8
_NEVER = re.compile(r"\.|__pycache__$|node_modules$|site-packages$|venv$|env$|build$|dist$")
_TEST = re.compile(r"(?:test_.*|.*_test)\.py")
_PIPELINE = re.compile(r"data[_-]?pipeline|pipeline[_-]?data", re.IGNORECASE)
_TOOLS = ("ruff", "flake8", "mypy", "pytest")
_PATIENCE = 30.0
# Run from a folder that is nobody's, so that a file of the repository is no module of it.
_ASK = "import importlib.util as u, json, sys; print(json.dumps([n for n in sys.argv[1:] if u.find_spec(n)]))"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Where to look.

    Attributes:
        folder: of mlci.yml, where checks run.
        top: of the repository; settings of tools are looked for from the folder up to here.
        python: the user's interpreter.
        environ: that a check is started in.
    """

    folder: str
    top: str
    python: str
    environ: Mapping[str, str]


def discovered(setup: Setup) -> list[Check]:
    """The usual checks, in the order in which they tell most for their time; those that cannot run say why."""
    settings = _Settings(setup)
    tests = sorted(_tests(setup.folder))
    wanted = [*_linters(settings), *_types(settings), *_pytest(settings, tests)]
    if not wanted:
        return []
    there = _installed(setup)
    return [_runnable(check, tool, setup, there) for tool, check in wanted]


def _runnable(check: Check, tool: str, setup: Setup, there: Sequence[str]) -> Check:
    """The check with the tool in front of its arguments: the interpreter's own, else the one on PATH."""
    if tool in there:
        return replace(check, command=f"{shlex.quote(setup.python)} -m {check.command}")
    if _on_path(tool, setup):
        return check
    return replace(check, absent=tool)


def _on_path(tool: str, setup: Setup) -> bool:
    folders = setup.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(Path(setup.folder, folder, tool), os.X_OK) for folder in folders)


def _installed(setup: Setup) -> Sequence[str]:
    """The tools that the user's interpreter has as modules; none where it does not answer."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's interpreter, as configured, and words of ours
            [setup.python, "-c", _ASK, *_TOOLS],
            cwd="/",
            env=dict(setup.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
        )
        said = json.loads(done.stdout[-1000:].strip().rpartition(b"\n")[2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()
    return [tool for tool in _TOOLS if tool in said] if isinstance(said, list) else ()


def _linters(settings: _Settings) -> Iterator[tuple[str, Check]]:
    if why := settings.file("ruff.toml", ".ruff.toml") or settings.table("pyproject.toml", "tool.ruff"):
        yield "ruff", _check("ruff", "lint", "ruff check --output-format concise .", why)
    if why := settings.file(".flake8") or settings.section("flake8"):
        yield "flake8", _check("flake8", "lint", "flake8", why)


def _types(settings: _Settings) -> Iterator[tuple[str, Check]]:
    why = settings.file("mypy.ini", ".mypy.ini") or settings.section("mypy")
    why = why or settings.table("pyproject.toml", "tool.mypy")
    if why:
        # Without a list of its own, mypy has to be told what to look at.
        targets = "" if settings.names_targets() else " ."
        yield "mypy", _check("mypy", "types", f"mypy{targets}", why)


def _pytest(settings: _Settings, tests: Sequence[str]) -> Iterator[tuple[str, Check]]:
    if not tests:
        return
    pipeline = [path for path in tests if _PIPELINE.search(path)]
    others = [path for path in tests if path not in pipeline]
    small = " --data-sample small" if settings.knows("--data-sample", tests) else ""
    marked = settings.knows("data_pipeline", ())
    leave = "".join(f" --ignore={shlex.quote(path)}" for path in pipeline)
    leave += " -m 'not data_pipeline'" if marked and not pipeline else ""
    if others:
        yield "pytest", _check("unit", "tests", f"pytest -q{leave}", f"{_some(others)} is there")
    if pipeline:
        files = " ".join(map(shlex.quote, pipeline))
        yield "pytest", _check("data-pipeline", "data", f"pytest -q{small} {files}", f"{_some(pipeline)} is there")
    elif marked and others:
        why = "the marker data_pipeline is declared"
        yield "pytest", _check("data-pipeline", "data", f"pytest -q{small} -m data_pipeline", why)


def _check(name: str, kind: str, command: str, why: str) -> Check:
    kinds = {"lint": "lint", "types": "types", "tests": "tests", "data": "data"}
    return Check(name=name, kind=kinds[kind], command=command, found=True, why=why)  # type: ignore[arg-type]


def _some(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _tests(folder: str) -> Iterator[str]:
    """Files that pytest collects by their names, from the folder."""
    seen = 0
    for parent, folders, files in os.walk(folder):
        inside = os.path.relpath(parent, folder)
        depth = 0 if inside == "." else inside.count(os.sep) + 1
        folders[:] = [] if depth >= _DEEPEST else sorted(name for name in folders if not _NEVER.match(name))
        for name in sorted(files):
            seen += 1
            if seen > _MOST_FILES:
                return
            if _TEST.fullmatch(name):
                yield name if inside == "." else f"{inside}/{name}"


class _Settings:
    """Files that tools read their settings from."""

    def __init__(self, setup: Setup) -> None:
        here, top = Path(setup.folder), Path(setup.top)
        above = [one for one in here.parents if one.is_relative_to(top)] if here.is_relative_to(top) else []
        self._here = here
        self._folders = [here, *above]
        self._read: dict[Path, str] = {}

    def file(self, *names: str) -> str:
        """Which of these files there is."""
        return next((f"{one} is there" for one in names for at in self._folders if (at / one).is_file()), "")

    def table(self, file: str, table: str) -> str:
        """Whether a TOML file has a table, or one below it."""
        for folder in self._folders:
            if re.search(rf"^\s*\[+{re.escape(table)}[.\]]", self._text(folder / file), re.MULTILINE):
                return f"{file} has [{table}]"
        return ""

    def section(self, name: str) -> str:
        """Whether setup.cfg or tox.ini has a section."""
        for file in ("setup.cfg", "tox.ini"):
            for folder in self._folders:
                if re.search(rf"^\[{name}\]", self._text(folder / file), re.MULTILINE):
                    return f"{file} has [{name}]"
        return ""

    def names_targets(self) -> bool:
        """Whether mypy's settings say what it looks at."""
        heads = {"mypy.ini": "mypy", ".mypy.ini": "mypy", "setup.cfg": "mypy", "pyproject.toml": "tool.mypy"}
        for path, head in ((folder / file, head) for folder in self._folders for file, head in heads.items()):
            _, _, after = self._text(path).partition(f"[{head}]")
            own = re.split(r"^\[", after, maxsplit=1, flags=re.MULTILINE)[0]
            if re.search(r"^(?:files|packages|modules)\s*=", own, re.MULTILINE):
                return True
        return False

    def knows(self, word: str, tests: Sequence[str]) -> bool:
        """Whether pytest's settings or a conftest.py speak of a word."""
        folders = {self._here, self._here / "tests", *((self._here / path).parent for path in tests)}
        files = [self._here / name for name in ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini")]
        return any(word in self._text(path) for path in (*files, *(one / "conftest.py" for one in sorted(folders))))

    def _text(self, path: Path) -> str:
        if path not in self._read:
            try:
                with path.open("rb") as stream:
                    self._read[path] = stream.read(_LARGEST).decode("utf-8", "replace")
            except OSError:
                self._read[path] = ""
        return self._read[path]
