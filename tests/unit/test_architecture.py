"""Imports run one way, nothing goes round in circles, and files and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mlci"

# What each part may import besides itself; errors.py and the package's own name are for everybody.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "stats": set(),
    "config": {"domain"},
    "ports": {"domain"},
    "render": {"domain"},
    "surface": {"config", "domain"},
    "steps": {"domain", "stats", "ports", "config"},
    "publish": {"render", "ports", "domain"},
    "adapters": {"domain", "stats", "ports"},
    "testing": {"domain", "stats", "ports"},
    "worker": set(),
    "measurer": set(),
    "cli": {"domain", "stats", "ports", "config", "render", "surface", "steps", "publish", "adapters"},
    "__main__": {"cli"},
}
FOR_EVERYBODY = {"errors", "__init__"}

# What a part must not import from outside: the pure ones nothing heavy, and nothing that touches the world.
PURE = {
    "domain": {"os", "sys", "io", "pathlib", "time", "random", "subprocess", "socket", "logging", "tempfile", "numpy"}
}
HEAVY = {"mlflow", "great_expectations", "torch", "sklearn", "pandas", "pyarrow", "duckdb", "pyspark"}

LONGEST_FILE, LONGEST_FUNCTION, NINETY_PER_CENT = 400, 80, 35


@dataclass(frozen=True)
class Arrow:
    """One import."""

    importer: str
    imported: str
    line: int
    at_start: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules(package: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)] = path
    return found


def arrows(package: Path) -> list[Arrow]:
    known = modules(package)
    return [arrow for name, path in known.items() for arrow in _arrows(name, ast.parse(path.read_text("utf-8")), known)]


def _arrows(name: str, tree: ast.Module, known: dict[str, Path]) -> Iterator[Arrow]:
    at_start = {id(node) for node in tree.body}
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports relatively"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [one if one in known else str(node.module) for one in inner]
        else:
            continue
        for target in dict.fromkeys(targets):
            yield Arrow(name, target, node.lineno, id(node) in at_start, id(node) in for_types)


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def wrong_ways(package: Path) -> list[str]:
    return [str(arrow) for arrow in arrows(package) if _is_wrong(arrow, package.name)]


def _is_wrong(arrow: Arrow, package: str) -> bool:
    importer, (first, *_) = part(arrow.importer), arrow.imported.split(".")
    if first != package:
        return first in PURE.get(importer, set()) or (arrow.at_start and first in HEAVY)
    if importer in FOR_EVERYBODY:
        return True
    return part(arrow.imported) not in {importer} | FOR_EVERYBODY | MAY_IMPORT.get(importer, set())


def circles(package: Path) -> list[str]:
    """One circle for each module that can reach itself; what is imported for types alone never runs."""
    ahead: dict[str, set[str]] = {}
    for arrow in arrows(package):
        if not arrow.for_types:
            ahead.setdefault(arrow.importer, set()).add(arrow.imported)
    found = []
    for start in sorted(ahead):
        reached, waiting = set(), list(ahead[start])
        while waiting:
            module = waiting.pop()
            if module not in reached:
                reached.add(module)
                waiting.extend(ahead.get(module, ()))
        if start in reached:
            found.append(start)
    return found


def too_long(package: Path) -> list[str]:
    found, lengths = [], []
    for name, path in modules(package).items():
        text = path.read_text("utf-8")
        if len(text.splitlines()) > LONGEST_FILE:
            found.append(f"{name} has {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths.append(lines)
                if lines > LONGEST_FUNCTION:
                    found.append(f"{name}.{node.name} has {lines} lines")
    lengths.sort()
    if lengths and lengths[int(0.9 * (len(lengths) - 1))] > NINETY_PER_CENT:
        found.append(f"a tenth of all functions is longer than {NINETY_PER_CENT} lines")
    return found


def test_imports_run_one_way() -> None:
    assert wrong_ways(PACKAGE) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    assert circles(PACKAGE) == []


def test_files_and_functions_stay_small() -> None:
    assert too_long(PACKAGE) == []


def test_every_part_of_the_package_has_its_rule() -> None:
    assert {part(module) for module in modules(PACKAGE)} - {"py"} <= set(MAY_IMPORT) | FOR_EVERYBODY


@pytest.fixture(name="house")
def _house(tmp_path: Path) -> Path:
    house = tmp_path / "mlci"
    for name in ("domain", "stats", "config", "adapters", "cli", "surface", "steps"):
        (house / name).mkdir(parents=True)
        (house / name / "__init__.py").write_text("")
        (house / name / "one.py").write_text("import json\n")
        (house / name / "two.py").write_text("import json\n")
    (house / "__init__.py").write_text("")
    (house / "errors.py").write_text("")
    return house


def test_a_house_in_order_is_in_order(house: Path) -> None:
    (house / "cli" / "one.py").write_text("from mlci.adapters import one\nfrom mlci.errors import Exit\n")
    (house / "adapters" / "two.py").write_text("def read():\n    import pyarrow\n")

    assert (wrong_ways(house), circles(house), too_long(house)) == ([], [], [])


@pytest.mark.parametrize(
    ("importer", "line"),
    [
        ("domain/one.py", "from mlci.adapters import one"),
        ("domain/one.py", "import mlci.config.one"),
        ("domain/one.py", "from mlci.config.one import json"),
        ("domain/one.py", "import os"),
        ("domain/one.py", "def later():\n    from mlci.stats import one"),
        ("domain/one.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mlci.cli import one"),
        ("stats/one.py", "from mlci.domain import one"),
        ("config/one.py", "from mlci.surface import one"),
        ("surface/one.py", "from mlci.cli import one"),
        ("adapters/one.py", "from mlci.config import one"),
        ("steps/one.py", "from mlci.adapters import one"),
        ("errors.py", "from mlci.domain import one"),
        ("__init__.py", "from mlci.cli import one"),
        ("adapters/one.py", "import pyarrow.parquet"),
        ("cli/one.py", "from sklearn import metrics"),
    ],
)
def test_an_arrow_the_wrong_way_is_found(house: Path, importer: str, line: str) -> None:
    (house / importer).write_text(line + "\n")

    assert len(wrong_ways(house)) == 1


@pytest.mark.parametrize("line", ["from mlci.config import two", "def later():\n    from mlci.config import two"])
def test_a_circle_is_found(house: Path, line: str) -> None:
    (house / "config" / "one.py").write_text(line + "\n")
    (house / "config" / "two.py").write_text("from mlci.config.one import something\n")

    assert circles(house) == ["mlci.config.one", "mlci.config.two"]


def test_an_import_for_types_alone_makes_no_circle(house: Path) -> None:
    (house / "config" / "one.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mlci.config import two\n"
    )
    (house / "config" / "two.py").write_text("from mlci.config import one\n")

    assert circles(house) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("\n" * 401, "mlci.config.one has 401 lines"),
        ("def long():\n" + "    print()\n" * 80, "mlci.config.one.long has 81 lines"),
        ("def long():\n" + "    print()\n" * 40, "a tenth of all functions is longer than 35 lines"),
    ],
)
def test_what_grew_too_long_is_found(house: Path, text: str, finding: str) -> None:
    (house / "config" / "one.py").write_text(text)

    assert finding in too_long(house)
