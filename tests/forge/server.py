"""The loopback GitHub's front: who may ask, and what is judged."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from forge import permissions
from forge.contract import Contract
from forge.exchange import Answer, Refused, Request, unquoted
from forge.routing import OPERATIONS, REPO, Operation
from forge.state import State, Token
from forge.wire import Recorded, Traffic

ENTERPRISE = "/api/v3"


@dataclass
class Front:
    """Lets requests through to the operations, and judges both ways."""

    state: State
    contract: Contract
    traffic: Traffic
    server: str = ""
    blobs: str = ""
    lock: Any = field(default_factory=threading.RLock)
    name: str = "github.com"
    credentials: tuple[str, ...] = ("Authorization",)
    # Where another GitHub stands behind this one, it is asked beside the operation of ours.
    behind: Callable[[Request, Operation], Answer] = field(default=lambda request, operation: operation(request))

    @property
    def kept(self) -> Mapping[str, bytes]:
        """What the blob store holds."""
        return self.state.blobs

    def target(self, whole: str) -> str:
        """Path and query without the prefix of an enterprise server."""
        return whole.removeprefix(ENTERPRISE) if whole.startswith(ENTERPRISE + "/") else whole

    def unanswered(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> Recorded:
        """Write down a request that is not processed."""
        target = self.target(whole)
        found = self.contract.template_of(target.split("?")[0])
        return Recorded(method, target, found[0] if found else None, None, None, dict(headers), body, None, REPO)

    def answer(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Recorded]:
        """Answer a request and write it down."""
        target = self.target(whole)
        prefix = whole[: len(whole) - len(target)]
        found = self.contract.template_of(target.split("?")[0])
        token = self._token(headers)
        used = None
        known: Token | None = None
        try:
            if found is None:
                self._unknown(method, target)
            template, quoted = found or ("", {})
            problems = self.contract.request_problems(
                method, template, target, quoted, body, headers.get("Content-Type") or "application/json"
            )
            self.traffic.violations += problems
            if problems:
                raise Refused(422, "Not by the description: " + "; ".join(problems))
            known = self._known(token, headers)
            request = Request(
                self.state, method, self.server + prefix, self.server, self.blobs, target, template,
                unquoted(quoted), headers, body, known,
            )  # fmt: skip
            used = self._allowed(request)
            answer = self._answered(request)
        except Refused as refused:
            answer = refused.answer
        except Exception as broken:  # noqa: BLE001 - a bug of the loopback must not look like a fault of the network
            self.traffic.violations.append(f"{method} {target}: the loopback broke: {broken!r}")
            answer = Refused(500, "Server Error").answer
        self._judge(method, target, found, answer)
        name = found[0] if found else None
        recorded = Recorded(method, target, name, known, used, dict(headers), body, answer.status, REPO)
        return answer, recorded

    def _unknown(self, method: str, target: str) -> None:
        elsewhere = self.contract.is_known_elsewhere(target.split("?")[0])
        what = f"{elsewhere} is not served here" if elsewhere else "GitHub has no such path"
        self.traffic.violations.append(f"request {method} {target}: {what}")
        raise Refused(404, "Not Found")

    def _answered(self, request: Request) -> Answer:
        operation = OPERATIONS.get((request.method, request.template))
        if operation is None:
            self.traffic.violations.append(f"request {request.method} {request.template}: not served here")
            raise Refused(404, "Not Found")
        with self.lock:
            answer = self.behind(request, operation)
        answer.headers.setdefault("X-RateLimit-Limit", "5000")
        answer.headers.setdefault("X-RateLimit-Remaining", "4999")
        answer.headers.setdefault("X-GitHub-Media-Type", "github.v3; format=json")
        return answer

    def _judge(self, method: str, target: str, found: tuple[str, dict[str, str]] | None, answer: Answer) -> None:
        if found is not None and self.contract.operation(method, found[0]) is not None:
            sent = (answer.status, answer.media, answer.data())
            self.traffic.violations += self.contract.response_problems(method, found[0], target, found[1], sent)

    @staticmethod
    def _token(headers: Mapping[str, str]) -> str | None:
        found = re.fullmatch(r"(?i)(?:bearer|token) (\S+)", headers.get("Authorization") or "")
        return found[1] if found else None

    def _known(self, value: str | None, headers: Mapping[str, str]) -> Token | None:
        if not headers.get("User-Agent"):
            raise Refused(403, "Request forbidden by administrative rules. Please send a User-Agent header.")
        if headers.get("Authorization") and (value is None or value not in self.state.tokens):
            raise Refused(401, "Bad credentials")
        return self.state.tokens[value] if value else None

    def _allowed(self, request: Request) -> tuple[str, str] | None:
        """Which permission lets the request through; hidden repositories are not found, the rest is refused."""
        if "owner" not in request.values:
            return None
        repository, token = self.state.repositories.get(request.name), request.token
        reach = token is not None and (token.repositories is None or request.name in token.repositories)
        if repository is None or (repository.private and not reach):
            raise Refused(404, "Not Found")
        if token is None:
            if request.method != "GET":
                raise Refused(401, "Requires authentication")
            return None
        if not reach and request.method == "GET":
            return None
        used = permissions.granted(token.permissions, request.method, request.template) if reach else None
        if used is None:
            accepted = permissions.header(request.method, request.template)
            text = "Resource not accessible by " + ("integration" if token.app else "personal access token")
            raise Refused(403, text, {"X-Accepted-GitHub-Permissions": accepted})
        return used
