"""Questions that may go without an answer, where the rest of the answers is worth having all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mlci.adapters.oneline import one_line
from mlci.errors import ServiceRefused

T = TypeVar("T")
Topic = TypeVar("Topic", bound=str)


def asked(unknown: dict[Topic, str], topic: Topic, ask: Callable[[], T]) -> T | None:
    """An answer; None where it was refused, and then why under its topic in ``unknown``."""
    try:
        return ask()
    except ServiceRefused as refused:
        unknown[topic] = one_line(refused.cause, 200)
        return None
