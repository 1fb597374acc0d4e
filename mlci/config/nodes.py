"""YAML → a tree of nodes that know where they stand. Bounded in size, depth and visits, and free of recursion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mlci.config.quote import printable
from mlci.config.scalar import NUMBER, Sort
from mlci.errors import ConfigSyntax, DuplicateKey, Place

if TYPE_CHECKING:
    import yaml

LARGEST_FILE = 1024 * 1024
MOST_NODES = 100_000
DEEPEST = 50

_EMPTY = ("~", "null", "Null", "NULL")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")


@dataclass(frozen=True)
class Scalar:
    """A single value or a key."""

    text: str
    sort: Sort
    place: Place
    is_merge: bool = False
    quoted: bool = False


@dataclass
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass
class Mapping:
    """A block: its entries in the order of the file, merge keys still among them."""

    place: Place
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)


Node: TypeAlias = "Scalar | Sequence | Mapping"


class Budget:
    """Counts visits, so that aliases of aliases cannot keep the reader busy for ever."""

    def __init__(self, file: str) -> None:
        self._left = MOST_NODES
        self._file = file

    def spend(self) -> None:
        """Count one visit.

        Raises:
            ConfigSyntax: there have been too many.
        """
        self._left -= 1
        if self._left < 0:
            raise ConfigSyntax(f"the file has more than {MOST_NODES} values, aliases counted", place=Place(self._file))


def read_nodes(content: bytes, file: str) -> Node | None:
    """The one document in a file; None for an empty file.

    Raises:
        ConfigSyntax: it is not one document of plain YAML in UTF-8, or it is too large.
    """
    import yaml

    text = _decoded(content, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as problem:
        raise _syntax(problem, text, file) from problem
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        cause = f"the file holds the character U+{problem.character:04X}, which YAML does not allow"
        raise ConfigSyntax(cause, place=Place(file, line)) from problem
    return builder.root


def _syntax(problem: yaml.MarkedYAMLError, text: str, file: str) -> ConfigSyntax:
    mark = problem.problem_mark or problem.context_mark
    cause = f"the file is not valid YAML: {problem.problem or problem.context}"
    if mark is None:
        return ConfigSyntax(cause, place=Place(file))
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = "inside { } and [ ], a ${NAME} reference needs quotes around it" if "${" in line else None
    return ConfigSyntax(cause, place=Place(file, mark.line + 1, mark.column + 1), help=hint)


def _decoded(content: bytes, file: str) -> str:
    if len(content) > LARGEST_FILE:
        raise ConfigSyntax("the file is larger than 1 MiB", place=Place(file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise ConfigSyntax("the file is not UTF-8", place=Place(file, line)) from problem


class _Builder:
    """Puts parser events together to nodes, on a stack of its own: depth costs no recursion."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self._file = file
        self._budget = Budget(file)
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._anchors: dict[str, Node | None] = {}
        self._closing: list[str | None] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        name = type(event).__name__
        if name == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise ConfigSyntax("the file holds more than one document", place=self._place(event))
        elif name == "AliasEvent":
            self._add(self._aliased(event), event)
        elif name == "ScalarEvent":
            self._start(event)
            self._add(_scalar(event, self._place(event)), event)
        elif name in ("SequenceStartEvent", "MappingStartEvent"):
            self._start(event)
            self._push(Sequence(self._place(event)) if name[0] == "S" else Mapping(self._place(event)), event)
        elif name in ("SequenceEndEvent", "MappingEndEvent"):
            self._pop()

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark is not None else Place(self._file)

    def _start(self, event: yaml.Event) -> None:
        self._budget.spend()
        tag = getattr(event, "tag", None)
        # "!" alone only says "a text", but nothing in mlci.yml needs any tag at all.
        if tag is not None:
            raise ConfigSyntax(
                f"the tag {printable(tag)} is not allowed", place=self._place(event), help="leave the tag out"
            )

    def _aliased(self, event: yaml.Event) -> Node:
        self._budget.spend()
        anchor = getattr(event, "anchor", "")
        node = self._anchors.get(anchor)
        if node is None:
            what = "stands inside the value that it names" if anchor in self._anchors else "names no value above it"
            raise ConfigSyntax(f"the alias *{printable(anchor)} {what}", place=self._place(event))
        return node

    def _push(self, node: Sequence | Mapping, event: yaml.Event) -> None:
        anchor = getattr(event, "anchor", None)
        self._add(node, event, finished=False)
        if anchor is not None:
            self._anchors[anchor] = None
        self._open.append(node)
        self._keys.append(None)
        self._closing.append(anchor)
        if len(self._open) > DEEPEST:
            raise ConfigSyntax(f"values are nested more than {DEEPEST} deep", place=self._place(event))

    def _pop(self) -> None:
        node, anchor = self._open.pop(), self._closing.pop()
        self._keys.pop()
        if anchor is not None:
            self._anchors[anchor] = node

    def _add(self, node: Node, event: yaml.Event, *, finished: bool = True) -> None:
        anchor = getattr(event, "anchor", None)
        if finished and anchor is not None and type(event).__name__ != "AliasEvent":
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif key is not None:
            parent.entries.append((key, node))
            self._keys[-1] = None
        elif isinstance(node, Scalar):
            self._keys[-1] = node
        else:
            raise ConfigSyntax("a key must be a word, not a list or a block", place=self._place(event))


def _scalar(event: yaml.Event, place: Place) -> Scalar:
    text: str = getattr(event, "value", "")
    plain = getattr(event, "implicit", (True, False))[0]
    return Scalar(text, _sort(text, plain), place, is_merge=plain and text == "<<", quoted=not plain)


def _sort(text: str, plain: bool) -> Sort:
    if not text.strip() or (plain and text in _EMPTY):
        return "empty"
    if not plain:
        return "text"
    if _TRUTH.fullmatch(text):
        return "boolean"
    if re.fullmatch(NUMBER, text):
        return "number"
    return _sort_by_yaml(text)


def _sort_by_yaml(text: str) -> Sort:
    import yaml

    # The resolver is the loader's own: what any YAML reader may take for something else than a text needs quotes.
    tag = yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        return "number"
    return "text" if tag == "tag:yaml.org,2002:str" else "other"


def entries(
    mapping: Mapping, budget: Budget, rank: tuple[int, ...] = ()
) -> Iterator[tuple[Scalar, Node, tuple[int, ...]]]:
    """The entries of a block with merge keys (``<<``) followed.

    Yields:
        Key, value and rank: ``()`` for what stands in the block itself, more for what was merged in; the lowest holds.
    """
    if len(rank) > DEEPEST:
        raise ConfigSyntax(f"merges are nested more than {DEEPEST} deep", place=mapping.place)
    merged = 0
    for key, node in mapping.entries:
        budget.spend()
        if not key.is_merge:
            yield key, node, rank
            continue
        if merged:
            raise DuplicateKey("<< stands twice in this block", place=key.place, help="give it a list of blocks")
        for source in node.items if isinstance(node, Sequence) else [node]:
            if not isinstance(source, Mapping):
                raise ConfigSyntax("<< takes a block, or a list of blocks", place=key.place)
            merged += 1
            yield from entries(source, budget, (*rank, merged))


def plain(node: Node, budget: Budget) -> Any:
    """What stands there, as Python holds it: for what is written in words of somebody else's.

    A number that is not written as a decimal, and whatever else only YAML has a word for, stays a text.
    """
    budget.spend()
    if isinstance(node, Mapping):
        return {key.text: plain(value, budget) for key, value, _ in entries(node, budget)}
    if isinstance(node, Sequence):
        return [plain(item, budget) for item in node.items]
    if node.quoted or node.sort in ("text", "other"):
        return node.text
    if node.sort == "empty":
        return None
    if node.sort == "boolean":
        return node.text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,400}", node.text):
        return int(node.text)
    return float(node.text) if re.fullmatch(NUMBER, node.text) else node.text
