"""GitLab's GraphQL API, for the few facts that its REST API does not tell."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from mlci.adapters.gitlab.api import Access
from mlci.adapters.oneline import one_line
from mlci.errors import ServiceRefused

T = TypeVar("T")


class _Problem(msgspec.Struct):
    message: str = ""


class _Reply(msgspec.Struct, Generic[T]):
    data: T | None = None
    errors: list[_Problem] = []


class Page(msgspec.Struct, rename="camel"):
    """Whether a list goes on, and from where."""

    has_next_page: bool
    end_cursor: str | None = None


def number_of(name: str, kind: str) -> int | None:
    """The number in a global name such as gid://gitlab/User/12; None where it is the name of something else."""
    prefix, _, number = name.rpartition("/")
    return int(number) if prefix == f"gid://gitlab/{kind}" and number.isdecimal() and len(number) < 19 else None


def ask(access: Access, query: str, variables: dict[str, str | None], shape: type[T]) -> T:
    """Ask; only reads, so that it may be asked again when the answer is lost.

    Raises:
        ServiceFailed: no usable answer after bounded retries.
        ServiceRefused: there is no token that may, or something is wrong with what was asked.
    """
    if access.graph is None:
        raise ServiceRefused("GitLab's GraphQL API does not take the token of a job")
    body = {"query": query, "variables": variables}
    reply: _Reply[T] = access.graph.post("/graphql", body, shape=_Reply[shape], again=True)  # type: ignore[valid-type]
    if reply.errors or reply.data is None:
        said = reply.errors[0].message if reply.errors else "no data"
        raise ServiceRefused(f"POST /graphql: {one_line(said, 200)}")
    return reply.data
