"""Which function answers which operation, what may be asked of it, and who may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge.exchange import Answer

from gitlab_server.exchange import Request

Operation = Callable[[Request], Answer]
Schema = Mapping[str, Any]
PROJECT = "/projects/{id}"

# Parameters, as a description would write them.
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
NUMBERS: Schema = {"type": "array", "items": NUMBER}
PAGES: Mapping[str, Schema] = {"page": NUMBER, "per_page": NUMBER}


def one_of(*words: str) -> Schema:
    """A parameter with these values."""
    return {"type": "string", "enum": list(words)}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        ability: what the role in the project has to allow; see ``gitlab_server.access``.
        signed_in: nobody may ask anonymously (``before { authenticate! }`` in GitLab's source).
        job_token: a job's token is looked at; where it is not, it is as if none had been sent.
        scopes: of personal tokens that suffice besides api and, for reading, read_api; None takes any scope.
    """

    ability: str = "read_project"
    signed_in: bool = False
    job_token: bool = False
    scopes: tuple[str, ...] | None = ()


@dataclass(frozen=True, eq=False)
class Route:
    """An operation.

    Attributes:
        source: where GitLab says what is known here: a file of its source or a page of docs.gitlab.com.
        query, body: parameters that are known here; another is a violation.
        required: those without which the answer is 400.
        status: of an answer that says yes.
        shape: of its body; None where the published description says all, or it is no JSON.
        free: any parameters are taken, and the operation judges the body itself.
    """

    method: str
    template: str
    operation: Operation
    source: str
    access: Access
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    status: int = 200
    shape: Schema | None = None
    free: bool = False

    @property
    def params(self) -> dict[str, Schema]:
        """All parameters, by name."""
        return {**self.query, **self.body}


OPERATIONS: dict[tuple[str, str], Route] = {}


def serves(
    method: str,
    template: str,
    source: str,
    access: Access,
    *,
    query: Mapping[str, Schema] | None = None,
    body: Mapping[str, Schema] | None = None,
    required: Sequence[str] = (),
    status: int | None = None,
    shape: Schema | None = None,
    free: bool = False,
) -> Callable[[Operation], Operation]:
    """Register a function for an operation, by its path below the project's (or from the root, after a slash).

    A module of further operations is registered by being imported before a GitLab is made.
    """
    whole = template.removeprefix("/") if template.startswith("//") else PROJECT + template
    usual = {"POST": 201, "DELETE": 204}.get(method, 200)

    def register(operation: Operation) -> Operation:
        OPERATIONS[method, whole] = Route(
            method, whole, operation, source, access, dict(query or {}), dict(body or {}), tuple(required),
            status or usual, shape, free,
        )  # fmt: skip
        return operation

    return register
