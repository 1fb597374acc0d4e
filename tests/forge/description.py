"""A published OpenAPI description as a judge of every request and every response."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class _Request:
    """A request as openapi-core wants to see one."""

    host_url: str
    path: str
    method: str
    body: bytes | None
    content_type: str
    parameters: Any


@dataclass(frozen=True)
class _Response:
    """A response as openapi-core wants to see one."""

    status_code: int
    headers: Mapping[str, str]
    content_type: str
    data: bytes


@dataclass
class Contract:
    """The operations that the loopback serves, and what the description says of them.

    Attributes:
        document: the description, cut down to the wanted paths.
        host: address that the description gives its paths below.
        templates: a pattern for every path, the ones with fewer placeholders first.
        elsewhere: the same for paths that the service has and the loopback has not.
        undocumented: whether an answer may be given that the description leaves out: method, template, status.
        excused: whether a value may be what the description forbids: where it is, and the error.
        unjudged: how media types begin whose bodies the description gives in words only.
        strict: whether names are refused that the description does not have in a query or a body.
    """

    document: dict[str, Any]
    core: Any
    host: str
    templates: list[tuple[re.Pattern[str], str]]
    elsewhere: list[tuple[re.Pattern[str], str]]
    undocumented: Callable[[str, str, int], bool]
    excused: Callable[[str, Any], bool]
    unjudged: str
    strict: bool = True

    def template_of(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The path's template and its placeholders as they stand in the address, still quoted; None where unknown."""
        return _match(self.templates, path)

    def is_known_elsewhere(self, path: str) -> str | None:
        """The template of a path that the service has and the loopback has not."""
        found = _match(self.elsewhere, path)
        return found[0] if found else None

    def operation(self, method: str, template: str) -> dict[str, Any] | None:
        """What the description says of an operation; None where it has no such one."""
        found: dict[str, Any] | None = self.document["paths"][template].get(method.lower())
        return found

    def request_problems(
        self, method: str, template: str, target: str, values: Mapping[str, str], body: bytes, media: str
    ) -> list[str]:
        """What is wrong with a request by the description; empty where nothing is."""
        if self.operation(method, template) is None:
            return [f"{method} {template}: the description has no such operation"]
        request = self._request(method, template, target, values, body, media)
        problems = [line for error in self.core.iter_request_errors(request) for line in self._told(error)]
        if self.strict:
            problems += self._unknown_query(method, template, target)
        problems += self._unknown_keys(method, template, body)
        return [f"request {method} {template}: {problem}" for problem in problems]

    def response_problems(
        self, method: str, template: str, target: str, values: Mapping[str, str], answer: tuple[int, str, bytes]
    ) -> list[str]:
        """What is wrong with an answer (status, media type, body) by the description; empty where nothing is."""
        status, media, data = answer
        operation = self.operation(method, template)
        documented = (operation or {}).get("responses", {})
        if str(status) not in documented:
            if self.undocumented(method.lower(), template, status):
                return []
            return [f"response {method} {template}: status {status} is not in the description"]
        if media.startswith(self.unjudged):
            return []
        response = _Response(status, {"Content-Type": media, "Location": "/"}, media.split(";")[0], data)
        request = self._request(method, template, target, values, b"", "")
        return [
            f"response {method} {template} {status}: {line}"
            for error in self.core.iter_response_errors(request, response)
            for line in self._told(error)
        ]

    def _request(
        self, method: str, template: str, target: str, values: Mapping[str, str], body: bytes, media: str
    ) -> _Request:
        # openapi-core matches one segment per placeholder; several (contents/a/b) are put into one.
        path = template
        for name, value in values.items():
            path = path.replace("{" + name + "}", value.replace("/", "~"))
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        parameters = RequestParameters(
            query=ImmutableMultiDict([(name, value) for name, found in query.items() for value in found]),
            header=Headers(),
            cookie=ImmutableMultiDict(),
        )
        return _Request(self.host, path, method.lower(), body or None, media.split(";")[0].lower(), parameters)

    def _unknown_query(self, method: str, template: str, target: str) -> list[str]:
        known = {
            parameter["name"]
            for parameter in self._parameters(method, template)
            if parameter["in"] == "query"
        }  # fmt: skip
        asked = parse_qs(urlsplit(target).query, keep_blank_values=True)
        return [f"query has no parameter {name!r}" for name in asked if name not in known]

    def _parameters(self, method: str, template: str) -> list[dict[str, Any]]:
        operation = self.operation(method, template) or {}
        return [self._resolved(parameter) for parameter in operation.get("parameters", ())]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _unknown_keys(self, method: str, template: str, body: bytes) -> list[str]:
        operation = self.operation(method, template) or {}
        if "requestBody" not in operation:
            return ["no body is expected"] if body else []
        try:
            sent = json.loads(body) if body else {}
        except ValueError:
            return ["the body is not JSON"]
        if not self.strict:
            return []
        content = self._resolved(operation["requestBody"]).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        return [f"body has no key {key}" for key in self._strangers(sent, schema, "")]

    def _strangers(self, value: Any, schema: dict[str, Any], at: str) -> list[str]:
        schema = self._resolved(schema)
        if isinstance(value, list):
            return [key for item in value for key in self._strangers(item, schema.get("items", {}), f"{at}[]")]
        if not isinstance(value, dict):
            return []
        known = dict(schema.get("properties", {}))
        for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
            known.update(self._resolved(part).get("properties", {}))
        if not known:
            return []
        found = [f"{at}.{key}".lstrip(".") for key in value if key not in known]
        for key in value.keys() & known.keys():
            found += self._strangers(value[key], known[key], f"{at}.{key}")
        return found

    def _told(self, error: BaseException) -> list[str]:
        """An error of openapi-core with those beneath it, a line each; empty where they are all excused."""
        beneath, said = False, []
        cause: BaseException | None = error
        while cause is not None:
            for inner in getattr(cause, "schema_errors", ()) or ():
                beneath = True
                place = "/".join(str(step) for step in inner.absolute_path)
                if not self.excused(place, inner):
                    said.append(f"{place or 'the whole'}: {inner.message[:200]}")
            cause = cause.__cause__
        return said if beneath else [str(error)[:300]]


def _match(templates: Sequence[tuple[re.Pattern[str], str]], path: str) -> tuple[str, dict[str, str]] | None:
    for pattern, template in templates:
        found = pattern.fullmatch(path)
        if found:
            return template, {name[2:]: value for name, value in found.groupdict().items()}
    return None


def pattern(template: str, multi: frozenset[str] = frozenset()) -> re.Pattern[str]:
    """What paths of a template look like; these placeholders take several segments."""

    def group(found: re.Match[str]) -> str:
        return f"(?P<p_{found[1]}>{'.+' if found[1] in multi else '[^/]+'})"

    return re.compile(re.sub(r"\\{(\w+)\\}", group, re.escape(template)))


def in_order(
    templates: Sequence[str], multi: Callable[[str], frozenset[str]] = lambda _: frozenset()
) -> list[tuple[re.Pattern[str], str]]:
    """Patterns of templates, the ones with fewer placeholders first."""
    ordered = sorted(templates, key=lambda template: (template.count("{"), -len(template)))
    return [(pattern(each, multi(each)), each) for each in ordered]
