"""Dataclasses → JSON Schema (draft 2020-12): what a written record looks like, said once, by its type."""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mlci import REPOSITORY

DRAFT = "https://json-schema.org/draft/2020-12/schema"
BANNER = "generated from {source}; run `python -m mlci.surface generate`"

Schema = dict[str, Any]

# bool comes first where it matters: a bool is an int for Python, and no number for JSON.
_SCALARS: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


def document(name: str, title: str, source: str, body: Schema) -> Schema:
    """A schema as it is published: with its address, and with where it was generated from."""
    return {
        "$schema": DRAFT,
        "$id": f"{REPOSITORY}/schemas/{name}",
        "$comment": BANNER.format(source=source),
        "title": title,
        **body,
    }


def record_schema(record: type[Any], constants: dict[str, str] | None = None) -> Schema:
    """The schema of a dataclass as ``mlci.domain.report.plain`` writes it: what does not apply is absent, never null.

    Args:
        record: the dataclass.
        constants: further properties with their one value, such as the name of the schema itself.
    """
    definitions: dict[str, Schema] = {}
    fixed = {name: {"const": value} for name, value in (constants or {}).items()}
    body = _object(record, definitions)
    body["properties"] = {**fixed, **body["properties"]}
    body["required"] = [*fixed, *body["required"]]
    return {**body, "$defs": dict(sorted(definitions.items()))} if definitions else body


def _object(record: type[Any], definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(record)
    properties: dict[str, Schema] = {}
    for item in fields(record):
        content = _schema(hints[item.name], definitions)
        text = item.metadata.get("help")
        properties[item.name] = {"description": text, **content} if text else content
    return {
        "type": "object",
        "description": _first_line(record),
        "properties": properties,
        "required": [item.name for item in fields(record) if _always_written(item)],
        "additionalProperties": False,
    }


def _always_written(item: Field[Any]) -> bool:
    """None is left out of a record, so only what never is None can be relied on."""
    return item.default_factory is not MISSING or item.default is not None


def _first_line(record: type[Any]) -> str:
    return (record.__doc__ or "").strip().splitlines()[0]


def _schema(annotation: Any, definitions: dict[str, Schema]) -> Schema:
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if annotation is Any:
        return {}
    if is_dataclass(annotation) and isinstance(annotation, type):
        return _reference(annotation, definitions)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [member.value for member in annotation]}
    return _composed(annotation, definitions)


def _reference(record: type[Any], definitions: dict[str, Schema]) -> Schema:
    if record.__name__ not in definitions:
        definitions[record.__name__] = {}
        definitions[record.__name__] = _object(record, definitions)
    return {"$ref": f"#/$defs/{record.__name__}"}


def _composed(annotation: Any, definitions: dict[str, Schema]) -> Schema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        options = [_schema(part, definitions) for part in arguments if part is not types.NoneType]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list) and (origin is list or arguments[-1] is Ellipsis):
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is tuple:
        size = len(arguments)
        return {"type": "array", "items": _schema(arguments[0], definitions), "minItems": size, "maxItems": size}
    if origin is dict or getattr(origin, "__name__", "") == "Mapping":
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    raise TypeError(f"no schema for {annotation}")
