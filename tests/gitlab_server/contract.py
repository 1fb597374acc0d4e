"""GitLab's published description as a judge, with what it lacks put in: it is old, and says little of many bodies.

What an operation's table (``gitlab_server.routing``) says is held beside the description: parameters that the table
does not know are violations, with a word on whether the description knows them, and a body has to have both shapes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from forge.contract import description_file
from forge.description import Contract, in_order

from gitlab_server.routing import PAGES, Route

FILE = "gitlab-15.0.openapi.yml"
HOST = "https://gitlab.example.com"
ERRORS = frozenset({400, 401, 403, 404, 405, 409, 410, 422, 429, 500, 502, 503})

# Properties that the description gives the wrong type, and the source that says otherwise.
WRONG: Mapping[str, Mapping[str, Any]] = {
    "noteable_iid": {"type": "integer"},  # lib/api/entities/note.rb
    "coverage": {"type": "number"},  # lib/api/entities/commit_status.rb
    "approvals_before_merge": {"type": "integer"},  # ee/lib/ee/api/entities/merge_request_basic.rb
    "discussion_locked": {"type": "boolean"},  # lib/api/entities/merge_request_basic.rb
    "closed_by": {"type": "object"},
    "runner": {"type": "object"},  # lib/api/entities/ci/job.rb
}


@dataclass
class Judge:
    """The description with the tables of the operations in it.

    Attributes:
        contract: what openapi-core asks.
        known: parameters of the published description, by method and template.
    """

    contract: Contract
    known: Mapping[tuple[str, str], frozenset[str]]

    def request_problems(
        self, route: Route, target: str, values: Mapping[str, str], body: bytes, media: str
    ) -> list[str]:
        """What is wrong with a request; empty where nothing is."""
        if route.free:
            return []
        problems = self.contract.request_problems(route.method, route.template, target, values, body, media)
        asked = {name.removesuffix("[]") for name, _ in parse_qsl(urlsplit(target).query, keep_blank_values=True)}
        # Links to further pages repeat the placeholders of the path.
        strange = asked - route.query.keys() - route.body.keys() - values.keys()
        return problems + self._strange(route, "query", strange)

    def body_problems(self, route: Route, sent: Mapping[str, Any]) -> list[str]:
        """Names in a body that nobody knows; GitLab itself ignores them."""
        return [] if route.free else self._strange(route, "body", sent.keys() - route.body.keys())

    def _strange(self, route: Route, where: str, names: Iterable[str]) -> list[str]:
        said = []
        for name in sorted(names):
            why = "is not modelled here" if name in self.known.get((route.method, route.template), ()) else "is unknown"
            said.append(f"request {route.method} {route.template}: {where} {name!r} {why} (see {route.source})")
        return said

    def response_problems(
        self, route: Route, target: str, values: Mapping[str, str], answer: tuple[int, str, bytes]
    ) -> list[str]:
        """What is wrong with an answer; empty where nothing is."""
        return self.contract.response_problems(route.method, route.template, target, values, answer)


@functools.lru_cache(maxsize=1)
def whole_document() -> dict[str, Any]:
    """The description as it was published (1.3 MB of YAML); read once.

    Raises:
        FileNotFoundError: it is not there; the file is named.
    """
    import yaml

    with description_file(FILE).open("rb") as file:
        document: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return document


@functools.lru_cache(maxsize=4)
def judge_for(routes: frozenset[Route]) -> Judge:
    """The description cut down to these operations, with their tables put in."""
    from openapi_core import Config, OpenAPI

    document = whole_document()
    paths: dict[str, Any] = {}
    known = {}
    for route in routes:
        method = route.method.lower()
        published = document["paths"].get(route.template, {}).get(method)
        known[route.method, route.template] = _names(document, published) if published else frozenset()
        paths.setdefault(route.template, {})[method] = _merged(published, route)
    schemas = {name: _mended(schema) for name, schema in document["components"]["schemas"].items()}
    cut = {
        "openapi": document["openapi"], "info": document["info"], "servers": [{"url": HOST}], "paths": paths,
        "components": {**document["components"], "schemas": schemas},
    }  # fmt: skip
    core = OpenAPI.from_dict(cut, config=Config(spec_validator_cls=None))
    others = [template for template in document["paths"] if template not in paths]
    contract = Contract(
        document=cut, core=core, host=HOST, templates=in_order(list(paths)), elsewhere=in_order(others),
        undocumented=_undocumented, excused=_excused, unjudged="text/",
        strict=False,
    )  # fmt: skip
    return Judge(contract, known)


def _undocumented(method: str, template: str, status: int) -> bool:
    """The description has no refusals at all."""
    return status in ERRORS


def _excused(place: str, error: Any) -> bool:
    """The description knows no null; where ours does, it says so, and its own shape forbids it elsewhere."""
    return error.instance is None and not error.schema.get("x-ours")


def _names(document: dict[str, Any], operation: dict[str, Any]) -> frozenset[str]:
    """Parameters that the description has for an operation."""
    names = {each["name"].removesuffix("[]") for each in operation.get("parameters", ())}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        names |= schema.get("properties", {}).keys()
    return frozenset(names | PAGES.keys())


def _merged(published: dict[str, Any] | None, route: Route) -> dict[str, Any]:
    """An operation of the description with the table's parameters, statuses and shapes."""
    made: dict[str, Any] = {"parameters": [], "responses": {}}
    for name in sorted(set(_placeholders(route.template))):
        made["parameters"].append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
    for name, schema in route.query.items():
        # Every parameter may stand in the query or in the body, so that neither place can insist on it.
        suffix = "[]" if schema.get("type") == "array" else ""
        made["parameters"].append({"name": name + suffix, "in": "query", "schema": dict(schema)})
    if route.body:
        body = {"type": "object", "properties": {name: dict(schema) for name, schema in route.body.items()}}
        made["requestBody"] = {"content": {"application/json": {"schema": body}}}
    shapes = [_published_shape(published), _ours(route.shape)]
    told = [shape for shape in shapes if shape is not None]
    response: dict[str, Any] = {"description": route.source}
    if told and route.status != 204:
        response["content"] = {"application/json": {"schema": told[0] if len(told) == 1 else {"allOf": told}}}
    made["responses"][str(route.status)] = response
    return made


def _placeholders(template: str) -> Iterable[str]:
    return (part.strip("{}") for part in template.split("/") if part.startswith("{"))


def _published_shape(published: dict[str, Any] | None) -> dict[str, Any] | None:
    content = (published or {}).get("responses", {}).get("200", {}).get("content", {})
    schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return schema


def _ours(shape: Any) -> Any:
    """A shape of ours, marked, so that its word on null holds."""
    if isinstance(shape, Mapping):
        marked = {key: _ours(value) if key != "enum" else value for key, value in shape.items()}
        return {**marked, "x-ours": True} if "type" in marked else marked
    return [_ours(each) for each in shape] if isinstance(shape, list) else shape


def _mended(schema: Any) -> Any:
    """A schema of the description without the types that are known to be wrong."""
    if not isinstance(schema, dict):
        return schema
    mended = dict(schema)
    if "properties" in mended:
        inner = mended["properties"].items()
        mended["properties"] = {name: dict(WRONG[name]) if name in WRONG else _mended(held) for name, held in inner}
    if "items" in mended:
        mended["items"] = _mended(mended["items"])
    return mended
