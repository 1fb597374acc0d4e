"""Answers in the shape that the description asks for: its required fields, empty, and ours on top."""

from __future__ import annotations

import functools
from typing import Any

from forge.contract import whole_document


def shaped(schema: str, base: str, /, **fields: Any) -> dict[str, Any]:
    """An object of a named schema: what it requires, filled in blandly, with these fields over it.

    Args:
        schema: its name under components/schemas.
        base: API base address that addresses in it begin with.
        fields: what the object says; ``_links`` and other odd names go in as they are.

    Raises:
        KeyError: the schema has no such field.
    """
    known = _properties(schema)
    strange = fields.keys() - known
    if strange:
        raise KeyError(f"{schema} has no {', '.join(sorted(strange))}")
    made: dict[str, Any] = _bland({"$ref": f"#/components/schemas/{schema}"}, base, 0)
    made.update(fields)
    return made


@functools.cache
def _properties(schema: str) -> frozenset[str]:
    node = whole_document()["components"]["schemas"][schema]
    return frozenset(_merged(node)["properties"])


def _merged(node: dict[str, Any]) -> dict[str, Any]:
    """A schema with its references followed, its allOf joined, and the first of its alternatives taken."""
    schemas = whole_document()["components"]["schemas"]
    while "$ref" in node:
        node = schemas[node["$ref"].rsplit("/", 1)[1]]
    alternatives = node.get("oneOf") or node.get("anyOf")
    if alternatives and not any(part.keys() == {"required"} for part in alternatives):
        first = _merged(alternatives[0])
        node = {**first, **{key: value for key, value in node.items() if key not in ("oneOf", "anyOf")}}
    if "allOf" in node:
        joined: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        for part in node["allOf"]:
            one = _merged(part)
            joined["properties"].update(one.get("properties", {}))
            joined["required"] += one.get("required", [])
        node = {**joined, "nullable": node.get("nullable", False)}
    return node


_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "uri": "{base}/",
    "email": "nobody@example.com",
    "date": "2026-01-01",
}


def _bland(node: dict[str, Any], base: str, depth: int) -> Any:
    merged = _merged(node)
    # A bare null says least; the outermost object is never null.
    if depth and (merged.get("nullable") or node.get("nullable")):
        return None
    if "enum" in merged:
        return merged["enum"][0]
    kind = merged.get("type")
    if kind == "object" or "properties" in merged:
        known = merged.get("properties", {})
        return {name: _bland(known.get(name, {}), base, depth + 1) for name in merged.get("required", ())}
    if kind == "string":
        return _FORMATS.get(merged.get("format", ""), "").replace("{base}", base)
    return {"array": [], "integer": 0, "number": 0, "boolean": False}.get(kind or "")
