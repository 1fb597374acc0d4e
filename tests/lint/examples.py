"""What examples, templates and workflows say of actions: every `uses:` with the inputs it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlci.surface.pin import OWNER_AND_NAME

ROOT = Path(__file__).parents[2]
PLACES = ("README.md", "CONTRIBUTING.md", "docs", "actions", "workflows-templates", "examples", ".github")

_BLOCK = re.compile(r"^( *)```ya?ml\b[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_OURS = re.compile(rf"(?:{re.escape(OWNER_AND_NAME)}(?P<path>/[^@]*)?@.*|[.$](?P<local>/[^@]*))")


@dataclass(frozen=True)
class Use:
    """One `uses:` of a step or of a job.

    Attributes:
        action: what is used, as it is written.
        given: the names in its `with:`.
    """

    action: str
    given: tuple[str, ...]

    @property
    def definition(self) -> Path | None:
        """The file of ours that says which inputs there are; None where what is used is not ours."""
        found = _OURS.fullmatch(self.action)
        if not found:
            return None
        path = ROOT / (found["path"] or found["local"] or "").strip("/")
        return path if path.suffix in (".yml", ".yaml") else path / "action.yml"


def texts() -> dict[str, str]:
    """Every YAML of a reader or a runner: whole files, and the blocks of the pages; by where it stands."""
    found: dict[str, str] = {}
    for place in PLACES:
        path = ROOT / place
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = file.relative_to(ROOT).as_posix()
            if file.suffix in (".yml", ".yaml"):
                found[name] = file.read_text(encoding="utf-8")
            elif file.suffix == ".md":
                found |= {f"{name} {line}": text for line, text in blocks(file.read_text(encoding="utf-8"))}
    return found


def blocks(page: str) -> Iterator[tuple[int, str]]:
    """The YAML blocks of a page, each with the line it begins at."""
    for found in _BLOCK.finditer(page):
        indent = len(found[1])
        yield page.count("\n", 0, found.start()) + 1, re.sub(rf"^ {{{indent}}}", "", found[2], flags=re.MULTILINE)


def uses(text: str) -> list[Use]:
    """Every `uses:` of a YAML text, however much of a workflow it is."""
    return list(_uses(yaml.safe_load(text)))


def _uses(node: Any) -> Iterator[Use]:
    if isinstance(node, dict):
        if isinstance(node.get("uses"), str):
            yield Use(node["uses"], tuple(node.get("with") or ()))
        for value in node.values():
            yield from _uses(value)
    elif isinstance(node, list):
        for value in node:
            yield from _uses(value)


def inputs_of(definition: Path) -> set[str]:
    """The inputs of an action or of a reusable workflow."""
    document = yaml.safe_load(definition.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    called = (document.get(True) or {}).get("workflow_call") if "runs" not in document else document
    return set((called or {}).get("inputs") or {})


def problems(use: Use) -> list[str]:
    """What is wrong with one `uses:`."""
    found = []
    if not re.fullmatch(r"[.$]/[^@]*|[^@]+@[0-9a-f]{40}", use.action):
        found.append(f"{use.action} is not pinned to a full commit")
    if use.definition is None:
        return found
    if not use.definition.is_file():
        return [*found, f"{use.action} does not exist"]
    unknown = sorted(set(use.given) - inputs_of(use.definition))
    return [*found, *(f"{use.action} has no input {name}" for name in unknown)]
