"""Workflow files of a repository, read strictly: bounded in number, size and depth, and nothing in them is trusted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mlci.adapters.oneline import one_line
from mlci.adapters.yamltree import Block, Dialect, Items, Node, Odd, Text, as_block, as_text, as_texts, content, tree
from mlci.domain.setup.github.workflow import LEVELS, Grant, Step, Trigger, Unread, Workflow, WorkflowJob

MOST_FILES = 100

_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_GITHUB = Dialect("GitHub", folds=True)


def read_workflows(root: Path, folder: str) -> tuple[tuple[Workflow, ...], tuple[Unread, ...]]:
    """The workflows of a checked-out repository, and the files that could not be read.

    Args:
        root: top of the repository.
        folder: where its workflows stand, from there; a folder that is missing holds none.
    """
    found: list[Workflow] = []
    unread: list[Unread] = []
    names = _names(root / folder)
    for name in names[:MOST_FILES]:
        file = f"{folder.removeprefix('./').rstrip('/')}/{name}"
        try:
            found.append(_workflow(content(root / folder / name), file))
        except Odd as odd:
            unread.append(Unread(file=file, line=odd.line, cause=odd.cause))
    if len(names) > MOST_FILES:
        cause = f"only the first {MOST_FILES} of {len(names)} files are read"
        unread.append(Unread(file=folder, line=None, cause=cause))
    return tuple(found), tuple(unread)


def read_owners(root: Path) -> tuple[str, str] | None:
    """The file that GitHub takes code owners from, as path and text; None where there is none that can be read."""
    for path in _OWNERS:
        try:
            return path, content(root / path).decode("utf-8")
        except (Odd, UnicodeDecodeError):
            if os.path.lexists(root / path):
                return None
    return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    except OSError:
        return []


def _workflow(found: bytes, file: str) -> Workflow:
    """One workflow from the bytes of its file.

    Raises:
        Odd: this is no workflow that GitHub would run; with the line where known.
    """
    root = as_block(tree(found, _GITHUB), "a workflow")
    jobs = as_block(_needed(root, "jobs"), "jobs")
    return Workflow(
        file=file,
        name=as_text(root.entries.get("name")),
        triggers=_triggers(_needed(root, "on")),
        permissions=_grant(root.entries.get("permissions")),
        jobs={id: _job(id, node, jobs.lines.get(id.lower(), node.line)) for id, node in jobs.entries.items()},
    )


def _needed(block: Block, key: str) -> Node:
    if key not in block.entries:
        raise Odd(f"the key {key} is missing", block.line)
    return block.entries[key]


def _triggers(node: Node) -> dict[str, Trigger]:
    if isinstance(node, Block):
        return {event: _trigger(inner) for event, inner in node.entries.items()}
    return {event: Trigger() for event in as_texts(node)}


def _trigger(node: Node) -> Trigger:
    # A schedule is a list; it has nothing that matters here.
    if not isinstance(node, Block):
        return Trigger()
    entries = node.entries
    return Trigger(
        types=as_texts(entries.get("types")),
        branches=as_texts(entries["branches"]) if "branches" in entries else None,
        branches_ignore=as_texts(entries["branches-ignore"]) if "branches-ignore" in entries else None,
        paths="paths" in entries or "paths-ignore" in entries,
        workflows=as_texts(entries.get("workflows")),
    )


def _grant(node: Node | None) -> Grant | None:
    if node is None:
        return None
    if isinstance(node, Text) and not node.empty:
        level = node.value.removesuffix("-all")
        if level not in ("read", "write") or level == node.value:
            raise Odd(f"permissions cannot be {one_line(node.value, 40)}", node.line)
        return Grant(rest=level)  # type: ignore[arg-type]
    scopes = {}
    for scope, inner in as_block(node, "permissions").entries.items():
        level = as_text(inner) or ""
        if level not in LEVELS:
            raise Odd(f"the permission {one_line(scope, 40)} cannot be {one_line(level, 40)}", inner.line)
        scopes[scope] = LEVELS[LEVELS.index(level)]
    return Grant(scopes=scopes)


def _job(id: str, node: Node, line: int) -> WorkflowJob:
    block = as_block(node, f"the job {one_line(id, 40)}")
    entries = block.entries
    strategy = entries.get("strategy")
    steps = entries.get("steps")
    if steps is not None and not isinstance(steps, Items):
        raise Odd("steps must be a list", steps.line)
    return WorkflowJob(
        id=id,
        line=line,
        name=as_text(entries.get("name")),
        condition=as_text(entries.get("if")),
        hidden=as_text(entries.get("continue-on-error")),
        needs=as_texts(entries.get("needs")),
        uses=as_text(entries.get("uses")),
        permissions=_grant(entries.get("permissions")),
        matrix=isinstance(strategy, Text) or (isinstance(strategy, Block) and "matrix" in strategy.entries),
        env=_pairs(entries.get("env")),
        steps=tuple(_step(one) for one in (steps.items if isinstance(steps, Items) else _call(block))),
    )


def _call(job: Block) -> list[Node]:
    """A job that calls a workflow, as the one step that it amounts to."""
    if "uses" not in job.entries:
        return []
    return [Block(job.line, {key: job.entries[key] for key in ("uses", "with") if key in job.entries})]


def _step(node: Node) -> Step:
    block = as_block(node, "a step")
    entries = block.entries
    return Step(
        line=block.line,
        uses=as_text(entries.get("uses")),
        run=as_text(entries.get("run")),
        condition=as_text(entries.get("if")),
        hidden=as_text(entries.get("continue-on-error")),
        inputs=_pairs(entries.get("with")),
        env=_pairs(entries.get("env")),
    )


def _pairs(node: Node | None) -> Mapping[str, str]:
    # A whole block may be one expression; what it holds is unknown, and nothing here depends on it being known.
    if not isinstance(node, Block):
        return {}
    return {key: as_text(inner) or "" for key, inner in node.entries.items() if isinstance(inner, Text)}
