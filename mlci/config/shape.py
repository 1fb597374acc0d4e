"""The shape of each key, worked out from the model's annotations: loader, overrides, schema and reference go by it."""

from __future__ import annotations

import types
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mlci.config.duration import Duration
from mlci.config.key import Key, key_of, spelled
from mlci.domain.policy import Tolerance

Kind = Literal[
    "text", "number", "integer", "boolean", "choice", "tolerance", "duration", "date", "value", "any", "list",
    "mapping", "block",
]  # fmt: skip

_SCALARS: dict[Any, Kind] = {
    str: "text", float: "number", int: "integer", bool: "boolean", Tolerance: "tolerance", Duration: "duration",
    date: "date", Any: "any",
}  # fmt: skip

# What a single value of unknown type may be: Value of the domain's contracts.
_VALUE = {str, int, float, bool}


@dataclass(frozen=True)
class Shape:
    """What a value looks like.

    Attributes:
        kind: the sort of value.
        key: the facts of the key it belongs to.
        choices: the words of a choice.
        item: the shape of each item of a list or each entry of a mapping.
        block: the dataclass of a block.
    """

    kind: Kind
    key: Key
    choices: tuple[str, ...] = ()
    item: Shape | None = None
    block: type[Any] | None = None

    @property
    def dataclass(self) -> type[Any]:
        """The dataclass of a block; only blocks have one."""
        if self.block is None:
            raise TypeError(f"a {self.kind} has no keys")
        return self.block

    @property
    def inner(self) -> Shape:
        """The shape of each item or entry; only lists and mappings have one."""
        if self.item is None:
            raise TypeError(f"a {self.kind} has no items")
        return self.item


def _shape(annotation: Any, key: Key) -> Shape:
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not types.NoneType]
        if set(parts) == _VALUE:
            return Shape("value", key)
        (annotation,) = parts
    if annotation in _SCALARS:
        return Shape(_SCALARS[annotation], key)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Shape("choice", key, choices=arguments)
    if origin is tuple:
        return Shape("list", key, item=_shape(arguments[0], key))
    if origin is dict:
        return Shape("mapping", key, item=_shape(arguments[1], key))
    if is_dataclass(annotation) and isinstance(annotation, type):
        return Shape("block", key, block=annotation)
    raise TypeError(f"no key can be of type {annotation}")


_KNOWN: dict[type[Any], dict[str, Shape]] = {}


def shapes(block: type[Any]) -> dict[str, Shape]:
    """The shape of every key of a block, by the key's spelling and in the order of the model."""
    if block not in _KNOWN:
        hints = get_type_hints(block)
        _KNOWN[block] = {spelled(item): _shape(hints[item.name], key_of(item)) for item in fields(block)}
    return _KNOWN[block]


def fields_by_key(block: type[Any]) -> dict[str, Field[Any]]:
    """The dataclass field behind every key of a block."""
    return {spelled(item): item for item in fields(block)}


def main_keys(block: type[Any]) -> tuple[str, ...]:
    """The keys that a scalar in place of the block sets; empty where only a block will do."""
    main: tuple[str, ...] = getattr(block, "main", ())
    return main


def limited(block: type[Any]) -> str | None:
    """The key that ``min_<name>`` and ``max_<name>`` in the block are short for, where it takes such keys."""
    target: str | None = getattr(block, "limits", None)
    return target


def shape_at(block: type[Any], path: str) -> Shape:
    """The shape of the key at a dotted path such as ``validation.tolerance``."""
    first, _, rest = path.partition(".")
    shape = shapes(block)[first]
    if not rest:
        return shape
    if shape.block is None:
        raise KeyError(path)
    return shape_at(shape.block, rest)
