"""A command that is about to run: everything it needs, checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlci.config.resolve import Resolved
from mlci.surface.command import Command


@dataclass(frozen=True)
class Invocation:
    """A command that is about to run.

    Attributes:
        command: which one.
        own: its own parameters by their snake names, defaults filled in; None where nothing was given.
        resolved: the configuration that holds.
    """

    command: Command
    own: dict[str, Any]
    resolved: Resolved = field(repr=False)
