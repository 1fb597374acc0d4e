"""Which function answers which operation."""

from __future__ import annotations

from collections.abc import Callable

from forge.exchange import Answer, Request

Operation = Callable[[Request], Answer]
OPERATIONS: dict[tuple[str, str], Operation] = {}
REPO = "/repos/{owner}/{repo}"


def serves(method: str, template: str) -> Callable[[Operation], Operation]:
    """Register a function for an operation, by its path below the repository's (or from the root, after a slash)."""
    whole = template.removeprefix("/") if template.startswith("//") else REPO + template

    def register(operation: Operation) -> Operation:
        OPERATIONS[method, whole] = operation
        return operation

    return register
