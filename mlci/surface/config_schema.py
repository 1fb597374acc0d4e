"""The JSON Schemas of mlci.yml and of contracts, from the same models and patterns that the loader reads by."""

from __future__ import annotations

import math
import re
from typing import Any

from mlci.config.contract_model import ContractFile
from mlci.config.model import Config
from mlci.config.scalar import ACCEPTED_PERCENT, DATE, DURATION, LARGEST_LOSS
from mlci.config.settings import as_written
from mlci.config.shape import Shape, fields_by_key, limited, main_keys, shapes
from mlci.domain.metric import ALIASES, DESCRIBED, FAMILIES, METRICS, Metric
from mlci.surface.schema import Schema

# What a value may be instead: nothing, which means unset, or a text that refers to the environment.
_UNSET: Schema = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^\s*$"}]}
_REFERENCE: Schema = {"type": "string", "pattern": r"(?:^|[^$])\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
_NAME: Schema = {"type": "string", "pattern": r"\S", "maxLength": 200}


def config_schema() -> Schema:
    """The schema of a whole mlci.yml."""
    definitions: dict[str, Schema] = {"unset": _UNSET, "reference": _REFERENCE}
    body = _block(Config, Config(), definitions, "#")
    return {**body, "type": ["object", "null"], "$defs": dict(sorted(definitions.items()))}


def contract_schema() -> Schema:
    """The schema of a contract in mlci's own words. Nothing in it refers to the environment."""
    definitions: dict[str, Schema] = {"unset": _UNSET}
    body = _block(ContractFile, ContractFile(), definitions, "#")
    schema: Schema = _without_references({**body, "type": "object", "$defs": dict(sorted(definitions.items()))})
    return schema


def _without_references(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_references(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_without_references(one) for one in schema if one != {"$ref": "#/$defs/reference"}]
    return schema


def _block(block: type[Any], default: Any, definitions: dict[str, Schema], at: str) -> Schema:
    properties: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {}
    for name, shape in shapes(block).items():
        content = getattr(default, fields_by_key(block)[name].name)
        properties[name] = {"description": shape.key.help, **_default(shape, content), **_value(shape, definitions)}
        if "_" in name:
            # Both separators; the plain spelling stands above, where editors look for completions.
            patterns[f"^{name.replace('_', '[-_]')}$"] = {"$ref": f"{at}/properties/{name}"}
    target = limited(block)
    if target is not None:
        patterns.update(_limits(shapes(block)[target].inner))
    body: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for name, shape in shapes(block).items() if shape.key.required]
    if required:
        body["required"] = required
    return {**body, "patternProperties": patterns} if patterns else body


def _default(shape: Shape, content: Any) -> Schema:
    has_one = shape.kind not in ("block", "mapping") and content is not None and content != ()
    return {"default": as_written(content)} if has_one else {}


def _value(shape: Shape, definitions: dict[str, Schema]) -> Schema:
    """What may stand for a value: in a file, nothing may stand for most of them."""
    if (shape.key.of_metric or shape.key.required) and shape.kind not in ("block", "mapping"):
        return {"anyOf": [*_scalar(shape), {"$ref": "#/$defs/reference"}]}
    return {"anyOf": [*_given(shape, definitions), {"$ref": "#/$defs/unset"}]}


def _given(shape: Shape, definitions: dict[str, Schema]) -> list[Schema]:
    if shape.kind == "block":
        return _block_given(shape, definitions)
    if shape.kind == "mapping":
        return _mapping(shape, definitions)
    if shape.kind == "list":
        several = {"type": "array", "items": _item(shape.inner, definitions), "uniqueItems": True}
        return [several, *_scalar(shape.inner)] if shape.key.one_alone else [several]
    return [*_scalar(shape), {"$ref": "#/$defs/reference"}]


def _block_given(shape: Shape, definitions: dict[str, Schema]) -> list[Schema]:
    block = shape.dataclass
    name = block.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _block(block, block(), definitions, f"#/$defs/{name}")
    options: list[Schema] = [{"$ref": f"#/$defs/{name}"}]
    for main in main_keys(block)[:1]:
        options += [*_scalar(shapes(block)[main]), {"$ref": "#/$defs/reference"}]
    return options


def _item(shape: Shape, definitions: dict[str, Schema]) -> Schema:
    if shape.kind == "block":
        return {"anyOf": _block_given(shape, definitions)}
    if shape.kind in ("choice", "value"):
        return {"anyOf": [*_scalar(shape), {"$ref": "#/$defs/reference"}]}
    return {"anyOf": [{**_NAME, **_pattern(shape)}, {"$ref": "#/$defs/reference"}]}


def _mapping(shape: Shape, definitions: dict[str, Schema]) -> list[Schema]:
    body: Schema = {"type": "object", "propertyNames": {"pattern": r"\S", "maxLength": 200}}
    entry = _value(shape.inner, definitions)
    if shape.key.names != "metric":
        return [{**body, "additionalProperties": entry}]
    # Patterns add up: every entry is an entry, and one of a metric that is known also keeps to its range.
    body["patternProperties"] = {"": entry}
    for spellings, metric in _by_range():
        loss = {"minimum": -LARGEST_LOSS, "maximum": LARGEST_LOSS} if metric.in_points else {}
        value = _range(metric)
        limits = {"properties": {"min": value, "max": value, "tolerance": loss, "min_improvement": loss}, **loss}
        if loss or value:
            body["patternProperties"][f"^{spellings}$"] = limits
    body["patternProperties"][f"^{_described()}$"] = {"not": {}}
    return [body, {"type": "array", "items": _NAME, "uniqueItems": True}]


def _limits(entry: Shape) -> dict[str, Schema]:
    """The keys min_<metric> and max_<metric>."""
    limit = shapes(entry.dataclass)["min"]
    # What an entry has a key for is no metric's name: validation has no min_improvement.
    own = "|".join(name[4:] for name in shapes(entry.dataclass) if name[:4] in ("min_", "max_"))
    patterns: dict[str, Schema] = {
        rf"^(?:min|max)[-_](?!(?:{own})$).*\S": {"description": limit.key.help, **_value(limit, {})}
    }
    for spellings, metric in _by_range():
        if _range(metric):
            patterns[f"^(?:min|max)[-_]{spellings}$"] = _range(metric)
    patterns[f"^(?:min|max)[-_]{_described()}$"] = {"not": {}}
    return patterns


def _by_range() -> list[tuple[str, Metric]]:
    """A pattern for the spellings of all metrics with one range, and one metric of them."""
    groups: dict[tuple[float, float], list[Metric]] = {}
    for metric in METRICS.values():
        groups.setdefault((metric.low, metric.high), []).append(metric)
    numbered: dict[tuple[float, float], list[str]] = {}
    for family in FAMILIES:
        metric = family.of("", "1")
        pattern = "{}".join(_spelling(part) for part in family.spelling.split("{}"))
        numbered.setdefault((metric.low, metric.high), []).append(pattern.replace("{}", family.number))
    found = []
    for reach, metrics in groups.items():
        names = {metric.name for metric in metrics}
        spellings = sorted(names | {alias for alias, name in ALIASES.items() if name in names})
        patterns = [*(_spelling(name) for name in spellings), *numbered.get(reach, ())]
        found.append((f"(?:{'|'.join(patterns)})", metrics[0]))
    return found


def _described() -> str:
    return f"(?:{'|'.join(_spelling(name) for name in sorted(DESCRIBED))})"


def _spelling(name: str) -> str:
    parts = name.split("_at_")
    return "(?:[-_]at[-_]|@)".join(part.replace("_", "[-_]") for part in parts)


def _range(metric: Metric) -> Schema:
    bounds = {"minimum": metric.low, "maximum": metric.high}
    return {word: bound for word, bound in bounds.items() if math.isfinite(bound)}


def _scalar(shape: Shape) -> list[Schema]:
    if shape.kind == "text":
        return [{"type": "string", **_pattern(shape)}]
    if shape.kind == "choice":
        return [{"enum": [spelling for choice in shape.choices for spelling in _spellings(choice)]}]
    if shape.kind == "boolean":
        return [{"type": "boolean"}]
    if shape.kind == "value":
        return [{"type": ["string", "number", "boolean"]}]
    if shape.kind == "any":
        return [{}]
    if shape.kind == "date":
        return [{"type": "string", "pattern": f"^{DATE}$"}]
    if shape.kind == "duration":
        return [{"type": "string", "pattern": f"^{re.sub(r'[?]P<[a-z]+>', '?:', DURATION)}$"}]
    number: Schema = {"type": "integer" if shape.kind == "integer" else "number", **_bounds(shape)}
    return [number, {"type": "string", "pattern": f"^{ACCEPTED_PERCENT}$"}] if shape.kind == "tolerance" else [number]


def _pattern(shape: Shape) -> Schema:
    return {"pattern": f"^{shape.key.pattern}$"} if shape.key.pattern else {}


def _spellings(choice: str) -> tuple[str, ...]:
    other = choice.replace("-", "_") if "-" in choice else choice.replace("_", "-")
    return (choice,) if other == choice else (choice, other)


def _bounds(shape: Shape) -> Schema:
    words = ("exclusiveMinimum", "exclusiveMaximum") if shape.key.exclusive else ("minimum", "maximum")
    bounds = zip(words, (shape.key.minimum, shape.key.maximum), strict=True)
    return {word: bound for word, bound in bounds if bound is not None}
