"""What was set, by whom, and where: a tree of settings, and the configuration it makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from typing import Any, TypeAlias, TypeVar

from mlci.config.duration import Duration
from mlci.config.shape import Shape, fields_by_key, shapes
from mlci.config.source import DEFAULT, Source
from mlci.domain.policy import Tolerance


@dataclass(frozen=True)
class Setting:
    """One value somebody set.

    Attributes:
        value: the typed value.
        source: where it was set.
        shown: what may be shown instead of the value, where that came from a ``${NAME}`` reference.
    """

    value: Any
    source: Source
    shown: str | None = None

    def __repr__(self) -> str:
        return f"Setting({self.shown or self.value!r}, {self.source})"


# A block's settings by key; a mapping's by the user's names, where an entry with nothing set is an empty tree.
Settings: TypeAlias = "dict[str, Setting | Settings]"

_Block = TypeVar("_Block")


def branch(settings: Settings, name: str) -> Settings:
    """The settings below a key, for reading; empty where there are none."""
    below = settings.get(name)
    return below if isinstance(below, dict) else {}


def assemble(default: _Block, settings: Settings) -> _Block:
    """A block of the model with everything set that was set, and its defaults for the rest."""
    block = type(default)
    changes: dict[str, Any] = {}
    for name, shape in shapes(block).items():
        if name in settings:
            field_name = fields_by_key(block)[name].name
            changes[field_name] = _assembled(shape, getattr(default, field_name), settings[name])
    return replace(default, **changes)  # type: ignore[type-var]


def _assembled(shape: Shape, default: Any, given: Setting | Settings) -> Any:
    if isinstance(given, Setting):
        return given.value
    if shape.kind == "block":
        return assemble(default, given)
    inner = shape.inner
    fresh = inner.dataclass() if inner.kind == "block" else None
    return {name: _assembled(inner, fresh, entry) for name, entry in given.items()}


@dataclass(frozen=True)
class Value:
    """One effective value, for ``mlci config explain``."""

    value: Any
    source: Source
    shown: str | None = None


def effective(block: Any, settings: Settings, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Every effective value below a block, with its key path and source, in the order of the model."""
    for name, shape in shapes(type(block)).items():
        content = getattr(block, fields_by_key(type(block))[name].name)
        yield from _effective(shape, content, settings.get(name), prefix + name)


def _effective(shape: Shape, content: Any, given: Setting | Settings | None, path: str) -> Iterator[tuple[str, Value]]:
    if isinstance(given, Setting):
        yield path, Value(content, given.source, given.shown)
    elif shape.kind == "block":
        yield from effective(content, given or {}, f"{path}.")
    elif shape.kind == "mapping" and content:
        for name, entry in content.items():
            yield from _effective(shape.inner, entry, (given or {}).get(name), f"{path}.{name}")
    else:
        yield path, Value(content, DEFAULT)


def as_written(value: Any) -> Any:
    """A typed value as JSON could hold it and mlci.yml would spell it."""
    if isinstance(value, Tolerance):
        return f"{value.value * 100:.12g}%" if value.relative else value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [as_written(item) for item in value]
    if isinstance(value, dict):
        return {name: as_written(entry) for name, entry in value.items()}
    if is_dataclass(value):
        pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name.rstrip("_"): as_written(content) for name, content in pairs if content is not None}
    return value
