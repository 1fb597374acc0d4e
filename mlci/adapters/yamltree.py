"""YAML of unknown origin as nodes that know their line: bounded in size, depth and values, and nothing in it is run."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlci.adapters.oneline import one_line

if TYPE_CHECKING:
    import yaml

LARGEST_FILE = 1024 * 1024
# Aliases count with everything they stand for, so that a few lines cannot stand for millions.
MOST_VALUES = 50_000
DEEPEST = 50

MERGE = "<<"
REFERENCE = "!reference"
_TRUTH = re.compile(r"true|True|TRUE")
_EMPTY = ("", "~", "null", "Null", "NULL")
_CORE_TAG = re.compile(r"tag:yaml\.org,2002:(null|bool|int|float|str|seq|map)")


class Odd(Exception):
    """Something that the forge would not accept either, or that is larger than what is read."""

    def __init__(self, cause: str, line: int | None) -> None:
        super().__init__(cause)
        self.cause, self.line = cause, line


@dataclass(frozen=True)
class Dialect:
    """How a forge reads YAML.

    Attributes:
        forge: whose it is, as a name.
        folds: whether keys are compared without regard to case.
        merges: whether ``<<`` takes in the entries of other blocks.
        references: whether a list with the tag ``!reference`` names another part of the file.
    """

    forge: str
    folds: bool = False
    merges: bool = False
    references: bool = False

    def key(self, name: str) -> str:
        """A key as it is compared."""
        return name.lower() if self.folds else name


@dataclass(frozen=True)
class Text:
    """A value, as it is written.

    Attributes:
        plain: whether it stands without quotes.
    """

    value: str
    line: int
    plain: bool

    @property
    def empty(self) -> bool:
        """Whether it is no value at all."""
        return self.plain and self.value in _EMPTY


@dataclass
class Items:
    """A list.

    Attributes:
        reference: whether it is the way to another part of the file, and no list.
    """

    line: int
    items: list[Node] = field(default_factory=list)
    reference: bool = False


@dataclass
class Block:
    """Values by key, and the line of each key; the keys of ``lines`` are written as the dialect compares them."""

    line: int
    entries: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Node: TypeAlias = "Text | Items | Block"


def content(path: Path) -> bytes:
    """The bytes of a plain file; never through a link, and never waiting for a pipe.

    Raises:
        Odd: there is none, or it is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise Odd(f"the file cannot be opened: {problem.strerror}", None) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Odd("this is no plain file", None)
    with os.fdopen(descriptor, "rb") as file:
        found = file.read(LARGEST_FILE + 1)
    if len(found) > LARGEST_FILE:
        raise Odd("the file is larger than 1 MiB", None)
    return found


def tree(content: bytes, dialect: Dialect) -> Node:
    """The one document of a file. A key is a text, so ``on`` stays ``on``.

    Raises:
        Odd: it is no YAML that the forge would read; with the line where known.
    """
    import yaml

    try:
        builder = _Builder(dialect)
        for event in yaml.parse(content.decode("utf-8-sig"), Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        cause = f"this is not valid YAML: {one_line(problem.problem or problem.context, 100)}"
        raise Odd(cause, mark.line + 1 if mark else None) from problem
    except (yaml.reader.ReaderError, UnicodeDecodeError) as problem:
        raise Odd("the file is not plain UTF-8 text", None) from problem
    if builder.root is None:
        raise Odd("the file is empty", None)
    return builder.root


def as_block(node: Node, what: str) -> Block:
    """A node that has to be a block of keys; nothing at all is an empty one."""
    if isinstance(node, Block):
        return node
    if isinstance(node, Text) and node.empty:
        return Block(node.line)
    raise Odd(f"{what} must be a block of keys", node.line)


def as_text(node: Node | None) -> str | None:
    """A node that has to be one value; None where there is none."""
    if node is None or (isinstance(node, Text) and node.empty):
        return None
    if not isinstance(node, Text):
        raise Odd("one value is expected here", node.line)
    return "true" if node.plain and _TRUTH.fullmatch(node.value) else node.value


def as_texts(node: Node | None) -> tuple[str, ...]:
    """One value or a list of them."""
    if node is None:
        return ()
    items = node.items if isinstance(node, Items) else [node]
    return tuple(found for found in (as_text(one) for one in items) if found is not None)


class _Builder:
    """Puts parser events together on a stack of its own: depth costs no recursion, and aliases cost what they hold."""

    def __init__(self, dialect: Dialect) -> None:
        self.root: Node | None = None
        self._dialect = dialect
        self._open: list[tuple[Items | Block, str | None, int]] = []
        self._keys: list[Text | None] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
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
            found = Text(event.value, line, bool(event.implicit[0]))  # type: ignore[attr-defined]
            self._name(event.anchor, found, 1)  # type: ignore[attr-defined]
            self._add(found, line)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self._started(event, line)
            reference = getattr(event, "tag", None) == REFERENCE
            opened = Items(line, reference=reference) if kind[0] == "S" else Block(line)
            self._add(opened, line)
            self._push(opened, event.anchor, line)  # type: ignore[attr-defined]
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._close()
        elif kind == "DocumentStartEvent" and self.root is not None:
            raise Odd("the file holds more than one document", line)

    def _close(self) -> None:
        node, anchor, before = self._open.pop()
        self._keys.pop()
        if isinstance(node, Block) and self._dialect.merges and MERGE in node.entries:
            _merge(node)
        self._name(anchor, node, self._values - before)

    def _spend(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise Odd(f"the file has more than {MOST_VALUES} values, aliases counted", line)

    def _started(self, event: yaml.Event, line: int) -> None:
        self._spend(1, line)
        tag = getattr(event, "tag", None)
        if tag is None or _CORE_TAG.fullmatch(tag):
            return
        if not (self._dialect.references and tag == REFERENCE and type(event).__name__ == "SequenceStartEvent"):
            raise Odd(f"the tag {one_line(tag, 60)} is not allowed", line)

    def _aliased(self, event: yaml.Event, line: int) -> tuple[Node, int]:
        anchor = str(getattr(event, "anchor", ""))
        if anchor not in self._anchors:
            raise Odd(f"the alias *{one_line(anchor, 40)} names no finished value above it", line)
        return self._anchors[anchor]

    def _push(self, node: Items | Block, anchor: str | None, line: int) -> None:
        if len(self._open) >= DEEPEST:
            raise Odd(f"values are nested more than {DEEPEST} deep", line)
        if anchor is not None:
            self._anchors.pop(anchor, None)
        self._open.append((node, anchor, self._values - 1))
        self._keys.append(None)

    def _name(self, anchor: str | None, node: Node, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, size

    def _add(self, node: Node, line: int) -> None:
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1][0], self._keys[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
        elif key is not None:
            parent.entries[key.value] = node
            self._keys[-1] = None
        else:
            self._keys[-1] = self._key(node, parent, line)

    def _key(self, node: Node, parent: Block, line: int) -> Text:
        if not isinstance(node, Text):
            raise Odd("a key must be a word, not a list or a block", line)
        if node.plain and node.value == MERGE and not self._dialect.merges:
            raise Odd(f"{self._dialect.forge} takes no merge keys (<<) in a workflow", line)
        compared = self._dialect.key(node.value)
        if compared in parent.lines:
            raise Odd(f"the key {one_line(node.value, 40)} stands twice in this block", line)
        parent.lines[compared] = line
        return node


def _merge(node: Block) -> None:
    """Take in the entries of the blocks that ``<<`` names; a block's own come first, then those named earlier."""
    named = node.entries.pop(MERGE)
    for one in named.items if isinstance(named, Items) else [named]:
        for key, value in as_block(one, "what << names").entries.items():
            node.entries.setdefault(key, value)
