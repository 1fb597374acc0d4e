"""What a step installs: locks that cover what pyproject.toml asks for, the extras that a command needs, for real."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from starting import ROOT, Runner

from mlci.surface.catalog import ACTED

LOCKS = ROOT / "actions" / "locks"
PARTS = ("core", "gate", "parquet", "data", "gx", "media", "store", "sign")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def project() -> dict[str, list[str]]:
    """The requirements of the core and of each extra, as pyproject.toml has them."""
    text = (ROOT / "pyproject.toml").read_text()
    lists = dict(re.findall(r"^(\w+) = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL))
    found = {name: re.findall(r'"([^"]+)"', content) for name, content in lists.items()}

    def whole(name: str) -> list[str]:
        """An extra, with those that it takes in."""
        taken = [(text, re.fullmatch(r"mlci\[(\w+)\]", text)) for text in found[name]]
        return [each for text, other in taken for each in (whole(other[1]) if other else [text])]

    return {"core": found["dependencies"], **{name: whole(name) for name in (*PARTS[1:], "spark")}}


def pins(part: str) -> list[tuple[Requirement, int]]:
    """Each pinned package of a lock, with how many hashes it has."""
    entries = (LOCKS / f"{part}.txt").read_text().replace("\\\n", " ").splitlines()
    return [
        (Requirement(entry.partition(" --hash")[0].strip()), len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)))
        for entry in entries
    ]


def on(part: str, python: str) -> dict[str, Requirement]:
    """What of a lock is installed for a Python, by name."""
    found = {}
    for requirement, _ in pins(part):
        environment = {"python_version": python, "python_full_version": f"{python}.4"}
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert requirement.name not in found, "two versions for one Python"
            found[requirement.name] = requirement
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("part", PARTS)
def test_a_lock_covers_what_the_project_asks_for(part: str, python: str) -> None:
    locked = on(part, python)

    for asked in map(Requirement, {*project()["core"], *project()[part]}):
        version = next(iter(locked[asked.name].specifier)).version
        assert asked.specifier.contains(version), f"{asked} is locked to {version}; run make locks"


@pytest.mark.parametrize("part", PARTS)
def test_every_package_of_a_lock_is_one_version_with_hashes_and_without_an_address(part: str) -> None:
    assert not re.search(r"://|--index|--find-links|@", (LOCKS / f"{part}.txt").read_text())
    for requirement, hashes in pins(part):
        assert re.fullmatch(r"==[0-9][\w.]*", str(requirement.specifier)), requirement
        assert hashes > 0, requirement
        assert requirement.url is None


def test_the_locks_agree_on_every_package_that_several_have() -> None:
    for python in PYTHONS:
        found: dict[str, SpecifierSet] = {}
        for part in PARTS:
            # For which Pythons a package is needed differs from part to part; its version does not.
            for name, requirement in on(part, python).items():
                assert found.setdefault(name, requirement.specifier) == requirement.specifier


@pytest.fixture(name="start")
def _start(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("start", ROOT / "actions" / "start.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_start_script_knows_the_commands_and_extras_of_the_catalogue(start: ModuleType) -> None:
    assert tuple(command.name for command in ACTED) == start.COMMANDS
    assert {command.name: command.extras for command in ACTED if command.extras} == start.EXTRAS


def test_the_start_script_looks_for_a_module_of_every_required_package(start: ModuleType) -> None:
    called = {"yaml": "pyyaml", "PIL": "pillow", "great_expectations": "great-expectations"}
    assert set(start.MODULES) == {*PARTS, "spark"}
    for part in start.MODULES:
        modules = {called.get(module, module) for module in start.MODULES[part]}
        assert modules == {Requirement(text).name for text in project()[part]}


def test_an_environment_that_another_step_finished_meanwhile_is_not_replaced(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def made(folder: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)

    def install(here: Path, *_: object) -> None:
        made(here)
        made(tmp_path / "home")
        (tmp_path / "home" / start.MARKER).write_text("the other step's")

    monkeypatch.setattr(start, "install", install)
    start.make(tmp_path / "home", [], ())

    assert (tmp_path / "home" / start.MARKER).read_text() == "the other step's"


@pytest.mark.parametrize(
    ("command", "given", "extras"),
    [
        ("plan", {}, ()),
        ("conclude", {"GATE_COMPARE_CANDIDATE": "a.parquet"}, ()),
        ("config explain", {}, ()),
        ("report", {}, ("gate",)),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "a.csv", "GATE_COMPARE_BASELINE_FROM": "artifacts"}, ("gate",)),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "a.PARQUET "}, ("gate", "parquet")),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "a.csv", "GATE_COMPARE_BASELINE": "b.pq"}, ("gate", "parquet")),
        ("gate-compare", {"GATE_COMPARE_BASELINE_FROM": "s3://bucket/gate"}, ("gate", "store")),
        ("gate-compare", {"GATE_COMPARE_BASELINE_FROM": "file:///mnt/gate"}, ("gate", "store")),
        ("gate-compare", {"EXTRAS": "parquet, store\n"}, ("gate", "parquet", "store")),
        ("plan", {"EXTRAS": "core ../../evil"}, ()),
        ("model-ci", {}, ("gate",)),
        ("model-ci", {"MODEL_CI_CONFIG": "rows/mlci.yml"}, ("gate", "parquet")),
        ("model-ci", {"WORKING_DIRECTORY": "rows"}, ("gate", "parquet")),
        ("model-ci", {"MODEL_CI_CONFIG": "rows"}, ("gate",)),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "kept"}, ("gate", "parquet")),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "rows"}, ("gate",)),
        ("gate-compare", {"GATE_COMPARE_CANDIDATE": "kept", "WORKING_DIRECTORY": "rows"}, ("gate",)),
        ("code-ci", {"CODE_CI_CONFIG": "warehouse.yml"}, ()),
        ("data-check", {}, ("data",)),
        ("data-check", {"DATA_CHECK_ENGINE": "gx"}, ("data", "gx")),
        ("data-check", {"DATA_CHECK_CONFIG": "warehouse.yml"}, ("data", "gx")),
        ("data-check", {"DATA_CHECK_CONFIG": "gx.yml"}, ("data", "gx")),
        ("data-check", {"DATA_CHECK_CONFIG": "gx.yml", "DATA_CHECK_ENGINE": "duckdb"}, ("data",)),
        ("data-check", {"DATA_CHECK_ENGINE": "spark"}, ("data", "gx", "spark")),
        ("data-check", {"DATA_CHECK_CONFIG": "spark.yml"}, ("data", "gx", "spark")),
        ("data-check", {"EXTRAS": "media"}, ("data", "media")),
    ],
)
def test_a_command_gets_the_extras_that_what_it_is_given_needs(
    start: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    given: dict[str, str],
    extras: tuple[str, ...],
) -> None:
    files = {
        "mlci.yml": "{holdout: h.csv}", "rows/mlci.yml": "{holdout: h.PQ}", "kept/c.parquet": "",
        "warehouse.yml": "data: {train: {database: '${URL}', query: SELECT 1}}", "gx.yml": 'data: {engine: "gx"}',
        "spark.yml": "data:\n  engine: spark\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLCI_COMMAND", command)
    for name, value in given.items():
        monkeypatch.setenv(f"MLCI_{name}", value)

    assert start.wanted() == extras


def test_spark_is_the_runners_to_have(start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(start, "absent", lambda _: ["pyspark"])
    monkeypatch.setattr(sys, "argv", ["start.py"])
    for name, value in {"COMMAND": "data-check", "DATA_CHECK_ENGINE": "spark", "PYTHON": ""}.items():
        monkeypatch.setenv(f"MLCI_{name}", value)

    with pytest.raises(SystemExit) as ended:
        start.main()

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error[U003]: Spark is not among what an action installs")
    assert 'have "mlci[data,gx,spark]==' in said


@pytest.mark.skipif(os.environ.get("MLCI_OFFLINE") == "1", reason="MLCI_OFFLINE=1: no package index can be reached")
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_the_lock_of_the_gate_can_be_installed(tmp_path: Path, installer: str) -> None:
    settings = re.compile(r"(PIP|UV)_.+|.*_PROXY|.*CERT.*|.*_CA_.*|HOME|XDG_CACHE_HOME", re.IGNORECASE)
    index = {name: value for name, value in os.environ.items() if settings.fullmatch(name)}
    runner = Runner(tmp_path, environ=index).has_python()
    if installer == "uv":
        (runner.bin / "uv").symlink_to(
            shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or ""
        )
    (runner.workspace / "a.csv").write_text("id,label,score\n" + "".join(f"{i},{i % 2},0.{i % 9}\n" for i in range(40)))
    done = runner.starts("gate-compare", MLCI_GATE_COMPARE_CANDIDATE="a.csv", MLCI_GATE_COMPARE_BASELINE="a.csv")

    assert len(runner.homes) == 1, done.stderr
    assert "pass" in done.stdout.lower(), done.stderr
