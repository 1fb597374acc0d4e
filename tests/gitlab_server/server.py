"""The loopback GitLab's front: who may ask, what is judged, and in which words it is refused."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from forge.exchange import Answer
from forge.wire import Recorded, Traffic

from gitlab_server import access, smart
from gitlab_server.access import Caller
from gitlab_server.contract import Judge
from gitlab_server.exchange import JSON, Refused, Request, forbidden, invalid
from gitlab_server.routing import OPERATIONS, PROJECT, Route, Schema
from gitlab_server.state import State

API = "/api/v4"
GRAPH = "/api/graphql"
# Where an installation lives below a folder of its host (external_url "https://example.com/gitlab").
RELATIVE = "/gitlab"
IN_ADDRESS = frozenset({"private_token", "job_token", "access_token"})


@dataclass(frozen=True)
class _Asked:
    """A request as it came."""

    method: str
    target: str
    prefix: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Front:
    """Lets requests through to the operations, and judges both ways.

    Attributes:
        server: address of the listener, which addresses in answers begin with.
        quota: headers about the rate limit that every answer carries.
    """

    state: State
    judge: Judge
    traffic: Traffic
    server: str = ""
    quota: dict[str, str] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    name: str = "nginx"
    credentials: tuple[str, ...] = ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN", "Cookie")

    @property
    def kept(self) -> Mapping[str, bytes]:
        """What the object store holds."""
        return self.state.blobs

    def target(self, whole: str) -> str:
        """Path and query below the API's address."""
        if whole in (GRAPH, RELATIVE + GRAPH):
            return "/graphql"
        for prefix in (API, RELATIVE + API):
            if whole.startswith(prefix + "/"):
                return whole.removeprefix(prefix)
        return whole

    def unanswered(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> Recorded:
        """Write down a request that is not processed."""
        target = self.target(whole)
        found = self.judge.contract.template_of(target.split("?")[0])
        return Recorded(method, target, found[0] if found else None, None, None, dict(headers), body, None, PROJECT)

    def answer(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Recorded]:
        """Answer a request and write it down."""
        target = self.target(whole)
        # Not one at a time: git itself sees to it that of two pushes one is late.
        spoken = smart.answer(self.state, method, whole.removeprefix(RELATIVE), headers, body)
        if spoken is not None:
            return spoken, Recorded(method, whole, None, None, None, dict(headers), body, spoken.status, PROJECT)
        asked = _Asked(method, target, whole[: len(whole) - len(target)], headers, body)
        found = self.judge.contract.template_of(target.split("?")[0]) if target != whole else None
        route = OPERATIONS.get((method, found[0])) if found else None
        who, used = Caller(), None
        try:
            if route is None or found is None:
                self._unknown(asked, found[0] if found else None)
                raise AssertionError("unreachable")
            self.traffic.violations += self._misplaced(asked)
            self.traffic.violations += self.judge.request_problems(
                route, target, found[1], body, headers.get("Content-Type") or JSON
            )
            with self.lock:
                who = access.caller(self.state, route, headers)
                used = (route.access.ability, who.token.kind) if who.token else None
                answer = self._answered(route, asked, found[1], who)
        except Refused as refused:
            answer = refused.answer
        except Exception as broken:  # noqa: BLE001 - a bug of the loopback must not look like a fault of the network
            self.traffic.violations.append(f"{method} {target}: the loopback broke: {broken!r}")
            answer = Answer(500, {"message": "500 Internal Server Error"}, {}, JSON)
        self._judge(route, target, found[1] if found else {}, answer)
        answer.headers = {"X-Request-Id": "01LOOPBACK", **self.quota, **answer.headers}
        name = found[0] if found else None
        return answer, Recorded(method, target, name, who.token, used, dict(headers), body, answer.status, PROJECT)

    def _unknown(self, asked: _Asked, template: str | None) -> None:
        path = asked.target.split("?")[0]
        elsewhere = template or self.judge.contract.is_known_elsewhere(path)
        what = f"{elsewhere} is not served here" if elsewhere else "GitLab has no such path"
        self.traffic.violations.append(f"request {asked.method} {asked.target}: {what}")
        if template is not None:
            raise Refused(405, {"error": "405 Not Allowed"})
        raise Refused(404, {"error": "404 Not Found"})

    @staticmethod
    def _misplaced(asked: _Asked) -> list[str]:
        names = {name for name, _ in parse_qsl(urlsplit(asked.target).query)}
        told = [f"request {asked.method}: a token in the address ({name})" for name in sorted(names & IN_ADDRESS)]
        if sum(bool(asked.headers.get(name)) for name in ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN")) > 1:
            told.append(f"request {asked.method} {asked.target}: more than one token")
        return told

    def _answered(self, route: Route, asked: _Asked, quoted: Mapping[str, str], who: Caller) -> Answer:
        if route.access.signed_in and who.user is None:
            raise Refused(401, {"message": "401 Unauthorized"})
        values = {name: unquote(value) for name, value in quoted.items()}
        params = {} if route.free else self._params(route, asked)
        server = self.server + asked.prefix.removesuffix(API)
        request = Request(
            self.state, route.method, server + API, server, self.state.object_store, asked.target, route.template,
            values, params, asked.headers, asked.body, who.token, who.user, violations=self.traffic.violations,
        )  # fmt: skip
        if route.template.startswith(PROJECT):
            project = access.visible(self.state.project(values["id"]), who)
            request.project_found, request.level = project, access.level(project, who)
            if not access.allowed(project, who, route.access.ability):
                raise forbidden()
        return route.operation(request)

    def _params(self, route: Route, asked: _Asked) -> dict[str, Any]:
        """Parameters of query and body, of the types that the table gives them; others are left out."""
        sent = _query(asked.target)
        if asked.body:
            body = _body(asked)
            self.traffic.violations += self.judge.body_problems(route, body)
            sent |= body
        table = route.params
        params = {name: _typed(name, value, table[name]) for name, value in sent.items() if name in table}
        missing = [name for name in route.required if params.get(name) is None]
        if missing:
            problem = ", ".join(f"{name} is missing" for name in missing)
            self.traffic.violations.append(f"request {route.method} {route.template}: {problem}")
            raise invalid(problem)
        return params

    def _judge(self, route: Route | None, target: str, values: Mapping[str, str], answer: Answer) -> None:
        if route is None:
            return
        if answer.status >= 400 and not route.free and not isinstance(answer.body, bytes):
            if not isinstance(answer.body, dict) or not {"message", "error"} & answer.body.keys():
                self.traffic.violations.append(f"response {route.method} {route.template}: an error without words")
            return
        if answer.media == JSON or answer.status == 204:
            sent = (answer.status, answer.media, answer.data())
            self.traffic.violations += self.judge.response_problems(route, target, values, sent)


def _query(target: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(urlsplit(target).query, keep_blank_values=True):
        if name.endswith("[]"):
            found.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            found[name] = value
    return found


def _body(asked: _Asked) -> dict[str, Any]:
    media = (asked.headers.get("Content-Type") or "").split(";")[0]
    if media == "application/x-www-form-urlencoded":
        return _query("?" + asked.body.decode())
    try:
        body = json.loads(asked.body)
    except ValueError:
        raise Refused(400, {"message": "The message body does not match the declared format"}) from None
    if not isinstance(body, dict):
        raise Refused(400, {"error": "The message body is no object"})
    return body


def _typed(name: str, value: Any, schema: Schema) -> Any:
    """A parameter as Grape makes it of what was sent.

    Raises:
        Refused: it cannot be made.
    """
    if value is None:
        return None
    kind = schema["type"]
    if kind == "array":
        return [_typed(name, each, schema["items"]) for each in (value if isinstance(value, list) else [value])]
    made = {"integer": _whole, "number": _real, "boolean": _yes}.get(kind, _text)(value)
    if made is None:
        raise invalid(f"{name} is invalid")
    if "enum" in schema and made not in schema["enum"]:
        raise invalid(f"{name} does not have a valid value")
    return made


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if isinstance(value, (dict, list)) else str(value)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
        return None
    return int(value)


def _real(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _yes(value: Any) -> bool | None:
    return {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}.get(str(value).casefold())
