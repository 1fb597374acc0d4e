"""Everything that is generated: what belongs in which file, writing it, and telling what is stale or orphaned."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from mlci.domain.dataset.evidence import DataPredicate
from mlci.domain.evidence import GatePredicate
from mlci.domain.release.evidence import ApprovalPredicate, PromotionPredicate
from mlci.domain.release.ledger import SCHEMA as LEDGER
from mlci.domain.release.ledger import Entry
from mlci.domain.report import SCHEMA as REPORT
from mlci.domain.report import Report
from mlci.domain.training import ModelPredicate
from mlci.surface import reference
from mlci.surface.action_pages import action_pages
from mlci.surface.actions import FOLDER as ACTIONS
from mlci.surface.actions import action_files
from mlci.surface.component_model import model_files
from mlci.surface.component_pages import component_pages, components
from mlci.surface.component_release import release_files
from mlci.surface.components import FOLDER as COMPONENTS
from mlci.surface.components import component_files
from mlci.surface.config_schema import config_schema, contract_schema
from mlci.surface.schema import Schema, document, record_schema

FIX = "python -m mlci.surface generate"
FOLDER = "docs/reference"
README = "README.md"

# Folders below actions/ that are written by hand, or by the interpreter.
BY_HAND = ("locks", "__pycache__")

_INTRO = "# mlci\n\nCI/CD for machine-learning models.\n"


def _json(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


# Each written record: the file of its schema, its title, its dataclass, and properties with one value only.
_RECORDS: tuple[tuple[str, str, type, dict[str, str]], ...] = (
    ("report.schema.json", "Report of a step", Report, {"schema": REPORT}),
    ("evidence-data.schema.json", "Predicate of the evidence of checked data", DataPredicate, {}),
    ("evidence-model.schema.json", "Predicate of the evidence of a model", ModelPredicate, {}),
    ("evidence-gate.schema.json", "Predicate of the evidence of the gate", GatePredicate, {}),
    ("evidence-approval.schema.json", "Predicate of the evidence of an approval", ApprovalPredicate, {}),
    ("evidence-promotion.schema.json", "Predicate of the evidence of a promotion", PromotionPredicate, {}),
    ("ledger-entry.schema.json", "Entry of the ledger", Entry, {"schema": LEDGER}),
)


def _record(name: str, title: str, record: type, constants: dict[str, str]) -> str:
    source = record.__module__.replace(".", "/") + ".py"
    return _json(document(name, title, source, record_schema(record, constants)))


def _configuration_schema() -> str:
    return _json(document("mlci.schema.json", "mlci.yml", "mlci/config/model.py", config_schema()))


def _schema_of_contracts() -> str:
    title, source = "Contract of a dataset", "mlci/config/contract_model.py"
    return _json(document("contract.schema.json", title, source, contract_schema()))


def files() -> dict[str, str]:
    """The content of every generated file, by its path from the root of the repository."""
    pages: dict[str, str] = {
        "mlci.schema.json": _configuration_schema(),
        "contract.schema.json": _schema_of_contracts(),
        "configuration.md": reference.configuration(),
        "command-line.md": reference.command_line(),
        "errors.md": reference.errors(),
        **component_pages(),
    }
    pages.update((row[0], _record(*row)) for row in _RECORDS)
    below = {f"{FOLDER}/{name}": text for name, text in sorted(pages.items())}
    return {**below, **action_files(), **action_pages(), **component_files(), **model_files(), **release_files()}


_BLOCKS: dict[str, Callable[[], str]] = {
    "components": components,
    "commands": reference.commands,
    "exits": reference.exits,
}


def with_blocks(text: str) -> str:
    """A README with its marked blocks brought up to date; a block it lacks is added at the end."""
    for name, content in _BLOCKS.items():
        block = f"<!-- generated: {name} -->\n\n{content()}\n<!-- end -->"
        before, marker, rest = text.partition(f"<!-- generated: {name} -->")
        _, end, after = rest.partition("<!-- end -->")
        text = f"{before}{block}{after}" if marker and end else f"{text.rstrip()}\n\n{block}\n"
    return text


def _expected(root: Path) -> dict[str, str]:
    readme = root / README
    return {**files(), README: with_blocks(_read(readme) or _INTRO)}


def _read(path: Path) -> str | None:
    # Bytes first, because reading as text would hide a line ending that is not ours.
    return path.read_bytes().decode("utf-8") if path.is_file() else None


def _orphans(root: Path, expected: dict[str, str]) -> list[Path]:
    return [path for path in _generated_places(root) if path.relative_to(root).as_posix() not in expected]


def _generated_places(root: Path) -> Iterator[Path]:
    """Every file of the folders that hold nothing written by hand."""
    steps = (one for one in sorted((root / ACTIONS).glob("*")) if one.name not in BY_HAND and one.is_dir())
    for folder in (root / FOLDER, root / COMPONENTS, *steps):
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def write(root: Path) -> list[str]:
    """Bring every generated file up to date and remove orphans; say what was done, one line each."""
    done = []
    expected = _expected(root)
    for name, text in expected.items():
        path = root / name
        if _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
            done.append(f"wrote {name}")
    for path in _orphans(root, expected):
        path.unlink()
        done.append(f"removed {path.relative_to(root).as_posix()}")
    return done


def check(root: Path) -> list[str]:
    """What is stale, missing or orphaned, as text to print; empty when everything is up to date."""
    expected = _expected(root)
    orphans = (path.relative_to(root).as_posix() for path in _orphans(root, expected))
    return [*_differences(root, expected), *(f"orphaned: {name}\n" for name in orphans)]


def _differences(root: Path, expected: dict[str, str]) -> Iterator[str]:
    for name, text in expected.items():
        current = _read(root / name)
        if current is None:
            yield f"missing: {name}\n"
        elif current != text:
            lines = difflib.unified_diff(
                current.splitlines(keepends=True), text.splitlines(keepends=True), name, f"{name} (generated)"
            )
            yield "".join(lines)
