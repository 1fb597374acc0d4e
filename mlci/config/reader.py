"""Nodes and shapes walked side by side: what a file sets, and every problem on the way instead of only the first."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Environment
from typing import Any

from mlci.config.key import Key
from mlci.config.model import Config
from mlci.config.nodes import Budget, Mapping, Node, Scalar, Sequence, entries, plain
from mlci.config.quote import nearest, printable
from mlci.config.reference import Unresolved, expand
from mlci.config.scalar import Refused, Written, parse
from mlci.config.settings import Setting, Settings, assemble
from mlci.config.shape import Shape, limited, main_keys, shapes
from mlci.config.source import Source
from mlci.domain.metric import METRICS, Metric, known_metric, metric_named, normalise
from mlci.errors import (
    ConfigSyntax,
    Contradiction,
    DuplicateKey,
    MlciError,
    OutOfRange,
    Place,
    ReferenceMissing,
    RequiredMissing,
    UnknownKey,
    WrongType,
)

_LONGEST_NAME = 200
_MOST_PROBLEMS = 100
_NAMES = Shape("list", Key(help=""), item=Shape("text", Key(help="")))

_EXPECTED = {
    "text": "a text", "number": "a number", "integer": "a whole number", "boolean": "true or false", "choice": "a word",
    "tolerance": "a number or a percentage", "duration": "a time such as 5m",
    "date": "a day such as 2026-12-31", "value": "a single value",
}  # fmt: skip


def metric_name(written: str) -> str:
    """The name that a metric is kept under: its one spelling if mlci knows it, otherwise the column's own."""
    return normalise(written) if known_metric(normalise(written)) is not None else written


class Reader:
    """Reads one document."""

    def __init__(self, file: str, environ: Environment[str, str] | None) -> None:
        """Start.

        Args:
            file: what places in it are called.
            environ: what ``${NAME}`` references are replaced from; None where ``${`` is a text as any other.
        """
        self.problems: list[MlciError] = []
        self._environ = environ
        self._budget = Budget(file)

    def document(self, root: Node | None, block: type[Any] = Config) -> Settings:
        """What the document sets of a block; what is wrong with it stands in ``problems`` afterwards."""
        try:
            if root is None or (isinstance(root, Scalar) and root.sort == "empty"):
                return {}
            if isinstance(root, Mapping):
                return self._block(block, root, "")
            self._note(WrongType, "the file must be a block of keys, such as model: churn", root.place)
        except MlciError as problem:
            self.problems.append(problem)
        return {}

    def _note(self, error: type[MlciError], cause: str, place: Place, hint: str | None = None) -> None:
        if len(self.problems) == _MOST_PROBLEMS:
            raise ConfigSyntax(f"there are more than {_MOST_PROBLEMS} problems; the rest is not listed", place=place)
        self.problems.append(error(cause, place=place, help=hint))

    def _named(self, node: Mapping, path: str, name_of: Callable[[str], str]) -> list[tuple[str, Scalar, Node]]:
        """The entries of a block by name, each name once: the block's own before merged ones."""
        found: dict[str, tuple[tuple[int, ...], Scalar, Node]] = {}
        for key, value, rank in entries(node, self._budget):
            name = name_of(key.text)
            if name not in found or rank < found[name][0]:
                found[name] = (rank, key, value)
            elif rank == found[name][0]:
                first = found[name][1]
                cause = f"{path}{printable(key.text)} stands twice, first in line {first.place.line}"
                self._note(DuplicateKey, cause, key.place, "keep one of the two")
        return [(name, key, value) for name, (_, key, value) in found.items()]

    def _block(self, block: type[Any], node: Mapping, path: str, metric: Metric | None = None) -> Settings:
        known, limits = shapes(block), limited(block)
        settings: Settings = {}
        for name, key, value in self._named(node, path, lambda text: _key_name(text, limits is not None)):
            if name in known:
                given = self._value(known[name], value, path + name, metric)
                self._keep(settings, name, given)
            elif limits is not None and name in shapes(known[limits].inner.dataclass):
                hint = f"it is asked of one metric: {limits}: {{f1: {{{name}: …}}}}"
                self._note(UnknownKey, f"{path.rstrip('.')} has no key {printable(key.text)}", key.place, hint)
            elif limits is not None and _is_limit(name):
                given = self._limit(known[limits].inner, name, value, path + printable(key.text))
                self._keep(settings, limits, given)
            else:
                self._unknown(key, path, known, limits)
        return settings

    def _unknown(self, key: Scalar, path: str, known: dict[str, Shape], limits: str | None) -> None:
        possible = [*known, *(f"{side}_{metric}" for side in ("min", "max") for metric in METRICS if limits)]
        hint = nearest(key.text.replace("-", "_"), possible) or f"the keys here are {', '.join(known)}"
        inside = f"{path.rstrip('.')} has no key" if path else "there is no key"
        self._note(UnknownKey, f"{inside} {printable(key.text)}", key.place, hint)

    def _limit(self, entry: Shape, name: str, node: Node, path: str) -> Settings:
        """``min_f1: 0.8`` as the tree that ``metrics: {f1: {min: 0.8}}`` would give."""
        side, metric = name[:3], name[4:]
        given = self._value(shapes(entry.dataclass)[side], node, path, known_metric(metric))
        return {metric: {} if given is None else {side: given}}

    def _keep(self, settings: Settings, name: str, given: Setting | Settings | None) -> None:
        """Put a value into a block; a mapping may meet there what min_ and max_ keys have set."""
        already = settings.get(name)
        if given is None:
            return
        if isinstance(already, dict) and isinstance(given, dict):
            for entry, below in given.items():
                self._keep(already, entry, below)
        elif isinstance(already, Setting) and isinstance(given, Setting) and given.source.place is not None:
            cause = f"{name} of one metric is set twice, here and at {already.source}"
            self._note(Contradiction, cause, given.source.place, "keep one of the two")
        else:
            settings[name] = given

    def _value(self, shape: Shape, node: Node, path: str, metric: Metric | None = None) -> Setting | Settings | None:
        self._budget.spend()
        if isinstance(node, Scalar) and node.sort == "empty" and not (shape.kind == "value" and node.quoted):
            if shape.key.of_metric:
                # A limit that says nothing would be a limit that never fails.
                self._note(RequiredMissing, f"{path} has no value", node.place, "give a number, or remove the key")
            return None
        if shape.kind == "block":
            return self._block_value(shape, node, path, metric)
        if shape.kind == "mapping":
            return self._mapping(shape, node, path)
        if shape.kind == "list":
            one = shape.key.one_alone and isinstance(node, Scalar)
            return self._list(shape, Sequence(node.place, [node]) if one else node, path)
        if shape.kind == "any":
            return Setting(plain(node, self._budget), Source("file", str(node.place), node.place))
        return self._scalar(shape, node, path, metric)

    def _block_value(self, shape: Shape, node: Node, path: str, metric: Metric | None = None) -> Settings | None:
        block = shape.dataclass
        if isinstance(node, Mapping):
            return self._block(block, node, f"{path}.", metric)
        main = main_keys(block)
        if not main or not isinstance(node, Scalar):
            self._note(WrongType, f"{path} must be a block with keys such as {', '.join(shapes(block))}", node.place)
            return None
        given = self._scalar(shapes(block)[main[0]], node, path, metric)
        return None if given is None else dict.fromkeys(main, given)

    def _mapping(self, shape: Shape, node: Node, path: str) -> Settings | None:
        of_metrics = shape.key.names == "metric"
        if isinstance(node, Sequence) and shape.key.names_alone:
            given = self._list(_NAMES, node, path, metric_name)
            return {name: {} for name in given.value}
        if not isinstance(node, Mapping):
            self._note(WrongType, f"{path} must be a block with a name for each {shape.key.names}", node.place)
            return None
        settings: Settings = {}
        for name, key, value in self._named(node, f"{path}.", metric_name if of_metrics else str):
            if not self._is_name(key, path):
                continue
            metric = _metric(name, value, self._budget) if of_metrics else None
            below = self._value(shape.inner, value, f"{path}.{printable(name)}", metric)
            if below is not None:
                settings[name] = below
            elif shape.inner.kind == "block":
                settings[name] = {}
        return settings

    def _is_name(self, key: Scalar, path: str) -> bool:
        if key.text.strip() and key.text.isprintable() and len(key.text) <= _LONGEST_NAME:
            return True
        cause = f"{path} has the name {printable(key.text)}, which is empty, unprintable or too long"
        self._note(OutOfRange, cause, key.place)
        return False

    def _list(self, shape: Shape, node: Node, path: str, name_of: Callable[[str], str] = str) -> Setting:
        source = Source("file", str(node.place), node.place)
        if not isinstance(node, Sequence):
            self._note(WrongType, f"{path} must be a list", node.place, "a list of one is written [one]")
            return Setting((), source)
        kept: dict[Any, str | None] = {}
        for item in node.items:
            self._budget.spend()
            given = self._item(shape.inner, item, path)
            if given is None:
                continue
            value = name_of(given.value) if isinstance(given.value, str) else given.value
            if value in kept:
                self._note(DuplicateKey, f"{path} names {given.shown or printable(str(value))} twice", item.place)
            kept[value] = given.shown
        return Setting(tuple(kept), source, _shown(kept))

    def _item(self, shape: Shape, item: Node, path: str) -> Setting | None:
        if isinstance(item, Scalar) and item.sort == "empty" and not (shape.kind == "value" and item.quoted):
            self._note(WrongType, f"{path} has an empty item", item.place, "remove it")
            return None
        if shape.kind != "block":
            return self._scalar(shape, item, path)
        known = len(self.problems)
        below = self._block_value(shape, item, path)
        if below is None:
            return None
        missing = [name for name, each in shapes(shape.dataclass).items() if each.key.required and name not in below]
        for name in missing if len(self.problems) == known else ():
            self._note(RequiredMissing, f"an item of {path} has no {name}", item.place)
        if missing:
            return None
        block = assemble(shape.dataclass(), below)
        shown = ", ".join(setting.shown for setting in below.values() if isinstance(setting, Setting) and setting.shown)
        return Setting(block, Source("file", str(item.place), item.place), shown or None)

    def _scalar(self, shape: Shape, node: Node, path: str, metric: Metric | None = None) -> Setting | None:
        if not isinstance(node, Scalar):
            self._note(WrongType, f"{path} must be {_EXPECTED[shape.kind]}", node.place)
            return None
        try:
            written = self._written(node)
            value = parse(shape, written, metric)
        except Unresolved as problem:
            hint = "a reference is written ${NAME}, a literal ${ is written $${"
            self._note(ReferenceMissing, f"{path} {problem}", node.place, hint)
        except Refused as problem:
            self._note(problem.error, f"{path} {problem.what}", node.place, problem.hint)
        else:
            return Setting(value, Source("file", str(node.place), node.place), written.shown or None)
        return None

    def _written(self, node: Scalar) -> Written:
        if self._environ is None:
            return Written(node.text, node.sort)
        text, replaced = expand(node.text, self._environ)
        return Written(text, "raw", shown=printable(node.text)) if replaced else Written(text, node.sort)


def _metric(name: str, entry: Node, budget: Budget) -> Metric | None:
    """A metric mlci knows, or a column of the user's whose entry says which way it is better."""
    known = known_metric(name)
    if known is not None or not isinstance(entry, Mapping):
        return known
    said = [
        value.text for key, value, _ in entries(entry, budget) if key.text == "better" and isinstance(value, Scalar)
    ]
    return metric_named(name, "lower") if said == ["lower"] else metric_named(name, "higher") if said else None


def _shown(kept: dict[Any, str | None]) -> str | None:
    if not any(kept.values()):
        return None
    return f"[{', '.join(shown or printable(str(value)) for value, shown in kept.items())}]"


def _is_limit(name: str) -> bool:
    return name[:4] in ("min_", "max_") and bool(name[4:].strip())


def _key_name(text: str, takes_limits: bool) -> str:
    """The one spelling of a key: underscores, except in what min_ and max_ are followed by, which may be a column."""
    if takes_limits and text[:4] in ("min_", "max_", "min-", "max-"):
        return f"{text[:3]}_{metric_name(text[4:])}"
    return text.replace("-", "_")
