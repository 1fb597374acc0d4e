"""Workflow files of a repository, read strictly: bounded in number, size and depth, and nothing in them is trusted."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlci.adapters.oneline import one_line
from mlci.domain.setup.github.workflow import LEVELS, Grant, Step, Trigger, Unread, Workflow, WorkflowJob

if TYPE_CHECKING:
    import yaml

MOST_FILES = 100
LARGEST_FILE = 1024 * 1024
# Aliases count with everything they stand for, so that a few lines cannot stand for millions.
MOST_VALUES = 50_000
DEEPEST = 50

_TRUTH = re.compile(r"true|True|TRUE")
_EMPTY = ("", "~", "null", "Null", "NULL")
_CORE_TAG = re.compile(r"tag:yaml\.org,2002:(null|bool|int|float|str|seq|map)")
_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


class _Odd(Exception):
    """Something that GitHub would not accept as a workflow either."""

    def __init__(self, cause: str, line: int | None) -> None:
        super().__init__(cause)
        self.cause, self.line = cause, line


@dataclass(frozen=True)
class _Text:
    value: str
    line: int
    plain: bool

    @property
    def empty(self) -> bool:
        return self.plain and self.value in _EMPTY


@dataclass
class _List:
    line: int
    items: list[_Node] = field(default_factory=list)


@dataclass
class _Block:
    """Values by key, and the line of each key; keys are compared in lower case, and so are those of ``lines``."""

    line: int
    entries: dict[str, _Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


_Node: TypeAlias = "_Text | _List | _Block"


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
            found.append(_workflow(_content(root / folder / name), file))
        except _Odd as odd:
            unread.append(Unread(file=file, line=odd.line, cause=odd.cause))
    if len(names) > MOST_FILES:
        cause = f"only the first {MOST_FILES} of {len(names)} files are read"
        unread.append(Unread(file=folder, line=None, cause=cause))
    return tuple(found), tuple(unread)


def read_owners(root: Path) -> tuple[str, str] | None:
    """The file that GitHub takes code owners from, as path and text; None where there is none that can be read."""
    for path in _OWNERS:
        try:
            return path, _content(root / path).decode("utf-8")
        except (_Odd, UnicodeDecodeError):
            if os.path.lexists(root / path):
                return None
    return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    except OSError:
        return []


def _content(path: Path) -> bytes:
    """The bytes of a plain file; never through a link, and never waiting for a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise _Odd(f"the file cannot be opened: {problem.strerror}", None) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _Odd("this is no plain file", None)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise _Odd("the file is larger than 1 MiB", None)
    return content


def _workflow(content: bytes, file: str) -> Workflow:
    """One workflow from the bytes of its file.

    Raises:
        _Odd: this is no workflow that GitHub would run; with the line where known.
    """
    root = _block(_tree(content), "a workflow")
    jobs = _block(_needed(root, "jobs"), "jobs")
    return Workflow(
        file=file,
        name=_text(root.entries.get("name")),
        triggers=_triggers(_needed(root, "on")),
        permissions=_grant(root.entries.get("permissions")),
        jobs={id: _job(id, node, jobs.lines.get(id.lower(), node.line)) for id, node in jobs.entries.items()},
    )


def _needed(block: _Block, key: str) -> _Node:
    if key not in block.entries:
        raise _Odd(f"the key {key} is missing", block.line)
    return block.entries[key]


def _triggers(node: _Node) -> dict[str, Trigger]:
    if isinstance(node, _Block):
        return {event: _trigger(inner) for event, inner in node.entries.items()}
    return {event: Trigger() for event in _texts(node)}


def _trigger(node: _Node) -> Trigger:
    # A schedule is a list; it has nothing that matters here.
    if not isinstance(node, _Block):
        return Trigger()
    entries = node.entries
    return Trigger(
        types=_texts(entries.get("types")),
        branches=_texts(entries["branches"]) if "branches" in entries else None,
        branches_ignore=_texts(entries["branches-ignore"]) if "branches-ignore" in entries else None,
        paths="paths" in entries or "paths-ignore" in entries,
        workflows=_texts(entries.get("workflows")),
    )


def _grant(node: _Node | None) -> Grant | None:
    if node is None:
        return None
    if isinstance(node, _Text) and not node.empty:
        level = node.value.removesuffix("-all")
        if level not in ("read", "write") or level == node.value:
            raise _Odd(f"permissions cannot be {one_line(node.value, 40)}", node.line)
        return Grant(rest=level)  # type: ignore[arg-type]
    scopes = {}
    for scope, inner in _block(node, "permissions").entries.items():
        level = _text(inner) or ""
        if level not in LEVELS:
            raise _Odd(f"the permission {one_line(scope, 40)} cannot be {one_line(level, 40)}", inner.line)
        scopes[scope] = LEVELS[LEVELS.index(level)]
    return Grant(scopes=scopes)


def _job(id: str, node: _Node, line: int) -> WorkflowJob:
    block = _block(node, f"the job {one_line(id, 40)}")
    entries = block.entries
    strategy = entries.get("strategy")
    steps = entries.get("steps")
    if steps is not None and not isinstance(steps, _List):
        raise _Odd("steps must be a list", steps.line)
    return WorkflowJob(
        id=id,
        line=line,
        name=_text(entries.get("name")),
        condition=_text(entries.get("if")),
        hidden=_text(entries.get("continue-on-error")),
        needs=_texts(entries.get("needs")),
        uses=_text(entries.get("uses")),
        permissions=_grant(entries.get("permissions")),
        matrix=isinstance(strategy, _Text) or (isinstance(strategy, _Block) and "matrix" in strategy.entries),
        env=_pairs(entries.get("env")),
        steps=tuple(_step(one) for one in (steps.items if isinstance(steps, _List) else _call(block))),
    )


def _call(job: _Block) -> list[_Node]:
    """A job that calls a workflow, as the one step that it amounts to."""
    if "uses" not in job.entries:
        return []
    return [_Block(job.line, {key: job.entries[key] for key in ("uses", "with") if key in job.entries})]


def _step(node: _Node) -> Step:
    block = _block(node, "a step")
    entries = block.entries
    return Step(
        line=block.line,
        uses=_text(entries.get("uses")),
        run=_text(entries.get("run")),
        condition=_text(entries.get("if")),
        hidden=_text(entries.get("continue-on-error")),
        inputs=_pairs(entries.get("with")),
        env=_pairs(entries.get("env")),
    )


def _pairs(node: _Node | None) -> Mapping[str, str]:
    # A whole block may be one expression; what it holds is unknown, and nothing here depends on it being known.
    if not isinstance(node, _Block):
        return {}
    return {key: _text(inner) or "" for key, inner in node.entries.items() if isinstance(inner, _Text)}


def _block(node: _Node, what: str) -> _Block:
    if isinstance(node, _Block):
        return node
    if isinstance(node, _Text) and node.empty:
        return _Block(node.line)
    raise _Odd(f"{what} must be a block of keys", node.line)


def _text(node: _Node | None) -> str | None:
    if node is None or (isinstance(node, _Text) and node.empty):
        return None
    if not isinstance(node, _Text):
        raise _Odd("one value is expected here", node.line)
    return "true" if node.plain and _TRUTH.fullmatch(node.value) else node.value


def _texts(node: _Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    items = node.items if isinstance(node, _List) else [node]
    return tuple(text for text in (_text(one) for one in items) if text is not None)


def _tree(content: bytes) -> _Node:
    """The one document of a file as nodes that know their line. A key is a text, so ``on`` stays ``on``."""
    import yaml

    try:
        builder = _Builder()
        for event in yaml.parse(content.decode("utf-8-sig"), Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        cause = f"this is not valid YAML: {one_line(problem.problem or problem.context, 100)}"
        raise _Odd(cause, mark.line + 1 if mark else None) from problem
    except (yaml.reader.ReaderError, UnicodeDecodeError) as problem:
        raise _Odd("the file is not plain UTF-8 text", None) from problem
    if builder.root is None:
        raise _Odd("the file is empty", None)
    return builder.root


class _Builder:
    """Puts parser events together on a stack of its own: depth costs no recursion, and aliases cost what they hold."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[tuple[_List | _Block, str | None, int]] = []
        self._keys: list[_Text | None] = []
        self._anchors: dict[str, tuple[_Node, int]] = {}
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        kind = type(event).__name__
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if kind == "AliasEvent":
            node, size = self._aliased(event, line)
            self._spend(size, line)
            self._add(node, line)
        elif kind == "ScalarEvent":
            self._started(event, line)
            text = _Text(event.value, line, bool(event.implicit[0]))  # type: ignore[attr-defined]
            self._name(event.anchor, text, 1)  # type: ignore[attr-defined]
            self._add(text, line)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self._started(event, line)
            opened = _List(line) if kind[0] == "S" else _Block(line)
            self._add(opened, line)
            self._push(opened, event.anchor, line)  # type: ignore[attr-defined]
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            node, anchor, before = self._open.pop()
            self._keys.pop()
            self._name(anchor, node, self._values - before)
        elif kind == "DocumentStartEvent" and self.root is not None:
            raise _Odd("the file holds more than one document", line)

    def _spend(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise _Odd(f"the file has more than {MOST_VALUES} values, aliases counted", line)

    def _started(self, event: yaml.Event, line: int) -> None:
        self._spend(1, line)
        tag = getattr(event, "tag", None)
        if tag is not None and not _CORE_TAG.fullmatch(tag):
            raise _Odd(f"the tag {one_line(tag, 60)} is not allowed", line)

    def _aliased(self, event: yaml.Event, line: int) -> tuple[_Node, int]:
        anchor = str(getattr(event, "anchor", ""))
        if anchor not in self._anchors:
            raise _Odd(f"the alias *{one_line(anchor, 40)} names no finished value above it", line)
        return self._anchors[anchor]

    def _push(self, node: _List | _Block, anchor: str | None, line: int) -> None:
        if len(self._open) >= DEEPEST:
            raise _Odd(f"values are nested more than {DEEPEST} deep", line)
        if anchor is not None:
            self._anchors.pop(anchor, None)
        self._open.append((node, anchor, self._values - 1))
        self._keys.append(None)

    def _name(self, anchor: str | None, node: _Node, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, size

    def _add(self, node: _Node, line: int) -> None:
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1][0], self._keys[-1]
        if isinstance(parent, _List):
            parent.items.append(node)
        elif key is not None:
            parent.entries[key.value] = node
            self._keys[-1] = None
        else:
            self._keys[-1] = self._key(node, parent, line)

    @staticmethod
    def _key(node: _Node, parent: _Block, line: int) -> _Text:
        if not isinstance(node, _Text):
            raise _Odd("a key must be a word, not a list or a block", line)
        if node.plain and node.value == "<<":
            raise _Odd("GitHub takes no merge keys (<<) in a workflow", line)
        # GitHub compares keys without regard to case, and so refuses these too.
        if node.value.lower() in parent.lines:
            raise _Odd(f"the key {one_line(node.value, 40)} stands twice in this block", line)
        parent.lines[node.value.lower()] = line
        return node
