"""What examples, templates and workflows say of actions and components: each with the inputs it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlci.surface.pin import OWNER_AND_NAME

ROOT = Path(__file__).parents[2]
PLACES = (
    "README.md", "CONTRIBUTING.md", "docs", "actions", "workflows-templates", "examples", ".github", ".gitlab-ci.yml",
)  # fmt: skip

_BLOCK = re.compile(r"^( *)```ya?ml\b[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMPONENT = re.compile(
    rf"\$CI_SERVER_FQDN/(?:{re.escape(OWNER_AND_NAME)}|\$CI_PROJECT_PATH)/(?P<name>[\w-]+)@(?P<version>.*)"
)
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


@dataclass(frozen=True)
class Include:
    """One component that a pipeline takes in.

    Attributes:
        component: its address, as it is written.
        given: its `inputs:`.
    """

    component: str
    given: Mapping[str, Any]

    @property
    def definition(self) -> Path | None:
        """The file of ours that says which inputs there are; None where the component is not ours."""
        found = _COMPONENT.fullmatch(self.component)
        return ROOT / "templates" / f"{found['name']}.yml" if found else None


def includes(text: str) -> list[Include]:
    """Every component that a YAML text takes in, where it is a pipeline."""
    document = yaml.safe_load(text)
    listed = document.get("include") if isinstance(document, dict) else None
    entries = listed if isinstance(listed, list) else [listed]
    return [
        Include(entry["component"], entry.get("inputs") or {})
        for entry in entries
        if isinstance(entry, dict) and "component" in entry
    ]


def problems_of_include(include: Include) -> list[str]:
    """What is wrong with one component of a pipeline: GitLab would make no pipeline of it, or another one tomorrow."""
    found = []
    version = include.component.rpartition("@")[2]
    own = version == "$CI_COMMIT_SHA" and "/$CI_PROJECT_PATH/" in include.component
    if not own and not re.fullmatch(r"[0-9a-f]{40}", version):
        found.append(f"{include.component} is not pinned to a full commit")
    if include.definition is None:
        return found
    if not include.definition.is_file():
        return [*found, f"{include.component} does not exist"]
    header = next(yaml.safe_load_all(include.definition.read_text(encoding="utf-8")))
    inputs = header["spec"]["inputs"]
    found += [f"{include.component} has no input {name}" for name in include.given if name not in inputs]
    found += [
        f"{include.component} needs the input {name}"
        for name, said in inputs.items()
        if "default" not in said and name not in include.given
    ]
    known = {name: value for name, value in include.given.items() if name in inputs}
    return [*found, *(text for name, value in known.items() for text in _refused(name, value, inputs[name]))]


def _refused(name: str, value: Any, said: Mapping[str, Any]) -> Iterator[str]:
    """Why GitLab would not take a value."""
    kind = {"array": list, "boolean": bool, "number": (int, float)}.get(said.get("type", "string"), str)
    if not isinstance(value, kind):
        yield f"{name} must be of type {said.get('type', 'string')}, got {value!r}"
        return
    if "options" in said and value not in said["options"]:
        yield f"{name} must be one of {said['options']}, got {value!r}"
    # RE2 takes $ for the very end.
    if "regex" in said and not re.search(re.sub(r"\$$", r"\\Z", said["regex"]), value, re.ASCII):
        yield f"{name} must match {said['regex']}, got {value!r}"
